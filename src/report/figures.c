#include "report/figures.h"

#include <math.h>
#include <stdio.h>

#include "base/text.h"

#define OF_CLASSES(figure_name, figure_label, higher)                                              \
    {                                                                                              \
        .name = figure_name, .label = figure_label, .for_classes = true, .for_sets = true,         \
        .higher_is_better = higher, .is_detail = true, .of_classes = true                          \
    }

#define OF_SETS(figure_name, figure_label, higher)                                                 \
    {                                                                                              \
        .name = figure_name, .label = figure_label, .for_sets = true, .higher_is_better = higher,  \
        .is_detail = true, .of_classes = true                                                      \
    }

const struct FigureKind figure_kinds[FIGURE_COUNT] = {
    [FIGURE_LOSS] = {.name = "loss",
                     .label = "loss",
                     .for_classes = true,
                     .for_sets = true,
                     .for_values = true,
                     .if_not_measured = -1},
    [FIGURE_ACCURACY] = {.name = "accuracy",
                         .label = "accuracy",
                         .unit = FIGURE_FRACTION,
                         .for_classes = true,
                         .for_sets = true,
                         .higher_is_better = true,
                         .if_not_measured = -1},
    [FIGURE_TOP5] = {.name = "top5",
                     .label = "top-5",
                     .unit = FIGURE_FRACTION,
                     .for_classes = true,
                     .higher_is_better = true,
                     .is_detail = true},
    [FIGURE_RMSE] = {.name = "rmse",
                     .label = "RMSE",
                     .unit = FIGURE_OF_TARGETS,
                     .for_values = true},
    [FIGURE_R2] = {.name = "r2", .label = "R2", .for_values = true, .higher_is_better = true},
    [FIGURE_BALANCED_ACCURACY] = OF_CLASSES("balanced_accuracy", "balanced accuracy", true),
    [FIGURE_PRECISION] = OF_CLASSES("precision_macro", "precision, macro", true),
    [FIGURE_RECALL] = OF_CLASSES("recall_macro", "recall, macro", true),
    [FIGURE_F1] = OF_CLASSES("f1_macro", "F1, macro", true),
    [FIGURE_PRECISION_WEIGHTED] = OF_CLASSES("precision_weighted", "precision, weighted", true),
    [FIGURE_RECALL_WEIGHTED] = OF_CLASSES("recall_weighted", "recall, weighted", true),
    [FIGURE_F1_WEIGHTED] = OF_CLASSES("f1_weighted", "F1, weighted", true),
    [FIGURE_ROC_AUC] = OF_CLASSES("roc_auc", "ROC-AUC", true),
    [FIGURE_PR_AUC] = OF_CLASSES("pr_auc", "PR-AUC", true),
    [FIGURE_LOG_LOSS] = OF_CLASSES("log_loss", "log loss", false),
    [FIGURE_PRECISION_MICRO] = OF_SETS("precision_micro", "precision, micro", true),
    [FIGURE_RECALL_MICRO] = OF_SETS("recall_micro", "recall, micro", true),
    [FIGURE_F1_MICRO] = OF_SETS("f1_micro", "F1, micro", true),
    [FIGURE_HAMMING_LOSS] = OF_SETS("hamming_loss", "Hamming loss", false),
};

bool figures_any(const struct Figures *figures) {
    bool any = false;
    for (int f = 0; f < FIGURE_COUNT; f++)
        any |= figures->measured[f];
    return any;
}

bool figure_is_for(enum Figure figure, enum TargetKind targets) {
    const struct FigureKind *kind = &figure_kinds[figure];
    return targets == TARGET_VALUES ? kind->for_values
           : targets == TARGET_SETS ? kind->for_sets
                                    : kind->for_classes;
}

bool figure_is_better(enum Figure figure, double value, double than) {
    return figure_kinds[figure].higher_is_better ? value > than : value < than;
}

bool figure_is_possible(enum Figure figure, double value) {
    const struct FigureKind *kind = &figure_kinds[figure];
    return kind->unit != FIGURE_FRACTION || value == kind->if_not_measured ||
           (value >= 0 && value <= 1);
}

double figure_saved(const struct Figures *figures, enum Figure figure) {
    return figures->measured[figure] ? figures->value[figure]
                                     : figure_kinds[figure].if_not_measured;
}

static bool was_measured(const struct Figures *saved, enum Figure figure) {
    double none = figure_kinds[figure].if_not_measured;
    return saved->measured[figure] && !(none < 0 && saved->value[figure] == none);
}

void figures_restore(struct Figures *figures, const struct Figures *saved,
                     enum TargetKind targets) {
    *figures = (struct Figures){0};
    if (!saved->measured[FIGURE_LOSS] || !(saved->value[FIGURE_LOSS] >= 0))
        return;
    for (int f = 0; f < FIGURE_COUNT; f++)
        if (was_measured(saved, f) && figure_is_for(f, targets) && !figure_kinds[f].is_detail)
            figures_set(figures, f, saved->value[f]);
}

char *figure_text(enum Figure figure, double value, enum FigureDigits digits,
                  char text[FIGURE_TEXT]) {
    enum FigureUnit unit = figure_kinds[figure].unit;
    if (isnan(value) && (figure == FIGURE_R2 || figure_kinds[figure].of_classes))
        snprintf(text, FIGURE_TEXT, "-");
    else if (unit == FIGURE_FRACTION)
        snprintf(text, FIGURE_TEXT, digits == FIGURE_BRIEF ? "%.1f%%" : "%.2f %%", 100 * value);
    else if (digits == FIGURE_EXACT)
        snprintf(text, FIGURE_TEXT, "%.6g", value);
    else if (unit == FIGURE_OF_TARGETS)
        text_value(value, text);
    else
        text_figure(value, text);
    return text;
}

char *figures_text(const struct Figures *figures, const char *separator, enum FigureDigits digits,
                   char text[FIGURES_TEXT]) {
    int length = 0;
    *text = '\0';
    for (int f = 0; f < FIGURE_COUNT && length < FIGURES_TEXT; f++) {
        char value[FIGURE_TEXT];
        if (figures->measured[f] && !figure_kinds[f].is_detail)
            length += snprintf(text + length, (size_t)(FIGURES_TEXT - length), "%s%s %s",
                               length ? separator : "", figure_kinds[f].label,
                               figure_text(f, figures->value[f], digits, value));
    }
    return text;
}
