/* The subcommands of `trainer dataset`, and what they share. */
#ifndef TRAINER_CLI_DATASET_DATASET_H
#define TRAINER_CLI_DATASET_DATASET_H

#include <stdbool.h>

#include "base/ticker.h"
#include "cli/command.h"
#include "cli/dataset/describe.h"

extern const struct Command command_dataset_import, command_dataset_synthesize,
    command_dataset_info, command_dataset_statistics, command_dataset_verify,
    command_dataset_preview;

/* ERROR_USAGE if `path`, which `flag` gave, does not end in .png. */
int dataset_check_png(const char *flag, const char *path, struct Error *error);
/* ERROR_USAGE if the images have a single pixel, as those of a table have. The message begins with
 * `what`. */
int dataset_check_picture(const struct Dataset *dataset, const char *what, struct Error *error);

/* Checks a data set file from end to end, and prints that it is good and what it lacks. */
int dataset_verify_file(const char *path, bool json, struct Error *error);

/* Prints what a data set file, or one of another program, holds. `kind`: what JSON says that it is;
 * NULL: nothing. */
int dataset_show(const char *path, const char *kind, bool json, struct Error *error);

/* A line on stderr that is overwritten as the work proceeds; nothing if stderr is no terminal. */
struct ProgressLine {
    bool terminal;
    double last; /* when it was written */
};
/* What reports progress on `line`, which has to outlive it. */
struct Ticker progress_line(struct ProgressLine *line);
/* Removes the line, before other text is printed. */
void progress_line_clear(const struct ProgressLine *line);

#endif
