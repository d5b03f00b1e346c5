/* Where symbolic links lead. */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tree.h"

static char *copy_text(rfp_arena *arena, const char *text, size_t length)
{
    char *copy = rfp_arena_take(arena, length + 1);

    if (copy != NULL) {
        memcpy(copy, text, length);
        copy[length] = '\0';
    }
    return copy;
}

rfp_entry_kind rfp_special_kind(unsigned mode)
{
    if (S_ISFIFO(mode))
        return RFP_ENTRY_FIFO;
    return S_ISSOCK(mode) ? RFP_ENTRY_SOCKET : RFP_ENTRY_DEVICE;
}

/* The path of a folder's link from the file system's root; false if it is too long. */
static bool full_path(const rfp_tree *tree, const rfp_folder *folder, const char *name, char path[PATH_MAX])
{
    const char *root = *folder->way == '/' ? "" : tree->real_root;
    int length = snprintf(path, PATH_MAX, "%s/%s/%s", root, folder->way, name);

    return length > 0 && length < PATH_MAX;
}

/* What follows the folder `above` in `path`, or NULL where path is not it and not below it. */
static const char *below(const char *path, const char *above)
{
    size_t length = strlen(above);

    if (length == 1) /* the file system's root */
        return path + 1;
    if (strncmp(path, above, length) != 0)
        return NULL;
    if (path[length] == '\0')
        return path + length;
    return path[length] == '/' ? path + length + 1 : NULL;
}

/* The length of the common beginning of two paths, in whole parts, separator included. */
static size_t common_parts(const char *a, const char *b)
{
    size_t common = 0;
    size_t i = 0;

    for (;; i++) {
        bool end_a = a[i] == '\0' || a[i] == '/';
        bool end_b = b[i] == '\0' || b[i] == '/';
        if (end_a && end_b && i > common)
            common = i + (a[i] == '/' && b[i] == '/');
        if (a[i] != b[i] || a[i] == '\0')
            return common;
    }
}

static size_t count_parts(const char *path)
{
    size_t parts = 0;

    for (const char *at = path; *at != '\0'; at++)
        parts += *at != '/' && (at == path || at[-1] == '/');
    return parts;
}

/* The way from a folder of the tree to a path of the tree: "../" for each part up, then down. */
static char *relative_path(rfp_arena *arena, const char *from, const char *to)
{
    size_t common = common_parts(from, to);
    size_t ups = count_parts(from + common);
    const char *rest = to + common + (to[common] == '/');
    size_t rest_length = strlen(rest);
    char *path = rfp_arena_take(arena, 3 * ups + rest_length + 2);

    if (path == NULL)
        return NULL;
    for (size_t i = 0; i < 3 * ups; i++)
        path[i] = "../"[i % 3];
    memcpy(path + 3 * ups, rest, rest_length + 1);
    if (rest_length == 0 && ups > 0)
        path[3 * ups - 1] = '\0'; /* no separator at the end */
    else if (rest_length == 0)
        memcpy(path, ".", 2);
    return path;
}

/* A path of the tree: a mount's place and what follows it. */
static char *join(rfp_arena *arena, const char *place, const char *rest)
{
    size_t place_length = strlen(place);
    size_t rest_length = strlen(rest);
    char *path = rfp_arena_take(arena, place_length + rest_length + 2);

    if (path == NULL)
        return NULL;
    memcpy(path, place, place_length);
    size_t at = place_length;
    if (place_length > 0 && rest_length > 0)
        path[at++] = '/';
    memcpy(path + at, rest, rest_length + 1);
    return path;
}

static rfp_status resolve_inside(rfp_arena *arena, const rfp_mount *mount, const rfp_folder *folder, const char *rest,
                                 rfp_link *link)
{
    char *place = join(arena, mount->path, rest);

    if (place == NULL)
        return RFP_ERR_MEMORY;
    link->kind = RFP_ENTRY_LINK;
    link->target = relative_path(arena, folder->path, place);
    return link->target == NULL ? RFP_ERR_MEMORY : RFP_OK;
}

static rfp_status resolve_outside(rfp_arena *arena, const char *real, rfp_link *link)
{
    struct stat info;

    link->kind = RFP_ENTRY_FILE;
    if (stat(real, &info) != 0) {
        link->status = rfp_status_of_errno(errno);
        return RFP_OK;
    }
    if (S_ISREG(info.st_mode))
        return RFP_OK;
    link->kind = S_ISDIR(info.st_mode) ? RFP_ENTRY_FOLDER : rfp_special_kind(info.st_mode);
    link->real = copy_text(arena, real, strlen(real));
    return link->real == NULL ? RFP_ERR_MEMORY : RFP_OK;
}

/* A link that leads nowhere has nothing but its text. */
static rfp_status read_dangling(rfp_arena *arena, int fd, const char *name, rfp_link *link)
{
    char text[PATH_MAX];
    ssize_t length = readlinkat(fd, name, text, sizeof text);

    link->kind = RFP_ENTRY_DANGLING;
    if (length < 0) {
        link->status = rfp_status_of_errno(errno);
        return RFP_OK;
    }
    link->target = copy_text(arena, text, (size_t)length);
    return link->target == NULL ? RFP_ERR_MEMORY : RFP_OK;
}

rfp_status rfp_link_resolve(const rfp_tree *tree, rfp_arena *arena, const rfp_mount *mount, const rfp_folder *folder,
                            int fd, const char *name, rfp_link *link)
{
    char path[PATH_MAX];
    char real[PATH_MAX];

    *link = (rfp_link){.kind = RFP_ENTRY_DANGLING, .status = RFP_OK};
    if (!full_path(tree, folder, name, path)) {
        errno = ENAMETOOLONG;
        link->status = RFP_ERR_LIMIT;
        return RFP_OK;
    }
    if (realpath(path, real) == NULL) {
        if (errno == ENOENT || errno == ENOTDIR || errno == ELOOP)
            return read_dangling(arena, fd, name, link);
        link->status = rfp_status_of_errno(errno);
        return RFP_OK;
    }
    for (; mount != NULL; mount = mount->above) {
        const char *rest = below(real, mount->real);
        if (rest != NULL)
            return resolve_inside(arena, mount, folder, rest, link);
    }
    return resolve_outside(arena, real, link);
}
