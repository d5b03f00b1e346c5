/* Whether a file changed while it was read. */
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <time.h>
#include <unistd.h>

#include "io.h"

enum {
    SECOND_NS = 1000000000,
    MILLISECOND_NS = 1000000,
    /* A time further ahead than this comes from another clock: waiting for it would not help. */
    AHEAD_NS = 50 * MILLISECOND_NS,
    /* What changes again and again while it is being waited for is not stable. */
    TRIES = 5,
    /* No system call that writes takes longer. */
    LONGEST_WRITE_SECONDS = 3600,
};

static int64_t nanoseconds(const struct timespec *time)
{
    return (int64_t)time->tv_sec * SECOND_NS + time->tv_nsec;
}

/* The clock that the kernel stamps files with. */
static int64_t kernel_time(void)
{
    struct timespec now = {0, 0};

    (void)clock_gettime(CLOCK_REALTIME_COARSE, &now);
    return nanoseconds(&now);
}

/* Wait until the clock is past the last change: before, the next one could get the same time.
 * Returns whether there was a need. */
static bool wait_past(int64_t changed_ns)
{
    const struct timespec pause = {0, MILLISECOND_NS};
    bool waited = false;

    for (;;) {
        int64_t ahead = changed_ns - kernel_time();
        if (ahead < 0 || ahead > AHEAD_NS)
            return waited;
        (void)nanosleep(&pause, NULL);
        waited = true;
    }
}

/* fstat without the detour over an empty path that glibc takes, where both have one structure. */
static int read_info(int fd, struct stat *info)
{
#if defined(SYS_fstat) && defined(__x86_64__)
    return (int)syscall(SYS_fstat, fd, info);
#else
    return fstat(fd, info);
#endif
}

static rfp_status read_stamp(int fd, mode_t kind, rfp_stamp *stamp)
{
    struct stat info;

    if (read_info(fd, &info) != 0)
        return rfp_status_of_errno(errno);
    errno = 0;
    if ((info.st_mode & S_IFMT) != kind)
        return RFP_ERR_KIND;
    *stamp = (rfp_stamp){
        .device = info.st_dev,
        .inode = info.st_ino,
        .bytes = (uint64_t)info.st_size,
        .modified_ns = nanoseconds(&info.st_mtim),
        .changed_ns = nanoseconds(&info.st_ctim),
    };
    return RFP_OK;
}

rfp_status rfp_stamp_read_at(int folder, const char *name, int flags, rfp_stamp *stamp)
{
    struct statx info;

    if (statx(folder, name, flags, STATX_BASIC_STATS | STATX_BTIME, &info) != 0)
        return rfp_status_of_errno(errno);
    errno = 0;
    if ((info.stx_mode & S_IFMT) != S_IFREG)
        return RFP_ERR_KIND;
    *stamp = (rfp_stamp){
        .device = makedev(info.stx_dev_major, info.stx_dev_minor),
        .inode = info.stx_ino,
        .bytes = info.stx_size,
        .modified_ns = (int64_t)info.stx_mtime.tv_sec * SECOND_NS + info.stx_mtime.tv_nsec,
        .changed_ns = (int64_t)info.stx_ctime.tv_sec * SECOND_NS + info.stx_ctime.tv_nsec,
        .born_ns = (info.stx_mask & STATX_BTIME) == 0
                       ? 0
                       : (int64_t)info.stx_btime.tv_sec * SECOND_NS + info.stx_btime.tv_nsec,
    };
    return RFP_OK;
}

static rfp_status take_stamp(int fd, mode_t kind, rfp_stamp *stamp)
{
    for (int tries = 0; tries < TRIES; tries++) {
        rfp_status status = read_stamp(fd, kind, stamp);
        if (status != RFP_OK || !wait_past(stamp->changed_ns))
            return status;
    }
    errno = 0;
    return RFP_ERR_UNSTABLE;
}

static rfp_status check_stamp(int fd, mode_t kind, const rfp_stamp *stamp)
{
    rfp_stamp now = {0};
    rfp_status status = read_stamp(fd, kind, &now);

    if (status != RFP_OK)
        return status;
    bool same = now.device == stamp->device && now.inode == stamp->inode && now.bytes == stamp->bytes &&
                now.modified_ns == stamp->modified_ns && now.changed_ns == stamp->changed_ns;
    return same ? RFP_OK : RFP_ERR_UNSTABLE;
}

/* A write(2) sets the time when it begins, and may go on for seconds: no stamp tells of one that is under
 * way. Looking for a hole waits until it is through, where the file system takes the same lock for both
 * (ext4, tmpfs, btrfs; on XFS, reading does). The next one changes the stamp. */
static void wait_for_writer(int fd, const rfp_stamp *stamp)
{
    if (stamp->bytes == 0 || kernel_time() - stamp->changed_ns > INT64_C(1) * LONGEST_WRITE_SECONDS * SECOND_NS)
        return;
    off_t at = lseek(fd, 0, SEEK_CUR);
    if (at >= 0) {
        (void)lseek(fd, 0, SEEK_HOLE);
        (void)lseek(fd, at, SEEK_SET);
    }
    errno = 0;
}

rfp_status rfp_stamp_take(int fd, rfp_stamp *stamp)
{
    rfp_status status = take_stamp(fd, S_IFREG, stamp);

    if (status == RFP_OK)
        wait_for_writer(fd, stamp);
    return status;
}

rfp_status rfp_stamp_take_born(int fd, rfp_stamp *stamp)
{
    rfp_status status = rfp_stamp_take(fd, stamp);
    rfp_stamp born = {0};

    if (status == RFP_OK)
        status = rfp_stamp_read_at(fd, "", AT_EMPTY_PATH, &born);
    if (status == RFP_OK)
        stamp->born_ns = born.born_ns;
    return status;
}

rfp_status rfp_stamp_read(int fd, rfp_stamp *stamp)
{
    return read_stamp(fd, S_IFREG, stamp);
}

rfp_status rfp_stamp_check(int fd, const rfp_stamp *stamp)
{
    return check_stamp(fd, S_IFREG, stamp);
}

rfp_status rfp_stamp_take_folder(int fd, rfp_stamp *stamp)
{
    return take_stamp(fd, S_IFDIR, stamp);
}

rfp_status rfp_stamp_read_folder(int fd, rfp_stamp *stamp)
{
    return read_stamp(fd, S_IFDIR, stamp);
}

rfp_status rfp_stamp_check_folder(int fd, const rfp_stamp *stamp)
{
    return check_stamp(fd, S_IFDIR, stamp);
}
