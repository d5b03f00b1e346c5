/* The tree over chunks: subtrees of input that lies in memory, level by level (section 2.1). */
#include "blake3.h"

enum {
    JOBS = 64,
    /* Up to here the chaining values of a subtree lie on the stack and are paired level by level. */
    LEVEL_CHUNKS = 128,
};

rfp_mode rfp_mode_plain(void)
{
    return (rfp_mode){{RFP_IV0, RFP_IV1, RFP_IV2, RFP_IV3, RFP_IV4, RFP_IV5, RFP_IV6, RFP_IV7}, 0};
}

rfp_job rfp_job_chunk(const rfp_mode *mode, const uint8_t *input, size_t bytes, uint64_t counter, bool root,
                      uint8_t *out)
{
    return (rfp_job){
        .input = input,
        .out = out,
        .counter = counter,
        .bytes = (uint16_t)bytes,
        .flags = mode->flags,
        .first_flags = RFP_CHUNK_START,
        .last_flags = RFP_CHUNK_END | (root ? RFP_ROOT : 0),
    };
}

rfp_job rfp_job_parent(const rfp_mode *mode, const uint8_t *pair, bool root, uint8_t *out)
{
    return (rfp_job){
        .input = pair,
        .out = out,
        .bytes = RFP_PARENT_BYTES,
        .flags = (uint8_t)(mode->flags | RFP_PARENT),
        .last_flags = root ? RFP_ROOT : 0,
    };
}

/* The chaining values of all chunks of the input; the last chunk may be short. */
static size_t compress_chunks(const rfp_kernel *kernel, const rfp_mode *mode, const uint8_t *input, size_t bytes,
                              uint64_t counter, uint8_t *values)
{
    rfp_job jobs[JOBS];
    size_t chunks = (bytes + RFP_CHUNK_BYTES - 1) / RFP_CHUNK_BYTES;

    for (size_t begin = 0; begin < chunks; begin += JOBS) {
        size_t count = chunks - begin < JOBS ? chunks - begin : JOBS;
        for (size_t i = 0; i < count; i++) {
            size_t chunk = begin + i;
            size_t left = bytes - chunk * RFP_CHUNK_BYTES;
            jobs[i] =
                rfp_job_chunk(mode, input + chunk * RFP_CHUNK_BYTES, left < RFP_CHUNK_BYTES ? left : RFP_CHUNK_BYTES,
                              counter + chunk, false, values + chunk * RFP_CV_BYTES);
        }
        kernel->run(mode->key, jobs, count);
    }
    return chunks;
}

size_t rfp_parents_compress(const rfp_kernel *kernel, const rfp_mode *mode, uint8_t *values, size_t n)
{
    rfp_job jobs[JOBS];
    size_t pairs = n / 2;

    for (size_t begin = 0; begin < pairs; begin += JOBS) {
        size_t count = pairs - begin < JOBS ? pairs - begin : JOBS;
        for (size_t i = 0; i < count; i++)
            jobs[i] = rfp_job_parent(mode, values + (begin + i) * RFP_PARENT_BYTES, false,
                                     values + (begin + i) * RFP_CV_BYTES);
        kernel->run(mode->key, jobs, count);
    }
    if (n % 2 != 0)
        memmove(values + pairs * RFP_CV_BYTES, values + (n - 1) * RFP_CV_BYTES, RFP_CV_BYTES);
    return pairs + n % 2;
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
