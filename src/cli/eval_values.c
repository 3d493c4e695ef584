#include <stdio.h>

#include "cli/eval_report.h"
#include "cli/figures_json.h"
#include "cli/shown.h"

static void print_targets(const struct Evaluation *evaluation, char *const *names) {
    printf("\n");
    eval_print_head(evaluation->of_output);
    printf("of each target\n");
    for (int64_t k = 0; k < evaluation->outputs; k++)
        eval_print_line(&evaluation->of_output[k], names[k], "");
}

static void describe_targets(const struct Evaluation *evaluation, char *const *names,
                             json_t *object) {
    json_t *targets = json_object();
    for (int64_t k = 0; k < evaluation->outputs; k++) {
        json_t *target = json_object();
        figures_add_json(target, "", &evaluation->of_output[k]);
        shown_json_member(targets, names[k], target);
    }
    json_object_set_new(object, "targets", targets);
}

const struct EvalReport eval_report_values = {.print_outputs = print_targets,
                                              .describe_outputs = describe_targets};
