/* Reading and walking, inside. */
#ifndef RFP_IO_IO_H
#define RFP_IO_IO_H

#include <stdatomic.h>
#include <stdbool.h>
#include <sys/types.h>

#include "reprofp.h"

enum {
    /* Read this much, then hash it: it stays in the second-level cache. A complete subtree. */
    RFP_PIECE_BYTES = 256 * 1024,
    /* Larger files are shared out among threads in segments. A complete subtree. */
    RFP_SEGMENT_BYTES = 1024 * 1024,
};

/* ---- arena.c ---- */

/* Memory for much, in large pages, which save thousands of page faults; give it back by free. */
void *rfp_allocate(size_t bytes);

/* ---- progress.c ---- */

void rfp_progress_count(rfp_progress *progress, uint64_t files, uint64_t bytes);
void rfp_progress_found(rfp_progress *progress, uint64_t files);
void rfp_progress_found_bytes(rfp_progress *progress, uint64_t bytes);
bool rfp_progress_cancelled(const rfp_progress *progress);

/* ---- read.c ---- */

rfp_status rfp_status_of_errno(int error);

/* Read up to `bytes` bytes at an offset, through interruptions, until they are there or the file
 * ends. Returns how many, or -1 with errno. */
ssize_t rfp_read_at(int fd, void *buffer, size_t bytes, uint64_t offset);

/* Read what one call gives from the beginning of a file that was opened just now. */
ssize_t rfp_read_at_once(int fd, void *buffer, size_t bytes);

/* Open for reading: never a controlling terminal, never blocking, closed on exec. */
int rfp_open_at(int folder, const char *name, int more_flags);

/* Open a folder below another by a path of any length; "" is that folder itself. */
int rfp_open_folder(int root, const char *path, int more_flags);

/* The digest and length of a file of any size, to its end, by the calling thread. */
rfp_status rfp_stream_hash(int fd, uint8_t *piece, rfp_progress *progress, uint64_t *bytes,
                           uint8_t digest[RFP_DIGEST_BYTES]);

/* ---- stamp.c ---- */

/* rfp_stamp_take and rfp_stamp_check, for folders: a name that comes or goes changes the stamp. Read
 * does not wait. */
rfp_status rfp_stamp_take_folder(int fd, rfp_stamp *stamp);
rfp_status rfp_stamp_read_folder(int fd, rfp_stamp *stamp);
rfp_status rfp_stamp_check_folder(int fd, const rfp_stamp *stamp);

/* Take the stamp that the cache knows files by: with the time of birth, and without waiting. Of what a
 * name in a folder leads to (AT_SYMLINK_NOFOLLOW in `flags`: of the name itself), or of an open file
 * (name "", flags AT_EMPTY_PATH). RFP_ERR_KIND for anything but a regular file. */
rfp_status rfp_stamp_read_at(int folder, const char *name, int flags, rfp_stamp *stamp);

/* The stamp as it is now, without waiting and without the time of birth. */
rfp_status rfp_stamp_read(int fd, rfp_stamp *stamp);

/* ---- since.c ---- */

/* A moment; one thread's. */
typedef struct rfp_since {
    int64_t before_ns; /* what changed before this did not change since */
    int timer;         /* tells when the clock is set; -1: cannot be told */
    uint64_t device;   /* of the folder asked for last */
    bool is_local;     /* that its times come from this kernel's clock */
} rfp_since;

void rfp_since_begin(rfp_since *since);
void rfp_since_end(rfp_since *since);

/* Whether one look after reading can do for files of an open folder on a device. */
bool rfp_since_serves(rfp_since *since, int folder, uint64_t device);

/* Whether a file of that folder did not change since the moment, by its stamp; true only as long as
 * rfp_since_holds, which is to be asked afterwards. */
bool rfp_since_unchanged(const rfp_since *since, const rfp_stamp *stamp);

/* Whether the clock was not set since the moment. */
bool rfp_since_holds(const rfp_since *since);

/* ---- cache.c ---- */

/* A file will be asked for soon, by the inode that its folder names: have what is known of it at hand.
 * False: nothing was known of it when the cache was opened. */
bool rfp_cache_expect(const rfp_cache *cache, uint64_t device, uint64_t inode);

/* Whether something may have been learned of that file since the cache was opened. */
bool rfp_cache_may_have_learned(const rfp_cache *cache, uint64_t device, uint64_t inode);

/* Whether the cache knows the digest of a file with that stamp (born_ns included). */
bool rfp_cache_find(const rfp_cache *cache, const rfp_stamp *stamp, uint8_t digest[RFP_DIGEST_BYTES]);

/* ---- team.c ---- */

/* A team of threads at one work: the calling thread and its helpers. */
typedef struct rfp_team rfp_team;

/* What each of them does until nothing is left to do; team is NULL in the calling thread. It must be
 * right with any number of threads: where one cannot be had, fewer do it. */
typedef void rfp_work(void *context, rfp_team *team);

/* Run work with so many helpers and wait for all; the calling thread works, too: at the same time or,
 * if it waits, at what helpers left. */
void rfp_team_lead(unsigned helpers, bool waits, rfp_work *work, void *context);

/* Run work(context) on so many threads, the calling one included, and wait for all. */
void rfp_team_run(unsigned threads, void (*work)(void *context), void *context);

/* More helpers, asked for by one. Returns how many. */
unsigned rfp_team_grow(rfp_team *team, unsigned helpers);

/* In a helper: take a table of descriptors of its own, which holds a folder of the caller's and nothing
 * else: so threads do not wait for one another to open and close, and a range of descriptors can be
 * closed at once. False where the system has no such tables: nothing changed then. `folder` becomes the
 * folder's descriptor there, or -1 where it is lost: then the helper must not work. `caller` is the
 * calling thread's id. */
bool rfp_team_own_descriptors(pid_t caller, int *folder);

/* ---- readers.c ---- */

/* How many threads read at once. */
typedef struct rfp_readers {
    _Atomic unsigned now;
    unsigned wanted; /* while they do not wait */
    unsigned most;   /* while they wait for the disk */
} rfp_readers;

/* `device` is where most of what is to be read lies. */
void rfp_readers_init(rfp_readers *readers, unsigned threads, uint64_t device);

/* How often the calling thread waited so far. */
long rfp_readers_waits(void);

/* After a piece of work, by a helper: more readers if it had to wait for the disk. False: there are
 * enough, and the caller shall leave. */
bool rfp_readers_adapt(rfp_readers *readers, rfp_team *team, bool waited);

/* ---- segments.c ---- */

/* A run of bytes of an open file to hash, whose length is known. */
typedef struct rfp_source {
    int fd;
    uint64_t offset;
    uint64_t bytes;
    bool sparse;                      /* it has holes, and nobody minds where its offset is */
    uint8_t digest[RFP_DIGEST_BYTES]; /* result */
} rfp_source;

/* Where the sources come from and where they go. `open` fills the source of an index, `done` gets it
 * back with the outcome, errno set. Of one index, done comes after open and only if that was RFP_OK.
 * open is called under a lock, one index after the other; done by any thread. */
typedef struct rfp_supply {
    size_t count;
    void *context;
    rfp_status (*open)(void *context, size_t index, rfp_source *source);
    void (*done)(void *context, size_t index, const rfp_source *source, rfp_status status);
} rfp_supply;

/* Whether an open file occupies less of the disk than its length. */
bool rfp_file_is_sparse(int fd);

/* Hash all sources with several threads, segment by segment. */
rfp_status rfp_segments_hash(const rfp_supply *supply, unsigned threads, rfp_progress *progress);

#endif
