/* Tensors, inside. */
#ifndef RFP_TENSORS_TENSORS_H
#define RFP_TENSORS_TENSORS_H

#include <stdbool.h>

#include "reprofp_tensors.h"

/* ---- source.c ---- */

enum { RFP_WINDOW_BYTES = 256 * 1024 };

/* Where the elements are read from: memory, or an open file through a window that reads ahead where
 * that was of use before. */
typedef struct rfp_element_source {
    const uint8_t *memory; /* of the first element; NULL: a file */
    int fd;
    uint64_t offset; /* of the first element in the file */
    uint8_t *window; /* RFP_WINDOW_BYTES, of files */
    uint64_t window_begin;
    uint64_t window_end;
    uint64_t file_bytes;
    size_t ahead;
} rfp_element_source;

/* Point to `bytes` bytes (RFP_WINDOW_BYTES at most), so many bytes from the first element; they stay
 * until the next call. */
rfp_status rfp_source_fetch(rfp_element_source *source, int64_t from_first, size_t bytes, const uint8_t **data);

/* ---- flat.c ---- */

/* The plain digest of bytes without gaps, by several threads. */
rfp_status rfp_flat_hash(const uint8_t *data, uint64_t bytes, unsigned threads, rfp_progress *progress,
                         uint8_t digest[RFP_DIGEST_BYTES]);

/* ---- number.c ---- */

/* Add what `count` pairs of numbers show to a difference. */
void rfp_number_compare(rfp_number number, const uint8_t *first, const uint8_t *second, size_t count,
                        rfp_difference *difference);

#endif
