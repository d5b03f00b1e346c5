/* Views of memory and of files, against the plainest walk over their elements. */
#include <errno.h>

#include "reprofp_tensors.h"
#include "scratch.h"

enum { SPACE_BYTES = 3 * 1024 * 1024 };

static uint8_t *space;

/* The contents of a view, element after element. */
static uint8_t *gather_plainly(const uint8_t *first, const rfp_view *view, uint64_t bytes)
{
    uint8_t *contents = malloc((size_t)bytes + 1);
    size_t unit = view->swap_bytes > 1 ? view->swap_bytes : 1;

    CHECK(contents != NULL);
    for (uint64_t i = 0; i < bytes / view->item_bytes; i++) {
        const uint8_t *from = first;
        uint64_t rest = i;
        for (uint32_t d = view->dimensions; d-- > 0;) {
            from += (int64_t)(rest % view->sizes[d]) * view->strides[d];
            rest /= view->sizes[d];
        }
        for (size_t j = 0; j < view->item_bytes; j++)
            contents[i * view->item_bytes + j] = from[j / unit * unit + (unit - 1 - j % unit)];
    }
    return contents;
}

static void check_view(const uint8_t *first, const rfp_view *view, int fd)
{
    uint8_t expected[RFP_DIGEST_BYTES];
    uint8_t digest[RFP_DIGEST_BYTES];
    uint64_t bytes = 0;

    CHECK(rfp_view_bytes(view, &bytes) == RFP_OK);
    uint8_t *contents = gather_plainly(first, view, bytes);
    rfp_bytes_hash(contents, (size_t)bytes, expected);
    free(contents);
    for (unsigned threads = 0; threads < 4; threads++) {
        CHECK(rfp_view_hash(first, view, threads, NULL, digest) == RFP_OK);
        CHECK(memcmp(digest, expected, sizeof digest) == 0);
    }
    if (fd < 0)
        return;
    memset(digest, 0, sizeof digest);
    CHECK(rfp_file_view_hash(fd, (uint64_t)(first - space), view, NULL, digest) == RFP_OK);
    CHECK(memcmp(digest, expected, sizeof digest) == 0);
}

static void test_shapes(int fd)
{
    const rfp_view views[] = {
        {0, 4, 0, {0}, {0}},
        {1, 4, 0, {0}, {4}},
        {1, 1, 0, {SPACE_BYTES}, {1}},
        {1, 4, 4, {SPACE_BYTES / 4}, {4}},
        {2, 4, 0, {700, 1000}, {4, 2800}},
        {2, 2, 2, {1000, 1500}, {2, 2000}},
        {2, 8, 8, {10, 30000}, {8, 80}},
        {2, 1, 0, {1000, 1000}, {3000, 3}},
        {2, 4, 0, {5, 3}, {0, 4}},
        {2, 16, 8, {300000, 5}, {0, 16}},
        {3, 4, 0, {40, 50, 60}, {4, 9600, 160}},
        {3, 4, 0, {2, 1, 3}, {12, 999, 4}},
        {4, 3, 0, {7, 9, 11, 13}, {3, 21, 189, 2079}},
        {1, 20, 4, {1000}, {40}},
        {1, 4, 0, {11}, {262144}},
        {1, RFP_VIEW_ITEM_BYTES, 0, {40}, {RFP_VIEW_ITEM_BYTES + 8}},
        {2, RFP_VIEW_ITEM_BYTES, 0, {3, 12}, {RFP_VIEW_ITEM_BYTES, 196608}},
    };

    for (size_t i = 0; i < sizeof views / sizeof *views; i++)
        check_view(space, &views[i], fd);
}

static void test_negative_strides(int fd)
{
    rfp_view view = {2, 4, 0, {100, 200}, {-800, -4}};
    uint8_t digest[RFP_DIGEST_BYTES];

    check_view(space + 80000, &view, -1);
    CHECK(rfp_file_view_hash(fd, 80000, &view, NULL, digest) == RFP_ERR_ARGUMENT);
}

/* Any permutation and any gaps. */
static void test_random_views(int fd)
{
    static const uint32_t ITEMS[] = {1, 2, 4, 8, 12, 16};
    uint64_t random = 7;

    for (int round = 0; round < 200; round++) {
        rfp_view view = {.dimensions = (uint32_t)(next_random(&random) % 5)};
        uint32_t order[4] = {0, 1, 2, 3};
        view.item_bytes = ITEMS[next_random(&random) % 6];
        view.swap_bytes = view.item_bytes % 4 == 0 && next_random(&random) % 2 == 0 ? 4 : 0;
        int64_t stride = view.item_bytes;
        for (uint32_t i = 0; i < view.dimensions; i++) {
            uint32_t other = (uint32_t)(next_random(&random) % view.dimensions);
            uint32_t kept = order[i];
            order[i] = order[other];
            order[other] = kept;
        }
        for (uint32_t i = 0; i < 4; i++) {
            if (order[i] >= view.dimensions)
                continue;
            view.sizes[order[i]] = 1 + next_random(&random) % 16;
            view.strides[order[i]] = next_random(&random) % 8 == 0 ? 0 : stride;
            stride *= (int64_t)(view.sizes[order[i]] + next_random(&random) % 3);
        }
        check_view(space, &view, stride < SPACE_BYTES ? fd : -1);
    }
}

static void test_limits(int fd)
{
    rfp_view view = {2, 4, 0, {UINT64_C(1) << 40, UINT64_C(1) << 40}, {4, 4}};
    uint8_t digest[RFP_DIGEST_BYTES];
    uint64_t bytes = 0;

    CHECK(rfp_view_hash(space, &view, 1, NULL, digest) == RFP_ERR_ARGUMENT);
    view.sizes[0] = 0;
    CHECK(rfp_view_bytes(&view, &bytes) == RFP_OK && bytes == 0);
    view = (rfp_view){1, 4, 3, {4}, {4}};
    CHECK(rfp_view_hash(space, &view, 1, NULL, digest) == RFP_ERR_ARGUMENT);
    view.swap_bytes = 8;
    CHECK(rfp_view_bytes(&view, &bytes) == RFP_ERR_ARGUMENT);
    view = (rfp_view){1, 0, 0, {4}, {4}};
    CHECK(rfp_view_bytes(&view, &bytes) == RFP_ERR_ARGUMENT);
    view = (rfp_view){RFP_VIEW_DIMENSIONS + 1, 1, 0, {4}, {4}};
    CHECK(rfp_view_bytes(&view, &bytes) == RFP_ERR_ARGUMENT);
    view = (rfp_view){1, 4, 0, {4}, {4}};
    CHECK(rfp_view_hash(NULL, &view, 1, NULL, digest) == RFP_ERR_ARGUMENT);
    view = (rfp_view){2, 4, 0, {2, 2}, {4, 8}};
    CHECK(rfp_file_view_hash(fd, SPACE_BYTES - 15, &view, NULL, digest) == RFP_ERR_UNSTABLE);
    CHECK(rfp_file_view_hash(fd, UINT64_MAX - 3, &view, NULL, digest) == RFP_ERR_UNSTABLE);
    CHECK(rfp_file_view_hash(-1, 0, &view, NULL, digest) == RFP_ERR_IO && errno == EBADF);
}

static void test_cancelling(void)
{
    rfp_progress progress = {.cancel = 1};
    uint8_t digest[RFP_DIGEST_BYTES];
    rfp_view view = {1, 1, 0, {SPACE_BYTES}, {1}};

    CHECK(rfp_view_hash(space, &view, 2, &progress, digest) == RFP_ERR_CANCELLED);
    view = (rfp_view){2, 1, 0, {1000, 1000}, {1, 1000}};
    CHECK(rfp_view_hash(space, &view, 2, &progress, digest) == RFP_ERR_CANCELLED);
    progress.cancel = 0;
    CHECK(rfp_view_hash(space, &view, 2, &progress, digest) == RFP_OK && progress.bytes == 1000000);
}

static void test_copying(int fd)
{
    rfp_view view = {2, 4, 4, {300, 500}, {4, 1200}};
    uint8_t *contents = gather_plainly(space, &view, 600000);
    uint8_t *copied = malloc(600000);
    int output = open("copy", O_RDWR | O_CREAT | O_CLOEXEC, 0600);

    CHECK(copied != NULL && output >= 0);
    CHECK(rfp_file_view_copy(fd, 0, &view, NULL, output) == RFP_OK);
    CHECK(pread(output, copied, 600000, 0) == 600000);
    CHECK(memcmp(copied, contents, 600000) == 0);
    (void)close(output);
    free(copied);
    free(contents);
}

int main(void)
{
    uint64_t random = 3;

    space = malloc(SPACE_BYTES);
    CHECK(space != NULL);
    for (size_t i = 0; i < SPACE_BYTES; i++)
        space[i] = (uint8_t)(next_random(&random) >> 56);
    enter_scratch();
    write_file("space", space, SPACE_BYTES);
    int fd = open("space", O_RDONLY | O_CLOEXEC);
    CHECK(fd >= 0);
    test_shapes(fd);
    test_negative_strides(fd);
    test_random_views(fd);
    test_limits(fd);
    test_cancelling();
    test_copying(fd);
    (void)close(fd);
    leave_scratch();
    free(space);
    return 0;
}
