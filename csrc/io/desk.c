/* One thread's place of work: small files are read one after the other into one buffer and hashed
 * together, those of medium size piece by piece. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "tree.h"

#ifndef SYS_close_range
#define SYS_close_range 436
#endif

enum {
    /* Files of up to this size are hashed together. */
    SMALL_BYTES = 64 * 1024,
    /* Files above this size are left for all threads together. */
    LARGE_BYTES = 4 * 1024 * 1024,
    /* The buffer for small files stays in the second-level cache, beside the kernel's copy of them; one
     * of them always fits, and a byte more, so that its end is seen. */
    BATCH_BYTES = 160 * 1024,
    BATCH_FILES = 256,
    /* So many files are left open, where they can be closed at once. */
    MOST_OPEN = 64,
    /* So many entries are taken at a time, no more than bits are in desk.expected. */
    SHARE = 32,
};

typedef struct desk {
    rfp_job *job;
    rfp_since since;
    int root;   /* the tree's, as this thread has it */
    int folder; /* the one that is open, or -1 */
    uint32_t folder_index;
    bool glances;      /* at files of this folder one look, after reading, is enough */
    bool small;        /* the last file was: the next one is read before it is looked at */
    bool owns;         /* its own table of descriptors: all above the folder's are files */
    int open_files;    /* that were left open */
    int access_flags;  /* O_NOATIME as long as it is allowed: who looks does not change what he sees */
    uint32_t expected; /* which entries of the share the cache may know */
    uint8_t *piece;    /* for medium files, once there was one */
    size_t used;
    size_t count;
    rfp_span spans[BATCH_FILES];
    size_t entries[BATCH_FILES];
    bool glanced[BATCH_FILES];
    rfp_stamp stamps[BATCH_FILES]; /* of files that the cache shall learn, else of inode 0 */
    uint8_t digests[BATCH_FILES * RFP_DIGEST_BYTES];
    uint8_t buffer[BATCH_BYTES];
} desk;

/* ---- Descriptors ---- */

static void close_files(desk *d)
{
    if (d->open_files > 0)
        (void)syscall(SYS_close_range, (unsigned)d->folder + 1, ~0U, 0);
    d->open_files = 0;
}

static void close_file(desk *d, int fd)
{
    int error = errno;

    if (!d->owns || fd <= d->folder)
        (void)close(fd);
    else if (++d->open_files == MOST_OPEN)
        close_files(d);
    errno = error;
}

static void leave_folder(desk *d)
{
    close_files(d);
    if (d->folder >= 0)
        (void)close(d->folder);
    d->folder = -1;
}

static rfp_status enter_folder(desk *d, uint32_t index)
{
    const rfp_folder *folder = &d->job->tree->folders[index];

    leave_folder(d);
    d->folder_index = index;
    rfp_status status = rfp_folder_enter(d->root, folder, &d->folder);
    d->glances = status == RFP_OK && rfp_since_serves(&d->since, d->folder, folder->stamp.device);
    errno = status == RFP_OK ? 0 : errno;
    return status;
}

static rfp_status open_file(desk *d, size_t index, int *fd)
{
    const rfp_tree *tree = d->job->tree;
    rfp_status status = rfp_entry_open(tree, index, d->folder, d->access_flags, fd);

    if (status == RFP_ERR_DENIED && d->access_flags != 0 && errno == EPERM) { /* somebody else's file */
        d->access_flags = 0;
        status = rfp_entry_open(tree, index, d->folder, 0, fd);
    }
    return status;
}

/* ---- The batch ---- */

static void hash_thoroughly(desk *d, size_t index);

/* The clock was set while the batch was read: look again, thoroughly, at what was only glanced at. */
static void doubt_batch(desk *d)
{
    size_t again[BATCH_FILES];
    size_t doubtful = 0;
    size_t kept = 0;

    for (size_t i = 0; i < d->count; i++) {
        if (d->glanced[i]) {
            again[doubtful++] = d->entries[i];
            continue;
        }
        d->spans[kept] = d->spans[i];
        d->entries[kept] = d->entries[i];
        d->stamps[kept] = d->stamps[i];
        d->glanced[kept++] = false;
    }
    d->count = kept;
    d->glances = false;
    rfp_since_end(&d->since);
    for (size_t i = 0; i < doubtful; i++)
        hash_thoroughly(d, again[i]);
}

static void finish_entry(desk *d, size_t i)
{
    rfp_tree *tree = d->job->tree;
    rfp_entry *entry = &tree->entries[d->entries[i]];

    memcpy(entry->digest, d->digests + i * RFP_DIGEST_BYTES, RFP_DIGEST_BYTES);
    entry->bytes = d->spans[i].bytes;
    if (d->stamps[i].inode != 0)
        rfp_cache_put(tree->options.cache, &d->stamps[i], entry->digest);
}

static bool has_glanced(const desk *d)
{
    for (size_t i = 0; i < d->count; i++)
        if (d->glanced[i])
            return true;
    return false;
}

static void flush(desk *d)
{
    uint64_t bytes = 0;

    if (has_glanced(d) && !rfp_since_holds(&d->since))
        doubt_batch(d);
    rfp_batch_hash(d->spans, d->count, d->digests);
    for (size_t i = 0; i < d->count; i++) {
        finish_entry(d, i);
        bytes += d->spans[i].bytes;
    }
    rfp_progress_count(d->job->progress, d->count, bytes);
    d->count = 0;
    d->used = 0;
}

/* Make room for one small file and a byte. */
static void make_room(desk *d)
{
    if (d->count == BATCH_FILES || d->used + SMALL_BYTES + 1 > BATCH_BYTES)
        flush(d);
}

static void add_to_batch(desk *d, size_t index, size_t bytes, bool glanced, const rfp_stamp *learned)
{
    size_t i = d->count++;

    d->spans[i] = (rfp_span){d->buffer + d->used, bytes};
    d->entries[i] = index;
    d->glanced[i] = glanced;
    d->stamps[i] = learned != NULL ? *learned : (rfp_stamp){0};
    d->used += bytes;
}

/* ---- One file ---- */

/* Read a small file and look at it once. False, where that is not enough: nothing was done then. */
static bool glance(desk *d, size_t index, int fd)
{
    rfp_cache *cache = d->job->tree->options.cache;
    bool learns = cache != NULL && rfp_cache_may_learn(cache, fd);
    rfp_stamp stamp = {0};

    make_room(d);
    ssize_t got = rfp_read_at_once(fd, d->buffer + d->used, SMALL_BYTES + 1);
    d->small = got <= SMALL_BYTES;
    if (got <= 0 || !d->small) /* files of /proc are empty, too; what cannot be read is told thoroughly */
        return false;
    rfp_status status = learns ? rfp_stamp_read_at(fd, "", AT_EMPTY_PATH, &stamp) : rfp_stamp_read(fd, &stamp);
    if (status != RFP_OK || stamp.bytes != (uint64_t)got || !rfp_since_unchanged(&d->since, &stamp))
        return false;
    add_to_batch(d, index, (size_t)got, true, learns ? &stamp : NULL);
    rfp_progress_found_bytes(d->job->progress, stamp.bytes);
    return true;
}

static rfp_status read_small(desk *d, size_t index, int fd, const rfp_stamp *stamp, bool learns)
{
    make_room(d);
    ssize_t got = rfp_read_at(fd, d->buffer + d->used, (size_t)stamp->bytes + 1, 0);
    if (got < 0)
        return rfp_status_of_errno(errno);
    rfp_status status = rfp_stamp_check(fd, stamp);
    if (status != RFP_OK || (uint64_t)got != stamp->bytes)
        return status != RFP_OK ? status : RFP_ERR_UNSTABLE;
    add_to_batch(d, index, (size_t)got, false, learns ? stamp : NULL);
    return RFP_OK;
}

static rfp_status read_medium(desk *d, size_t index, int fd, const rfp_stamp *stamp, bool learns)
{
    rfp_tree *tree = d->job->tree;
    rfp_entry *entry = &tree->entries[index];
    uint64_t bytes = 0;
    uint8_t digest[RFP_DIGEST_BYTES];

    if (d->piece == NULL)
        d->piece = malloc(RFP_PIECE_BYTES);
    if (d->piece == NULL)
        return RFP_ERR_MEMORY;
    rfp_status status = rfp_stream_hash(fd, d->piece, d->job->progress, &bytes, digest);
    if (status == RFP_OK)
        status = rfp_stamp_check(fd, stamp);
    if (status != RFP_OK)
        return status;
    memcpy(entry->digest, digest, sizeof digest);
    entry->bytes = bytes;
    if (learns)
        rfp_cache_put(tree->options.cache, stamp, digest);
    rfp_progress_count(d->job->progress, 1, 0);
    return RFP_OK;
}

/* Compare the stamps of before and after. */
static rfp_status hash_open_file(desk *d, size_t index, int fd)
{
    rfp_stamp stamp;
    bool learns = false;
    rfp_status status = rfp_entry_stamp(d->job->tree, fd, &stamp, &learns);

    if (status == RFP_ERR_KIND)
        return RFP_ERR_UNSTABLE;
    if (status != RFP_OK)
        return status;
    rfp_progress_found_bytes(d->job->progress, stamp.bytes);
    d->small = stamp.bytes <= SMALL_BYTES;
    if (stamp.bytes > LARGE_BYTES)
        return rfp_job_postpone(d->job, index);
    if (stamp.bytes > 0 && d->small)
        return read_small(d, index, fd, &stamp, learns);
    return read_medium(d, index, fd, &stamp, learns); /* files of /proc say they are empty: to the end */
}

static void end_entry(const desk *d, size_t index, rfp_status status)
{
    if (status != RFP_OK)
        rfp_entry_fail(&d->job->tree->entries[index], status, errno);
    if (status == RFP_ERR_MEMORY || status == RFP_ERR_CANCELLED)
        atomic_store(&d->job->stop, (int)status);
}

static void hash_thoroughly(desk *d, size_t index)
{
    const rfp_tree *tree = d->job->tree;
    int folder = -1;
    int fd = -1;

    errno = 0;
    rfp_status status = rfp_folder_enter(d->root, &tree->folders[tree->folder_of[index]], &folder);
    if (status == RFP_OK)
        status = rfp_entry_open(tree, index, folder, 0, &fd);
    if (status == RFP_OK)
        status = hash_open_file(d, index, fd);
    end_entry(d, index, status);
    if (fd >= 0)
        (void)close(fd);
    if (folder >= 0)
        (void)close(folder);
}

static uint64_t device_of(const rfp_tree *tree, size_t index)
{
    return tree->folders[tree->folder_of[index]].stamp.device;
}

/* Which of a share of files the cache is worth asking for: what it does not know by inode is not looked at. */
static void expect_share(desk *d, size_t begin, size_t end)
{
    const rfp_tree *tree = d->job->tree;

    d->expected = 0;
    for (size_t i = begin; i < end && tree->options.cache != NULL; i++) {
        bool follows = (tree->entries[i].flags & RFP_ENTRY_FOLLOWED) != 0;
        bool known = follows || rfp_cache_expect(tree->options.cache, device_of(tree, i), tree->inode_of[i]);
        d->expected |= (uint32_t)known << (i % SHARE);
    }
}

static bool cache_may_know(const desk *d, size_t index)
{
    const rfp_tree *tree = d->job->tree;

    if (tree->options.cache == NULL)
        return false;
    return (d->expected >> (index % SHARE) & 1) != 0 ||
           rfp_cache_may_have_learned(tree->options.cache, device_of(tree, index), tree->inode_of[index]);
}

/* Ask the cache; true if it knew the file as it is now. */
static bool reuse(const desk *d, size_t index)
{
    const rfp_tree *tree = d->job->tree;
    rfp_entry *entry = &tree->entries[index];
    int follow = (entry->flags & RFP_ENTRY_FOLLOWED) != 0 ? 0 : AT_SYMLINK_NOFOLLOW;
    rfp_stamp stamp = {0};

    if (!cache_may_know(d, index) ||
        rfp_stamp_read_at(d->folder, rfp_entry_name(tree, index), follow, &stamp) != RFP_OK ||
        !rfp_cache_find(tree->options.cache, &stamp, entry->digest))
        return false;
    entry->bytes = stamp.bytes;
    entry->flags |= RFP_ENTRY_REUSED;
    rfp_progress_found_bytes(d->job->progress, stamp.bytes);
    rfp_progress_count(d->job->progress, 1, stamp.bytes);
    return true;
}

static rfp_status hash_entry(desk *d, size_t index)
{
    int fd = -1;

    if (reuse(d, index))
        return RFP_OK;
    rfp_status status = open_file(d, index, &fd);
    if (status != RFP_OK)
        return status;
    if (!d->glances || !d->small || !glance(d, index, fd))
        status = hash_open_file(d, index, fd);
    close_file(d, fd);
    return status;
}

static void do_entry(desk *d, size_t index)
{
    const rfp_tree *tree = d->job->tree;
    const rfp_entry *entry = &tree->entries[index];
    rfp_status status = RFP_OK;

    if (entry->kind != RFP_ENTRY_FILE || entry->status != RFP_OK)
        return;
    errno = 0;
    if (d->folder < 0 || d->folder_index != tree->folder_of[index])
        status = enter_folder(d, tree->folder_of[index]);
    if (status == RFP_OK)
        status = hash_entry(d, index);
    end_entry(d, index, status);
}

/* ---- All files ---- */

static void do_share(desk *d, size_t begin, size_t end)
{
    rfp_job *j = d->job;

    expect_share(d, begin, end);
    for (size_t i = begin; i < end && atomic_load_explicit(&j->stop, memory_order_relaxed) == RFP_OK; i++) {
        do_entry(d, i);
        if (rfp_progress_cancelled(j->progress))
            atomic_store(&j->stop, RFP_ERR_CANCELLED);
    }
}

static void do_shares(desk *d, rfp_team *team)
{
    rfp_job *j = d->job;
    size_t total = j->tree->entry_count;
    long waits = rfp_readers_waits();

    while (atomic_load(&j->stop) == RFP_OK) {
        size_t begin = atomic_fetch_add(&j->next, SHARE);
        if (begin >= total)
            break;
        do_share(d, begin, begin + SHARE < total ? begin + SHARE : total);
        long now = rfp_readers_waits();
        bool waited = now - waits > SHARE / 4;
        waits = now;
        if (!rfp_readers_adapt(&j->readers, team, waited))
            break;
    }
    flush(d);
    leave_folder(d);
}

static bool begin_work(desk *d, rfp_job *job, bool helps)
{
    d->job = job;
    d->root = job->tree->root;
    d->owns = helps && rfp_team_own_descriptors(job->caller, &d->root);
    d->folder = -1;
    d->open_files = 0;
    d->access_flags = O_NOATIME;
    d->piece = NULL;
    d->small = true;
    d->glances = false;
    d->count = 0;
    d->used = 0;
    if (d->root >= 0)
        rfp_since_begin(&d->since);
    return d->root >= 0;
}

void rfp_job_work(void *context, rfp_team *team)
{
    rfp_job *job = context;
    desk *d = malloc(sizeof *d);

    if (d == NULL) {
        atomic_store(&job->stop, RFP_ERR_MEMORY);
        return;
    }
    if (begin_work(d, job, team != NULL)) {
        do_shares(d, team);
        rfp_since_end(&d->since);
        free(d->piece);
    }
    free(d);
}
