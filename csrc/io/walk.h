/* Walking, inside: folders as they are read, before they are put in order. */
#ifndef RFP_IO_WALK_H
#define RFP_IO_WALK_H

#include "tree.h"

/* What a folder holds. */
typedef struct rfp_child {
    char *path;
    union {
        char *target;          /* of a link */
        struct rfp_node *node; /* of a folder that is walked */
    };
    uint64_t inode;
    int32_t error;
    uint8_t kind;   /* rfp_entry_kind */
    uint8_t status; /* rfp_status */
    bool followed;
} rfp_child;

/* A folder, before and after it was read. */
typedef struct rfp_node {
    struct rfp_node *next; /* in the queue */
    rfp_folder folder;
    const rfp_mount *mount;
    unsigned depth;
    rfp_status status;
    int error;
    bool left_out; /* something of it, on request */
    rfp_child *children;
    size_t count;
} rfp_node;

/* A walk, shared by all its threads. */
typedef struct rfp_walk {
    rfp_tree *tree;
    rfp_progress *progress;
    rfp_readers readers;
    pthread_mutex_t asking; /* the caller's filter: one thread at a time */
    pthread_mutex_t lock;   /* of what follows */
    pthread_cond_t changed;
    rfp_node *queue; /* the last in is the first out: it stays short */
    size_t pending;  /* in the queue or being read */
    size_t found;    /* children of all folders that were read */
    rfp_status stop; /* what ends the whole */
} rfp_walk;

/* One thread of it. */
typedef struct rfp_walker {
    rfp_walk *walk;
    rfp_arena arena;
    char *names; /* RFP_NAMES_BYTES, for getdents */
    /* Of the folder that is being read, before they are put in order. */
    rfp_child *children;
    size_t count;
    size_t room;
    struct rfp_sort_key *keys;
    size_t key_room;
} rfp_walker;

enum { RFP_NAMES_BYTES = 64 * 1024 };

/* The folder of a child, if it is one that is walked. */
static inline rfp_node *rfp_child_node(const rfp_child *child)
{
    return child->kind == RFP_ENTRY_FOLDER ? child->node : NULL;
}

/* ---- order.c ---- */

/* Hand the walker's children to their folder, in the order of their paths. */
rfp_status rfp_children_settle(rfp_walker *walker, rfp_node *node);

/* ---- folder.c ---- */

/* Read one folder: its children in order, with nodes for those to walk. Only what ends the whole walk
 * is returned; what concerns the folder is its own status. */
rfp_status rfp_node_read(rfp_walker *walker, rfp_node *node);

/* Room for one more element of a growing array; false without memory. */
bool rfp_make_room(void **array, size_t count, size_t *room, size_t element);

#endif
