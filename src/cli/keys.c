#include "base/memory.h"
#include "cli/command.h"
#include "train/run.h"

static int run(const struct Command *command, const struct Arguments *arguments,
               struct Ranks *ranks, struct Error *error) {
    (void)command;
    (void)arguments;
    (void)ranks;
    (void)error;
    char *text = runfile_document(run_keys);
    fputs(text, stdout);
    memory_release(text);
    return OK;
}

const struct Command command_keys = {
    .name = "keys",
    .operands = "",
    .summary = "print every key of the run file, with type, range, default and meaning",
    .help = "Prints, as Markdown, the table that run files are parsed with: all sections, layers, "
            "losses, optimisers, schedules and augmentations. docs/run-file.md is its output.\n"
            "\n"
            "Example:\n"
            "  trainer keys | less\n",
    .run = run,
};
