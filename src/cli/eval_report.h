/* The results of an evaluation, in words and in JSON. */
#ifndef TRAINER_CLI_EVAL_REPORT_H
#define TRAINER_CLI_EVAL_REPORT_H

#include <jansson.h>

#include "evaluate/metrics.h"

/* Functions for the results of each output, which depend on the kind of targets. `names` are the
 * names of the outputs. */
struct EvalReport {
    void (*print_outputs)(const struct Evaluation *evaluation, char *const *names);
    void (*print_confusion)(const struct Evaluation *evaluation, char *const *names); /* or NULL */
    /* Adds to the object that describes the evaluation. */
    void (*describe_outputs)(const struct Evaluation *evaluation, char *const *names,
                             json_t *object);
};
extern const struct EvalReport eval_report_classes, eval_report_sets, eval_report_values;

static inline const struct EvalReport *eval_report_for(const struct Dataset *dataset) {
    enum TargetKind kind = dataset->targets.kind;
    return kind == TARGET_VALUES ? &eval_report_values
           : kind == TARGET_SETS ? &eval_report_sets
                                 : &eval_report_classes;
}

/* The figures of each class, with their names in JSON and in tables. */
#define EVAL_CLASS_FIGURES 6
extern const struct EvalClassFigure {
    enum Figure figure;
    const char *name, *label;
} eval_class_figures[EVAL_CLASS_FIGURES];

/* All figures as an object, which the caller owns. The accuracy is called top1, to match top5. */
json_t *eval_describe(const struct Evaluation *result, const struct Dataset *dataset);

/* Print a table of figures on stdout: the heads of its columns, without a newline, and a line that
 * ends with `name` and `remark`. Only measured figures have a column. */
void eval_print_head(const struct Figures *figures);
void eval_print_line(const struct Figures *figures, const char *name, const char *remark);

#endif
