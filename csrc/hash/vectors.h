/* Vectors of LANES words of 32 bits, in the dialect that GCC and Clang share, for the file of one
 * instruction set: it defines LANES (4, 8 or 16), and how bytes turn, before it includes this.
 *
 *   TURN_BY_SHUFFLE   rotate by 16 and 8 with a shuffle of bytes: where no instruction rotates
 */
#ifndef RFP_HASH_VECTORS_H
#define RFP_HASH_VECTORS_H

#include "blake3.h"

/* Sanitizers check each access: what is then inlined by force takes a compiler minutes. */
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define INLINE static inline
#else
#define INLINE static inline __attribute__((always_inline))
#endif

typedef uint32_t vec __attribute__((vector_size(4 * LANES)));
typedef int32_t vec_mask __attribute__((vector_size(4 * LANES))); /* of each word, all bits or none */
typedef uint8_t vec_bytes __attribute__((vector_size(4 * LANES)));
typedef uint32_t quad __attribute__((vector_size(16)));
typedef uint8_t quad_bytes __attribute__((vector_size(16)));

/* The elements of a and b that the numbers name; b's are counted on from a's. `like` is their type. */
#if defined(__clang__)
#define SHUFFLE(like, a, b, ...) ((like)__builtin_shufflevector((a), (b), __VA_ARGS__))
#else
#define SHUFFLE(like, a, b, ...) ((like)__builtin_shuffle((a), (b), (like){__VA_ARGS__}))
#endif

/* F(first element) for each quarter of 128 bits, of words and of bytes. */
#if LANES == 4
#define EACH_QUAD(F) F(0)
#define EACH_QUAD_BYTES(F) F(0)
#elif LANES == 8
#define EACH_QUAD(F) F(0), F(4)
#define EACH_QUAD_BYTES(F) F(0), F(16)
#else
#define EACH_QUAD(F) F(0), F(4), F(8), F(12)
#define EACH_QUAD_BYTES(F) F(0), F(16), F(32), F(48)
#endif

/* The first (last) two words of each quarter of a and b in turn, and the first (last) pairs. */
#define LOW_WORDS(q) (q), (q) + LANES, (q) + 1, (q) + LANES + 1
#define HIGH_WORDS(q) (q) + 2, (q) + LANES + 2, (q) + 3, (q) + LANES + 3
#define LOW_PAIRS(q) (q), (q) + 1, (q) + LANES, (q) + LANES + 1
#define HIGH_PAIRS(q) (q) + 2, (q) + 3, (q) + LANES + 2, (q) + LANES + 3

/* In each quarter, turn four words of four vectors into four vectors of four words. */
INLINE void transpose_quads(vec x[4])
{
    vec ab_low = SHUFFLE(vec, x[0], x[1], EACH_QUAD(LOW_WORDS)),
        ab_high = SHUFFLE(vec, x[0], x[1], EACH_QUAD(HIGH_WORDS));
    vec cd_low = SHUFFLE(vec, x[2], x[3], EACH_QUAD(LOW_WORDS)),
        cd_high = SHUFFLE(vec, x[2], x[3], EACH_QUAD(HIGH_WORDS));

    x[0] = SHUFFLE(vec, ab_low, cd_low, EACH_QUAD(LOW_PAIRS));
    x[1] = SHUFFLE(vec, ab_low, cd_low, EACH_QUAD(HIGH_PAIRS));
    x[2] = SHUFFLE(vec, ab_high, cd_high, EACH_QUAD(LOW_PAIRS));
    x[3] = SHUFFLE(vec, ab_high, cd_high, EACH_QUAD(HIGH_PAIRS));
}

/* Rotation of each word to the right. */
#define ROTATE(x, count) ((x) >> (count) | (x) << (32 - (count)))

#ifdef TURN_BY_SHUFFLE
#define TURN16(b)                                                                                                      \
    (b) + 2, (b) + 3, (b), (b) + 1, (b) + 6, (b) + 7, (b) + 4, (b) + 5, (b) + 10, (b) + 11, (b) + 8, (b) + 9,          \
        (b) + 14, (b) + 15, (b) + 12, (b) + 13
#define TURN8(b)                                                                                                       \
    (b) + 1, (b) + 2, (b) + 3, (b), (b) + 5, (b) + 6, (b) + 7, (b) + 4, (b) + 9, (b) + 10, (b) + 11, (b) + 8,          \
        (b) + 13, (b) + 14, (b) + 15, (b) + 12
#define ROTATE16(x) (vec) SHUFFLE(vec_bytes, (vec_bytes)(x), (vec_bytes)(x), EACH_QUAD_BYTES(TURN16))
#define ROTATE8(x) (vec) SHUFFLE(vec_bytes, (vec_bytes)(x), (vec_bytes)(x), EACH_QUAD_BYTES(TURN8))
#define ROTATE16_QUAD(x) (quad) SHUFFLE(quad_bytes, (quad_bytes)(x), (quad_bytes)(x), TURN16(0))
#define ROTATE8_QUAD(x) (quad) SHUFFLE(quad_bytes, (quad_bytes)(x), (quad_bytes)(x), TURN8(0))
#else
#define ROTATE16(x) ROTATE(x, 16)
#define ROTATE8(x) ROTATE(x, 8)
#define ROTATE16_QUAD(x) ROTATE(x, 16)
#define ROTATE8_QUAD(x) ROTATE(x, 8)
#endif

INLINE quad load_quad(const void *from)
{
    quad x;

    memcpy(&x, from, sizeof x);
    return x;
}

INLINE vec broadcast(uint32_t word)
{
    return (vec){0} + word;
}

#endif
