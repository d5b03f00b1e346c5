/* The two ends of bench/daemon/sockets.py, so that the daemon is all that is Python in it.
 *
 *     load echo SOCKET BYTES                 answer every frame with a frame of BYTES bytes (epoll, one thread)
 *     load ask SOCKET CLIENTS SECONDS FILE   send the frames of FILE in turn from CLIENTS connections, each waiting for
 *                                            its reply; with SECONDS 0, each frame once. Prints
 *                                            requests, seconds, p50, p99 and the largest latency in microseconds
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

enum { HEADER = 4, EVENTS = 256, MAX_CLIENTS = 4096, MOST = 4 << 20, CHUNK = 1 << 16 };

typedef struct {
    int channel;
    uint8_t header[HEADER];
    uint64_t seen; /* bytes of the frame that is coming in */
    const uint8_t *out;
    uint64_t left; /* bytes that are still to be sent */
    double began;
} Client;

static uint8_t buffer[CHUNK];
static Client clients[MAX_CLIENTS];

static void fail(const char *what)
{
    perror(what);
    exit(3);
}

static double now(void)
{
    struct timespec moment;
    clock_gettime(CLOCK_MONOTONIC, &moment);
    return (double)moment.tv_sec + (double)moment.tv_nsec / 1e9;
}

static uint64_t read_length(const uint8_t *header)
{
    return (uint64_t)header[0] << 24 | (uint64_t)header[1] << 16 | (uint64_t)header[2] << 8 | header[3];
}

static void watch(int events, Client *client, int operation)
{
    uint32_t wanted = client->left > 0 ? EPOLLIN | EPOLLOUT : EPOLLIN;
    struct epoll_event event = {.events = wanted, .data.ptr = client};
    if (epoll_ctl(events, operation, client->channel, &event) != 0) {
        fail("epoll_ctl");
    }
}

static void send_some(int events, Client *client)
{
    while (client->left > 0) {
        ssize_t count = send(client->channel, client->out, client->left, MSG_NOSIGNAL);
        if (count < 0 && (errno == EAGAIN || errno == EINTR)) {
            break;
        }
        if (count <= 0) {
            fail("send");
        }
        client->out += count;
        client->left -= (uint64_t)count;
    }
    watch(events, client, EPOLL_CTL_MOD);
}

/* Take what came; the number of frames that became whole, or -1 at the end. */
static int receive(Client *client)
{
    int frames = 0;
    ssize_t count = recv(client->channel, buffer, sizeof buffer, 0);
    if (count <= 0) {
        return count < 0 && (errno == EAGAIN || errno == EINTR) ? 0 : -1;
    }
    for (ssize_t at = 0; at < count;) {
        if (client->seen < HEADER) {
            client->header[client->seen++] = buffer[at++];
        } else {
            uint64_t wanted = HEADER + read_length(client->header) - client->seen;
            uint64_t here = (uint64_t)(count - at) < wanted ? (uint64_t)(count - at) : wanted;
            client->seen += here;
            at += (ssize_t)here;
        }
        if (client->seen >= HEADER && client->seen == HEADER + read_length(client->header)) {
            client->seen = 0;
            frames++;
        }
    }
    return frames;
}

static struct sockaddr_un name(const char *path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    strncpy(address.sun_path, path, sizeof address.sun_path - 1);
    return address;
}

static int echo(const char *path, uint64_t bytes)
{
    struct sockaddr_un address = name(path);
    int listener = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0);
    static int spare[MAX_CLIENTS];
    int events = epoll_create1(0), used = 1, spares = 0;
    uint8_t *reply = calloc(1, bytes + HEADER);
    if (reply == NULL || bind(listener, (struct sockaddr *)&address, sizeof address) != 0 ||
        listen(listener, 4096) != 0) {
        fail("listen");
    }
    for (int i = 0; i < HEADER; i++) {
        reply[i] = (uint8_t)(bytes >> (24 - 8 * i));
    }
    clients[0].channel = listener;
    watch(events, &clients[0], EPOLL_CTL_ADD);
    puts("ready");
    fflush(stdout);
    for (;;) {
        struct epoll_event ready[EVENTS];
        int count = epoll_wait(events, ready, EVENTS, -1);
        for (int i = 0; i < count; i++) {
            Client *client = ready[i].data.ptr;
            if (client->channel == listener) {
                int channel = accept4(listener, NULL, NULL, SOCK_NONBLOCK);
                if (channel >= 0 && (spares > 0 || used < MAX_CLIENTS)) {
                    int at = spares > 0 ? spare[--spares] : used++;
                    clients[at] = (Client){.channel = channel};
                    watch(events, &clients[at], EPOLL_CTL_ADD);
                }
                continue;
            }
            int frames = ready[i].events & EPOLLIN ? receive(client) : 0;
            if (frames < 0) {
                close(client->channel);
                spare[spares++] = (int)(client - clients);
                continue;
            }
            if (frames > 0) {
                client->out = reply;
                client->left = bytes + HEADER;
            }
            if (frames > 0 || client->left > 0) {
                send_some(events, client);
            }
        }
    }
}

static int compare(const void *a, const void *b)
{
    float x = *(const float *)a, y = *(const float *)b;
    return (x > y) - (x < y);
}

static const uint8_t *frames_begin, *frames_end, *frames_at;

static int give(int events, Client *client, int once)
{
    if (frames_at == frames_end) {
        if (once) {
            return 0;
        }
        frames_at = frames_begin;
    }
    client->out = frames_at;
    client->left = HEADER + read_length(frames_at);
    frames_at += client->left;
    client->began = now();
    send_some(events, client);
    return 1;
}

static int ask(const char *path, int count, double seconds, const char *file)
{
    struct sockaddr_un address = name(path);
    struct stat status;
    int input = open(file, O_RDONLY), events = epoll_create1(0), busy = 0;
    if (input < 0 || fstat(input, &status) != 0) {
        fail(file);
    }
    uint8_t *data = malloc((size_t)status.st_size);
    float *latencies = malloc(MOST * sizeof *latencies);
    if (data == NULL || latencies == NULL || read(input, data, (size_t)status.st_size) != status.st_size) {
        fail(file);
    }
    frames_begin = frames_at = data;
    frames_end = data + status.st_size;
    for (int i = 0; i < count; i++) {
        clients[i].channel = socket(AF_UNIX, SOCK_STREAM, 0);
        if (connect(clients[i].channel, (struct sockaddr *)&address, sizeof address) != 0) {
            fail("connect");
        }
        fcntl(clients[i].channel, F_SETFL, O_NONBLOCK);
        watch(events, &clients[i], EPOLL_CTL_ADD);
    }
    double began = now(), ends = began + seconds;
    size_t done = 0;
    for (int i = 0; i < count; i++) {
        busy += give(events, &clients[i], seconds == 0);
    }
    while (busy > 0) {
        struct epoll_event ready[EVENTS];
        int waiting = epoll_wait(events, ready, EVENTS, -1);
        for (int i = 0; i < waiting; i++) {
            Client *client = ready[i].data.ptr;
            if (client->left > 0) {
                send_some(events, client);
            }
            int frames = ready[i].events & EPOLLIN ? receive(client) : 0;
            if (frames < 0) {
                fail("the server closed a connection");
            }
            if (frames > 0) {
                latencies[done++] = (float)(now() - client->began);
                int more = done < MOST && (seconds == 0 || now() < ends);
                busy -= !(more && give(events, client, seconds == 0));
            }
        }
    }
    double spent = now() - began;
    qsort(latencies, done, sizeof *latencies, compare);
    printf("%zu %.6f %.1f %.1f %.1f\n", done, spent, 1e6 * (double)latencies[done / 2],
           1e6 * (double)latencies[done * 99 / 100], 1e6 * (double)latencies[done - 1]);
    return 0;
}

int main(int count, char **words)
{
    if (count == 4 && strcmp(words[1], "echo") == 0) {
        return echo(words[2], strtoull(words[3], NULL, 10));
    }
    if (count == 6 && strcmp(words[1], "ask") == 0 && atoi(words[3]) <= MAX_CLIENTS) {
        return ask(words[2], atoi(words[3]), atof(words[4]), words[5]);
    }
    fputs("usage: load echo SOCKET BYTES | load ask SOCKET CLIENTS SECONDS FILE\n", stderr);
    return 3;
}
