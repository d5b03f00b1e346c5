/* Whether a digest that is read now may be remembered.
 *
 * It may where every later change of the content is sure to change the stamp. Three things could keep
 * it from that: a clock that has not moved on, a file system whose stamps do not tell, and somebody
 * who is writing already: a store through a shared mapping to a page that is dirty already changes no
 * stamp, and a long write(2) or an asynchronous one changes it when it begins. Each has its rule here;
 * docs/decisions/0012-what-the-cache-trusts.md says what was measured.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/vfs.h>
#include <time.h>

#include "cache.h"

/* f_type of statfs(2); linux/magic.h lacks that of XFS. */
#define MAGIC_EXT4 0xEF53UL
#define MAGIC_XFS 0x58465342UL
#define MAGIC_BTRFS 0x9123683EUL

#define SECOND_NS INT64_C(1000000000)
#define MILLISECOND_NS INT64_C(1000000)
/* More than a tick of any kernel's clock, and more than adjusting a clock moves it by. */
#define MARGIN_NS (20 * MILLISECOND_NS)
/* A clock that fell behind by more than this was set back. */
#define STEP_NS (10 * MILLISECOND_NS)
/* No system call that writes takes this long. */
#define LONG_AGO_NS (3600 * SECOND_NS)

static int64_t read_clock(clockid_t id)
{
    struct timespec now = {0, 0};

    (void)clock_gettime(id, &now);
    return (int64_t)now.tv_sec * SECOND_NS + now.tv_nsec;
}

/* A pause between the two readings makes the offset at the start smaller, and larger afterwards: no
 * pause looks like a clock that was set back. */
void rfp_cache_clock_start(rfp_cache_clock *clock)
{
    int64_t now = read_clock(CLOCK_REALTIME);

    clock->offset_ns = now - read_clock(CLOCK_BOOTTIME);
    clock->learn_before_ns = read_clock(CLOCK_REALTIME_COARSE) - MARGIN_NS;
}

bool rfp_cache_clock_went_back(const rfp_cache_clock *clock)
{
    int64_t up = read_clock(CLOCK_BOOTTIME);

    return read_clock(CLOCK_REALTIME) - up < clock->offset_ns - STEP_NS;
}

/* A time in whole seconds is that of a coarse clock, or was written by a program that makes images. */
bool rfp_cache_is_settled(const rfp_cache_clock *clock, int64_t changed_ns)
{
    return changed_ns < clock->learn_before_ns && changed_ns % SECOND_NS != 0;
}

static rfp_cache_trust trust_of_file_system(int fd)
{
    struct statfs info;

    if (fstatfs(fd, &info) != 0)
        return RFP_TRUST_NONE;
    switch ((unsigned long)info.f_type & 0xFFFFFFFFUL) {
    case MAGIC_EXT4:
    case MAGIC_XFS:
        return RFP_TRUST_WRITE;
    case MAGIC_BTRFS: /* with compression, writing out goes on after sync_file_range */
        return RFP_TRUST_LEASE;
    default:
        return RFP_TRUST_NONE;
    }
}

/* The same for each device, asked once. */
static rfp_cache_trust trust_of_device(rfp_cache *cache, uint64_t device, int fd)
{
    for (size_t i = 0; i < cache->device_count; i++) {
        if (cache->devices[i].device == device)
            return cache->devices[i].trust;
    }
    rfp_cache_trust trust = trust_of_file_system(fd);
    if (cache->device_count < RFP_CACHE_DEVICES)
        cache->devices[cache->device_count++] = (rfp_cache_device){device, trust};
    return trust;
}

/* Whether nobody has the file open for writing or mapped so: then a read lease is granted. It is given
 * back at once. Who opens the file for writing meanwhile makes the kernel send us a signal: SIGURG,
 * which is ignored unless somebody asked for it, instead of SIGIO, which would end the process. */
static bool has_no_writer(int fd, int *error)
{
    if (fcntl(fd, F_SETSIG, SIGURG) != 0 || fcntl(fd, F_SETLEASE, F_RDLCK) != 0) {
        *error = errno;
        return false;
    }
    (void)fcntl(fd, F_SETLEASE, F_UNLCK);
    return true;
}

/* Write dirty pages out: afterwards they are write-protected in every mapping, so that the next store
 * to them changes the stamp. It needs no right to write, and takes half a microsecond if all is clean. */
static bool write_out(int fd)
{
    return sync_file_range(fd, 0, 0,
                           SYNC_FILE_RANGE_WAIT_BEFORE | SYNC_FILE_RANGE_WRITE | SYNC_FILE_RANGE_WAIT_AFTER) == 0;
}

static int64_t changed_ns(const struct stat *info)
{
    return (int64_t)info->st_ctim.tv_sec * SECOND_NS + info->st_ctim.tv_nsec;
}

static void count(rfp_cache *cache, uint64_t *counter)
{
    if (!rfp_cache_enter(cache))
        return;
    ++*counter;
    rfp_cache_leave(cache);
}

static bool has_no_writer_now(rfp_cache *cache, int fd)
{
    int error = 0;

    if (has_no_writer(fd, &error))
        return true;
    count(cache, error == EAGAIN ? &cache->counts.written : &cache->counts.foreign);
    return false;
}

int32_t rfp_cache_may_learn(rfp_cache *cache, int fd)
{
    struct stat info;

    if (fstat(fd, &info) != 0 || !S_ISREG(info.st_mode) || !rfp_cache_enter(cache))
        return false;
    rfp_cache_trust trust = trust_of_device(cache, info.st_dev, fd);
    bool settled = rfp_cache_is_settled(&cache->clock, changed_ns(&info));
    if (trust == RFP_TRUST_NONE)
        cache->counts.elsewhere++;
    else if (!settled)
        cache->counts.young++;
    rfp_cache_leave(cache);
    if (trust == RFP_TRUST_NONE || !settled)
        return false;
    bool is_old = changed_ns(&info) < cache->clock.learn_before_ns - LONG_AGO_NS;
    if (trust == RFP_TRUST_WRITE && is_old && write_out(fd))
        return true;
    return has_no_writer_now(cache, fd);
}
