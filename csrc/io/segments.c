/* Large inputs, shared out among threads in segments.
 *
 * A segment is a complete subtree, so its chaining value depends on nothing but its bytes and place;
 * the last to end of a source's segments puts the values together. Sources follow one another without
 * a pause: a thread that finds no segment left of one takes the next one's first.
 */
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../hash/blake3.h"
#include "io.h"

enum { SEGMENT_PIECES = RFP_SEGMENT_BYTES / RFP_PIECE_BYTES };

/* A source that is being hashed. */
typedef struct active {
    rfp_source source;
    size_t index;
    uint64_t segments;
    uint64_t next;         /* under the lock */
    _Atomic uint64_t left; /* segments that have not ended */
    _Atomic int status;    /* of the first failure */
    _Atomic int error;     /* its errno */
    uint8_t *values;
} active;

typedef struct state {
    const rfp_supply *supply;
    rfp_progress *progress;
    rfp_mode mode;
    pthread_mutex_t lock;
    size_t next;      /* index of the source to open next; under the lock */
    active *current;  /* the source whose segments are handed out; under the lock */
    _Atomic int stop; /* the status that ends the whole */
} state;

static void note_failure(active *a, rfp_status status)
{
    int expected = RFP_OK;
    int error = errno;

    if (atomic_compare_exchange_strong(&a->status, &expected, (int)status))
        atomic_store(&a->error, error);
}

static uint64_t segment_count(uint64_t bytes)
{
    return bytes == 0 ? 1 : (bytes + RFP_SEGMENT_BYTES - 1) / RFP_SEGMENT_BYTES;
}

static active *make_active(size_t index, const rfp_source *source)
{
    active *a = calloc(1, sizeof *a);

    if (a == NULL)
        return NULL;
    a->source = *source;
    a->index = index;
    a->segments = segment_count(source->bytes);
    atomic_init(&a->left, a->segments);
    a->values = malloc((size_t)a->segments * RFP_CV_BYTES);
    if (a->values == NULL) {
        free(a);
        return NULL;
    }
    return a;
}

/* Open sources until one can be hashed; NULL when there is none any more. Under the lock. */
static active *open_next(state *s)
{
    while (s->next < s->supply->count && atomic_load(&s->stop) == RFP_OK) {
        rfp_source source;
        size_t index = s->next++;
        if (s->supply->open(s->supply->context, index, &source) != RFP_OK)
            continue;
        active *a = make_active(index, &source);
        if (a != NULL)
            return a;
        atomic_store(&s->stop, RFP_ERR_MEMORY);
        s->supply->done(s->supply->context, index, &source, RFP_ERR_MEMORY);
    }
    return NULL;
}

static active *take_segment(state *s, uint64_t *segment)
{
    (void)pthread_mutex_lock(&s->lock);
    if (s->current == NULL)
        s->current = open_next(s);
    active *a = s->current;
    if (a != NULL) {
        *segment = a->next++;
        if (a->next == a->segments)
            s->current = NULL;
    }
    (void)pthread_mutex_unlock(&s->lock);
    return a;
}

/* What a hole reads as. Never written, so that it takes one page of memory at most. */
static uint8_t zeros[RFP_PIECE_BYTES];

bool rfp_file_is_sparse(int fd)
{
    struct stat info;

    return fstat(fd, &info) == 0 && (uint64_t)info.st_blocks * 512 < (uint64_t)info.st_size;
}

/* Whether a piece lies in a hole. One that is filled later changes the file's stamp. */
static bool is_hole(const rfp_source *source, uint64_t offset, size_t bytes)
{
    off_t data = lseek(source->fd, (off_t)offset, SEEK_DATA);

    return data < 0 ? errno == ENXIO && offset + bytes <= source->offset + source->bytes
                    : (uint64_t)data >= offset + bytes;
}

/* Have one piece, all of it: in the buffer, or in a place of zeros. NULL if it cannot be read. */
static const uint8_t *read_piece(active *a, uint8_t *buffer, uint64_t offset, size_t bytes)
{
    if (a->source.sparse && is_hole(&a->source, a->source.offset + offset, bytes))
        return zeros;
    ssize_t got = rfp_read_at(a->source.fd, buffer, bytes, a->source.offset + offset);

    if (got < 0) {
        note_failure(a, rfp_status_of_errno(errno));
    } else if ((size_t)got != bytes) {
        errno = 0;
        note_failure(a, RFP_ERR_UNSTABLE);
    }
    return got >= 0 && (size_t)got == bytes ? buffer : NULL;
}

static size_t part_of(uint64_t whole, uint64_t done, size_t most)
{
    return whole - done < most ? (size_t)(whole - done) : most;
}

/* The only segment of a short source: its top is the root. */
static void hash_whole(state *s, active *a, uint8_t *buffer)
{
    rfp_hasher hasher;

    rfp_hasher_init(&hasher);
    for (uint64_t done = 0; done < a->source.bytes;) {
        size_t part = part_of(a->source.bytes, done, RFP_PIECE_BYTES);
        const uint8_t *piece = read_piece(a, buffer, done, part);
        if (piece == NULL)
            return;
        rfp_hasher_update(&hasher, piece, part);
        rfp_progress_count(s->progress, 0, part);
        done += part;
    }
    rfp_hasher_finish(&hasher, a->source.digest);
}

static void hash_segment(state *s, active *a, uint64_t segment, uint8_t *buffer)
{
    const rfp_kernel *kernel = rfp_kernel_current();
    uint8_t values[SEGMENT_PIECES * RFP_CV_BYTES];
    uint64_t begin = segment * RFP_SEGMENT_BYTES;
    size_t bytes = part_of(a->source.bytes, begin, RFP_SEGMENT_BYTES);
    size_t pieces = 0;

    for (size_t done = 0; done < bytes; pieces++) {
        size_t part = part_of(bytes, done, RFP_PIECE_BYTES);
        const uint8_t *piece = read_piece(a, buffer, begin + done, part);
        if (piece == NULL)
            return;
        rfp_subtree_compress(kernel, &s->mode, piece, part, (begin + done) / RFP_CHUNK_BYTES,
                             values + pieces * RFP_CV_BYTES);
        rfp_progress_count(s->progress, 0, part);
        done += part;
    }
    while (pieces > 1)
        pieces = rfp_parents_compress(kernel, &s->mode, values, pieces);
    memcpy(a->values + segment * RFP_CV_BYTES, values, RFP_CV_BYTES);
}

static void end_source(state *s, active *a)
{
    rfp_status status = (rfp_status)atomic_load(&a->status);

    if (status == RFP_OK && a->segments > 1)
        rfp_root_compress(rfp_kernel_current(), &s->mode, a->values, (size_t)a->segments, a->source.digest);
    errno = atomic_load(&a->error);
    s->supply->done(s->supply->context, a->index, &a->source, status);
    free(a->values);
    free(a);
}

static void work(void *context, rfp_team *team)
{
    (void)team;
    state *s = context;
    uint8_t *buffer = malloc(RFP_PIECE_BYTES);
    uint64_t segment = 0;
    active *a;

    if (buffer == NULL)
        atomic_store(&s->stop, RFP_ERR_MEMORY);
    while ((a = take_segment(s, &segment)) != NULL) {
        if (rfp_progress_cancelled(s->progress))
            atomic_store(&s->stop, RFP_ERR_CANCELLED);
        rfp_status stop = (rfp_status)atomic_load(&s->stop);
        if (stop != RFP_OK || buffer == NULL)
            note_failure(a, stop);
        else if (atomic_load(&a->status) != RFP_OK)
            (void)a; /* a sibling failed: only count down */
        else if (a->segments == 1)
            hash_whole(s, a, buffer);
        else
            hash_segment(s, a, segment, buffer);
        if (atomic_fetch_sub(&a->left, 1) == 1)
            end_source(s, a);
    }
    free(buffer);
}

rfp_status rfp_segments_hash(const rfp_supply *supply, unsigned threads, rfp_progress *progress)
{
    state s = {.supply = supply, .progress = progress, .mode = rfp_mode_plain()};

    if (pthread_mutex_init(&s.lock, NULL) != 0)
        return RFP_ERR_MEMORY;
    atomic_init(&s.stop, RFP_OK);
    rfp_team_lead(threads > 1 ? threads - 1 : 0, false, work, &s);
    (void)pthread_mutex_destroy(&s.lock);
    return (rfp_status)atomic_load(&s.stop);
}
