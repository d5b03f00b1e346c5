#include "kmp.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define NAME_SIZE 64
#define VALUE_SIZE 128 /* "address-flag-file name": the address comes first */

int rfp_kmp_is(const rfp_mapped *object, void *handle)
{
    return rfp_mapped_symbol(object, handle, "__kmpc_fork_call") != 0;
}

/* Whether the registration's value tells of an address inside the object. */
static int tells_of(const char *value, const rfp_mapped *object)
{
    char *end = NULL;
    errno = 0;
    const unsigned long long address = strtoull(value, &end, 16);
    return errno == 0 && end != value && *end == '-' && address >= object->begin && address < object->end;
}

/* A file of another user in /tmp is no registration. */
static int is_ours(int file)
{
    struct stat status;
    return fstat(file, &status) == 0 && S_ISREG(status.st_mode) && status.st_uid == geteuid();
}

static int file_tells_of(const char *folder, const char *name, const rfp_mapped *object)
{
    char path[NAME_SIZE + 16];
    (void)snprintf(path, sizeof path, "%s/%s", folder, name);
    const int file = open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    if (file < 0) {
        return 0;
    }
    char value[VALUE_SIZE];
    const ssize_t size = is_ours(file) ? read(file, value, sizeof value - 1) : -1;
    (void)close(file);
    value[size > 0 ? size : 0] = '\0';
    return tells_of(value, object);
}

static int environment_tells_of(const char *name, const rfp_mapped *object)
{
    char *entries = NULL;
    size_t size = 0;
    if (rfp_environ_copy(&entries, &size) != 0) {
        return 0;
    }
    const size_t length = strlen(name);
    int found = 0;
    for (size_t at = 0; at < size && !found; at += strlen(entries + at) + 1) {
        const char *entry = entries + at;
        found = strncmp(entry, name, length) == 0 && entry[length] == '=' && tells_of(entry + length + 1, object);
    }
    rfp_environ_free(entries);
    return found;
}

int rfp_kmp_is_started(const rfp_mapped *object)
{
    char name[NAME_SIZE];
    (void)snprintf(name, sizeof name, "__KMP_REGISTERED_LIB_%d_%u", (int)getpid(), (unsigned)getuid());
    if (file_tells_of("/dev/shm", name, object) || file_tells_of("/tmp", name, object) ||
        environment_tells_of(name, object)) {
        return 1;
    }
    (void)snprintf(name, sizeof name, "__KMP_REGISTERED_LIB_%d", (int)getpid());
    return environment_tells_of(name, object);
}
