/*
 * Stand-ins for libcuda, libcudart, libcudnn, libcublas, libcublasLt and libnccl: compiled once for each, with -DLIBRARY=name.
 * They have the functions that give versions, as their manuals declare them; environment variables choose what they do:
 *
 *   STAND_IN_<name>_VERSION   the number that is given
 *   STAND_IN_FAIL             the name of the library whose function returns an error
 *   STAND_IN_HANG             ... whose function never returns
 *   STAND_IN_ABORT            ... that ends the process by abort(3) when it is loaded, as cuDNN does without its parts
 *   STAND_IN_EXIT             ... that ends the process by exit(3) with code 3
 *   STAND_IN_CHATTER          ... that writes to standard output and standard error
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define TEXT_OF(name) #name
#define TEXT(name) TEXT_OF(name)
#define NAME TEXT(LIBRARY)

static int is_told(const char *variable)
{
    const char *value = getenv(variable);
    return value != NULL && strcmp(value, NAME) == 0;
}

__attribute__((constructor)) static void wake(void)
{
    if (is_told("STAND_IN_ABORT")) {
        abort();
    }
}

static int find_version(int fallback)
{
    const char *value = getenv("STAND_IN_" NAME "_VERSION");
    while (is_told("STAND_IN_HANG")) {
        (void)pause();
    }
    if (is_told("STAND_IN_EXIT")) {
        exit(3);
    }
    if (is_told("STAND_IN_CHATTER")) {
        (void)puts("nccl version 99999");
        (void)fputs("a warning of the library\n", stderr);
        (void)fflush(stdout);
    }
    return value != NULL ? atoi(value) : fallback;
}

static int fail(void)
{
    return is_told("STAND_IN_FAIL") ? 100 : 0;
}

int cuDriverGetVersion(int *out);
int cuDriverGetVersion(int *out)
{
    *out = find_version(13000);
    return fail();
}

int cudaRuntimeGetVersion(int *out);
int cudaRuntimeGetVersion(int *out)
{
    *out = find_version(12040);
    return fail();
}

size_t cudnnGetVersion(void);
size_t cudnnGetVersion(void)
{
    return (size_t)find_version(91002);
}

int cublasGetProperty(int part, int *out);
int cublasGetProperty(int part, int *out)
{
    const int version = find_version(120405);
    const int parts[3] = {version / 10000, version / 100 % 100, version % 100};
    *out = parts[part];
    return fail();
}

size_t cublasLtGetVersion(void);
size_t cublasLtGetVersion(void)
{
    return (size_t)find_version(120405);
}

int ncclGetVersion(int *out);
int ncclGetVersion(int *out)
{
    *out = find_version(22105);
    return fail();
}
