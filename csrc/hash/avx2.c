/* BLAKE3's compression with AVX2: eight nodes at once, a word of each in one vector; and one block
 * alone, its state in four rows. */
#include "blake3.h"

#ifdef RFP_HAVE_AVX2

#include <immintrin.h>

enum { LANES = 8 };

#define INLINE static inline __attribute__((always_inline))

/* ---- Eight lanes ---- */

/* The seven rounds and the feed-forward, on sixteen state vectors in sixteen registers.
 *
 * In assembler, because compilers run out of registers here, spill on the critical path and lose a
 * quarter of the speed. State word i lies in ymm<i>, except that word 11 lives in memory between its
 * uses, so that ymm11 is free as the temporary of the rotations that no byte shuffle can do. Four
 * quarter-rounds go side by side, so that their latencies overlap. A line names the state words. */
/* clang-format off */
#define ADD_WORD(a, m) "vpaddd 32*" #m "(%[m]), %%ymm" #a ", %%ymm" #a "\n\t"
#define ADD(a, b) "vpaddd %%ymm" #b ", %%ymm" #a ", %%ymm" #a "\n\t"
#define ADD_TO_11(d) "vpaddd 32*11(%[v]), %%ymm" #d ", %%ymm11\n\t"
#define STORE_11 "vmovdqa %%ymm11, 32*11(%[v])\n\t"
#define XOR(a, b) "vpxor %%ymm" #b ", %%ymm" #a ", %%ymm" #a "\n\t"
#define ROTATE_16(a) "vpshufb (%[turn]), %%ymm" #a ", %%ymm" #a "\n\t"
#define ROTATE_8(a) "vpshufb 32(%[turn]), %%ymm" #a ", %%ymm" #a "\n\t"
#define ROTATE(a, right, left)                                                                     \
    "vpsrld $" #right ", %%ymm" #a ", %%ymm11\n\t"                                                 \
    "vpslld $" #left ", %%ymm" #a ", %%ymm" #a "\n\t"                                              \
    "vpor %%ymm11, %%ymm" #a ", %%ymm" #a "\n\t"

#define COLUMNS_HALF(m0, m1, m2, m3, TURN, right, left)                                            \
    ADD_WORD(0, m0) ADD_WORD(1, m1) ADD_WORD(2, m2) ADD_WORD(3, m3)                                \
    ADD(0, 4) ADD(1, 5) ADD(2, 6) ADD(3, 7)                                                        \
    XOR(12, 0) XOR(13, 1) XOR(14, 2) XOR(15, 3)                                                    \
    TURN(12) TURN(13) TURN(14) TURN(15)                                                            \
    ADD(8, 12) ADD(9, 13) ADD(10, 14) ADD_TO_11(15)                                                \
    XOR(4, 8) XOR(5, 9) XOR(6, 10) XOR(7, 11) STORE_11                                             \
    ROTATE(4, right, left) ROTATE(5, right, left) ROTATE(6, right, left) ROTATE(7, right, left)

#define DIAGONALS_HALF(m0, m1, m2, m3, TURN, right, left)                                          \
    ADD_WORD(0, m0) ADD_WORD(1, m1) ADD_WORD(2, m2) ADD_WORD(3, m3)                                \
    ADD(0, 5) ADD(1, 6) ADD(2, 7) ADD(3, 4)                                                        \
    XOR(15, 0) XOR(12, 1) XOR(13, 2) XOR(14, 3)                                                    \
    TURN(15) TURN(12) TURN(13) TURN(14)                                                            \
    ADD(10, 15) ADD_TO_11(12) ADD(8, 13) ADD(9, 14)                                                \
    XOR(5, 10) XOR(6, 11) STORE_11 XOR(7, 8) XOR(4, 9)                                             \
    ROTATE(5, right, left) ROTATE(6, right, left) ROTATE(7, right, left) ROTATE(4, right, left)

#define ROUND(m0, m1, m2, m3, m4, m5, m6, m7, m8, m9, m10, m11, m12, m13, m14, m15)                \
    COLUMNS_HALF(m0, m2, m4, m6, ROTATE_16, 12, 20)                                                \
    COLUMNS_HALF(m1, m3, m5, m7, ROTATE_8, 7, 25)                                                  \
    DIAGONALS_HALF(m8, m10, m12, m14, ROTATE_16, 12, 20)                                           \
    DIAGONALS_HALF(m9, m11, m13, m15, ROTATE_8, 7, 25)

#define LOAD(i) "vmovdqa 32*" #i "(%[v]), %%ymm" #i "\n\t"
#define FEED_FORWARD(low, high) XOR(low, high) "vmovdqa %%ymm" #low ", 32*" #low "(%[v])\n\t"

/* v[0..7] := the new chaining values of eight lanes. */
INLINE void mix_lanes(__m256i v[16], const __m256i m[16])
{
    static const uint8_t TURN[2][32] __attribute__((aligned(32))) = {
        {2,  3,  0, 1, 6, 7, 4, 5, 10, 11, 8,  9,  14, 15, 12, 13,
         2,  3,  0, 1, 6, 7, 4, 5, 10, 11, 8,  9,  14, 15, 12, 13},
        {1,  2,  3, 0, 5, 6, 7, 4, 9,  10, 11, 8,  13, 14, 15, 12,
         1,  2,  3, 0, 5, 6, 7, 4, 9,  10, 11, 8,  13, 14, 15, 12},
    };
    __asm__ volatile(LOAD(0) LOAD(1) LOAD(2) LOAD(3) LOAD(4) LOAD(5) LOAD(6) LOAD(7) LOAD(8) LOAD(9)
                         LOAD(10) LOAD(12) LOAD(13) LOAD(14) LOAD(15)
                     RFP_ROUNDS(ROUND)
                     "vmovdqa 32*11(%[v]), %%ymm11\n\t"
                     FEED_FORWARD(0, 8) FEED_FORWARD(1, 9) FEED_FORWARD(2, 10) FEED_FORWARD(3, 11)
                     FEED_FORWARD(4, 12) FEED_FORWARD(5, 13) FEED_FORWARD(6, 14) FEED_FORWARD(7, 15)
                     :
                     : [v] "r"(v), [m] "r"(m), [turn] "r"(TURN)
                     : "memory", "xmm0", "xmm1", "xmm2", "xmm3", "xmm4", "xmm5", "xmm6", "xmm7", "xmm8",
                       "xmm9", "xmm10", "xmm11", "xmm12", "xmm13", "xmm14", "xmm15");
}

/* clang-format on */

/* Words of eight lanes, lane by lane, into lanes of eight words (and back: it is its own inverse). */
INLINE void transpose(__m256i x[8])
{
    __m256i ab_lo = _mm256_unpacklo_epi32(x[0], x[1]), ab_hi = _mm256_unpackhi_epi32(x[0], x[1]);
    __m256i cd_lo = _mm256_unpacklo_epi32(x[2], x[3]), cd_hi = _mm256_unpackhi_epi32(x[2], x[3]);
    __m256i ef_lo = _mm256_unpacklo_epi32(x[4], x[5]), ef_hi = _mm256_unpackhi_epi32(x[4], x[5]);
    __m256i gh_lo = _mm256_unpacklo_epi32(x[6], x[7]), gh_hi = _mm256_unpackhi_epi32(x[6], x[7]);
    __m256i abcd0 = _mm256_unpacklo_epi64(ab_lo, cd_lo), abcd1 = _mm256_unpackhi_epi64(ab_lo, cd_lo);
    __m256i abcd2 = _mm256_unpacklo_epi64(ab_hi, cd_hi), abcd3 = _mm256_unpackhi_epi64(ab_hi, cd_hi);
    __m256i efgh0 = _mm256_unpacklo_epi64(ef_lo, gh_lo), efgh1 = _mm256_unpackhi_epi64(ef_lo, gh_lo);
    __m256i efgh2 = _mm256_unpacklo_epi64(ef_hi, gh_hi), efgh3 = _mm256_unpackhi_epi64(ef_hi, gh_hi);

    x[0] = _mm256_permute2x128_si256(abcd0, efgh0, 0x20);
    x[1] = _mm256_permute2x128_si256(abcd1, efgh1, 0x20);
    x[2] = _mm256_permute2x128_si256(abcd2, efgh2, 0x20);
    x[3] = _mm256_permute2x128_si256(abcd3, efgh3, 0x20);
    x[4] = _mm256_permute2x128_si256(abcd0, efgh0, 0x31);
    x[5] = _mm256_permute2x128_si256(abcd1, efgh1, 0x31);
    x[6] = _mm256_permute2x128_si256(abcd2, efgh2, 0x31);
    x[7] = _mm256_permute2x128_si256(abcd3, efgh3, 0x31);
}

INLINE __m256i load(const void *from)
{
    return _mm256_loadu_si256((const __m256i *)from);
}

INLINE __m256i broadcast(uint32_t word)
{
    return _mm256_set1_epi32((int)word);
}

/* Four words of two lanes that lie four apart. */
INLINE __m256i load_pair(const uint8_t *const blocks[LANES], int lane, size_t offset)
{
    __m128i low = _mm_loadu_si128((const __m128i *)(const void *)(blocks[lane] + offset));
    __m128i high = _mm_loadu_si128((const __m128i *)(const void *)(blocks[lane + 4] + offset));

    return _mm256_inserti128_si256(_mm256_castsi128_si256(low), high, 1);
}

/* m[w] := word w of the block at `offset` of each lane. */
INLINE void load_message(__m256i m[16], const uint8_t *const blocks[LANES], size_t offset)
{
#pragma GCC unroll 4
    for (size_t w = 0; w < 16; w += 4) {
        __m256i a = load_pair(blocks, 0, offset + 4 * w), b = load_pair(blocks, 1, offset + 4 * w);
        __m256i c = load_pair(blocks, 2, offset + 4 * w), d = load_pair(blocks, 3, offset + 4 * w);
        __m256i ab_lo = _mm256_unpacklo_epi32(a, b), ab_hi = _mm256_unpackhi_epi32(a, b);
        __m256i cd_lo = _mm256_unpacklo_epi32(c, d), cd_hi = _mm256_unpackhi_epi32(c, d);
        m[w] = _mm256_unpacklo_epi64(ab_lo, cd_lo);
        m[w + 1] = _mm256_unpackhi_epi64(ab_lo, cd_lo);
        m[w + 2] = _mm256_unpacklo_epi64(ab_hi, cd_hi);
        m[w + 3] = _mm256_unpackhi_epi64(ab_hi, cd_hi);
    }
}

/* v[0..7]: chaining values in, chaining values out, with one block per lane. */
INLINE void compress_lanes(__m256i v[16], const __m256i m[16], __m256i bytes, const __m256i counter[2], __m256i flags)
{
    v[8] = broadcast(RFP_IV0);
    v[9] = broadcast(RFP_IV1);
    v[10] = broadcast(RFP_IV2);
    v[11] = broadcast(RFP_IV3);
    v[12] = counter[0];
    v[13] = counter[1];
    v[14] = bytes;
    v[15] = flags;
    mix_lanes(v, m);
}

/* The lanes of up to eight jobs; lanes without a job repeat the first and are thrown away. */
typedef struct lanes {
    const uint8_t *input[LANES];
    uint32_t counter_low[LANES];
    uint32_t counter_high[LANES];
    uint32_t flags[LANES];
    uint32_t first_flags[LANES];
    uint32_t last_flags[LANES];
    uint32_t blocks[LANES];
    uint32_t rest[LANES]; /* bytes of the last block */
    uint32_t most_blocks;
    bool even; /* equally many blocks in every lane, all of them full */
} lanes;

static void fill_lanes(lanes *l, const rfp_job *jobs, size_t count)
{
    l->most_blocks = 0;
    l->even = true;
    for (size_t i = 0; i < LANES; i++) {
        const rfp_job *job = &jobs[i < count ? i : 0];
        uint32_t blocks = (uint32_t)rfp_block_count(job->bytes);
        l->input[i] = job->input;
        l->counter_low[i] = (uint32_t)job->counter;
        l->counter_high[i] = (uint32_t)(job->counter >> 32);
        l->flags[i] = job->flags;
        l->first_flags[i] = job->first_flags;
        l->last_flags[i] = job->last_flags;
        l->blocks[i] = blocks;
        l->rest[i] = job->bytes - (blocks - 1) * RFP_BLOCK_BYTES;
        l->even = l->even && l->rest[i] == RFP_BLOCK_BYTES && blocks == l->blocks[0];
        l->most_blocks = blocks > l->most_blocks ? blocks : l->most_blocks;
    }
}

static void run_even(const lanes *l, __m256i value[16])
{
    const __m256i counter[2] = {load(l->counter_low), load(l->counter_high)};
    const __m256i bytes = broadcast(RFP_BLOCK_BYTES);
    __m256i flags = _mm256_or_si256(load(l->flags), load(l->first_flags));
    __m256i m[16];

    for (uint32_t block = 0; block < l->most_blocks; block++) {
        if (block + 1 == l->most_blocks)
            flags = _mm256_or_si256(flags, load(l->last_flags));
        load_message(m, l->input, (size_t)block * RFP_BLOCK_BYTES);
        compress_lanes(value, m, bytes, counter, flags);
        flags = load(l->flags);
    }
}

/* Copy the last blocks, filled up with zeros, and let each lane read its own. */
static void pad_last_blocks(const lanes *l, uint8_t padded[LANES][RFP_BLOCK_BYTES])
{
    memset(padded, 0, (size_t)LANES * RFP_BLOCK_BYTES);
    for (size_t i = 0; i < LANES; i++)
        if (l->rest[i] > 0)
            memcpy(padded[i], l->input[i] + (size_t)(l->blocks[i] - 1) * RFP_BLOCK_BYTES, l->rest[i]);
}

/* Lanes of different lengths: one that has ended keeps its value. */
static void run_uneven(const lanes *l, __m256i value[16])
{
    const __m256i counter[2] = {load(l->counter_low), load(l->counter_high)};
    const __m256i blocks = load(l->blocks);
    __m256i first_flags = load(l->first_flags);
    uint8_t padded[LANES][RFP_BLOCK_BYTES];
    const uint8_t *input[LANES];
    __m256i m[16];

    pad_last_blocks(l, padded);
    for (uint32_t block = 0; block < l->most_blocks; block++) {
        for (size_t i = 0; i < LANES; i++)
            input[i] = block + 1 < l->blocks[i] ? l->input[i] + (size_t)block * RFP_BLOCK_BYTES : padded[i];
        __m256i active = _mm256_cmpgt_epi32(blocks, broadcast(block));
        __m256i last = _mm256_cmpeq_epi32(blocks, broadcast(block + 1));
        __m256i bytes = _mm256_blendv_epi8(broadcast(RFP_BLOCK_BYTES), load(l->rest), last);
        __m256i flags = _mm256_or_si256(load(l->flags), first_flags);
        flags = _mm256_or_si256(flags, _mm256_and_si256(last, load(l->last_flags)));
        __m256i ended[8];
        memcpy(ended, value, sizeof ended);
        load_message(m, input, 0);
        compress_lanes(value, m, bytes, counter, flags);
        for (int i = 0; i < 8; i++)
            value[i] = _mm256_blendv_epi8(ended[i], value[i], active);
        first_flags = _mm256_setzero_si256();
    }
}

static void run_lanes(const uint32_t key[8], const rfp_job *jobs, size_t count)
{
    lanes l;
    __m256i value[16]; /* and the lower half of the state */

    fill_lanes(&l, jobs, count);
    for (int i = 0; i < 8; i++)
        value[i] = broadcast(key[i]);
    if (l.even)
        run_even(&l, value);
    else
        run_uneven(&l, value);
    transpose(value);
    for (size_t i = 0; i < count; i++)
        _mm256_storeu_si256((__m256i *)(void *)jobs[i].out, value[i]);
}

/* ---- One block ---- */

INLINE __m128i rotate_row16(__m128i x)
{
    return _mm_shuffle_epi8(x, _mm_setr_epi8(2, 3, 0, 1, 6, 7, 4, 5, 10, 11, 8, 9, 14, 15, 12, 13));
}

INLINE __m128i rotate_row8(__m128i x)
{
    return _mm_shuffle_epi8(x, _mm_setr_epi8(1, 2, 3, 0, 5, 6, 7, 4, 9, 10, 11, 8, 13, 14, 15, 12));
}

INLINE __m128i rotate_row(__m128i x, int count)
{
    return _mm_or_si128(_mm_srli_epi32(x, count), _mm_slli_epi32(x, 32 - count));
}

INLINE __m128i words(uint32_t w0, uint32_t w1, uint32_t w2, uint32_t w3)
{
    return _mm_setr_epi32((int)w0, (int)w1, (int)w2, (int)w3);
}

INLINE void mix_rows(__m128i row[4], __m128i x, __m128i y)
{
    row[0] = _mm_add_epi32(_mm_add_epi32(row[0], x), row[1]);
    row[3] = rotate_row16(_mm_xor_si128(row[3], row[0]));
    row[2] = _mm_add_epi32(row[2], row[3]);
    row[1] = rotate_row(_mm_xor_si128(row[1], row[2]), 12);
    row[0] = _mm_add_epi32(_mm_add_epi32(row[0], y), row[1]);
    row[3] = rotate_row8(_mm_xor_si128(row[3], row[0]));
    row[2] = _mm_add_epi32(row[2], row[3]);
    row[1] = rotate_row(_mm_xor_si128(row[1], row[2]), 7);
}

/* Turn rows, so that diagonals become columns, and back. */
INLINE void turn_rows(__m128i row[4])
{
    row[1] = _mm_shuffle_epi32(row[1], 0x39);
    row[2] = _mm_shuffle_epi32(row[2], 0x4e);
    row[3] = _mm_shuffle_epi32(row[3], 0x93);
}

INLINE void turn_rows_back(__m128i row[4])
{
    row[1] = _mm_shuffle_epi32(row[1], 0x93);
    row[2] = _mm_shuffle_epi32(row[2], 0x4e);
    row[3] = _mm_shuffle_epi32(row[3], 0x39);
}

#define ROWS_ROUND(m0, m1, m2, m3, m4, m5, m6, m7, m8, m9, m10, m11, m12, m13, m14, m15)                               \
    mix_rows(row, words(m[m0], m[m2], m[m4], m[m6]), words(m[m1], m[m3], m[m5], m[m7]));                               \
    turn_rows(row);                                                                                                    \
    mix_rows(row, words(m[m8], m[m10], m[m12], m[m14]), words(m[m9], m[m11], m[m13], m[m15]));                         \
    turn_rows_back(row);

static void compress(uint32_t value[8], const uint8_t block[RFP_BLOCK_BYTES], uint32_t bytes, uint64_t counter,
                     uint32_t flags)
{
    uint32_t m[16];
    __m128i row[4];

    memcpy(m, block, sizeof m);
    row[0] = _mm_loadu_si128((const __m128i *)(const void *)value);
    row[1] = _mm_loadu_si128((const __m128i *)(const void *)(value + 4));
    row[2] = _mm_setr_epi32((int)RFP_IV0, (int)RFP_IV1, (int)RFP_IV2, (int)RFP_IV3);
    row[3] = _mm_setr_epi32((int)(uint32_t)counter, (int)(uint32_t)(counter >> 32), (int)bytes, (int)flags);
    RFP_ROUNDS(ROWS_ROUND)
    _mm_storeu_si128((__m128i *)(void *)value, _mm_xor_si128(row[0], row[2]));
    _mm_storeu_si128((__m128i *)(void *)(value + 4), _mm_xor_si128(row[1], row[3]));
}

/* One job alone: the rows are faster than eight lanes of which one is used. */
static void run_one(const uint32_t key[8], const rfp_job *job)
{
    uint32_t value[8];
    size_t last = rfp_block_count(job->bytes) - 1;
    size_t rest = job->bytes - last * RFP_BLOCK_BYTES;
    uint8_t padded[RFP_BLOCK_BYTES] = {0};
    uint32_t flags = (uint32_t)job->flags | job->first_flags;

    memcpy(value, key, sizeof value);
    for (size_t i = 0; i < last; i++) {
        compress(value, job->input + i * RFP_BLOCK_BYTES, RFP_BLOCK_BYTES, job->counter, flags);
        flags = job->flags;
    }
    if (rest > 0)
        memcpy(padded, job->input + last * RFP_BLOCK_BYTES, rest);
    compress(value, padded, (uint32_t)rest, job->counter, flags | job->last_flags);
    rfp_store_value(job->out, value);
}

static void run(const uint32_t key[8], const rfp_job *jobs, size_t count)
{
    while (count > 0) {
        size_t now = count < LANES ? count : LANES;
        if (now == 1)
            run_one(key, jobs);
        else
            run_lanes(key, jobs, now);
        jobs += now;
        count -= now;
    }
}

const rfp_kernel rfp_kernel_avx2 = {RFP_LEVEL_AVX2, compress, run};

#endif
