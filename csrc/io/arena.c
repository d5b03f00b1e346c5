/* Memory for much, and memory that is only given back as a whole. */
#include <stdlib.h>
#include <sys/mman.h>

#include "tree.h"

enum { ARENA_BYTES = 64 * 1024, HUGE_PAGE = 2 * 1024 * 1024 };

void *rfp_allocate(size_t bytes)
{
    size_t rounded = (bytes + HUGE_PAGE - 1) / HUGE_PAGE * HUGE_PAGE;

    if (bytes < HUGE_PAGE)
        return malloc(bytes + 1);
    void *memory = aligned_alloc(HUGE_PAGE, rounded);
    if (memory != NULL)
        (void)madvise(memory, rounded, MADV_HUGEPAGE);
    return memory;
}

struct rfp_arena_block {
    struct rfp_arena_block *next;
    char data[];
};

/* Blocks double up to a large page. */
static size_t next_size(const rfp_arena *arena, size_t bytes)
{
    size_t block = sizeof(struct rfp_arena_block);
    size_t size = arena->blocks == NULL ? ARENA_BYTES - block : 2 * (arena->size + block) - block;

    if (size > HUGE_PAGE - block)
        size = HUGE_PAGE - block;
    return bytes > size ? bytes : size;
}

char *rfp_arena_take(rfp_arena *arena, size_t bytes)
{
    if (arena->blocks == NULL || arena->size - arena->used < bytes) {
        size_t size = next_size(arena, bytes);
        struct rfp_arena_block *block = rfp_allocate(sizeof *block + size);
        if (block == NULL)
            return NULL;
        block->next = arena->blocks;
        arena->blocks = block;
        arena->used = 0;
        arena->size = size;
    }
    char *taken = arena->blocks->data + arena->used;
    arena->used += bytes;
    return taken;
}

void rfp_arena_join(rfp_arena *arena, rfp_arena *other)
{
    struct rfp_arena_block **end = &other->blocks;

    while (*end != NULL)
        end = &(*end)->next;
    *end = arena->blocks;
    if (other->blocks != NULL)
        *arena = *other;
    *other = (rfp_arena){0};
}

void rfp_arena_free(rfp_arena *arena)
{
    while (arena->blocks != NULL) {
        struct rfp_arena_block *next = arena->blocks->next;
        free(arena->blocks);
        arena->blocks = next;
    }
}
