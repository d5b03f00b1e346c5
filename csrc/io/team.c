/* Several threads at one work. */
#include <pthread.h>

#include "io.h"

enum { MOST_THREADS = 256 };

typedef struct task {
    void (*work)(void *context);
    void *context;
} task;

static void *run_task(void *argument)
{
    const task *t = argument;

    t->work(t->context);
    return NULL;
}

void rfp_team_run(unsigned threads, void (*work)(void *context), void *context)
{
    pthread_t helper[MOST_THREADS];
    task t = {work, context};
    unsigned wanted = threads > MOST_THREADS ? MOST_THREADS : threads;
    unsigned helpers = 0;

    while (helpers + 1 < wanted && pthread_create(&helper[helpers], NULL, run_task, &t) == 0)
        helpers++;
    work(context);
    while (helpers > 0)
        (void)pthread_join(helper[--helpers], NULL);
}
