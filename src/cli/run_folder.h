/* A run's folder in place of a checkpoint. */
#ifndef TRAINER_CLI_RUN_FOLDER_H
#define TRAINER_CLI_RUN_FOLDER_H

#include <stdbool.h>

#include "base/error.h"

/* Whether a path is a folder that holds checkpoints of a run, or whose folder `checkpoints` does.
 */
bool run_folder_is_one(const char *path);

/* The checkpoint of such a folder: its best one, or the newest if none is marked as the best; the
 * caller releases it. NULL for any other path. */
char *run_folder_find(const char *path);

/* The checkpoint that a path stands for: of a run's folder its best one, or the newest if none is
 * marked as the best, which stderr then says; else the path itself. The caller releases it. NULL
 * and ERROR_CHECKPOINT if it is a folder without checkpoints. Not collective. */
char *run_folder_checkpoint(const char *path, struct Error *error);

#endif
