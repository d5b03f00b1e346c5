/* Elements from memory or from a file. */
#include <errno.h>

#include "../io/io.h"
#include "tensors.h"

enum { NEAR_BYTES = 64 * 1024 };

/* Fill the window from `begin` on, with `bytes` bytes at least. */
static rfp_status fill(rfp_element_source *s, uint64_t begin, size_t bytes)
{
    size_t wanted = s->ahead > bytes ? s->ahead : bytes;

    if (begin > s->file_bytes || s->file_bytes - begin < bytes) {
        errno = 0;
        return RFP_ERR_UNSTABLE;
    }
    if (wanted > s->file_bytes - begin)
        wanted = (size_t)(s->file_bytes - begin);
    ssize_t got = rfp_read_at(s->fd, s->window, wanted, begin);
    if (got < 0)
        return rfp_status_of_errno(errno);
    s->window_begin = begin;
    s->window_end = begin + (uint64_t)got;
    if ((size_t)got < bytes) {
        errno = 0;
        return RFP_ERR_UNSTABLE;
    }
    return RFP_OK;
}

rfp_status rfp_source_fetch(rfp_element_source *source, int64_t from_first, size_t bytes, const uint8_t **data)
{
    if (source->memory != NULL) {
        *data = source->memory + from_first;
        return RFP_OK;
    }
    uint64_t begin = source->offset + (uint64_t)from_first;
    if (begin < source->window_begin || begin > source->window_end || source->window_end - begin < bytes) {
        bool is_near = begin >= source->window_begin && begin <= source->window_end + NEAR_BYTES;
        size_t more = source->ahead == 0 ? bytes : source->ahead * 2;
        source->ahead = is_near ? (more < RFP_WINDOW_BYTES ? more : RFP_WINDOW_BYTES) : 0;
        rfp_status status = fill(source, begin, bytes);
        if (status != RFP_OK)
            return status;
    }
    *data = source->window + (begin - source->window_begin);
    return RFP_OK;
}
