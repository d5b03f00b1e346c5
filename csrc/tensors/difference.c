/* Differences of values, piece by piece: pieces are measured apart and put together in their order, so
 * that sums of floats are the same with any number of threads. */
#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "../io/io.h"
#include "tensors.h"

/* A piece is so many bytes of each side: a multiple of every number's length. */
enum { MEASURE_BYTES = 512 * 1024 };

typedef struct measuring {
    rfp_number number;
    size_t width;
    int first;
    int second;
    uint64_t first_offset;
    uint64_t second_offset;
    uint64_t count;
    uint64_t pieces;
    rfp_difference *parts;
    rfp_progress *progress;
    _Atomic uint64_t next;
    _Atomic int status;
    _Atomic int error;
} measuring;

static void merge(rfp_difference *whole, const rfp_difference *part)
{
    whole->elements += part->elements;
    whole->different += part->different;
    whole->nan_changes += part->nan_changes;
    whole->inf_changes += part->inf_changes;
    whole->squares += part->squares;
    whole->squares_first += part->squares_first;
    if (part->max_ulps > whole->max_ulps)
        whole->max_ulps = part->max_ulps;
    if (part->max_abs > whole->max_abs)
        whole->max_abs = part->max_abs;
}

rfp_status rfp_difference_measure(rfp_number number, const void *first, const void *second, uint64_t count,
                                  rfp_difference *difference)
{
    size_t width = rfp_number_bytes(number);
    uint64_t most = width == 0 ? 0 : MEASURE_BYTES / width;

    *difference = (rfp_difference){0};
    if (width == 0)
        return RFP_ERR_ARGUMENT;
    for (uint64_t done = 0; done < count; done += most) {
        rfp_difference part = {0};
        size_t numbers = (size_t)(count - done < most ? count - done : most);
        rfp_number_compare(number, (const uint8_t *)first + done * width, (const uint8_t *)second + done * width,
                           numbers, &part);
        merge(difference, &part);
    }
    return RFP_OK;
}

static void note_failure(measuring *m, rfp_status status)
{
    int expected = RFP_OK;
    int error = errno;

    if (atomic_compare_exchange_strong(&m->status, &expected, (int)status))
        atomic_store(&m->error, error);
}

static rfp_status read_whole(int fd, uint8_t *buffer, size_t bytes, uint64_t offset)
{
    ssize_t got = rfp_read_at(fd, buffer, bytes, offset);

    if (got < 0)
        return rfp_status_of_errno(errno);
    if ((size_t)got == bytes)
        return RFP_OK;
    errno = 0;
    return RFP_ERR_UNSTABLE;
}

static void measure_piece(measuring *m, uint64_t piece, uint8_t *buffer)
{
    uint64_t begin = piece * MEASURE_BYTES;
    uint64_t left = m->count * m->width - begin;
    size_t bytes = left < MEASURE_BYTES ? (size_t)left : MEASURE_BYTES;
    rfp_status status = read_whole(m->first, buffer, bytes, m->first_offset + begin);

    if (status == RFP_OK)
        status = read_whole(m->second, buffer + MEASURE_BYTES, bytes, m->second_offset + begin);
    if (status != RFP_OK) {
        note_failure(m, status);
        return;
    }
    rfp_number_compare(m->number, buffer, buffer + MEASURE_BYTES, bytes / m->width, &m->parts[piece]);
    rfp_progress_count(m->progress, 0, 2 * (uint64_t)bytes);
}

static void work(void *context)
{
    measuring *m = context;
    uint8_t *buffer = malloc(2 * (size_t)MEASURE_BYTES);
    uint64_t piece;

    if (buffer == NULL)
        note_failure(m, RFP_ERR_MEMORY);
    while (atomic_load(&m->status) == RFP_OK && (piece = atomic_fetch_add(&m->next, 1)) < m->pieces) {
        if (rfp_progress_cancelled(m->progress))
            note_failure(m, RFP_ERR_CANCELLED);
        else
            measure_piece(m, piece, buffer);
    }
    free(buffer);
}

rfp_status rfp_file_difference_measure(rfp_number number, int first, uint64_t first_offset, int second,
                                       uint64_t second_offset, uint64_t count, unsigned threads, rfp_progress *progress,
                                       rfp_difference *difference)
{
    measuring m = {.number = number,
                   .width = rfp_number_bytes(number),
                   .first = first,
                   .second = second,
                   .first_offset = first_offset,
                   .second_offset = second_offset,
                   .count = count,
                   .progress = progress};

    *difference = (rfp_difference){0};
    if (m.width == 0 || count > INT64_MAX / m.width)
        return RFP_ERR_ARGUMENT;
    m.pieces = (count * m.width + MEASURE_BYTES - 1) / MEASURE_BYTES;
    m.parts = calloc((size_t)m.pieces + 1, sizeof *m.parts);
    if (m.parts == NULL)
        return RFP_ERR_MEMORY;
    atomic_init(&m.next, 0);
    atomic_init(&m.status, RFP_OK);
    rfp_team_run(m.pieces < threads ? (unsigned)m.pieces : threads, work, &m);
    for (uint64_t i = 0; i < m.pieces; i++)
        merge(difference, &m.parts[i]);
    free(m.parts);
    errno = atomic_load(&m.error);
    return (rfp_status)atomic_load(&m.status);
}
