/* The subcommands of `trainer dataset`, and functions that they share. Not collective. */
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
/* ERROR_USAGE if the images have a single pixel, as the rows of a table have. The message begins
 * with `what`. */
int dataset_check_picture(const struct Dataset *dataset, const char *what, struct Error *error);

/* Checks a whole data set file, and prints that it is good and what it lacks. */
int dataset_verify_file(const char *path, bool json, struct Error *error);

/* Prints the contents of a data set file or of an HDF5 file of another program. `kind` is the kind
 * of file for the JSON object; NULL if it is to have none. */
int dataset_show(const char *path, const char *kind, bool json, struct Error *error);

/* A progress line on stderr, which is overwritten as the work proceeds. Nothing is printed if
 * stderr is no terminal. */
struct ProgressLine {
    bool terminal;
    double last; /* when the line was last written */
};
/* A ticker that reports on `line`, which must outlive it. */
struct Ticker progress_line(struct ProgressLine *line);
/* Removes the line, before other text is printed. */
void progress_line_clear(const struct ProgressLine *line);

#endif
