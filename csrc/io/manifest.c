/* The manifest's lines: what b3sum writes and checks. */
#include <string.h>

#include "tree.h"

/* The length of the valid UTF-8 sequence of more than one byte at `at`, or 0. Its zero byte ends a
 * text before any sequence could run over it. */
static size_t sequence_length(const unsigned char *at)
{
    size_t length = at[0] >= 0xf0 ? 4 : at[0] >= 0xe0 ? 3 : 2;

    if (at[0] < 0xc2 || at[0] > 0xf4)
        return 0;
    for (size_t i = 1; i < length; i++)
        if ((at[i] & 0xc0) != 0x80)
            return 0;
    if ((at[0] == 0xe0 && at[1] < 0xa0) || (at[0] == 0xed && at[1] > 0x9f)) /* too long, surrogates */
        return 0;
    if ((at[0] == 0xf0 && at[1] < 0x90) || (at[0] == 0xf4 && at[1] > 0x8f)) /* too long, too large */
        return 0;
    return length;
}

bool rfp_path_is_listed(const char *path)
{
    const unsigned char *at = (const unsigned char *)path;

    while (*at != '\0') {
        if (*at < 0x80) {
            if (*at == '\r')
                return false;
            at++;
            continue;
        }
        size_t length = sequence_length(at);
        if (length == 0 || memcmp(at, "\xef\xbf\xbd", length < 3 ? length : 3) == 0)
            return false;
        at += length;
    }
    return true;
}

/* A hasher is given so much at once: a complete subtree, for which it has fast ways. */
enum { PIECE_BYTES = 16 * 1024 };

/* Text that is written as far as it fits and counted as a whole; with a hasher, it goes there, piece by
 * piece. */
typedef struct text {
    char *begin;
    size_t length;
    size_t capacity;
    rfp_hasher *hasher;
} text;

/* Fill pieces and hand each on that is full. */
static void add_to_hasher(text *t, const char *bytes, size_t count)
{
    while (count > 0) {
        size_t held = t->length % PIECE_BYTES;
        size_t part = count < PIECE_BYTES - held ? count : PIECE_BYTES - held;
        memcpy(t->begin + held, bytes, part);
        t->length += part;
        bytes += part;
        count -= part;
        if (held + part == PIECE_BYTES)
            rfp_hasher_update(t->hasher, t->begin, PIECE_BYTES);
    }
}

static void add(text *t, const char *bytes, size_t count)
{
    if (t->hasher != NULL) {
        add_to_hasher(t, bytes, count);
        return;
    }
    if (t->length + count <= t->capacity)
        memcpy(t->begin + t->length, bytes, count);
    t->length += count;
}

static void add_digest(text *t, const uint8_t digest[RFP_DIGEST_BYTES])
{
    static const char HEX[] = "0123456789abcdef";
    char hex[2 * RFP_DIGEST_BYTES];

    for (size_t i = 0; i < RFP_DIGEST_BYTES; i++) {
        hex[2 * i] = HEX[digest[i] >> 4];
        hex[2 * i + 1] = HEX[digest[i] & 15];
    }
    add(t, hex, sizeof hex);
}

static void add_escaped(text *t, const char *path)
{
    for (; *path != '\0'; path++) {
        if (*path == '\\')
            add(t, "\\\\", 2);
        else if (*path == '\n')
            add(t, "\\n", 2);
        else
            add(t, path, 1);
    }
}

static void add_line(text *t, const rfp_entry *entry)
{
    bool escaped = strpbrk(entry->path, "\\\n") != NULL;

    if (escaped)
        add(t, "\\", 1);
    add_digest(t, entry->digest);
    add(t, "  ", 2);
    if (escaped)
        add_escaped(t, entry->path);
    else
        add(t, entry->path, strlen(entry->path));
    add(t, "\n", 1);
}

/* A line for each listed file that could be read. */
static void add_lines(text *t, const rfp_tree *tree)
{
    for (size_t i = 0; i < tree->entry_count; i++)
        if ((tree->entries[i].flags & RFP_ENTRY_LISTED) != 0 && tree->entries[i].status == RFP_OK)
            add_line(t, &tree->entries[i]);
}

size_t rfp_tree_manifest(const rfp_tree *tree, char *manifest, size_t capacity)
{
    text t = {.begin = manifest, .capacity = capacity};

    add_lines(&t, tree);
    return t.length;
}

void rfp_tree_manifest_digest(const rfp_tree *tree, const void *extra, size_t bytes, uint8_t digest[RFP_DIGEST_BYTES])
{
    rfp_hasher hasher;
    char piece[PIECE_BYTES];
    text t = {.begin = piece, .hasher = &hasher};

    rfp_hasher_init(&hasher);
    add_lines(&t, tree);
    rfp_hasher_update(&hasher, piece, t.length % PIECE_BYTES);
    if (bytes > 0) {
        rfp_hasher_update(&hasher, "", 1);
        rfp_hasher_update(&hasher, extra, bytes);
    }
    rfp_hasher_finish(&hasher, digest);
}

uint64_t rfp_tree_reused(const rfp_tree *tree)
{
    uint64_t reused = 0;

    for (size_t i = 0; i < tree->entry_count; i++)
        reused += (tree->entries[i].flags & RFP_ENTRY_REUSED) != 0;
    return reused;
}

void rfp_tree_totals(const rfp_tree *tree, uint64_t *files, uint64_t *bytes)
{
    *files = 0;
    *bytes = 0;
    for (size_t i = 0; i < tree->entry_count; i++) {
        if (tree->entries[i].status != RFP_OK)
            continue;
        *files += tree->entries[i].kind == RFP_ENTRY_FILE;
        *bytes += tree->entries[i].bytes;
    }
}

size_t rfp_tree_next_unlisted(const rfp_tree *tree, size_t from)
{
    size_t i = from;

    while (i < tree->entry_count && (tree->entries[i].flags & RFP_ENTRY_LISTED) != 0 &&
           tree->entries[i].status == RFP_OK)
        i++;
    return i;
}
