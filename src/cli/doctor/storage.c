/* Checks the folder of the run, and the memory that the ranks of a node share. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "base/file_lock.h"
#include "base/folder_lock.h"
#include "base/memory.h"
#include "base/text.h"
#include "cli/doctor/doctor.h"
#include "comm/exchange.h"

#define SHARED_FOLDER "/dev/shm"

/* The bytes that are free for this user; −1 if that is not known. */
static double free_bytes(const char *folder) {
    struct statvfs disk;
    return statvfs(folder, &disk) ? -1 : (double)disk.f_bavail * (double)disk.f_frsize;
}

/* The path of the folder, or of its nearest parent that exists. The caller releases it. */
static char *existing(const char *folder) {
    char *path = memory_copy_text(folder);
    while (access(path, F_OK)) {
        char *slash = strrchr(path, '/');
        if (!slash || slash == path) {
            memory_release(path);
            return memory_copy_text(slash ? "/" : ".");
        }
        *slash = '\0';
    }
    return path;
}

/* ---- /dev/shm ---- */

static int64_t most_ranks_of_a_node(struct Ranks *ranks) {
    int64_t most = 0;
    for (int of = 0; of < ranks_size(ranks); of++) {
        int64_t count = 0;
        for (int rank = 0; rank < ranks_size(ranks); rank++)
            count += ranks_node(ranks, rank) == ranks_node(ranks, of);
        most = count > most ? count : most;
    }
    return most;
}

void check_shared_memory(struct Doctor *doctor) {
    char room[32], need[32];
    struct Report *report = &doctor->report;
    int64_t here = most_ranks_of_a_node(doctor->ranks);
    int64_t least = (int64_t)free_bytes(SHARED_FOLDER);
    ranks_minimum(doctor->ranks, &least, 1);
    double needed = 0;
    if (here > 1 && doctor->tried)
        needed =
            (double)here * (double)exchange_memory(doctor->trial.shards, ranks_size(doctor->ranks),
                                                   doctor->trial.gradient_bytes / 4);
    text_bytes((double)least, room);
    text_bytes(needed, need);
    if (least < 0)
        report_add(report, VERDICT_NOTE, "shared memory",
                   "mount a tmpfs there, or use train.exchange=direct",
                   SHARED_FOLDER " is not there: ranks of a node cannot share a window");
    else if ((double)least < needed)
        report_add(report, VERDICT_PROBLEM, "shared memory",
                   "enlarge it (docker run --shm-size), or use train.exchange=direct",
                   "%s free in " SHARED_FOLDER ", the exchange may need %s", room, need);
    else if (least < 64 << 20)
        report_add(report, VERDICT_NOTE, "shared memory", "enlarge it (docker run --shm-size)",
                   "only %s free in " SHARED_FOLDER, room);
    else if (needed > 0)
        report_add(report, VERDICT_OK, "shared memory", NULL,
                   "%s free in " SHARED_FOLDER ", the exchange needs at most %s", room, need);
    else
        report_add(report, VERDICT_OK, "shared memory", NULL, "%s free in " SHARED_FOLDER, room);
}

/* ---- --out ---- */

void check_space(struct Doctor *doctor) {
    char room[32], one[32];
    struct Text holder = {0};
    struct Report *report = &doctor->report;
    char *folder = existing(doctor->folder);
    double bytes = free_bytes(folder), checkpoint = (double)doctor->trial.checkpoint_bytes;
    struct stat status;
    text_bytes(bytes, room);
    text_bytes(checkpoint, one);
    if (stat(folder, &status) || !S_ISDIR(status.st_mode))
        report_add(report, VERDICT_PROBLEM, "folder", "choose another --out", "%s: is not a folder",
                   folder);
    else if (folder_lock_find(doctor->folder, &holder))
        report_add(report, VERDICT_PROBLEM, "folder", "wait for its end, or choose another --out",
                   "%s: is in use by %s", folder, holder.data);
    else if (doctor->tried && bytes < 3 * checkpoint)
        report_add(report, VERDICT_PROBLEM, "folder", "free some, or choose another --out",
                   "%s: %s free, less than three checkpoints of %s", folder, room, one);
    else if (bytes < 1 << 30)
        report_add(report, VERDICT_NOTE, "folder", "free some, or choose another --out",
                   "%s: only %s free%s%s", folder, room,
                   doctor->tried ? ", a checkpoint takes " : "", doctor->tried ? one : "");
    else if (doctor->tried)
        report_add(report, VERDICT_OK, "folder", NULL, "%s: %s free, a checkpoint takes %s", folder,
                   room, one);
    else
        report_add(report, VERDICT_OK, "folder", NULL, "%s: %s free", folder, room);
    text_release(&holder);
    memory_release(folder);
}

/* The result of an attempt to lock a file that rank 0 has locked. */
enum LockFound { LOCK_HOLDS, LOCK_DOES_NOT_HOLD, LOCK_NOT_SEEN, LOCK_NONE };

static enum LockFound try_lock(const char *path) {
    int file = open(path, O_RDWR | O_CLOEXEC | O_NOFOLLOW);
    if (file < 0)
        return LOCK_NOT_SEEN;
    enum LockFound found = !file_lock_take(file)                ? LOCK_DOES_NOT_HOLD
                           : errno == EAGAIN || errno == EACCES ? LOCK_HOLDS
                                                                : LOCK_NONE;
    close(file);
    return found;
}

/* Reports the worst result of all ranks. */
static void report_locks(struct Doctor *doctor, const char *folder, const enum LockFound *found) {
    struct Report *report = &doctor->report;
    int worst = 0;
    for (int rank = 0; rank < ranks_size(doctor->ranks); rank++)
        if (found[rank] != LOCK_HOLDS && (found[worst] == LOCK_HOLDS || found[rank] < found[worst]))
            worst = rank;
    const char *host = ranks_host(doctor->ranks, worst);
    if (found[worst] == LOCK_HOLDS)
        report_add(report, VERDICT_OK, "locks", NULL, "%s: files can be locked%s", folder,
                   ranks_nodes(doctor->ranks) > 1 ? ", and all nodes see it" : "");
    else if (found[worst] == LOCK_NOT_SEEN)
        report_add(report, VERDICT_NOTE, "locks",
                   "a run that starts on another node later cannot go on from it; choose a folder "
                   "that all nodes share",
                   "%s is not the same folder on %s as on rank 0's host", folder, host);
    else
        report_add(report, VERDICT_NOTE, "locks",
                   "take care that no two runs write to one folder (Lustre: mount with -o flock)",
                   "%s: a lock does not keep out %s", folder,
                   found[worst] == LOCK_NONE ? "anybody: the file system has none" : host);
}

void check_locks(struct Doctor *doctor) {
    char *folder = existing(doctor->folder), path[4096] = "";
    int file = -1, size = ranks_size(doctor->ranks);
    if (ranks_rank(doctor->ranks) == 0) {
        char real[4096];
        snprintf(path, sizeof path, "%.4000s/.trainer-doctor-XXXXXX",
                 realpath(folder, real) ? real : folder);
        file = mkostemp(path, O_CLOEXEC);
    }
    int trouble = errno;
    int64_t made = file >= 0 ? 2 : 0; /* 2: locked, 1: there are no locks */
    if (made && file_lock_take(file))
        made = 1;
    ranks_broadcast(doctor->ranks, &made, sizeof made);
    ranks_broadcast(doctor->ranks, path, sizeof path);
    enum LockFound mine = made == 2 ? try_lock(path) : LOCK_NONE;
    enum LockFound *found = memory_array(enum LockFound, size, "findings");
    ranks_gather_all(doctor->ranks, &mine, sizeof mine, found);
    if (made)
        report_locks(doctor, folder, found);
    else
        report_add(&doctor->report, VERDICT_PROBLEM, "locks", "choose another --out",
                   "%s: no file can be made: %s", folder, strerror(trouble));
    if (file >= 0) {
        unlink(path);
        close(file);
    }
    memory_release(found);
    memory_release(folder);
}
