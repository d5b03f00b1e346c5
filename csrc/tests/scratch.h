/* A folder for one test, with files that are made by name. Included by the tests of csrc/io. */
#ifndef RFP_TESTS_SCRATCH_H
#define RFP_TESTS_SCRATCH_H

#include <fcntl.h>
#include <ftw.h>
#include <sys/stat.h>
#include <unistd.h>

#include "check.h"

/* Make the folder and go there, so that names are short. */
static inline void enter_scratch(void)
{
    char name[] = "/tmp/reprofp-test-XXXXXX";

    CHECK(mkdtemp(name) != NULL);
    CHECK(chdir(name) == 0);
}

static inline int remove_one(const char *path, const struct stat *info, int kind, struct FTW *where)
{
    (void)info, (void)kind;
    return where->level == 0 ? 0 : remove(path);
}

static inline void leave_scratch(void)
{
    char *name = realpath(".", NULL);

    CHECK(name != NULL);
    CHECK(nftw(".", remove_one, 16, FTW_DEPTH | FTW_PHYS) == 0);
    CHECK(rmdir(name) == 0);
    free(name);
}

static inline void write_file(const char *path, const void *data, size_t bytes)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);

    CHECK(fd >= 0);
    CHECK(write(fd, data, bytes) == (ssize_t)bytes);
    CHECK(close(fd) == 0);
}

#endif
