/* trainer inspect FILE prints the contents of a checkpoint, an ensemble or a data set. */
#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "base/text.h"
#include "checkpoint/ensemble.h"
#include "cli/command.h"
#include "cli/dataset/dataset.h"
#include "cli/inspect.h"
#include "cli/run_folder.h"
#include "store/h5.h"

/* Prints line by line, because the newline is the only control character that must not be
 * replaced. */
static void print_run_file(char *text) {
    for (char *line; (line = strsep(&text, "\n"));)
        if (*line || text)
            printf("%s%s", text_hide_controls(line), text ? "\n" : "");
}

static int inspect_checkpoint(const char *path, const struct Arguments *arguments,
                              struct Error *error) {
    struct Inspected inspected;
    int code = inspected_open(&inspected, path, error);
    if (!code)
        code = inspected_examine(&inspected, error);
    if (!code && argument_given(arguments, "run-file"))
        print_run_file(inspected.checkpoint->run_text);
    else if (!code && argument_given(arguments, "json"))
        code = inspect_print_json(&inspected, error);
    else if (!code)
        inspect_print_words(&inspected);
    inspected_release(&inspected);
    return code;
}

static int inspect_dataset(const char *path, const struct Arguments *arguments,
                           struct Error *error) {
    if (argument_given(arguments, "run-file"))
        return fail(error, ERROR_USAGE, "--run-file: %s is a data set, which has no run file",
                    path);
    return dataset_show(path, "data set", argument_given(arguments, "json"), error);
}

int inspect_kind(const char *path, enum InspectKind *kind, struct Error *error) {
    struct H5File *file;
    *kind = INSPECT_CHECKPOINT;
    if (ensemble_file_is_member(path))
        return OK;
    int code = h5_open(&file, path, ERROR_CHECKPOINT, error);
    if (code)
        return code;
    if (h5_exists(file, "/members") && ensemble_file_is_one(path))
        *kind = INSPECT_ENSEMBLE;
    else if (!h5_exists(file, "/model") && !h5_exists(file, "/run/run_file") &&
             !h5_has_attribute(file, "/", "format"))
        *kind = INSPECT_DATASET;
    code = h5_check(file, error);
    h5_close(file);
    return code;
}

static int inspect_file(const char *path, const struct Arguments *arguments, struct Error *error) {
    enum InspectKind kind;
    int code = inspect_kind(path, &kind, error);
    if (code)
        return code;
    if (kind == INSPECT_DATASET)
        return inspect_dataset(path, arguments, error);
    if (kind == INSPECT_CHECKPOINT)
        return inspect_checkpoint(path, arguments, error);
    if (argument_given(arguments, "run-file"))
        return fail(error, ERROR_USAGE,
                    "--run-file: %s is an ensemble; each of its members has one, as %s:/members/0",
                    path, path);
    return inspect_ensemble(path, argument_given(arguments, "json"), error);
}

static int run_inspect(const struct Command *command, const struct Arguments *arguments,
                       struct Ranks *ranks, struct Error *error) {
    (void)command, (void)ranks;
    char *path = run_folder_checkpoint(arguments->operands[0], error);
    int code = path ? inspect_file(path, arguments, error) : error->code;
    memory_release(path);
    return code;
}

static const struct Flag flags[] = {
    {.name = "json", .help = "the result as one JSON object on stdout"},
    {.name = "run-file",
     .help = "print only the run file that the checkpoint holds, as it was saved"},
    {0},
};

const struct Command command_inspect = {
    .name = "inspect",
    .operands = "FILE",
    .least_operands = 1,
    .most_operands = 1,
    .summary = "print what a checkpoint, an ensemble or a data set file holds",
    .help = "For a checkpoint, prints the step of its run, what determines its bits, the input "
            "that the model expects, and every array with its shape, mean, standard deviation "
            "and range. The file's seal is checked: a file that was cut short or changed is "
            "refused. For a data set, prints what trainer dataset info prints. For an ensemble, "
            "prints its members with their weights; FILE:/members/0 is one of them, as a "
            "checkpoint. A run's folder stands for its best checkpoint.\n"
            "\n"
            "Examples:\n"
            "  trainer inspect runs/demo/checkpoints/latest.h5\n"
            "  trainer inspect runs/demo/checkpoints/best.h5 --run-file > again.yaml\n"
            "  trainer inspect shapes.h5 --json | python3 -m json.tool\n",
    .flags = flags,
    .run = run_inspect,
};
