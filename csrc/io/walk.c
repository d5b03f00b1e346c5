/* Walking a tree: one pass over folders, each read as a whole and sorted, so that entries come out in
 * the order of their paths' bytes. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tree.h"

enum { MOST_DEPTH = 4096 };

/* What a folder holds, before it is known what lies below. */
typedef struct child {
    char *path;
    const char *name;
    char *target;
    char *real; /* of a folder outside of the tree */
    rfp_entry_kind kind;
    bool followed;
    rfp_status status;
    int error;
} child;

typedef struct walk {
    rfp_tree *tree;
    rfp_progress *progress;
    child *children; /* of the folders on the way down, one after the other */
    size_t count;
    size_t room;
    bool left_out; /* something of the folder that was read last */
} walk;

/* Room for one more element of a growing array; false without memory. */
static bool make_room(void **array, size_t count, size_t *room, size_t element)
{
    if (count < *room)
        return true;
    size_t more = *room == 0 ? 64 : *room * 2;
    void *grown = realloc(*array, more * element);
    if (grown == NULL)
        return false;
    *array = grown;
    *room = more;
    return true;
}

static char *child_path(rfp_tree *tree, const rfp_folder *folder, const char *name)
{
    size_t length = strlen(name);
    size_t begin = folder->length + (folder->length > 0);
    char *path = rfp_arena_take(&tree->arena, begin + length + 1);

    if (path == NULL)
        return NULL;
    memcpy(path, folder->path, folder->length);
    if (begin > 0)
        path[begin - 1] = '/';
    memcpy(path + begin, name, length + 1);
    return path;
}

static mode_t mode_of_type(unsigned char type)
{
    return (mode_t)DTTOIF(type);
}

/* The mode's kind bits; 0 with errno where even that is refused. */
static mode_t find_mode(int fd, const struct dirent *name)
{
    struct stat info;

    if (name->d_type != DT_UNKNOWN)
        return mode_of_type(name->d_type);
    return fstatat(fd, name->d_name, &info, AT_SYMLINK_NOFOLLOW) == 0 ? info.st_mode : 0;
}

static rfp_status describe_link(walk *w, const rfp_mount *mount, const rfp_folder *folder, int fd, child *c)
{
    rfp_link link;
    rfp_status status = rfp_link_resolve(w->tree, mount, folder, fd, c->name, &link);

    c->kind = link.kind;
    c->target = link.target;
    c->real = link.real;
    c->status = link.status;
    c->error = link.status == RFP_OK ? 0 : errno;
    c->followed = link.kind == RFP_ENTRY_FILE;
    return status;
}

static rfp_status describe_child(walk *w, const rfp_mount *mount, const rfp_folder *folder, int fd, mode_t mode,
                                 child *c)
{
    if (S_ISLNK(mode))
        return describe_link(w, mount, folder, fd, c);
    if (S_ISREG(mode))
        c->kind = RFP_ENTRY_FILE;
    else if (S_ISDIR(mode))
        c->kind = RFP_ENTRY_FOLDER;
    else if (mode != 0)
        c->kind = rfp_special_kind(mode);
    else
        c->status = rfp_status_of_errno(c->error = errno);
    return RFP_OK;
}

static bool is_dots(const char *name)
{
    return name[0] == '.' && (name[1] == '\0' || (name[1] == '.' && name[2] == '\0'));
}

static bool is_kept(const walk *w, const child *c)
{
    const rfp_tree_options *options = &w->tree->options;

    return c->kind != RFP_ENTRY_FOLDER || options->keep_folder == NULL ||
           options->keep_folder(options->filter_context, c->path) != 0;
}

static rfp_status add_child(walk *w, const rfp_mount *mount, const rfp_folder *folder, int fd,
                            const struct dirent *name)
{
    void *children = w->children;

    if (!make_room(&children, w->count, &w->room, sizeof *w->children))
        return RFP_ERR_MEMORY;
    w->children = children;
    child c = {.path = child_path(w->tree, folder, name->d_name), .status = RFP_OK};
    if (c.path == NULL)
        return RFP_ERR_MEMORY;
    c.name = c.path + folder->length + (folder->length > 0);
    errno = 0;
    rfp_status status = describe_child(w, mount, folder, fd, find_mode(fd, name), &c);
    if (status == RFP_OK && !is_kept(w, &c)) {
        w->left_out = true;
        return RFP_OK;
    }
    w->children[w->count++] = c;
    rfp_progress_found(w->progress, c.kind == RFP_ENTRY_FILE);
    return status;
}

static rfp_status read_names(walk *w, const rfp_mount *mount, const rfp_folder *folder, DIR *names)
{
    rfp_status status = RFP_OK;

    while (status == RFP_OK) {
        errno = 0;
        const struct dirent *name = readdir(names); /* a stream of this call's own */
        if (name == NULL)
            return errno == 0 ? RFP_OK : rfp_status_of_errno(errno);
        if (!is_dots(name->d_name))
            status = add_child(w, mount, folder, dirfd(names), name);
    }
    return status;
}

/* Open a folder, take its stamp and read its names. errno tells why not. */
static rfp_status read_folder(walk *w, const rfp_mount *mount, rfp_folder *folder)
{
    int fd = rfp_open_folder(w->tree->root, folder->way, 0);

    if (fd < 0)
        return rfp_status_of_errno(errno);
    rfp_status status = rfp_stamp_take_folder(fd, &folder->stamp);
    DIR *names = status == RFP_OK ? fdopendir(fd) : NULL;
    if (names == NULL) {
        int error = errno;
        (void)close(fd);
        errno = error;
        return status != RFP_OK ? status : RFP_ERR_MEMORY;
    }
    status = read_names(w, mount, folder, names);
    int error = errno;
    (void)closedir(names);
    errno = error;
    return status;
}

/* By the bytes of the paths of what is in or below: a folder's name is followed by a separator. */
static int compare_children(const void *left, const void *right)
{
    const child *a = left;
    const child *b = right;
    const unsigned char *x = (const unsigned char *)a->name;
    const unsigned char *y = (const unsigned char *)b->name;

    while (*x == *y && *x != '\0') {
        x++;
        y++;
    }
    int cx = *x == '\0' && a->kind == RFP_ENTRY_FOLDER ? '/' : *x;
    int cy = *y == '\0' && b->kind == RFP_ENTRY_FOLDER ? '/' : *y;
    return cx - cy;
}

rfp_status rfp_tree_add_entry(rfp_tree *tree, size_t folder, const rfp_entry *entry)
{
    void *entries = tree->entries;
    void *folder_of = tree->folder_of;
    size_t room = tree->entry_room;

    if (!make_room(&entries, tree->entry_count, &room, sizeof *tree->entries))
        return RFP_ERR_MEMORY;
    tree->entries = entries;
    if (!make_room(&folder_of, tree->entry_count, &tree->entry_room, sizeof *tree->folder_of))
        return RFP_ERR_MEMORY;
    tree->folder_of = folder_of;
    tree->folder_of[tree->entry_count] = (uint32_t)folder;
    tree->entries[tree->entry_count++] = *entry;
    return RFP_OK;
}

static rfp_status add_entry(rfp_tree *tree, size_t folder, const child *c)
{
    rfp_entry entry = {
        .path = c->path,
        .target = c->target,
        .kind = (int32_t)c->kind,
        .status = (int32_t)c->status,
        .system_error = c->error,
    };

    if (c->kind == RFP_ENTRY_FILE)
        entry.flags = (rfp_path_is_listed(c->path) ? RFP_ENTRY_LISTED : 0) | (c->followed ? RFP_ENTRY_FOLLOWED : 0);
    return rfp_tree_add_entry(tree, folder, &entry);
}

static rfp_status add_folder(rfp_tree *tree, const char *path, const char *way)
{
    void *folders = tree->folders;

    if (tree->folder_count == RFP_NO_FOLDER)
        return RFP_ERR_LIMIT;
    if (!make_room(&folders, tree->folder_count, &tree->folder_room, sizeof *tree->folders))
        return RFP_ERR_MEMORY;
    tree->folders = folders;
    tree->folders[tree->folder_count++] = (rfp_folder){.path = path, .way = way, .length = strlen(path)};
    return RFP_OK;
}

static rfp_status walk_folder(walk *w, const rfp_mount *mount, size_t folder, child *self, size_t parent,
                              unsigned depth);

/* How to open a folder below another. */
static char *way_below(rfp_tree *tree, const rfp_folder *folder, const child *c)
{
    const rfp_folder way = {.path = folder->way, .length = strlen(folder->way)};

    return *folder->way == '/' ? child_path(tree, &way, c->name) : c->path;
}

static rfp_status descend(walk *w, const rfp_mount *mount, size_t folder, child c, unsigned depth)
{
    rfp_tree *tree = w->tree;
    rfp_mount outside = {.real = c.real, .path = c.path, .above = mount};
    char *way = c.real != NULL ? c.real : way_below(tree, &tree->folders[folder], &c);

    if (way == NULL)
        return RFP_ERR_MEMORY;
    rfp_status status = add_folder(tree, c.path, way);
    if (status != RFP_OK)
        return status;
    return walk_folder(w, c.real != NULL ? &outside : mount, tree->folder_count - 1, &c, folder, depth + 1);
}

/* Entries of a folder whose names were read, those below it included. */
static rfp_status add_entries(walk *w, const rfp_mount *mount, size_t folder, size_t begin, unsigned depth)
{
    rfp_status status = RFP_OK;

    for (size_t i = begin, end = w->count; status == RFP_OK && i < end; i++) {
        if (w->children[i].kind == RFP_ENTRY_FOLDER && w->children[i].status == RFP_OK)
            status = descend(w, mount, folder, w->children[i], depth);
        else
            status = add_entry(w->tree, folder, &w->children[i]);
    }
    return status;
}

/* Whether it concerns this folder alone, so that the walk goes on. */
static bool is_local(rfp_status status)
{
    return status != RFP_OK && status != RFP_ERR_MEMORY && status != RFP_ERR_CANCELLED;
}

/* Walk one folder. self is its entry in the folder `parent`, or NULL for the root. */
static rfp_status walk_folder(walk *w, const rfp_mount *mount, size_t folder, child *self, size_t parent,
                              unsigned depth)
{
    size_t begin = w->count;
    rfp_folder now = w->tree->folders[folder];
    w->left_out = false;
    rfp_status status = depth > MOST_DEPTH ? RFP_ERR_LIMIT : read_folder(w, mount, &now);

    w->tree->folders[folder] = now;
    if (rfp_progress_cancelled(w->progress))
        return RFP_ERR_CANCELLED;
    if (self != NULL && (is_local(status) || (status == RFP_OK && w->count == begin && !w->left_out))) {
        self->status = status;
        self->error = status == RFP_OK ? 0 : errno;
        w->count = begin;
        return add_entry(w->tree, parent, self);
    }
    if (status != RFP_OK)
        return status;
    if (w->count > begin)
        qsort(w->children + begin, w->count - begin, sizeof *w->children, compare_children);
    status = add_entries(w, mount, folder, begin, depth);
    w->count = begin;
    return status;
}

static rfp_status walk_tree(rfp_tree *tree, rfp_progress *progress)
{
    walk w = {.tree = tree, .progress = progress};
    const rfp_mount root = {.real = tree->real_root, .path = ""};
    rfp_status status = add_folder(tree, "", "");

    if (status == RFP_OK)
        status = walk_folder(&w, &root, 0, NULL, 0, 0);
    int error = errno;
    free(w.children);
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
    free(tree->real_root);
    free(tree);
}
