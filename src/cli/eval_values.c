#include <stdio.h>

#include "base/text.h"
#include "cli/eval_report.h"

static void print_line(const char *name, const char *remark, const struct Evaluation *evaluation) {
    char loss[32], r2[32];
    printf("%8s  %9.4g  %9s  %s%s\n", text_figure(evaluation->loss, loss), evaluation->overall_rmse,
           text_figure(evaluation->overall_r2, r2), name, remark);
}

static void print_outputs(const struct Evaluation *evaluation, char *const *names) {
    char r2[32];
    printf("\n     RMSE         R2  of each target\n");
    for (int64_t k = 0; k < evaluation->outputs; k++)
        printf("%9.4g  %9s  %s\n", evaluation->rmse[k], text_figure(evaluation->r2[k], r2),
               names[k]);
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
    char r2[32];
    printf("RMSE %.4g, R2 %s", evaluation->overall_rmse, text_figure(evaluation->overall_r2, r2));
}

const struct EvalReport eval_report_values = {
    .columns = "    loss       RMSE         R2",
    .print_line = print_line,
    .print_outputs = print_outputs,
    .describe = describe,
    .print_summary = print_summary,
    .summarise = summarise,
};
