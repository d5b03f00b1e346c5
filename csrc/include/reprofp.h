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

/* ------------------------------------------------------------------------------------------------
 * Files
 *
 * Where a function of this part fails because the system refused something, errno holds the
 * system's reason. `threads` is how many threads may work at once, the caller's included; 0 means 1.
 */

/* How far a long call is, and the wish to stop it. It is the caller's, begins as all zeros, and may
 * be read and `cancel` set by another thread while the call runs. Every call takes NULL, too. */
typedef struct rfp_progress {
    uint64_t files;       /* hashed so far */
    uint64_t bytes;       /* read so far */
    uint64_t files_found; /* by walking */
    uint64_t bytes_found; /* of the files whose length is known by now */
    int32_t cancel;       /* set to 1: the call returns RFP_ERR_CANCELLED soon */
} rfp_progress;

/* What the system says of an open file that every change of its content changes. A store through a
 * shared mapping to a page that is dirty already escapes it: no system call shows that. */
typedef struct rfp_stamp {
    uint64_t device;
    uint64_t inode;
    uint64_t bytes;
    int64_t modified_ns;
    int64_t changed_ns;
    int64_t born_ns; /* when the inode was made; 0 where it was not asked for or is not known */
} rfp_stamp;

/* Take the stamp of an open file before reading it. Waits, by a tick of the kernel's clock at most,
 * until a later change is sure to have a later time. RFP_ERR_KIND for anything but a regular file. */
RFP_API rfp_status rfp_stamp_take(int fd, rfp_stamp *stamp);

/* The same, with the time of birth: what a cache remembers a digest by. */
RFP_API rfp_status rfp_stamp_take_born(int fd, rfp_stamp *stamp);

/* RFP_OK if the file still has that stamp, RFP_ERR_UNSTABLE if not. */
RFP_API rfp_status rfp_stamp_check(int fd, const rfp_stamp *stamp);

/* The digest and length of one regular file; a symbolic link is followed, anything else is
 * RFP_ERR_KIND and never opened. A large file is read in segments by all threads; the memory used
 * is 256 KiB for each and 32 bytes for each MiB of the file. */
RFP_API rfp_status rfp_file_hash(const char *path, unsigned threads, rfp_progress *progress, uint64_t *bytes,
                                 uint8_t digest[RFP_DIGEST_BYTES]);

/* Digests of files that did not change, see below. */
typedef struct rfp_cache rfp_cache;

/* The same, with a cache (NULL: none): it is asked before the file is opened, and told afterwards.
 * `reused` is 1 where the digest came from it, else 0. */
RFP_API rfp_status rfp_file_hash_cached(const char *path, unsigned threads, rfp_cache *cache, rfp_progress *progress,
                                        int32_t *reused, uint64_t *bytes, uint8_t digest[RFP_DIGEST_BYTES]);

/* A part of a file, and its digest once it is hashed. */
typedef struct rfp_range {
    uint64_t offset;
    uint64_t bytes;
    uint8_t digest[RFP_DIGEST_BYTES];
} rfp_range;

/* The digests of parts of one open file; its offset is not moved. RFP_ERR_UNSTABLE where a part ends
 * behind the end. The caller takes a stamp before it looks where the parts are, and checks it after. */
RFP_API rfp_status rfp_ranges_hash(int fd, rfp_range *ranges, size_t count, unsigned threads, rfp_progress *progress);

/* ------------------------------------------------------------------------------------------------
 * Digests of unchanged files
 *
 * A cache remembers digests by what the system says of a file: its stamp, with the time of birth. It
 * is asked and told by several threads at once.
 */

/* What a cache knows and what became of what it was told. A file may be refused more than once. */
typedef struct rfp_cache_counts {
    uint64_t entries;   /* known when it was opened */
    uint64_t used;      /* of those, how many were found */
    uint64_t learned;   /* since */
    uint64_t young;     /* not remembered: changed too short before the cache was opened, or since */
    uint64_t written;   /* not remembered: somebody has the file open for writing, or mapped so */
    uint64_t foreign;   /* not remembered: the file's owner is another, so whether it is written is not told */
    uint64_t elsewhere; /* not remembered: on a file system whose stamps do not tell of every change */
    int32_t usable;     /* 0: its folder is not there, or others may write to it; nothing will be saved */
} rfp_cache_counts;

/* Open the cache in a file; where there is none, or it is damaged or not to be trusted, the cache
 * begins empty. Open one for each hashing: it learns only files that did not change since. */
RFP_API rfp_status rfp_cache_open(const char *path, rfp_cache **cache);

/* Ask for the digest and length of the file at a path, which is not opened; a symbolic link is
 * followed. 1 where the cache knows the file as it is now, else 0. */
RFP_API int32_t rfp_cache_find_file(const rfp_cache *cache, const char *path, uint64_t *bytes,
                                    uint8_t digest[RFP_DIGEST_BYTES]);

/* Before reading an open file whose digest shall be remembered: 1 where its file system's stamps can be
 * trusted and nobody can write to it just now, also not through a mapping. Only then may what is read
 * between a stamp taken after this call (rfp_stamp_take_born) and its check be given to rfp_cache_put. */
RFP_API int32_t rfp_cache_may_learn(rfp_cache *cache, int fd);

/* Remember a digest. What is too young to be told apart from a later change is not remembered. */
RFP_API void rfp_cache_put(rfp_cache *cache, const rfp_stamp *stamp, const uint8_t digest[RFP_DIGEST_BYTES]);

/* Write what was learned, together with what others wrote meanwhile, as a whole or not at all. A
 * failure loses nothing but what was learned. */
RFP_API rfp_status rfp_cache_save(rfp_cache *cache);

RFP_API void rfp_cache_count(const rfp_cache *cache, rfp_cache_counts *counts);

RFP_API void rfp_cache_free(rfp_cache *cache);

/* ------------------------------------------------------------------------------------------------
 * Trees
 *
 * A tree is all that lies in and below a folder. Opening walks it, hashing reads its regular files.
 * FIFOs, sockets and devices are listed and never opened. A symbolic link that leads out of the tree
 * stands for the file or folder that it leads to; one that stays inside is listed with its target.
 * docs/formats/tree-manifest.md has the exact rules, and the format of the manifest.
 */

typedef struct rfp_tree rfp_tree;

typedef enum rfp_entry_kind {
    RFP_ENTRY_FILE = 0, /* a regular file, or a link to one outside of the tree */
    RFP_ENTRY_FOLDER,   /* an empty folder, or one that could not be read */
    RFP_ENTRY_LINK,     /* a link to something inside of the tree: target is the way to it */
    RFP_ENTRY_DANGLING, /* a link that leads nowhere: target is its text */
    RFP_ENTRY_FIFO,
    RFP_ENTRY_SOCKET,
    RFP_ENTRY_DEVICE
} rfp_entry_kind;

enum {
    RFP_ENTRY_LISTED = 1,   /* a file whose name a line of the manifest can hold */
    RFP_ENTRY_FOLLOWED = 2, /* a file that is reached through a link */
    RFP_ENTRY_REUSED = 4    /* a file whose digest came from the cache: it was not opened */
};

typedef struct rfp_entry {
    const char *path;   /* below the root, parts joined by '/' */
    const char *target; /* of links, else NULL */
    uint64_t bytes;     /* of files, once hashed */
    uint8_t kind;       /* rfp_entry_kind */
    uint8_t flags;
    uint8_t status;                   /* rfp_status: whether this entry could be read */
    int32_t system_error;             /* errno, or 0 */
    uint8_t digest[RFP_DIGEST_BYTES]; /* of files, once hashed */
} rfp_entry;

/* Whether the folder at a path below the root is walked (not 0) or left out of the tree, with all that
 * lies below it. Called by one thread at a time, which need not be the caller's. A folder of which
 * something was left out is not empty: it has no entry of its own. */
typedef int (*rfp_folder_filter)(void *context, const char *path);

/* How a tree is walked and hashed; all zeros will do, and NULL stands for it. */
typedef struct rfp_tree_options {
    unsigned threads;              /* that work at once; 0: 1. While the disk is waited for, up to 64 read */
    rfp_folder_filter keep_folder; /* NULL: all */
    void *filter_context;
    rfp_cache *cache; /* digests of unchanged files come from it, new ones go to it; NULL: none */
} rfp_tree_options;

/* Walk the tree at path (a link to a folder is followed). What cannot be read below the root is an
 * entry with a status and no failure of the call. The cache must live until the tree is hashed. */
RFP_API rfp_status rfp_tree_open(const char *path, const rfp_tree_options *options, rfp_progress *progress,
                                 rfp_tree **tree);

/* Between opening and hashing: leave out the entries whose byte is 0; there is one byte for each. */
RFP_API rfp_status rfp_tree_keep(rfp_tree *tree, const uint8_t *keep, size_t count);

/* Hash the tree's files, once: it is closed afterwards, and a second call is RFP_ERR_ARGUMENT.
 * Entries that failed, or whose file or folder changed since the tree was opened, have a status; the
 * call fails only when it was cancelled or has no memory. */
RFP_API rfp_status rfp_tree_hash(rfp_tree *tree, rfp_progress *progress);

/* The entries, sorted by the bytes of their paths, and behind them the folders that changed while the
 * tree was hashed. They live until the tree is hashed or freed. */
RFP_API const rfp_entry *rfp_tree_entries(const rfp_tree *tree, size_t *count);

/* How many files of a tree could be read, and their bytes. */
RFP_API void rfp_tree_totals(const rfp_tree *tree, uint64_t *files, uint64_t *bytes);

/* How many files have a digest from the cache. */
RFP_API uint64_t rfp_tree_reused(const rfp_tree *tree);

/* The index, from `from` on, of the next entry that failed or that no line of the manifest holds; the
 * number of entries where there is none. */
RFP_API size_t rfp_tree_next_unlisted(const rfp_tree *tree, size_t from);

/* Write the manifest's lines, without a zero byte, if they fit; returns their length in any case. */
RFP_API size_t rfp_tree_manifest(const rfp_tree *tree, char *text, size_t capacity);

/* The digest of the manifest's lines, followed by a zero byte and `extra` unless that is empty; the
 * lines are not kept in memory. */
RFP_API void rfp_tree_manifest_digest(const rfp_tree *tree, const void *extra, size_t bytes,
                                      uint8_t digest[RFP_DIGEST_BYTES]);

RFP_API void rfp_tree_free(rfp_tree *tree);

#ifdef __cplusplus
}
#endif

#endif
