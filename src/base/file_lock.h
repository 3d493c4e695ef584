/* Locks on whole files: open file description locks (fcntl, F_OFD_SETLK). The kernel releases a
 * lock when its holder ends, however it ends. A lock belongs to a descriptor and its duplicates. It
 * excludes other processes, other descriptors of this process and, if the file system carries locks
 * between hosts (NFS and Lustre do, unless they are mounted without locks), processes of other
 * hosts. Not collective. */
#ifndef TRAINER_BASE_FILE_LOCK_H
#define TRAINER_BASE_FILE_LOCK_H

#include <stdbool.h>

/* Tries to lock a file that is open for writing; does not wait. Returns 0, or −1 with errno set:
 * EAGAIN if the lock is held elsewhere, another value if the file system has no locks. */
int file_lock_take(int fd);
void file_lock_release(int fd);

/* Whether `path` names the file that is open as `fd`. If `path` is a link, the link itself is
 * compared, not its target. */
bool file_lock_is_at(int fd, const char *path);

#endif
