/* The file of the cache: shared, damaged, full, in a place that is not ours; never an error in asking. */
#include <dirent.h>
#include <sys/resource.h>

#include "cache_check.h"

/* The thread sanitizer makes reading slow, and these tests have one thread. */
#ifdef __SANITIZE_THREAD__
enum { STEP = 61 };
#else
enum { STEP = 1 };
#endif

static uint8_t *read_file(size_t *bytes)
{
    struct stat info;
    int fd = open(CACHE, O_RDONLY | O_CLOEXEC);

    CHECK(fd >= 0 && fstat(fd, &info) == 0);
    *bytes = (size_t)info.st_size;
    uint8_t *data = malloc(*bytes);
    CHECK(data != NULL && read(fd, data, *bytes) == info.st_size && close(fd) == 0);
    return data;
}

static void test_round_trip(void)
{
    CHECK(count_saved(SOME) == 0);
    save_made(0, SOME);
    rfp_cache *cache = open_cache();
    CHECK(count_made(cache, 2 * SOME) == SOME);
    rfp_cache_counts counts = counts_of(cache);
    CHECK(counts.entries == SOME && counts.used == SOME && counts.learned == 0 && counts.usable == 1);
    rfp_cache_free(cache);
    save_made(SOME, 2 * SOME); /* the old ones stay */
    CHECK(count_saved(2 * SOME) == 2 * SOME);
    CHECK(remove(CACHE) == 0);
    save_made(0, MANY);
    CHECK(count_saved(MANY) == MANY);
    CHECK(remove(CACHE) == 0);
}

/* What was learned counts for what was known of the same file, and before it is saved. */
static void test_newer_wins(void)
{
    rfp_stamp stamp = made_stamp(3);
    uint8_t digest[RFP_DIGEST_BYTES] = {1};
    uint8_t found[RFP_DIGEST_BYTES];

    save_made(0, SOME);
    rfp_cache *cache = open_cache();
    stamp.modified_ns = 12;
    CHECK(!rfp_cache_find(cache, &stamp, found));
    rfp_cache_put(cache, &stamp, digest);
    CHECK(rfp_cache_find(cache, &stamp, found) && memcmp(found, digest, sizeof digest) == 0);
    digest[0] = 2;
    rfp_cache_put(cache, &stamp, digest);
    CHECK(rfp_cache_find(cache, &stamp, found) && found[0] == 2);
    CHECK(rfp_cache_save(cache) == RFP_OK);
    rfp_cache_free(cache);
    cache = open_cache();
    CHECK(rfp_cache_find(cache, &stamp, found) && found[0] == 2);
    CHECK(count_made(cache, SOME) == SOME - 1);
    rfp_cache_free(cache);
    CHECK(remove(CACHE) == 0);
}

/* Blocks that are still whole count; the next saving repairs it. */
static void test_truncated_everywhere(void)
{
    save_made(0, FEW);
    rfp_cache *cache = open_cache();
    for (off_t length = 3L * RFP_CACHE_BLOCK_BYTES - 1; length >= 0; length -= STEP) {
        rfp_cache_image image;
        CHECK(truncate(CACHE, length) == 0);
        rfp_cache_image_read(&cache->place, &image);
        CHECK(image.count == (length >= 2L * RFP_CACHE_BLOCK_BYTES ? RFP_CACHE_BLOCK_ENTRIES : 0));
        CHECK(image.count == 0 || image.whole[0] == 1);
        rfp_cache_image_free(&image);
        if (length % 997 == 0)
            CHECK(count_saved(FEW) == (length >= 2L * RFP_CACHE_BLOCK_BYTES ? RFP_CACHE_BLOCK_ENTRIES : 0));
    }
    rfp_cache_free(cache);
    save_made(0, SOME);
    CHECK(count_saved(SOME) == SOME);
    CHECK(remove(CACHE) == 0);
}

/* Each bit of a small cache: one flip costs a block at most, and never tells a wrong digest. */
static void test_flipped_bits(void)
{
    size_t bytes = 0;

    save_made(0, FEW);
    uint8_t *data = read_file(&bytes);
    CHECK(bytes == 3UL * RFP_CACHE_BLOCK_BYTES);
    rfp_cache *cache = open_cache();
    int fd = open(CACHE, O_WRONLY | O_CLOEXEC);
    CHECK(fd >= 0);
    for (size_t bit = 0; bit < bytes * 8; bit += STEP) {
        uint8_t flipped = data[bit / 8] ^ (uint8_t)(1U << bit % 8);
        size_t block = bit / 8 / RFP_CACHE_BLOCK_BYTES;
        rfp_cache_image image;
        CHECK(pwrite(fd, &flipped, 1, (off_t)(bit / 8)) == 1);
        rfp_cache_image_read(&cache->place, &image);
        CHECK(image.count == (block == 0 ? 0 : FEW));
        for (size_t i = 1; i <= image.block_count; i++)
            CHECK(image.whole[i - 1] == (i != block));
        rfp_cache_image_free(&image);
        if (bit % 997 == 0)
            CHECK(count_saved(FEW) == (block == 0 ? 0 : block == 1 ? 2 : RFP_CACHE_BLOCK_ENTRIES));
        CHECK(pwrite(fd, &data[bit / 8], 1, (off_t)(bit / 8)) == 1);
    }
    CHECK(close(fd) == 0);
    rfp_cache_free(cache);
    CHECK(count_saved(FEW) == FEW);
    free(data);
    CHECK(remove(CACHE) == 0);
}

/* Blocks that are whole, but of another saving or in another place. */
static void test_mixed_blocks(void)
{
    size_t bytes = 0;

    save_made(0, SOME);
    uint8_t *old = read_file(&bytes);
    save_made(SOME, SOME + 1);
    int fd = open(CACHE, O_RDWR | O_CLOEXEC);
    CHECK(fd >= 0);
    CHECK(pwrite(fd, old + RFP_CACHE_BLOCK_BYTES, RFP_CACHE_BLOCK_BYTES, RFP_CACHE_BLOCK_BYTES) ==
          RFP_CACHE_BLOCK_BYTES);
    CHECK(count_saved(SOME) == SOME - RFP_CACHE_BLOCK_ENTRIES);
    write_file(CACHE, old, bytes);
    CHECK(pwrite(fd, old + 2UL * RFP_CACHE_BLOCK_BYTES, RFP_CACHE_BLOCK_BYTES, RFP_CACHE_BLOCK_BYTES) ==
          RFP_CACHE_BLOCK_BYTES);
    CHECK(count_saved(SOME) == SOME - RFP_CACHE_BLOCK_ENTRIES);
    CHECK(close(fd) == 0);
    free(old);
    CHECK(remove(CACHE) == 0);
}

/* A header that is whole, of another version or another boot. */
static void test_other_headers(void)
{
    size_t bytes = 0;

    save_made(0, SOME);
    uint8_t *data = read_file(&bytes);
    const size_t places[] = {offsetof(rfp_cache_header, magic), offsetof(rfp_cache_header, version),
                             offsetof(rfp_cache_header, entry_bytes), offsetof(rfp_cache_header, boot),
                             offsetof(rfp_cache_header, save)};
    for (size_t i = 0; i < sizeof places / sizeof *places; i++) {
        size_t checked = RFP_CACHE_BLOCK_BYTES - RFP_DIGEST_BYTES;
        data[places[i]] ^= 1;
        rfp_bytes_hash(data, checked, data + checked);
        write_file(CACHE, data, bytes);
        CHECK(count_saved(SOME) == 0);
        data[places[i]] ^= 1;
    }
    save_made(0, SOME);
    CHECK(count_saved(SOME) == SOME);
    free(data);
    CHECK(remove(CACHE) == 0);
}

/* ---- Places ---- */

static void check_nothing_there(const char *path, rfp_status expected)
{
    rfp_cache *cache = NULL;

    CHECK(rfp_cache_open(path, &cache) == RFP_OK);
    put_made(cache, 1);
    CHECK(knows_made(cache, 1)); /* it works in memory */
    CHECK(rfp_cache_save(cache) == expected);
    rfp_cache_free(cache);
}

static void test_places(void)
{
    rfp_cache *cache = NULL;

    check_nothing_there("nowhere/" CACHE, RFP_ERR_DENIED);
    CHECK(mkdir("shared", 0700) == 0);
    check_nothing_there("shared/" CACHE, RFP_OK);
    CHECK(chmod("shared", 0770) == 0); /* now somebody else may put a file there */
    check_nothing_there("shared/" CACHE, RFP_ERR_DENIED);
    CHECK(chmod("shared", 0700) == 0 && chmod("shared/" CACHE, 0620) == 0);
    CHECK(rfp_cache_open("shared/" CACHE, &cache) == RFP_OK);
    CHECK(counts_of(cache).entries == 0 && counts_of(cache).usable == 1);
    rfp_cache_free(cache);
    CHECK(chmod("shared/" CACHE, 0600) == 0 && symlink("shared/" CACHE, CACHE) == 0);
    CHECK(count_saved(2) == 0); /* a link is not followed, but replaced */
    save_made(0, SOME);
    CHECK(count_saved(SOME) == SOME);
    CHECK(remove(CACHE) == 0 && mkdir(CACHE, 0700) == 0);
    check_nothing_there(CACHE, RFP_ERR_IO);
    CHECK(rmdir(CACHE) == 0 && mkfifo(CACHE, 0600) == 0);
    check_nothing_there(CACHE, RFP_OK);
    CHECK(remove(CACHE) == 0);
    CHECK(rfp_cache_open("", &cache) == RFP_ERR_ARGUMENT && rfp_cache_open("shared/", &cache) == RFP_ERR_ARGUMENT);
}

static size_t count_files(void)
{
    DIR *folder = opendir(".");
    size_t count = 0;

    CHECK(folder != NULL);
    while (readdir(folder) != NULL)
        count++;
    CHECK(closedir(folder) == 0);
    return count;
}

/* A disk that is full: the old file stays, nothing else is left, and it can be tried again. */
static void test_no_room(void)
{
    struct rlimit old;

    save_made(0, SOME);
    size_t before = count_files();
    rfp_cache *cache = open_cache();
    for (uint64_t i = 0; i < MANY; i++)
        put_made(cache, SOME + i);
    CHECK(getrlimit(RLIMIT_FSIZE, &old) == 0);
    struct rlimit small = {.rlim_cur = 100000, .rlim_max = old.rlim_max};
    CHECK(setrlimit(RLIMIT_FSIZE, &small) == 0);
    CHECK(rfp_cache_save(cache) == RFP_ERR_IO && errno == EFBIG);
    CHECK(setrlimit(RLIMIT_FSIZE, &old) == 0);
    CHECK(count_files() == before && count_saved(SOME) == SOME);
    CHECK(rfp_cache_save(cache) == RFP_OK);
    CHECK(count_saved(SOME + MANY) == SOME + MANY);
    rfp_cache_free(cache);
    CHECK(remove(CACHE) == 0);
}

/* ---- Bounds ---- */

static void test_eviction(void)
{
    save_made(0, SOME);
    save_made(SOME, 2 * SOME);
    rfp_cache *cache = open_cache();
    cache->limit = SOME;
    for (uint64_t i = 0; i < 10; i++)
        CHECK(knows_made(cache, i)); /* needed just now, though they are the oldest */
    put_made(cache, 2 * SOME);
    CHECK(rfp_cache_save(cache) == RFP_OK);
    rfp_cache_free(cache);
    cache = open_cache();
    CHECK(count_made(cache, 2 * SOME + 1) == SOME - SOME / 8);
    for (uint64_t i = 0; i < 10; i++)
        CHECK(knows_made(cache, i));
    CHECK(knows_made(cache, 2 * SOME));
    CHECK(!knows_made(cache, 10) && !knows_made(cache, SOME - 1));
    rfp_cache_free(cache);
    CHECK(remove(CACHE) == 0);
}

/* Nothing to say: the file is not written again, until what is needed has become old. */
static void test_needless_saving(void)
{
    save_made(0, SOME);
    rfp_stamp before = stamp_of(CACHE);
    for (uint64_t i = 0; i < 20; i++) {
        rfp_cache *cache = open_cache();
        CHECK(count_made(cache, 5) == 5);
        CHECK(rfp_cache_save(cache) == RFP_OK);
        rfp_cache_free(cache);
        rfp_stamp after = stamp_of(CACHE);
        bool same = memcmp(&before, &after, sizeof before) == 0;
        CHECK(same == (i != 17));
        if (i < 17)
            save_made(SOME + i, SOME + i + 1);
        before = stamp_of(CACHE);
    }
    CHECK(remove(CACHE) == 0);
}

/* The disk that a file lies on is part of what its device is known by. */
static void test_disks_are_told_apart(void)
{
    rfp_cache *cache = open_cache();
    rfp_stamp stamp = stamp_of(".");
    rfp_stamp named = stamp;
    char path[80];
    unsigned long long count = 0;

    (void)snprintf(path, sizeof path, "/sys/dev/block/%u:%u/diskseq", major(stamp.device), minor(stamp.device));
    FILE *file = fopen(path, "re");
    bool known = file != NULL && fscanf(file, "%llu", &count) == 1; /* NOLINT(cert-err34-c): the kernel's own */
    CHECK(file == NULL || fclose(file) == 0);
    CHECK(rfp_cache_name_disk(cache, &named) && named.inode == stamp.inode);
    CHECK((uint32_t)named.device == stamp.device && (!known || named.device >> 32 == count));
    CHECK(!rfp_cache_name_disk(cache, &named));        /* it is no device's number any more */
    for (unsigned i = 1; i < RFP_CACHE_DEVICES; i++) { /* without a disk of their own */
        named.device = makedev(0, 1000 + i);
        CHECK(rfp_cache_name_disk(cache, &named) && named.device == makedev(0, 1000 + i));
    }
    named.device = makedev(0, 2000); /* there is no room for one more */
    CHECK(!rfp_cache_name_disk(cache, &named));
    rfp_cache_free(cache);
    cache = open_cache();
    named.device = makedev(7, 0xFFFFF); /* a loop device that is not there */
    CHECK(!rfp_cache_name_disk(cache, &named));
    rfp_cache_free(cache);
}

int main(void)
{
    enter_scratch();
    test_disks_are_told_apart();
    test_round_trip();
    test_newer_wins();
    test_truncated_everywhere();
    test_flipped_bits();
    test_mixed_blocks();
    test_other_headers();
    test_places();
    test_no_room();
    test_eviction();
    test_needless_saving();
    rfp_cache_free(NULL);
    leave_scratch();
    return 0;
}
