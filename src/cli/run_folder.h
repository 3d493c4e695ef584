/* A run's folder that stands for a checkpoint. */
#ifndef TRAINER_CLI_RUN_FOLDER_H
#define TRAINER_CLI_RUN_FOLDER_H

#include <stdbool.h>

#include "base/error.h"

/* Whether a path is a folder that holds checkpoints of a run itself or in its folder
 * `checkpoints`. */
bool run_folder_is_one(const char *path);

/* The path of the checkpoint of such a folder: the best one, or the newest if none is marked as the
 * best. The caller releases it. NULL for any other path. */
char *run_folder_find(const char *path);

/* Fails for a folder that is no run's: says what it holds if it is that of a search or of folds,
 * and otherwise `what`. ERROR_CHECKPOINT. */
int run_folder_refuse(const char *path, const char *what, struct Error *error);

/* The path of the checkpoint for which `path` stands: that of run_folder_find, which a
 * note names, or else `path` itself. The caller releases it. NULL with
 * ERROR_CHECKPOINT if it is a folder without checkpoints. Not collective. */
char *run_folder_checkpoint(const char *path, struct Error *error);

#endif
