/* Reading one folder: its names, and what they are. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "walk.h"

enum { MOST_DEPTH = 4096 };

/* As the system writes it; see getdents(2). */
typedef struct name_record {
    uint64_t inode;
    int64_t offset;
    unsigned short length;
    unsigned char type;
    char name[];
} name_record;

bool rfp_make_room(void **array, size_t count, size_t *room, size_t element)
{
    if (count < *room)
        return true;
    size_t more = *room == 0 ? 16 : *room * 2;
    void *grown = realloc(*array, more * element);
    if (grown == NULL)
        return false;
    *array = grown;
    *room = more;
    return true;
}

static char *join(rfp_walker *w, const char *folder, size_t length, const char *name, size_t name_bytes)
{
    size_t begin = length + (length > 0);
    char *path = rfp_arena_take(&w->arena, begin + name_bytes + 1);

    if (path == NULL)
        return NULL;
    memcpy(path, folder, length);
    if (begin > 0)
        path[begin - 1] = '/';
    memcpy(path + begin, name, name_bytes + 1);
    return path;
}

static const char *name_in(const rfp_folder *folder, const char *path)
{
    return path + folder->length + (folder->length > 0);
}

/* ---- One name ---- */

/* The mode's kind bits; 0 with errno where even that is refused. */
static mode_t find_mode(int fd, const name_record *name)
{
    struct stat info;

    if (name->type != DT_UNKNOWN)
        return (mode_t)DTTOIF(name->type);
    return fstatat(fd, name->name, &info, AT_SYMLINK_NOFOLLOW) == 0 ? info.st_mode : 0;
}

static rfp_status describe_link(rfp_walker *w, const rfp_node *n, int fd, rfp_child *c, char **real)
{
    rfp_link link;
    rfp_status status =
        rfp_link_resolve(w->walk->tree, &w->arena, n->mount, &n->folder, fd, name_in(&n->folder, c->path), &link);

    c->kind = (uint8_t)link.kind;
    c->target = link.target;
    c->status = (uint8_t)link.status;
    c->error = link.status == RFP_OK ? 0 : errno;
    c->followed = link.kind == RFP_ENTRY_FILE;
    *real = link.real;
    return status;
}

static rfp_status describe(rfp_walker *w, const rfp_node *n, int fd, mode_t mode, rfp_child *c, char **real)
{
    if (S_ISLNK(mode))
        return describe_link(w, n, fd, c, real);
    if (S_ISREG(mode)) {
        c->kind = RFP_ENTRY_FILE;
    } else if (S_ISDIR(mode)) {
        c->kind = RFP_ENTRY_FOLDER;
    } else if (mode != 0) {
        c->kind = (uint8_t)rfp_special_kind(mode);
    } else {
        c->error = errno;
        c->status = (uint8_t)rfp_status_of_errno(errno);
    }
    return RFP_OK;
}

/* How to open a folder below another. */
static const char *way_below(rfp_walker *w, const rfp_folder *folder, const rfp_child *c)
{
    const char *name = name_in(folder, c->path);

    return *folder->way == '/' ? join(w, folder->way, strlen(folder->way), name, strlen(name)) : c->path;
}

/* A folder outside of the tree is a mount of its own. */
static const rfp_mount *add_mount(rfp_walker *w, const rfp_mount *above, const char *real, const char *path)
{
    char *place = rfp_arena_take(&w->arena, sizeof(rfp_mount) + _Alignof(rfp_mount));

    if (place == NULL)
        return NULL;
    rfp_mount *mount = (rfp_mount *)(void *)(place + (-(uintptr_t)place & (_Alignof(rfp_mount) - 1)));
    *mount = (rfp_mount){.real = real, .path = path, .above = above};
    return mount;
}

static rfp_status add_node(rfp_walker *w, const rfp_node *above, rfp_child *c, const char *real)
{
    rfp_node *node = calloc(1, sizeof *node);

    if (node == NULL)
        return RFP_ERR_MEMORY;
    c->node = node;
    node->depth = above->depth + 1;
    node->mount = real != NULL ? add_mount(w, above->mount, real, c->path) : above->mount;
    node->folder = (rfp_folder){
        .path = c->path,
        .way = real != NULL ? real : way_below(w, &above->folder, c),
        .length = strlen(c->path),
    };
    return node->mount == NULL || node->folder.way == NULL ? RFP_ERR_MEMORY : RFP_OK;
}

static bool is_kept(rfp_walker *w, const rfp_child *c)
{
    const rfp_tree_options *options = &w->walk->tree->options;

    if (c->kind != RFP_ENTRY_FOLDER || options->keep_folder == NULL)
        return true;
    (void)pthread_mutex_lock(&w->walk->asking);
    int kept = options->keep_folder(options->filter_context, c->path);
    (void)pthread_mutex_unlock(&w->walk->asking);
    return kept != 0;
}

static rfp_status add_child(rfp_walker *w, rfp_node *n, int fd, const name_record *name)
{
    void *children = w->children;
    char *real = NULL;
    rfp_child c = {
        .path = join(w, n->folder.path, n->folder.length, name->name, strlen(name->name)),
        .inode = name->inode,
    };

    if (c.path == NULL || !rfp_make_room(&children, w->count, &w->room, sizeof c))
        return RFP_ERR_MEMORY;
    w->children = children;
    errno = 0;
    rfp_status status = describe(w, n, fd, find_mode(fd, name), &c, &real);
    if (status == RFP_OK && !is_kept(w, &c)) {
        n->left_out = true;
        return RFP_OK;
    }
    if (status == RFP_OK && c.kind == RFP_ENTRY_FOLDER && c.status == RFP_OK)
        status = add_node(w, n, &c, real);
    w->children[w->count++] = c;
    return status;
}

/* ---- All names ---- */

static bool is_dots(const char *name)
{
    return name[0] == '.' && (name[1] == '\0' || (name[1] == '.' && name[2] == '\0'));
}

static rfp_status add_children(rfp_walker *w, rfp_node *n, int fd, size_t bytes)
{
    rfp_status status = RFP_OK;

    for (size_t at = 0; at < bytes && status == RFP_OK;) {
        const name_record *name = (const name_record *)(const void *)(w->names + at);
        at += name->length;
        if (!is_dots(name->name))
            status = add_child(w, n, fd, name);
    }
    return status == RFP_OK && rfp_progress_cancelled(w->walk->progress) ? RFP_ERR_CANCELLED : status;
}

static rfp_status read_names(rfp_walker *w, rfp_node *n, int fd)
{
    rfp_status status = RFP_OK;

    while (status == RFP_OK) {
        long bytes = syscall(SYS_getdents64, fd, w->names, RFP_NAMES_BYTES);
        if (bytes < 0) {
            n->error = errno;
            n->status = rfp_status_of_errno(errno);
        }
        if (bytes <= 0)
            return RFP_OK;
        status = add_children(w, n, fd, (size_t)bytes);
    }
    return status;
}

static rfp_status read_open_folder(rfp_walker *w, rfp_node *n, int fd)
{
    n->status = rfp_stamp_take_folder(fd, &n->folder.stamp);
    n->error = n->status == RFP_OK ? 0 : errno;
    rfp_status status = n->status == RFP_OK ? read_names(w, n, fd) : RFP_OK;
    rfp_status settled = rfp_children_settle(w, n);
    return status != RFP_OK ? status : settled;
}

rfp_status rfp_node_read(rfp_walker *walker, rfp_node *node)
{
    if (rfp_progress_cancelled(walker->walk->progress))
        return RFP_ERR_CANCELLED;
    if (node->depth > MOST_DEPTH) {
        node->status = RFP_ERR_LIMIT;
        return RFP_OK;
    }
    int fd = rfp_open_folder(walker->walk->tree->root, node->folder.way, 0);
    if (fd < 0) {
        node->error = errno;
        node->status = rfp_status_of_errno(errno);
        return RFP_OK;
    }
    rfp_status status = read_open_folder(walker, node, fd);
    (void)close(fd);
    return status;
}
