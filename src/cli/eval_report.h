/* An evaluation in words and in JSON: one report a kind of targets. */
#ifndef TRAINER_CLI_EVAL_REPORT_H
#define TRAINER_CLI_EVAL_REPORT_H

#include <jansson.h>

#include "evaluate/metrics.h"

struct EvalReport {
    const char *columns; /* heads of what print_line prints */
    /* One line of the table, ending in `name` and a remark. */
    void (*print_line)(const char *name, const char *remark, const struct Evaluation *evaluation);
    /* What follows the table; `names` are the outputs'. */
    void (*print_outputs)(const struct Evaluation *evaluation, char *const *names);
    void (*print_confusion)(const struct Evaluation *evaluation, char *const *names); /* or NULL */
    json_t *(*describe)(const struct Evaluation *evaluation, char *const *names);
    /* The figures of the whole, for predict: in words, and into a JSON object. */
    void (*print_summary)(const struct Evaluation *evaluation);
    void (*summarise)(const struct Evaluation *evaluation, json_t *object);
};
extern const struct EvalReport eval_report_classes, eval_report_values;

static inline const struct EvalReport *eval_report_for(const struct Dataset *dataset) {
    return dataset->target_count ? &eval_report_values : &eval_report_classes;
}

#endif
