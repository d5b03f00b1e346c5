/* Thread pools are seen in libraries that are mapped, and what is not started stays so. */
#include "probe_check.h"
#include "reprofp_probe.h"

#include <dlfcn.h>
#include <stdint.h>
#include <unistd.h>

static void *load(const char *name)
{
    char path[512];
    (void)snprintf(path, sizeof path, "%s/%s", STAND_IN_FOLDER, name);
    void *handle = dlopen(path, RTLD_LAZY | RTLD_LOCAL);
    if (handle == NULL) {
        (void)fprintf(stderr, "%s\n", dlerror());
        exit(1);
    }
    return handle;
}

static int count_calls(void *handle)
{
    int (*calls)(void) = NULL;
    void *symbol = dlsym(handle, "stand_in_calls");
    memcpy(&calls, &symbol, sizeof calls);
    return calls();
}

static rfp_thread_pools *read_pools(void)
{
    rfp_thread_pools *pools = NULL;
    CHECK(rfp_thread_pools_open(&pools) == 0);
    CHECK(rfp_thread_pools_get(pools, rfp_thread_pools_count(pools)) == NULL);
    return pools;
}

/* The only pool of the library, or NULL. */
static const rfp_thread_pool *find(const rfp_thread_pools *pools, const char *library)
{
    const rfp_thread_pool *found = NULL;
    for (size_t i = 0; i < rfp_thread_pools_count(pools); i++) {
        const rfp_thread_pool *pool = rfp_thread_pools_get(pools, i);
        if (strcmp(pool->library, library) == 0) {
            CHECK(found == NULL);
            found = pool;
        }
    }
    return found;
}

static void test_nothing_is_loaded(void)
{
    rfp_thread_pools *pools = read_pools();
    CHECK(find(pools, "libgomp-0123abcd.so") == NULL && find(pools, "libmkl_rt.so") == NULL);
    rfp_thread_pools_free(pools);
    rfp_thread_pools_free(NULL);
}

static void test_openblas(void)
{
    void *user = load("libusesblas.so"); /* brings OpenBLAS with it, and has no getters itself */
    rfp_thread_pools *pools = read_pools();
    CHECK(find(pools, "libusesblas.so") == NULL);
    const rfp_thread_pool *pool = find(pools, "libscipy_openblas64_-0123abcd.so");
    CHECK(pool != NULL);
    CHECK_TEXT(pool->api, "openblas");
    CHECK(pool->threads == 3 && pool->dynamic == -1);
    CHECK_TEXT(pool->version, "0.3.29");
    CHECK_TEXT(pool->core, "Zen");
    CHECK_TEXT(pool->layer, "pthreads");
    rfp_thread_pools_free(pools);
    CHECK(dlclose(user) == 0);
}

static void test_gomp_and_blis(void)
{
    void *gomp = load("libgomp-0123abcd.so");
    void *blis = load("libblis.so");
    rfp_thread_pools *pools = read_pools();
    const rfp_thread_pool *pool = find(pools, "libgomp-0123abcd.so");
    CHECK(pool != NULL && pool->threads == 7 && pool->dynamic == 1);
    CHECK_TEXT(pool->api, "openmp");
    CHECK_TEXT(pool->version, "");
    pool = find(pools, "libblis.so");
    CHECK(pool != NULL && pool->threads == -1);
    CHECK_TEXT(pool->layer, "pthreads");
    CHECK_TEXT(pool->version, "0.9.0");
    rfp_thread_pools_free(pools);
    CHECK(dlclose(gomp) == 0 && dlclose(blis) == 0);
}

/* The registration that __kmp_register_library_startup writes. */
static void name_registration(char *name, size_t size)
{
    (void)snprintf(name, size, "__KMP_REGISTERED_LIB_%d_%u", (int)getpid(), (unsigned)getuid());
}

static void check_iomp(void *handle, int calls, int threads)
{
    rfp_thread_pools *pools = read_pools();
    const rfp_thread_pool *pool = find(pools, "libiomp5.so");
    CHECK(pool != NULL && pool->threads == threads);
    CHECK(count_calls(handle) == calls);
    rfp_thread_pools_free(pools);
}

static void test_kmp(void)
{
    void *iomp = load("libiomp5.so");
    char name[64];
    char value[128];
    name_registration(name, sizeof name);
    check_iomp(iomp, 0, -1); /* asking would start it */

    CHECK(setenv(name, "0x10-cafe1234-libomp.so", 1) == 0); /* another copy is started */
    check_iomp(iomp, 0, -1);
    CHECK(setenv(name, "garbage", 1) == 0);
    check_iomp(iomp, 0, -1);
    const uintptr_t flag = (uintptr_t)dlsym(iomp, "stand_in_registration");
    (void)snprintf(value, sizeof value, "0x%llx-cafe1234-libiomp5.so", (unsigned long long)flag);
    CHECK(setenv(name, value, 1) == 0);
    check_iomp(iomp, 1, 7);
    CHECK(unsetenv(name) == 0);

    char path[128];
    (void)snprintf(path, sizeof path, "/tmp/%s", name);
    FILE *file = fopen(path, "w");
    CHECK(file != NULL && fputs(value, file) >= 0 && fclose(file) == 0);
    check_iomp(iomp, 2, 7);
    CHECK(unlink(path) == 0);
    CHECK(dlclose(iomp) == 0);
}

static void check_mkl(void *handle, int calls, int threads, const char *layer)
{
    rfp_thread_pools *pools = read_pools();
    const rfp_thread_pool *pool = find(pools, "libmkl_rt.so");
    CHECK(pool != NULL && pool->threads == threads);
    CHECK(count_calls(handle) == calls);
    CHECK_TEXT(pool->version, calls > 0 ? "2024.1-Product" : "");
    CHECK(pool->dynamic == (calls > 0 ? 0 : -1));
    CHECK_TEXT(pool->layer, layer);
    rfp_thread_pools_free(pools);
}

static void test_mkl(void)
{
    void *dispatcher = load("libmkl_rt.so");
    check_mkl(dispatcher, 0, -1, ""); /* its first call would load the layers */
    void *core = load("libmkl_core.so");
    void *layer = load("libmkl_intel_thread.so");
    check_mkl(dispatcher, 3, 5, "intel");
    void *iomp = load("libiomp5.so");
    check_mkl(dispatcher, 5, -1, "intel"); /* its count would start the runtime below it */
    CHECK(count_calls(iomp) == 0);
    CHECK(dlclose(iomp) == 0 && dlclose(layer) == 0 && dlclose(core) == 0 && dlclose(dispatcher) == 0);
}

int main(void)
{
    test_nothing_is_loaded();
    test_openblas();
    test_gomp_and_blis();
    test_kmp();
    test_mkl();
    return 0;
}
