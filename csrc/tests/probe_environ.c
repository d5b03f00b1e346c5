/* The environment is copied as it is: after setenv and putenv, with odd entries, and while it changes. */
#include "probe_check.h"
#include "reprofp_probe.h"

#include <pthread.h>
#include <stdatomic.h>
#include <sys/mman.h>
#include <unistd.h>

extern char **environ;

/* Copy, and count the entries; `value` is that of the first entry which begins with `name`. */
static size_t copy_and_count(const char *name, char *value, size_t capacity)
{
    char *entries = NULL;
    size_t size = 0;
    CHECK(rfp_environ_copy(&entries, &size) == 0);
    CHECK(size == 0 || entries[size - 1] == '\0');
    size_t count = 0;
    value[0] = '\0';
    for (size_t at = 0; at < size; at += strlen(entries + at) + 1, count++) {
        if (strncmp(entries + at, name, strlen(name)) == 0 && value[0] == '\0') {
            (void)snprintf(value, capacity, "%s", entries + at + strlen(name));
        }
    }
    rfp_environ_free(entries);
    return count;
}

static void test_changes(void)
{
    static char given[] = "RFP_GIVEN=by putenv";
    char value[64];
    CHECK(setenv("RFP_SET", "one", 1) == 0);
    const size_t before = copy_and_count("RFP_SET=", value, sizeof value);
    CHECK_TEXT(value, "one");
    CHECK(putenv(given) == 0);
    CHECK(copy_and_count("RFP_GIVEN=", value, sizeof value) == before + 1);
    CHECK_TEXT(value, "by putenv");
    CHECK(unsetenv("RFP_GIVEN") == 0);
    CHECK(copy_and_count("RFP_GIVEN=", value, sizeof value) == before);
}

static void test_odd_entries(void)
{
    static char none[] = "";
    static char nameless[] = "no equals sign";
    char **saved = environ;
    char value[64];
    char *odd[] = {none, nameless, NULL};
    environ = odd;
    CHECK(copy_and_count("no ", value, sizeof value) == 2);
    CHECK_TEXT(value, "equals sign");
    char *empty[] = {NULL};
    environ = empty;
    CHECK(copy_and_count("x", value, sizeof value) == 0);
    environ = NULL; /* what clearenv leaves */
    CHECK(copy_and_count("x", value, sizeof value) == 0);
    environ = saved;
}

/* Strings that end with the last byte of a page, cross pages, or are long; and the page behind is gone. */
static void test_page_borders(void)
{
    const size_t page = (size_t)sysconf(_SC_PAGESIZE);
    char *memory = mmap(NULL, 4 * page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    CHECK(memory != MAP_FAILED);
    CHECK(munmap(memory + 3 * page, page) == 0);
    memset(memory, 'a', 3 * page);
    memory[3 * page - 1] = '\0';
    char *entries[] = {memory + 3 * page - 2, memory + 1, NULL};
    char **saved = environ;
    char *copied = NULL;
    size_t size = 0;
    environ = entries;
    CHECK(rfp_environ_copy(&copied, &size) == 0);
    CHECK(size == 2 + 3 * page - 1 && strlen(copied + 2) == 3 * page - 2);
    rfp_environ_free(copied);

    memory[3 * page - 1] = 'a'; /* now it runs into the page that is gone */
    CHECK(rfp_environ_copy(&copied, &size) == RFP_ERR_UNSTABLE);
    CHECK(copied == NULL && size == 0);
    char *wild[] = {(char *)memory + 3 * page, NULL};
    environ = wild;
    CHECK(rfp_environ_copy(&copied, &size) == RFP_ERR_UNSTABLE);
    environ = saved;
    CHECK(munmap(memory, 3 * page) == 0);
}

static atomic_int stop;

static void *keep_changing(void *data)
{
    (void)data;
    char name[32];
    for (unsigned i = 0; !atomic_load(&stop); i++) {
        (void)snprintf(name, sizeof name, "RFP_CHURN_%u", i % 200);
        (void)setenv(name, i % 2 == 0 ? "short" : "a longer value that needs another place", 1);
        (void)unsetenv("RFP_CHURN_7");
    }
    return NULL;
}

/* Never a crash, and an answer or RFP_ERR_UNSTABLE. */
static void test_races(void)
{
    pthread_t thread;
    CHECK(pthread_create(&thread, NULL, keep_changing, NULL) == 0);
    for (int i = 0; i < 200; i++) {
        char *entries = NULL;
        size_t size = 0;
        const int error = rfp_environ_copy(&entries, &size);
        CHECK(error == 0 || error == RFP_ERR_UNSTABLE);
        rfp_environ_free(entries);
    }
    atomic_store(&stop, 1);
    CHECK(pthread_join(thread, NULL) == 0);
}

int main(void)
{
    test_changes();
    test_odd_entries();
    test_page_borders();
    test_races();
    rfp_environ_free(NULL);
    return 0;
}
