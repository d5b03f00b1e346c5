/* The file of the cache: read whole, checked block by block; replaced whole, never changed in place. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h> /* renameat */
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "cache.h"

#define MAGIC UINT64_C(0x6568636163706672) /* "rfpcache", where numbers begin with the low byte */

enum {
    CHECKED_AT_ONCE = 64,
    CHECKED_BYTES = RFP_CACHE_BLOCK_BYTES - RFP_DIGEST_BYTES,
};

static const char NEW_SUFFIX[] = ".new";

/* The first block. */
typedef struct header_block {
    rfp_cache_header header;
    uint8_t zeros[CHECKED_BYTES - sizeof(rfp_cache_header)];
    uint8_t check[RFP_DIGEST_BYTES];
} header_block;

_Static_assert(sizeof(header_block) == RFP_CACHE_BLOCK_BYTES, "the header is a block");

static size_t blocks_for(size_t count)
{
    return (count + RFP_CACHE_BLOCK_ENTRIES - 1) / RFP_CACHE_BLOCK_ENTRIES;
}

/* ---- Reading ---- */

const rfp_cache_entry *rfp_cache_image_entry(const rfp_cache_image *image, size_t number)
{
    size_t block = number / RFP_CACHE_BLOCK_ENTRIES;

    return image->whole[block] != 0 ? &image->blocks[block].entries[number % RFP_CACHE_BLOCK_ENTRIES] : NULL;
}

/* A regular file that only we could have written. */
static int open_ours(const rfp_cache_place *place, uint64_t *bytes)
{
    struct stat info;

    if (place->folder < 0 || place->boot[0] == '\0')
        return -1;
    int fd = openat(place->folder, place->name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    if (fd < 0)
        return -1;
    if (fstat(fd, &info) == 0 && S_ISREG(info.st_mode) && info.st_uid == geteuid() &&
        (info.st_mode & (S_IWGRP | S_IWOTH)) == 0) {
        *bytes = (uint64_t)info.st_size;
        return fd;
    }
    (void)close(fd);
    return -1;
}

static bool is_header(const header_block *block, const rfp_cache_place *place)
{
    uint8_t check[RFP_DIGEST_BYTES];
    const rfp_cache_header *header = &block->header;

    rfp_bytes_hash(block, CHECKED_BYTES, check);
    return memcmp(check, block->check, sizeof check) == 0 && header->magic == MAGIC &&
           header->version == RFP_CACHE_VERSION && header->entry_bytes == sizeof(rfp_cache_entry) &&
           memcmp(header->boot, place->boot, RFP_CACHE_BOOT_BYTES) == 0 && header->count <= RFP_CACHE_MOST_ENTRIES;
}

/* The checks of the next blocks, and how many those are: several at once share the lanes of the vector unit. */
static size_t digest_blocks(const rfp_cache_block *blocks, size_t left, uint8_t *checks)
{
    rfp_span spans[CHECKED_AT_ONCE];
    size_t many = left < CHECKED_AT_ONCE ? left : CHECKED_AT_ONCE;

    for (size_t i = 0; i < many; i++)
        spans[i] = (rfp_span){&blocks[i], CHECKED_BYTES};
    rfp_batch_hash(spans, many, checks);
    return many;
}

static void check_blocks(rfp_cache_image *image, uint64_t save)
{
    uint8_t checks[CHECKED_AT_ONCE * RFP_DIGEST_BYTES];

    for (size_t first = 0; first < image->block_count; first += CHECKED_AT_ONCE) {
        size_t many = digest_blocks(image->blocks + first, image->block_count - first, checks);
        for (size_t i = 0; i < many; i++) {
            const rfp_cache_block *block = &image->blocks[first + i];
            image->whole[first + i] = block->save == save && block->number == first + i + 1 &&
                                      memcmp(block->check, checks + i * RFP_DIGEST_BYTES, RFP_DIGEST_BYTES) == 0;
        }
    }
}

/* The blocks that are there; a file that was cut off lacks the last ones. */
static bool read_blocks(int fd, uint64_t file_bytes, const rfp_cache_header *header, rfp_cache_image *image)
{
    size_t there = (size_t)(file_bytes / RFP_CACHE_BLOCK_BYTES) - 1;
    size_t wanted = blocks_for((size_t)header->count);

    image->block_count = wanted < there ? wanted : there;
    size_t bytes = image->block_count * RFP_CACHE_BLOCK_BYTES;
    image->blocks = rfp_allocate(bytes);
    image->whole = calloc(image->block_count + 1, 1);
    if (image->blocks == NULL || image->whole == NULL ||
        rfp_read_at(fd, image->blocks, bytes, RFP_CACHE_BLOCK_BYTES) != (ssize_t)bytes)
        return false;
    size_t most = image->block_count * RFP_CACHE_BLOCK_ENTRIES;
    image->count = header->count < most ? (size_t)header->count : most;
    check_blocks(image, header->save);
    return true;
}

/* Open the file if its header is one that can be believed. */
static int open_believed(const rfp_cache_place *place, header_block *first, uint64_t *bytes)
{
    int fd = open_ours(place, bytes);

    if (fd < 0)
        return -1;
    if (rfp_read_at(fd, first, sizeof *first, 0) == (ssize_t)sizeof *first && is_header(first, place))
        return fd;
    (void)close(fd);
    return -1;
}

void rfp_cache_image_read(const rfp_cache_place *place, rfp_cache_image *image)
{
    header_block first;
    uint64_t bytes = 0;
    int fd = open_believed(place, &first, &bytes);

    *image = (rfp_cache_image){0};
    if (fd < 0)
        return;
    image->generation = first.header.generation;
    image->save = first.header.save;
    if (!read_blocks(fd, bytes, &first.header, image))
        rfp_cache_image_free(image);
    (void)close(fd);
}

bool rfp_cache_image_is_current(const rfp_cache_place *place, const rfp_cache_image *image)
{
    header_block first;
    uint64_t bytes = 0;
    int fd = open_believed(place, &first, &bytes);

    if (fd < 0)
        return false;
    (void)close(fd);
    return first.header.save == image->save && first.header.generation == image->generation;
}

void rfp_cache_image_free(rfp_cache_image *image)
{
    free(image->blocks);
    free(image->whole);
    *image = (rfp_cache_image){0};
}

/* ---- Writing ---- */

/* A full disk, also in the form of a limit whose signal would end the process. */
static rfp_status write_all(int fd, const void *data, size_t bytes)
{
    const uint8_t *from = data;
    struct rlimit limit;

    if (getrlimit(RLIMIT_FSIZE, &limit) == 0 && limit.rlim_cur < bytes) {
        errno = EFBIG;
        return RFP_ERR_IO;
    }
    while (bytes > 0) {
        ssize_t done = write(fd, from, bytes);
        if (done < 0 && errno == EINTR)
            continue;
        if (done <= 0)
            return RFP_ERR_IO;
        from += done;
        bytes -= (size_t)done;
    }
    return RFP_OK;
}

static void make_header(const rfp_cache_place *place, size_t count, uint64_t generation, header_block *block)
{
    struct timespec now = {0, 0};

    (void)clock_gettime(CLOCK_REALTIME, &now);
    memset(block, 0, sizeof *block);
    block->header = (rfp_cache_header){
        .magic = MAGIC,
        .version = RFP_CACHE_VERSION,
        .entry_bytes = sizeof(rfp_cache_entry),
        .save = ((uint64_t)now.tv_sec << 30) + (uint64_t)now.tv_nsec,
        .generation = generation,
        .count = count,
    };
    memcpy(block->header.boot, place->boot, RFP_CACHE_BOOT_BYTES);
    rfp_bytes_hash(block, CHECKED_BYTES, block->check);
}

/* Fill the blocks behind the header. */
static void make_blocks(const rfp_cache_entry *entries, size_t count, uint64_t save, rfp_cache_block *blocks)
{
    size_t block_count = blocks_for(count);

    for (size_t i = 0; i < block_count; i++) {
        size_t first = i * RFP_CACHE_BLOCK_ENTRIES;
        size_t left = count - first;
        size_t many = left < RFP_CACHE_BLOCK_ENTRIES ? left : RFP_CACHE_BLOCK_ENTRIES;
        memcpy(blocks[i].entries, entries + first, many * sizeof *entries);
        memset(blocks[i].entries + many, 0, (RFP_CACHE_BLOCK_ENTRIES - many) * sizeof *entries);
        blocks[i].save = save;
        blocks[i].number = i + 1;
    }
}

/* The whole file in memory. */
static uint8_t *make_file(const rfp_cache_place *place, const rfp_cache_entry *entries, size_t count,
                          uint64_t generation, size_t *bytes)
{
    uint8_t checks[CHECKED_AT_ONCE * RFP_DIGEST_BYTES];
    size_t block_count = blocks_for(count);
    header_block *file = rfp_allocate((block_count + 1) * RFP_CACHE_BLOCK_BYTES);

    if (file == NULL)
        return NULL;
    make_header(place, count, generation, file);
    rfp_cache_block *blocks = (rfp_cache_block *)(file + 1);
    make_blocks(entries, count, file->header.save, blocks);
    for (size_t first = 0; first < block_count; first += CHECKED_AT_ONCE) {
        size_t many = digest_blocks(blocks + first, block_count - first, checks);
        for (size_t i = 0; i < many; i++)
            memcpy(blocks[first + i].check, checks + i * RFP_DIGEST_BYTES, RFP_DIGEST_BYTES);
    }
    *bytes = (block_count + 1) * RFP_CACHE_BLOCK_BYTES;
    return (uint8_t *)file;
}

/* Under another name, then renamed. No fsync: what a power cut leaves is of another boot. */
static rfp_status replace_file(const rfp_cache_place *place, const uint8_t *file, size_t bytes)
{
    char name[RFP_CACHE_NAME_BYTES + sizeof NEW_SUFFIX];
    size_t length = strlen(place->name);

    memcpy(name, place->name, length);
    memcpy(name + length, NEW_SUFFIX, sizeof NEW_SUFFIX);
    (void)unlinkat(place->folder, name, 0);
    int fd = openat(place->folder, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0)
        return rfp_status_of_errno(errno);
    rfp_status status = write_all(fd, file, bytes);
    int error = errno;
    if (close(fd) != 0 && status == RFP_OK) {
        status = RFP_ERR_IO;
        error = errno;
    }
    if (status == RFP_OK && renameat(place->folder, name, place->folder, place->name) != 0) {
        status = RFP_ERR_IO;
        error = errno;
    }
    if (status != RFP_OK)
        (void)unlinkat(place->folder, name, 0);
    errno = error;
    return status;
}

rfp_status rfp_cache_image_write(const rfp_cache_place *place, const rfp_cache_entry *entries, size_t count,
                                 uint64_t generation)
{
    size_t bytes = 0;
    uint8_t *file = make_file(place, entries, count, generation, &bytes);

    if (file == NULL)
        return RFP_ERR_MEMORY;
    rfp_status status = replace_file(place, file, bytes);
    free(file);
    return status;
}
