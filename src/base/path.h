/* Paths: their parts, and what they lead to. */
#ifndef TRAINER_BASE_PATH_H
#define TRAINER_BASE_PATH_H

#include <stdbool.h>

/* The last name of a path, within it; the path of the folder that holds it, which the caller
 * releases: "." if the path has no slash. */
const char *path_base(const char *path);
char *path_folder(const char *path);
/* `name` in the folder that holds `file`, unless it is absolute. The caller releases it. */
char *path_beside(const char *file, const char *name);

/* Whether it leads, perhaps by links, to a folder. */
bool path_is_folder(const char *path);
/* The path of that folder inside another; NULL if there is none. The caller releases it. */
char *path_inner_folder(const char *folder, const char *name);

#endif
