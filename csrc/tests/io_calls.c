/* Several hashings at once, in a forked child, and stopped by another thread; holes and odd names. */
#include <errno.h>
#include <pthread.h>
#include <sys/wait.h>
#include <time.h>

#include "scratch.h"

enum { FILES = 300, THREADS = 4, DEEP = 1000, MIB = 1024 * 1024 };

static uint8_t expected[RFP_DIGEST_BYTES];

static void hash_tree(uint8_t digest[RFP_DIGEST_BYTES])
{
    rfp_tree *tree = NULL;
    const rfp_tree_options options = {.threads = 3};

    CHECK(rfp_tree_open("tree", &options, NULL, &tree) == RFP_OK && rfp_tree_hash(tree, NULL) == RFP_OK);
    size_t count = 0;
    (void)rfp_tree_entries(tree, &count);
    CHECK(rfp_tree_next_unlisted(tree, 0) == count);
    rfp_tree_manifest_digest(tree, NULL, 0, digest);
    rfp_tree_free(tree);
}

static void *hash_again(void *unused)
{
    uint8_t digest[RFP_DIGEST_BYTES];

    for (int i = 0; i < 5; i++) {
        hash_tree(digest);
        CHECK(memcmp(digest, expected, sizeof digest) == 0);
    }
    return unused;
}

static void make_files(void)
{
    char path[64];

    CHECK(mkdir("tree", 0755) == 0);
    for (int i = 0; i < FILES; i++) {
        (void)snprintf(path, sizeof path, "tree/%d", i % 7);
        CHECK(mkdir(path, 0755) == 0 || errno == EEXIST);
        (void)snprintf(path, sizeof path, "tree/%d/%d", i % 7, i);
        write_file(path, path, (size_t)i % sizeof path);
    }
}

/* While other threads hash, children are forked and hash, too. */
static void test_threads_and_forks(void)
{
    pthread_t thread[THREADS];
    int status = 0;

    hash_tree(expected);
    for (int i = 0; i < THREADS; i++)
        CHECK(pthread_create(&thread[i], NULL, hash_again, NULL) == 0);
/* The thread sanitizer allows no threads in a child of several threads; the address sanitizer of GCC 12 leaves such a
 * child its allocator's locks as they were, held by threads that are not there. */
#if !defined(__SANITIZE_THREAD__) && !defined(__SANITIZE_ADDRESS__)
    for (int i = 0; i < THREADS; i++) {
        pid_t child = fork();
        if (child == 0) {
            (void)hash_again(NULL);
            _exit(0);
        }
        CHECK(child > 0 && waitpid(child, &status, 0) == child && status == 0);
    }
#endif
    for (int i = 0; i < THREADS; i++)
        CHECK(pthread_join(thread[i], NULL) == 0);
    CHECK(status == 0);
}

static void *cancel_soon(void *progress)
{
    const struct timespec pause = {.tv_nsec = 30000000};

    (void)nanosleep(&pause, NULL);
    __atomic_store_n(&((rfp_progress *)progress)->cancel, 1, __ATOMIC_RELAXED);
    return NULL;
}

/* A file that would take minutes. */
static void test_cancelling(void)
{
    rfp_progress progress = {0};
    pthread_t thread;
    uint64_t bytes = 0;
    uint8_t digest[RFP_DIGEST_BYTES];

    write_file("huge", "", 0);
    CHECK(truncate("huge", (off_t)1 << 42) == 0);
    CHECK(pthread_create(&thread, NULL, cancel_soon, &progress) == 0);
    CHECK(rfp_file_hash("huge", 2, &progress, &bytes, digest) == RFP_ERR_CANCELLED);
    CHECK(pthread_join(thread, NULL) == 0);
    CHECK(unlink("huge") == 0);
}

/* Holes read as zeros, wherever they begin and end. */
static void test_holes(void)
{
    static const size_t DATA[] = {0, 300000, (size_t)2 * MIB - 1, (size_t)5 * MIB + 4096};
    const size_t length = (size_t)9 * MIB + 77;
    uint8_t *content = calloc(1, length);
    uint8_t whole[RFP_DIGEST_BYTES];
    uint8_t digest[RFP_DIGEST_BYTES];
    uint64_t bytes = 0;

    CHECK(content != NULL);
    write_file("holes", "", 0);
    CHECK(truncate("holes", (off_t)length) == 0);
    for (size_t i = 0; i <= sizeof DATA / sizeof *DATA; i++) {
        rfp_bytes_hash(content, length, whole);
        for (unsigned threads = 1; threads < 4; threads++) {
            CHECK(rfp_file_hash("holes", threads, NULL, &bytes, digest) == RFP_OK && bytes == length);
            CHECK(memcmp(digest, whole, sizeof digest) == 0);
        }
        if (i == sizeof DATA / sizeof *DATA)
            break;
        memset(content + DATA[i], (int)i + 1, 5000);
        int fd = open("holes", O_WRONLY | O_CLOEXEC);
        CHECK(fd >= 0 && pwrite(fd, content + DATA[i], 5000, (off_t)DATA[i]) == 5000 && close(fd) == 0);
    }
    free(content);
    CHECK(unlink("holes") == 0);
}

/* Deeper than any path may be long. */
static void test_depth(void)
{
    rfp_tree *tree = NULL;
    size_t count = 0;

    CHECK(mkdir("deep", 0755) == 0);
    int folder = open("deep", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    CHECK(folder >= 0);
    int top = dup(folder);
    for (int i = 0; i < DEEP; i++) {
        CHECK(mkdirat(folder, "a name\nof some length", 0755) == 0);
        int below = openat(folder, "a name\nof some length", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        CHECK(below >= 0 && close(folder) == 0);
        folder = below;
    }
    int fd = openat(folder, "file", O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
    CHECK(fd >= 0 && write(fd, "x", 1) == 1 && close(fd) == 0 && close(folder) == 0);
    CHECK(rfp_tree_open("deep", &(rfp_tree_options){.threads = 2}, NULL, &tree) == RFP_OK);
    CHECK(rfp_tree_hash(tree, NULL) == RFP_OK);
    const rfp_entry *entries = rfp_tree_entries(tree, &count);
    CHECK(count == 1 && entries[0].status == RFP_OK && entries[0].bytes == 1);
    CHECK(strlen(entries[0].path) > (size_t)DEEP * 21);
    rfp_tree_free(tree);
    CHECK(close(top) == 0);
    CHECK(system("rm -rf deep") == 0); /* NOLINT(cert-env33-c): no call of the library goes so deep */
}

/* What the tests open stays open, whatever helpers do with their own tables. */
static void test_descriptors(void)
{
    int before = dup(0);

    CHECK(before >= 0 && close(before) == 0);
    hash_tree(expected);
    int after = dup(0);
    CHECK(after == before && close(after) == 0);
    CHECK(fcntl(1, F_GETFD) >= 0 && fcntl(2, F_GETFD) >= 0);
}

int main(void)
{
    enter_scratch();
    make_files();
    test_threads_and_forks();
    test_descriptors();
    test_cancelling();
    test_holes();
    test_depth();
    leave_scratch();
    return 0;
}
