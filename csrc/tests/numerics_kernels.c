/* The numerics kernels: repeatable, sensitive to what they are there for, and without a trace. */
#include <dlfcn.h>
#include <fenv.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "reprofp_numerics.h"

#define CHECK(condition)                                                                                               \
    do {                                                                                                               \
        if (!(condition)) {                                                                                            \
            (void)fprintf(stderr, "%s:%d: failed: %s\n", __FILE__, __LINE__, #condition);                              \
            exit(1);                                                                                                   \
        }                                                                                                              \
    } while (0)

static int (*count)(void);
static int (*get_name)(int, char *);
static int (*run)(int, uint8_t *);

static void load(void)
{
    void *library = dlopen(NUMERICS_LIBRARY, RTLD_NOW | RTLD_LOCAL);

    CHECK(library != NULL);
    *(void **)&count = dlsym(library, "rfp_kernel_count");
    *(void **)&get_name = dlsym(library, "rfp_kernel_name");
    *(void **)&run = dlsym(library, "rfp_kernel_run");
    CHECK(count != NULL && get_name != NULL && run != NULL);
}

static int find(const char *wanted)
{
    char name[RFP_KERNEL_NAME_BYTES];

    for (int i = 0; i < count(); i++)
        if (get_name(i, name) == 0 && strcmp(name, wanted) == 0)
            return i;
    CHECK(!"a kernel of this name");
    return -1;
}

static void test_every_kernel_repeats(void)
{
    static uint8_t first[RFP_KERNEL_BYTES], second[RFP_KERNEL_BYTES];

    for (int i = 0; i < count(); i++) {
        int bytes = run(i, first);
        CHECK(bytes > 0 && bytes <= RFP_KERNEL_BYTES);
        CHECK(run(i, second) == bytes);
        CHECK(memcmp(first, second, (size_t)bytes) == 0);
    }
}

static void test_there_is_nothing_beyond_the_last(void)
{
    uint8_t output[RFP_KERNEL_BYTES];
    char name[RFP_KERNEL_NAME_BYTES];

    CHECK(run(count(), output) == -1 && run(-1, output) == -1);
    CHECK(get_name(count(), name) == -1 && get_name(-1, name) == -1);
}

static void test_names_differ(void)
{
    char a[RFP_KERNEL_NAME_BYTES], b[RFP_KERNEL_NAME_BYTES];

    for (int i = 0; i < count(); i++)
        for (int j = 0; j < i; j++) {
            CHECK(get_name(i, a) == 0 && get_name(j, b) == 0);
            CHECK(strcmp(a, b) != 0 && strchr(a, '/') != NULL);
        }
}

static void test_the_rounding_mode_shows(void)
{
    static uint8_t nearest[RFP_KERNEL_BYTES], upward[RFP_KERNEL_BYTES];
    int kernel = find("casts/sum");
    int bytes = run(kernel, nearest);

    CHECK(fesetround(FE_UPWARD) == 0);
    CHECK(run(kernel, upward) == bytes);
    CHECK(fesetround(FE_TONEAREST) == 0);
    CHECK(memcmp(nearest, upward, (size_t)bytes) != 0);
}

static void test_exception_flags_stay_as_they_are(void)
{
    uint8_t output[RFP_KERNEL_BYTES];

    CHECK(feclearexcept(FE_ALL_EXCEPT) == 0);
    for (int i = 0; i < count(); i++)
        CHECK(run(i, output) > 0);
    CHECK(fetestexcept(FE_ALL_EXCEPT) == 0);
}

int main(void)
{
    load();
    test_every_kernel_repeats();
    test_there_is_nothing_beyond_the_last();
    test_names_differ();
    test_the_rounding_mode_shows();
    test_exception_flags_stay_as_they_are();
    return 0;
}
