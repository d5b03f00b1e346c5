/* A walked tree, inside. */
#ifndef RFP_IO_TREE_H
#define RFP_IO_TREE_H

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
    size_t entry_count;
    size_t entry_room;
};

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

/* Find out about the link `name` of a folder; memory comes from the tree. */
rfp_status rfp_link_resolve(rfp_tree *tree, const rfp_mount *mount, const rfp_folder *folder, int fd, const char *name,
                            rfp_link *link);

/* Add an entry of a folder; no more than its room is asked for. */
rfp_status rfp_tree_add_entry(rfp_tree *tree, size_t folder, const rfp_entry *entry);

/* The kind of what is neither file nor folder nor link. */
rfp_entry_kind rfp_special_kind(unsigned mode);

/* Whether a line of the manifest can hold a path: valid UTF-8 without carriage return and U+FFFD. */
bool rfp_path_is_listed(const char *path);

#endif
