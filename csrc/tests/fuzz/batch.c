/* Batches of any lengths, at any level, against one by one at the plain level. */
#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
    enum { SPANS = 64 };
    static uint8_t digests[SPANS * RFP_DIGEST_BYTES];
    feed f = {data, bytes};
    rfp_span spans[SPANS];
    size_t most;
    const uint8_t *text = make_text(&f, &most);
    size_t level = take(&f, 1), count = take(&f, 1) % SPANS;

    for (size_t i = 0; i < count; i++) {
        size_t kind = take(&f, 1);
        spans[i].data = text + take(&f, 1);
        spans[i].bytes = kind % 8 == 0 ? take(&f, 3) % (most - 256) : take(&f, 2) % (UINT32_C(1) << kind % 15);
    }
    force_some_level(level);
    rfp_batch_hash(spans, count, digests);
    CHECK(rfp_blake3_force_level(RFP_LEVEL_PORTABLE) == RFP_OK);
    for (size_t i = 0; i < count; i++) {
        uint8_t expected[RFP_DIGEST_BYTES];
        rfp_bytes_hash(spans[i].data, spans[i].bytes, expected);
        CHECK(memcmp(digests + i * RFP_DIGEST_BYTES, expected, sizeof expected) == 0);
    }
    return 0;
}
