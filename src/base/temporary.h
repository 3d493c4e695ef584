/* Temporary files: everything that the program writes stands under a temporary name in its own
 * folder until a rename gives it its name. The name is "PATH.tmp-trainer-" and 16 random
 * hexadecimal digits, so nobody can plant a file or a link under it. The writer holds a lock on the
 * file (base/file_lock.h); so a process that gets that lock knows that the writer is dead. Not
 * collective. */
#ifndef TRAINER_BASE_TEMPORARY_H
#define TRAINER_BASE_TEMPORARY_H

#include <stdbool.h>

#include "base/error.h"

/* Creates a temporary file in the folder of `path`, under a name that no file or link had, and
 * locks it until its last descriptor is closed. Returns its descriptor, for reading and writing,
 * and the name, which the caller releases; or −1 with errno set and a name of NULL. First it
 * removes what dead writers left in that folder. If the file system has no locks, nothing there is
 * removed. */
int create_temporary(const char *path, char **name);
/* As create_temporary, but makes a symbolic link to `target`, which has no lock. Returns 0, or −1
 * and errno. Removes nothing. */
int create_temporary_link(const char *target, const char *path, char **name);

/* Gives the temporary file or link `name` the name `path`, in the place of what is there.
 * ERROR_SYSTEM, also if a folder, a device or a pipe is there, or a link leads to one of the
 * latter; the temporary one stays. */
int temporary_publish(const char *name, const char *path, struct Error *error);

/* Removes, from a folder whose other writers the caller excludes by a lock of its own, temporary
 * files and links to files whose names `is_own` accepts: also links, and files where there are no
 * locks, and those of earlier versions, "NAME.tmp-PID-N" and "NAME.tmp-link". A file whose lock is
 * held stays. */
void remove_temporaries(const char *folder, bool (*is_own)(const char *name));

#endif
