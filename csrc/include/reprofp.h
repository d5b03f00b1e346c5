/* reprofp: the C contract.
 *
 * This header is the manual of the native core: BLAKE3 digests of bytes, files and trees of files.
 *
 * Rules that hold everywhere
 *  - A digest is BLAKE3-256 (https://github.com/BLAKE3-team/BLAKE3-specs), 32 bytes, and depends on
 *    the content alone: never on the number of threads, the size of a buffer, the instruction set
 *    or the way of reading.
 *  - What can fail returns an rfp_status and leaves its out-parameters, which come last, untouched
 *    unless it says otherwise. What returns void cannot fail.
 *  - Opaque handles come from a function that ends in _open and go back by the one that ends in
 *    _free; _free(NULL) does nothing. All other memory is the caller's.
 *  - Names of files are raw bytes that end in a zero byte, in no particular encoding.
 *  - There is no global state but the forced instruction set (a switch for tests). Functions may be
 *    called from several threads at once, on different objects.
 */
#ifndef REPROFP_H
#define REPROFP_H

#include <stddef.h>
#include <stdint.h>

#if defined(__GNUC__)
#define RFP_API __attribute__((visibility("default")))
#else
#define RFP_API
#endif

#ifdef __cplusplus
extern "C" {
#endif

/* The version of this contract, as "major.minor.patch". */
RFP_API const char *rfp_version(void);

/* ------------------------------------------------------------------------------------------------
 * Outcomes
 */

typedef enum rfp_status {
    RFP_OK = 0,
    RFP_ERR_ARGUMENT,    /* a value that the contract does not allow */
    RFP_ERR_MEMORY,      /* no memory */
    RFP_ERR_UNSUPPORTED, /* not on this processor or system */
    RFP_ERR_CANCELLED,   /* the caller asked to stop */
    RFP_ERR_NOT_FOUND,   /* no such file or folder */
    RFP_ERR_DENIED,      /* no permission */
    RFP_ERR_KIND,        /* not a regular file (or not a folder) where one is needed */
    RFP_ERR_LOOP,        /* symbolic links that lead nowhere */
    RFP_ERR_UNSTABLE,    /* it changed while it was read: no digest of it would be true */
    RFP_ERR_LIMIT,       /* too deep, too many, too long a name */
    RFP_ERR_IO           /* the system could not read it */
} rfp_status;

/* One English phrase for a status, without a full stop; never NULL, also for unknown numbers. */
RFP_API const char *rfp_strerror(rfp_status status);

/* ------------------------------------------------------------------------------------------------
 * BLAKE3 of bytes in memory
 */

#define RFP_DIGEST_BYTES 32
#define RFP_KEY_BYTES 32

/* A hash under way. It is the caller's: on the stack, in a struct, copied by assignment to hash
 * two continuations of one beginning. Its fields are private. Nothing about it can fail. */
typedef struct rfp_hasher {
    uint32_t key[8];
    uint32_t chunk_value[8]; /* chaining value of the chunk under way */
    uint64_t chunks;         /* chunks that are on the stack, and so the number of the one under way */
    uint8_t block[64];
    uint8_t block_bytes;
    uint8_t blocks_done; /* of the chunk under way */
    uint8_t flags;
    uint8_t depth;
    uint8_t stack[55 * RFP_DIGEST_BYTES]; /* subtrees' chaining values, for 2^64 bytes and one more */
} rfp_hasher;

/* Begin a plain hash (what b3sum prints). */
RFP_API void rfp_hasher_init(rfp_hasher *hasher);

/* Begin a keyed hash (a message authentication code). */
RFP_API void rfp_hasher_init_keyed(rfp_hasher *hasher, const uint8_t key[RFP_KEY_BYTES]);

/* Begin a hash in derive-key mode. The context names the purpose, and is fixed in the program. */
RFP_API void rfp_hasher_init_derive_key(rfp_hasher *hasher, const void *context, size_t bytes);

/* Add input. However it is split over calls, the digest is the same. */
RFP_API void rfp_hasher_update(rfp_hasher *hasher, const void *input, size_t bytes);

/* Write the digest of what was added so far; more may be added afterwards. */
RFP_API void rfp_hasher_finish(const rfp_hasher *hasher, uint8_t digest[RFP_DIGEST_BYTES]);

/* The plain digest of some bytes at once. */
RFP_API void rfp_bytes_hash(const void *input, size_t bytes, uint8_t digest[RFP_DIGEST_BYTES]);

typedef struct rfp_span {
    const void *data;
    size_t bytes;
} rfp_span;

/* The plain digests of many inputs, digest after digest. Inputs of up to a few KiB share the lanes
 * of the vector unit, so that this is several times faster than hashing one after the other. */
RFP_API void rfp_batch_hash(const rfp_span *inputs, size_t count, uint8_t *digests);

/* The instruction sets that BLAKE3 may use, the best that this build and processor have by default. */
typedef enum rfp_level {
    RFP_LEVEL_PORTABLE = 0,
    RFP_LEVEL_SSE41,
    RFP_LEVEL_AVX2,
    RFP_LEVEL_AVX512,
    RFP_LEVEL_NEON,
    RFP_LEVEL_BEST /* for rfp_blake3_force_level: no longer forced */
} rfp_level;

/* The level in use. */
RFP_API rfp_level rfp_blake3_level(void);

/* The name of a level, never NULL. */
RFP_API const char *rfp_blake3_level_name(rfp_level level);

/* Use one level in the whole process: for tests and measurements. Hashes under way stay right.
 * RFP_ERR_UNSUPPORTED where this build or processor lacks it, RFP_ERR_ARGUMENT for no level. */
RFP_API rfp_status rfp_blake3_force_level(rfp_level level);

#ifdef __cplusplus
}
#endif

#endif
