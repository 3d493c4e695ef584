/* Paths: their parts, and what they lead to. */
#ifndef TRAINER_BASE_PATH_H
#define TRAINER_BASE_PATH_H

#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"

/* The last name of a path, within it; the path of the folder that holds it, which the caller
 * releases: "." if the path has no slash. */
const char *path_base(const char *path);
char *path_folder(const char *path);
/* `name` in the folder that holds `file`, unless it is absolute. The caller releases it. */
char *path_beside(const char *file, const char *name);

/* Whether it leads, perhaps by links, to a folder. */
bool path_is_folder(const char *path);
/* Makes a folder and those that it lies in, as far as they are not there. *made, if not NULL, is
 * the length of the first one's path that was not there, 0 if all were. ERROR_SYSTEM if one cannot
 * be made, is a file, or if the folder cannot be written to. Not collective. */
int path_make_folders(const char *path, size_t *made, struct Error *error);
/* The path of that folder inside another; NULL if there is none. The caller releases it. */
char *path_inner_folder(const char *folder, const char *name);

#endif
