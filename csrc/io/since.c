/* Whether a file was left alone since a moment that lies before it was opened, by one look at it after
 * it was read.
 *
 * Every change of a file's content sets its time of change to the kernel's clock, and nobody can set
 * that time otherwise. So a file whose time of change lies before a moment was not changed since then,
 * provided that
 *  - the times come from this kernel's clock (not from a server's): is_local;
 *  - the clock was not set meanwhile: a timer that the kernel cancels when that happens tells;
 *  - the moment is further away than the coarsest step of such times: MARGIN_NS. This also leaves room
 *    for a long write, which sets the time when it begins.
 * A stamp before reading could tell nothing more, and costs a system call for each file.
 */
#include <linux/magic.h>
#include <poll.h>
#include <sys/timerfd.h>
#include <sys/vfs.h>
#include <time.h>
#include <unistd.h>

#include "io.h"

enum { SECOND_NS = 1000000000, MARGIN_SECONDS = 2 };

#ifndef XFS_SUPER_MAGIC
#define XFS_SUPER_MAGIC 0x58465342
#endif
#ifndef BTRFS_SUPER_MAGIC
#define BTRFS_SUPER_MAGIC 0x9123683E
#endif

/* A timer that never runs out within anybody's life, and is cancelled when the clock is set. */
static int open_timer(void)
{
    const struct itimerspec never = {.it_value = {.tv_sec = INT64_C(9000000000)}};
    int timer = timerfd_create(CLOCK_REALTIME, TFD_CLOEXEC | TFD_NONBLOCK);

    if (timer >= 0 && timerfd_settime(timer, TFD_TIMER_ABSTIME | TFD_TIMER_CANCEL_ON_SET, &never, NULL) != 0) {
        (void)close(timer);
        return -1;
    }
    return timer;
}

void rfp_since_begin(rfp_since *since)
{
    struct timespec now = {0, 0};

    since->device = 0;
    since->is_local = false;
    since->timer = open_timer();
    (void)clock_gettime(CLOCK_REALTIME_COARSE, &now);
    since->before_ns = ((int64_t)now.tv_sec - MARGIN_SECONDS) * SECOND_NS + now.tv_nsec;
}

void rfp_since_end(rfp_since *since)
{
    if (since->timer >= 0)
        (void)close(since->timer);
    since->timer = -1;
}

bool rfp_since_holds(const rfp_since *since)
{
    struct pollfd timer = {.fd = since->timer, .events = POLLIN};

    return since->timer >= 0 && poll(&timer, 1, 0) == 0;
}

static bool is_local_kind(long kind)
{
    return kind == EXT4_SUPER_MAGIC || kind == XFS_SUPER_MAGIC || kind == BTRFS_SUPER_MAGIC || kind == TMPFS_MAGIC;
}

bool rfp_since_serves(rfp_since *since, int folder, uint64_t device)
{
    struct statfs info;

    if (since->timer < 0)
        return false;
    if (device != since->device) {
        since->is_local = fstatfs(folder, &info) == 0 && is_local_kind((long)info.f_type);
        since->device = device;
    }
    return since->is_local;
}

bool rfp_since_unchanged(const rfp_since *since, const rfp_stamp *stamp)
{
    return stamp->device == since->device && stamp->changed_ns < since->before_ns;
}
