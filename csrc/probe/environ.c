/*
 * The C library's environment, copied with care.
 *
 * setenv of another thread may move the array and free the old one while we read it (before glibc 2.41; see
 * getenv(3), "attributes"). So memory is read through the kernel, which answers EFAULT where a page is gone
 * instead of stopping the process, and the copy counts only when taking it twice gives the same bytes.
 */
#include "reprofp_probe.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

#define LIMIT ((size_t)64 << 20)
#define ATTEMPTS 8
#define PAGE ((size_t)4096) /* the smallest page of the architectures we know: never reads past a larger one */

extern char **environ;

/* How this process's memory is read: one system call, or a file where that call is not allowed. */
struct reader {
    int file; /* /proc/self/mem, or -1 */
};

struct text {
    char *bytes;
    size_t size;
    size_t capacity;
};

static int open_reader(struct reader *reader)
{
    char probe = 1;
    char copy = 0;
    const struct iovec from = {&probe, 1};
    const struct iovec to = {&copy, 1};
    reader->file = -1;
    if (process_vm_readv(getpid(), &to, 1, &from, 1, 0) == 1) {
        return 0;
    }
    reader->file = open("/proc/self/mem", O_RDONLY | O_CLOEXEC);
    return reader->file >= 0 ? 0 : ENOSYS;
}

static void close_reader(struct reader *reader)
{
    if (reader->file >= 0) {
        (void)close(reader->file);
    }
}

/* Read `size` bytes that lie within one page. */
static int read_memory(const struct reader *reader, uintptr_t address, void *out, size_t size)
{
    ssize_t count = 0;
    if (reader->file >= 0) {
        count = pread(reader->file, out, size, (off_t)address);
    } else {
        /* An address of this process, which the kernel checks. */
        const struct iovec from = {(void *)address, size}; /* NOLINT(performance-no-int-to-ptr) */
        const struct iovec to = {out, size};
        count = process_vm_readv(getpid(), &to, 1, &from, 1, 0);
    }
    return count == (ssize_t)size ? 0 : EAGAIN;
}

static int append(struct text *text, const char *bytes, size_t size)
{
    if (size > LIMIT - text->size) {
        return EFBIG;
    }
    if (text->bytes == NULL || text->size + size > text->capacity) {
        const size_t capacity = 2 * (text->size + size);
        char *larger = realloc(text->bytes, capacity);
        if (larger == NULL) {
            return ENOMEM;
        }
        text->bytes = larger;
        text->capacity = capacity;
    }
    memcpy(text->bytes + text->size, bytes, size);
    text->size += size;
    return 0;
}

/* Append the string at `address` with its zero byte, page by page. */
static int copy_string(const struct reader *reader, uintptr_t address, struct text *text)
{
    char page[PAGE];
    for (;;) {
        const size_t size = PAGE - address % PAGE;
        int error = read_memory(reader, address, page, size);
        if (error != 0) {
            return error;
        }
        const char *end = memchr(page, '\0', size);
        error = append(text, page, end != NULL ? (size_t)(end - page) + 1 : size);
        if (error != 0 || end != NULL) {
            return error;
        }
        address += size;
    }
}

static int copy_once(const struct reader *reader, struct text *text)
{
    char **const volatile *const variable = &environ;
    uintptr_t place = (uintptr_t)*variable;
    text->size = 0;
    while (place != 0) {
        uintptr_t entry = 0;
        int error = read_memory(reader, place, &entry, sizeof entry);
        if (error != 0 || entry == 0) {
            return error;
        }
        error = copy_string(reader, entry, text);
        if (error != 0) {
            return error;
        }
        place += sizeof entry;
    }
    return 0;
}

static int is_same(const struct text *a, const struct text *b)
{
    return a->size == b->size && (a->size == 0 || memcmp(a->bytes, b->bytes, a->size) == 0);
}

/* Copy until two copies in a row agree. */
static int copy_stable(const struct reader *reader, struct text *text, struct text *previous)
{
    int error = copy_once(reader, previous);
    for (int attempt = 0; attempt < ATTEMPTS; attempt++) {
        const int first_error = error;
        error = copy_once(reader, text);
        if (error != 0 && error != EAGAIN) {
            return error;
        }
        if (error == 0 && first_error == 0 && is_same(text, previous)) {
            return 0;
        }
        const struct text swap = *text;
        *text = *previous;
        *previous = swap;
    }
    return EAGAIN;
}

int rfp_environ_copy(char **entries, size_t *size)
{
    *entries = NULL;
    *size = 0;
    struct reader reader;
    int error = open_reader(&reader);
    if (error != 0) {
        return error;
    }
    struct text text = {NULL, 0, 0};
    struct text previous = {NULL, 0, 0};
    error = copy_stable(&reader, &text, &previous);
    close_reader(&reader);
    free(previous.bytes);
    if (error != 0) {
        free(text.bytes);
        return error;
    }
    *entries = text.bytes;
    *size = text.size;
    return 0;
}

void rfp_environ_free(char *entries)
{
    free(entries);
}
