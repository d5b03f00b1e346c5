/* Contents of views: row after row, tile after tile.
 *
 * A tile is what a run of row-major contents needs: all of the inner axes, and as much of one axis
 * before them as fits. Within a tile the elements are read in the order in which they lie, so that a
 * transposed matrix is read in long runs, not element by element over the whole.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../io/io.h"
#include "tensors.h"

enum {
    MEMORY_TILE_BYTES = 1024 * 1024,
    FILE_TILE_BYTES = 16 * 1024 * 1024,
};

/* One axis of a view: how far its elements are from one another where they lie, and in the tile. */
typedef struct axis {
    uint64_t size;
    int64_t stride;
    size_t packed;
} axis;

/* A view whose neighbouring axes are merged where they lie as one; none are of size 1. */
typedef struct layout {
    size_t count;
    size_t item;
    size_t swap;
    axis axes[RFP_VIEW_DIMENSIONS];
} layout;

/* What takes the contents, piece after piece. */
typedef struct sink {
    rfp_hasher *hasher; /* NULL: the file */
    int fd;
} sink;

typedef struct gathering {
    layout layout;
    rfp_element_source source;
    sink sink;
    rfp_progress *progress;
    uint8_t *tile;
    size_t tile_bytes;
} gathering;

static bool is_allowed(const rfp_view *view)
{
    uint32_t swap = view->swap_bytes;

    return view->dimensions <= RFP_VIEW_DIMENSIONS && view->item_bytes >= 1 &&
           view->item_bytes <= RFP_VIEW_ITEM_BYTES &&
           (swap <= 1 || ((swap == 2 || swap == 4 || swap == 8) && view->item_bytes % swap == 0));
}

rfp_status rfp_view_bytes(const rfp_view *view, uint64_t *bytes)
{
    uint64_t total = view->item_bytes;
    bool is_empty = false;

    if (!is_allowed(view))
        return RFP_ERR_ARGUMENT;
    for (uint32_t i = 0; i < view->dimensions; i++)
        is_empty = is_empty || view->sizes[i] == 0;
    for (uint32_t i = 0; i < view->dimensions && !is_empty; i++)
        if (__builtin_mul_overflow(total, view->sizes[i], &total) || total > INT64_MAX)
            return RFP_ERR_ARGUMENT;
    *bytes = is_empty ? 0 : total;
    return RFP_OK;
}

static void simplify(const rfp_view *view, layout *out)
{
    out->count = 0;
    out->item = view->item_bytes;
    out->swap = view->swap_bytes;
    for (uint32_t i = 0; i < view->dimensions; i++) {
        axis *last = out->count == 0 ? NULL : &out->axes[out->count - 1];
        int64_t whole = 0;
        if (view->sizes[i] == 1)
            continue;
        bool fits = !__builtin_mul_overflow(view->strides[i], (int64_t)view->sizes[i], &whole);
        if (last != NULL && fits && last->stride == whole) {
            last->size *= view->sizes[i];
            last->stride = view->strides[i];
        } else {
            out->axes[out->count++] = (axis){view->sizes[i], view->strides[i], 0};
        }
    }
}

static bool is_flat(const layout *l)
{
    return l->swap <= 1 && (l->count == 0 || (l->count == 1 && l->axes[0].stride == (int64_t)l->item));
}

/* ---- Into a tile ---- */

static uint64_t magnitude(int64_t stride)
{
    return stride < 0 ? -(uint64_t)stride : (uint64_t)stride;
}

#define COPY(bytes)                                                                                                    \
    for (uint64_t i = 0; i < count; i++)                                                                               \
    memcpy(to + i * packed, from + (int64_t)i * stride, bytes)

static void copy_items(uint8_t *to, size_t packed, const uint8_t *from, int64_t stride, uint64_t count, size_t item)
{
    if (stride == (int64_t)item && packed == item)
        memcpy(to, from, (size_t)count * item);
    else if (item == 1)
        COPY(1);
    else if (item == 2)
        COPY(2);
    else if (item == 4)
        COPY(4);
    else if (item == 8)
        COPY(8);
    else
        COPY(item);
}

/* How many elements along an axis fit into a window; all, of memory. */
static uint64_t run_length(const gathering *g, const axis *a)
{
    uint64_t stride = magnitude(a->stride);
    uint64_t most = stride == 0 ? a->size : (RFP_WINDOW_BYTES - g->layout.item) / stride + 1;

    return g->source.memory != NULL || most > a->size ? a->size : most;
}

static rfp_status copy_run(gathering *g, const axis *a, int64_t from_first, uint8_t *to)
{
    uint64_t most = run_length(g, a);

    for (uint64_t done = 0; done < a->size; done += most) {
        uint64_t part = a->size - done < most ? a->size - done : most;
        const uint8_t *from = NULL;
        size_t span = g->source.memory != NULL ? 0 : (size_t)((part - 1) * magnitude(a->stride)) + g->layout.item;
        rfp_status status = rfp_source_fetch(&g->source, from_first + (int64_t)done * a->stride, span, &from);
        if (status != RFP_OK)
            return status;
        copy_items(to + done * a->packed, a->packed, from, a->stride, part, g->layout.item);
    }
    return RFP_OK;
}

/* Sort axes by how far apart their elements lie. */
static void sort_axes(axis *axes, size_t count)
{
    for (size_t i = 1; i < count; i++) {
        axis moved = axes[i];
        size_t j = i;
        for (; j > 0 && magnitude(axes[j - 1].stride) > magnitude(moved.stride); j--)
            axes[j] = axes[j - 1];
        axes[j] = moved;
    }
}

/* Fill a tile of the given axes. */
static rfp_status fill_tile(gathering *g, axis *axes, size_t count, int64_t from_first)
{
    uint64_t at[RFP_VIEW_DIMENSIONS] = {0};
    uint8_t *to = g->tile;

    sort_axes(axes, count);
    for (;;) {
        size_t i = 1;
        rfp_status status = copy_run(g, &axes[0], from_first, to);
        if (status != RFP_OK)
            return status;
        for (; i < count && ++at[i] == axes[i].size; i++) {
            at[i] = 0;
            from_first -= (int64_t)(axes[i].size - 1) * axes[i].stride;
            to -= (axes[i].size - 1) * axes[i].packed;
        }
        if (i >= count)
            return RFP_OK;
        from_first += axes[i].stride;
        to += axes[i].packed;
    }
}

/* ---- Out of a tile ---- */

static void swap_units(uint8_t *data, size_t bytes, size_t unit)
{
    for (size_t i = 0; i < bytes; i += unit)
        for (size_t j = 0; j < unit / 2; j++) {
            uint8_t kept = data[i + j];
            data[i + j] = data[i + unit - 1 - j];
            data[i + unit - 1 - j] = kept;
        }
}

static rfp_status write_all(int fd, const uint8_t *data, size_t bytes)
{
    while (bytes > 0) {
        ssize_t done = write(fd, data, bytes);
        if (done < 0 && errno != EINTR)
            return rfp_status_of_errno(errno);
        data += done > 0 ? done : 0;
        bytes -= done > 0 ? (size_t)done : 0;
    }
    return RFP_OK;
}

static rfp_status put_tile(gathering *g, size_t bytes)
{
    if (g->layout.swap > 1)
        swap_units(g->tile, bytes, g->layout.swap);
    rfp_progress_count(g->progress, 0, bytes);
    if (g->sink.hasher == NULL)
        return write_all(g->sink.fd, g->tile, bytes);
    rfp_hasher_update(g->sink.hasher, g->tile, bytes);
    return RFP_OK;
}

/* ---- Tile after tile ---- */

/* The axis that tiles divide: those behind it are whole in every tile. */
static size_t divided_axis(layout *l, size_t tile_bytes)
{
    size_t packed = l->item;
    size_t divided = l->count - 1;

    for (size_t i = l->count; i-- > 0;) {
        divided = i;
        l->axes[i].packed = packed;
        if (l->axes[i].size > tile_bytes / packed)
            break;
        packed *= (size_t)l->axes[i].size;
    }
    return divided;
}

/* All tiles of one place of the axes before the divided one. */
static rfp_status gather_tiles(gathering *g, size_t divided, int64_t from_first)
{
    const layout *l = &g->layout;
    const axis *d = &l->axes[divided];
    uint64_t most = g->tile_bytes / d->packed;

    for (uint64_t done = 0; done < d->size; done += most) {
        axis box[RFP_VIEW_DIMENSIONS];
        size_t count = l->count - divided;
        if (rfp_progress_cancelled(g->progress))
            return RFP_ERR_CANCELLED;
        memcpy(box, d, count * sizeof *box);
        box[0].size = d->size - done < most ? d->size - done : most;
        size_t bytes = (size_t)box[0].size * d->packed;
        rfp_status status = fill_tile(g, box, count, from_first + (int64_t)done * d->stride);
        if (status == RFP_OK)
            status = put_tile(g, bytes);
        if (status != RFP_OK)
            return status;
    }
    return RFP_OK;
}

static rfp_status gather(gathering *g)
{
    layout *l = &g->layout;
    uint64_t at[RFP_VIEW_DIMENSIONS] = {0};
    int64_t from_first = 0;

    if (l->count == 0)
        l->axes[l->count++] = (axis){1, (int64_t)l->item, 0};
    size_t divided = divided_axis(l, g->tile_bytes);
    for (;;) {
        size_t i = divided;
        rfp_status status = gather_tiles(g, divided, from_first);
        if (status != RFP_OK)
            return status;
        for (; i > 0 && ++at[i - 1] == l->axes[i - 1].size; i--) {
            at[i - 1] = 0;
            from_first -= (int64_t)(l->axes[i - 1].size - 1) * l->axes[i - 1].stride;
        }
        if (i == 0)
            return RFP_OK;
        from_first += l->axes[i - 1].stride;
    }
}

/* Take memory for a tile that is no larger than the contents. */
static rfp_status gather_with_tile(gathering *g, uint64_t bytes, size_t most)
{
    g->tile_bytes = bytes < most ? (size_t)bytes : most;
    if (g->tile_bytes < RFP_VIEW_ITEM_BYTES)
        g->tile_bytes = RFP_VIEW_ITEM_BYTES;
    g->tile = malloc(g->tile_bytes);
    if (g->tile == NULL)
        return RFP_ERR_MEMORY;
    rfp_status status = gather(g);
    free(g->tile);
    return status;
}

rfp_status rfp_view_hash(const void *first, const rfp_view *view, unsigned threads, rfp_progress *progress,
                         uint8_t digest[RFP_DIGEST_BYTES])
{
    rfp_hasher hasher;
    gathering g = {.source = {.memory = first}, .sink = {.hasher = &hasher}, .progress = progress};
    uint64_t bytes = 0;
    rfp_status status = rfp_view_bytes(view, &bytes);

    if (status != RFP_OK)
        return status;
    if (bytes > 0 && first == NULL)
        return RFP_ERR_ARGUMENT;
    rfp_hasher_init(&hasher);
    if (bytes > 0) {
        simplify(view, &g.layout);
        if (is_flat(&g.layout))
            return rfp_flat_hash(first, bytes, threads, progress, digest);
        status = gather_with_tile(&g, bytes, MEMORY_TILE_BYTES);
    }
    rfp_hasher_finish(&hasher, digest);
    return status;
}

static bool has_negative_stride(const layout *l)
{
    bool found = false;

    for (size_t i = 0; i < l->count; i++)
        found = found || l->axes[i].stride < 0;
    return found;
}

static rfp_status gather_file(gathering *g, const rfp_view *view)
{
    struct stat info;
    uint64_t bytes = 0;
    rfp_status status = rfp_view_bytes(view, &bytes);

    if (status != RFP_OK || bytes == 0)
        return status;
    simplify(view, &g->layout);
    if (has_negative_stride(&g->layout))
        return RFP_ERR_ARGUMENT;
    if (fstat(g->source.fd, &info) != 0)
        return rfp_status_of_errno(errno);
    g->source.file_bytes = (uint64_t)info.st_size;
    g->source.window = malloc(RFP_WINDOW_BYTES);
    if (g->source.window == NULL)
        return RFP_ERR_MEMORY;
    status = gather_with_tile(g, bytes, FILE_TILE_BYTES);
    free(g->source.window);
    return status;
}

rfp_status rfp_file_view_hash(int fd, uint64_t offset, const rfp_view *view, rfp_progress *progress,
                              uint8_t digest[RFP_DIGEST_BYTES])
{
    rfp_hasher hasher;
    gathering g = {.source = {.fd = fd, .offset = offset}, .sink = {.hasher = &hasher}, .progress = progress};

    rfp_hasher_init(&hasher);
    rfp_status status = gather_file(&g, view);
    rfp_hasher_finish(&hasher, digest);
    return status;
}

rfp_status rfp_file_view_copy(int fd, uint64_t offset, const rfp_view *view, rfp_progress *progress, int output)
{
    gathering g = {.source = {.fd = fd, .offset = offset}, .sink = {.fd = output}, .progress = progress};

    return gather_file(&g, view);
}
