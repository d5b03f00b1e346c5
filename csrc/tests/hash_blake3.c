/* Every level against vectors of another implementation, at once, streamed and in batches. */
#include "check.h"

#include "blake3_vectors.h"

enum { COUNT = sizeof VECTORS / sizeof *VECTORS };

static const char KEY[] = "whats the Elvish word for friend";
static const char CONTEXT[] = "BLAKE3 2019-12-27 16:29:52 test vectors context";
static uint8_t *input;

static bool is_digest(const uint8_t digest[RFP_DIGEST_BYTES], const char *expected)
{
    return memcmp(digest, expected, RFP_DIGEST_BYTES) == 0;
}

static void test_modes(void)
{
    uint8_t digest[RFP_DIGEST_BYTES];
    rfp_hasher hasher;

    for (size_t i = 0; i < COUNT; i++) {
        const struct vector *v = &VECTORS[i];
        rfp_bytes_hash(input, v->bytes, digest);
        CHECK(is_digest(digest, v->hash));
        rfp_hasher_init_keyed(&hasher, (const uint8_t *)KEY);
        rfp_hasher_update(&hasher, input, v->bytes);
        rfp_hasher_finish(&hasher, digest);
        CHECK(is_digest(digest, v->keyed));
        rfp_hasher_init_derive_key(&hasher, CONTEXT, strlen(CONTEXT));
        rfp_hasher_update(&hasher, input, v->bytes);
        rfp_hasher_finish(&hasher, digest);
        CHECK(is_digest(digest, v->derived));
    }
}

/* Add input in pieces, and ask for the digest on the way: that must not disturb what follows. */
static void stream(const struct vector *v, uint64_t *random, size_t most)
{
    uint8_t digest[RFP_DIGEST_BYTES];
    rfp_hasher hasher;

    rfp_hasher_init(&hasher);
    for (size_t done = 0; done < v->bytes;) {
        size_t part = (size_t)(next_random(random) % most);
        if (part > v->bytes - done)
            part = v->bytes - done;
        rfp_hasher_update(&hasher, input + done, part);
        done += part;
        if (part % 7 == 0)
            rfp_hasher_finish(&hasher, digest);
    }
    rfp_hasher copy = hasher;
    rfp_hasher_finish(&copy, digest);
    CHECK(is_digest(digest, v->hash));
}

static void test_streaming(void)
{
    uint64_t random = 1;

    for (size_t i = 0; i < COUNT; i++) {
        if (VECTORS[i].bytes < 70000)
            stream(&VECTORS[i], &random, 70);
        stream(&VECTORS[i], &random, 3000);
        stream(&VECTORS[i], &random, 200000);
    }
}

/* All vectors together, in an order that mixes lengths, from unaligned addresses. */
static void test_batch(void)
{
    rfp_span spans[3 * COUNT];
    size_t which[3 * COUNT];
    uint8_t digests[3 * COUNT * RFP_DIGEST_BYTES];
    uint64_t random = 2;

    for (size_t i = 0; i < sizeof which / sizeof *which; i++) {
        which[i] = (size_t)(next_random(&random) % COUNT);
        spans[i] = (rfp_span){input, VECTORS[which[i]].bytes};
    }
    rfp_batch_hash(spans, 3 * (size_t)COUNT, digests);
    for (size_t i = 0; i < sizeof which / sizeof *which; i++)
        CHECK(is_digest(digests + i * RFP_DIGEST_BYTES, VECTORS[which[i]].hash));
    rfp_batch_hash(NULL, 0, NULL);
}

/* Each length up to nine chunks, alone and beside others: all fills of the lanes. */
static void test_small_lengths(void)
{
    enum { SPANS = 11 };
    uint8_t digests[SPANS * RFP_DIGEST_BYTES];
    uint8_t digest[RFP_DIGEST_BYTES];
    rfp_span spans[SPANS];
    uint64_t random = 3;

    for (size_t bytes = 0; bytes <= 9300; bytes += 31) {
        for (size_t i = 0; i < SPANS; i++)
            spans[i] = (rfp_span){input + i, i == 5 ? bytes : (size_t)(next_random(&random) % 5000)};
        rfp_batch_hash(spans, SPANS, digests);
        for (size_t i = 0; i < SPANS; i++) {
            rfp_hasher hasher;
            rfp_hasher_init(&hasher);
            for (size_t at = 0; at < spans[i].bytes; at++)
                rfp_hasher_update(&hasher, (const uint8_t *)spans[i].data + at, 1);
            rfp_hasher_finish(&hasher, digest);
            CHECK(memcmp(digest, digests + i * RFP_DIGEST_BYTES, RFP_DIGEST_BYTES) == 0);
        }
    }
}

static void test_level(void)
{
    test_modes();
    test_streaming();
    test_batch();
    test_small_lengths();
}

int main(void)
{
    input = make_input(VECTORS[COUNT - 1].bytes);
    /* NOLINTBEGIN(clang-analyzer-optin.core.EnumCastOutOfRange): what the test is about */
    CHECK(rfp_blake3_force_level((rfp_level)99) == RFP_ERR_ARGUMENT);
    CHECK(strcmp(rfp_strerror((rfp_status)12345), "unknown status") == 0);
    /* NOLINTEND(clang-analyzer-optin.core.EnumCastOutOfRange) */
    for_each_level(test_level);
    free(input);
    return 0;
}
