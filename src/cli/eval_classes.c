#include <inttypes.h>
#include <math.h>
#include <stdio.h>

#include "cli/eval_report.h"
#include "cli/figures_json.h"
#include "cli/shown.h"

/* The share of a class's samples that is predicted correctly; NaN if the class has none. *samples
 * gets their number. */
static double class_accuracy(const struct Evaluation *evaluation, int64_t label, int64_t *samples) {
    const int64_t *row = evaluation->confusion + label * evaluation->outputs;
    *samples = 0;
    for (int64_t c = 0; c < evaluation->outputs; c++)
        *samples += row[c];
    return *samples ? (double)row[label] / (double)*samples : NAN;
}

const struct EvalClassFigure eval_class_figures[EVAL_CLASS_FIGURES] = {
    {FIGURE_PRECISION, "precision", "precision"},
    {FIGURE_RECALL, "recall", "recall"},
    {FIGURE_F1, "f1", "F1"},
    {FIGURE_BALANCED_ACCURACY, "balanced_accuracy", "balanced"},
    {FIGURE_ROC_AUC, "roc_auc", "ROC-AUC"},
    {FIGURE_PR_AUC, "pr_auc", "PR-AUC"}};

static void print_value(double value) {
    if (isnan(value))
        printf("%9s  ", "-");
    else
        printf("%9.4f  ", value);
}

static void print_details(const struct Evaluation *evaluation, char *const *names) {
    printf("\n");
    for (int k = 0; k < EVAL_CLASS_FIGURES; k++)
        if (evaluation->of_output[0].measured[eval_class_figures[k].figure])
            printf("%9s  ", eval_class_figures[k].label);
    printf("of each class\n");
    for (int64_t c = 0; c < evaluation->outputs; c++) {
        for (int k = 0; k < EVAL_CLASS_FIGURES; k++)
            if (evaluation->of_output[c].measured[eval_class_figures[k].figure])
                print_value(evaluation->of_output[c].value[eval_class_figures[k].figure]);
        printf("%s\n", shown(names[c]));
    }
    printf("\nmeans over the classes that have samples, and log loss\n");
    for (int f = 0; f < FIGURE_COUNT; f++)
        if (evaluation->figures.measured[f] && figure_kinds[f].of_classes) {
            print_value(evaluation->figures.value[f]);
            printf("%s\n", figure_kinds[f].label);
        }
}

static json_t *class_to_json(const struct Figures *figures) {
    json_t *object = json_object();
    for (int k = 0; k < EVAL_CLASS_FIGURES; k++) {
        double value = figures->value[eval_class_figures[k].figure];
        if (figures->measured[eval_class_figures[k].figure])
            json_object_set_new(object, eval_class_figures[k].name, number_json(value));
    }
    return object;
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
    print_details(evaluation, names);
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
    json_t *per_class = json_object(), *confusion = json_array(), *details = json_object();
    for (int64_t i = 0; i < classes; i++) {
        json_t *counts = json_array();
        for (int64_t j = 0; j < classes; j++)
            json_array_append_new(counts, json_integer(evaluation->confusion[i * classes + j]));
        json_array_append_new(confusion, counts);
        double accuracy = class_accuracy(evaluation, i, &samples);
        shown_json_member(per_class, names[i], number_json(accuracy));
        json_t *detail = class_to_json(&evaluation->of_output[i]);
        json_object_set_new(detail, "samples", json_integer(samples));
        shown_json_member(details, names[i], detail);
    }
    json_object_set_new(object, "class_accuracy", per_class);
    json_object_set_new(object, "classes", details);
    json_object_set_new(object, "confusion", confusion);
}

const struct EvalReport eval_report_classes = {print_classes, print_confusion, describe_classes};

/* ---- Sets of classes ---- */

static void print_sets(const struct Evaluation *evaluation, char *const *names) {
    printf("\n  samples\n");
    for (int64_t k = 0; k < evaluation->outputs; k++) {
        const int64_t *cells = evaluation->confusion + 4 * k;
        printf("%9" PRId64 "  %s\n", cells[2] + cells[3], shown(names[k]));
    }
    print_details(evaluation, names);
}

static void describe_sets(const struct Evaluation *evaluation, char *const *names, json_t *object) {
    json_t *details = json_object();
    for (int64_t k = 0; k < evaluation->outputs; k++) {
        const int64_t *cells = evaluation->confusion + 4 * k;
        json_t *detail = class_to_json(&evaluation->of_output[k]);
        json_object_set_new(detail, "samples", json_integer(cells[2] + cells[3]));
        json_object_set_new(detail, "confusion",
                            json_pack("[[I,I],[I,I]]", (json_int_t)cells[0], (json_int_t)cells[1],
                                      (json_int_t)cells[2], (json_int_t)cells[3]));
        shown_json_member(details, names[k], detail);
    }
    json_object_set_new(object, "classes", details);
}

const struct EvalReport eval_report_sets = {.print_outputs = print_sets,
                                            .describe_outputs = describe_sets};
