/* Tensors: hashing them however they lie in memory or in a file, and measuring how two differ.
 *
 * As in reprofp.h: the caller owns what it passes, nothing is kept between calls, and where the system
 * refused something, errno holds its reason. Several threads may call at once.
 */
#ifndef REPROFP_TENSORS_H
#define REPROFP_TENSORS_H

#include "reprofp.h"

#ifdef __cplusplus
extern "C" {
#endif

/* ------------------------------------------------------------------------------------------------
 * Views
 *
 * A view says where the elements of a tensor lie, from its first one on. Its contents are the elements
 * in row-major order without gaps, little-endian: what a safetensors file would hold. The digest of a
 * view is the plain BLAKE3 of its contents. Views may overlap themselves (a stride of 0 repeats).
 */

#define RFP_VIEW_DIMENSIONS 64
#define RFP_VIEW_ITEM_BYTES 65536

typedef struct rfp_view {
    uint32_t dimensions;
    uint32_t item_bytes; /* of one element, 1 to RFP_VIEW_ITEM_BYTES */
    uint32_t swap_bytes; /* length of the units to reverse: 2, 4 or 8; 0 or 1: none */
    uint64_t sizes[RFP_VIEW_DIMENSIONS];
    int64_t strides[RFP_VIEW_DIMENSIONS]; /* in bytes; of memory also negative */
} rfp_view;

/* How many bytes the contents of a view have; RFP_ERR_ARGUMENT where the view is not allowed or they
 * are more than 2^63 - 1. */
RFP_API rfp_status rfp_view_bytes(const rfp_view *view, uint64_t *bytes);

/* The digest of a view of memory. Contents without gaps are hashed where they are, by up to `threads`
 * threads; others through 1 MiB of memory. */
RFP_API rfp_status rfp_view_hash(const void *first, const rfp_view *view, unsigned threads, rfp_progress *progress,
                                 uint8_t digest[RFP_DIGEST_BYTES]);

/* The digest of a view of an open file whose first element lies at offset. Strides are not negative.
 * RFP_ERR_UNSTABLE where the file ends before the view does. Takes 16 MiB of memory. */
RFP_API rfp_status rfp_file_view_hash(int fd, uint64_t offset, const rfp_view *view, rfp_progress *progress,
                                      uint8_t digest[RFP_DIGEST_BYTES]);

/* Write the contents of a view of an open file to another open file, at its offset. */
RFP_API rfp_status rfp_file_view_copy(int fd, uint64_t offset, const rfp_view *view, rfp_progress *progress,
                                      int output);

/* ------------------------------------------------------------------------------------------------
 * Differences of values
 */

typedef enum rfp_number {
    RFP_NUMBER_U8 = 0,
    RFP_NUMBER_I8,
    RFP_NUMBER_U16,
    RFP_NUMBER_I16,
    RFP_NUMBER_U32,
    RFP_NUMBER_I32,
    RFP_NUMBER_U64,
    RFP_NUMBER_I64,
    RFP_NUMBER_F16,
    RFP_NUMBER_BF16,
    RFP_NUMBER_F32,
    RFP_NUMBER_F64,
    RFP_NUMBER_F8_E4M3,     /* 4 bits of exponent, no infinities (OCP) */
    RFP_NUMBER_F8_E5M2,     /* 5 bits of exponent, as IEEE 754 would have it (OCP) */
    RFP_NUMBER_F8_E4M3FNUZ, /* one zero, one NaN, no infinities */
    RFP_NUMBER_F8_E5M2FNUZ,
    RFP_NUMBER_F8_E8M0, /* powers of two */
    RFP_NUMBER_KINDS
} rfp_number;

/* How the numbers of a second tensor differ from those of a first. */
typedef struct rfp_difference {
    uint64_t elements;
    uint64_t different;   /* whose bits differ: also -0 and 0, also NaNs by their payload */
    uint64_t nan_changes; /* NaN on one side alone */
    uint64_t inf_changes; /* an infinity on one side alone, or of the other sign; NaN on neither */
    uint64_t max_ulps;    /* of two finite numbers: how many steps apart; of integers: their distance */
    double max_abs;       /* of two finite numbers, rounded to a double */
    double squares;       /* sum of the squares of the differences, of finite pairs */
    double squares_first; /* sum of the squares of the first's numbers, of finite pairs */
} rfp_difference;

/* The length of a number in bytes; 0 for no kind. */
RFP_API size_t rfp_number_bytes(rfp_number number);

/* Measure little-endian numbers in memory. */
RFP_API rfp_status rfp_difference_measure(rfp_number number, const void *first, const void *second, uint64_t count,
                                          rfp_difference *difference);

/* Measure `count` numbers that lie without gaps in two open files, with up to `threads` threads, whose
 * number changes no result. Takes 1 MiB for each thread and 64 bytes for each MiB of a file. */
RFP_API rfp_status rfp_file_difference_measure(rfp_number number, int first, uint64_t first_offset, int second,
                                               uint64_t second_offset, uint64_t count, unsigned threads,
                                               rfp_progress *progress, rfp_difference *difference);

#ifdef __cplusplus
}
#endif

#endif
