/* Hashing a tree's files: small ones in batches, large ones in segments, by several threads. */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tree.h"

enum {
    /* Files of up to this size are read one after the other into one buffer and hashed together. */
    SMALL_BYTES = 64 * 1024,
    /* Files above this size are left for all threads together. */
    LARGE_BYTES = 4 * 1024 * 1024,
    /* The buffer for small files stays in the second-level cache. */
    BATCH_BYTES = 384 * 1024,
    BATCH_FILES = 256,
    /* So many entries are taken at a time. */
    SHARE = 32,
};

typedef struct job {
    rfp_tree *tree;
    rfp_progress *progress;
    _Atomic size_t next;
    _Atomic int stop; /* the status that ends the whole */
    pthread_mutex_t lock;
    size_t *large; /* entries, under the lock */
    size_t large_count;
    size_t large_room;
} job;

/* One thread's place of work. */
typedef struct bench {
    job *job;
    uint8_t *buffer; /* BATCH_BYTES, and a piece for streaming behind it */
    size_t used;
    size_t count;
    rfp_span spans[BATCH_FILES];
    size_t entries[BATCH_FILES];
    rfp_stamp stamps[BATCH_FILES]; /* of files whose digest the cache shall have, else of inode 0 */
    uint8_t digests[BATCH_FILES * RFP_DIGEST_BYTES];
    int folder; /* descriptor of the folder that is open, or -1 */
    uint32_t folder_index;
} bench;

static void fail(rfp_entry *entry, rfp_status status, int error)
{
    entry->status = (int32_t)status;
    entry->system_error = error;
}

/* What the walk saw is gone or has become something else: it changed. */
static rfp_status status_of_vanished(int error)
{
    rfp_status status = rfp_status_of_errno(error);

    return status == RFP_ERR_NOT_FOUND || status == RFP_ERR_LOOP || status == RFP_ERR_KIND ? RFP_ERR_UNSTABLE : status;
}

static void leave_folder(bench *b)
{
    if (b->folder >= 0)
        (void)close(b->folder);
    b->folder = -1;
}

static bool is_same_folder(int fd, const rfp_folder *folder)
{
    rfp_stamp now = {0};

    return rfp_stamp_read_folder(fd, &now) == RFP_OK && now.device == folder->stamp.device &&
           now.inode == folder->stamp.inode;
}

/* Make an entry's folder the open one. */
static rfp_status enter_folder(const rfp_tree *tree, uint32_t index, int *fd)
{
    const rfp_folder *folder = &tree->folders[index];

    *fd = rfp_open_folder(tree->root, folder->way, O_PATH);
    if (*fd < 0)
        return status_of_vanished(errno);
    if (is_same_folder(*fd, folder))
        return RFP_OK;
    (void)close(*fd);
    *fd = -1;
    errno = 0;
    return RFP_ERR_UNSTABLE;
}

static rfp_status open_entry(const rfp_tree *tree, size_t index, int folder, int *fd)
{
    int link_flag = (tree->entries[index].flags & RFP_ENTRY_FOLLOWED) != 0 ? 0 : O_NOFOLLOW;

    *fd = rfp_open_at(folder, rfp_entry_name(tree, index), link_flag);
    return *fd < 0 ? status_of_vanished(errno) : RFP_OK;
}

static void learn(const rfp_tree *tree, const rfp_stamp *stamp, const uint8_t digest[RFP_DIGEST_BYTES])
{
    if (stamp->inode != 0)
        rfp_cache_put(tree->options.cache, stamp, digest);
}

static void flush(bench *b)
{
    rfp_entry *entries = b->job->tree->entries;
    uint64_t bytes = 0;

    rfp_batch_hash(b->spans, b->count, b->digests);
    for (size_t i = 0; i < b->count; i++) {
        rfp_entry *entry = &entries[b->entries[i]];
        memcpy(entry->digest, b->digests + i * RFP_DIGEST_BYTES, RFP_DIGEST_BYTES);
        entry->bytes = b->spans[i].bytes;
        bytes += b->spans[i].bytes;
        learn(b->job->tree, &b->stamps[i], entry->digest);
    }
    rfp_progress_count(b->job->progress, b->count, bytes);
    b->count = 0;
    b->used = 0;
}

/* Read a small file into the buffer; one byte more is asked for, so that its end is seen. */
static rfp_status read_small(bench *b, int fd, const rfp_stamp *stamp, bool learns, size_t index)
{
    if (b->count == BATCH_FILES || b->used + stamp->bytes + 1 > BATCH_BYTES)
        flush(b);
    ssize_t got = rfp_read_at(fd, b->buffer + b->used, (size_t)stamp->bytes + 1, 0);
    if (got < 0)
        return rfp_status_of_errno(errno);
    rfp_status status = rfp_stamp_check(fd, stamp);
    if (status != RFP_OK || (uint64_t)got > stamp->bytes)
        return status != RFP_OK ? status : RFP_ERR_UNSTABLE;
    b->spans[b->count] = (rfp_span){b->buffer + b->used, (size_t)got};
    b->stamps[b->count] = learns ? *stamp : (rfp_stamp){0};
    b->entries[b->count++] = index;
    b->used += (size_t)got;
    return RFP_OK;
}

static rfp_status read_medium(bench *b, int fd, const rfp_stamp *stamp, bool learns, rfp_entry *entry)
{
    uint64_t bytes = 0;
    uint8_t digest[RFP_DIGEST_BYTES];
    rfp_status status = rfp_stream_hash(fd, b->buffer + BATCH_BYTES, b->job->progress, &bytes, digest);

    if (status == RFP_OK)
        status = rfp_stamp_check(fd, stamp);
    if (status != RFP_OK)
        return status;
    memcpy(entry->digest, digest, sizeof digest);
    entry->bytes = bytes;
    if (learns)
        learn(b->job->tree, stamp, digest);
    rfp_progress_count(b->job->progress, 1, 0);
    return RFP_OK;
}

static rfp_status postpone(job *j, size_t index)
{
    rfp_status status = RFP_OK;

    (void)pthread_mutex_lock(&j->lock);
    if (j->large_count == j->large_room) {
        size_t room = j->large_room == 0 ? 64 : 2 * j->large_room;
        size_t *large = realloc(j->large, room * sizeof *large);
        if (large != NULL) {
            j->large = large;
            j->large_room = room;
        } else {
            status = RFP_ERR_MEMORY;
        }
    }
    if (status == RFP_OK)
        j->large[j->large_count++] = index;
    (void)pthread_mutex_unlock(&j->lock);
    return status;
}

/* Ask the cache; true if it knew the file as it is now. */
static bool reuse(bench *b, size_t index)
{
    const rfp_tree *tree = b->job->tree;
    rfp_entry *entry = &tree->entries[index];
    int follow = (entry->flags & RFP_ENTRY_FOLLOWED) != 0 ? 0 : AT_SYMLINK_NOFOLLOW;
    rfp_stamp stamp = {0};

    if (tree->options.cache == NULL ||
        rfp_stamp_read_at(b->folder, rfp_entry_name(tree, index), follow, &stamp) != RFP_OK ||
        !rfp_cache_find(tree->options.cache, &stamp, entry->digest))
        return false;
    entry->bytes = stamp.bytes;
    entry->flags |= RFP_ENTRY_REUSED;
    rfp_progress_found_bytes(b->job->progress, stamp.bytes);
    rfp_progress_count(b->job->progress, 1, stamp.bytes);
    return true;
}

/* Before a file is read; what the cache may learn has the time of birth, too. */
static rfp_status take_stamp(const rfp_tree *tree, int fd, rfp_stamp *stamp, bool *learns)
{
    *learns = tree->options.cache != NULL && rfp_cache_may_learn(tree->options.cache, fd);
    return *learns ? rfp_stamp_take_born(fd, stamp) : rfp_stamp_take(fd, stamp);
}

static rfp_status hash_entry(bench *b, size_t index)
{
    rfp_stamp stamp;
    int fd = -1;
    bool learns = false;

    if (reuse(b, index))
        return RFP_OK;
    rfp_status status = open_entry(b->job->tree, index, b->folder, &fd);
    if (status != RFP_OK)
        return status;
    status = take_stamp(b->job->tree, fd, &stamp, &learns);
    if (status == RFP_OK)
        rfp_progress_found_bytes(b->job->progress, stamp.bytes);
    if (status == RFP_ERR_KIND)
        status = RFP_ERR_UNSTABLE;
    else if (status == RFP_OK && stamp.bytes > LARGE_BYTES)
        status = postpone(b->job, index);
    else if (status == RFP_OK && stamp.bytes > 0 && stamp.bytes <= SMALL_BYTES)
        status = read_small(b, fd, &stamp, learns, index);
    else if (status == RFP_OK) /* files of /proc say that they have no bytes: read to the end */
        status = read_medium(b, fd, &stamp, learns, &b->job->tree->entries[index]);
    int error = errno;
    (void)close(fd);
    errno = error;
    return status;
}

static void do_entry(bench *b, size_t index)
{
    rfp_tree *tree = b->job->tree;
    rfp_entry *entry = &tree->entries[index];
    rfp_status status = RFP_OK;

    if (entry->kind != RFP_ENTRY_FILE || entry->status != RFP_OK)
        return;
    errno = 0;
    if (b->folder < 0 || b->folder_index != tree->folder_of[index]) {
        leave_folder(b);
        b->folder_index = tree->folder_of[index];
        status = enter_folder(tree, b->folder_index, &b->folder);
    }
    if (status == RFP_OK)
        status = hash_entry(b, index);
    if (status != RFP_OK)
        fail(entry, status, errno);
    if (status == RFP_ERR_MEMORY || status == RFP_ERR_CANCELLED)
        atomic_store(&b->job->stop, (int)status);
}

static void hash_shares(bench *b)
{
    job *j = b->job;

    while (atomic_load(&j->stop) == RFP_OK) {
        size_t begin = atomic_fetch_add(&j->next, SHARE);
        size_t end = begin + SHARE < j->tree->entry_count ? begin + SHARE : j->tree->entry_count;
        if (begin >= end)
            break;
        for (size_t i = begin; i < end; i++)
            do_entry(b, i);
        if (rfp_progress_cancelled(j->progress))
            atomic_store(&j->stop, RFP_ERR_CANCELLED);
    }
    flush(b);
    leave_folder(b);
}

static void work(void *context)
{
    job *j = context;
    bench *b = malloc(sizeof *b);
    uint8_t *buffer = malloc(BATCH_BYTES + RFP_PIECE_BYTES);

    if (b != NULL && buffer != NULL) {
        b->job = j;
        b->buffer = buffer;
        b->used = 0;
        b->count = 0;
        b->folder = -1;
        hash_shares(b);
    } else {
        atomic_store(&j->stop, RFP_ERR_MEMORY);
    }
    free(buffer);
    free(b);
}

/* ---- Large files ---- */

typedef struct large_files {
    job *job;
    rfp_stamp *stamps;
    bool *learns;
} large_files;

static rfp_status open_large(void *context, size_t index, rfp_source *source)
{
    const large_files *l = context;
    rfp_tree *tree = l->job->tree;
    size_t entry = l->job->large[index];
    int folder = -1;
    int fd = -1;

    errno = 0;
    rfp_status status = enter_folder(tree, tree->folder_of[entry], &folder);
    if (status == RFP_OK)
        status = open_entry(tree, entry, folder, &fd);
    if (folder >= 0)
        (void)close(folder);
    if (status == RFP_OK)
        status = take_stamp(tree, fd, &l->stamps[index], &l->learns[index]);
    if (status == RFP_OK) {
        *source = (rfp_source){.fd = fd, .bytes = l->stamps[index].bytes};
        return RFP_OK;
    }
    fail(&tree->entries[entry], status, errno);
    if (fd >= 0)
        (void)close(fd);
    return status;
}

static void large_done(void *context, size_t index, const rfp_source *source, rfp_status status)
{
    const large_files *l = context;
    rfp_entry *entry = &l->job->tree->entries[l->job->large[index]];

    if (status == RFP_OK)
        status = rfp_stamp_check(source->fd, &l->stamps[index]);
    if (status == RFP_OK) {
        memcpy(entry->digest, source->digest, RFP_DIGEST_BYTES);
        entry->bytes = source->bytes;
        if (l->learns[index])
            learn(l->job->tree, &l->stamps[index], entry->digest);
        rfp_progress_count(l->job->progress, 1, 0);
    } else {
        fail(entry, status, errno);
    }
    (void)close(source->fd);
}

static rfp_status hash_large_files(job *j, unsigned threads)
{
    large_files l = {j, calloc(j->large_count + 1, sizeof *l.stamps), calloc(j->large_count + 1, sizeof *l.learns)};
    const rfp_supply supply = {j->large_count, &l, open_large, large_done};

    rfp_status status = RFP_ERR_MEMORY;
    if (l.stamps != NULL && l.learns != NULL)
        status = rfp_segments_hash(&supply, threads, j->progress);
    free(l.stamps);
    free(l.learns);
    return status;
}

/* ---- Folders, once more ---- */

static rfp_status check_folder(const rfp_tree *tree, const rfp_folder *folder)
{
    int fd = rfp_open_folder(tree->root, folder->way, O_PATH);

    if (fd < 0)
        return status_of_vanished(errno);
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
        fail(&entry, changed, 0);
        status = rfp_tree_add_entry(tree, i, &entry);
    }
    return status;
}

rfp_status rfp_tree_hash(rfp_tree *tree, rfp_progress *progress)
{
    job j = {.tree = tree, .progress = progress};

    if (tree->root < 0)
        return RFP_ERR_ARGUMENT;
    if (pthread_mutex_init(&j.lock, NULL) != 0)
        return RFP_ERR_MEMORY;
    rfp_team_run(tree->options.threads, work, &j);
    rfp_status status = (rfp_status)atomic_load(&j.stop);
    if (status == RFP_OK && j.large_count > 0)
        status = hash_large_files(&j, tree->options.threads);
    if (status == RFP_OK)
        status = check_folders(tree);
    free(j.large);
    (void)pthread_mutex_destroy(&j.lock);
    (void)close(tree->root);
    tree->root = -1;
    return status;
}
