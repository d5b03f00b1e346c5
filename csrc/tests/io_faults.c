/* Faults and changes at every system call of a hash run: an entry that is said to be fine has the
 * digest of a content that the file really had, and nothing is left out silently.
 *
 * The linker leads the core's calls of the C library here (--wrap): each is counted, and one of them
 * fails, or something happens just before it. */
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <sys/statfs.h>
#include <sys/timerfd.h>

#include "scratch.h"

#if defined(__SANITIZE_THREAD__)
enum { FAR_SLOWER = 1 };
#else
enum { FAR_SLOWER = 0 };
#endif

enum { SMALL = 3000, MEDIUM = 700000, LARGE = 5 * 1024 * 1024 + 3 };

static _Atomic long calls;
static long fatal_call;
static int fault; /* errno; 0: an event instead */
static void (*event)(void);

static bool fails(void)
{
    if (atomic_fetch_add(&calls, 1) + 1 != fatal_call)
        return false;
    if (fault == 0) {
        event();
        return false;
    }
    errno = fault;
    return true;
}

#define WRAP(type, failure, name, parameters, arguments)                                                               \
    type __real_##name parameters;                                                                                     \
    type __wrap_##name parameters;                                                                                     \
    type __wrap_##name parameters                                                                                      \
    {                                                                                                                  \
        return fails() ? (failure) : __real_##name arguments;                                                          \
    }

/* NOLINTBEGIN(bugprone-reserved-identifier,cert-dcl37-c,cert-dcl51-cpp): names that the linker asks for */
WRAP(ssize_t, -1, read, (int fd, void *to, size_t n), (fd, to, n))
WRAP(ssize_t, -1, pread, (int fd, void *to, size_t n, off_t at), (fd, to, n, at))
WRAP(int, -1, close, (int fd), (fd))
WRAP(int, -1, fstat, (int fd, struct stat *info), (fd, info))
WRAP(int, -1, stat, (const char *path, struct stat *info), (path, info))
WRAP(int, -1, fstatat, (int fd, const char *path, struct stat *info, int flags), (fd, path, info, flags))
WRAP(int, -1, statx, (int fd, const char *path, int flags, unsigned mask, struct statx *info),
     (fd, path, flags, mask, info))
WRAP(ssize_t, -1, readlinkat, (int fd, const char *path, char *to, size_t n), (fd, path, to, n))
WRAP(char *, NULL, realpath, (const char *path, char *to), (path, to))
WRAP(off_t, -1, lseek, (int fd, off_t to, int from), (fd, to, from))
WRAP(int, 1, poll, (struct pollfd * list, nfds_t n, int wait), (list, n, wait))
WRAP(int, -1, timerfd_create, (int clock, int flags), (clock, flags))
WRAP(int, -1, fstatfs, (int fd, struct statfs *info), (fd, info))
WRAP(void *, NULL, malloc, (size_t n), (n))
WRAP(void *, NULL, calloc, (size_t n, size_t m), (n, m))
WRAP(void *, NULL, realloc, (void *old, size_t n), (old, n))
WRAP(int, EAGAIN, pthread_create, (pthread_t * thread, const pthread_attr_t *how, void *(*run)(void *), void *with),
     (thread, how, run, with))

int __real_openat(int fd, const char *path, int flags, ...);
int __wrap_openat(int fd, const char *path, int flags, ...);
int __wrap_openat(int fd, const char *path, int flags, ...)
{
    return fails() ? -1 : __real_openat(fd, path, flags, 0);
}

long __real_syscall(long number, ...);
long __wrap_syscall(long number, ...);
long __wrap_syscall(long number, ...)
{
    va_list list;

    va_start(list, number);
    long a = va_arg(list, long);
    long b = va_arg(list, long);
    long c = va_arg(list, long);
    va_end(list);
    return fails() ? -1 : __real_syscall(number, a, b, c);
}
/* NOLINTEND(bugprone-reserved-identifier,cert-dcl37-c,cert-dcl51-cpp) */

static const struct {
    const char *path;
    size_t bytes;
} FILES[] = {{"a", SMALL}, {"b", MEDIUM}, {"c", LARGE}, {"sub/d", SMALL}, {"sub/e", 0}, {"sub/f", SMALL / 2}};

enum { FILE_COUNT = sizeof FILES / sizeof *FILES };

static uint8_t *input; /* one version of each file is its beginning, the other one begins later */
static uint8_t digests[2][FILE_COUNT][RFP_DIGEST_BYTES];

static void write_version(size_t file, size_t version)
{
    char path[64];

    (void)snprintf(path, sizeof path, "tree/%s", FILES[file].path);
    int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
    CHECK(fd >= 0 && pwrite(fd, input + version, FILES[file].bytes, 0) == (ssize_t)FILES[file].bytes);
    struct timespec old[2] = {{.tv_sec = 1000}, {.tv_sec = 1000}};
    CHECK(futimens(fd, old) == 0 && close(fd) == 0); /* as tools do that restore times */
}

static void make_tree(void)
{
    CHECK(mkdir("tree", 0755) == 0 && mkdir("tree/sub", 0755) == 0 && symlink("a", "tree/link") == 0);
    for (size_t i = 0; i < FILE_COUNT; i++) {
        rfp_bytes_hash(input, FILES[i].bytes, digests[0][i]);
        rfp_bytes_hash(input + 1, FILES[i].bytes, digests[1][i]);
        write_version(i, 0);
    }
}

static size_t file_of(const char *path)
{
    size_t i = 0;

    while (i < FILE_COUNT && strcmp(FILES[i].path, path) != 0)
        i++;
    return i;
}

/* Every entry is true or says that it is not; returns how many are not. */
static size_t check_entries(const rfp_tree *tree, bool versions)
{
    size_t count = 0;
    size_t bad = 0;
    const rfp_entry *entries = rfp_tree_entries(tree, &count);

    for (size_t i = 0; i < count; i++) {
        size_t file = file_of(entries[i].path);
        if (entries[i].status != RFP_OK) {
            bad++;
        } else if (entries[i].kind == RFP_ENTRY_FILE) {
            CHECK(file < FILE_COUNT && entries[i].bytes == FILES[file].bytes);
            CHECK(memcmp(entries[i].digest, digests[0][file], RFP_DIGEST_BYTES) == 0 ||
                  (versions && memcmp(entries[i].digest, digests[1][file], RFP_DIGEST_BYTES) == 0));
        }
    }
    CHECK(bad > 0 || count == FILE_COUNT + 1);
    return bad;
}

/* Hash the tree with trouble at one call; false when the run has fewer calls. */
static bool run(long call, unsigned threads, bool versions, size_t *bad)
{
    const rfp_tree_options options = {.threads = threads};
    rfp_tree *tree = NULL;

    fatal_call = call;
    atomic_store(&calls, 0);
    rfp_status status = rfp_tree_open("tree", &options, NULL, &tree);
    if (status == RFP_OK)
        status = rfp_tree_hash(tree, NULL);
    fatal_call = 0;
    *bad = status == RFP_OK ? check_entries(tree, versions) : 1;
    rfp_tree_free(tree);
    return atomic_load(&calls) >= call;
}

static void test_faults(void)
{
#if defined(__SANITIZE_THREAD__)
    static const int FAULTS[] = {EIO};
#else
    static const int FAULTS[] = {EIO, EPERM, EINTR, ENOMEM};
#endif
    size_t bad = 0;

    for (size_t i = 0; i < sizeof FAULTS / sizeof *FAULTS; i++) {
        fault = FAULTS[i];
        for (unsigned threads = 1; threads < 4; threads += 2)
            for (long call = 1; run(call, threads, false, &bad); call++)
                continue;
    }
    fault = 0;
}

static size_t changing;

static void rewrite_file(void)
{
    write_version(changing, 1);
}

/* Written anew in place, with its times restored, before each call in turn. */
static void test_rewriting(void)
{
    size_t bad = 0;
    size_t noticed = 0;
    bool going = true;

    event = rewrite_file;
    for (changing = 0; changing < 2; changing++) {
        for (long call = 1; going; call++) {
            going = run(call, 1, true, &bad);
            noticed += bad;
            write_version(changing, 0);
        }
        going = true;
    }
    CHECK(noticed > 0);
}

static void swap_file(void)
{
    char path[64];

    (void)snprintf(path, sizeof path, "tree/%s", FILES[changing].path);
    CHECK(link("other", "new") == 0 && rename("new", path) == 0);
}

static void shrink_file(void)
{
    char path[64];

    (void)snprintf(path, sizeof path, "tree/%s", FILES[changing].path);
    CHECK(truncate(path, 1) == 0);
}

static void restore_file(void)
{
    char path[64];

    (void)snprintf(path, sizeof path, "tree/%s", FILES[changing].path);
    CHECK(unlink(path) == 0);
    write_version(changing, 0);
}

/* Another file takes the place of one, or it is cut off: what was read then is no digest. */
static void test_replacing(void (*happens)(void))
{
    size_t bad = 0;

    event = happens;
    for (changing = 0; changing < 2; changing++) {
        bool going = true;
        for (long call = 1; going; call++) {
            const rfp_tree_options options = {.threads = 1};
            rfp_tree *tree = NULL;
            fatal_call = call;
            atomic_store(&calls, 0);
            CHECK(rfp_tree_open("tree", &options, NULL, &tree) == RFP_OK && rfp_tree_hash(tree, NULL) == RFP_OK);
            fatal_call = 0;
            size_t count = 0;
            const rfp_entry *entries = rfp_tree_entries(tree, &count);
            for (size_t i = 0; i < count; i++) {
                uint8_t digest[RFP_DIGEST_BYTES];
                size_t file = file_of(entries[i].path);
                if (entries[i].status != RFP_OK || file >= FILE_COUNT)
                    continue;
                CHECK(entries[i].bytes == FILES[file].bytes || entries[i].bytes == 1);
                rfp_bytes_hash(input, (size_t)entries[i].bytes, digest);
                CHECK(memcmp(entries[i].digest, digest, sizeof digest) == 0);
            }
            rfp_tree_free(tree);
            going = atomic_load(&calls) >= call;
            restore_file();
        }
    }
    (void)bad;
}

int main(void)
{
    const struct timespec pause = {.tv_sec = 2, .tv_nsec = 200000000};
    size_t bad = 1;

    input = make_input(LARGE + 1);
    enter_scratch();
    make_tree();
    write_file("other", input, 1);
    (void)nanosleep(&pause, NULL); /* until one look at the files is enough */
    (void)run(-1, 2, false, &bad);
    CHECK(bad == 0);
    if (!FAR_SLOWER) { /* changes are made by this thread alone: the thread sanitizer has nothing to see */
        test_rewriting();
        test_replacing(swap_file);
        test_replacing(shrink_file);
    }
    test_faults();
    leave_scratch();
    free(input);
    return 0;
}
