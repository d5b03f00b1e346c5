/* BLAKE3's compression with AVX2: eight nodes at once, a word of each in one vector; and one block
 * alone, its state in four rows. */
#include "blake3.h"

#ifdef RFP_HAVE_AVX2

#include <immintrin.h>

enum { LANES = 8 };

static const uint8_t SCHEDULE[7][16] = RFP_SCHEDULE_INIT;

#define INLINE static inline __attribute__((always_inline))

/* ---- Eight lanes ---- */

INLINE __m256i rotate16(__m256i x)
{
    return _mm256_shuffle_epi8(x, _mm256_setr_epi8(2, 3, 0, 1, 6, 7, 4, 5, 10, 11, 8, 9, 14, 15, 12, 13, 2, 3, 0,
                                                   1, 6, 7, 4, 5, 10, 11, 8, 9, 14, 15, 12, 13));
}

INLINE __m256i rotate8(__m256i x)
{
    return _mm256_shuffle_epi8(x, _mm256_setr_epi8(1, 2, 3, 0, 5, 6, 7, 4, 9, 10, 11, 8, 13, 14, 15, 12, 1, 2, 3,
                                                   0, 5, 6, 7, 4, 9, 10, 11, 8, 13, 14, 15, 12));
}

INLINE __m256i rotate(__m256i x, int count)
{
    return _mm256_or_si256(_mm256_srli_epi32(x, count), _mm256_slli_epi32(x, 32 - count));
}

/* Four quarter-rounds side by side, step by step, so that their latencies overlap. Word i of the
 * four is at a, b, c, d rotated by the diagonal. */
INLINE void mix4(__m256i v[16], const __m256i m[16], const uint8_t s[8], int diagonal)
{
    __m256i *a = v;
    __m256i *b = v + 4;
    __m256i *c = v + 8;
    __m256i *d = v + 12;
#define EACH(statement)                                                                            \
    do {                                                                                           \
        for (int i = 0; i < 4; i++) {                                                              \
            const int ib = (i + diagonal) & 3, ic = (i + 2 * diagonal) & 3, id = (i + 3 * diagonal) & 3; \
            (void)ib, (void)ic, (void)id;                                                          \
            statement;                                                                             \
        }                                                                                          \
    } while (0)
    EACH(a[i] = _mm256_add_epi32(a[i], m[s[2 * i]]));
    EACH(a[i] = _mm256_add_epi32(a[i], b[ib]));
    EACH(d[id] = rotate16(_mm256_xor_si256(d[id], a[i])));
    EACH(c[ic] = _mm256_add_epi32(c[ic], d[id]));
    EACH(b[ib] = rotate(_mm256_xor_si256(b[ib], c[ic]), 12));
    EACH(a[i] = _mm256_add_epi32(a[i], m[s[2 * i + 1]]));
    EACH(a[i] = _mm256_add_epi32(a[i], b[ib]));
    EACH(d[id] = rotate8(_mm256_xor_si256(d[id], a[i])));
    EACH(c[ic] = _mm256_add_epi32(c[ic], d[id]));
    EACH(b[ib] = rotate(_mm256_xor_si256(b[ib], c[ic]), 7));
#undef EACH
}

INLINE void mix_round(__m256i v[16], const __m256i m[16], int r)
{
    mix4(v, m, SCHEDULE[r], 0);
    mix4(v, m, SCHEDULE[r] + 8, 1);
}

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

INLINE void load_message(__m256i m[16], const uint8_t *const blocks[LANES], size_t offset)
{
    for (int i = 0; i < LANES; i++) {
        m[i] = load(blocks[i] + offset);
        m[i + 8] = load(blocks[i] + offset + 32);
    }
    transpose(m);
    transpose(m + 8);
}

/* value := compression of value with one block per lane. */
INLINE void compress_lanes(__m256i value[8], const __m256i m[16], __m256i bytes, const __m256i counter[2],
                           __m256i flags)
{
    __m256i v[16];

    for (int i = 0; i < 8; i++)
        v[i] = value[i];
    v[8] = broadcast(RFP_IV0);
    v[9] = broadcast(RFP_IV1);
    v[10] = broadcast(RFP_IV2);
    v[11] = broadcast(RFP_IV3);
    v[12] = counter[0];
    v[13] = counter[1];
    v[14] = bytes;
    v[15] = flags;
    mix_round(v, m, 0);
    mix_round(v, m, 1);
    mix_round(v, m, 2);
    mix_round(v, m, 3);
    mix_round(v, m, 4);
    mix_round(v, m, 5);
    mix_round(v, m, 6);
    for (int i = 0; i < 8; i++)
        value[i] = _mm256_xor_si256(v[i], v[i + 8]);
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

static void run_even(const lanes *l, __m256i value[8])
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
static void run_uneven(const lanes *l, __m256i value[8])
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
        __m256i next[8];
        memcpy(next, value, sizeof next);
        load_message(m, input, 0);
        compress_lanes(next, m, bytes, counter, flags);
        for (int i = 0; i < 8; i++)
            value[i] = _mm256_blendv_epi8(value[i], next[i], active);
        first_flags = _mm256_setzero_si256();
    }
}

static void run_lanes(const uint32_t key[8], const rfp_job *jobs, size_t count)
{
    lanes l;
    __m256i value[8];

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

/* Message words for the first or second half of four quarter-rounds. */
INLINE __m128i pick(const uint32_t m[16], const uint8_t *s)
{
    return _mm_setr_epi32((int)m[s[0]], (int)m[s[2]], (int)m[s[4]], (int)m[s[6]]);
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

INLINE void mix_rows_round(__m128i row[4], const uint32_t m[16], int r)
{
    const uint8_t *s = SCHEDULE[r];

    mix_rows(row, pick(m, s), pick(m, s + 1));
    row[1] = _mm_shuffle_epi32(row[1], 0x39); /* turn the rows so that diagonals become columns */
    row[2] = _mm_shuffle_epi32(row[2], 0x4e);
    row[3] = _mm_shuffle_epi32(row[3], 0x93);
    mix_rows(row, pick(m, s + 8), pick(m, s + 9));
    row[1] = _mm_shuffle_epi32(row[1], 0x93);
    row[2] = _mm_shuffle_epi32(row[2], 0x4e);
    row[3] = _mm_shuffle_epi32(row[3], 0x39);
}

static void compress(uint32_t value[8], const uint8_t block[RFP_BLOCK_BYTES], uint32_t bytes,
                     uint64_t counter, uint32_t flags)
{
    uint32_t m[16];
    __m128i row[4];

    memcpy(m, block, sizeof m);
    row[0] = _mm_loadu_si128((const __m128i *)(const void *)value);
    row[1] = _mm_loadu_si128((const __m128i *)(const void *)(value + 4));
    row[2] = _mm_setr_epi32((int)RFP_IV0, (int)RFP_IV1, (int)RFP_IV2, (int)RFP_IV3);
    row[3] = _mm_setr_epi32((int)(uint32_t)counter, (int)(uint32_t)(counter >> 32), (int)bytes, (int)flags);
    mix_rows_round(row, m, 0);
    mix_rows_round(row, m, 1);
    mix_rows_round(row, m, 2);
    mix_rows_round(row, m, 3);
    mix_rows_round(row, m, 4);
    mix_rows_round(row, m, 5);
    mix_rows_round(row, m, 6);
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
