/* The cache of digests of unchanged files, inside: entries, tables, the file.
 *
 * docs/formats/digest-cache.md has the format and the rules of trust with their reasons.
 */
#ifndef RFP_IO_CACHE_H
#define RFP_IO_CACHE_H

#include <pthread.h>
#include <sys/stat.h>

#include "io.h"

/* One file of which a digest is known. What is in memory is what is on disk. */
typedef struct rfp_cache_entry {
    rfp_stamp stamp;
    uint8_t digest[RFP_DIGEST_BYTES];
    uint64_t used; /* the generation that last needed it */
} rfp_cache_entry;

enum {
    RFP_CACHE_BLOCK_BYTES = 4096,
    RFP_CACHE_BLOCK_ENTRIES = 46,
    RFP_CACHE_BOOT_BYTES = 40,
    RFP_CACHE_VERSION = 1,
    /* About 93 MB, read whole by every hashing that asks the cache. */
    RFP_CACHE_MOST_ENTRIES = 1024 * 1024,
    RFP_CACHE_NAME_BYTES = 256,
};

/* ---- cache_table.c ---- */

/* From (device, inode) to a number. A slot is free where its position is 0, else it is one more. */
typedef struct rfp_cache_slot {
    uint32_t tag;
    uint32_t position;
} rfp_cache_slot;

typedef struct rfp_cache_table {
    rfp_cache_slot *slots;
    size_t mask; /* number of slots, a power of two, less one */
    size_t count;
} rfp_cache_table;

/* Room for so many. The table must be all zeros or hold something, which is dropped. */
bool rfp_cache_table_reserve(rfp_cache_table *table, size_t count);
void rfp_cache_table_free(rfp_cache_table *table);

/* A number that both parts of the name of a file go into. Neighbours have neighbouring numbers. */
uint64_t rfp_cache_table_key(uint64_t device, uint64_t inode);

/* A key will be added soon: have its place at hand. */
void rfp_cache_table_expect(const rfp_cache_table *table, uint64_t key);

/* Add what is not there yet, while there is room. */
void rfp_cache_table_add(rfp_cache_table *table, uint64_t key, uint32_t number);

/* The first slot that may hold the key at or behind a cursor that begins as key; NULL: none. The
 * caller looks whether it is the one, and goes on behind it if not. */
const rfp_cache_slot *rfp_cache_table_next(const rfp_cache_table *table, uint64_t key, uint64_t *cursor);

/* ---- cache_file.c ---- */

typedef struct rfp_cache_header {
    uint64_t magic; /* in the byte order of the machine, as all numbers of the file */
    uint32_t version;
    uint32_t entry_bytes;
    uint64_t save;       /* the same in each block: a block of another version does not fit */
    uint64_t generation; /* how many times the cache was saved */
    uint64_t count;      /* of entries */
    char boot[RFP_CACHE_BOOT_BYTES];
} rfp_cache_header;

typedef struct rfp_cache_block {
    rfp_cache_entry entries[RFP_CACHE_BLOCK_ENTRIES];
    uint64_t save;
    uint64_t number; /* from 1; the header's block is 0 */
    uint8_t check[RFP_DIGEST_BYTES];
} rfp_cache_block;

/* The file as it was read: of each block, whether its check held. */
typedef struct rfp_cache_image {
    rfp_cache_block *blocks; /* without the header */
    uint8_t *whole;          /* for each block: 0 where it is damaged */
    size_t block_count;
    size_t count; /* of entries, those of damaged blocks included */
    uint64_t generation;
    uint64_t save;
} rfp_cache_image;

/* Where the file lies. */
typedef struct rfp_cache_place {
    int folder; /* -1: there is none, or others may write to it */
    char name[RFP_CACHE_NAME_BYTES];
    char boot[RFP_CACHE_BOOT_BYTES]; /* "": unknown */
} rfp_cache_place;

/* What cannot be used is no failure: the folder is -1, or the boot is unknown. */
rfp_status rfp_cache_place_open(const char *path, rfp_cache_place *place);
void rfp_cache_place_close(rfp_cache_place *place);

/* The entry of a number, or NULL where its block is damaged. */
const rfp_cache_entry *rfp_cache_image_entry(const rfp_cache_image *image, size_t number);

/* Read what is whole; where nothing is, the image is empty. */
void rfp_cache_image_read(const rfp_cache_place *place, rfp_cache_image *image);
/* Whether the file is still the one that was read. */
bool rfp_cache_image_is_current(const rfp_cache_place *place, const rfp_cache_image *image);
void rfp_cache_image_free(rfp_cache_image *image);

/* Replace the file by sorted entries. */
rfp_status rfp_cache_image_write(const rfp_cache_place *place, const rfp_cache_entry *entries, size_t count,
                                 uint64_t generation);

/* Wait, not for ever, until nobody else saves. Some file systems have no locks: then two savers at once
 * may lose each other's entries, and no more than that. */
rfp_status rfp_cache_lock(const rfp_cache_place *place, int *lock);
void rfp_cache_unlock(int lock);

/* ---- cache_trust.c ---- */

enum { RFP_CACHE_DEVICES = 16 };

typedef enum rfp_cache_trust {
    RFP_TRUST_NONE = 0,
    RFP_TRUST_LEASE, /* stores through a new mapping change the stamp */
    RFP_TRUST_WRITE  /* and so do those after dirty pages were written out */
} rfp_cache_trust;

typedef struct rfp_cache_device {
    uint64_t device;
    rfp_cache_trust trust;
} rfp_cache_device;

/* When the cache was opened, by which it is told what is too young. */
typedef struct rfp_cache_clock {
    int64_t learn_before_ns; /* a file that changed later is not remembered */
    int64_t offset_ns;       /* of the clock that can be set from the one that cannot */
} rfp_cache_clock;

void rfp_cache_clock_start(rfp_cache_clock *clock);

/* Whether the clock was set back since, so that a later change may have an earlier time. */
bool rfp_cache_clock_went_back(const rfp_cache_clock *clock);

/* Whether a change that comes after the clock was started is sure to have another time than this. */
bool rfp_cache_is_settled(const rfp_cache_clock *clock, int64_t changed_ns);

/* ---- cache_disk.c ---- */

typedef struct rfp_cache_disk {
    uint64_t device;
    uint64_t named; /* with the number of the disk in its upper half; 0: it cannot be told */
} rfp_cache_disk;

/* Put the disk into the device's number, so that no other disk in its place is taken for it; false where
 * that cannot be told. */
bool rfp_cache_name_disk(rfp_cache *cache, rfp_stamp *stamp);

/* ---- cache.c ---- */

struct rfp_cache {
    rfp_cache_place place;
    rfp_cache_clock clock;
    size_t limit;
    /* Read when it was opened, not changed afterwards but for the marks. */
    rfp_cache_image image;
    rfp_cache_table known;
    uint8_t *used; /* of each entry of the image, whether it was found; set by several threads */
    /* Learned since; all under the lock. */
    pthread_mutex_t lock;
    rfp_cache_entry *learned;
    size_t learned_count;
    size_t learned_capacity;
    rfp_cache_table fresh;
    bool unsaved; /* something of it is not in the file yet */
    rfp_cache_device devices[RFP_CACHE_DEVICES];
    size_t device_count;
    rfp_cache_disk disks[RFP_CACHE_DEVICES]; /* those below disk_count never change; read without the lock */
    size_t disk_count;
    rfp_cache_counts counts;
    int broken; /* the lock is held by a thread that a fork left behind; read without it */
    int any;    /* something was learned; read without the lock */
};

/* The lock, or false if it cannot be had (after a fork): nothing may be learned then. */
bool rfp_cache_enter(rfp_cache *cache);
void rfp_cache_leave(rfp_cache *cache);

#endif
