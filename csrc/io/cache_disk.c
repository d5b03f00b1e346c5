/* Which disk a device's number stands for.
 *
 * A number is given again: another image in the same loop device, another stick in the same port. A copy
 * of a disk has the same inodes and times on it, though its contents may have been changed past the file
 * system, or were taken while something was on its way to the disk. Since Linux 5.15 the kernel counts
 * each disk that appears (since it was booted); that count goes into the upper half of the number.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "cache.h"

enum {
    HALF_BITS = 32,
    /* Numbers of kinds of devices that are made to hold one disk after the other. */
    LOOP_MAJOR = 7,
    NBD_MAJOR = 43,
};

static bool read_count(uint64_t device, const char *way, uint64_t *count)
{
    char path[64];
    char text[24] = {0};

    (void)snprintf(path, sizeof path, "/sys/dev/block/%u:%u/%sdiskseq", major(device), minor(device), way);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return false;
    ssize_t got = rfp_read_at(fd, text, sizeof text - 1, 0);
    (void)close(fd);
    *count = got > 0 ? strtoull(text, NULL, 10) : 0;
    return *count != 0;
}

/* The count of a disk, or of the disk that a partition is on; 0 where there is none to tell by: of file
 * systems that have no device of their own, and of older kernels. */
static uint64_t name_device(uint64_t device)
{
    uint64_t count = 0;

    if (major(device) == 0 || read_count(device, "", &count) || read_count(device, "../", &count))
        return device | count << HALF_BITS;
    return major(device) == LOOP_MAJOR || major(device) == NBD_MAJOR ? 0 : device;
}

static const rfp_cache_disk *find_disk(const rfp_cache *cache, uint64_t device)
{
    size_t count = __atomic_load_n(&cache->disk_count, __ATOMIC_ACQUIRE);

    for (size_t i = 0; i < count; i++) {
        if (cache->disks[i].device == device)
            return &cache->disks[i];
    }
    return NULL;
}

static const rfp_cache_disk *add_disk(rfp_cache *cache, uint64_t device)
{
    if (!rfp_cache_enter(cache))
        return NULL;
    const rfp_cache_disk *disk = find_disk(cache, device);
    size_t count = cache->disk_count;
    if (disk == NULL && count < RFP_CACHE_DEVICES) {
        cache->disks[count] = (rfp_cache_disk){device, name_device(device)};
        disk = &cache->disks[count];
        __atomic_store_n(&cache->disk_count, count + 1, __ATOMIC_RELEASE);
    }
    rfp_cache_leave(cache);
    return disk;
}

bool rfp_cache_name_disk(rfp_cache *cache, rfp_stamp *stamp)
{
    int error = errno;
    const rfp_cache_disk *disk = find_disk(cache, stamp->device);

    if (stamp->device >> HALF_BITS != 0)
        return false;
    if (disk == NULL)
        disk = add_disk(cache, stamp->device);
    errno = error;
    if (disk == NULL || disk->named == 0)
        return false;
    stamp->device = disk->named;
    return true;
}
