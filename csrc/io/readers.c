/* How many threads read at once.
 *
 * While what is read lies in memory, as many as may work. When threads wait for the disk, a request at
 * a time leaves it idle: then readers double, up to MOST_READERS, since those that wait take nobody's
 * processor; and they go as soon as they wait no more. A disk that has to move its head is read by one.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "io.h"

enum { MOST_READERS = 64 };

/* Whether a number in sysfs is there and not 0. */
static bool is_set(const char *path)
{
    FILE *file = fopen(path, "re");

    if (file == NULL)
        return false;
    int digit = getc(file);
    (void)fclose(file);
    return digit > '0' && digit <= '9';
}

/* Devices of virtual machines and loops claim to rotate, since nobody told them otherwise. */
static bool is_hardware(const char *block)
{
    char target[512];
    ssize_t length = readlink(block, target, sizeof target - 1);

    if (length <= 0)
        return false;
    target[length] = '\0';
    return strstr(target, "/virtual/") == NULL && strstr(target, "/virtio") == NULL && strstr(target, "/vbd") == NULL;
}

static bool rotates(uint64_t device)
{
    char block[64];
    char path[128];

    (void)snprintf(block, sizeof block, "/sys/dev/block/%u:%u", major(device), minor(device));
    if (!is_hardware(block))
        return false;
    (void)snprintf(path, sizeof path, "%s/queue/rotational", block);
    if (is_set(path))
        return true;
    (void)snprintf(path, sizeof path, "%s/../queue/rotational", block); /* of a partition: its disk's */
    return is_set(path);
}

void rfp_readers_init(rfp_readers *readers, unsigned threads, uint64_t device)
{
    readers->wanted = threads;
    readers->most = threads < MOST_READERS ? MOST_READERS : threads;
    if (threads == 1 || rotates(device))
        readers->most = 1;
    atomic_init(&readers->now, threads);
}

long rfp_readers_waits(void)
{
    struct rusage usage;

    return getrusage(RUSAGE_THREAD, &usage) == 0 ? usage.ru_nvcsw : 0;
}

/* Change the number, if it still is what it was. */
static bool change(rfp_readers *readers, unsigned from, unsigned to)
{
    return atomic_compare_exchange_strong(&readers->now, &from, to);
}

static void grow(rfp_readers *readers, rfp_team *team, unsigned now, unsigned most)
{
    unsigned to = 2 * now < most ? 2 * now : most;

    if (change(readers, now, to)) {
        unsigned missing = to - now - rfp_team_grow(team, to - now);
        (void)atomic_fetch_sub(&readers->now, missing);
    }
}

bool rfp_readers_adapt(rfp_readers *readers, rfp_team *team, bool waited)
{
    unsigned now = atomic_load(&readers->now);
    unsigned most = waited ? readers->most : readers->wanted;

    if (team == NULL)
        return true;
    if (now > most)
        return !change(readers, now, now - 1);
    if (now < most)
        grow(readers, team, now, most);
    return true;
}
