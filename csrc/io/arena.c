/* Memory that is only given back as a whole. */
#include <stdlib.h>

#include "tree.h"

enum { ARENA_BYTES = 64 * 1024 };

struct rfp_arena_block {
    struct rfp_arena_block *next;
    char data[];
};

char *rfp_arena_take(rfp_arena *arena, size_t bytes)
{
    if (arena->blocks == NULL || arena->size - arena->used < bytes) {
        size_t size = bytes > ARENA_BYTES ? bytes : ARENA_BYTES;
        struct rfp_arena_block *block = malloc(sizeof *block + size);
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
