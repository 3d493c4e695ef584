/* trainer inspect FILE: what a checkpoint or a data set holds. */
#include <float.h>
#include <inttypes.h>
#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "base/text.h"
#include "checkpoint/checkpoint.h"
#include "cli/command.h"
#include "cli/dataset/describe.h"
#include "cli/figures_json.h"
#include "store/h5.h"
#include "train/callbacks/early_stopping.h"
#include "train/saved_state.h"

struct Summary {
    double mean, deviation, minimum, maximum;
};

/* A checkpoint, and what was read from it. */
struct Inspected {
    struct Checkpoint *checkpoint;
    struct SavedState saved;
    struct Patience stopping;  /* of early stopping */
    struct Summary *summaries; /* one for each of its arrays */
};

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

/* Elements of the model: the running statistics, or all others. */
static int64_t count_elements(const struct Checkpoint *checkpoint, bool statistics) {
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

static void print_arrays(const struct Inspected *inspected) {
    const struct Checkpoint *checkpoint = inspected->checkpoint;
    int width = 5;
    for (int i = 0; i < checkpoint->array_count; i++)
        if ((int)strlen(checkpoint->arrays[i].name) > width)
            width = (int)strlen(checkpoint->arrays[i].name);
    printf("\n%-*s  %-18s %9s %11s %11s %11s %11s\n", width, "array", "shape", "count", "mean",
           "std", "min", "max");
    for (int i = 0; i < checkpoint->array_count; i++) {
        const struct CheckpointArray *array = &checkpoint->arrays[i];
        const struct Summary *summary = &inspected->summaries[i];
        struct Text shape = {0};
        text_add_shape(&shape, array->size, array->rank);
        printf("%-*s  %-18s %9" PRId64 " %11.4g %11.4g %11.4g %11.4g\n", width, array->name,
               shape.data, array->count, summary->mean, summary->deviation, summary->minimum,
               summary->maximum);
        text_release(&shape);
    }
}

/* If the targets are values, only the loss: the unit of the summed errors is not known here. */
static struct Figures epoch_figures(const struct Progress *progress, bool values) {
    struct Figures figures = {0};
    figures_set(&figures, FIGURE_LOSS, progress->epoch_loss / progress->epoch_samples);
    if (!values)
        figures_set(&figures, FIGURE_ACCURACY, progress->epoch_correct / progress->epoch_samples);
    return figures;
}

static void print_figures(const char *head, const struct Figures *figures) {
    char text[FIGURES_TEXT];
    if (figures_any(figures))
        printf("%-15s %s\n", head, figures_text(figures, ", ", FIGURE_EXACT, text));
}

static void print_progress(const struct SavedState *saved) {
    const struct Progress *progress = &saved->progress;
    bool values = targets_are_values(&saved->targets);
    char text[FIGURES_TEXT];
    enum Figure best = best_figure(&saved->targets);
    printf("step            %" PRId64 " (epoch %" PRId64 ", step %" PRId64 " of it)\n",
           progress->step, progress->epoch, progress->step_in_epoch);
    if (progress->epoch_samples > 0) {
        struct Figures epoch = epoch_figures(progress, values);
        printf("epoch so far    %s, %.0f samples\n", figures_text(&epoch, ", ", FIGURE_EXACT, text),
               progress->epoch_samples);
    }
    print_figures("validation", &saved->validation);
    print_figures("its average", &saved->average);
    if (saved->best.step > 0)
        printf("best            %s %s at step %" PRId64 "\n", figure_kinds[best].label,
               figure_text(best, saved->best.metric, FIGURE_EXACT, text), saved->best.step);
    printf("training time   %.1f s\n", progress->seconds);
}

static void print_channels(const float *values, int64_t channels) {
    for (int64_t i = 0; i < channels && i < 8; i++)
        printf(" %.6g", (double)values[i]);
}

static void print_preprocessing(const struct Preprocess *preprocess) {
    int64_t channels = preprocess->channels;
    printf("input           %" PRId64 " x %" PRId64 " x %" PRId64 " (height, width, channels)\n",
           preprocess->height, preprocess->width, channels);
    printf("preprocessing   %s(pixel - %s) * factor%s; factor",
           preprocess->matrix ? "matrix * (" : "",
           !preprocess->mean_count              ? "0"
           : preprocess->mean_count == channels ? "channel mean"
                                                : "mean image",
           preprocess->matrix ? ")" : "");
    if (preprocess->factor_count > channels)
        printf(" an image");
    else
        print_channels(preprocess->factor, channels);
    if (preprocess->mean_count == channels) {
        printf("; mean");
        print_channels(preprocess->mean, channels);
    }
    if (preprocess->matrix)
        printf("\ndecorrelation   matrix %" PRId64 " x %" PRId64 ", %" PRId64 " x %" PRId64
               " x %" PRId64 " reach the model",
               preprocess->matrix_rows, preprocess->matrix_columns, preprocess->out_height,
               preprocess->out_width, preprocess->out_channels);
    printf("\n");
}

static void print_targets(const struct Targets *targets, const struct TargetScale *scale) {
    printf("%-15s %" PRId64 ":", targets_words(targets), targets->count);
    for (int64_t i = 0; i < targets->count; i++) {
        printf("%s %s", i ? "," : "", targets->names[i]);
        if (targets_are_values(targets))
            printf(" (output * %.6g + %.6g)", scale->deviation[i], scale->mean[i]);
    }
    printf("\n");
}

static void print_checkpoint(const struct Inspected *inspected) {
    const struct Checkpoint *checkpoint = inspected->checkpoint;
    const struct SavedState *saved = &inspected->saved;
    const struct Provenance *provenance = &saved->provenance;
    printf("checkpoint      %s\n", checkpoint->path);
    print_progress(saved);
    printf("seed            %" PRIu64 "\nshards          %" PRId64 "\nthreads a rank  %" PRId64
           "\n",
           provenance->seed, provenance->shards, provenance->threads);
    printf("backend         %s, instruction set %s (%s)\n", provenance->backend,
           provenance->instruction_set, provenance->versions);
    printf("training data   digest %s\n", provenance->data_digest);
    print_preprocessing(&saved->preprocess);
    print_targets(&saved->targets, &saved->scale);
    printf("model           %" PRId64 " parameters, %" PRId64 " running statistics\n",
           count_elements(checkpoint, false), count_elements(checkpoint, true));
    print_arrays(inspected);
}

static json_t *floats_to_json(const float *values, int64_t count) {
    json_t *list = json_array();
    for (int64_t i = 0; i < count; i++)
        json_array_append_new(list, json_real((double)values[i]));
    return list;
}

static json_t *array_to_json(const struct CheckpointArray *array, const struct Summary *summary) {
    json_t *shape = json_array();
    for (int i = 0; i < array->rank; i++)
        json_array_append_new(shape, json_integer(array->size[i]));
    return json_pack("{s:s, s:o, s:I, s:f, s:f, s:f, s:f}", "name", array->name, "shape", shape,
                     "count", (json_int_t)array->count, "mean", summary->mean, "std",
                     summary->deviation, "min", summary->minimum, "max", summary->maximum);
}

/* Adds the figures as the checkpoint holds them, also those that were not measured. */
static void add_saved_figures(json_t *object, const char *prefix, const struct Figures *figures,
                              enum TargetKind targets) {
    for (int f = 0; f < FIGURE_COUNT; f++) {
        char key[32];
        snprintf(key, sizeof key, "%s%s", prefix, figure_kinds[f].name);
        if (figure_is_for(f, targets) && !figure_kinds[f].is_detail)
            json_object_set_new(object, key, json_real(figure_saved(figures, f)));
    }
}

static json_t *progress_to_json(const struct Inspected *inspected) {
    const struct SavedState *saved = &inspected->saved;
    const struct Progress *progress = &saved->progress;
    json_t *object = json_pack(
        "{s:I, s:I, s:I, s:f, s:f, s:f, s:f, s:f, s:I, s:f}", "step", (json_int_t)progress->step,
        "epoch", (json_int_t)progress->epoch, "step_in_epoch", (json_int_t)progress->step_in_epoch,
        "epoch_loss", progress->epoch_loss, "epoch_correct", progress->epoch_correct,
        "epoch_samples", progress->epoch_samples, "epoch_squared_error",
        progress->epoch_squared_error, "best_metric", saved->best.metric, "best_step",
        (json_int_t)saved->best.step, "seconds", progress->seconds);
    add_saved_figures(object, "validation_", &saved->validation, saved->targets.kind);
    json_object_set_new(object, "schedule_scale", json_real(saved->schedule.scale));
    json_object_set_new(object, "validations_without_improvement",
                        json_integer(inspected->stopping.waited));
    figures_add_json_main(object, "average_", &saved->average);
    return object;
}

static json_t *targets_to_json(const struct Targets *targets, const struct TargetScale *scale) {
    json_t *list = json_array();
    for (int64_t i = 0; i < scale->count; i++)
        json_array_append_new(list, json_pack("{s:s, s:f, s:f}", "name", targets->names[i], "mean",
                                              scale->mean[i], "deviation", scale->deviation[i]));
    return list;
}

static json_t *preprocessing_to_json(const struct SavedState *saved) {
    const struct Preprocess *preprocess = &saved->preprocess;
    json_t *object = json_pack(
        "{s:[I,I,I], s:o, s:o, s:[I,I], s:[I,I,I]}", "shape", (json_int_t)preprocess->height,
        (json_int_t)preprocess->width, (json_int_t)preprocess->channels, "mean",
        floats_to_json(preprocess->mean, preprocess->mean_count), "factor",
        floats_to_json(preprocess->factor, preprocess->factor_count), "matrix_shape",
        (json_int_t)preprocess->matrix_rows, (json_int_t)preprocess->matrix_columns, "out_shape",
        (json_int_t)preprocess->out_height, (json_int_t)preprocess->out_width,
        (json_int_t)preprocess->out_channels);
    if (targets_are_values(&saved->targets))
        json_object_set_new(object, "targets", targets_to_json(&saved->targets, &saved->scale));
    return object;
}

static json_t *run_to_json(const struct Provenance *provenance, const char *run_text) {
    return json_pack(
        "{s:I, s:I, s:I, s:s, s:s, s:s, s:s, s:s}", "seed", (json_int_t)provenance->seed, "shards",
        (json_int_t)provenance->shards, "threads", (json_int_t)provenance->threads,
        "instruction_set", provenance->instruction_set, "backend", provenance->backend, "versions",
        provenance->versions, "data_digest", provenance->data_digest, "run_file", run_text);
}

static json_t *checkpoint_to_json(const struct Inspected *inspected) {
    const struct Checkpoint *checkpoint = inspected->checkpoint;
    const struct SavedState *saved = &inspected->saved;
    json_t *classes = json_array(), *arrays = json_array();
    for (int64_t i = 0; !targets_are_values(&saved->targets) && i < saved->targets.count; i++)
        json_array_append_new(classes, json_string(saved->targets.names[i]));
    for (int i = 0; i < checkpoint->array_count; i++)
        json_array_append_new(arrays,
                              array_to_json(&checkpoint->arrays[i], &inspected->summaries[i]));
    return json_pack("{s:s, s:s, s:o, s:o, s:o, s:o, s:I, s:I, s:o}", "kind", "checkpoint", "path",
                     checkpoint->path, "progress", progress_to_json(inspected), "run",
                     run_to_json(&saved->provenance, checkpoint->run_text), "preprocessing",
                     preprocessing_to_json(saved), "classes", classes, "parameters",
                     (json_int_t)count_elements(checkpoint, false), "statistics",
                     (json_int_t)count_elements(checkpoint, true), "arrays", arrays);
}

static int print_json(const struct Inspected *inspected, struct Error *error) {
    json_t *json = checkpoint_to_json(inspected);
    if (!json)
        return fail(error, ERROR_CHECKPOINT, "%s: holds a text or number that JSON cannot hold",
                    inspected->checkpoint->path);
    json_dumpf(json, stdout, JSON_INDENT(1) | JSON_REAL_PRECISION(17));
    printf("\n");
    json_decref(json);
    return OK;
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
        printf("%s", inspected.checkpoint->run_text);
    else if (!code && argument_given(arguments, "json"))
        code = print_json(&inspected, error);
    else if (!code)
        print_checkpoint(&inspected);
    memory_release(inspected.summaries);
    saved_state_release(&inspected.saved);
    checkpoint_close(inspected.checkpoint);
    return code;
}

static int inspect_dataset(const char *path, const struct Arguments *arguments,
                           struct Error *error) {
    struct Dataset *dataset;
    if (argument_given(arguments, "run-file"))
        return fail(error, ERROR_USAGE, "--run-file: %s is a data set, which has no run file",
                    path);
    int code = dataset_open(&dataset, path, error);
    if (code)
        return code;
    if (argument_given(arguments, "json")) {
        json_t *json = dataset_to_json(dataset);
        json_object_set_new(json, "kind", json_string("data set"));
        json_dumpf(json, stdout, JSON_INDENT(2) | JSON_REAL_PRECISION(17));
        printf("\n");
        json_decref(json);
    } else {
        dataset_print(stdout, dataset);
    }
    dataset_close(dataset);
    return OK;
}

/* A checkpoint and a data set differ in what they hold. A file that is neither counts as a
 * checkpoint. */
static int run_inspect(const struct Command *command, const struct Arguments *arguments,
                       struct Ranks *ranks, struct Error *error) {
    (void)command, (void)ranks;
    const char *path = arguments->operands[0];
    struct H5File *file;
    int code = h5_open(&file, path, ERROR_CHECKPOINT, error);
    if (code)
        return code;
    bool dataset = !h5_exists(file, "/model") &&
                   (h5_exists(file, "/classes") || h5_exists(file, "/target_names"));
    h5_close(file);
    return dataset ? inspect_dataset(path, arguments, error)
                   : inspect_checkpoint(path, arguments, error);
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
    .summary = "say what a checkpoint or a data set file holds",
    .help =
        "For a checkpoint, prints where its run stands, what fixes its bits, what input the model "
        "expects, and every array with its shape, mean, standard deviation and range. The file's "
        "seal is checked: a file that was cut short or changed is refused. For a data set, prints "
        "what trainer dataset info prints.\n"
        "\n"
        "Examples:\n"
        "  trainer inspect runs/demo/checkpoints/latest.h5\n"
        "  trainer inspect runs/demo/checkpoints/best.h5 --run-file > again.yaml\n"
        "  trainer inspect shapes.h5 --json | python3 -m json.tool\n",
    .flags = flags,
    .run = run_inspect,
};
