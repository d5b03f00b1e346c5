/* Hashing a tree: small and medium files by several threads, then large ones by all together, then its
 * folders are looked at once more. */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "tree.h"

/* Fewer entries are not worth a thread. */
enum { FEW_ENTRIES = 16 };

static rfp_status check_folder(const rfp_tree *tree, const rfp_folder *folder)
{
    int fd = rfp_open_folder(tree->root, folder->way, O_PATH);

    if (fd < 0)
        return rfp_status_of_vanished(errno);
    rfp_status status = rfp_stamp_check_folder(fd, &folder->stamp);
    (void)close(fd);
    return status;
}

/* A name that came or went while files were read: the folder's entries cannot all be true. */
static rfp_status check_folders(rfp_tree *tree)
{
    rfp_status status = RFP_OK;

    for (size_t i = 0; i < tree->folder_count && status == RFP_OK; i++) {
        rfp_status changed = check_folder(tree, &tree->folders[i]);
        if (changed == RFP_OK)
            continue;
        rfp_entry entry = {.path = tree->folders[i].path, .kind = RFP_ENTRY_FOLDER};
        if (*entry.path == '\0')
            entry.path = ".";
        rfp_entry_fail(&entry, changed, 0);
        status = rfp_tree_add_entry(tree, i, &entry);
    }
    return status;
}

static rfp_status hash_files(rfp_tree *tree, rfp_job *job)
{
    unsigned threads = tree->options.threads == 0 ? 1 : tree->options.threads;

    rfp_readers_init(&job->readers, threads, tree->folders[0].stamp.device);
    rfp_team_lead(tree->entry_count <= FEW_ENTRIES ? 0 : threads, true, rfp_job_work, job);
    rfp_status status = (rfp_status)atomic_load(&job->stop);
    if (status == RFP_OK && job->large_count > 0)
        status = rfp_job_hash_large(job, threads);
    return status;
}

rfp_status rfp_tree_hash(rfp_tree *tree, rfp_progress *progress)
{
    rfp_job job = {.tree = tree, .progress = progress, .caller = (pid_t)syscall(SYS_gettid)};

    if (tree->root < 0)
        return RFP_ERR_ARGUMENT;
    if (pthread_mutex_init(&job.lock, NULL) != 0)
        return RFP_ERR_MEMORY;
    rfp_status status = hash_files(tree, &job);
    if (status == RFP_OK)
        status = check_folders(tree);
    free(job.large);
    (void)pthread_mutex_destroy(&job.lock);
    (void)close(tree->root);
    tree->root = -1;
    return status;
}
