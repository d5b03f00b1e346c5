/* BLAKE3 with AVX-512: sixteen lanes, and instructions that rotate. */
#include <immintrin.h>

#define LANES 16
#include "vectors.h"

INLINE vec load_quads(const uint8_t *const at[LANES], int lane, size_t offset)
{
    __m512i x = _mm512_castsi128_si512((__m128i)load_quad(at[lane] + offset));

    x = _mm512_inserti32x4(x, (__m128i)load_quad(at[lane + 4] + offset), 1);
    x = _mm512_inserti32x4(x, (__m128i)load_quad(at[lane + 8] + offset), 2);
    return (vec)_mm512_inserti32x4(x, (__m128i)load_quad(at[lane + 12] + offset), 3);
}

#include "lanes.h"

const rfp_kernel rfp_kernel_avx512 = {RFP_LEVEL_AVX512, compress, run, run_row};
