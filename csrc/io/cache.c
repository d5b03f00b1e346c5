/* The cache of digests of unchanged files: asking it, telling it. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "cache.h"

_Static_assert(sizeof(rfp_stamp) == 6 * sizeof(uint64_t), "stamps are compared as bytes");
_Static_assert(sizeof(rfp_cache_block) == RFP_CACHE_BLOCK_BYTES, "blocks have no padding");

enum {
    /* So long nobody holds the lock: what held it was another thread before a fork. */
    PATIENCE_SECONDS = 2,
    FIRST_CAPACITY = 1024,
    /* Entries whose places in the table are fetched ahead. */
    AHEAD = 16,
};

/* ---- The lock ---- */

bool rfp_cache_enter(rfp_cache *cache)
{
    struct timespec until;

    if (__atomic_load_n(&cache->broken, __ATOMIC_RELAXED) != 0)
        return false;
    if (pthread_mutex_trylock(&cache->lock) == 0)
        return true;
    (void)clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += PATIENCE_SECONDS;
    if (pthread_mutex_timedlock(&cache->lock, &until) == 0)
        return true;
    __atomic_store_n(&cache->broken, 1, __ATOMIC_RELAXED);
    return false;
}

void rfp_cache_leave(rfp_cache *cache)
{
    (void)pthread_mutex_unlock(&cache->lock);
}

/* ---- Opening ---- */

static uint64_t key_of(const rfp_cache_entry *entry)
{
    return entry != NULL ? rfp_cache_table_key(entry->stamp.device, entry->stamp.inode) : 0;
}

static bool index_image(rfp_cache *cache)
{
    uint64_t keys[AHEAD] = {0};
    size_t count = cache->image.count;

    cache->used = calloc(count + 1, 1);
    if (cache->used == NULL || !rfp_cache_table_reserve(&cache->known, count))
        return false;
    for (size_t i = 0; i < count + AHEAD; i++) {
        if (i >= AHEAD && rfp_cache_image_entry(&cache->image, i - AHEAD) != NULL)
            rfp_cache_table_add(&cache->known, keys[i % AHEAD], (uint32_t)(i - AHEAD));
        if (i >= count)
            continue;
        keys[i % AHEAD] = key_of(rfp_cache_image_entry(&cache->image, i));
        rfp_cache_table_expect(&cache->known, keys[i % AHEAD]);
    }
    return true;
}

rfp_status rfp_cache_open(const char *path, rfp_cache **cache)
{
    rfp_cache *opened = calloc(1, sizeof *opened);

    if (opened == NULL)
        return RFP_ERR_MEMORY;
    rfp_status status = rfp_cache_place_open(path, &opened->place);
    if (status != RFP_OK) {
        free(opened);
        return status;
    }
    (void)pthread_mutex_init(&opened->lock, NULL);
    opened->limit = RFP_CACHE_MOST_ENTRIES;
    rfp_cache_clock_start(&opened->clock);
    rfp_cache_image_read(&opened->place, &opened->image);
    if (!index_image(opened)) {
        rfp_cache_free(opened);
        return RFP_ERR_MEMORY;
    }
    opened->counts.entries = opened->known.count;
    *cache = opened;
    return RFP_OK;
}

void rfp_cache_free(rfp_cache *cache)
{
    if (cache == NULL)
        return;
    rfp_cache_place_close(&cache->place);
    rfp_cache_image_free(&cache->image);
    rfp_cache_table_free(&cache->known);
    rfp_cache_table_free(&cache->fresh);
    (void)pthread_mutex_destroy(&cache->lock);
    free(cache->learned);
    free(cache->used);
    free(cache);
}

/* ---- Asking ---- */

static bool find_known(const rfp_cache *cache, const rfp_stamp *stamp, uint64_t key, uint8_t *digest)
{
    const rfp_cache_slot *slot = NULL;
    uint64_t cursor = key;

    while ((slot = rfp_cache_table_next(&cache->known, key, &cursor)) != NULL) {
        size_t number = slot->position - 1;
        const rfp_cache_entry *entry = rfp_cache_image_entry(&cache->image, number);
        if (entry == NULL || memcmp(&entry->stamp, stamp, sizeof *stamp) != 0)
            continue;
        memcpy(digest, entry->digest, RFP_DIGEST_BYTES);
        if (__atomic_load_n(&cache->used[number], __ATOMIC_RELAXED) == 0)
            __atomic_store_n(&cache->used[number], 1, __ATOMIC_RELAXED);
        return true;
    }
    return false;
}

/* The learned entry of the same file, whatever its stamp. */
static rfp_cache_entry *find_learned(const rfp_cache *cache, const rfp_stamp *stamp, uint64_t key)
{
    const rfp_cache_slot *slot = NULL;
    uint64_t cursor = key;

    while ((slot = rfp_cache_table_next(&cache->fresh, key, &cursor)) != NULL) {
        rfp_cache_entry *entry = &cache->learned[slot->position - 1];
        if (entry->stamp.inode == stamp->inode && entry->stamp.device == stamp->device)
            return entry;
    }
    return NULL;
}

/* The key of a file by the device that the system names; false where nothing of that device is remembered. */
static bool find_key(const rfp_cache *cache, uint64_t device, uint64_t inode, uint64_t *key)
{
    rfp_stamp named = {.device = device};

    if (!rfp_cache_name_disk((rfp_cache *)cache, &named)) /* what it notes of disks is no part of what it knows */
        return false;
    *key = rfp_cache_table_key(named.device, inode);
    return true;
}

bool rfp_cache_expect(const rfp_cache *cache, uint64_t device, uint64_t inode)
{
    uint64_t key = 0;

    if (!find_key(cache, device, inode, &key))
        return false;
    uint64_t cursor = key;
    const rfp_cache_slot *slot = rfp_cache_table_next(&cache->known, key, &cursor);
    if (slot == NULL)
        return false;
    size_t number = slot->position - 1;
    const char *entry = (const char *)rfp_cache_image_entry(&cache->image, number);
    __builtin_prefetch(entry);
    __builtin_prefetch(entry + sizeof(rfp_cache_entry) - 1);
    return true;
}

bool rfp_cache_may_have_learned(const rfp_cache *cache, uint64_t device, uint64_t inode)
{
    rfp_cache *lockable = (rfp_cache *)cache; /* the lock is no part of what it knows */
    uint64_t key = 0;

    if (__atomic_load_n(&cache->any, __ATOMIC_ACQUIRE) == 0 || !find_key(cache, device, inode, &key))
        return false;
    uint64_t cursor = key;
    if (!rfp_cache_enter(lockable))
        return false;
    bool learned = rfp_cache_table_next(&cache->fresh, key, &cursor) != NULL;
    rfp_cache_leave(lockable);
    return learned;
}

bool rfp_cache_find(const rfp_cache *cache, const rfp_stamp *stamp, uint8_t digest[RFP_DIGEST_BYTES])
{
    rfp_cache *lockable = (rfp_cache *)cache; /* the lock is no part of what it knows */
    rfp_stamp named = *stamp;

    if (!rfp_cache_name_disk(lockable, &named))
        return false;
    uint64_t key = rfp_cache_table_key(named.device, named.inode);
    if (find_known(cache, &named, key, digest))
        return true;
    if (__atomic_load_n(&cache->any, __ATOMIC_ACQUIRE) == 0)
        return false;
    if (!rfp_cache_enter(lockable))
        return false;
    const rfp_cache_entry *entry = find_learned(cache, &named, key);
    bool found = entry != NULL && memcmp(&entry->stamp, &named, sizeof named) == 0;
    if (found)
        memcpy(digest, entry->digest, RFP_DIGEST_BYTES);
    rfp_cache_leave(lockable);
    return found;
}

/* ---- Telling ---- */

static bool index_learned(rfp_cache *cache, size_t capacity)
{
    if (!rfp_cache_table_reserve(&cache->fresh, capacity))
        return false;
    for (size_t i = 0; i < cache->learned_count; i++) {
        const rfp_stamp *stamp = &cache->learned[i].stamp;
        rfp_cache_table_add(&cache->fresh, rfp_cache_table_key(stamp->device, stamp->inode), (uint32_t)i);
    }
    return true;
}

static bool make_room(rfp_cache *cache)
{
    if (cache->learned_count < cache->learned_capacity)
        return true;
    size_t capacity = cache->learned_capacity == 0 ? FIRST_CAPACITY : cache->learned_capacity * 2;
    rfp_cache_entry *learned = realloc(cache->learned, capacity * sizeof *learned);
    if (learned == NULL)
        return false;
    cache->learned = learned;
    cache->learned_capacity = capacity;
    if (index_learned(cache, capacity))
        return true;
    cache->learned_capacity = cache->learned_count = 0; /* without its table it is of no use */
    return false;
}

static void learn(rfp_cache *cache, const rfp_cache_entry *entry)
{
    uint64_t key = rfp_cache_table_key(entry->stamp.device, entry->stamp.inode);
    rfp_cache_entry *same = find_learned(cache, &entry->stamp, key);

    if (same != NULL) {
        *same = *entry;
        cache->unsaved = true;
        return;
    }
    if (cache->learned_count >= cache->limit || !make_room(cache))
        return;
    cache->learned[cache->learned_count] = *entry;
    rfp_cache_table_add(&cache->fresh, key, (uint32_t)cache->learned_count++);
    cache->counts.learned = cache->learned_count;
    cache->unsaved = true;
    __atomic_store_n(&cache->any, 1, __ATOMIC_RELEASE);
}

void rfp_cache_put(rfp_cache *cache, const rfp_stamp *stamp, const uint8_t digest[RFP_DIGEST_BYTES])
{
    rfp_cache_entry entry = {.stamp = *stamp};

    memcpy(entry.digest, digest, RFP_DIGEST_BYTES);
    bool is_named = rfp_cache_name_disk(cache, &entry.stamp);
    bool settled = rfp_cache_is_settled(&cache->clock, stamp->changed_ns) && !rfp_cache_clock_went_back(&cache->clock);
    if (!is_named || !rfp_cache_enter(cache))
        return;
    if (settled)
        learn(cache, &entry);
    else
        cache->counts.young++;
    rfp_cache_leave(cache);
}

void rfp_cache_count(const rfp_cache *cache, rfp_cache_counts *counts)
{
    rfp_cache *lockable = (rfp_cache *)cache;
    uint64_t used = 0;

    for (size_t i = 0; i < cache->image.count; i++)
        used += __atomic_load_n(&cache->used[i], __ATOMIC_RELAXED);
    *counts = (rfp_cache_counts){0};
    if (rfp_cache_enter(lockable)) {
        *counts = cache->counts;
        rfp_cache_leave(lockable);
    }
    counts->used = used;
    counts->usable = cache->place.folder >= 0;
}
