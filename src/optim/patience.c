#include "optim/patience.h"

#include <math.h>
#include <stddef.h>

const char *const patience_metric_names[FIGURE_COUNT + 1] = {
    [FIGURE_LOSS] = "loss",
    [FIGURE_ACCURACY] = "accuracy",
    [FIGURE_TOP5] = "top5",
    [FIGURE_RMSE] = "rmse",
    [FIGURE_R2] = "r2",
    [FIGURE_BALANCED_ACCURACY] = "balanced_accuracy",
    [FIGURE_PRECISION] = "precision_macro",
    [FIGURE_RECALL] = "recall_macro",
    [FIGURE_F1] = "f1_macro",
    [FIGURE_PRECISION_WEIGHTED] = "precision_weighted",
    [FIGURE_RECALL_WEIGHTED] = "recall_weighted",
    [FIGURE_F1_WEIGHTED] = "f1_weighted",
    [FIGURE_ROC_AUC] = "roc_auc",
    [FIGURE_PR_AUC] = "pr_auc",
    [FIGURE_LOG_LOSS] = "log_loss",
    [FIGURE_PRECISION_MICRO] = "precision_micro",
    [FIGURE_RECALL_MICRO] = "recall_micro",
    [FIGURE_F1_MICRO] = "f1_micro",
    [FIGURE_HAMMING_LOSS] = "hamming_loss"};

enum Figure patience_figure(int metric, enum TargetKind targets) {
    bool values = targets == TARGET_VALUES;
    return values && metric == FIGURE_ACCURACY ? FIGURE_R2 : (enum Figure)metric;
}

bool patience_metric_is_for(int metric, enum TargetKind targets) {
    return figure_is_for(patience_figure(metric, targets), targets);
}

bool patience_is_valid(const struct Patience *patience) {
    return patience->seen >= 0 && patience->waited >= 0;
}

static bool is_valid(const void *value) {
    return patience_is_valid(value);
}

static const struct SavedField saved_fields[] = {PATIENCE_SAVED_FIELDS(struct Patience, ),
                                                 SAVED_END};
const struct SavedTable patience_saved = {
    .what = "early stopping", .fields = saved_fields, .is_valid = is_valid};

bool patience_observe(struct Patience *patience, struct PatienceRule rule,
                      const struct Figures *validation) {
    bool rises = figure_kinds[rule.figure].higher_is_better;
    double value = validation->value[rule.figure];
    double margin = rule.relative ? fabs(patience->best) * rule.threshold : rule.threshold;
    double to_beat = rises ? patience->best + margin : patience->best - margin;
    bool better = patience->seen == 0 || (isnan(patience->best) && !isnan(value)) ||
                  figure_is_better(rule.figure, value, to_beat);
    patience->seen++;
    patience->waited = better ? 0 : patience->waited + 1;
    if (better)
        patience->best = value;
    return better;
}
