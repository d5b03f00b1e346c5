/* Counters that another thread reads while this one works. */
#include "io.h"

void rfp_progress_count(rfp_progress *progress, uint64_t files, uint64_t bytes)
{
    if (progress == NULL)
        return;
    __atomic_fetch_add(&progress->files, files, __ATOMIC_RELAXED);
    __atomic_fetch_add(&progress->bytes, bytes, __ATOMIC_RELAXED);
}

void rfp_progress_found(rfp_progress *progress, uint64_t files)
{
    if (progress != NULL)
        __atomic_fetch_add(&progress->files_found, files, __ATOMIC_RELAXED);
}

void rfp_progress_found_bytes(rfp_progress *progress, uint64_t bytes)
{
    if (progress != NULL)
        __atomic_fetch_add(&progress->bytes_found, bytes, __ATOMIC_RELAXED);
}

bool rfp_progress_cancelled(const rfp_progress *progress)
{
    return progress != NULL && __atomic_load_n(&progress->cancel, __ATOMIC_RELAXED) != 0;
}
