#include <stdio.h>

#include "cli/eval_report.h"

static void print_line(const char *name, const char *remark, const struct Evaluation *evaluation) {
    printf("%8.4f  %9.4g  %9.4f  %s%s\n", evaluation->loss, evaluation->overall_rmse,
           evaluation->overall_r2, name, remark);
}

static void print_outputs(const struct Evaluation *evaluation, char *const *names) {
    printf("\n     RMSE         R2  of each target\n");
    for (int64_t k = 0; k < evaluation->outputs; k++)
        printf("%9.4g  %9.4f  %s\n", evaluation->rmse[k], evaluation->r2[k], names[k]);
}

static void summarise(const struct Evaluation *evaluation, json_t *object) {
    json_object_set_new(object, "loss", json_real(evaluation->loss));
    json_object_set_new(object, "rmse", json_real(evaluation->overall_rmse));
    json_object_set_new(object, "r2", json_real(evaluation->overall_r2));
}

static json_t *describe(const struct Evaluation *evaluation, char *const *names) {
    json_t *object = json_object(), *targets = json_object();
    summarise(evaluation, object);
    for (int64_t k = 0; k < evaluation->outputs; k++)
        json_object_set_new(
            targets, names[k],
            json_pack("{s:f, s:f}", "rmse", evaluation->rmse[k], "r2", evaluation->r2[k]));
    json_object_set_new(object, "targets", targets);
    return object;
}

static void print_summary(const struct Evaluation *evaluation) {
    printf("RMSE %.4g, R2 %.4f", evaluation->overall_rmse, evaluation->overall_r2);
}

const struct EvalReport eval_report_values = {
    .columns = "    loss       RMSE         R2",
    .print_line = print_line,
    .print_outputs = print_outputs,
    .describe = describe,
    .print_summary = print_summary,
    .summarise = summarise,
};
