/* The lock of a folder that one process at a time may write to. It is a lock (base/file_lock.h) on
 * a file in the folder, "run.lock", which names the holder. If the holder is killed, the kernel
 * releases the lock; the file stays, and the next holder takes it over.
 *
 * If the file system has no locks, the file itself is the lock: it is created with O_EXCL, and a
 * thread renews its modification time. Another process may take it over if the holder is a process
 * of the same machine that has ended, or if the holder is on another machine and the time has not
 * been renewed for FOLDER_LOCK_STALE seconds by the clock of the file system. Not collective. */
#ifndef TRAINER_BASE_FOLDER_LOCK_H
#define TRAINER_BASE_FOLDER_LOCK_H

#include <stdbool.h>

#include "base/error.h"
#include "base/text.h"

#define FOLDER_LOCK_NAME "run.lock"
#define FOLDER_LOCK_STALE 120 /* seconds */

struct FolderLock;

/* Takes the lock of `folder`, which must exist. If another process holds it, tries again for
 * `patience` seconds, because a process that was killed may need a moment to end; gives up earlier
 * if must_leave(context) is true. must_leave may be NULL. The caller releases *lock, which is NULL
 * after a failure. ERROR_SYSTEM: "FOLDER: is in use by process 4711 on node17 since 2026-11-28
 * 13:40:12 +0000", with ADVICE_OTHER_FOLDER. */
int folder_lock_take(struct FolderLock **lock, const char *folder, double patience,
                     bool (*must_leave)(void *context), void *context, struct Error *error);
/* Whether another process holds the lock of `folder`, which need not exist. If so, adds its name to
 * `holder`: "process 4711 on node17 since …". False if the file system has no locks. */
bool folder_lock_find(const char *folder, struct Text *holder);
/* Checks that this process still holds the lock: it does not if somebody removed the file. In that
 * case takes the lock again. ERROR_SYSTEM if another process has it by now. */
int folder_lock_check(struct FolderLock *lock, struct Error *error);
/* Whether the last check found that another process holds the lock. */
bool folder_lock_is_lost(const struct FolderLock *lock);
/* Removes the file and releases the lock; NULL is allowed. */
void folder_lock_release(struct FolderLock *lock);

#endif
