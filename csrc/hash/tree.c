/* The tree over chunks: subtrees of input that lies in memory, level by level (section 2.1). */
#include "blake3.h"

enum {
    MOST_LANES = 16, /* of any kernel */
    /* Up to here the chaining values of a subtree lie on the stack and are paired level by level. */
    LEVEL_CHUNKS = 128,
};

rfp_mode rfp_mode_plain(void)
{
    return (rfp_mode){{RFP_IV0, RFP_IV1, RFP_IV2, RFP_IV3, RFP_IV4, RFP_IV5, RFP_IV6, RFP_IV7}, 0};
}

/* The chaining values of all chunks of the input. The last chunk, where it is short, shares the lanes
 * with full ones that would leave some idle. */
static size_t compress_chunks(const rfp_kernel *kernel, const rfp_mode *mode, const uint8_t *input, size_t bytes,
                              uint64_t counter, uint8_t *values)
{
    rfp_job jobs[MOST_LANES];
    size_t full = bytes / RFP_CHUNK_BYTES;
    size_t rest = bytes % RFP_CHUNK_BYTES;
    size_t row = rest == 0 ? full : full - full % MOST_LANES;
    size_t count = 0;

    jobs[0] = rfp_job_chunk(mode, input, RFP_CHUNK_BYTES, counter, false, values);
    kernel->run_row(mode->key, jobs, row);
    for (size_t i = row; i * RFP_CHUNK_BYTES < bytes; i++)
        jobs[count++] = rfp_job_chunk(mode, input + i * RFP_CHUNK_BYTES, i < full ? RFP_CHUNK_BYTES : rest, counter + i,
                                      false, values + i * RFP_CV_BYTES);
    kernel->run(mode->key, jobs, count);
    return row + count;
}

size_t rfp_parents_compress(const rfp_kernel *kernel, const rfp_mode *mode, uint8_t *values, size_t n)
{
    rfp_job first = rfp_job_parent(mode, values, false, values);

    kernel->run_row(mode->key, &first, n / 2);
    if (n % 2 != 0)
        memmove(values + n / 2 * RFP_CV_BYTES, values + (n - 1) * RFP_CV_BYTES, RFP_CV_BYTES);
    return n / 2 + n % 2;
}

void rfp_root_compress(const rfp_kernel *kernel, const rfp_mode *mode, uint8_t *values, size_t n,
                       uint8_t digest[RFP_DIGEST_BYTES])
{
    while (n > 2)
        n = rfp_parents_compress(kernel, mode, values, n);
    rfp_job root = rfp_job_parent(mode, values, true, digest);
    kernel->run(mode->key, &root, 1);
}

/* Where BLAKE3 splits: the left side is the largest complete subtree that leaves something over. */
static size_t left_bytes(size_t bytes)
{
    return rfp_floor_power(bytes - 1);
}

void rfp_subtree_compress(const rfp_kernel *kernel, const rfp_mode *mode, const uint8_t *input, size_t bytes,
                          uint64_t counter, uint8_t out[RFP_CV_BYTES])
{
    uint8_t values[LEVEL_CHUNKS * RFP_CV_BYTES];
    size_t n;

    if (bytes <= (size_t)LEVEL_CHUNKS * RFP_CHUNK_BYTES) {
        n = compress_chunks(kernel, mode, input, bytes, counter, values);
    } else {
        size_t left = left_bytes(bytes);
        rfp_subtree_compress(kernel, mode, input, left, counter, values);
        rfp_subtree_compress(kernel, mode, input + left, bytes - left, counter + left / RFP_CHUNK_BYTES,
                             values + RFP_CV_BYTES);
        n = 2;
    }
    while (n > 1)
        n = rfp_parents_compress(kernel, mode, values, n);
    memcpy(out, values, RFP_CV_BYTES);
}

void rfp_whole_compress(const rfp_kernel *kernel, const rfp_mode *mode, const uint8_t *input, size_t bytes,
                        uint8_t digest[RFP_DIGEST_BYTES])
{
    uint8_t values[LEVEL_CHUNKS * RFP_CV_BYTES];
    size_t n = 2;

    if (bytes <= RFP_CHUNK_BYTES) {
        rfp_job chunk = rfp_job_chunk(mode, input, bytes, 0, true, digest);
        kernel->run(mode->key, &chunk, 1);
        return;
    }
    if (bytes <= (size_t)LEVEL_CHUNKS * RFP_CHUNK_BYTES) {
        n = compress_chunks(kernel, mode, input, bytes, 0, values);
    } else {
        size_t left = left_bytes(bytes);
        rfp_subtree_compress(kernel, mode, input, left, 0, values);
        rfp_subtree_compress(kernel, mode, input + left, bytes - left, left / RFP_CHUNK_BYTES, values + RFP_CV_BYTES);
    }
    rfp_root_compress(kernel, mode, values, n, digest);
}

void rfp_subtree_halves(const rfp_kernel *kernel, const rfp_mode *mode, const uint8_t *input, size_t bytes,
                        uint64_t counter, uint8_t out[RFP_PARENT_BYTES])
{
    uint8_t values[LEVEL_CHUNKS * RFP_CV_BYTES];
    size_t n;

    if (bytes <= (size_t)LEVEL_CHUNKS * RFP_CHUNK_BYTES) {
        n = compress_chunks(kernel, mode, input, bytes, counter, values);
        while (n > 2)
            n = rfp_parents_compress(kernel, mode, values, n);
        memcpy(out, values, RFP_PARENT_BYTES);
        return;
    }
    size_t half = bytes / 2;
    rfp_subtree_compress(kernel, mode, input, half, counter, out);
    rfp_subtree_compress(kernel, mode, input + half, half, counter + half / RFP_CHUNK_BYTES, out + RFP_CV_BYTES);
}
