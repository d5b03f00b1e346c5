/* Several threads at one work. */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "io.h"

#ifndef SYS_close_range
#define SYS_close_range 436
#endif

enum { MOST_THREADS = 256, UNSHARE_DESCRIPTORS = 2 /* CLOSE_RANGE_UNSHARE of linux/close_range.h */ };

struct rfp_team {
    rfp_work *work;
    void *context;
    pthread_mutex_t lock;
    unsigned helpers;
    pthread_t helper[MOST_THREADS];
};

static void *run_helper(void *argument)
{
    rfp_team *team = argument;

    team->work(team->context, team);
    return NULL;
}

/* Helpers leave signals to the threads of the program. */
static bool start_helper(rfp_team *team)
{
    sigset_t all;
    sigset_t before;

    if (team->helpers == MOST_THREADS || sigfillset(&all) != 0 || pthread_sigmask(SIG_SETMASK, &all, &before) != 0)
        return false;
    bool started = pthread_create(&team->helper[team->helpers], NULL, run_helper, team) == 0;
    (void)pthread_sigmask(SIG_SETMASK, &before, NULL);
    team->helpers += started;
    return started;
}

unsigned rfp_team_grow(rfp_team *team, unsigned helpers)
{
    unsigned started = 0;

    (void)pthread_mutex_lock(&team->lock);
    while (started < helpers && start_helper(team))
        started++;
    (void)pthread_mutex_unlock(&team->lock);
    return started;
}

/* Helpers may still start others while they are waited for. */
static bool next_helper(rfp_team *team, unsigned index, pthread_t *helper)
{
    (void)pthread_mutex_lock(&team->lock);
    bool there = index < team->helpers;
    if (there)
        *helper = team->helper[index];
    (void)pthread_mutex_unlock(&team->lock);
    return there;
}

void rfp_team_lead(unsigned helpers, bool waits, rfp_work *work, void *context)
{
    rfp_team team = {.work = work, .context = context};
    pthread_t helper;

    if (pthread_mutex_init(&team.lock, NULL) != 0) {
        work(context, NULL);
        return;
    }
    (void)rfp_team_grow(&team, helpers);
    if (!waits)
        work(context, NULL);
    for (unsigned i = 0; next_helper(&team, i, &helper); i++)
        (void)pthread_join(helper, NULL);
    if (waits)
        work(context, NULL);
    (void)pthread_mutex_destroy(&team.lock);
}

/* Work that needs no team. */
typedef struct plain_work {
    void (*work)(void *context);
    void *context;
} plain_work;

static void do_plain_work(void *context, rfp_team *team)
{
    const plain_work *plain = context;

    (void)team;
    plain->work(plain->context);
}

void rfp_team_run(unsigned threads, void (*work)(void *context), void *context)
{
    plain_work plain = {work, context};

    rfp_team_lead(threads > 1 ? threads - 1 : 0, false, do_plain_work, &plain);
}

/* Nothing is copied into the new table: closing copies of what others have open would have effects of
 * its own, on network files for one. So the folder is opened anew, through the caller's table. */
bool rfp_team_own_descriptors(pid_t caller, int *folder)
{
    char path[64];

#if defined(__SANITIZE_THREAD__) /* which takes equal numbers in two tables for one descriptor */
    if (caller >= 0)
        return false;
#endif
    if (syscall(SYS_close_range, 0U, ~0U, UNSHARE_DESCRIPTORS) != 0)
        return false;
    (void)snprintf(path, sizeof path, "/proc/self/task/%d/fd/%d", (int)caller, *folder);
    *folder = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
    return true;
}
