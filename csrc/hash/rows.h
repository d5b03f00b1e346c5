/* One node alone: the state's sixteen words as four rows of four, a quarter-round of all columns at
 * once. Included by the file of an instruction set, after vectors.h. */
#ifndef RFP_HASH_ROWS_H
#define RFP_HASH_ROWS_H

#include "vectors.h"

#define PICK(a, b, i, j, k, l) SHUFFLE(quad, a, b, i, j, k, l)

INLINE void mix_rows(quad row[4], quad x, quad y)
{
    row[0] += x + row[1];
    row[3] = ROTATE16_QUAD(row[3] ^ row[0]);
    row[2] += row[3];
    row[1] = ROTATE(row[1] ^ row[2], 12);
    row[0] += y + row[1];
    row[3] = ROTATE8_QUAD(row[3] ^ row[0]);
    row[2] += row[3];
    row[1] = ROTATE(row[1] ^ row[2], 7);
}

/* One round. The message lies in the order of use: x and y of the columns, x and y of the diagonals.
 * Rows turn so that diagonals become columns; row 1 stays, since all wait for it. */
INLINE void mix_round(quad row[4], const quad m[4])
{
    mix_rows(row, m[0], m[1]);
    row[0] = PICK(row[0], row[0], 3, 0, 1, 2);
    row[2] = PICK(row[2], row[2], 1, 2, 3, 0);
    row[3] = PICK(row[3], row[3], 2, 3, 0, 1);
    mix_rows(row, m[2], m[3]);
    row[0] = PICK(row[0], row[0], 1, 2, 3, 0);
    row[2] = PICK(row[2], row[2], 3, 0, 1, 2);
    row[3] = PICK(row[3], row[3], 2, 3, 0, 1);
}

/* The message's words: (0 2 4 6), (1 3 5 7), (14 8 10 12), (15 9 11 13). */
INLINE void load_rows(quad m[4], const uint8_t block[RFP_BLOCK_BYTES])
{
    quad a = load_quad(block), b = load_quad(block + 16), c = load_quad(block + 32), d = load_quad(block + 48);

    m[0] = PICK(a, b, 0, 2, 4, 6);
    m[1] = PICK(a, b, 1, 3, 5, 7);
    m[2] = PICK(d, c, 2, 4, 6, 0);
    m[3] = PICK(d, c, 3, 5, 7, 1);
}

/* The permutation of section 2.2, within that order. */
INLINE void permute_rows(quad m[4])
{
    quad c = PICK(m[2], m[3], 0, 1, 2, 7); /* (14 8 10 13) */
    quad d = PICK(m[3], m[2], 0, 1, 2, 7); /* (15 9 11 12) */
    quad x0 = PICK(m[0], m[1], 1, 5, 7, 2);
    quad y0 = PICK(m[0], c, 3, 6, 0, 7);
    quad x1 = PICK(PICK(d, d, 0, 0, 3, 1), PICK(m[1], m[1], 0, 0, 0, 0), 0, 4, 2, 3);
    quad y1 = PICK(PICK(c, m[1], 1, 1, 6, 0), PICK(m[3], m[3], 2, 2, 2, 2), 0, 4, 2, 3);

    m[0] = x0;
    m[1] = y0;
    m[2] = x1;
    m[3] = y1;
}

/* value: the chaining value, in and out. */
INLINE void compress_rows(quad value[2], const uint8_t block[RFP_BLOCK_BYTES], uint32_t bytes, uint64_t counter,
                          uint32_t flags)
{
    quad row[4] = {
        value[0],
        value[1],
        {RFP_IV0, RFP_IV1, RFP_IV2, RFP_IV3},
        {(uint32_t)counter, (uint32_t)(counter >> 32), bytes, flags},
    };
    quad m[4];

    load_rows(m, block);
#pragma GCC unroll 6
    for (int round = 0; round < 6; round++) {
        mix_round(row, m);
        permute_rows(m);
    }
    mix_round(row, m);
    value[0] = row[0] ^ row[2];
    value[1] = row[1] ^ row[3];
}

static void compress(uint32_t words[8], const uint8_t block[RFP_BLOCK_BYTES], uint32_t bytes, uint64_t counter,
                     uint32_t flags)
{
    quad value[2] = {load_quad(words), load_quad(words + 4)};

    compress_rows(value, block, bytes, counter, flags);
    memcpy(words, value, sizeof value);
}

static void run_one(const uint32_t key[8], const rfp_job *job)
{
    quad value[2] = {load_quad(key), load_quad(key + 4)};
    size_t last = rfp_block_count(job->bytes) - 1;
    size_t rest = job->bytes - last * RFP_BLOCK_BYTES;
    const uint8_t *block = job->input;
    uint8_t padded[RFP_BLOCK_BYTES];
    uint32_t flags = (uint32_t)job->flags | job->first_flags;

    for (size_t i = 0; i < last; i++) {
        compress_rows(value, block, RFP_BLOCK_BYTES, job->counter, flags);
        block += RFP_BLOCK_BYTES;
        flags = job->flags;
    }
    if (rest < RFP_BLOCK_BYTES) {
        memset(padded, 0, sizeof padded);
        if (rest > 0)
            memcpy(padded, block, rest);
        block = padded;
    }
    compress_rows(value, block, (uint32_t)rest, job->counter, flags | job->last_flags);
    memcpy(job->out, value, sizeof value);
}

#endif
