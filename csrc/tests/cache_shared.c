/* Several at once: processes that save, threads that ask and tell, a fork. */
#include <pthread.h>
#include <sys/wait.h>

#include "cache_check.h"

static void test_savers_at_once(void)
{
    enum { SAVERS = 8, EACH = 500 };
    int status = 1;

    for (uint64_t saver = 0; saver < SAVERS; saver++) {
        pid_t child = fork();
        CHECK(child >= 0);
        if (child == 0) {
            for (uint64_t part = 0; part < 5; part++)
                save_made(saver * EACH + part * (EACH / 5), saver * EACH + (part + 1) * (EACH / 5));
            _exit(0);
        }
    }
    for (int i = 0; i < SAVERS; i++)
        CHECK(wait(&status) > 0 && status == 0);
    CHECK(count_saved((uint64_t)SAVERS * EACH) == (size_t)SAVERS * EACH); /* nobody lost anything */
    CHECK(remove(CACHE) == 0);
}

typedef struct share {
    rfp_cache *cache;
    uint64_t from;
} share;

static void *ask_and_tell(void *context)
{
    const share *mine = context;

    for (uint64_t i = 0; i < MANY / 10; i++) {
        CHECK(knows_made(mine->cache, i % SOME));
        put_made(mine->cache, mine->from + i);
        CHECK(knows_made(mine->cache, mine->from + i));
        if (i % 1000 == 0)
            CHECK(rfp_cache_save(mine->cache) == RFP_OK);
    }
    return NULL;
}

static void test_threads(void)
{
    enum { THREADS = 4 };
    pthread_t threads[THREADS];
    share shares[THREADS];

    save_made(0, SOME);
    rfp_cache *cache = open_cache();
    for (uint64_t i = 0; i < THREADS; i++) {
        shares[i] = (share){cache, SOME + i * (MANY / 20)}; /* they overlap */
        CHECK(pthread_create(&threads[i], NULL, ask_and_tell, &shares[i]) == 0);
    }
    for (size_t i = 0; i < THREADS; i++)
        CHECK(pthread_join(threads[i], NULL) == 0);
    CHECK(rfp_cache_save(cache) == RFP_OK);
    rfp_cache_free(cache);
    CHECK(count_saved(SOME + MANY / 4) == SOME + MANY / 4);
    CHECK(remove(CACHE) == 0);
}

/* A child of a fork has the cache, too; where another thread held the lock, it learns no more. */
static void test_fork(void)
{
    rfp_cache *cache = open_cache();
    int status = 1;

    put_made(cache, 1);
    CHECK(rfp_cache_enter(cache));
    pid_t child = fork();
    if (child == 0) {
        for (uint64_t i = 2; i < 1000; i++)
            put_made(cache, i); /* waits once */
        CHECK(!knows_made(cache, 1) && rfp_cache_save(cache) == RFP_OK);
        _exit(0);
    }
    rfp_cache_leave(cache);
    CHECK(waitpid(child, &status, 0) == child && status == 0);
    child = fork();
    if (child == 0) {
        put_made(cache, 2);
        CHECK(knows_made(cache, 1) && rfp_cache_save(cache) == RFP_OK);
        _exit(0);
    }
    CHECK(waitpid(child, &status, 0) == child && status == 0);
    put_made(cache, 3);
    CHECK(rfp_cache_save(cache) == RFP_OK);
    rfp_cache_free(cache);
    CHECK(count_saved(4) == 3);
    CHECK(remove(CACHE) == 0);
}

int main(void)
{
    enter_scratch();
    test_savers_at_once();
    test_threads();
    test_fork();
    leave_scratch();
    return 0;
}
