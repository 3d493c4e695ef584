#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/table.h"
#include "base/text.h"
#include "cli/columns.h"
#include "cli/inspect.h"
#include "cli/shown.h"

#define SHOWN_VALUES 6 /* of channels */
#define SHOWN_CLASSES 10

/* The length of the folder's name in an array's name: "model/" of "model/0.weight". */
static int folder_of(const char *name) {
    const char *slash = strrchr(name, '/');
    return slash ? (int)(slash - name) + 1 : 0;
}

/* A table for each folder of arrays: without its name, rows are no wider than a terminal. */
static void print_arrays(const struct Inspected *inspected) {
    const struct Checkpoint *checkpoint = inspected->checkpoint;
    const char *folder = NULL; /* of the row before */
    struct Text rows = {0};
    for (int i = 0; i < checkpoint->array_count; i++) {
        const struct CheckpointArray *array = &checkpoint->arrays[i];
        const struct ArraySummary *summary = &inspected->summaries[i];
        int length = folder_of(array->name);
        if (!folder || strncmp(folder, array->name, (size_t)length) || folder_of(folder) != length)
            text_add(&rows, "\n%.*s\tshape\tmean\tstd\tmin\tmax\n", length, shown(array->name));
        folder = array->name;
        text_add(&rows, "%s\t", shown(array->name + length));
        text_add_shape(&rows, array->size, array->rank);
        text_add(&rows, "\t%.3g\t%.3g\t%.3g\t%.3g\n", summary->mean, summary->deviation,
                 summary->minimum, summary->maximum);
    }
    table_print(stdout, &rows, "l  l  r r r r");
}

static void print_figures(const char *head, const struct Figures *figures) {
    char text[FIGURES_TEXT];
    if (figures_any(figures))
        printf("%-15s %s\n", head, figures_text(figures, ", ", FIGURE_EXACT, text));
}

static void print_progress(const struct SavedState *saved) {
    const struct Progress *progress = &saved->progress;
    double samples = progress->epoch_sums[TALLY_SAMPLES];
    char text[FIGURES_TEXT];
    enum Figure best = best_figure(&saved->best, saved->targets.kind);
    printf("step            %" PRId64 " (epoch %" PRId64 ", step %" PRId64 " of it)\n",
           progress->step, progress->epoch, progress->step_in_epoch);
    if (samples > 0) {
        struct Figures epoch = figures_of_sums(progress->epoch_sums, &saved->targets, -1);
        printf("epoch so far    %s, %.0f samples\n", figures_text(&epoch, ", ", FIGURE_EXACT, text),
               samples);
    }
    print_figures("validation", &saved->validation);
    print_figures("its average", &saved->average);
    if (saved->best.step > 0)
        printf("best            %s %s at step %" PRId64 "\n", figure_kinds[best].label,
               figure_text(best, saved->best.metric, FIGURE_EXACT, text), saved->best.step);
    printf("training time   %.1f s\n", progress->seconds);
}

static void print_channels(const char *head, const float *values, int64_t channels) {
    printf("%-15s", head);
    for (int64_t i = 0; i < channels && i < SHOWN_VALUES; i++)
        printf(" %.6g", (double)values[i]);
    printf(channels > SHOWN_VALUES ? " ...\n" : "\n");
}

static void print_preprocessing(const struct Preprocess *preprocess) {
    int64_t channels = preprocess->channels;
    bool rows = preprocess->height * preprocess->width == 1; /* of a table */
    if (rows)
        printf("input           rows of %" PRId64 " column%s\n", channels,
               channels == 1 ? "" : "s");
    else
        printf("input           %" PRId64 " x %" PRId64 " x %" PRId64
               " (height, width, channels)\n",
               preprocess->height, preprocess->width, channels);
    printf("preprocessing   %s(%s - %s) * %s%s\n", preprocess->matrix ? "matrix * (" : "",
           rows ? "value" : "pixel",
           !preprocess->mean_count              ? "0"
           : rows                               ? "column mean"
           : preprocess->mean_count == channels ? "channel mean"
                                                : "mean image",
           preprocess->factor_count > channels ? "factor of each pixel" : "factor",
           preprocess->matrix ? ")" : "");
    if (preprocess->factor_count <= channels)
        print_channels("  factor", preprocess->factor, channels);
    if (preprocess->mean_count == channels)
        print_channels("  mean", preprocess->mean, channels);
    if (preprocess->matrix)
        printf("decorrelation   matrix %" PRId64 " x %" PRId64 ", %" PRId64 " x %" PRId64
               " x %" PRId64 " reach the model\n",
               preprocess->matrix_rows, preprocess->matrix_columns, preprocess->out_height,
               preprocess->out_width, preprocess->out_channels);
}

/* Prints how pictures are converted to such images; nothing if the data set was not made of
 * pictures. */
static void print_pictures(const struct SavedState *saved) {
    const struct PictureRule *rule = &saved->preprocess.pictures;
    if (!saved->encoding.column_count && (*rule->resize || *rule->values))
        printf("pictures        resized by: %s; values: %s\n",
               *rule->resize ? rule->resize : "not known",
               *rule->values ? rule->values : "not known");
}

/* Values have a line each, with their scale; of many classes the first are named. */
static void print_targets(const struct Targets *targets, const struct TargetScale *scale) {
    printf("%-15s %" PRId64 ":", targets_words(targets), targets->count);
    if (targets_are_values(targets)) {
        for (int64_t i = 0; i < targets->count; i++)
            printf("\n  %-13s output * %.6g + %.6g", shown(targets->names[i]), scale->deviation[i],
                   scale->mean[i]);
    } else {
        for (int64_t i = 0; i < targets->count && i < SHOWN_CLASSES; i++)
            printf("%s %s", i ? "," : "", shown(targets->names[i]));
        if (targets->count > SHOWN_CLASSES)
            printf(", ... (--json has all)");
    }
    printf("\n");
}

void inspect_print_words(const struct Inspected *inspected) {
    const struct Checkpoint *checkpoint = inspected->checkpoint;
    const struct SavedState *saved = &inspected->saved;
    const struct Provenance *provenance = &saved->provenance;
    printf("checkpoint      %s\n", shown(checkpoint->path));
    print_progress(saved);
    printf("seed            %" PRIu64 "\nshards          %" PRId64 "\nthreads a rank  %" PRId64
           "\n",
           provenance->seed, provenance->shards, provenance->threads);
    printf("backend         %s, instruction set %s (%s)\n", shown(provenance->backend),
           shown(provenance->instruction_set), shown(provenance->versions));
    printf("training data   digest %s\n", shown(provenance->data_digest));
    print_preprocessing(&saved->preprocess);
    print_pictures(saved);
    print_targets(&saved->targets, &saved->scale);
    printf("model           %" PRId64 " parameters, %" PRId64 " running statistics\n",
           inspected_elements(checkpoint, false), inspected_elements(checkpoint, true));
    if (saved->encoding.column_count)
        printf("\n");
    columns_print(stdout, &saved->encoding);
    print_arrays(inspected);
}
