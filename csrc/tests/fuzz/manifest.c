/* The manifest: what is written for any paths is read back as those paths, one line each; and a path that
 * it must not hold is told from one that it may by an independent reading of UTF-8. */
#include "../../io/tree.h"
#include "fuzz.h"

enum { PATHS = 16 };

/* The code point at *at, or -1; by the table of RFC 3629. */
static long decode(const uint8_t **at)
{
    static const uint32_t LEAST[] = {0, 0, 0x80, 0x800, 0x10000};
    const uint8_t *p = *at;
    size_t length = p[0] < 0x80 ? 1 : p[0] >> 5 == 6 ? 2 : p[0] >> 4 == 14 ? 3 : p[0] >> 3 == 30 ? 4 : 0;
    uint32_t point = length == 1 ? p[0] : p[0] & (0xffU >> (length + 1));

    if (length == 0)
        return -1;
    for (size_t i = 1; i < length; i++) {
        if (p[i] >> 6 != 2)
            return -1;
        point = point << 6 | (p[i] & 63);
    }
    *at += length;
    bool good = point >= LEAST[length] && point <= 0x10ffff && (point < 0xd800 || point > 0xdfff);
    return good ? (long)point : -1;
}

static bool may_be_listed(const char *path)
{
    const uint8_t *at = (const uint8_t *)path;

    while (*at != 0) {
        long point = decode(&at);
        if (point < 0 || point == '\r' || point == 0xfffd)
            return false;
    }
    return true;
}

/* One line read back: is it this entry's? Returns where the next begins. */
static const char *read_line(const char *line, const rfp_entry *entry)
{
    bool escaped = *line == '\\';
    const char *path = entry->path;

    for (line += escaped; *line != ' '; line++)
        CHECK(strchr("0123456789abcdef", *line) != NULL);
    CHECK(line[1] == ' ');
    for (line += 2; *line != '\n'; line++) {
        char byte = *line;
        if (escaped && byte == '\\') {
            line++;
            CHECK(*line == '\\' || *line == 'n');
            byte = *line == 'n' ? '\n' : '\\';
        }
        CHECK(byte == *path++);
    }
    CHECK(*path == '\0');
    return line + 1;
}

static void check_manifest(const rfp_tree *tree)
{
    size_t length = rfp_tree_manifest(tree, NULL, 0);
    char *text = malloc(length + 1);
    const char *at = text;

    CHECK(text != NULL);
    CHECK(rfp_tree_manifest(tree, text, length) == length);
    text[length] = '\0';
    for (size_t i = 0; i < tree->entry_count; i++)
        if ((tree->entries[i].flags & RFP_ENTRY_LISTED) != 0)
            at = read_line(at, &tree->entries[i]);
    CHECK(at == text + length);
    free(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
    rfp_entry entries[PATHS] = {0};
    rfp_tree tree = {.entries = entries};
    char *paths = malloc(bytes + 1);

    CHECK(paths != NULL);
    if (bytes > 0)
        memcpy(paths, data, bytes);
    paths[bytes] = '\0';
    for (size_t at = 0; at < bytes && tree.entry_count < PATHS; at += strlen(paths + at) + 1) {
        rfp_entry *entry = &entries[tree.entry_count++];
        bool listed = rfp_path_is_listed(paths + at);
        CHECK(listed == may_be_listed(paths + at));
        entry->path = paths + at;
        entry->flags = listed ? RFP_ENTRY_LISTED : 0;
        memset(entry->digest, (int)at, sizeof entry->digest);
    }
    check_manifest(&tree);
    free(paths);
    return 0;
}
