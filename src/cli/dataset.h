/* The subcommands of `trainer dataset`, and what they share. */
#ifndef TRAINER_CLI_DATASET_H
#define TRAINER_CLI_DATASET_H

#include <stdbool.h>

#include "base/ticker.h"
#include "cli/command.h"
#include "cli/dataset_describe.h"

extern const struct Command command_dataset_import, command_dataset_synthesize,
    command_dataset_info, command_dataset_statistics, command_dataset_verify,
    command_dataset_preview;

/* ERROR_USAGE where the file to draw into is not called FILE.png. */
int dataset_check_png(const char *flag, const char *path, struct Error *error);
/* ERROR_USAGE where its images are of one pixel, as a table's are; the line begins with `what`. */
int dataset_check_picture(const struct Dataset *dataset, const char *what, struct Error *error);

/* A line on stderr that is written over as the work goes on, on a terminal only. */
struct ProgressLine {
    bool terminal;
    double last; /* when it was written */
};
struct Ticker progress_line(struct ProgressLine *line);
void progress_line_clear(const struct ProgressLine *line);

#endif
