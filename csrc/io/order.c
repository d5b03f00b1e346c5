/* The order of a folder's children: that of the bytes of the paths of what is in or below them, so that a
 * folder's name is followed by a separator. */
#include <stdlib.h>
#include <string.h>

#include "walk.h"

/* The first bytes by which names of a folder differ, and whose they are: most comparisons need no more. */
typedef struct rfp_sort_key {
    uint64_t beginning;
    const rfp_child *child;
} sort_key;

static int compare_names(const rfp_child *a, const rfp_child *b, size_t from)
{
    const unsigned char *x = (const unsigned char *)a->path + from;
    const unsigned char *y = (const unsigned char *)b->path + from;

    while (*x == *y && *x != '\0') {
        x++;
        y++;
    }
    int cx = *x == '\0' && a->kind == RFP_ENTRY_FOLDER ? '/' : *x;
    int cy = *y == '\0' && b->kind == RFP_ENTRY_FOLDER ? '/' : *y;
    return cx - cy;
}

static int compare_keys(const void *left, const void *right, void *shared)
{
    const sort_key *a = left;
    const sort_key *b = right;

    if (a->beginning != b->beginning)
        return a->beginning < b->beginning ? -1 : 1;
    return compare_names(a->child, b->child, *(const size_t *)shared);
}

/* How many bytes all paths begin with, if it is at least `bytes`. */
static size_t count_shared(const rfp_walker *w, size_t bytes)
{
    const char *first = w->children[0].path;
    size_t shared = strlen(first);

    for (size_t i = 1; i < w->count; i++) {
        const char *path = w->children[i].path;
        size_t same = bytes;
        while (same < shared && path[same] == first[same])
            same++;
        shared = same;
    }
    return shared;
}

static uint64_t make_beginning(const rfp_child *child, size_t from)
{
    const unsigned char *at = (const unsigned char *)child->path + from;
    uint64_t beginning = 0;
    size_t i = 0;

    for (; i < sizeof beginning && at[i] != '\0'; i++)
        beginning = beginning << 8 | at[i];
    if (i < sizeof beginning) {
        beginning = beginning << 8 | (child->kind == RFP_ENTRY_FOLDER ? '/' : 0);
        beginning <<= 8 * (sizeof beginning - i - 1);
    }
    return beginning;
}

static bool have_keys(rfp_walker *w)
{
    if (w->key_room >= w->count)
        return true;
    free(w->keys);
    w->keys = malloc(w->room * sizeof *w->keys);
    w->key_room = w->keys != NULL ? w->room : 0;
    return w->keys != NULL;
}

static void copy_in_order(rfp_walker *w, const rfp_folder *folder, rfp_child *to)
{
    size_t shared = count_shared(w, folder->length + (folder->length > 0));

    for (size_t i = 0; i < w->count; i++)
        w->keys[i] = (sort_key){make_beginning(&w->children[i], shared), &w->children[i]};
    qsort_r(w->keys, w->count, sizeof *w->keys, compare_keys, &shared);
    for (size_t i = 0; i < w->count; i++)
        to[i] = *w->keys[i].child;
}

/* Nodes that were made and that nobody will walk. */
static void drop_children(rfp_walker *w)
{
    for (size_t i = 0; i < w->count; i++)
        free(rfp_child_node(&w->children[i]));
    w->count = 0;
}

rfp_status rfp_children_settle(rfp_walker *walker, rfp_node *node)
{
    if (walker->count == 0)
        return RFP_OK;
    node->children = malloc(walker->count * sizeof *node->children);
    if (node->children == NULL || !have_keys(walker)) {
        drop_children(walker);
        return RFP_ERR_MEMORY;
    }
    copy_in_order(walker, &node->folder, node->children);
    node->count = walker->count;
    walker->count = 0;
    return RFP_OK;
}
