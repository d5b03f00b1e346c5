/* What hashing must pay at least: open, read and close every file of a list, and hash nothing.
 *
 * cc -O3 -pthread read_pass.c -o read_pass; find DIR -type f -print0 | ./read_pass THREADS
 * `once` as a second argument reads once and prints nothing. Otherwise prints the wall and processor time in seconds of the second of two passes.
 */
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { BUFFER_BYTES = 256 * 1024, SHARE = 32, MOST_THREADS = 64 };

static char **paths;
static size_t count;
static _Atomic size_t next;
static _Atomic unsigned long checksum;

static unsigned long read_file(const char *path, char *buffer)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    unsigned long sum = 0;
    ssize_t got;

    if (fd < 0) {
        perror(path);
        exit(1);
    }
    do {
        got = read(fd, buffer, BUFFER_BYTES);
        for (ssize_t i = 0; i + 8 <= got; i += 64) /* touch each cache line */
            sum += (unsigned char)buffer[i];
    } while (got == BUFFER_BYTES);
    (void)close(fd);
    return sum;
}

static void *work(void *unused)
{
    char *buffer = malloc(BUFFER_BYTES);
    unsigned long sum = 0;

    for (size_t begin; buffer != NULL && (begin = atomic_fetch_add(&next, SHARE)) < count;)
        for (size_t i = begin; i < begin + SHARE && i < count; i++)
            sum += read_file(paths[i], buffer);
    atomic_fetch_add(&checksum, sum);
    free(buffer);
    return unused;
}

static void read_list(void)
{
    char *path = NULL;
    size_t room = 0;

    while (getdelim(&path, &room, '\0', stdin) > 0) {
        if ((count & (count - 1)) == 0)
            paths = realloc(paths, 2 * (count + 1) * sizeof *paths);
        paths[count++] = strdup(path);
    }
    free(path);
}

static double seconds(clockid_t clock)
{
    struct timespec now = {0, 0};

    (void)clock_gettime(clock, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

static void read_all(int helpers)
{
    pthread_t helper[MOST_THREADS];
    int started = 0;

    atomic_store(&next, 0);
    while (started < helpers && started < MOST_THREADS && pthread_create(&helper[started], NULL, work, NULL) == 0)
        started++;
    (void)work(NULL);
    while (started > 0)
        (void)pthread_join(helper[--started], NULL);
}

int main(int argc, char **argv)
{
    int helpers = argc > 1 ? (int)strtol(argv[1], NULL, 10) - 1 : 0;

    read_list();
    if (argc > 2) { /* once: for cold caches */
        read_all(helpers);
        return 0;
    }
    read_all(helpers);
    double wall = seconds(CLOCK_MONOTONIC);
    double processor = seconds(CLOCK_PROCESS_CPUTIME_ID);
    read_all(helpers);
    (void)printf("%.6f %.6f\n", seconds(CLOCK_MONOTONIC) - wall, seconds(CLOCK_PROCESS_CPUTIME_ID) - processor);
    return 0;
}
