/* Files and parts of files: the same digests as of bytes, whatever threads; and what is refused. */
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>

#include "scratch.h"

#define MIB ((size_t)1024 * 1024)
#define MOST_BYTES (9 * MIB + 12345)

static const size_t LENGTHS[] = {0,       1,           1024,           65536,       MIB - 1,
                                 MIB,     MIB + 1,     2 * MIB,        2 * MIB + 1, 3 * MIB - 1,
                                 5 * MIB, 8 * MIB + 1, MOST_BYTES - 1, MOST_BYTES};
static uint8_t *input;

static void test_lengths(void)
{
    uint8_t expected[RFP_DIGEST_BYTES];
    uint8_t digest[RFP_DIGEST_BYTES];

    for (size_t i = 0; i < sizeof LENGTHS / sizeof *LENGTHS; i++) {
        write_file("file", input, LENGTHS[i]);
        rfp_bytes_hash(input, LENGTHS[i], expected);
        for (unsigned threads = 0; threads < 5; threads++) {
            uint64_t bytes = 1;
            rfp_progress progress = {0};
            CHECK(rfp_file_hash("file", threads, &progress, &bytes, digest) == RFP_OK);
            CHECK(bytes == LENGTHS[i] && progress.bytes == bytes && progress.files == 1);
            CHECK(memcmp(digest, expected, sizeof digest) == 0);
        }
    }
}

static void test_ranges(void)
{
    enum { COUNT = 40 };
    rfp_range ranges[COUNT + 1];
    uint8_t expected[RFP_DIGEST_BYTES];
    uint64_t random = 7;

    write_file("file", input, MOST_BYTES);
    int fd = open("file", O_RDONLY | O_CLOEXEC);
    CHECK(fd >= 0);
    for (size_t i = 0; i < COUNT; i++) {
        ranges[i].offset = next_random(&random) % MOST_BYTES;
        ranges[i].bytes = next_random(&random) % (i % 2 == 0 ? 5000 : 3 * MIB);
        if (ranges[i].bytes > MOST_BYTES - ranges[i].offset)
            ranges[i].bytes = MOST_BYTES - ranges[i].offset;
    }
    CHECK(rfp_ranges_hash(fd, ranges, COUNT, 3, NULL) == RFP_OK);
    for (size_t i = 0; i < COUNT; i++) {
        rfp_bytes_hash(input + ranges[i].offset, ranges[i].bytes, expected);
        CHECK(memcmp(ranges[i].digest, expected, sizeof expected) == 0);
    }
    ranges[COUNT] = (rfp_range){.offset = MOST_BYTES - 3, .bytes = 4};
    CHECK(rfp_ranges_hash(fd, ranges, COUNT + 1, 2, NULL) == RFP_ERR_UNSTABLE);
    CHECK(rfp_ranges_hash(fd, NULL, 0, 2, NULL) == RFP_OK);
    CHECK(close(fd) == 0);
    CHECK(rfp_ranges_hash(fd, ranges, 1, 2, NULL) == RFP_ERR_IO && errno == EBADF);
}

static void test_refused(void)
{
    uint64_t bytes = 0;
    uint8_t digest[RFP_DIGEST_BYTES];

    CHECK(rfp_file_hash("nothing", 1, NULL, &bytes, digest) == RFP_ERR_NOT_FOUND && errno == ENOENT);
    CHECK(rfp_file_hash(".", 1, NULL, &bytes, digest) == RFP_ERR_KIND);
    CHECK(mkfifo("fifo", 0600) == 0); /* opening it for reading would wait for a writer */
    CHECK(rfp_file_hash("fifo", 1, NULL, &bytes, digest) == RFP_ERR_KIND);
    CHECK(rfp_file_hash("/dev/zero", 1, NULL, &bytes, digest) == RFP_ERR_KIND);
    CHECK(symlink("loop", "loop") == 0);
    CHECK(rfp_file_hash("loop", 1, NULL, &bytes, digest) == RFP_ERR_LOOP && errno == ELOOP);
}

static void test_cancelled(void)
{
    rfp_progress progress = {.cancel = 1};
    uint64_t bytes = 0;
    uint8_t digest[RFP_DIGEST_BYTES];

    write_file("file", input, MOST_BYTES);
    CHECK(rfp_file_hash("file", 3, &progress, &bytes, digest) == RFP_ERR_CANCELLED);
}

/* A file of /proc says that it is empty, and is not. */
static void test_virtual_file(void)
{
    uint64_t bytes = 0;
    uint8_t digest[RFP_DIGEST_BYTES];

    CHECK(rfp_file_hash("/proc/version", 2, NULL, &bytes, digest) == RFP_OK);
    CHECK(bytes > 10);
}

/* Same length, straight after: still seen, since a stamp waits for the kernel's clock. */
static void test_stamps(void)
{
    rfp_stamp stamp;

    for (int i = 0; i < 20; i++) {
        write_file("file", "abc", 3);
        int fd = open("file", O_RDWR | O_CLOEXEC);
        CHECK(fd >= 0 && rfp_stamp_take(fd, &stamp) == RFP_OK);
        CHECK(rfp_stamp_check(fd, &stamp) == RFP_OK);
        CHECK(pwrite(fd, "abd", 3, 0) == 3);
        CHECK(rfp_stamp_check(fd, &stamp) == RFP_ERR_UNSTABLE);
        CHECK(close(fd) == 0);
    }
    int folder = open(".", O_RDONLY | O_CLOEXEC);
    CHECK(rfp_stamp_take(folder, &stamp) == RFP_ERR_KIND);
    CHECK(close(folder) == 0);
}

static _Atomic int writing;

static void *keep_writing(void *unused)
{
    int fd = open("file", O_WRONLY | O_CLOEXEC);

    CHECK(fd >= 0);
    for (uint64_t i = 0; atomic_load(&writing) != 0; i++)
        CHECK(pwrite(fd, &i, sizeof i, (off_t)(i % MIB * 8)) == sizeof i);
    CHECK(close(fd) == 0);
    return unused;
}

static void test_unstable(void)
{
    pthread_t writer;
    uint64_t bytes = 0;
    uint8_t digest[RFP_DIGEST_BYTES];
    bool seen = false;

    write_file("file", input, MOST_BYTES);
    atomic_store(&writing, 1);
    CHECK(pthread_create(&writer, NULL, keep_writing, NULL) == 0);
    for (int i = 0; i < 1000 && !seen; i++) /* until the writer ran while the file was read */
        seen = rfp_file_hash("file", 2, NULL, &bytes, digest) == RFP_ERR_UNSTABLE;
    atomic_store(&writing, 0);
    CHECK(pthread_join(writer, NULL) == 0);
    CHECK(seen);
    CHECK(rfp_file_hash("file", 2, NULL, &bytes, digest) == RFP_OK);
}

int main(void)
{
    input = make_input(MOST_BYTES);
    enter_scratch();
    for_each_level(test_lengths);
    test_ranges();
    test_refused();
    test_cancelled();
    test_virtual_file();
    test_stamps();
    test_unstable();
    leave_scratch();
    free(input);
    return 0;
}
