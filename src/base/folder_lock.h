/* The lock of a folder that one process at a time may write to: a file in it, "run.lock", that
 * names the holder. The kernel releases the lock when the holder ends, however it ends
 * (base/file_lock.h); the file of a killed holder stays, and the next holder takes it over.
 *
 * If the file system has no locks, the file itself is the lock: it is created with O_EXCL, and its
 * time is renewed every few seconds by a thread. It counts as left over if its holder was a process
 * of this machine that is no longer there, or one of another machine and its time has not been
 * renewed for FOLDER_LOCK_STALE seconds by the clock of the file system. Not collective. */
#ifndef TRAINER_BASE_FOLDER_LOCK_H
#define TRAINER_BASE_FOLDER_LOCK_H

#include <stdbool.h>

#include "base/error.h"
#include "base/text.h"

#define FOLDER_LOCK_NAME "run.lock"
#define FOLDER_LOCK_STALE 120 /* seconds */

struct FolderLock;

/* Takes the lock of `folder`, which exists. If another process holds it, tries again for `patience`
 * seconds, unless must_leave(context) says otherwise: a process that was killed may take a moment
 * to end. must_leave may be NULL. ERROR_SYSTEM: "FOLDER: is in use by process 4711 on node17 since
 * 2026-11-28 13:40:12 +0000", with ADVICE_OTHER_FOLDER. */
int folder_lock_take(struct FolderLock **lock, const char *folder, double patience,
                     bool (*must_leave)(void *context), void *context, struct Error *error);
/* Does another process hold the lock of `folder`, which may lack? `holder` gets its name: "process
 * 4711 on node17 since …". False if the file system has no locks. */
bool folder_lock_find(const char *folder, struct Text *holder);
/* Is the lock still this process's? It is not if somebody removed the file. Then takes it again, if
 * nobody else has it by now. ERROR_SYSTEM. */
int folder_lock_check(struct FolderLock *lock, struct Error *error);
/* Did the last check find that another process holds it? */
bool folder_lock_is_lost(const struct FolderLock *lock);
/* Removes the file and releases the lock; NULL is allowed. */
void folder_lock_release(struct FolderLock *lock);

#endif
