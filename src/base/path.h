/* The parts of paths, and folders. */
#ifndef TRAINER_BASE_PATH_H
#define TRAINER_BASE_PATH_H

#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"

/* path_base: a pointer to the last name in `path`. path_folder: the path of the folder that holds
 * it, "." if `path` has no slash; the caller releases it. */
const char *path_base(const char *path);
char *path_folder(const char *path);
/* The path of `name` relative to the folder that holds `file`; `name` itself if it is absolute. The
 * caller releases it. */
char *path_beside(const char *file, const char *name);

/* Whether `path` is a folder, or a regular file, or a link to one. */
bool path_is_folder(const char *path);
bool path_is_file(const char *path);
/* Whether two paths lead to the same file, perhaps by links. */
bool path_is_same_file(const char *path, const char *other);
/* Makes a folder and its parents, unless they exist. If `made` is not NULL, *made gets the length
 * of the path of the first folder that did not exist, 0 if all did. ERROR_SYSTEM if a folder cannot
 * be made, is a file, or cannot be written to. Not collective. */
int path_make_folders(const char *path, size_t *made, struct Error *error);
/* The path of the folder `name` inside `folder`; NULL if there is no such folder. The caller
 * releases it. */
char *path_inner_folder(const char *folder, const char *name);

#endif
