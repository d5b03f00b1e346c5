/* Many inputs at once: the chunks of all of them share the lanes, then the parents of all of them. */
#include "blake3.h"

enum {
    /* A larger input fills the lanes well enough by itself. */
    SMALL_BYTES = 64 * RFP_CHUNK_BYTES,
    GROUP_CHUNKS = 256,
};

/* A small input of a group: its chaining values begin at `value`. */
typedef struct member {
    size_t value;
    size_t count;
    uint8_t *digest;
} member;

/* Inputs whose chunks fit the scratch memory together. */
typedef struct group {
    const rfp_kernel *kernel;
    rfp_mode mode;
    size_t members;
    size_t chunks;
    member member[GROUP_CHUNKS];
    rfp_job job[GROUP_CHUNKS];
    rfp_job sorted[GROUP_CHUNKS];
    uint8_t values[GROUP_CHUNKS * RFP_CV_BYTES];
} group;

static size_t chunk_count(size_t bytes)
{
    return bytes == 0 ? 1 : (bytes + RFP_CHUNK_BYTES - 1) / RFP_CHUNK_BYTES;
}

static void add_member(group *g, const rfp_span *input, uint8_t *digest)
{
    size_t count = chunk_count(input->bytes);

    g->member[g->members++] = (member){g->chunks, count, digest};
    for (size_t i = 0; i < count; i++) {
        size_t left = input->bytes - i * RFP_CHUNK_BYTES;
        const uint8_t *chunk = input->bytes == 0 ? NULL : (const uint8_t *)input->data + i * RFP_CHUNK_BYTES;
        uint8_t *out = count == 1 ? digest : g->values + g->chunks * RFP_CV_BYTES;
        g->job[g->chunks++] =
            rfp_job_chunk(&g->mode, chunk, left < RFP_CHUNK_BYTES ? left : RFP_CHUNK_BYTES, i, count == 1, out);
    }
}

/* Counting sort by blocks, most first: neighbours then leave few lanes idle. */
static void compress_chunks(group *g)
{
    size_t begin[RFP_CHUNK_BLOCKS + 2] = {0};

    for (size_t i = 0; i < g->chunks; i++)
        begin[RFP_CHUNK_BLOCKS - rfp_block_count(g->job[i].bytes) + 1]++;
    for (size_t i = 1; i < RFP_CHUNK_BLOCKS + 2; i++)
        begin[i] += begin[i - 1];
    for (size_t i = 0; i < g->chunks; i++)
        g->sorted[begin[RFP_CHUNK_BLOCKS - rfp_block_count(g->job[i].bytes)]++] = g->job[i];
    g->kernel->run(g->mode.key, g->sorted, g->chunks);
}

/* The parents of one level for one member; an odd last value goes up as it is. */
static size_t pair_values(group *g, member *m, size_t jobs)
{
    uint8_t *values = g->values + m->value * RFP_CV_BYTES;
    bool root = m->count == 2;

    for (size_t i = 0; i < m->count / 2; i++)
        g->job[jobs++] =
            rfp_job_parent(&g->mode, values + i * RFP_PARENT_BYTES, root, root ? m->digest : values + i * RFP_CV_BYTES);
    return jobs;
}

static void raise_odd(group *g, member *m)
{
    uint8_t *values = g->values + m->value * RFP_CV_BYTES;

    if (m->count % 2 != 0 && m->count > 1)
        memmove(values + m->count / 2 * RFP_CV_BYTES, values + (m->count - 1) * RFP_CV_BYTES, RFP_CV_BYTES);
    m->count = m->count / 2 + m->count % 2;
}

static void compress_parents(group *g)
{
    for (;;) {
        size_t jobs = 0;
        for (size_t i = 0; i < g->members; i++)
            jobs = pair_values(g, &g->member[i], jobs);
        if (jobs == 0)
            return;
        g->kernel->run(g->mode.key, g->job, jobs);
        for (size_t i = 0; i < g->members; i++)
            raise_odd(g, &g->member[i]);
    }
}

static void hash_group(group *g)
{
    compress_chunks(g);
    compress_parents(g);
    g->members = 0;
    g->chunks = 0;
}

void rfp_batch_hash(const rfp_span *inputs, size_t count, uint8_t *digests)
{
    group g;

    g.kernel = rfp_kernel_current();
    g.mode = rfp_mode_plain();
    g.members = 0;
    g.chunks = 0;
    for (size_t i = 0; i < count; i++) {
        uint8_t *digest = digests + i * RFP_DIGEST_BYTES;
        if (inputs[i].bytes > SMALL_BYTES) {
            rfp_whole_compress(g.kernel, &g.mode, inputs[i].data, inputs[i].bytes, digest);
            continue;
        }
        if (g.chunks + chunk_count(inputs[i].bytes) > GROUP_CHUNKS)
            hash_group(&g);
        add_member(&g, &inputs[i], digest);
    }
    hash_group(&g);
}

void rfp_bytes_hash(const void *input, size_t bytes, uint8_t digest[RFP_DIGEST_BYTES])
{
    rfp_mode mode = rfp_mode_plain();

    rfp_whole_compress(rfp_kernel_current(), &mode, input, bytes, digest);
}
