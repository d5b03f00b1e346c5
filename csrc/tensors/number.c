/* How pairs of numbers differ: one loop for each type, made from one pattern.
 *
 * Floats are compared in steps (ULPs) by their place among all floats of the type: the bits without
 * the sign, negated where the sign is set, so that both zeros have the place 0.
 */
#include <math.h>
#include <string.h>

#include "tensors.h"

typedef struct parsed {
    double value;
    int64_t place;
} parsed;

size_t rfp_number_bytes(rfp_number number)
{
    static const uint8_t BYTES[RFP_NUMBER_KINDS] = {1, 1, 2, 2, 4, 4, 8, 8, 2, 2, 4, 8, 1, 1, 1, 1, 1};

    return (int)number >= 0 && number < RFP_NUMBER_KINDS ? BYTES[number] : 0;
}

static void add_squares(rfp_difference *d, double first, double second)
{
    double delta = first - second;

    d->squares += delta * delta;
    d->squares_first += first * first;
    if (fabs(delta) > d->max_abs)
        d->max_abs = fabs(delta);
}

/* A pair of floats of which one is not finite. */
static void count_special(rfp_difference *d, double first, double second)
{
    if (isnan(first) || isnan(second))
        d->nan_changes += (uint64_t)(isnan(first) != isnan(second));
    else
        d->inf_changes += (uint64_t)(first != second);
}

static void add_floats(rfp_difference *d, parsed first, parsed second)
{
    if (!isfinite(first.value) || !isfinite(second.value)) {
        count_special(d, first.value, second.value);
        return;
    }
    uint64_t apart = first.place > second.place ? (uint64_t)first.place - (uint64_t)second.place
                                                : (uint64_t)second.place - (uint64_t)first.place;
    if (apart > d->max_ulps)
        d->max_ulps = apart;
    add_squares(d, first.value, second.value);
}

static int64_t place_of(uint64_t bits, unsigned width)
{
    uint64_t sign = UINT64_C(1) << (width - 1);
    int64_t rest = (int64_t)(bits & (sign - 1));

    return (bits & sign) != 0 ? -rest : rest;
}

/* IEEE 754 with so many bits of exponent and fraction; a float of 32 bits holds each of 16 and fewer. */
static double decode(uint32_t bits, int exponent_bits, int fraction_bits, int bias)
{
    uint32_t fraction = bits & ((1U << fraction_bits) - 1);
    int exponent = (int)(bits >> fraction_bits) & ((1 << exponent_bits) - 1);
    double value = exponent == 0 ? ldexp((double)fraction, 1 - bias - fraction_bits)
                                 : ldexp((double)(fraction + (1U << fraction_bits)), exponent - bias - fraction_bits);

    return (bits >> (exponent_bits + fraction_bits)) != 0 ? -value : value;
}

/* The 8-bit types: OCP "OFP8" and "MX" specifications, and the FNUZ variants of arXiv:2206.02915. */
static double decode_8(rfp_number number, uint8_t bits)
{
    uint8_t rest = bits & 0x7f;

    switch (number) {
    case RFP_NUMBER_F8_E4M3:
        return rest == 0x7f ? NAN : decode(bits, 4, 3, 7);
    case RFP_NUMBER_F8_E5M2:
        if (rest >= 0x7c)
            return rest > 0x7c ? NAN : (bits == rest ? INFINITY : -INFINITY);
        return decode(bits, 5, 2, 15);
    case RFP_NUMBER_F8_E4M3FNUZ:
        return bits == 0x80 ? NAN : decode(bits, 4, 3, 8);
    case RFP_NUMBER_F8_E5M2FNUZ:
        return bits == 0x80 ? NAN : decode(bits, 5, 2, 16);
    default: /* RFP_NUMBER_F8_E8M0 */
        return bits == 0xff ? NAN : ldexp(1, (int)bits - 127);
    }
}

static void compare_8(rfp_number number, const uint8_t *first, const uint8_t *second, size_t count, rfp_difference *d)
{
    parsed table[256];

    for (unsigned i = 0; i < 256; i++) {
        table[i].value = decode_8(number, (uint8_t)i);
        table[i].place = number == RFP_NUMBER_F8_E8M0 ? (int64_t)i : place_of(i, 8);
    }
    for (size_t i = 0; i < count; i++) {
        d->different += (uint64_t)(first[i] != second[i]);
        add_floats(d, table[first[i]], table[second[i]]);
    }
}

/* Not through a subnormal float: a program may have told its processor to read those as zeros. */
static double widen_f16(uint16_t bits)
{
    uint32_t rest = bits & 0x7fffU;
    uint32_t widened = (rest << 13) + (UINT32_C(112) << 23);
    float normal;
    double value;

    memcpy(&normal, &widened, sizeof normal);
    if (rest < 0x400)
        value = (double)rest * 0x1p-24;
    else if (rest < 0x7c00)
        value = (double)normal;
    else
        value = rest == 0x7c00 ? (double)INFINITY : (double)NAN;
    return rest == bits ? value : -value;
}

static double widen_bf16(uint16_t bits)
{
    uint32_t shifted = (uint32_t)bits << 16;
    float value;

    memcpy(&value, &shifted, sizeof value);
    return (double)value;
}

static double widen_f32(uint32_t bits)
{
    float value;

    memcpy(&value, &bits, sizeof value);
    return (double)value;
}

static double widen_f64(uint64_t bits)
{
    double value;

    memcpy(&value, &bits, sizeof value);
    return value;
}

#define COMPARE_FLOATS(name, word)                                                                                     \
    static void compare_##name(const uint8_t *first, const uint8_t *second, size_t count, rfp_difference *d)           \
    {                                                                                                                  \
        for (size_t i = 0; i < count; i++) {                                                                           \
            word a, b;                                                                                                 \
            memcpy(&a, first + i * sizeof a, sizeof a);                                                                \
            memcpy(&b, second + i * sizeof b, sizeof b);                                                               \
            d->different += (uint64_t)(a != b);                                                                        \
            add_floats(d, (parsed){widen_##name(a), place_of(a, 8 * sizeof a)},                                        \
                       (parsed){widen_##name(b), place_of(b, 8 * sizeof b)});                                          \
        }                                                                                                              \
    }

#define COMPARE_INTEGERS(name, word)                                                                                   \
    static void compare_##name(const uint8_t *first, const uint8_t *second, size_t count, rfp_difference *d)           \
    {                                                                                                                  \
        for (size_t i = 0; i < count; i++) {                                                                           \
            word a, b;                                                                                                 \
            memcpy(&a, first + i * sizeof a, sizeof a);                                                                \
            memcpy(&b, second + i * sizeof b, sizeof b);                                                               \
            uint64_t apart = a > b ? (uint64_t)a - (uint64_t)b : (uint64_t)b - (uint64_t)a;                            \
            d->different += (uint64_t)(a != b);                                                                        \
            d->max_ulps = apart > d->max_ulps ? apart : d->max_ulps;                                                   \
            d->squares += (double)apart * (double)apart;                                                               \
            d->squares_first += (double)a * (double)a;                                                                 \
        }                                                                                                              \
        d->max_abs = (double)d->max_ulps;                                                                              \
    }

COMPARE_FLOATS(f16, uint16_t)
COMPARE_FLOATS(bf16, uint16_t)
COMPARE_FLOATS(f32, uint32_t)
COMPARE_FLOATS(f64, uint64_t)
COMPARE_INTEGERS(u8, uint8_t)
COMPARE_INTEGERS(i8, int8_t)
COMPARE_INTEGERS(u16, uint16_t)
COMPARE_INTEGERS(i16, int16_t)
COMPARE_INTEGERS(u32, uint32_t)
COMPARE_INTEGERS(i32, int32_t)
COMPARE_INTEGERS(u64, uint64_t)
COMPARE_INTEGERS(i64, int64_t)

typedef void (*comparison)(const uint8_t *first, const uint8_t *second, size_t count, rfp_difference *d);

static const comparison COMPARISONS[] = {compare_u8,  compare_i8,  compare_u16, compare_i16,  compare_u32, compare_i32,
                                         compare_u64, compare_i64, compare_f16, compare_bf16, compare_f32, compare_f64};

void rfp_number_compare(rfp_number number, const uint8_t *first, const uint8_t *second, size_t count,
                        rfp_difference *difference)
{
    difference->elements += count;
    if ((size_t)number < sizeof COMPARISONS / sizeof *COMPARISONS)
        COMPARISONS[number](first, second, count, difference);
    else
        compare_8(number, first, second, count, difference);
}
