#include <inttypes.h>
#include <math.h>
#include <stdio.h>

#include "cli/eval_report.h"
#include "cli/shown.h"

/* The part of a class's samples that was predicted right; *samples is how many it has. NaN if it
 * has none. */
static double class_accuracy(const struct Evaluation *evaluation, int64_t label, int64_t *samples) {
    const int64_t *row = evaluation->confusion + label * evaluation->outputs;
    *samples = 0;
    for (int64_t c = 0; c < evaluation->outputs; c++)
        *samples += row[c];
    return *samples ? (double)row[label] / (double)*samples : NAN;
}

static void print_classes(const struct Evaluation *evaluation, char *const *names) {
    char text[FIGURE_TEXT];
    printf("\naccuracy of each class\n");
    for (int64_t i = 0; i < evaluation->outputs; i++) {
        int64_t samples;
        double accuracy = class_accuracy(evaluation, i, &samples);
        if (samples)
            figure_text(FIGURE_ACCURACY, accuracy, FIGURE_DIGITS, text);
        printf("%9s  of %6" PRId64 "  %s\n", samples ? text : "-", samples, shown(names[i]));
    }
}

static void print_confusion(const struct Evaluation *evaluation, char *const *names) {
    int64_t classes = evaluation->outputs;
    printf("\nconfusion matrix: rows are the truth, columns the prediction\n");
    for (int64_t i = 0; i < classes; i++) {
        for (int64_t j = 0; j < classes; j++)
            printf("%6" PRId64, evaluation->confusion[i * classes + j]);
        printf("  %s\n", shown(names[i]));
    }
}

static void describe_classes(const struct Evaluation *evaluation, char *const *names,
                             json_t *object) {
    int64_t classes = evaluation->outputs, samples;
    json_t *per_class = json_object(), *confusion = json_array();
    for (int64_t i = 0; i < classes; i++) {
        json_t *counts = json_array();
        for (int64_t j = 0; j < classes; j++)
            json_array_append_new(counts, json_integer(evaluation->confusion[i * classes + j]));
        json_array_append_new(confusion, counts);
        double accuracy = class_accuracy(evaluation, i, &samples);
        json_object_set_new(per_class, names[i], samples ? json_real(accuracy) : json_null());
    }
    json_object_set_new(object, "class_accuracy", per_class);
    json_object_set_new(object, "confusion", confusion);
}

const struct EvalReport eval_report_classes = {print_classes, print_confusion, describe_classes};
