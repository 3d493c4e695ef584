/* Temporary files. The program writes a file under a temporary name in the same folder, and then
 * renames it. The name is "PATH.tmp-trainer-" and 16 random hexadecimal digits, so nobody can
 * create a file or a link of that name in advance. The writer holds a lock on the file
 * (base/file_lock.h); a process that gets that lock knows that the writer is dead. Not
 * collective. */
#ifndef TRAINER_BASE_TEMPORARY_H
#define TRAINER_BASE_TEMPORARY_H

#include <stdbool.h>

#include "base/error.h"

/* Creates a temporary file in the folder of `path` and locks it until its last descriptor is
 * closed. Returns its descriptor, for reading and writing, and in *name its name, which the caller
 * releases; or −1 with errno set and *name NULL. First removes the temporary files of dead writers
 * from that folder; it removes nothing if the file system has no locks. */
int create_temporary(const char *path, char **name);
/* As create_temporary, but creates a symbolic link to `target`, which has no lock. Returns 0, or −1
 * with errno set. Removes nothing. */
int create_temporary_link(const char *target, const char *path, char **name);

/* Renames the temporary file or link `name` to `path`, and so replaces a file of that name.
 * ERROR_SYSTEM, also if `path` is a folder, a device, a pipe, or a link to a device or pipe; then
 * the temporary file stays. */
int temporary_publish(const char *name, const char *path, struct Error *error);

/* Removes the temporary files and links of those names that `is_own` accepts. The caller holds a
 * lock that excludes other writers of the folder; so links, files on file systems without locks,
 * and the names of earlier versions, "NAME.tmp-PID-N" and "NAME.tmp-link", are removed, too. A file
 * whose lock is held stays. */
void remove_temporaries(const char *folder, bool (*is_own)(const char *name));

#endif
