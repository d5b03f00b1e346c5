/* BLAKE3, inside: what the tree asks of an instruction set, and what the tree offers.
 *
 * The words are the specification's: a chunk is 1024 bytes of input (the last may be shorter), made
 * of blocks of 64 bytes; compressing a chunk or a parent (two chaining values) gives a chaining
 * value; the topmost node is the root. Section numbers are those of the BLAKE3 paper,
 * https://github.com/BLAKE3-team/BLAKE3-specs/blob/master/blake3.pdf
 */
#ifndef RFP_HASH_BLAKE3_H
#define RFP_HASH_BLAKE3_H

#include <stdbool.h>
#include <string.h>

#include "reprofp.h"

enum {
    RFP_BLOCK_BYTES = 64,
    RFP_CHUNK_BYTES = 1024,
    RFP_CHUNK_BLOCKS = 16,
    RFP_CV_BYTES = 32,
    RFP_PARENT_BYTES = 2 * RFP_CV_BYTES,
};

/* Domain separation flags (section 2.1). */
enum {
    RFP_CHUNK_START = 1,
    RFP_CHUNK_END = 2,
    RFP_PARENT = 4,
    RFP_ROOT = 8,
    RFP_KEYED_HASH = 16,
    RFP_DERIVE_KEY_CONTEXT = 32,
    RFP_DERIVE_KEY_MATERIAL = 64,
};

/* The first words of every compression's lower half, and the key of the plain mode: SHA-256's. */
#define RFP_IV0 UINT32_C(0x6a09e667)
#define RFP_IV1 UINT32_C(0xbb67ae85)
#define RFP_IV2 UINT32_C(0x3c6ef372)
#define RFP_IV3 UINT32_C(0xa54ff53a)
#define RFP_IV4 UINT32_C(0x510e527f)
#define RFP_IV5 UINT32_C(0x9b05688c)
#define RFP_IV6 UINT32_C(0x1f83d9ab)
#define RFP_IV7 UINT32_C(0x5be0cd19)

/* The message words of each round, in the order of their use: the permutation of section 2.2 applied
 * 0 to 6 times. RFP_ROUNDS(R) is R(words of the first round) R(words of the second) ... */
#define RFP_ROUNDS(R)                                                                                                  \
    R(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15)                                                            \
    R(2, 6, 3, 10, 7, 0, 4, 13, 1, 11, 12, 5, 9, 14, 15, 8)                                                            \
    R(3, 4, 10, 12, 13, 2, 7, 14, 6, 5, 9, 0, 11, 15, 8, 1)                                                            \
    R(10, 7, 12, 9, 14, 3, 13, 15, 4, 0, 11, 2, 5, 8, 1, 6)                                                            \
    R(12, 13, 9, 11, 15, 10, 14, 8, 7, 2, 5, 3, 0, 1, 6, 4)                                                            \
    R(9, 14, 11, 5, 8, 12, 15, 1, 13, 3, 0, 10, 2, 6, 4, 7)                                                            \
    R(11, 15, 5, 0, 1, 9, 8, 6, 14, 10, 2, 12, 3, 4, 7, 13)

/* What distinguishes the three modes: the key, and the flag on every block. */
typedef struct rfp_mode {
    uint32_t key[8];
    uint8_t flags;
} rfp_mode;

/* One node to compress: a chunk of 0..1024 bytes (0 only for the empty input), or a parent, whose
 * input is its two chaining values. */
typedef struct rfp_job {
    const uint8_t *input;
    uint8_t *out; /* 32 bytes; may overlap inputs of jobs that come earlier, or of this one */
    /* What follows is read as four words, of several jobs at once: lanes.h. */
    uint64_t counter;
    uint16_t bytes;
    uint8_t flags;       /* on every block */
    uint8_t first_flags; /* more on the first block */
    uint32_t last_flags; /* more on the last block */
} rfp_job;

/* The jobs for a chunk and for a parent; a root's are told so. */
static inline rfp_job rfp_job_chunk(const rfp_mode *mode, const uint8_t *input, size_t bytes, uint64_t counter,
                                    bool root, uint8_t *out)
{
    return (rfp_job){
        .input = input,
        .out = out,
        .counter = counter,
        .bytes = (uint16_t)bytes,
        .flags = mode->flags,
        .first_flags = RFP_CHUNK_START,
        .last_flags = RFP_CHUNK_END | (root ? RFP_ROOT : 0),
    };
}

static inline rfp_job rfp_job_parent(const rfp_mode *mode, const uint8_t *pair, bool root, uint8_t *out)
{
    return (rfp_job){
        .input = pair,
        .out = out,
        .bytes = RFP_PARENT_BYTES,
        .flags = (uint8_t)(mode->flags | RFP_PARENT),
        .last_flags = root ? RFP_ROOT : 0,
    };
}

/* One instruction set. */
typedef struct rfp_kernel {
    rfp_level level;
    /* Compress one block into a chaining value. */
    void (*compress)(uint32_t value[8], const uint8_t block[RFP_BLOCK_BYTES], uint32_t bytes, uint64_t counter,
                     uint32_t flags);
    /* Compress many nodes. Any count; best when neighbours have equally many blocks. */
    void (*run)(const uint32_t key[8], const rfp_job *jobs, size_t count);
    /* The same for full chunks or parents in a row, of which the first is told: inputs and outputs
     * follow each other, and chunks count up. */
    void (*run_row)(const uint32_t key[8], const rfp_job *first, size_t count);
} rfp_kernel;

extern const rfp_kernel rfp_kernel_portable;
#if defined(__x86_64__)
extern const rfp_kernel rfp_kernel_sse41;
extern const rfp_kernel rfp_kernel_avx2;
extern const rfp_kernel rfp_kernel_avx512;
#elif defined(__aarch64__)
extern const rfp_kernel rfp_kernel_neon;
#endif

/* The kernel of the level in use. */
const rfp_kernel *rfp_kernel_current(void);

/* The mode without a key. */
rfp_mode rfp_mode_plain(void);

/* Replace n chaining values by those of their parents, in place; an odd last one goes up as it is.
 * Returns how many are left. */
size_t rfp_parents_compress(const rfp_kernel *kernel, const rfp_mode *mode, uint8_t *values, size_t n);

/* The root's digest over n >= 2 chaining values of equal, complete subtrees (the last may be
 * smaller); values are used up. */
void rfp_root_compress(const rfp_kernel *kernel, const rfp_mode *mode, uint8_t *values, size_t n,
                       uint8_t digest[RFP_DIGEST_BYTES]);

/* The chaining value of a subtree that is not the root: any bytes > 0 from the chunk `counter` on. */
void rfp_subtree_compress(const rfp_kernel *kernel, const rfp_mode *mode, const uint8_t *input, size_t bytes,
                          uint64_t counter, uint8_t out[RFP_CV_BYTES]);

/* The same for a complete subtree of 2^k >= 2 chunks, one level less: the two values below its top,
 * for a caller that does not know yet whether the top is the root. */
void rfp_subtree_halves(const rfp_kernel *kernel, const rfp_mode *mode, const uint8_t *input, size_t bytes,
                        uint64_t counter, uint8_t out[RFP_PARENT_BYTES]);

/* The digest of a whole input. */
void rfp_whole_compress(const rfp_kernel *kernel, const rfp_mode *mode, const uint8_t *input, size_t bytes,
                        uint8_t digest[RFP_DIGEST_BYTES]);

/* The largest power of two that is not above n > 0. */
static inline size_t rfp_floor_power(size_t n)
{
    return (size_t)1 << (63 - __builtin_clzll((unsigned long long)n));
}

static inline uint32_t rfp_load32(const uint8_t *from)
{
    return (uint32_t)from[0] | (uint32_t)from[1] << 8 | (uint32_t)from[2] << 16 | (uint32_t)from[3] << 24;
}

static inline void rfp_store32(uint8_t *to, uint32_t word)
{
    to[0] = (uint8_t)word;
    to[1] = (uint8_t)(word >> 8);
    to[2] = (uint8_t)(word >> 16);
    to[3] = (uint8_t)(word >> 24);
}

static inline void rfp_store_value(uint8_t to[RFP_CV_BYTES], const uint32_t value[8])
{
    for (size_t i = 0; i < 8; i++)
        rfp_store32(to + 4 * i, value[i]);
}

/* How many blocks a node of so many bytes has: the empty input has one, too. */
static inline size_t rfp_block_count(size_t bytes)
{
    return bytes == 0 ? 1 : (bytes + RFP_BLOCK_BYTES - 1) / RFP_BLOCK_BYTES;
}

#endif
