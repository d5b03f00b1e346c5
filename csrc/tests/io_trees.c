/* Trees: the entries and their order, files of every size with any number of threads, and what is odd. */
#include <errno.h>

#include "scratch.h"

enum { MIB = 1024 * 1024, FILES = 700, LARGE = 9 * MIB + 5 };

static uint8_t *input;

/* Lengths of small, medium and large files. */
static size_t length_of(size_t i)
{
    if (i % 100 == 99)
        return i % 200 == 99 ? LARGE - i : 200000 + i;
    return i * 37 % 20000;
}

static void make_files(void)
{
    char path[64];

    for (size_t i = 0; i < FILES; i++) {
        (void)snprintf(path, sizeof path, "tree/%zu", i % 9);
        CHECK(mkdir(path, 0755) == 0 || errno == EEXIST);
        (void)snprintf(path, sizeof path, "tree/%zu/%zu", i % 9, i);
        write_file(path, input + i, length_of(i));
    }
}

static rfp_tree *open_tree(const char *path, unsigned threads, rfp_progress *progress)
{
    rfp_tree *tree = NULL;

    CHECK(rfp_tree_open(path, &(rfp_tree_options){.threads = threads}, progress, &tree) == RFP_OK);
    CHECK(rfp_tree_hash(tree, progress) == RFP_OK);
    return tree;
}

static void test_many_files(void)
{
    for (unsigned threads = 1; threads < 6; threads += 2) {
        rfp_progress progress = {0};
        rfp_tree *tree = open_tree("tree", threads, &progress);
        size_t count = 0;
        const rfp_entry *entries = rfp_tree_entries(tree, &count);
        CHECK(count == FILES && progress.files == FILES && progress.files_found == FILES);
        CHECK(rfp_tree_next_unlisted(tree, 0) == count);
        for (size_t i = 0; i < count; i++) {
            uint8_t digest[RFP_DIGEST_BYTES];
            size_t file = (size_t)strtoul(entries[i].path + 2, NULL, 10);
            CHECK(entries[i].status == RFP_OK && entries[i].bytes == length_of(file));
            rfp_bytes_hash(input + file, length_of(file), digest);
            CHECK(memcmp(digest, entries[i].digest, sizeof digest) == 0);
            CHECK(i == 0 || strcmp(entries[i - 1].path, entries[i].path) < 0);
        }
        CHECK(rfp_tree_hash(tree, NULL) == RFP_ERR_ARGUMENT);
        rfp_tree_free(tree);
    }
}

typedef struct expected {
    const char *path;
    rfp_entry_kind kind;
    bool listed;
    const char *target;
} expected;

static void check_entries(const char *root, const expected *list, size_t length)
{
    rfp_tree *tree = open_tree(root, 2, NULL);
    size_t count = 0;
    const rfp_entry *entries = rfp_tree_entries(tree, &count);

    for (size_t i = 0; i < count && i < length; i++) {
        (void)printf("%s %d %s\n", entries[i].path, entries[i].kind,
                     entries[i].target == NULL ? "" : entries[i].target);
        CHECK(strcmp(entries[i].path, list[i].path) == 0);
        CHECK(entries[i].kind == (int32_t)list[i].kind && entries[i].status == RFP_OK);
        CHECK((entries[i].target == NULL) == (list[i].target == NULL));
        CHECK(list[i].target == NULL || strcmp(entries[i].target, list[i].target) == 0);
        CHECK(((entries[i].flags & RFP_ENTRY_LISTED) != 0) == list[i].listed);
    }
    CHECK(count == length);
    rfp_tree_free(tree);
}

#define CHECK_ENTRIES(root, list) check_entries(root, list, sizeof(list) / sizeof *(list))

/* A folder's contents are sorted as if its name ended in a separator. */
static void test_order(void)
{
    static const expected LIST[] = {
        {"a b", RFP_ENTRY_FILE, true, NULL},      {"a-b/file", RFP_ENTRY_FILE, true, NULL},
        {"a.b", RFP_ENTRY_FILE, true, NULL},      {"a/empty", RFP_ENTRY_FOLDER, false, NULL},
        {"a/file", RFP_ENTRY_FILE, true, NULL},   {"a0", RFP_ENTRY_FILE, true, NULL},
        {"\xc3\xa9", RFP_ENTRY_FILE, true, NULL}, {"\xff", RFP_ENTRY_FILE, false, NULL},
    };

    CHECK(mkdir("order", 0755) == 0 && mkdir("order/a", 0755) == 0 && mkdir("order/a-b", 0755) == 0);
    CHECK(mkdir("order/a/empty", 0755) == 0);
    write_file("order/a b", "", 0);
    write_file("order/a-b/file", "", 0);
    write_file("order/a.b", "", 0);
    write_file("order/a/file", "", 0);
    write_file("order/a0", "", 0);
    write_file("order/\xc3\xa9", "", 0);
    write_file("order/\xff", "", 0);
    CHECK_ENTRIES("order", LIST);
}

static void test_links(void)
{
    static const expected LIST[] = {
        {"back", RFP_ENTRY_LINK, false, "."},
        {"down", RFP_ENTRY_LINK, false, "sub/deep"},
        {"fifo", RFP_ENTRY_FIFO, false, NULL},
        {"loop", RFP_ENTRY_DANGLING, false, "loop"},
        {"nowhere", RFP_ENTRY_DANGLING, false, "no/where"},
        {"null", RFP_ENTRY_DEVICE, false, NULL},
        {"out/again", RFP_ENTRY_LINK, false, "."},
        {"out/file", RFP_ENTRY_FILE, true, NULL},
        {"out/home", RFP_ENTRY_LINK, false, "../sub"},
        {"outfile", RFP_ENTRY_FILE, true, NULL},
        {"sub/deep/file", RFP_ENTRY_FILE, true, NULL},
        {"sub/deep/same", RFP_ENTRY_LINK, false, "file"},
        {"sub/deep/top", RFP_ENTRY_LINK, false, "../.."},
        {"sub/side", RFP_ENTRY_LINK, false, "../subway"},
        {"subway/file", RFP_ENTRY_FILE, true, NULL},
    };

    CHECK(mkdir("links", 0755) == 0 && mkdir("links/sub", 0755) == 0 && mkdir("links/sub/deep", 0755) == 0);
    CHECK(mkdir("links/subway", 0755) == 0 && mkdir("outside", 0755) == 0);
    write_file("links/sub/deep/file", "in", 2);
    write_file("links/subway/file", "in", 2);
    write_file("outside/file", "out", 3);
    CHECK(mkfifo("links/fifo", 0600) == 0);
    CHECK(symlink("../links", "links/back") == 0);
    CHECK(symlink("sub/../sub/deep", "links/down") == 0);
    CHECK(symlink("loop", "links/loop") == 0);
    CHECK(symlink("no/where", "links/nowhere") == 0);
    CHECK(symlink("/dev/null", "links/null") == 0);
    CHECK(symlink("../outside", "links/out") == 0);
    CHECK(symlink("out/file", "links/outfile") == 0);
    CHECK(symlink("../../sub/deep/file", "links/sub/deep/same") == 0);
    CHECK(symlink("../..", "links/sub/deep/top") == 0);
    CHECK(symlink("../subway", "links/sub/side") == 0);
    CHECK(symlink(".", "outside/again") == 0);
    CHECK(symlink("../links/sub", "outside/home") == 0);
    CHECK_ENTRIES("links", LIST);
}

/* A link to the tree's own parent: what is in it is walked once. */
static void test_parent_link(void)
{
    static const expected LIST[] = {
        {"up/file", RFP_ENTRY_FILE, true, NULL},
        {"up/inner/up", RFP_ENTRY_LINK, false, ".."},
    };

    CHECK(mkdir("parent", 0755) == 0 && mkdir("parent/inner", 0755) == 0);
    write_file("parent/file", "x", 1);
    CHECK(symlink("..", "parent/inner/up") == 0);
    CHECK_ENTRIES("parent/inner", LIST);
}

static void test_manifest(void)
{
    static const char EXPECTED[] = "\\af1349b9f5f9a1a6a0404dea36dcc9499bcb25c9adc112b7cc9a93cae41f3262  a\\nb\\\\c\n"
                                   "af1349b9f5f9a1a6a0404dea36dcc9499bcb25c9adc112b7cc9a93cae41f3262  plain\n";
    char text[sizeof EXPECTED];

    CHECK(mkdir("names", 0755) == 0);
    write_file("names/plain", "", 0);
    write_file("names/a\nb\\c", "", 0);
    write_file("names/a\rb", "", 0);
    write_file("names/a\xef\xbf\xbd", "", 0);
    write_file("names/a\xed\xa0\x80", "", 0);
    rfp_tree *tree = open_tree("names", 1, NULL);
    memset(text, 0, sizeof text);
    CHECK(rfp_tree_manifest(tree, text, 0) == sizeof EXPECTED - 1 && text[0] == '\0');
    CHECK(rfp_tree_manifest(tree, text, sizeof EXPECTED - 1) == sizeof EXPECTED - 1);
    CHECK(strcmp(text, EXPECTED) == 0);
    uint64_t files = 0;
    uint64_t bytes = 1;
    rfp_tree_totals(tree, &files, &bytes);
    CHECK(files == 5 && bytes == 0);
    rfp_tree_free(tree);
}

/* What changes between walking and hashing is no digest. */
static void test_changes(void)
{
    rfp_tree *tree = NULL;
    size_t count = 0;

    CHECK(mkdir("changing", 0755) == 0 && mkdir("changing/sub", 0755) == 0);
    write_file("changing/gone", "x", 1);
    write_file("changing/sub/kept", "x", 1);
    CHECK(rfp_tree_open("changing", &(rfp_tree_options){.threads = 2}, NULL, &tree) == RFP_OK);
    CHECK(unlink("changing/gone") == 0);
    CHECK(rfp_tree_hash(tree, NULL) == RFP_OK);
    const rfp_entry *entries = rfp_tree_entries(tree, &count);
    CHECK(count == 3 && entries[0].status == RFP_ERR_UNSTABLE && entries[1].status == RFP_OK);
    CHECK(strcmp(entries[2].path, ".") == 0 && entries[2].status == RFP_ERR_UNSTABLE);
    rfp_tree_free(tree);
}

static void test_refused(void)
{
    rfp_tree *tree = NULL;
    rfp_progress progress = {.cancel = 1};

    CHECK(rfp_tree_open("nothing", NULL, NULL, &tree) == RFP_ERR_NOT_FOUND && errno == ENOENT);
    write_file("file", "", 0);
    CHECK(rfp_tree_open("file", NULL, NULL, &tree) == RFP_ERR_KIND);
    CHECK(rfp_tree_open("tree", NULL, &progress, &tree) == RFP_ERR_CANCELLED);
    CHECK(tree == NULL);
    CHECK(rfp_tree_open("tree", NULL, NULL, &tree) == RFP_OK);
    CHECK(rfp_tree_hash(tree, &progress) == RFP_ERR_CANCELLED);
    rfp_tree_free(tree);
    rfp_tree_free(NULL);
}

int main(void)
{
    input = make_input(LARGE + FILES);
    enter_scratch();
    CHECK(mkdir("tree", 0755) == 0);
    make_files();
    for_each_level(test_many_files);
    test_order();
    test_links();
    test_parent_link();
    test_manifest();
    test_changes();
    test_refused();
    leave_scratch();
    free(input);
    return 0;
}
