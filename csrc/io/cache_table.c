/* A table from files to their entries: open addressing, in which neighbours stay together.
 *
 * A walk asks for the files of a folder, whose inodes mostly have neighbouring numbers. The low bits
 * of a key are those of the inode, so that 8 neighbours share a line of the processor's cache; the
 * others are mixed, so that nothing else of the numbers matters.
 */
#include <stdlib.h>
#include <string.h>

#include "cache.h"

enum {
    NEIGHBOUR_BITS = 3,
    NEIGHBOURS = 1 << NEIGHBOUR_BITS,
    SLOTS_PER_ENTRY = 2,
};

static uint64_t mix(uint64_t value)
{
    value ^= value >> 32;
    value *= UINT64_C(0xd6e8feb86659fd93);
    value ^= value >> 32;
    value *= UINT64_C(0xd6e8feb86659fd93);
    return value ^ (value >> 32);
}

uint64_t rfp_cache_table_key(uint64_t device, uint64_t inode)
{
    uint64_t mixed = mix((inode >> NEIGHBOUR_BITS) ^ mix(device));

    return mixed << NEIGHBOUR_BITS | (inode & (NEIGHBOURS - 1));
}

static uint32_t tag_of(uint64_t key)
{
    return (uint32_t)(key >> 32);
}

bool rfp_cache_table_reserve(rfp_cache_table *table, size_t count)
{
    size_t slots = NEIGHBOURS;

    while (slots < count * SLOTS_PER_ENTRY)
        slots *= 2;
    rfp_cache_table_free(table);
    table->slots = rfp_allocate(slots * sizeof *table->slots);
    if (table->slots == NULL)
        return false;
    memset(table->slots, 0, slots * sizeof *table->slots);
    table->mask = slots - 1;
    return true;
}

void rfp_cache_table_free(rfp_cache_table *table)
{
    free(table->slots);
    *table = (rfp_cache_table){0};
}

void rfp_cache_table_expect(const rfp_cache_table *table, uint64_t key)
{
    __builtin_prefetch(&table->slots[key & table->mask], 1);
}

void rfp_cache_table_add(rfp_cache_table *table, uint64_t key, uint32_t number)
{
    size_t at = key & table->mask;

    while (table->slots[at].position != 0)
        at = (at + 1) & table->mask;
    table->slots[at] = (rfp_cache_slot){.tag = tag_of(key), .position = number + 1};
    table->count++;
}

const rfp_cache_slot *rfp_cache_table_next(const rfp_cache_table *table, uint64_t key, uint64_t *cursor)
{
    if (table->slots == NULL)
        return NULL;
    for (;;) {
        const rfp_cache_slot *slot = &table->slots[*cursor & table->mask];
        if (slot->position == 0)
            return NULL;
        ++*cursor;
        if (slot->tag == tag_of(key))
            return slot;
    }
}
