/* What the tests of the cache share: remembering as hashing does it. */
#ifndef RFP_TESTS_CACHE_CHECK_H
#define RFP_TESTS_CACHE_CHECK_H

#include <errno.h>
#include <sys/sysmacros.h>
#include <time.h>

#include "cache.h"
#include "scratch.h"

#define CACHE "cache"

static inline void sleep_ms(long milliseconds)
{
    const struct timespec pause = {milliseconds / 1000, milliseconds % 1000 * 1000000};

    (void)nanosleep(&pause, NULL);
}

/* Until what was written is old enough to be remembered. */
static inline void settle(void)
{
    sleep_ms(40);
}

/* The stamp of a file as hashing takes it, with the time of birth. */
static inline rfp_stamp stamp_of(const char *path)
{
    struct statx info;

    CHECK(statx(AT_FDCWD, path, 0, STATX_BASIC_STATS | STATX_BTIME, &info) == 0);
    return (rfp_stamp){
        .device = makedev(info.stx_dev_major, info.stx_dev_minor),
        .inode = info.stx_ino,
        .bytes = info.stx_size,
        .modified_ns = info.stx_mtime.tv_sec * INT64_C(1000000000) + info.stx_mtime.tv_nsec,
        .changed_ns = info.stx_ctime.tv_sec * INT64_C(1000000000) + info.stx_ctime.tv_nsec,
        .born_ns = info.stx_btime.tv_sec * INT64_C(1000000000) + info.stx_btime.tv_nsec,
    };
}

static inline rfp_cache *open_cache(void)
{
    rfp_cache *cache = NULL;

    CHECK(rfp_cache_open(CACHE, &cache) == RFP_OK);
    return cache;
}

/* Hash a file and remember its digest, in the order that the contract demands. */
static inline bool learn_file(rfp_cache *cache, const char *path)
{
    uint8_t digest[RFP_DIGEST_BYTES];
    uint64_t bytes = 0;
    int fd = open(path, O_RDONLY | O_CLOEXEC);

    CHECK(fd >= 0);
    bool may = rfp_cache_may_learn(cache, fd);
    rfp_stamp stamp = stamp_of(path);
    CHECK(rfp_file_hash(path, 1, NULL, &bytes, digest) == RFP_OK);
    rfp_stamp after = stamp_of(path);
    CHECK(memcmp(&stamp, &after, sizeof stamp) == 0);
    if (may)
        rfp_cache_put(cache, &stamp, digest);
    CHECK(close(fd) == 0);
    return may;
}

/* Whether the cache says that a file is unchanged; what it says must be true. */
static inline bool knows(const rfp_cache *cache, const char *path)
{
    uint8_t digest[RFP_DIGEST_BYTES];
    uint8_t expected[RFP_DIGEST_BYTES];
    uint64_t bytes = 0;
    rfp_stamp stamp = stamp_of(path);

    if (!rfp_cache_find(cache, &stamp, digest))
        return false;
    CHECK(rfp_file_hash(path, 1, NULL, &bytes, expected) == RFP_OK);
    CHECK(memcmp(digest, expected, sizeof digest) == 0);
    return true;
}

/* Remember in the file of the cache. */
static inline bool remember(const char *path)
{
    rfp_cache *cache = open_cache();
    bool learned = learn_file(cache, path);

    CHECK(rfp_cache_save(cache) == RFP_OK);
    rfp_cache_free(cache);
    return learned;
}

static inline bool is_remembered(const char *path)
{
    rfp_cache *cache = open_cache();
    bool known = knows(cache, path);

    rfp_cache_free(cache);
    return known;
}

#define SOME ((size_t)300)
#define MANY ((size_t)50000)
#define FEW ((size_t)RFP_CACHE_BLOCK_ENTRIES + 2) /* two blocks */

/* Made-up entries: the cache does not look at files when it is told. */
static inline rfp_stamp made_stamp(uint64_t number)
{
    return (rfp_stamp){.device = 7, .inode = number, .bytes = number, .changed_ns = INT64_C(1000000000000000001)};
}

static inline void put_made(rfp_cache *cache, uint64_t number)
{
    rfp_stamp stamp = made_stamp(number);
    uint8_t digest[RFP_DIGEST_BYTES];

    rfp_bytes_hash(&number, sizeof number, digest);
    rfp_cache_put(cache, &stamp, digest);
}

static inline bool knows_made(const rfp_cache *cache, uint64_t number)
{
    rfp_stamp stamp = made_stamp(number);
    uint8_t digest[RFP_DIGEST_BYTES];
    uint8_t expected[RFP_DIGEST_BYTES];

    if (!rfp_cache_find(cache, &stamp, digest))
        return false;
    rfp_bytes_hash(&number, sizeof number, expected);
    CHECK(memcmp(digest, expected, sizeof digest) == 0); /* never another file's */
    return true;
}

static inline size_t count_made(const rfp_cache *cache, uint64_t numbers)
{
    size_t known = 0;

    for (uint64_t i = 0; i < numbers; i++)
        known += knows_made(cache, i);
    return known;
}

static inline void save_made(uint64_t from, uint64_t to)
{
    rfp_cache *cache = open_cache();

    for (uint64_t i = from; i < to; i++)
        put_made(cache, i);
    CHECK(rfp_cache_save(cache) == RFP_OK);
    rfp_cache_free(cache);
}

static inline size_t count_saved(uint64_t numbers)
{
    rfp_cache *cache = open_cache();
    size_t known = count_made(cache, numbers);

    rfp_cache_free(cache);
    return known;
}

static inline rfp_cache_counts counts_of(const rfp_cache *cache)
{
    rfp_cache_counts counts;

    rfp_cache_count(cache, &counts);
    return counts;
}

/* Whether the file system under the scratch folder is one that the cache trusts; most tests need it. */
static inline bool is_trusted_here(void)
{
    write_file("probe", "p", 1);
    settle();
    rfp_cache *cache = open_cache();
    bool learned = learn_file(cache, "probe");
    rfp_cache_free(cache);
    CHECK(remove("probe") == 0);
    return learned;
}

#endif
