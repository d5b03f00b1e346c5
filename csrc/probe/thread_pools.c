/*
 * Thread counts of the libraries that are mapped already.
 *
 * Only getters are called, each on the object that defines it, and only where asking starts nothing:
 *
 *   OpenMP    omp_get_max_threads and omp_get_dynamic (OpenMP API specification, 3.2) tell what the calling
 *             thread would get, so a probe has to run in the thread that does the work. libgomp reads a
 *             variable (icv.c). The KMP family: see kmp.h.
 *   OpenBLAS  openblas_get_num_threads, _parallel, _corename, _config (its cblas.h); with the prefix scipy_
 *             and the suffixes 64_ and _64 in the builds of the Python wheels. Its constructor did the work when
 *             it was loaded. openblas_get_config writes the same text into the same buffer every time.
 *   MKL       MKL_Get_Max_Threads, MKL_Get_Dynamic, MKL_Get_Version_String (Intel's developer reference,
 *             "Support Functions"). libmkl_rt loads its layers at the first call, so it is asked only when
 *             they are there; and its count comes from the OpenMP runtime below it, with that one's hazard.
 *   BLIS      bli_thread_get_num_threads, bli_info_get_version_str (docs/Multithreading.md): the first call
 *             runs bli_init, which reads the environment and allocates.
 *
 * A library that unloads itself meanwhile is held by the handle of dlopen(RTLD_NOLOAD).
 */
#include "kmp.h"

#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct rfp_thread_pools {
    rfp_thread_pool *items;
    size_t count;
    size_t capacity;
};

/* One mapped library that is looked at, among all of them. */
struct candidate {
    const rfp_mapped_list *all;
    const rfp_mapped *object;
    void *handle;
};

typedef int (*get_int)(void);
typedef const char *(*get_text)(void);
typedef void (*put_text)(char *buffer, int size);

static uintptr_t find(const struct candidate *library, const char *name)
{
    return rfp_mapped_symbol(library->object, library->handle, name);
}

/* ISO C has no way from a data pointer to a function; POSIX gives one by way of the bytes (dlsym). */
static int ask_int(uintptr_t symbol)
{
    get_int function = NULL;
    memcpy(&function, &symbol, sizeof function);
    return function != NULL ? function() : -1;
}

static void copy_text(char *to, size_t size, const char *from)
{
    (void)snprintf(to, size, "%s", from != NULL ? from : "");
}

static const char *ask_text(uintptr_t symbol)
{
    get_text function = NULL;
    memcpy(&function, &symbol, sizeof function);
    return function != NULL ? function() : NULL;
}

static int ask_flag(uintptr_t symbol)
{
    return symbol != 0 ? ask_int(symbol) != 0 : -1;
}

/* ---- OpenMP ---- */

static int look_at_openmp(const struct candidate *library, rfp_thread_pool *pool)
{
    const uintptr_t threads = find(library, "omp_get_max_threads");
    if (threads == 0) {
        return 0;
    }
    pool->api = "openmp";
    if (!rfp_kmp_is(library->object, library->handle) || rfp_kmp_is_started(library->object)) {
        pool->threads = ask_int(threads);
        pool->dynamic = ask_flag(find(library, "omp_get_dynamic"));
    }
    return 1;
}

/* ---- OpenBLAS ---- */

static uintptr_t find_openblas(const struct candidate *library, const char *getter)
{
    static const char *const PREFIXES[] = {"", "scipy_"};
    static const char *const SUFFIXES[] = {"", "64_", "_64"};
    for (size_t prefix = 0; prefix < sizeof PREFIXES / sizeof PREFIXES[0]; prefix++) {
        for (size_t suffix = 0; suffix < sizeof SUFFIXES / sizeof SUFFIXES[0]; suffix++) {
            char name[64];
            (void)snprintf(name, sizeof name, "%sopenblas_get_%s%s", PREFIXES[prefix], getter, SUFFIXES[suffix]);
            const uintptr_t symbol = find(library, name);
            if (symbol != 0) {
                return symbol;
            }
        }
    }
    return 0;
}

static const char *name_openblas_layer(int parallel)
{
    switch (parallel) {
    case 0:
        return "sequential";
    case 1:
        return "pthreads";
    case 2:
        return "openmp";
    default:
        return NULL;
    }
}

/* "OpenBLAS 0.3.29 USE64BITINT ..." */
static void copy_openblas_version(const char *config, rfp_thread_pool *pool)
{
    static const char WORD[] = "OpenBLAS ";
    if (config != NULL && strncmp(config, WORD, sizeof WORD - 1) == 0) {
        const char *version = config + sizeof WORD - 1;
        (void)snprintf(pool->version, sizeof pool->version, "%.*s", (int)strcspn(version, " "), version);
    }
}

static int look_at_openblas(const struct candidate *library, rfp_thread_pool *pool)
{
    const uintptr_t threads = find_openblas(library, "num_threads");
    if (threads == 0) {
        return 0;
    }
    pool->api = "openblas";
    pool->threads = ask_int(threads);
    copy_openblas_version(ask_text(find_openblas(library, "config")), pool);
    copy_text(pool->core, sizeof pool->core, ask_text(find_openblas(library, "corename")));
    copy_text(pool->layer, sizeof pool->layer, name_openblas_layer(ask_int(find_openblas(library, "parallel"))));
    return 1;
}

/* ---- MKL ---- */

struct mkl_layer {
    const char *library;
    const char *name;
};

static const struct mkl_layer MKL_LAYERS[] = {
    {"libmkl_intel_thread.", "intel"},
    {"libmkl_gnu_thread.", "gnu"},
    {"libmkl_tbb_thread.", "tbb"},
    {"libmkl_sequential.", "sequential"},
};

static const char *find_mkl_layer(const rfp_mapped_list *all)
{
    for (size_t i = 0; i < sizeof MKL_LAYERS / sizeof MKL_LAYERS[0]; i++) {
        if (rfp_mapped_list_has(all, MKL_LAYERS[i].library)) {
            return MKL_LAYERS[i].name;
        }
    }
    return NULL;
}

/* Whether a runtime of the KMP family is mapped and not started: the one that MKL would start. */
static int has_sleeping_kmp(const rfp_mapped_list *all)
{
    for (size_t i = 0; i < all->count; i++) {
        const rfp_mapped *object = &all->items[i];
        if (strstr(object->base, "omp") == NULL) {
            continue;
        }
        void *handle = rfp_mapped_open(object);
        const int sleeping = handle != NULL && rfp_kmp_is(object, handle) && !rfp_kmp_is_started(object);
        if (handle != NULL) {
            (void)dlclose(handle);
        }
        if (sleeping) {
            return 1;
        }
    }
    return 0;
}

/* "Intel(R) oneAPI Math Kernel Library Version 2024.1-Product Build 20240215 for ...", padded with spaces. */
static void copy_mkl_version(uintptr_t symbol, rfp_thread_pool *pool)
{
    put_text function = NULL;
    memcpy(&function, &symbol, sizeof function);
    if (function == NULL) {
        return;
    }
    char text[256] = {0};
    function(text, (int)sizeof text - 1);
    static const char WORD[] = "Version ";
    const char *version = strstr(text, WORD);
    if (version != NULL) {
        version += sizeof WORD - 1;
        (void)snprintf(pool->version, sizeof pool->version, "%.*s", (int)strcspn(version, " "), version);
    }
}

static int look_at_mkl(const struct candidate *library, rfp_thread_pool *pool)
{
    const uintptr_t threads = find(library, "MKL_Get_Max_Threads");
    if (threads == 0) {
        return 0;
    }
    pool->api = "mkl";
    const int dispatches = strncmp(library->object->base, "libmkl_rt", sizeof "libmkl_rt" - 1) == 0;
    if (dispatches && !rfp_mapped_list_has(library->all, "libmkl_core.")) {
        return 1; /* it has not loaded its layers, and would */
    }
    copy_text(pool->layer, sizeof pool->layer, find_mkl_layer(library->all));
    copy_mkl_version(find(library, "MKL_Get_Version_String"), pool);
    pool->dynamic = ask_flag(find(library, "MKL_Get_Dynamic"));
    if (!has_sleeping_kmp(library->all)) {
        pool->threads = ask_int(threads);
    }
    return 1;
}

/* ---- BLIS ---- */

static const char *find_blis_layer(const struct candidate *library)
{
    if (ask_flag(find(library, "bli_info_get_enable_openmp")) == 1) {
        return "openmp";
    }
    return ask_flag(find(library, "bli_info_get_enable_pthreads")) == 1 ? "pthreads" : NULL;
}

/* BLIS counts in its dim_t, which is 64 bits wide in most builds; the lower half is the count in all. */
static int look_at_blis(const struct candidate *library, rfp_thread_pool *pool)
{
    const uintptr_t threads = find(library, "bli_thread_get_num_threads");
    if (threads == 0) {
        return 0;
    }
    pool->api = "blis";
    pool->threads = ask_int(threads);
    copy_text(pool->version, sizeof pool->version, ask_text(find(library, "bli_info_get_version_str")));
    copy_text(pool->layer, sizeof pool->layer, find_blis_layer(library));
    return 1;
}

/* ---- All of them ---- */

typedef int (*look_at)(const struct candidate *library, rfp_thread_pool *pool);

static const look_at APIS[] = {look_at_openmp, look_at_openblas, look_at_mkl, look_at_blis};

/* Opening a library that is mapped is cheap; the names only spare it for most of them. */
static int may_have_threads(const char *base)
{
    static const char *const PARTS[] = {"omp", "blas", "mkl", "blis"};
    for (size_t i = 0; i < sizeof PARTS / sizeof PARTS[0]; i++) {
        if (strstr(base, PARTS[i]) != NULL) {
            return 1;
        }
    }
    return 0;
}

static rfp_thread_pool *add_pool(rfp_thread_pools *pools)
{
    if (pools->count == pools->capacity) {
        const size_t capacity = pools->capacity == 0 ? 4 : 2 * pools->capacity;
        rfp_thread_pool *items = realloc(pools->items, capacity * sizeof *items);
        if (items == NULL) {
            return NULL;
        }
        pools->items = items;
        pools->capacity = capacity;
    }
    rfp_thread_pool *pool = &pools->items[pools->count];
    memset(pool, 0, sizeof *pool);
    pool->threads = -1;
    pool->dynamic = -1;
    return pool;
}

/* The file's own name: BLAS is often opened through a link (libblas.so.3) to another name. */
static void copy_library_name(const rfp_mapped *object, rfp_thread_pool *pool)
{
    char *resolved = realpath(object->path, NULL);
    const char *slash = resolved != NULL ? strrchr(resolved, '/') : NULL;
    copy_text(pool->library, sizeof pool->library, slash != NULL ? slash + 1 : object->base);
    free(resolved);
}

static rfp_status look_at_object(const struct candidate *library, rfp_thread_pools *pools)
{
    for (size_t i = 0; i < sizeof APIS / sizeof APIS[0]; i++) {
        rfp_thread_pool *pool = add_pool(pools);
        if (pool == NULL) {
            return RFP_ERR_MEMORY;
        }
        if (APIS[i](library, pool)) {
            copy_library_name(library->object, pool);
            pools->count++;
        }
    }
    return RFP_OK;
}

static rfp_status look_at_all(const rfp_mapped_list *all, rfp_thread_pools *pools)
{
    for (size_t i = 0; i < all->count; i++) {
        const rfp_mapped *object = &all->items[i];
        if (!may_have_threads(object->base)) {
            continue;
        }
        void *handle = rfp_mapped_open(object);
        if (handle == NULL) {
            continue; /* unloaded since it was listed */
        }
        const struct candidate library = {all, object, handle};
        const rfp_status error = look_at_object(&library, pools);
        (void)dlclose(handle);
        if (error != RFP_OK) {
            return error;
        }
    }
    return RFP_OK;
}

rfp_status rfp_thread_pools_open(rfp_thread_pools **pools)
{
    *pools = NULL;
    rfp_mapped_list all;
    rfp_status error = rfp_mapped_list_read(&all);
    if (error != RFP_OK) {
        return error;
    }
    rfp_thread_pools *found = calloc(1, sizeof *found);
    error = found != NULL ? look_at_all(&all, found) : RFP_ERR_MEMORY;
    rfp_mapped_list_free(&all);
    if (error != RFP_OK) {
        rfp_thread_pools_free(found);
        return error;
    }
    *pools = found;
    return RFP_OK;
}

size_t rfp_thread_pools_count(const rfp_thread_pools *pools)
{
    return pools->count;
}

const rfp_thread_pool *rfp_thread_pools_get(const rfp_thread_pools *pools, size_t index)
{
    return index < pools->count ? &pools->items[index] : NULL;
}

void rfp_thread_pools_free(rfp_thread_pools *pools)
{
    if (pools != NULL) {
        free(pools->items);
        free(pools);
    }
}
