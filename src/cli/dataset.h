/* The subcommands of `trainer dataset`, and what they share. */
#ifndef TRAINER_CLI_DATASET_H
#define TRAINER_CLI_DATASET_H

#include <stdbool.h>

#include "cli/command.h"
#include "cli/dataset_describe.h"
#include "data/progress.h"

extern const struct Command command_dataset_import, command_dataset_synthesize,
    command_dataset_info, command_dataset_statistics, command_dataset_verify,
    command_dataset_preview;

/* A line on stderr that is written over as the work goes on, on a terminal only. */
struct ProgressLine {
    bool terminal;
    double last; /* when it was written */
};
struct JobProgress progress_line(struct ProgressLine *line);
void progress_line_clear(const struct ProgressLine *line);

#endif
