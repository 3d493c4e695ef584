#include "base/folder_lock.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file_lock.h"
#include "base/holder.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/temporary.h"
#include "base/thread.h"

#define POLL 0.1     /* seconds between two attempts */
#define UNSTEADY 5.0 /* seconds of further attempts while the file changes at each of them */
#define RENEW 15     /* seconds between two renewals of the file's time */

struct FolderLock {
    char *folder, *path;
    int fd;              /* −1: not held */
    bool held_elsewhere; /* another process holds it */
    struct Holder other; /* that process; its number is 0 if it is not known */
    /* The thread that renews the file's time if the file system has no locks. */
    bool renewing;
    pthread_t thread;
    pthread_mutex_t mutex;
    pthread_cond_t stop; /* signalled after `renewing` has become false */
};

/* How an attempt ends. CHANGED: the file was replaced or removed during the attempt. */
enum Attempt { TAKEN, HELD, CHANGED, FAILED };

/* ---- Without locks ---- */

static void *renew(void *argument) {
    struct FolderLock *lock = argument;
    pthread_mutex_lock(&lock->mutex);
    while (lock->renewing) {
        struct timespec until;
        futimens(lock->fd, NULL); /* if it fails, the file looks left over, which is correct */
        clock_gettime(CLOCK_REALTIME, &until);
        until.tv_sec += RENEW;
        pthread_cond_timedwait(&lock->stop, &lock->mutex, &until);
    }
    pthread_mutex_unlock(&lock->mutex);
    return NULL;
}

static void start_renewing(struct FolderLock *lock) {
    lock->renewing = true;
    if (!thread_start(&lock->thread, renew, lock)) {
        lock->renewing = false;
        log_warning("%s: its time cannot be renewed, so another machine may take the folder for "
                    "left over after %d seconds",
                    lock->path, FOLDER_LOCK_STALE);
    }
}

static void stop_renewing(struct FolderLock *lock) {
    if (!lock->renewing)
        return;
    pthread_mutex_lock(&lock->mutex);
    lock->renewing = false;
    pthread_cond_signal(&lock->stop);
    pthread_mutex_unlock(&lock->mutex);
    pthread_join(lock->thread, NULL);
}

/* Seconds since the file was last renewed; 0 if that cannot be determined. The present time is that
 * of a new file, so that both times come from the clock of the file system. */
static double age(const struct FolderLock *lock, int fd) {
    struct stat then, now;
    char *name;
    int fresh = create_temporary(lock->path, &name);
    double seconds = 0;
    if (fresh < 0)
        return 0;
    if (fstat(fresh, &now) == 0 && fstat(fd, &then) == 0)
        seconds = (double)(now.st_mtim.tv_sec - then.st_mtim.tv_sec);
    unlink(name);
    close(fresh);
    memory_release(name);
    return seconds;
}

/* Whether the file `fd`, whose holder is lock->other, is left over. If the holder is this process
 * itself, it held the file earlier and has lost it. */
static bool is_left_over(const struct FolderLock *lock, int fd) {
    const struct Holder *holder = &lock->other;
    if (holder->process && holder__is_near(holder))
        return !holder__runs(holder) || holder->process == (long)getpid();
    /* A file that names no holder may have just been created, so its age decides. A file that is
     * not renewed belongs to a holder that has a lock. */
    return (!holder->process || holder->renews) && age(lock, fd) > FOLDER_LOCK_STALE;
}

/* Replaces the left-over file, which is open as *fd, by a new one. */
static enum Attempt replace(const struct FolderLock *lock, int *fd) {
    char *name;
    int fresh = create_temporary(lock->path, &name);
    if (fresh < 0)
        return HELD;
    bool replaced = rename(name, lock->path) == 0;
    if (!replaced)
        unlink(name);
    int unneeded = replaced ? *fd : fresh;
    if (replaced)
        *fd = fresh;
    close(unneeded);
    memory_release(name);
    return replaced ? TAKEN : HELD;
}

/* Several processes may find the same file left over. Only the one that creates the claim file may
 * replace it, after it has checked again, because the file may have changed since. */
static enum Attempt take_over(const struct FolderLock *lock, int *fd) {
    char *path = memory_print("%s.claim", lock->path);
    int claim = open(path, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0666);
    bool mine = claim >= 0;
    enum Attempt result = HELD;
    if (mine)
        result = file_lock_is_at(*fd, lock->path) && is_left_over(lock, *fd) ? replace(lock, fd)
                                                                             : CHANGED;
    else
        claim = open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    /* The claim of another process exists only for a moment, unless that process was killed. */
    if (claim >= 0 && (mine || age(lock, claim) > FOLDER_LOCK_STALE))
        unlink(path);
    if (claim >= 0)
        close(claim);
    memory_release(path);
    return result;
}

static enum Attempt attempt_without(struct FolderLock *lock, int *fd, bool created) {
    if (created)
        return TAKEN;
    return is_left_over(lock, *fd) ? take_over(lock, fd) : HELD;
}

/* ---- With locks ---- */

static void read_other(struct FolderLock *lock, int fd) {
    char text[HOLDER_TEXT] = "";
    ssize_t length = pread(fd, text, sizeof text - 1, 0);
    if (length <= 0 || !holder__read(&lock->other, text))
        lock->other = (struct Holder){0};
}

static enum Attempt attempt_on(struct FolderLock *lock, int *fd, bool created, bool *renews) {
    bool locked = file_lock_take(*fd) == 0;
    *renews = !locked && errno != EAGAIN;
    if (!created)
        read_other(lock, *fd);
    if (!file_lock_is_at(*fd, lock->path))
        return CHANGED;
    if (*renews || (locked && !created && lock->other.renews))
        return attempt_without(lock, fd, created);
    return locked ? TAKEN : HELD;
}

static int say_holder(int fd, bool renews) {
    char text[HOLDER_TEXT];
    struct Holder self = holder__self();
    self.renews = renews;
    size_t length = strlen(holder__write(&self, text));
    return ftruncate(fd, 0) || pwrite(fd, text, length, 0) != (ssize_t)length ? -1 : 0;
}

static enum Attempt attempt(struct FolderLock *lock, struct Error *error) {
    bool renews;
    int flags = O_RDWR | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC;
    int fd = open(lock->path, flags | O_CREAT | O_EXCL, 0666);
    bool created = fd >= 0;
    if (fd < 0 && errno == EEXIST) {
        fd = open(lock->path, flags);
        if (fd < 0 && errno == ENOENT)
            return CHANGED;
    }
    if (fd < 0 && (errno == ELOOP || errno == EISDIR)) {
        fail(error, ERROR_SYSTEM, "%s: is %s, expected the file of a lock; remove it", lock->path,
             errno == ELOOP ? "a link" : "a folder");
        return FAILED;
    }
    if (fd < 0) {
        fail_errno(error, "%s: cannot be written", lock->path);
        return FAILED;
    }
    enum Attempt result = attempt_on(lock, &fd, created, &renews);
    if (result != TAKEN) {
        close(fd);
        return result;
    }
    lock->fd = fd;
    if (say_holder(fd, renews))
        log_warning("%s: cannot say who holds it: %s", lock->path, strerror(errno));
    if (renews)
        start_renewing(lock);
    return TAKEN;
}

/* ---- Both ---- */

static int refuse(const struct FolderLock *lock, struct Error *error) {
    const struct Holder *other = &lock->other;
    if (other->process)
        fail(error, ERROR_SYSTEM, "%s: is in use by process %ld on %s since %s", lock->folder,
             other->process, other->host, other->since);
    else
        fail(error, ERROR_SYSTEM, "%s: is in use by another process", lock->folder);
    if (other->renews && !holder__is_near(other))
        error_append(error,
                     "; if that process is dead, the folder is free %d seconds after its end",
                     FOLDER_LOCK_STALE);
    return error_advise(error, ADVICE_OTHER_FOLDER, lock->folder, NULL, 0);
}

static int take(struct FolderLock *lock, double patience, bool (*must_leave)(void *context),
                void *context, struct Error *error) {
    double start = clock_seconds();
    for (;;) {
        enum Attempt result = attempt(lock, error);
        lock->held_elsewhere = result == HELD;
        double waited = clock_seconds() - start;
        if (result == TAKEN && waited > POLL)
            log_info("%s: was in use for another %.1f seconds", lock->folder, waited);
        if (result == TAKEN)
            return OK;
        if (result == FAILED)
            return error->code;
        if (waited >= patience + (result == CHANGED ? UNSTEADY : 0) ||
            (must_leave && must_leave(context)))
            return refuse(lock, error);
        nanosleep(&(struct timespec){.tv_nsec = (long)(POLL * 1e9)}, NULL);
    }
}

bool folder_lock_find(const char *folder, struct Text *holder) {
    char *path = memory_print("%s/" FOLDER_LOCK_NAME, folder);
    struct FolderLock lock = {.path = path};
    int fd = open(path, O_RDWR | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    bool held = fd >= 0 && file_lock_take(fd) && errno == EAGAIN;
    if (held) {
        read_other(&lock, fd);
        text_add(holder, "process %ld on %s since %s", lock.other.process, lock.other.host,
                 lock.other.since);
    }
    if (fd >= 0)
        close(fd);
    memory_release(path);
    return held;
}

int folder_lock_take(struct FolderLock **out, const char *folder, double patience,
                     bool (*must_leave)(void *context), void *context, struct Error *error) {
    struct FolderLock *lock = memory_array(struct FolderLock, 1, "a folder's lock");
    lock->folder = memory_copy_text(folder);
    lock->path = memory_print("%s/" FOLDER_LOCK_NAME, folder);
    lock->fd = -1;
    pthread_mutex_init(&lock->mutex, NULL);
    pthread_cond_init(&lock->stop, NULL);
    int code = take(lock, patience, must_leave, context, error);
    if (code) {
        folder_lock_release(lock);
        lock = NULL;
    }
    *out = lock;
    return code;
}

static void let_go(struct FolderLock *lock) {
    stop_renewing(lock);
    if (lock->fd >= 0)
        close(lock->fd);
    lock->fd = -1;
}

int folder_lock_check(struct FolderLock *lock, struct Error *error) {
    if (lock->fd >= 0 && file_lock_is_at(lock->fd, lock->path))
        return OK;
    let_go(lock);
    return take(lock, 0, NULL, NULL, error);
}

bool folder_lock_is_lost(const struct FolderLock *lock) {
    return lock->held_elsewhere;
}

void folder_lock_release(struct FolderLock *lock) {
    if (!lock)
        return;
    if (lock->fd >= 0 && file_lock_is_at(lock->fd, lock->path))
        unlink(lock->path);
    let_go(lock);
    pthread_cond_destroy(&lock->stop);
    pthread_mutex_destroy(&lock->mutex);
    memory_release(lock->folder);
    memory_release(lock->path);
    memory_release(lock);
}
