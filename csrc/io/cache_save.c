/* Saving: what the file holds by now, what was learned, and which of it was needed, in one new file. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "cache.h"

enum {
    /* An entry that was needed is marked again at the latest after so many savings. */
    STALE_AFTER = 16,
    /* Of a full cache, one part in so many is thrown out at once. */
    EVICTED_PART = 8,
};

typedef struct entry_list {
    rfp_cache_entry *entries;
    size_t count;
} entry_list;

static int compare_files(const rfp_stamp *a, const rfp_stamp *b)
{
    if (a->device != b->device)
        return a->device < b->device ? -1 : 1;
    return (a->inode > b->inode) - (a->inode < b->inode);
}

static int compare_entries(const void *a, const void *b)
{
    const rfp_cache_entry *first = a;
    const rfp_cache_entry *second = b;

    return compare_files(&first->stamp, &second->stamp);
}

static bool needs_saving(const rfp_cache *cache)
{
    if (cache->unsaved)
        return true;
    for (size_t i = 0; i < cache->image.count; i++) {
        if (__atomic_load_n(&cache->used[i], __ATOMIC_RELAXED) == 0)
            continue;
        const rfp_cache_entry *entry = rfp_cache_image_entry(&cache->image, i);
        if (entry != NULL && entry->used + STALE_AFTER < cache->image.generation)
            return true;
    }
    return false;
}

/* The learned entries, sorted, as they are now; others may go on learning. */
static bool copy_learned(rfp_cache *cache, uint64_t generation, entry_list *list)
{
    bool copied = false;

    if (!rfp_cache_enter(cache))
        return false;
    list->count = cache->learned_count;
    list->entries = malloc((list->count + 1) * sizeof *list->entries);
    if (list->entries != NULL) {
        if (list->count > 0)
            memcpy(list->entries, cache->learned, list->count * sizeof *list->entries);
        copied = true;
    }
    rfp_cache_leave(cache);
    if (!copied)
        return false;
    for (size_t i = 0; i < list->count; i++)
        list->entries[i].used = generation;
    qsort(list->entries, list->count, sizeof *list->entries, compare_entries);
    return true;
}

/* Both sorted; of one file in both, what was learned counts. */
static bool merge(const rfp_cache_image *old, const entry_list *learned, entry_list *all)
{
    size_t taken = 0;

    all->count = 0;
    all->entries = rfp_allocate((old->count + learned->count + 1) * sizeof *all->entries);
    if (all->entries == NULL)
        return false;
    for (size_t i = 0; i < old->count; i++) {
        const rfp_cache_entry *entry = rfp_cache_image_entry(old, i);
        if (entry == NULL)
            continue;
        while (taken < learned->count && compare_entries(&learned->entries[taken], entry) < 0)
            all->entries[all->count++] = learned->entries[taken++];
        if (taken < learned->count && compare_entries(&learned->entries[taken], entry) == 0)
            continue;
        all->entries[all->count++] = *entry;
    }
    while (taken < learned->count)
        all->entries[all->count++] = learned->entries[taken++];
    return true;
}

/* Mark those that were found: also sorted, since the image is. */
static void mark_used(const rfp_cache *cache, uint64_t generation, const entry_list *all)
{
    size_t at = 0;

    for (size_t i = 0; i < cache->image.count; i++) {
        const rfp_cache_entry *entry = rfp_cache_image_entry(&cache->image, i);
        if (entry == NULL || __atomic_load_n(&cache->used[i], __ATOMIC_RELAXED) == 0)
            continue;
        while (at < all->count && compare_entries(&all->entries[at], entry) < 0)
            at++;
        if (at < all->count && memcmp(&all->entries[at].stamp, &entry->stamp, sizeof entry->stamp) == 0)
            all->entries[at].used = generation;
    }
}

static int compare_numbers(const void *a, const void *b)
{
    const uint64_t *first = a;
    const uint64_t *second = b;

    return (*first > *second) - (*first < *second);
}

/* The generation of the oldest entry that stays; `ties` of that very generation go, too. */
static bool find_oldest(const entry_list *all, size_t excess, uint64_t *oldest, size_t *ties)
{
    uint64_t *used = malloc(all->count * sizeof *used);

    if (used == NULL)
        return false;
    for (size_t i = 0; i < all->count; i++)
        used[i] = all->entries[i].used;
    qsort(used, all->count, sizeof *used, compare_numbers);
    *oldest = used[excess];
    *ties = excess;
    while (*ties > 0 && used[excess - *ties] != *oldest)
        --*ties;
    free(used);
    return true;
}

static bool evict(entry_list *all, size_t limit)
{
    uint64_t oldest = 0;
    size_t ties = 0;
    size_t kept = 0;

    if (all->count <= limit)
        return true;
    if (!find_oldest(all, all->count - (limit - limit / EVICTED_PART), &oldest, &ties))
        return false;
    for (size_t i = 0; i < all->count; i++) {
        uint64_t used = all->entries[i].used;
        if (used < oldest)
            continue;
        if (used == oldest && ties > 0) {
            ties--;
            continue;
        }
        all->entries[kept++] = all->entries[i];
    }
    all->count = kept;
    return true;
}

static rfp_status write_merged(rfp_cache *cache, const rfp_cache_image *now)
{
    uint64_t generation = now->generation + 1;
    entry_list learned = {0};
    entry_list all = {0};
    rfp_status status = RFP_ERR_MEMORY;

    if (copy_learned(cache, generation, &learned) && merge(now, &learned, &all)) {
        mark_used(cache, generation, &all);
        if (evict(&all, cache->limit))
            status = rfp_cache_image_write(&cache->place, all.entries, all.count, generation);
    }
    free(learned.entries);
    free(all.entries);
    return status;
}

static bool take_unsaved(rfp_cache *cache)
{
    if (!rfp_cache_enter(cache))
        return false;
    bool needed = needs_saving(cache);
    cache->unsaved = false;
    rfp_cache_leave(cache);
    return needed;
}

static void give_back_unsaved(rfp_cache *cache)
{
    if (!rfp_cache_enter(cache))
        return;
    cache->unsaved = true;
    rfp_cache_leave(cache);
}

static rfp_status save(rfp_cache *cache)
{
    int lock = -1;
    rfp_cache_image now;
    rfp_status status = rfp_cache_lock(&cache->place, &lock);

    if (status != RFP_OK)
        return status;
    if (rfp_cache_image_is_current(&cache->place, &cache->image)) {
        status = write_merged(cache, &cache->image);
    } else {
        rfp_cache_image_read(&cache->place, &now);
        status = write_merged(cache, &now);
        rfp_cache_image_free(&now);
    }
    rfp_cache_unlock(lock);
    return status;
}

rfp_status rfp_cache_save(rfp_cache *cache)
{
    if (!take_unsaved(cache))
        return RFP_OK;
    if (cache->place.folder < 0 || cache->place.boot[0] == '\0') {
        errno = EACCES;
        return RFP_ERR_DENIED;
    }
    rfp_status status = save(cache);
    if (status != RFP_OK) {
        int error = errno;
        give_back_unsaved(cache);
        errno = error;
    }
    return status;
}
