/* A tree's large files, left for all threads together. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tree.h"

typedef struct large_files {
    rfp_job *job;
    rfp_stamp *stamps;
    bool *learns;
} large_files;

rfp_status rfp_job_postpone(rfp_job *job, size_t index)
{
    rfp_status status = RFP_OK;

    (void)pthread_mutex_lock(&job->lock);
    if (job->large_count == job->large_room) {
        size_t room = job->large_room == 0 ? 64 : 2 * job->large_room;
        size_t *large = realloc(job->large, room * sizeof *large);
        if (large != NULL) {
            job->large = large;
            job->large_room = room;
        } else {
            status = RFP_ERR_MEMORY;
        }
    }
    if (status == RFP_OK)
        job->large[job->large_count++] = index;
    (void)pthread_mutex_unlock(&job->lock);
    return status;
}

static rfp_status open_in_folder(const rfp_tree *tree, size_t index, int *fd)
{
    int folder = -1;
    rfp_status status = rfp_folder_enter(tree->root, &tree->folders[tree->folder_of[index]], &folder);

    if (status != RFP_OK)
        return status;
    status = rfp_entry_open(tree, index, folder, 0, fd);
    int error = errno;
    (void)close(folder);
    errno = error;
    return status;
}

static rfp_status open_large(void *context, size_t index, rfp_source *source)
{
    large_files *l = context;
    const rfp_tree *tree = l->job->tree;
    size_t entry = l->job->large[index];
    int fd = -1;
    rfp_status status = open_in_folder(tree, entry, &fd);

    if (status == RFP_OK)
        status = rfp_entry_stamp(tree, fd, &l->stamps[index], &l->learns[index]);
    if (status == RFP_OK) {
        *source = (rfp_source){.fd = fd, .bytes = l->stamps[index].bytes, .sparse = rfp_file_is_sparse(fd)};
        return RFP_OK;
    }
    rfp_entry_fail(&tree->entries[entry], status, errno);
    if (fd >= 0)
        (void)close(fd);
    return status;
}

static void large_done(void *context, size_t index, const rfp_source *source, rfp_status status)
{
    const large_files *l = context;
    const rfp_tree *tree = l->job->tree;
    rfp_entry *entry = &tree->entries[l->job->large[index]];

    if (status == RFP_OK)
        status = rfp_stamp_check(source->fd, &l->stamps[index]);
    if (status == RFP_OK) {
        memcpy(entry->digest, source->digest, RFP_DIGEST_BYTES);
        entry->bytes = source->bytes;
        if (l->learns[index])
            rfp_cache_put(tree->options.cache, &l->stamps[index], entry->digest);
        rfp_progress_count(l->job->progress, 1, 0);
    } else {
        rfp_entry_fail(entry, status, errno);
    }
    (void)close(source->fd);
}

rfp_status rfp_job_hash_large(rfp_job *job, unsigned threads)
{
    large_files l = {job, calloc(job->large_count + 1, sizeof *l.stamps),
                     calloc(job->large_count + 1, sizeof *l.learns)};
    const rfp_supply supply = {job->large_count, &l, open_large, large_done};
    rfp_status status = RFP_ERR_MEMORY;

    if (l.stamps != NULL && l.learns != NULL)
        status = rfp_segments_hash(&supply, threads, job->progress);
    free(l.stamps);
    free(l.learns);
    return status;
}
