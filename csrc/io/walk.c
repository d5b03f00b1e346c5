/* Walking a tree: several threads read folders, and when all are read they are put in the order of
 * their paths' bytes. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "walk.h"

/* ---- Threads ---- */

/* Hand a folder's own folders to all threads, and tell of its files. */
static void end_node(rfp_walk *walk, const rfp_node *node, rfp_status status)
{
    uint64_t files = 0;

    (void)pthread_mutex_lock(&walk->lock);
    if (status != RFP_OK && walk->stop == RFP_OK)
        walk->stop = status;
    walk->pending--;
    walk->found += node->count;
    for (size_t i = node->count; i > 0; i--) {
        rfp_node *below = rfp_child_node(&node->children[i - 1]);
        files += node->children[i - 1].kind == RFP_ENTRY_FILE;
        if (below == NULL)
            continue;
        below->next = walk->queue;
        walk->queue = below;
        walk->pending++;
    }
    if (walk->queue != NULL || walk->pending == 0 || walk->stop != RFP_OK)
        (void)pthread_cond_broadcast(&walk->changed);
    (void)pthread_mutex_unlock(&walk->lock);
    rfp_progress_found(walk->progress, files);
}

/* The next folder, once there is one; NULL at the end. */
static rfp_node *next_node(rfp_walk *walk)
{
    (void)pthread_mutex_lock(&walk->lock);
    while (walk->queue == NULL && walk->pending > 0 && walk->stop == RFP_OK)
        (void)pthread_cond_wait(&walk->changed, &walk->lock);
    rfp_node *node = walk->stop == RFP_OK ? walk->queue : NULL;
    if (node != NULL)
        walk->queue = node->next;
    (void)pthread_mutex_unlock(&walk->lock);
    return node;
}

static void walk_folders(rfp_walker *w, rfp_team *team)
{
    rfp_walk *walk = w->walk;
    rfp_node *node;
    bool stays = true;

    while (stays && (node = next_node(walk)) != NULL) {
        long waits = rfp_readers_waits();
        rfp_status status = rfp_node_read(w, node);
        bool waited = rfp_readers_waits() > waits;
        end_node(walk, node, status);
        stays = rfp_readers_adapt(&walk->readers, team, waited);
    }
}

static void fail_walk(rfp_walk *walk)
{
    (void)pthread_mutex_lock(&walk->lock);
    walk->stop = RFP_ERR_MEMORY;
    (void)pthread_cond_broadcast(&walk->changed);
    (void)pthread_mutex_unlock(&walk->lock);
}

static void work(void *context, rfp_team *team)
{
    rfp_walk *walk = context;
    rfp_walker w = {.walk = walk, .names = malloc(RFP_NAMES_BYTES)};

    if (w.names != NULL)
        walk_folders(&w, team);
    else
        fail_walk(walk);
    free(w.names);
    free(w.children);
    free(w.keys);
    (void)pthread_mutex_lock(&walk->lock);
    rfp_arena_join(&walk->tree->arena, &w.arena);
    (void)pthread_mutex_unlock(&walk->lock);
}

/* ---- Order ---- */

rfp_status rfp_tree_add_entry(rfp_tree *tree, size_t folder, const rfp_entry *entry)
{
    void *entries = tree->entries;
    void *folder_of = tree->folder_of;
    size_t room = tree->entry_room;

    if (!rfp_make_room(&entries, tree->entry_count, &room, sizeof *tree->entries))
        return RFP_ERR_MEMORY;
    tree->entries = entries;
    if (!rfp_make_room(&folder_of, tree->entry_count, &tree->entry_room, sizeof *tree->folder_of))
        return RFP_ERR_MEMORY;
    tree->folder_of = folder_of;
    tree->folder_of[tree->entry_count] = (uint32_t)folder;
    tree->entries[tree->entry_count++] = *entry;
    return RFP_OK;
}

/* Room for all that was found. */
static rfp_status reserve_entries(rfp_tree *tree, size_t count)
{
    tree->entries = rfp_allocate(count * sizeof *tree->entries);
    tree->folder_of = rfp_allocate(count * sizeof *tree->folder_of);
    if (tree->options.cache != NULL)
        tree->inode_of = rfp_allocate(count * sizeof *tree->inode_of);
    if (tree->entries == NULL || tree->folder_of == NULL || (tree->options.cache != NULL && tree->inode_of == NULL))
        return RFP_ERR_MEMORY;
    tree->entry_room = count;
    return RFP_OK;
}

static rfp_status add_entry(rfp_tree *tree, size_t folder, bool folder_is_listed, const rfp_child *c)
{
    bool is_link = c->kind == RFP_ENTRY_LINK || c->kind == RFP_ENTRY_DANGLING;
    rfp_entry entry = {
        .path = c->path,
        .target = is_link ? c->target : NULL,
        .kind = c->kind,
        .status = c->status,
        .system_error = c->error,
    };

    if (tree->inode_of != NULL)
        tree->inode_of[tree->entry_count] = c->inode;
    if (c->kind == RFP_ENTRY_FILE) {
        const char *name = c->path + tree->folders[folder].length;
        entry.flags = folder_is_listed && rfp_path_is_listed(name) ? RFP_ENTRY_LISTED : 0;
        entry.flags |= c->followed ? RFP_ENTRY_FOLLOWED : 0;
    }
    return rfp_tree_add_entry(tree, folder, &entry);
}

static rfp_status add_folder(rfp_tree *tree, const rfp_folder *folder)
{
    void *folders = tree->folders;

    if (tree->folder_count == RFP_NO_FOLDER)
        return RFP_ERR_LIMIT;
    if (!rfp_make_room(&folders, tree->folder_count, &tree->folder_room, sizeof *tree->folders))
        return RFP_ERR_MEMORY;
    tree->folders = folders;
    tree->folders[tree->folder_count++] = *folder;
    return RFP_OK;
}

static void free_node(rfp_node *node)
{
    for (size_t i = 0; i < node->count; i++)
        if (rfp_child_node(&node->children[i]) != NULL)
            free_node(node->children[i].node);
    free(node->children);
    free(node);
}

static rfp_status add_node(rfp_tree *tree, const rfp_node *node);

/* A folder is an entry of its own if it is empty or could not be read. */
static rfp_status add_child(rfp_tree *tree, size_t folder, bool folder_is_listed, rfp_child *c)
{
    const rfp_node *node = rfp_child_node(c);

    if (node == NULL)
        return add_entry(tree, folder, folder_is_listed, c);
    if (node->status == RFP_OK && (node->count > 0 || node->left_out))
        return add_node(tree, node);
    c->status = (uint8_t)node->status;
    c->error = node->error;
    rfp_status status = node->status == RFP_OK ? add_folder(tree, &node->folder) : RFP_OK;
    return status == RFP_OK ? add_entry(tree, folder, folder_is_listed, c) : status;
}

/* Add what is in and below a folder, and give its part of the walk back. */
static rfp_status add_node(rfp_tree *tree, const rfp_node *node)
{
    size_t folder = tree->folder_count;
    bool is_listed = rfp_path_is_listed(node->folder.path);
    rfp_status status = add_folder(tree, &node->folder);

    for (size_t i = 0; i < node->count && status == RFP_OK; i++) {
        rfp_child *c = &node->children[i];
        status = add_child(tree, folder, is_listed, c);
        rfp_node *below = rfp_child_node(c);
        if (below == NULL)
            continue;
        free_node(below);
        c->node = NULL;
    }
    return status;
}

/* ---- All of it ---- */

static rfp_status put_in_order(rfp_walk *walk, const rfp_node *root)
{
    if (walk->stop != RFP_OK)
        return walk->stop;
    errno = root->error;
    if (root->status != RFP_OK)
        return root->status;
    rfp_status status = reserve_entries(walk->tree, walk->found);
    return status == RFP_OK ? add_node(walk->tree, root) : status;
}

static rfp_status walk_from(rfp_walk *walk, rfp_node *root)
{
    unsigned threads = walk->tree->options.threads == 0 ? 1 : walk->tree->options.threads;
    rfp_stamp stamp = {0};

    (void)rfp_stamp_read_folder(walk->tree->root, &stamp);
    rfp_readers_init(&walk->readers, threads, stamp.device);
    walk->queue = root;
    walk->pending = 1;
    rfp_team_lead(threads - 1, false, work, walk);
    return put_in_order(walk, root);
}

static rfp_status init_locks(rfp_walk *walk)
{
    if (pthread_mutex_init(&walk->lock, NULL) != 0)
        return RFP_ERR_MEMORY;
    if (pthread_mutex_init(&walk->asking, NULL) == 0) {
        if (pthread_cond_init(&walk->changed, NULL) == 0)
            return RFP_OK;
        (void)pthread_mutex_destroy(&walk->asking);
    }
    (void)pthread_mutex_destroy(&walk->lock);
    return RFP_ERR_MEMORY;
}

static rfp_status walk_tree(rfp_tree *tree, rfp_progress *progress)
{
    rfp_walk walk = {.tree = tree, .progress = progress, .stop = RFP_OK};
    const rfp_mount mount = {.real = tree->real_root, .path = ""};
    rfp_node *root = calloc(1, sizeof *root);

    if (root == NULL || init_locks(&walk) != RFP_OK) {
        free(root);
        return RFP_ERR_MEMORY;
    }
    root->folder = (rfp_folder){.path = "", .way = ""};
    root->mount = &mount;
    rfp_status status = walk_from(&walk, root);
    int error = errno;
    free_node(root);
    (void)pthread_mutex_destroy(&walk.lock);
    (void)pthread_mutex_destroy(&walk.asking);
    (void)pthread_cond_destroy(&walk.changed);
    errno = error;
    return status;
}

rfp_status rfp_tree_open(const char *path, const rfp_tree_options *options, rfp_progress *progress, rfp_tree **tree)
{
    rfp_tree *t = calloc(1, sizeof *t);

    if (t == NULL)
        return RFP_ERR_MEMORY;
    if (options != NULL)
        t->options = *options;
    t->root = rfp_open_at(AT_FDCWD, path, O_DIRECTORY);
    rfp_status status = t->root < 0 ? rfp_status_of_errno(errno) : RFP_OK;
    if (status == RFP_OK) {
        t->real_root = realpath(path, NULL);
        status = t->real_root == NULL ? rfp_status_of_errno(errno) : walk_tree(t, progress);
    }
    if (status != RFP_OK) {
        int error = errno;
        rfp_tree_free(t);
        errno = error;
        return status;
    }
    *tree = t;
    return RFP_OK;
}

rfp_status rfp_tree_keep(rfp_tree *tree, const uint8_t *keep, size_t count)
{
    size_t kept = 0;

    if (count != tree->entry_count || tree->root < 0)
        return RFP_ERR_ARGUMENT;
    for (size_t i = 0; i < count; i++) {
        if (keep[i] == 0)
            continue;
        tree->entries[kept] = tree->entries[i];
        if (tree->inode_of != NULL)
            tree->inode_of[kept] = tree->inode_of[i];
        tree->folder_of[kept++] = tree->folder_of[i];
    }
    tree->entry_count = kept;
    return RFP_OK;
}

const rfp_entry *rfp_tree_entries(const rfp_tree *tree, size_t *count)
{
    *count = tree->entry_count;
    return tree->entries;
}

void rfp_tree_free(rfp_tree *tree)
{
    if (tree == NULL)
        return;
    if (tree->root >= 0)
        (void)close(tree->root);
    rfp_arena_free(&tree->arena);
    free(tree->folders);
    free(tree->entries);
    free(tree->folder_of);
    free(tree->inode_of);
    free(tree->real_root);
    free(tree);
}
