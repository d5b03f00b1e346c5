/* BLAKE3's compression in plain C: for every processor, and the measure for all other levels. */
#include "blake3.h"

static inline uint32_t rotate_right(uint32_t word, int count)
{
    return word >> count | word << (32 - count);
}

/* The quarter-round of section 2.2. */
static inline void mix(uint32_t v[16], int a, int b, int c, int d, uint32_t x, uint32_t y)
{
    v[a] += v[b] + x;
    v[d] = rotate_right(v[d] ^ v[a], 16);
    v[c] += v[d];
    v[b] = rotate_right(v[b] ^ v[c], 12);
    v[a] += v[b] + y;
    v[d] = rotate_right(v[d] ^ v[a], 8);
    v[c] += v[d];
    v[b] = rotate_right(v[b] ^ v[c], 7);
}

#define ROUND(m0, m1, m2, m3, m4, m5, m6, m7, m8, m9, m10, m11, m12, m13, m14, m15)                                    \
    mix(v, 0, 4, 8, 12, m[m0], m[m1]);                                                                                 \
    mix(v, 1, 5, 9, 13, m[m2], m[m3]);                                                                                 \
    mix(v, 2, 6, 10, 14, m[m4], m[m5]);                                                                                \
    mix(v, 3, 7, 11, 15, m[m6], m[m7]);                                                                                \
    mix(v, 0, 5, 10, 15, m[m8], m[m9]);                                                                                \
    mix(v, 1, 6, 11, 12, m[m10], m[m11]);                                                                              \
    mix(v, 2, 7, 8, 13, m[m12], m[m13]);                                                                               \
    mix(v, 3, 4, 9, 14, m[m14], m[m15]);

static void compress(uint32_t value[8], const uint8_t block[RFP_BLOCK_BYTES], uint32_t bytes, uint64_t counter,
                     uint32_t flags)
{
    uint32_t m[16];
    uint32_t v[16] = {
        value[0], value[1], value[2], value[3], value[4], value[5],          value[6],
        value[7], RFP_IV0,  RFP_IV1,  RFP_IV2,  RFP_IV3,  (uint32_t)counter, (uint32_t)(counter >> 32),
        bytes,    flags,
    };
    for (size_t i = 0; i < 16; i++)
        m[i] = rfp_load32(block + 4 * i);
    RFP_ROUNDS(ROUND)
    for (size_t i = 0; i < 8; i++)
        value[i] = v[i] ^ v[i + 8];
}

static void run_job(const uint32_t key[8], const rfp_job *job)
{
    uint32_t value[8];
    size_t last = rfp_block_count(job->bytes) - 1;
    size_t rest = job->bytes - last * RFP_BLOCK_BYTES;
    uint8_t padded[RFP_BLOCK_BYTES] = {0};
    uint32_t flags = (uint32_t)job->flags | job->first_flags;

    memcpy(value, key, sizeof value);
    for (size_t i = 0; i < last; i++) {
        compress(value, job->input + i * RFP_BLOCK_BYTES, RFP_BLOCK_BYTES, job->counter, flags);
        flags = job->flags;
    }
    if (rest > 0)
        memcpy(padded, job->input + last * RFP_BLOCK_BYTES, rest);
    compress(value, padded, (uint32_t)rest, job->counter, flags | job->last_flags);
    rfp_store_value(job->out, value);
}

static void run(const uint32_t key[8], const rfp_job *jobs, size_t count)
{
    for (size_t i = 0; i < count; i++)
        run_job(key, &jobs[i]);
}

static void run_row(const uint32_t key[8], const rfp_job *first, size_t count)
{
    rfp_job job = *first;

    for (size_t i = 0; i < count; i++) {
        run_job(key, &job);
        job.input += job.bytes;
        job.out += RFP_CV_BYTES;
        job.counter += job.bytes == RFP_CHUNK_BYTES;
    }
}

const rfp_kernel rfp_kernel_portable = {RFP_LEVEL_PORTABLE, compress, run, run_row};
