/* trainer inspect FILE: what a checkpoint or a data set holds. */
#include <float.h>
#include <jansson.h>
#include <math.h>
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
#include "train/callbacks/early_stopping.h"

/* `values`: array->count of them. */
static struct Summary summarise(const struct CheckpointArray *array, const float *values) {
    struct Summary summary = {.minimum = DBL_MAX, .maximum = -DBL_MAX};
    double squares = 0;
    for (int64_t i = 0; i < array->count; i++) {
        double value = (double)values[i];
        summary.mean += value;
        summary.minimum = value < summary.minimum ? value : summary.minimum;
        summary.maximum = value > summary.maximum ? value : summary.maximum;
    }
    if (!array->count)
        return (struct Summary){0};
    summary.mean /= (double)array->count;
    for (int64_t i = 0; i < array->count; i++) {
        double difference = (double)values[i] - summary.mean;
        squares += difference * difference;
    }
    summary.deviation = sqrt(squares / (double)array->count);
    return summary;
}

static int summarise_all(struct Inspected *inspected, struct Error *error) {
    const struct Checkpoint *checkpoint = inspected->checkpoint;
    inspected->summaries = memory_array(struct Summary, checkpoint->array_count, "summaries");
    int code = OK;
    for (int i = 0; !code && i < checkpoint->array_count; i++) {
        const struct CheckpointArray *array = &checkpoint->arrays[i];
        float *values = memory_array(float, array->count, "a checkpoint's array");
        code = checkpoint_get_array(checkpoint, array, values, error);
        if (!code)
            inspected->summaries[i] = summarise(array, values);
        memory_release(values);
    }
    return code;
}

static bool is_model(const struct CheckpointArray *array) {
    return !strncmp(array->name, "model/", 6);
}

int64_t inspect_count_elements(const struct Checkpoint *checkpoint, bool statistics) {
    int64_t count = 0;
    for (int i = 0; i < checkpoint->array_count; i++) {
        const struct CheckpointArray *array = &checkpoint->arrays[i];
        bool running = text_ends_with(array->name, ".running_mean") ||
                       text_ends_with(array->name, ".running_var");
        if (is_model(array) && running == statistics)
            count += array->count;
    }
    return count;
}

/* Line by line, because a line's end is the one control character that the file may have. */
static void print_run_file(char *text) {
    for (char *line; (line = strsep(&text, "\n"));)
        if (*line || text)
            printf("%s%s", text_hide_controls(line), text ? "\n" : "");
}

static int inspect_checkpoint(const char *path, const struct Arguments *arguments,
                              struct Error *error) {
    struct Inspected inspected = {0};
    int code = checkpoint_open(&inspected.checkpoint, path, error);
    if (!code)
        code = saved_state_read(&inspected.saved, inspected.checkpoint, error);
    if (!code)
        code = early_stopping_read(&inspected.stopping, inspected.checkpoint, error);
    if (!code)
        code = summarise_all(&inspected, error);
    if (!code && argument_given(arguments, "run-file"))
        print_run_file(inspected.checkpoint->run_text);
    else if (!code && argument_given(arguments, "json"))
        code = inspect_print_json(&inspected, error);
    else if (!code)
        inspect_print_words(&inspected);
    memory_release(inspected.summaries);
    saved_state_release(&inspected.saved);
    checkpoint_close(inspected.checkpoint);
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
    .summary = "say what a checkpoint, an ensemble or a data set file holds",
    .help =
        "For a checkpoint, prints where its run stands, what fixes its bits, what input the model "
        "expects, and every array with its shape, mean, standard deviation and range. The file's "
        "seal is checked: a file that was cut short or changed is refused. For a data set, prints "
        "what trainer dataset info prints. For an ensemble, prints its members with their weights; "
        "FILE:/members/0 is one of them, as a checkpoint. A run's folder stands for its best "
        "checkpoint.\n"
        "\n"
        "Examples:\n"
        "  trainer inspect runs/demo/checkpoints/latest.h5\n"
        "  trainer inspect runs/demo/checkpoints/best.h5 --run-file > again.yaml\n"
        "  trainer inspect shapes.h5 --json | python3 -m json.tool\n",
    .flags = flags,
    .run = run_inspect,
};
