#include <jansson.h>
#include <stdio.h>

#include "cli/columns.h"
#include "cli/figures_json.h"
#include "cli/inspect.h"
#include "cli/shown.h"

static json_t *floats_to_json(const float *values, int64_t count) {
    json_t *list = json_array();
    for (int64_t i = 0; i < count; i++)
        json_array_append_new(list, number_json((double)values[i]));
    return list;
}

static json_t *array_to_json(const struct CheckpointArray *array,
                             const struct ArraySummary *summary) {
    json_t *shape = json_array();
    for (int i = 0; i < array->rank; i++)
        json_array_append_new(shape, json_integer(array->size[i]));
    return json_pack("{s:s, s:o, s:I, s:o, s:o, s:o, s:o}", "name", array->name, "shape", shape,
                     "count", (json_int_t)array->count, "mean", number_json(summary->mean), "std",
                     number_json(summary->deviation), "min", number_json(summary->minimum), "max",
                     number_json(summary->maximum));
}

/* Adds the figures of the checkpoint, including those that were not measured. */
static void add_saved_figures(json_t *object, const char *prefix, const struct Figures *figures,
                              enum TargetKind targets) {
    for (int f = 0; f < FIGURE_COUNT; f++) {
        char key[32];
        snprintf(key, sizeof key, "%s%s", prefix, figure_kinds[f].name);
        if (figure_is_for(f, targets) && !figure_kinds[f].is_detail)
            json_object_set_new(object, key, number_json(figure_saved(figures, f)));
    }
}

static json_t *progress_to_json(const struct Inspected *inspected) {
    const struct SavedState *saved = &inspected->saved;
    const struct Progress *progress = &saved->progress;
    const double *sums = progress->epoch_sums;
    json_t *object = json_pack(
        "{s:I, s:I, s:I, s:f, s:f, s:f, s:f, s:o, s:s, s:I, s:f}", "step",
        (json_int_t)progress->step, "epoch", (json_int_t)progress->epoch, "step_in_epoch",
        (json_int_t)progress->step_in_epoch, "epoch_loss", sums[TALLY_LOSS], "epoch_correct",
        sums[TALLY_CORRECT], "epoch_samples", sums[TALLY_SAMPLES], "epoch_squared_error",
        sums[TALLY_SQUARED_ERROR], "best_metric", number_json(saved->best.metric), "best_figure",
        figure_kinds[best_figure(&saved->best, saved->targets.kind)].name, "best_step",
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
        json_array_append_new(list,
                              json_pack("{s:o, s:f, s:f}", "name", shown_json(targets->names[i]),
                                        "mean", scale->mean[i], "deviation", scale->deviation[i]));
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
    const struct PictureRule *rule = &preprocess->pictures;
    json_object_set_new(object, "picture_resize",
                        *rule->resize ? shown_json(rule->resize) : json_null());
    json_object_set_new(object, "picture_values",
                        *rule->values ? shown_json(rule->values) : json_null());
    if (saved->encoding.column_count)
        json_object_set_new(object, "columns", columns_to_json(&saved->encoding));
    if (targets_are_values(&saved->targets))
        json_object_set_new(object, "targets", targets_to_json(&saved->targets, &saved->scale));
    return object;
}

static json_t *run_to_json(const struct Provenance *provenance, const char *run_text) {
    return json_pack(
        "{s:I, s:I, s:I, s:o, s:o, s:o, s:o, s:o}", "seed", (json_int_t)provenance->seed, "shards",
        (json_int_t)provenance->shards, "threads", (json_int_t)provenance->threads,
        "instruction_set", shown_json(provenance->instruction_set), "backend",
        shown_json(provenance->backend), "versions", shown_json(provenance->versions),
        "data_digest", shown_json(provenance->data_digest), "run_file", shown_json(run_text));
}

static json_t *checkpoint_to_json(const struct Inspected *inspected) {
    const struct Checkpoint *checkpoint = inspected->checkpoint;
    const struct SavedState *saved = &inspected->saved;
    json_t *classes = json_array(), *arrays = json_array();
    for (int64_t i = 0; !targets_are_values(&saved->targets) && i < saved->targets.count; i++)
        json_array_append_new(classes, shown_json(saved->targets.names[i]));
    for (int i = 0; i < checkpoint->array_count; i++)
        json_array_append_new(arrays,
                              array_to_json(&checkpoint->arrays[i], &inspected->summaries[i]));
    return json_pack("{s:s, s:o, s:o, s:o, s:o, s:o, s:I, s:I, s:o}", "kind", "checkpoint", "path",
                     shown_json(checkpoint->path), "progress", progress_to_json(inspected), "run",
                     run_to_json(&saved->provenance, checkpoint->run_text), "preprocessing",
                     preprocessing_to_json(saved), "classes", classes, "parameters",
                     (json_int_t)inspected_elements(checkpoint, false), "statistics",
                     (json_int_t)inspected_elements(checkpoint, true), "arrays", arrays);
}

int inspect_print_json(const struct Inspected *inspected, struct Error *error) {
    json_t *json = checkpoint_to_json(inspected);
    if (!json)
        return fail(error, ERROR_CHECKPOINT, "%s: holds a text or number that JSON cannot hold",
                    inspected->checkpoint->path);
    json_dumpf(json, stdout, JSON_ENSURE_ASCII | JSON_INDENT(1) | JSON_REAL_PRECISION(17));
    printf("\n");
    json_decref(json);
    return OK;
}
