/* BLAKE3 with AVX2: eight lanes. */
#include <immintrin.h>

#define LANES 8
#define TURN_BY_SHUFFLE
#include "vectors.h"

INLINE vec load_quads(const uint8_t *const at[LANES], int lane, size_t offset)
{
    __m128i low = (__m128i)load_quad(at[lane] + offset), high = (__m128i)load_quad(at[lane + 4] + offset);

    return (vec)_mm256_inserti128_si256(_mm256_castsi128_si256(low), high, 1);
}

/* The rounds in assembler, because compilers run out of registers here, spill on the critical path
 * and lose a quarter of the speed. State word 11 lives in memory between its uses, so that its
 * register is free as the temporary of the rotations that no byte shuffle can do. Four
 * quarter-rounds go side by side, so that their latencies overlap. A line names the state words. */
/* clang-format off */
#define V(i) "%[v" #i "]"
#define ADD_WORD(a, m) "vpaddd 32*" #m "(%[m]), " V(a) ", " V(a) "\n\t"
#define ADD(a, b) "vpaddd " V(b) ", " V(a) ", " V(a) "\n\t"
#define ADD_TO_11(d) "vpaddd 32*4(%[tail]), " V(d) ", " V(11) "\n\t"
#define STORE_11 "vmovdqa " V(11) ", 32*4(%[tail])\n\t"
#define XOR(a, b) "vpxor " V(b) ", " V(a) ", " V(a) "\n\t"
#define ROTATE_16(a) "vpshufb (%[constants]), " V(a) ", " V(a) "\n\t"
#define ROTATE_8(a) "vpshufb 32(%[constants]), " V(a) ", " V(a) "\n\t"
#define ROTATE_BY(a, right, left) \
    "vpsrld $" #right ", " V(a) ", " V(11) "\n\t" \
    "vpslld $" #left ", " V(a) ", " V(a) "\n\t" \
    "vpor " V(11) ", " V(a) ", " V(a) "\n\t"

#define COLUMNS_HALF(m0, m1, m2, m3, TURN, right, left) \
    ADD_WORD(0, m0) ADD_WORD(1, m1) ADD_WORD(2, m2) ADD_WORD(3, m3) \
    ADD(0, 4) ADD(1, 5) ADD(2, 6) ADD(3, 7) \
    XOR(12, 0) XOR(13, 1) XOR(14, 2) XOR(15, 3) \
    TURN(12) TURN(13) TURN(14) TURN(15) \
    ADD(8, 12) ADD(9, 13) ADD(10, 14) ADD_TO_11(15) \
    XOR(4, 8) XOR(5, 9) XOR(6, 10) XOR(7, 11) STORE_11 \
    ROTATE_BY(4, right, left) ROTATE_BY(5, right, left) ROTATE_BY(6, right, left) ROTATE_BY(7, right, left)

#define DIAGONALS_HALF(m0, m1, m2, m3, TURN, right, left) \
    ADD_WORD(0, m0) ADD_WORD(1, m1) ADD_WORD(2, m2) ADD_WORD(3, m3) \
    ADD(0, 5) ADD(1, 6) ADD(2, 7) ADD(3, 4) \
    XOR(15, 0) XOR(12, 1) XOR(13, 2) XOR(14, 3) \
    TURN(15) TURN(12) TURN(13) TURN(14) \
    ADD(10, 15) ADD_TO_11(12) ADD(8, 13) ADD(9, 14) \
    XOR(5, 10) XOR(6, 11) STORE_11 XOR(7, 8) XOR(4, 9) \
    ROTATE_BY(5, right, left) ROTATE_BY(6, right, left) ROTATE_BY(7, right, left) ROTATE_BY(4, right, left)

#define ROUND(m0, m1, m2, m3, m4, m5, m6, m7, m8, m9, m10, m11, m12, m13, m14, m15) \
    COLUMNS_HALF(m0, m2, m4, m6, ROTATE_16, 12, 20) \
    COLUMNS_HALF(m1, m3, m5, m7, ROTATE_8, 7, 25) \
    DIAGONALS_HALF(m8, m10, m12, m14, ROTATE_16, 12, 20) \
    DIAGONALS_HALF(m9, m11, m13, m15, ROTATE_8, 7, 25)

#define LOAD(from, i) "vmovdqa " from ", " V(i) "\n\t"
#define SAME(word) word, word, word, word, word, word, word, word

#define OWN_MIX
INLINE void mix(vec value[8], const vec m[16], vec tail[])
{
    static const vec CONSTANTS[6] = {
        {0x01000302, 0x05040706, 0x09080b0a, 0x0d0c0f0e, 0x01000302, 0x05040706, 0x09080b0a, 0x0d0c0f0e},
        {0x00030201, 0x04070605, 0x080b0a09, 0x0c0f0e0d, 0x00030201, 0x04070605, 0x080b0a09, 0x0c0f0e0d},
        {SAME(RFP_IV0)}, {SAME(RFP_IV1)}, {SAME(RFP_IV2)}, {SAME(RFP_IV3)},
    };
    vec v8, v9, v10, v11, v12, v13, v14, v15;

    __asm__ volatile(LOAD("32*5(%[constants])", 11) STORE_11
                     LOAD("32*2(%[constants])", 8) LOAD("32*3(%[constants])", 9) LOAD("32*4(%[constants])", 10)
                     LOAD("(%[tail])", 12) LOAD("32(%[tail])", 13) LOAD("64(%[tail])", 14) LOAD("96(%[tail])", 15)
                     RFP_ROUNDS(ROUND)
                     LOAD("32*4(%[tail])", 11)
                     XOR(0, 8) XOR(1, 9) XOR(2, 10) XOR(3, 11) XOR(4, 12) XOR(5, 13) XOR(6, 14) XOR(7, 15)
                     : [v0] "+x"(value[0]), [v1] "+x"(value[1]), [v2] "+x"(value[2]), [v3] "+x"(value[3]),
                       [v4] "+x"(value[4]), [v5] "+x"(value[5]), [v6] "+x"(value[6]), [v7] "+x"(value[7]),
                       [v8] "=&x"(v8), [v9] "=&x"(v9), [v10] "=&x"(v10), [v11] "=&x"(v11),
                       [v12] "=&x"(v12), [v13] "=&x"(v13), [v14] "=&x"(v14), [v15] "=&x"(v15)
                     : [m] "r"(m), [tail] "r"(tail), [constants] "r"(CONSTANTS)
                     : "memory");
}
/* clang-format on */

#include "lanes.h"

const rfp_kernel rfp_kernel_avx2 = {RFP_LEVEL_AVX2, compress, run, run_row};
