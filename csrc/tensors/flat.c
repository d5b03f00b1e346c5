/* Bytes in memory without gaps, shared out among threads in segments: each is a complete subtree. */
#include <stdatomic.h>
#include <stdlib.h>

#include "../hash/blake3.h"
#include "../io/io.h"
#include "tensors.h"

typedef struct flat {
    const uint8_t *data;
    uint64_t bytes;
    uint64_t segments;
    uint8_t *values;
    rfp_progress *progress;
    rfp_mode mode;
    _Atomic uint64_t next;
} flat;

static void work(void *context)
{
    flat *f = context;
    const rfp_kernel *kernel = rfp_kernel_current();
    uint64_t segment;

    while (!rfp_progress_cancelled(f->progress) && (segment = atomic_fetch_add(&f->next, 1)) < f->segments) {
        uint64_t begin = segment * RFP_SEGMENT_BYTES;
        uint64_t left = f->bytes - begin;
        size_t part = left < RFP_SEGMENT_BYTES ? (size_t)left : RFP_SEGMENT_BYTES;
        rfp_subtree_compress(kernel, &f->mode, f->data + begin, part, begin / RFP_CHUNK_BYTES,
                             f->values + segment * RFP_CV_BYTES);
        rfp_progress_count(f->progress, 0, part);
    }
}

rfp_status rfp_flat_hash(const uint8_t *data, uint64_t bytes, unsigned threads, rfp_progress *progress,
                         uint8_t digest[RFP_DIGEST_BYTES])
{
    flat f = {.data = data, .bytes = bytes, .progress = progress, .mode = rfp_mode_plain()};

    f.segments = (bytes + RFP_SEGMENT_BYTES - 1) / RFP_SEGMENT_BYTES;
    if (f.segments < 2) {
        rfp_bytes_hash(data, (size_t)bytes, digest);
        rfp_progress_count(progress, 0, bytes);
        return RFP_OK;
    }
    f.values = malloc((size_t)f.segments * RFP_CV_BYTES);
    if (f.values == NULL)
        return RFP_ERR_MEMORY;
    atomic_init(&f.next, 0);
    rfp_team_run(f.segments < threads ? (unsigned)f.segments : threads, work, &f);
    bool cancelled = rfp_progress_cancelled(progress);
    if (!cancelled)
        rfp_root_compress(rfp_kernel_current(), &f.mode, f.values, (size_t)f.segments, digest);
    free(f.values);
    return cancelled ? RFP_ERR_CANCELLED : RFP_OK;
}
