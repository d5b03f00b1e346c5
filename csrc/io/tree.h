/* A walked tree, inside. */
#ifndef RFP_IO_TREE_H
#define RFP_IO_TREE_H

#include <pthread.h>

#include "io.h"

enum { RFP_NO_FOLDER = UINT32_MAX };

/* Memory that is only given back as a whole: names and targets. */
typedef struct rfp_arena {
    struct rfp_arena_block *blocks;
    size_t used;
    size_t size;
} rfp_arena;

/* `bytes` bytes without alignment, or NULL. */
char *rfp_arena_take(rfp_arena *arena, size_t bytes);
void rfp_arena_free(rfp_arena *arena);

/* Move all that one holds to another. */
void rfp_arena_join(rfp_arena *arena, rfp_arena *other);

/* A folder that was walked. */
typedef struct rfp_folder {
    const char *path; /* as entries below it have it */
    const char *way;  /* how to open it: below the root, or absolute for what lies outside */
    size_t length;    /* of path */
    rfp_stamp stamp;  /* before its names were read */
} rfp_folder;

struct rfp_tree {
    int root;        /* descriptor */
    char *real_root; /* its path without links */
    rfp_tree_options options;
    rfp_arena arena;
    rfp_folder *folders;
    size_t folder_count;
    size_t folder_room;
    rfp_entry *entries;
    uint32_t *folder_of; /* of each entry */
    uint64_t *inode_of;  /* of each, as its folder has it; NULL without a cache */
    size_t entry_count;
    size_t entry_room;
};

/* A tree that is being hashed. */
typedef struct rfp_job {
    rfp_tree *tree;
    rfp_progress *progress;
    rfp_readers readers;
    pid_t caller;        /* the calling thread's id */
    _Atomic size_t next; /* entry */
    _Atomic int stop;    /* the status that ends the whole */
    pthread_mutex_t lock;
    size_t *large; /* entries that are left for all threads together, under the lock */
    size_t large_count;
    size_t large_room;
} rfp_job;

/* ---- desk.c ---- */

/* Hash the job's files, but for the large ones. */
rfp_work rfp_job_work;

/* ---- large.c ---- */

/* Leave an entry for all threads together. */
rfp_status rfp_job_postpone(rfp_job *job, size_t index);

/* Hash what was left. */
rfp_status rfp_job_hash_large(rfp_job *job, unsigned threads);

/* ---- entries.c ---- */

void rfp_entry_fail(rfp_entry *entry, rfp_status status, int error);

/* What the walk saw is gone or has become something else: it changed. */
rfp_status rfp_status_of_vanished(int error);

/* Open an entry's folder, if it still is the one that was walked; -1 with a status. */
rfp_status rfp_folder_enter(int root, const rfp_folder *folder, int *fd);

/* Open a file of an open folder. */
rfp_status rfp_entry_open(const rfp_tree *tree, size_t index, int folder, int more_flags, int *fd);

/* Before an open file is read; what the cache may learn has the time of birth, too. */
rfp_status rfp_entry_stamp(const rfp_tree *tree, int fd, rfp_stamp *stamp, bool *learns);

/* ---- of all ---- */

/* The last part of an entry's path: its name in its folder. */
static inline const char *rfp_entry_name(const rfp_tree *tree, size_t index)
{
    const rfp_folder *folder = &tree->folders[tree->folder_of[index]];

    return tree->entries[index].path + folder->length + (folder->length > 0);
}

/* A folder outside of the tree that is walked in place of a link to it; the first is the root. */
typedef struct rfp_mount {
    const char *real; /* its path without links */
    const char *path; /* where it appears in the tree */
    const struct rfp_mount *above;
} rfp_mount;

/* What a link leads to. */
typedef struct rfp_link {
    rfp_entry_kind kind; /* FILE and FOLDER: outside of the tree */
    rfp_status status;   /* with errno where it is not RFP_OK */
    char *target;        /* of LINK and DANGLING */
    char *real;          /* of FOLDER: its path without links */
} rfp_link;

/* Find out about the link `name` of a folder. */
rfp_status rfp_link_resolve(const rfp_tree *tree, rfp_arena *arena, const rfp_mount *mount, const rfp_folder *folder,
                            int fd, const char *name, rfp_link *link);

/* Add an entry of a folder; no more than its room is asked for. */
rfp_status rfp_tree_add_entry(rfp_tree *tree, size_t folder, const rfp_entry *entry);

/* The kind of what is neither file nor folder nor link. */
rfp_entry_kind rfp_special_kind(unsigned mode);

/* Whether a line of the manifest can hold a path: valid UTF-8 without carriage return and U+FFFD. */
bool rfp_path_is_listed(const char *path);

#endif
