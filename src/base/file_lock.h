/* Locks on whole files that the kernel releases when their holder ends, however it ends: open file
 * description locks (fcntl, F_OFD_SETLK). They belong to the descriptor and its duplicates, and
 * hold against other processes, other descriptors of this process, and, if the file system carries
 * locks between hosts (as NFS and Lustre do unless they are mounted without), against other hosts.
 * Not collective. */
#ifndef TRAINER_BASE_FILE_LOCK_H
#define TRAINER_BASE_FILE_LOCK_H

#include <stdbool.h>

/* Takes the lock of a file that is open for writing, without waiting. Returns 0, or −1 and errno:
 * EAGAIN if another holds it, anything else if the file system has no locks. */
int file_lock_take(int fd);
void file_lock_release(int fd);

/* Does `path` itself, not what a link there points at, lead to the file that is open as `fd`? */
bool file_lock_is_at(int fd, const char *path);

#endif
