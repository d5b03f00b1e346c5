/* Whole inputs at every level against the plain one: unaligned, of lengths about all boundaries, keyed and
 * derived, at once and streamed, in batches; and a hasher that goes on from a copy. */
#include "check.h"

static const uint8_t KEY[RFP_KEY_BYTES] = "an example key of 32 bytes, yes";
static uint8_t *input;

typedef struct digests {
    uint8_t plain[RFP_DIGEST_BYTES], keyed[RFP_DIGEST_BYTES], derived[RFP_DIGEST_BYTES];
} digests;

static void hash_all(const uint8_t *data, size_t bytes, digests *result)
{
    rfp_hasher hasher;

    rfp_bytes_hash(data, bytes, result->plain);
    rfp_hasher_init_keyed(&hasher, KEY);
    rfp_hasher_update(&hasher, data, bytes);
    rfp_hasher_finish(&hasher, result->keyed);
    rfp_hasher_init_derive_key(&hasher, "context", 7);
    rfp_hasher_update(&hasher, data, bytes);
    rfp_hasher_finish(&hasher, result->derived);
}

/* Lengths: one below, at and above each power of two up to 256 KiB, and what fills no lane evenly. */
static size_t list_lengths(size_t lengths[80])
{
    size_t count = 0;

    lengths[count++] = 0;
    for (size_t power = 1; power <= (size_t)256 * 1024; power *= 2)
        for (size_t i = 0; i < 3; i++)
            lengths[count++] = power - 1 + i;
    for (size_t chunks = 3; chunks < 40; chunks += 4)
        lengths[count++] = chunks * 1024 + 100 * chunks % 1024;
    return count;
}

static void expect(const uint8_t *data, size_t bytes, digests *result)
{
    rfp_level level = rfp_blake3_level();

    CHECK(rfp_blake3_force_level(RFP_LEVEL_PORTABLE) == RFP_OK);
    hash_all(data, bytes, result);
    CHECK(rfp_blake3_force_level(level) == RFP_OK);
}

static void test_lengths(void)
{
    size_t lengths[80];
    size_t count = list_lengths(lengths);

    for (size_t i = 0; i < count; i++) {
        digests mine, expected;
        expect(input + i % 64, lengths[i], &expected);
        hash_all(input + i % 64, lengths[i], &mine);
        CHECK(memcmp(&mine, &expected, sizeof mine) == 0);
    }
}

static void test_offsets(void)
{
    static const size_t LENGTHS[] = {1, 64, 1000, 1024, 3000, 20000};

    for (size_t offset = 0; offset < 64; offset++)
        for (size_t i = 0; i < sizeof LENGTHS / sizeof *LENGTHS; i++) {
            digests mine, expected;
            expect(input + offset, LENGTHS[i], &expected);
            hash_all(input + offset, LENGTHS[i], &mine);
            CHECK(memcmp(&mine, &expected, sizeof mine) == 0);
        }
}

/* Random mixes of lengths, mostly small, some that no batch takes in. */
static void test_batches(void)
{
    enum { SPANS = 300 };
    static uint8_t together[SPANS * RFP_DIGEST_BYTES];
    rfp_span spans[SPANS];
    uint64_t random = 5;

    for (size_t round = 0; round < 6; round++) {
        size_t count = 1 + (size_t)(next_random(&random) % SPANS);
        for (size_t i = 0; i < count; i++)
            spans[i] = (rfp_span){input + next_random(&random) % 4096,
                                  (size_t)(next_random(&random) % (UINT64_C(1) << next_random(&random) % 18))};
        rfp_batch_hash(spans, count, together);
        for (size_t i = 0; i < count; i++) {
            digests expected;
            expect(spans[i].data, spans[i].bytes, &expected);
            CHECK(memcmp(together + i * RFP_DIGEST_BYTES, expected.plain, RFP_DIGEST_BYTES) == 0);
        }
    }
}

/* Two continuations of one beginning; the level changes on the way. */
static void test_copies(void)
{
    for (size_t bytes = 0; bytes < 20000; bytes += 977) {
        rfp_level level = rfp_blake3_level();
        uint8_t first[RFP_DIGEST_BYTES], second[RFP_DIGEST_BYTES];
        digests expected;
        rfp_hasher hasher, copy;
        rfp_hasher_init(&hasher);
        rfp_hasher_update(&hasher, input, bytes);
        copy = hasher;
        CHECK(rfp_blake3_force_level(RFP_LEVEL_PORTABLE) == RFP_OK);
        rfp_hasher_update(&copy, input + bytes, 5000);
        CHECK(rfp_blake3_force_level(level) == RFP_OK);
        rfp_hasher_update(&hasher, input + bytes, 5000);
        rfp_hasher_finish(&hasher, first);
        rfp_hasher_finish(&copy, second);
        expect(input, bytes + 5000, &expected);
        CHECK(memcmp(first, expected.plain, sizeof first) == 0);
        CHECK(memcmp(second, expected.plain, sizeof second) == 0);
    }
}

static void test_level(void)
{
    test_lengths();
    test_offsets();
    test_batches();
    test_copies();
}

int main(void)
{
    input = make_input((size_t)300 * 1024);
    for_each_level(test_level);
    free(input);
    return 0;
}
