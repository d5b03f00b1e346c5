/* BLAKE3's compression of LANES nodes at once: word w of lane l is element l of vector w. Included by
 * the file of an instruction set, after vectors.h and
 *
 *   load_quads(at, lane, offset)   one vector of the 16 bytes at at[lane] + offset, at[lane + 4] + offset ...
 *   mix(value, m, tail)            if it defines OWN_MIX: the rounds, where a compiler's are slow
 */
#ifndef RFP_HASH_LANES_H
#define RFP_HASH_LANES_H

#include "rows.h"

/* ---- One block of each lane ---- */

/* The last four words of the state (counter, bytes, flags), and room for a fifth vector. */
enum { TAIL = 5 };

#ifndef OWN_MIX

/* Half a quarter-round of the four columns (turn 0) or the four diagonals (turn 1), in step. */
INLINE void mix_half(vec v[16], int turn, bool second, vec x0, vec x1, vec x2, vec x3)
{
    const vec x[4] = {x0, x1, x2, x3};
    vec *a[4], *b[4], *c[4], *d[4];

    for (int i = 0; i < 4; i++) {
        a[i] = &v[i];
        b[i] = &v[4 + (i + turn) % 4];
        c[i] = &v[8 + (i + 2 * turn) % 4];
        d[i] = &v[12 + (i + 3 * turn) % 4];
    }
    for (int i = 0; i < 4; i++)
        *a[i] += x[i] + *b[i];
    for (int i = 0; i < 4; i++)
        *d[i] = second ? ROTATE8(*d[i] ^ *a[i]) : ROTATE16(*d[i] ^ *a[i]);
    for (int i = 0; i < 4; i++)
        *c[i] += *d[i];
    for (int i = 0; i < 4; i++)
        *b[i] = second ? ROTATE(*b[i] ^ *c[i], 7) : ROTATE(*b[i] ^ *c[i], 12);
}

#define MIX_ROUND(m0, m1, m2, m3, m4, m5, m6, m7, m8, m9, m10, m11, m12, m13, m14, m15)                                \
    mix_half(v, 0, false, m[m0], m[m2], m[m4], m[m6]);                                                                 \
    mix_half(v, 0, true, m[m1], m[m3], m[m5], m[m7]);                                                                  \
    mix_half(v, 1, false, m[m8], m[m10], m[m12], m[m14]);                                                              \
    mix_half(v, 1, true, m[m9], m[m11], m[m13], m[m15]);

INLINE void mix(vec value[8], const vec m[16], vec tail[TAIL])
{
    vec v[16];

    for (int i = 0; i < 8; i++)
        v[i] = value[i];
    v[8] = broadcast(RFP_IV0);
    v[9] = broadcast(RFP_IV1);
    v[10] = broadcast(RFP_IV2);
    v[11] = broadcast(RFP_IV3);
    for (int i = 0; i < 4; i++)
        v[12 + i] = tail[i];
    RFP_ROUNDS(MIX_ROUND)
    for (int i = 0; i < 8; i++)
        value[i] = v[i] ^ v[8 + i];
}

#endif

/* m[w] := word w of the block at `offset` of each lane. */
INLINE void load_message(vec m[16], const uint8_t *const at[LANES], size_t offset)
{
#pragma GCC unroll 4
    for (size_t w = 0; w < 16; w += 4) {
        vec x[4] = {load_quads(at, 0, offset + 4 * w), load_quads(at, 1, offset + 4 * w),
                    load_quads(at, 2, offset + 4 * w), load_quads(at, 3, offset + 4 * w)};
        transpose_quads(x);
        for (size_t i = 0; i < 4; i++)
            m[w + i] = x[i];
    }
}

/* ---- The nodes of up to LANES jobs ---- */

/* Lanes without a job repeat the first one's, and are thrown away. */
typedef struct lanes {
    const uint8_t *input[LANES];
    uint8_t *out[LANES];
    uint32_t bytes[LANES];
    vec counter_low, counter_high;
    vec flags, first_flags, last_flags;
    vec blocks;
    vec rest;      /* bytes of the last block */
    uint32_t even; /* so many blocks are alike in every lane: full, and none or each the last */
    uint32_t most; /* blocks of the longest lane */
} lanes;

static void fill_lanes(lanes *l, const rfp_job *jobs, size_t count)
{
    const uint8_t *numbers[LANES];
    uint32_t least = UINT32_MAX, most = 0;
    vec x[4];

    for (size_t i = 0; i < LANES; i++) {
        const rfp_job *job = &jobs[i < count ? i : 0];
        numbers[i] = (const uint8_t *)&job->counter;
        l->input[i] = job->input;
        l->out[i] = job->out;
        l->bytes[i] = job->bytes;
        least = job->bytes < least ? job->bytes : least;
        most = job->bytes > most ? job->bytes : most;
    }
    for (int i = 0; i < 4; i++)
        x[i] = load_quads(numbers, i, 0);
    transpose_quads(x);
    l->counter_low = x[0];
    l->counter_high = x[1];
    l->flags = x[2] >> 16 & 0xff;
    l->first_flags = x[2] >> 24;
    l->last_flags = x[3];
    vec bytes = x[2] & 0xffff;
    l->blocks = (bytes + (RFP_BLOCK_BYTES - 1)) / RFP_BLOCK_BYTES;
    l->blocks -= (vec)(l->blocks == 0); /* the empty input has a block, too */
    l->rest = bytes - (l->blocks - 1) * RFP_BLOCK_BYTES;
    l->most = (uint32_t)rfp_block_count(most);
    l->even = (uint32_t)rfp_block_count(least) - 1;
    if (least == most && least > 0 && least % RFP_BLOCK_BYTES == 0)
        l->even = l->most;
}

/* The same for nodes in a row, all full. */
static void fill_lanes_in_row(lanes *l, const rfp_job *first, size_t count, size_t stride)
{
    static const uint32_t NUMBERS[16] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};
    bool is_chunk = stride == RFP_CHUNK_BYTES;
    vec numbers;

    for (size_t i = 0; i < LANES; i++) {
        size_t lane = i < count ? i : 0;
        l->input[i] = first->input + lane * stride;
        l->out[i] = first->out + lane * RFP_CV_BYTES;
    }
    memcpy(&numbers, NUMBERS, sizeof numbers);
    l->counter_low = broadcast((uint32_t)first->counter) + (is_chunk ? numbers : broadcast(0));
    l->counter_high = broadcast((uint32_t)(first->counter >> 32));
    l->counter_high -= (vec)(l->counter_low < (uint32_t)first->counter); /* carry */
    l->flags = broadcast(first->flags);
    l->first_flags = broadcast(first->first_flags);
    l->last_flags = broadcast(first->last_flags);
    l->even = (uint32_t)(stride / RFP_BLOCK_BYTES);
    l->most = l->even;
}

/* Far enough ahead for the second-level cache, where the input lies; a hint may point past its end. */
INLINE void prefetch(const lanes *l, size_t offset)
{
    for (size_t i = 0; i < LANES; i++)
        __builtin_prefetch(l->input[i] + offset + 4 * (size_t)RFP_BLOCK_BYTES);
}

INLINE vec choose(vec_mask which, vec yes, vec no)
{
    return (yes & (vec)which) | (no & ~(vec)which);
}

/* Where each lane's block lies: the last one of a lane is copied, filled up with zeros, unless it is
 * full; a lane that has ended reads it again. */
static void find_blocks(const lanes *l, uint32_t block, const uint8_t *at[LANES],
                        uint8_t padded[LANES][RFP_BLOCK_BYTES])
{
    for (size_t i = 0; i < LANES; i++) {
        uint32_t last = (uint32_t)rfp_block_count(l->bytes[i]) - 1;
        size_t offset = (size_t)(block < last ? block : last) * RFP_BLOCK_BYTES;
        size_t left = l->bytes[i] - offset;
        if (left >= RFP_BLOCK_BYTES) {
            at[i] = l->input[i] + offset;
        } else {
            at[i] = padded[i];
            memset(padded[i], 0, RFP_BLOCK_BYTES);
            if (left > 0)
                memcpy(padded[i], l->input[i] + offset, left);
        }
    }
}

/* The blocks from there on, in which lanes end: one that has ended keeps its value. */
static void run_uneven(const lanes *l, vec value[8])
{
    uint8_t padded[LANES][RFP_BLOCK_BYTES];
    const uint8_t *at[LANES];
    vec flags = l->even == 0 ? l->flags | l->first_flags : l->flags;
    vec m[16];

    for (uint32_t block = l->even; block < l->most; block++) {
        vec_mask last = (vec_mask)(l->blocks == block + 1);
        vec_mask active = (vec_mask)(l->blocks > block);
        vec tail[TAIL] = {l->counter_low, l->counter_high, choose(last, l->rest, broadcast(RFP_BLOCK_BYTES)),
                          flags | (l->last_flags & (vec)last)};
        vec ended[8];
        memcpy(ended, value, sizeof ended);
        find_blocks(l, block, at, padded);
        load_message(m, at, 0);
        mix(value, m, tail);
        for (int i = 0; i < 8; i++)
            value[i] = choose(active, value[i], ended[i]);
        flags = l->flags;
    }
}

static void store_values(const lanes *l, vec value[8], size_t count)
{
    transpose_quads(value);
    transpose_quads(value + 4);
    for (size_t i = 0; i < count; i++) {
        const uint8_t *half = (const uint8_t *)&value[i % 4] + i / 4 * sizeof(quad);
        memcpy(l->out[i], half, sizeof(quad));
        memcpy(l->out[i] + sizeof(quad), half + 4 * sizeof(vec), sizeof(quad));
    }
}

/* The blocks that are alike. The chaining values stay in registers from one to the next. */
static void run_even(const lanes *l, const uint32_t key[8], vec value[8])
{
    vec v[8] = {broadcast(key[0]), broadcast(key[1]), broadcast(key[2]), broadcast(key[3]),
                broadcast(key[4]), broadcast(key[5]), broadcast(key[6]), broadcast(key[7])};
    vec tail[TAIL] = {l->counter_low, l->counter_high, broadcast(RFP_BLOCK_BYTES), l->flags | l->first_flags};
    vec m[16];

    for (uint32_t block = 0; block < l->even; block++) {
        if (block + 1 == l->most)
            tail[3] |= l->last_flags;
        prefetch(l, (size_t)block * RFP_BLOCK_BYTES);
        load_message(m, l->input, (size_t)block * RFP_BLOCK_BYTES);
        mix(v, m, tail);
        tail[3] = l->flags;
    }
#pragma GCC unroll 8
    for (int i = 0; i < 8; i++)
        value[i] = v[i];
}

static void run_lanes(const lanes *l, const uint32_t key[8], size_t count)
{
    vec value[8];

    run_even(l, key, value);
    if (l->even < l->most)
        run_uneven(l, value);
    store_values(l, value, count);
}

static void run(const uint32_t key[8], const rfp_job *jobs, size_t count)
{
    lanes l;

    for (size_t done = 0; done < count; done += LANES) {
        size_t now = count - done < LANES ? count - done : LANES;
        if (now == 1) {
            run_one(key, &jobs[done]);
            return;
        }
        fill_lanes(&l, &jobs[done], now);
        run_lanes(&l, key, now);
    }
}

static void run_row(const uint32_t key[8], const rfp_job *first, size_t count)
{
    size_t stride = first->bytes;
    rfp_job job = *first;
    lanes l;

    for (size_t done = 0; done < count; done += LANES) {
        size_t now = count - done < LANES ? count - done : LANES;
        if (now == 1) {
            run_one(key, &job);
            return;
        }
        fill_lanes_in_row(&l, &job, now, stride);
        run_lanes(&l, key, now);
        job.input += LANES * stride;
        job.out += (size_t)LANES * RFP_CV_BYTES;
        job.counter += stride == RFP_CHUNK_BYTES ? LANES : 0;
    }
}

#endif
