/* Differences of values: what each type's numbers mean, special values, and any number of threads. */
#include <errno.h>
#include <math.h>

#include "reprofp_tensors.h"
#include "scratch.h"

static rfp_difference measure(rfp_number number, const void *first, const void *second, uint64_t count)
{
    rfp_difference d;

    CHECK(rfp_difference_measure(number, first, second, count, &d) == RFP_OK);
    CHECK(d.elements == count);
    return d;
}

static void test_f32(void)
{
    const float a[] = {1.0F, 0.0F, INFINITY, NAN, NAN, 5.0F, -INFINITY, 2.0F};
    const float b[] = {1.0F, -0.0F, INFINITY, NAN, 1.0F, INFINITY, INFINITY, 1.5F};
    rfp_difference d = measure(RFP_NUMBER_F32, a, b, 8);

    CHECK(d.different == 5);
    CHECK(d.nan_changes == 1);
    CHECK(d.inf_changes == 2);
    CHECK(d.max_abs == 0.5);
    CHECK(d.max_ulps == 1U << 22);
    CHECK(d.squares == 0.25);
    CHECK(d.squares_first == 5.0);
}

static void test_ulps(void)
{
    const float tiny[] = {0x1p-149F, -0x1p-149F};
    const double a[] = {1.0};
    const double b[] = {1.0 + 0x1p-52};

    CHECK(measure(RFP_NUMBER_F32, &tiny[0], &tiny[1], 1).max_ulps == 2);
    CHECK(measure(RFP_NUMBER_F64, a, b, 1).max_ulps == 1);
}

/* One number of a type against zero: its value is the greatest difference. */
static void check_value(rfp_number number, uint16_t bits, double value)
{
    const uint16_t zero = 0;
    rfp_difference d = measure(number, &bits, &zero, 1);

    if (isnan(value))
        CHECK(d.nan_changes == 1 && d.max_abs == 0);
    else if (isinf(value))
        CHECK(d.inf_changes == 1 && d.nan_changes == 0);
    else
        CHECK(d.max_abs == fabs(value));
}

static void test_small_floats(void)
{
    check_value(RFP_NUMBER_F16, 0x3c00, 1);
    check_value(RFP_NUMBER_F16, 0x0001, 0x1p-24);
    check_value(RFP_NUMBER_F16, 0x7bff, 65504);
    check_value(RFP_NUMBER_F16, 0xfc00, -INFINITY);
    check_value(RFP_NUMBER_F16, 0x7e00, NAN);
    check_value(RFP_NUMBER_BF16, 0x3f80, 1);
    check_value(RFP_NUMBER_BF16, 0x7f80, INFINITY);
    check_value(RFP_NUMBER_F8_E4M3, 0x7e, 448);
    check_value(RFP_NUMBER_F8_E4M3, 0x01, 0x1p-9);
    check_value(RFP_NUMBER_F8_E4M3, 0xff, NAN);
    check_value(RFP_NUMBER_F8_E5M2, 0x7b, 57344);
    check_value(RFP_NUMBER_F8_E5M2, 0x7c, INFINITY);
    check_value(RFP_NUMBER_F8_E5M2, 0xfd, NAN);
    check_value(RFP_NUMBER_F8_E5M2, 0x01, 0x1p-16);
    check_value(RFP_NUMBER_F8_E4M3FNUZ, 0x7f, 240);
    check_value(RFP_NUMBER_F8_E4M3FNUZ, 0x80, NAN);
    check_value(RFP_NUMBER_F8_E5M2FNUZ, 0x7f, 57344);
}

static void test_e8m0(void)
{
    const uint8_t a[] = {127, 0xff, 130};
    const uint8_t b[] = {128, 1, 130};
    rfp_difference d = measure(RFP_NUMBER_F8_E8M0, a, b, 3);

    CHECK(d.max_abs == 1 && d.max_ulps == 1 && d.nan_changes == 1 && d.different == 2);
}

static void test_integers(void)
{
    const int64_t a[] = {INT64_MIN, 3};
    const int64_t b[] = {INT64_MAX, 3};
    const uint8_t c[] = {0, 255};
    const uint8_t e[] = {255, 254};

    CHECK(measure(RFP_NUMBER_I64, a, b, 2).max_ulps == UINT64_MAX);
    CHECK(measure(RFP_NUMBER_U64, a, b, 1).max_ulps == 1);
    CHECK(measure(RFP_NUMBER_U8, c, e, 2).max_abs == 255);
    CHECK(measure(RFP_NUMBER_I8, c, e, 2).max_abs == 1);
}

static void test_refusals(void)
{
    rfp_difference d;

    CHECK(rfp_difference_measure(RFP_NUMBER_KINDS, "", "", 0, &d) == RFP_ERR_ARGUMENT);
    CHECK(rfp_number_bytes(RFP_NUMBER_KINDS) == 0 && rfp_number_bytes(RFP_NUMBER_F64) == 8);
    CHECK(rfp_file_difference_measure(RFP_NUMBER_F64, 0, 0, 0, 0, UINT64_MAX / 4, 1, NULL, &d) == RFP_ERR_ARGUMENT);
    CHECK(rfp_file_difference_measure(RFP_NUMBER_F64, -1, 0, -1, 0, 1, 1, NULL, &d) == RFP_ERR_IO && errno == EBADF);
}

static void test_files(void)
{
    enum { COUNT = 700001 };
    float *a = malloc(COUNT * sizeof *a);
    float *b = malloc(COUNT * sizeof *b);
    uint64_t random = 9;

    CHECK(a != NULL && b != NULL);
    for (size_t i = 0; i < COUNT; i++) {
        a[i] = (float)(next_random(&random) >> 40);
        b[i] = a[i] + (float)(next_random(&random) >> 60);
    }
    write_file("a", a, COUNT * sizeof *a);
    write_file("b", b, COUNT * sizeof *b);
    int first = open("a", O_RDONLY | O_CLOEXEC);
    int second = open("b", O_RDONLY | O_CLOEXEC);
    rfp_difference expected = measure(RFP_NUMBER_F32, a, b, COUNT);
    rfp_difference d;
    for (unsigned threads = 1; threads < 5; threads++) {
        CHECK(rfp_file_difference_measure(RFP_NUMBER_F32, first, 0, second, 0, COUNT, threads, NULL, &d) == RFP_OK);
        CHECK(d.elements == COUNT && d.different == expected.different && d.max_ulps == expected.max_ulps);
        CHECK(d.max_abs == expected.max_abs && d.squares == expected.squares);
        CHECK(d.squares_first == expected.squares_first);
    }
    CHECK(rfp_file_difference_measure(RFP_NUMBER_F32, first, 4, second, 4, COUNT, 2, NULL, &d) == RFP_ERR_UNSTABLE);
    rfp_progress progress = {.cancel = 1};
    CHECK(rfp_file_difference_measure(RFP_NUMBER_F32, first, 0, second, 0, COUNT, 2, &progress, &d) ==
          RFP_ERR_CANCELLED);
    (void)close(first);
    (void)close(second);
    free(a);
    free(b);
}

int main(void)
{
    enter_scratch();
    test_f32();
    test_ulps();
    test_small_floats();
    test_e8m0();
    test_integers();
    test_refusals();
    test_files();
    leave_scratch();
    return 0;
}
