/* Where the cache lies, and whether that place can be trusted. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <time.h>
#include <unistd.h>

#include "cache.h"

enum {
    LOCK_TRIES = 400,
    LOCK_PAUSE_NS = 5 * 1000 * 1000,
};

static const char BOOT_ID[] = "/proc/sys/kernel/random/boot_id";
static const char LOCK_SUFFIX[] = ".lock";

/* Nobody but us, and who may do anything, can put something here. */
static bool is_ours_alone(int folder)
{
    struct stat info;

    return fstat(folder, &info) == 0 && info.st_uid == geteuid() && (info.st_mode & (S_IWGRP | S_IWOTH)) == 0;
}

static int open_trusted_folder(const char *path)
{
    int folder = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);

    if (folder >= 0 && !is_ours_alone(folder)) {
        (void)close(folder);
        return -1;
    }
    return folder;
}

/* Which boot this is: a power cut can leave new content under an old stamp, so that no entry outlives
 * the boot that it was made in. */
static void read_boot(char boot[RFP_CACHE_BOOT_BYTES])
{
    int fd = open(BOOT_ID, O_RDONLY | O_CLOEXEC);

    memset(boot, 0, RFP_CACHE_BOOT_BYTES);
    if (fd < 0)
        return;
    if (rfp_read_at(fd, boot, RFP_CACHE_BOOT_BYTES - 1, 0) < 0)
        boot[0] = '\0';
    (void)close(fd);
}

rfp_status rfp_cache_place_open(const char *path, rfp_cache_place *place)
{
    const char *slash = strrchr(path, '/');
    const char *name = slash != NULL ? slash + 1 : path;
    char folder[4096] = ".";

    if (name[0] == '\0' || strlen(name) + sizeof LOCK_SUFFIX > sizeof place->name || strlen(path) + 1 > sizeof folder)
        return RFP_ERR_ARGUMENT;
    if (slash != NULL) {
        memcpy(folder, path, (size_t)(name - path));
        folder[name - path] = '\0';
    }
    memcpy(place->name, name, strlen(name) + 1);
    place->folder = open_trusted_folder(folder);
    read_boot(place->boot);
    return RFP_OK;
}

void rfp_cache_place_close(rfp_cache_place *place)
{
    if (place->folder >= 0)
        (void)close(place->folder);
    place->folder = -1;
}

static rfp_status wait_for_lock(int lock)
{
    const struct timespec pause = {0, LOCK_PAUSE_NS};

    for (int tries = 0; tries < LOCK_TRIES; tries++) {
        if (flock(lock, LOCK_EX | LOCK_NB) == 0)
            return RFP_OK;
        if (errno != EWOULDBLOCK && errno != EINTR)
            return errno == ENOLCK || errno == ENOSYS || errno == EOPNOTSUPP ? RFP_OK : RFP_ERR_IO;
        (void)nanosleep(&pause, NULL);
    }
    errno = EWOULDBLOCK;
    return RFP_ERR_IO;
}

rfp_status rfp_cache_lock(const rfp_cache_place *place, int *lock)
{
    char name[RFP_CACHE_NAME_BYTES + sizeof LOCK_SUFFIX];
    size_t length = strlen(place->name);

    memcpy(name, place->name, length);
    memcpy(name + length, LOCK_SUFFIX, sizeof LOCK_SUFFIX);
    int fd = openat(place->folder, name, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0)
        return rfp_status_of_errno(errno);
    rfp_status status = wait_for_lock(fd);
    if (status == RFP_OK) {
        *lock = fd;
        return RFP_OK;
    }
    int error = errno;
    (void)close(fd);
    errno = error;
    return status;
}

/* A child of a fork may hold the same lock: unlocking takes it from both, closing would not. */
void rfp_cache_unlock(int lock)
{
    int error = errno;

    (void)flock(lock, LOCK_UN);
    (void)close(lock);
    errno = error;
}
