/* The streaming hasher, under any splits, levels and questions on the way, against the plain one at once. */
#include "fuzz.h"

static void init(rfp_hasher *hasher, size_t mode, const uint8_t *text)
{
    if (mode % 3 == 0)
        rfp_hasher_init(hasher);
    else if (mode % 3 == 1)
        rfp_hasher_init_keyed(hasher, text);
    else
        rfp_hasher_init_derive_key(hasher, text, mode);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
    feed f = {data, bytes};
    size_t mode = take(&f, 1), most, total = 0;
    const uint8_t *text = make_text(&f, &most) + take(&f, 1) % 64;
    uint8_t digest[RFP_DIGEST_BYTES], expected[RFP_DIGEST_BYTES];
    rfp_hasher hasher, other;

    most -= 64;
    init(&hasher, mode, text);
    for (size_t steps = take(&f, 1) % 32; steps > 0; steps--) {
        size_t kind = take(&f, 1), part = take(&f, 1 + kind % 3) % (most - total + 1);
        force_some_level(kind / 4);
        rfp_hasher_update(&hasher, text + total, part);
        total += part;
        if (kind % 2 == 0)
            rfp_hasher_finish(&hasher, digest);
    }
    rfp_hasher_finish(&hasher, digest);
    CHECK(rfp_blake3_force_level(RFP_LEVEL_PORTABLE) == RFP_OK);
    init(&other, mode, text);
    rfp_hasher_update(&other, text, total);
    rfp_hasher_finish(&other, expected);
    CHECK(memcmp(digest, expected, sizeof digest) == 0);
    if (mode % 3 == 0) {
        CHECK(rfp_blake3_force_level(RFP_LEVEL_BEST) == RFP_OK);
        rfp_bytes_hash(text, total, digest);
        CHECK(memcmp(digest, expected, sizeof digest) == 0);
    }
    return 0;
}
