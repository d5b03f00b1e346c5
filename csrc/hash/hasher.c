/* The streaming hasher: a chunk under way, and a stack of finished subtrees.
 *
 * After n whole chunks the tree so far is one subtree per bit of n. The stack may hold one more,
 * since the last pair is joined only when more input comes: until then it could be the root.
 */
#include "blake3.h"

enum { SUBTREE_BYTES = 128 * 1024 };

static rfp_mode mode_of(const rfp_hasher *hasher)
{
    rfp_mode mode;

    memcpy(mode.key, hasher->key, sizeof mode.key);
    mode.flags = hasher->flags;
    return mode;
}

static void begin_chunk(rfp_hasher *hasher)
{
    memcpy(hasher->chunk_value, hasher->key, sizeof hasher->chunk_value);
    hasher->block_bytes = 0;
    hasher->blocks_done = 0;
}

static void init(rfp_hasher *hasher, const rfp_mode *mode)
{
    memset(hasher, 0, sizeof *hasher);
    memcpy(hasher->key, mode->key, sizeof hasher->key);
    hasher->flags = mode->flags;
    begin_chunk(hasher);
}

static void init_with_key(rfp_hasher *hasher, const uint8_t key[RFP_KEY_BYTES], uint8_t flags)
{
    rfp_mode mode = {.flags = flags};

    for (size_t i = 0; i < 8; i++)
        mode.key[i] = rfp_load32(key + 4 * i);
    init(hasher, &mode);
}

void rfp_hasher_init(rfp_hasher *hasher)
{
    rfp_mode mode = rfp_mode_plain();

    init(hasher, &mode);
}

void rfp_hasher_init_keyed(rfp_hasher *hasher, const uint8_t key[RFP_KEY_BYTES])
{
    init_with_key(hasher, key, RFP_KEYED_HASH);
}

void rfp_hasher_init_derive_key(rfp_hasher *hasher, const void *context, size_t bytes)
{
    rfp_mode mode = rfp_mode_plain();
    uint8_t key[RFP_KEY_BYTES];

    mode.flags = RFP_DERIVE_KEY_CONTEXT;
    init(hasher, &mode);
    rfp_hasher_update(hasher, context, bytes);
    rfp_hasher_finish(hasher, key);
    init_with_key(hasher, key, RFP_DERIVE_KEY_MATERIAL);
}

static size_t chunk_bytes(const rfp_hasher *hasher)
{
    return (size_t)hasher->blocks_done * RFP_BLOCK_BYTES + hasher->block_bytes;
}

static uint32_t block_flags(const rfp_hasher *hasher)
{
    return (uint32_t)hasher->flags | (hasher->blocks_done == 0 ? RFP_CHUNK_START : 0);
}

/* Join what more input proves not to be the root: down to one subtree per bit of the chunks' count. */
static void settle(rfp_hasher *hasher, const rfp_kernel *kernel)
{
    rfp_mode mode = mode_of(hasher);
    int subtrees = __builtin_popcountll(hasher->chunks);

    while (hasher->depth > subtrees) {
        uint8_t *pair = hasher->stack + (size_t)(hasher->depth - 2) * RFP_CV_BYTES;
        rfp_job parent = rfp_job_parent(&mode, pair, false, pair);
        kernel->run(mode.key, &parent, 1);
        hasher->depth--;
    }
}

static void push(rfp_hasher *hasher, const rfp_kernel *kernel, const uint8_t value[RFP_CV_BYTES], uint64_t chunks)
{
    settle(hasher, kernel);
    memcpy(hasher->stack + (size_t)hasher->depth * RFP_CV_BYTES, value, RFP_CV_BYTES);
    hasher->depth++;
    hasher->chunks += chunks;
}

/* A full chunk that more input follows. */
static void end_chunk(rfp_hasher *hasher, const rfp_kernel *kernel)
{
    uint8_t value[RFP_CV_BYTES];

    kernel->compress(hasher->chunk_value, hasher->block, RFP_BLOCK_BYTES, hasher->chunks,
                     block_flags(hasher) | RFP_CHUNK_END);
    rfp_store_value(value, hasher->chunk_value);
    push(hasher, kernel, value, 1);
    begin_chunk(hasher);
}

/* Add to the chunk under way, which has room. The last block stays back: it might be the last of all. */
static size_t fill_chunk(rfp_hasher *hasher, const rfp_kernel *kernel, const uint8_t *input, size_t bytes)
{
    size_t room = RFP_CHUNK_BYTES - chunk_bytes(hasher);
    size_t taken = bytes < room ? bytes : room;

    settle(hasher, kernel);
    for (size_t done = 0; done < taken;) {
        if (hasher->block_bytes == RFP_BLOCK_BYTES) {
            kernel->compress(hasher->chunk_value, hasher->block, RFP_BLOCK_BYTES, hasher->chunks, block_flags(hasher));
            hasher->blocks_done++;
            hasher->block_bytes = 0;
        }
        size_t free_bytes = (size_t)RFP_BLOCK_BYTES - hasher->block_bytes;
        size_t part = taken - done < free_bytes ? taken - done : free_bytes;
        memcpy(hasher->block + hasher->block_bytes, input + done, part);
        hasher->block_bytes = (uint8_t)(hasher->block_bytes + part);
        done += part;
    }
    return taken;
}

/* Add the largest complete subtree that fits here; more than one chunk of input is there. */
static size_t add_subtree(rfp_hasher *hasher, const rfp_kernel *kernel, const uint8_t *input, size_t bytes)
{
    rfp_mode mode = mode_of(hasher);
    uint8_t pair[RFP_PARENT_BYTES];
    size_t size = rfp_floor_power(bytes < SUBTREE_BYTES ? bytes : SUBTREE_BYTES);

    while ((hasher->chunks & (size / RFP_CHUNK_BYTES - 1)) != 0)
        size /= 2;
    if (size == RFP_CHUNK_BYTES) {
        rfp_subtree_compress(kernel, &mode, input, size, hasher->chunks, pair);
        push(hasher, kernel, pair, 1);
        return size;
    }
    rfp_subtree_halves(kernel, &mode, input, size, hasher->chunks, pair);
    push(hasher, kernel, pair, size / RFP_CHUNK_BYTES / 2);
    push(hasher, kernel, pair + RFP_CV_BYTES, size / RFP_CHUNK_BYTES / 2);
    return size;
}

void rfp_hasher_update(rfp_hasher *hasher, const void *input, size_t bytes)
{
    const rfp_kernel *kernel = rfp_kernel_current();
    const uint8_t *next = input;

    while (bytes > 0) {
        size_t taken;
        if (chunk_bytes(hasher) == RFP_CHUNK_BYTES)
            end_chunk(hasher, kernel);
        if (chunk_bytes(hasher) > 0 || bytes <= RFP_CHUNK_BYTES)
            taken = fill_chunk(hasher, kernel, next, bytes);
        else
            taken = add_subtree(hasher, kernel, next, bytes);
        next += taken;
        bytes -= taken;
    }
}

void rfp_hasher_finish(const rfp_hasher *hasher, uint8_t digest[RFP_DIGEST_BYTES])
{
    const rfp_kernel *kernel = rfp_kernel_current();
    size_t depth = hasher->depth;
    uint32_t value[8];
    uint8_t block[RFP_BLOCK_BYTES] = {0};
    uint32_t parent_flags = (uint32_t)hasher->flags | RFP_PARENT;

    if (chunk_bytes(hasher) > 0 || depth == 0) {
        memcpy(value, hasher->chunk_value, sizeof value);
        memcpy(block, hasher->block, hasher->block_bytes);
        kernel->compress(value, block, hasher->block_bytes, hasher->chunks,
                         block_flags(hasher) | RFP_CHUNK_END | (depth == 0 ? RFP_ROOT : 0));
    } else { /* the input ends with a subtree, which lies on the stack as two halves */
        depth -= 2;
        memcpy(value, hasher->key, sizeof value);
        kernel->compress(value, hasher->stack + depth * RFP_CV_BYTES, RFP_BLOCK_BYTES, 0,
                         parent_flags | (depth == 0 ? RFP_ROOT : 0));
    }
    while (depth > 0) {
        depth--;
        memcpy(block, hasher->stack + depth * RFP_CV_BYTES, RFP_CV_BYTES);
        rfp_store_value(block + RFP_CV_BYTES, value);
        memcpy(value, hasher->key, sizeof value);
        kernel->compress(value, block, RFP_BLOCK_BYTES, 0, parent_flags | (depth == 0 ? RFP_ROOT : 0));
    }
    rfp_store_value(digest, value);
}
