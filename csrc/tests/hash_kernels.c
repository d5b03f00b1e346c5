/* Every kernel against the plain one, node by node: odd counts, mixed lengths, unaligned inputs, counters
 * that carry, outputs over inputs. The lane-generic source also runs here with sixteen lanes of plain
 * vectors, so that what AVX-512 adds is tested on processors without it. */
#define LANES 16
#include "../hash/vectors.h"

INLINE vec load_quads(const uint8_t *const at[LANES], int lane, size_t offset)
{
    vec x;

    for (int i = 0; i < LANES / 4; i++)
        memcpy((uint8_t *)&x + (size_t)i * 16, at[lane + 4 * i] + offset, 16);
    return x;
}

#include "../hash/lanes.h"

#include "check.h"

enum { MOST_JOBS = 40, INPUT_BYTES = 64 * 1024, ROUNDS = 300 };

static const rfp_kernel SIXTEEN = {RFP_LEVEL_BEST, compress, run, run_row};
static const rfp_kernel *kernel;
static uint8_t *input;
static uint32_t key[8];

static size_t pick_bytes(uint64_t *random)
{
    static const uint16_t BYTES[] = {0, 1, 16, 63, 64, 65, 128, 960, 961, 1023, 1024, 1024, 1024};

    if (next_random(random) % 2 == 0)
        return BYTES[next_random(random) % (sizeof BYTES / sizeof *BYTES)];
    return (size_t)(next_random(random) % 1025);
}

static uint64_t pick_counter(uint64_t *random)
{
    return next_random(random) % 4 == 0 ? UINT32_MAX - next_random(random) % 20 : next_random(random);
}

/* A node of random flags. Its input ends where its memory ends, so that reading on is found out. */
static rfp_job make_job(uint64_t *random, uint8_t *out)
{
    size_t bytes = pick_bytes(random);
    size_t at = (size_t)(next_random(random) % (INPUT_BYTES - 1024));
    uint8_t *memory = malloc(bytes + 1);

    CHECK(memory != NULL);
    memcpy(memory + 1, input + at, bytes);
    return (rfp_job){
        .input = memory + 1,
        .out = out,
        .counter = pick_counter(random),
        .bytes = (uint16_t)bytes,
        .flags = (uint8_t)next_random(random),
        .first_flags = (uint8_t)next_random(random),
        .last_flags = (uint8_t)next_random(random),
    };
}

static void test_jobs(void)
{
    uint8_t out[MOST_JOBS * RFP_CV_BYTES], expected[MOST_JOBS * RFP_CV_BYTES];
    rfp_job jobs[MOST_JOBS];
    uint64_t random = 1;

    for (size_t round = 0; round < ROUNDS; round++) {
        size_t count = (size_t)(next_random(&random) % MOST_JOBS);
        for (size_t i = 0; i < count; i++)
            jobs[i] = make_job(&random, expected + i * RFP_CV_BYTES);
        rfp_kernel_portable.run(key, jobs, count);
        for (size_t i = 0; i < count; i++)
            jobs[i].out = out + i * RFP_CV_BYTES;
        kernel->run(key, jobs, count);
        CHECK(memcmp(out, expected, count * RFP_CV_BYTES) == 0);
        for (size_t i = 0; i < count; i++)
            free((uint8_t *)(uintptr_t)jobs[i].input - 1); /* NOLINT(performance-no-int-to-ptr): takes const away */
    }
}

/* Rows of chunks from each offset within a line, and of parents whose values replace them. */
static void test_rows(void)
{
    uint8_t out[MOST_JOBS * RFP_CV_BYTES], expected[MOST_JOBS * RFP_CV_BYTES];
    uint8_t pairs[MOST_JOBS * RFP_PARENT_BYTES];
    rfp_mode mode = {.flags = RFP_KEYED_HASH};
    uint64_t random = 2;

    memcpy(mode.key, key, sizeof key);
    for (size_t count = 0; count < MOST_JOBS; count++) {
        const uint8_t *begin = input + count % 64;
        rfp_job chunk = rfp_job_chunk(&mode, begin, RFP_CHUNK_BYTES, pick_counter(&random), false, expected);
        rfp_kernel_portable.run_row(key, &chunk, count);
        chunk.out = out;
        kernel->run_row(key, &chunk, count);
        CHECK(memcmp(out, expected, count * RFP_CV_BYTES) == 0);
        rfp_job parent = rfp_job_parent(&mode, begin, false, expected);
        rfp_kernel_portable.run_row(key, &parent, count);
        memcpy(pairs, begin, count * RFP_PARENT_BYTES);
        parent.input = parent.out = pairs;
        kernel->run_row(key, &parent, count);
        CHECK(memcmp(pairs, expected, count * RFP_CV_BYTES) == 0);
    }
}

static void test_blocks(void)
{
    uint64_t random = 3;

    for (size_t offset = 0; offset < 64; offset++) {
        uint32_t value[8], expected[8], bytes = (uint32_t)(next_random(&random) % 65);
        uint32_t flags = (uint32_t)next_random(&random);
        uint64_t counter = next_random(&random);
        memcpy(value, key, sizeof value);
        memcpy(expected, key, sizeof expected);
        rfp_kernel_portable.compress(expected, input + offset, bytes, counter, flags);
        kernel->compress(value, input + offset, bytes, counter, flags);
        CHECK(memcmp(value, expected, sizeof value) == 0);
    }
}

static void test_kernel(void)
{
    test_jobs();
    test_rows();
    test_blocks();
}

static void test_level(void)
{
    kernel = rfp_kernel_current();
    test_kernel();
}

int main(void)
{
    uint64_t random = 4;

    input = make_input(INPUT_BYTES);
    for (size_t i = 0; i < 8; i++)
        key[i] = (uint32_t)next_random(&random);
    for_each_level(test_level);
    kernel = &SIXTEEN;
    test_kernel();
    free(input);
    return 0;
}
