/* One file, and parts of one file. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "io.h"

static void close_quietly(int fd)
{
    int error = errno;

    (void)close(fd);
    errno = error;
}

/* Open what is a regular file: a FIFO or device is not even touched. */
static rfp_status open_regular(const char *path, int *fd)
{
    struct stat info;

    if (stat(path, &info) != 0)
        return rfp_status_of_errno(errno);
    if (!S_ISREG(info.st_mode)) {
        errno = 0;
        return RFP_ERR_KIND;
    }
    *fd = rfp_open_at(AT_FDCWD, path, 0);
    return *fd < 0 ? rfp_status_of_errno(errno) : RFP_OK;
}

static rfp_status stream(int fd, rfp_progress *progress, uint64_t *bytes, uint8_t *digest)
{
    uint8_t *piece = malloc(RFP_PIECE_BYTES);

    if (piece == NULL)
        return RFP_ERR_MEMORY;
    rfp_status status = rfp_stream_hash(fd, piece, progress, bytes, digest);
    free(piece);
    return status;
}

/* ---- Parts ---- */

typedef struct parts {
    int fd;
    bool sparse;
    rfp_range *ranges;
    int status; /* of the first failure, with its errno; written by several threads */
    int error;
} parts;

static rfp_status open_range(void *context, size_t index, rfp_source *source)
{
    const parts *p = context;

    *source = (rfp_source){
        .fd = p->fd, .offset = p->ranges[index].offset, .bytes = p->ranges[index].bytes, .sparse = p->sparse};
    return RFP_OK;
}

static void range_done(void *context, size_t index, const rfp_source *source, rfp_status status)
{
    parts *p = context;
    int error = errno;
    int expected = RFP_OK;

    for (size_t i = 0; i < RFP_DIGEST_BYTES; i++)
        p->ranges[index].digest[i] = source->digest[i];
    if (status != RFP_OK &&
        __atomic_compare_exchange_n(&p->status, &expected, (int)status, false, __ATOMIC_RELAXED, __ATOMIC_RELAXED))
        __atomic_store_n(&p->error, error, __ATOMIC_RELAXED);
}

static rfp_status hash_parts(parts *p, size_t count, unsigned threads, rfp_progress *progress)
{
    const rfp_supply supply = {count, p, open_range, range_done};
    rfp_status status = rfp_segments_hash(&supply, threads, progress);

    if (status == RFP_OK) {
        errno = p->error;
        status = (rfp_status)p->status;
    }
    return status;
}

/* Looking for holes would move the caller's offset. */
rfp_status rfp_ranges_hash(int fd, rfp_range *ranges, size_t count, unsigned threads, rfp_progress *progress)
{
    parts p = {.fd = fd, .ranges = ranges, .status = RFP_OK};

    return hash_parts(&p, count, threads, progress);
}

/* A file that this part of the program opened. */
static rfp_status hash_whole(int fd, rfp_range *whole, unsigned threads, rfp_progress *progress)
{
    parts p = {.fd = fd, .ranges = whole, .status = RFP_OK, .sparse = rfp_file_is_sparse(fd)};

    return hash_parts(&p, 1, threads, progress);
}

/* ---- A file ---- */

static rfp_status hash_open_file(int fd, unsigned threads, rfp_cache *cache, rfp_progress *progress, uint64_t *bytes,
                                 uint8_t digest[RFP_DIGEST_BYTES])
{
    rfp_stamp stamp;
    rfp_range whole = {0};
    bool learns = cache != NULL && rfp_cache_may_learn(cache, fd) != 0;
    rfp_status status = learns ? rfp_stamp_take_born(fd, &stamp) : rfp_stamp_take(fd, &stamp);

    if (status != RFP_OK)
        return status;
    rfp_progress_found_bytes(progress, stamp.bytes);
    whole.bytes = stamp.bytes;
    if (stamp.bytes > RFP_SEGMENT_BYTES)
        status = hash_whole(fd, &whole, threads, progress);
    else /* to the end: files of /proc say that they have none */
        status = stream(fd, progress, &whole.bytes, whole.digest);
    if (status == RFP_OK)
        status = rfp_stamp_check(fd, &stamp);
    if (status != RFP_OK)
        return status;
    *bytes = whole.bytes;
    for (size_t i = 0; i < RFP_DIGEST_BYTES; i++)
        digest[i] = whole.digest[i];
    if (learns)
        rfp_cache_put(cache, &stamp, digest);
    rfp_progress_count(progress, 1, 0);
    return RFP_OK;
}

int32_t rfp_cache_find_file(const rfp_cache *cache, const char *path, uint64_t *bytes, uint8_t digest[RFP_DIGEST_BYTES])
{
    rfp_stamp stamp = {0};

    if (cache == NULL || rfp_stamp_read_at(AT_FDCWD, path, 0, &stamp) != RFP_OK ||
        !rfp_cache_find(cache, &stamp, digest))
        return 0;
    *bytes = stamp.bytes;
    return 1;
}

rfp_status rfp_file_hash_cached(const char *path, unsigned threads, rfp_cache *cache, rfp_progress *progress,
                                int32_t *reused, uint64_t *bytes, uint8_t digest[RFP_DIGEST_BYTES])
{
    int fd = -1;

    if (rfp_cache_find_file(cache, path, bytes, digest) != 0) {
        rfp_progress_found_bytes(progress, *bytes);
        rfp_progress_count(progress, 1, *bytes);
        *reused = 1;
        return RFP_OK;
    }
    rfp_status status = open_regular(path, &fd);
    if (status != RFP_OK)
        return status;
    status = hash_open_file(fd, threads, cache, progress, bytes, digest);
    close_quietly(fd);
    if (status == RFP_OK)
        *reused = 0;
    return status;
}

rfp_status rfp_file_hash(const char *path, unsigned threads, rfp_progress *progress, uint64_t *bytes,
                         uint8_t digest[RFP_DIGEST_BYTES])
{
    int32_t reused = 0;

    return rfp_file_hash_cached(path, threads, NULL, progress, &reused, bytes, digest);
}
