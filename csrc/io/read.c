/* Opening and reading. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <unistd.h>

#include "io.h"

enum {
    /* A path that is longer than this is opened step by step. */
    STEP_BYTES = PATH_MAX - 2 * NAME_MAX,
};

rfp_status rfp_status_of_errno(int error)
{
    switch (error) {
    case ENOENT:
        return RFP_ERR_NOT_FOUND;
    case EACCES:
    case EPERM:
        return RFP_ERR_DENIED;
    case ELOOP:
        return RFP_ERR_LOOP;
    case EISDIR:
    case ENOTDIR:
    case ENXIO:
        return RFP_ERR_KIND;
    case EMFILE:
    case ENAMETOOLONG:
    case ENFILE:
        return RFP_ERR_LIMIT;
    case ENOMEM:
        return RFP_ERR_MEMORY;
    default:
        return RFP_ERR_IO;
    }
}

ssize_t rfp_read_at(int fd, void *buffer, size_t bytes, uint64_t offset)
{
    size_t done = 0;

    while (done < bytes) {
        ssize_t got = pread(fd, (char *)buffer + done, bytes - done, (off_t)(offset + done));
        if (got == 0)
            break;
        if (got > 0)
            done += (size_t)got;
        else if (errno != EINTR)
            return -1;
    }
    return (ssize_t)done;
}

ssize_t rfp_read_at_once(int fd, void *buffer, size_t bytes)
{
    ssize_t got;

    do
        got = read(fd, buffer, bytes);
    while (got < 0 && errno == EINTR);
    return got;
}

int rfp_open_at(int folder, const char *name, int more_flags)
{
    int fd;

    do
        fd = openat(folder, name, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY | more_flags);
    while (fd < 0 && errno == EINTR);
    return fd;
}

/* The length of the longest beginning of a path that ends at a separator and can be opened at once. */
static size_t step_length(const char *path)
{
    size_t end = STEP_BYTES;

    while (end > 0 && path[end] != '/')
        end--;
    return end;
}

int rfp_open_folder(int root, const char *path, int more_flags)
{
    char step[STEP_BYTES + 1];
    int folder = root;
    int flags = O_DIRECTORY | O_NOFOLLOW | more_flags;

    if (*path == '\0')
        return rfp_open_at(root, ".", flags);
    while (strlen(path) > STEP_BYTES) {
        size_t length = step_length(path);
        memcpy(step, path, length);
        step[length] = '\0';
        int next = rfp_open_at(folder, step, O_DIRECTORY | O_NOFOLLOW | O_PATH);
        if (folder != root)
            (void)close(folder);
        if (next < 0)
            return -1;
        folder = next;
        path += length + 1;
    }
    int fd = rfp_open_at(folder, path, flags);
    if (folder != root) {
        int error = errno;
        (void)close(folder);
        errno = error;
    }
    return fd;
}

rfp_status rfp_stream_hash(int fd, uint8_t *piece, rfp_progress *progress, uint64_t *bytes,
                           uint8_t digest[RFP_DIGEST_BYTES])
{
    rfp_hasher hasher;
    uint64_t done = 0;

    rfp_hasher_init(&hasher);
    for (;;) {
        ssize_t got = rfp_read_at(fd, piece, RFP_PIECE_BYTES, done);
        if (got < 0)
            return rfp_status_of_errno(errno);
        rfp_hasher_update(&hasher, piece, (size_t)got);
        rfp_progress_count(progress, 0, (uint64_t)got);
        done += (uint64_t)got;
        if (got < RFP_PIECE_BYTES)
            break;
        if (rfp_progress_cancelled(progress))
            return RFP_ERR_CANCELLED;
    }
    rfp_hasher_finish(&hasher, digest);
    *bytes = done;
    return RFP_OK;
}
