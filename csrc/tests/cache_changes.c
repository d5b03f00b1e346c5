/* Whatever is done to a file, the cache never says that it is unchanged when its content is not. */
#include <sys/mman.h>
#include <sys/wait.h>

#include "cache_check.h"

static const char OLD[] = "old content";
static const char NEW[] = "new content";

enum { LENGTH = sizeof OLD - 1 };

/* A file that is remembered. */
static void make_remembered(const char *path)
{
    (void)remove(path);
    write_file(path, OLD, LENGTH);
    settle();
    CHECK(remember(path));
    CHECK(is_remembered(path));
}

static void rewrite(const char *path)
{
    int fd = open(path, O_WRONLY | O_CLOEXEC);

    CHECK(fd >= 0 && pwrite(fd, NEW, LENGTH, 0) == LENGTH && close(fd) == 0);
}

static void test_unchanged(void)
{
    make_remembered("file");
    CHECK(access("file", R_OK) == 0 && is_remembered("file"));
    CHECK(link("file", "other") == 0); /* changes the stamp: one false alarm */
    CHECK(!is_remembered("file"));
    settle();
    CHECK(remember("file") && is_remembered("file") && is_remembered("other"));
    CHECK(remove("other") == 0);
}

static void test_same_size_in_place(void)
{
    make_remembered("file");
    rewrite("file");
    CHECK(!is_remembered("file"));
}

static void test_restored_times(void)
{
    struct stat info;

    make_remembered("file");
    CHECK(stat("file", &info) == 0);
    rewrite("file");
    const struct timespec times[2] = {info.st_atim, info.st_mtim};
    CHECK(utimensat(AT_FDCWD, "file", times, 0) == 0);
    CHECK(!is_remembered("file"));
}

static void test_rename_swap(void)
{
    make_remembered("file");
    write_file("other", NEW, LENGTH);
    settle();
    CHECK(remember("other"));
    CHECK(rename("file", "third") == 0 && rename("other", "file") == 0 && rename("third", "other") == 0);
    (void)is_remembered("file"); /* looks that what it says is true */
    (void)is_remembered("other");
    CHECK(remove("other") == 0);
}

static void test_through_a_hard_link(void)
{
    make_remembered("file");
    CHECK(link("file", "other") == 0);
    settle();
    CHECK(remember("file"));
    rewrite("other");
    CHECK(!is_remembered("file") && !is_remembered("other"));
    CHECK(remove("other") == 0);
}

static void test_truncated_and_grown(void)
{
    make_remembered("file");
    CHECK(truncate("file", 3) == 0 && !is_remembered("file"));
    CHECK(truncate("file", LENGTH) == 0 && !is_remembered("file"));
}

/* ---- Writers ---- */

static void test_open_writer(void)
{
    make_remembered("file");
    int fd = open("file", O_WRONLY | O_CLOEXEC);
    CHECK(fd >= 0 && pwrite(fd, NEW, LENGTH, 0) == LENGTH);
    settle();
    rfp_cache *cache = open_cache();
    CHECK(!learn_file(cache, "file") && counts_of(cache).written == 1);
    rfp_cache_free(cache);
    CHECK(close(fd) == 0);
    CHECK(remember("file"));
}

static char *map_file(const char *path)
{
    int fd = open(path, O_RDWR | O_CLOEXEC);

    CHECK(fd >= 0);
    char *pages = mmap(NULL, LENGTH, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    CHECK(pages != MAP_FAILED && close(fd) == 0);
    return pages;
}

/* A page that is dirty already: a store to it changes no stamp, so nothing may be learned before. */
static void test_mapped_writer(void)
{
    make_remembered("file");
    char *pages = map_file("file");
    pages[0] = 'x';
    CHECK(!is_remembered("file"));
    settle();
    CHECK(!remember("file"));
    pages[0] = 'y';
    CHECK(!is_remembered("file"));
    CHECK(munmap(pages, LENGTH) == 0);
    CHECK(remember("file") && is_remembered("file"));
}

/* The page is dirty by write(2), and a mapping is made after the file was remembered. */
static void test_mapped_afterwards(void)
{
    make_remembered("file");
    rewrite("file");
    settle();
    CHECK(remember("file"));
    char *pages = map_file("file");
    CHECK(pages[0] == 'n');
    CHECK(is_remembered("file")); /* nothing was stored yet */
    pages[0] = 'x';
    CHECK(!is_remembered("file"));
    CHECK(munmap(pages, LENGTH) == 0);
}

/* Of another user's file the cache does not learn unless it has not changed for long. */
static void test_foreign_file(void)
{
    if (geteuid() != 0) {
        (void)printf("a foreign file: skipped, needs root to become another user\n");
        return;
    }
    make_remembered("file");
    CHECK(chmod(".", 0755) == 0 && mkdir("theirs", 0700) == 0);
    settle();
    pid_t child = fork();
    if (child == 0) {
        rfp_cache *cache = NULL;
        CHECK(chown("theirs", 65534, 65534) == 0 && setgid(65534) == 0 && setuid(65534) == 0);
        CHECK(rfp_cache_open("theirs/" CACHE, &cache) == RFP_OK);
        CHECK(!learn_file(cache, "file") && counts_of(cache).foreign == 1);
        cache->clock.learn_before_ns += INT64_C(3601000000000); /* an hour later */
        CHECK(learn_file(cache, "file"));
        CHECK(rfp_cache_save(cache) == RFP_OK);
        rfp_cache_free(cache);
        _exit(0);
    }
    int status = 1;
    CHECK(waitpid(child, &status, 0) == child && status == 0);
}

/* The signal of a lease that is broken must not end us: whoever opens the file for writing meanwhile. */
static void test_lease_is_given_back(void)
{
    make_remembered("file");
    rfp_cache *cache = open_cache();
    pid_t child = fork();
    if (child == 0) {
        for (int i = 0; i < 20000; i++) { /* breaks a lease now and then */
            int fd = open("file", O_WRONLY | O_CLOEXEC);
            if (fd >= 0)
                (void)close(fd);
        }
        _exit(0);
    }
    int status = 1;
    size_t learned = 0;
    while (waitpid(child, &status, WNOHANG) == 0)
        learned += learn_file(cache, "file");
    CHECK(status == 0);
    (void)printf("leases beside a writer: %zu granted, %llu refused\n", learned,
                 (unsigned long long)counts_of(cache).written);
    rfp_cache_free(cache);
}

/* ---- Clocks ---- */

static void test_too_young(void)
{
    write_file("file", OLD, LENGTH);
    rfp_cache *cache = open_cache();
    CHECK(!learn_file(cache, "file") && counts_of(cache).young == 1);
    settle();
    CHECK(!learn_file(cache, "file")); /* it changed after the cache was opened, or too short before */
    rfp_cache_free(cache);
    CHECK(remember("file"));
}

static void test_clock_set_back(void)
{
    make_remembered("file");
    rewrite("file");
    settle();
    rfp_cache *cache = open_cache();
    cache->clock.offset_ns += INT64_C(1000000000); /* as if it had been set back by a second since */
    (void)learn_file(cache, "file");
    CHECK(!knows(cache, "file") && counts_of(cache).young == 1);
    rfp_cache_free(cache);
    cache = open_cache();
    cache->clock.learn_before_ns -= INT64_C(3600000000000); /* files from the future */
    CHECK(!learn_file(cache, "file") && counts_of(cache).young == 1);
    rfp_cache_free(cache);
}

/* What an image was made with, or a clock of seconds: two changes may have one time. */
static void test_whole_seconds(void)
{
    rfp_cache *cache = open_cache();
    rfp_stamp stamp = made_stamp(1);
    rfp_stamp whole = stamp;
    uint8_t digest[RFP_DIGEST_BYTES] = {0};

    whole.changed_ns = INT64_C(1000000000000000000);
    rfp_cache_put(cache, &stamp, digest);
    CHECK(rfp_cache_find(cache, &stamp, digest));
    rfp_cache_put(cache, &whole, digest);
    CHECK(!rfp_cache_find(cache, &whole, digest));
    rfp_cache_free(cache);
}

/* Each part of the stamp counts. */
static void test_each_part(void)
{
    rfp_cache *cache = open_cache();
    uint8_t digest[RFP_DIGEST_BYTES];

    put_made(cache, 5);
    CHECK(rfp_cache_save(cache) == RFP_OK);
    for (int reopened = 0; reopened < 2; reopened++) {
        CHECK(knows_made(cache, 5));
        for (size_t byte = 0; byte < sizeof(rfp_stamp); byte++) {
            rfp_stamp stamp = made_stamp(5);
            ((uint8_t *)&stamp)[byte] ^= 1;
            CHECK(!rfp_cache_find(cache, &stamp, digest));
        }
        rfp_cache_free(cache);
        cache = open_cache();
    }
    rfp_cache_free(cache);
}

int main(void)
{
    enter_scratch();
    test_whole_seconds();
    test_each_part();
    if (is_trusted_here()) {
        test_unchanged();
        test_same_size_in_place();
        test_restored_times();
        test_rename_swap();
        test_through_a_hard_link();
        test_truncated_and_grown();
        test_open_writer();
        test_mapped_writer();
        test_mapped_afterwards();
        test_foreign_file();
        test_lease_is_given_back();
        test_too_young();
        test_clock_set_back();
    } else {
        (void)printf("changes: skipped, the file system of /tmp is not one that the cache trusts\n");
    }
    leave_scratch();
    return 0;
}
