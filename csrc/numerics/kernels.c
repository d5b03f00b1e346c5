/* Small fixed computations with the C library's mathematical functions and the processor's conversions. */
#include <fenv.h>
#include <math.h>
#include <string.h>

#include "reprofp_numerics.h"

/* So many that variants of one function, which differ in the last bit of one result in hundreds, are told apart. */
enum { POINTS = 1024 };

/* Where inputs lie: the exponents and signs that a function takes without leaving its domain. */
typedef enum range {
    WIDE,     /* of both signs, from 2^-4 to 2^5 */
    POSITIVE, /* from 2^-5 to 2^6 */
    UNIT,     /* of both signs, from 2^-6 to 1 */
    ABOVE_ONE /* from 1 to 2^20 */
} range;

static const struct {
    unsigned signs; /* 1 where there are negative inputs */
    int lowest;     /* exponents of two, both included */
    int highest;
} RANGES[] = {{1, -4, 4}, {0, -5, 5}, {1, -6, -1}, {0, 0, 19}};

/* SplitMix64 (Steele, Lea, Flood 2014): one 64-bit number for each index. */
static uint64_t mix(uint64_t index)
{
    uint64_t bits = (index + 1) * UINT64_C(0x9E3779B97F4A7C15);
    bits = (bits ^ (bits >> 30)) * UINT64_C(0xBF58476D1CE4E5B9);
    bits = (bits ^ (bits >> 27)) * UINT64_C(0x94D049BB133111EB);
    return bits ^ (bits >> 31);
}

static int pick_exponent(range where, uint64_t bits)
{
    int count = RANGES[where].highest - RANGES[where].lowest + 1;
    return RANGES[where].lowest + (int)(bits & 0xFFF) % count;
}

/* A double out of its parts: 1 sign bit, 11 of the exponent, 52 of the fraction. */
static double make_double(range where, uint64_t index)
{
    uint64_t bits = mix(index);
    uint64_t sign = RANGES[where].signs & (uint64_t)(bits >> 63);
    int exponent = 1023 + pick_exponent(where, bits); /* above zero for every range */
    uint64_t whole = sign << 63 | (uint64_t)exponent << 52 | (bits >> 12 & UINT64_C(0xFFFFFFFFFFFFF));
    double value;
    memcpy(&value, &whole, sizeof value);
    return value;
}

/* A float out of its parts: 1 sign bit, 8 of the exponent, 23 of the fraction. */
static float make_float(range where, uint64_t index)
{
    uint64_t bits = mix(index);
    uint32_t sign = RANGES[where].signs & (uint32_t)(bits >> 63);
    uint32_t exponent = (uint32_t)(127 + pick_exponent(where, bits));
    uint32_t whole = sign << 31 | exponent << 23 | (uint32_t)(bits >> 12 & 0x7FFFFF);
    float value;
    memcpy(&value, &whole, sizeof value);
    return value;
}

#define OF_DOUBLE(name, expression, where)                                                                             \
    static int run_##name(uint8_t *output)                                                                             \
    {                                                                                                                  \
        for (uint64_t i = 0; i < POINTS; i++) {                                                                        \
            double x = make_double(where, i);                                                                          \
            double y = make_double(UNIT, i + POINTS);                                                                  \
            double z = (expression);                                                                                   \
            (void)y;                                                                                                   \
            memcpy(output + i * sizeof z, &z, sizeof z);                                                               \
        }                                                                                                              \
        return (int)(POINTS * sizeof(double));                                                                         \
    }

#define OF_FLOAT(name, expression, where)                                                                              \
    static int run_##name(uint8_t *output)                                                                             \
    {                                                                                                                  \
        for (uint64_t i = 0; i < POINTS; i++) {                                                                        \
            float x = make_float(where, i);                                                                            \
            float y = make_float(UNIT, i + POINTS);                                                                    \
            float z = (expression);                                                                                    \
            (void)y;                                                                                                   \
            memcpy(output + i * sizeof z, &z, sizeof z);                                                               \
        }                                                                                                              \
        return (int)(POINTS * sizeof(float));                                                                          \
    }

#define FUNCTIONS(each)                                                                                                \
    each(exp, x, WIDE) each(exp2, x, WIDE) each(expm1, x, WIDE) each(log, x, POSITIVE) each(log2, x, POSITIVE)         \
        each(log10, x, POSITIVE) each(log1p, x, POSITIVE) each(sin, x, WIDE) each(cos, x, WIDE) each(tan, x, WIDE)     \
            each(asin, x, UNIT) each(acos, x, UNIT) each(atan, x, WIDE) each(sinh, x, WIDE) each(cosh, x, WIDE)        \
                each(tanh, x, WIDE) each(asinh, x, WIDE) each(acosh, x, ABOVE_ONE) each(atanh, x, UNIT)                \
                    each(sqrt, x, POSITIVE) each(cbrt, x, WIDE) each(erf, x, WIDE) each(erfc, x, WIDE)                 \
                        each(tgamma, x, UNIT) each(lgamma, x, ABOVE_ONE)

#define PLAIN_DOUBLE(name, x, where) OF_DOUBLE(name, name(x), where)
#define PLAIN_FLOAT(name, x, where) OF_FLOAT(name##f, name##f(x), where)
FUNCTIONS(PLAIN_DOUBLE)
FUNCTIONS(PLAIN_FLOAT)

OF_DOUBLE(pow, pow(x, 8 * y), POSITIVE)
OF_FLOAT(powf, powf(x, 8 * y), POSITIVE)
OF_DOUBLE(atan2, atan2(x, y), WIDE)
OF_FLOAT(atan2f, atan2f(x, y), WIDE)
OF_DOUBLE(hypot, hypot(x, y), WIDE)
OF_FLOAT(hypotf, hypotf(x, y), WIDE)
OF_DOUBLE(fmod, fmod(x, y), WIDE)
OF_DOUBLE(fma, fma(x, y, x *x), WIDE)
OF_FLOAT(fmaf, fmaf(x, y, x *x), WIDE)

/* Rounding: the C library's functions obey the rounding mode, and conversions do. */
OF_DOUBLE(rint, rint(x * 16), WIDE)
OF_FLOAT(narrow, (float)((double)x * 1.0000000596046448), WIDE)
OF_DOUBLE(sum, x + y / 3, WIDE)
OF_FLOAT(sumf, x + y / 3, WIDE)

/* Denormals: results (2^-1022 and below) and operands, which a thread may have flushed to zero. */
OF_DOUBLE(denormal, x * 0x1p-1022 + y * 0x1p-1030, UNIT)
OF_FLOAT(denormalf, x * 0x1p-126F + y * 0x1p-130F, UNIT)
OF_DOUBLE(from_denormal, (x * 0x1p-1022) * 0x1p+1000, UNIT)
OF_FLOAT(from_denormalf, (x * 0x1p-126F) * 0x1p+100F, UNIT)

/* On x86 long double goes through the x87, whose precision a program may have lowered. */
OF_DOUBLE(extended, (double)(((long double)x + (long double)y * 0x1p-60L - (long double)x) * 0x1p+60L), WIDE)

typedef struct entry {
    const char *name;
    int (*run)(uint8_t *output);
} entry;

#define LIST_DOUBLE(name, x, where) {"elementwise/" #name, run_##name},
#define LIST_FLOAT(name, x, where) {"elementwise/" #name "f", run_##name##f},
#define LIST(family, name) {#family "/" #name, run_##name}

/* clang-format off */
static const entry KERNELS[] = {
    FUNCTIONS(LIST_DOUBLE)
    FUNCTIONS(LIST_FLOAT)
    LIST(elementwise, pow), LIST(elementwise, powf), LIST(elementwise, atan2), LIST(elementwise, atan2f),
    LIST(elementwise, hypot), LIST(elementwise, hypotf), LIST(elementwise, fmod), LIST(elementwise, fma),
    LIST(elementwise, fmaf),
    LIST(casts, rint), LIST(casts, narrow), LIST(casts, sum), LIST(casts, sumf), LIST(casts, denormal),
    LIST(casts, denormalf), LIST(casts, from_denormal), LIST(casts, from_denormalf), LIST(casts, extended),
};
/* clang-format on */

enum { COUNT = sizeof KERNELS / sizeof KERNELS[0] };

_Static_assert(POINTS * sizeof(double) <= RFP_KERNEL_BYTES, "an output must have room");

int rfp_kernels_revision(void)
{
    return RFP_KERNELS_REVISION;
}

int rfp_kernel_count(void)
{
    return COUNT;
}

int rfp_kernel_name(int kernel, char name[RFP_KERNEL_NAME_BYTES])
{
    if (kernel < 0 || kernel >= COUNT)
        return -1;
    memset(name, 0, RFP_KERNEL_NAME_BYTES);
    strncpy(name, KERNELS[kernel].name, RFP_KERNEL_NAME_BYTES - 1);
    return 0;
}

int rfp_kernel_run(int kernel, uint8_t output[RFP_KERNEL_BYTES])
{
    fexcept_t flags;
    int bytes;

    if (kernel < 0 || kernel >= COUNT)
        return -1;
    (void)fegetexceptflag(&flags, FE_ALL_EXCEPT);
    bytes = KERNELS[kernel].run(output);
    (void)fesetexceptflag(&flags, FE_ALL_EXCEPT);
    return bytes;
}
