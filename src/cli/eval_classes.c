#include <stdio.h>

#include "cli/eval_report.h"

static double share(int64_t part, int64_t whole) {
    return whole ? (double)part / (double)whole : 0;
}

static int64_t samples_of_class(const struct Evaluation *evaluation, int64_t label) {
    int64_t count = 0;
    for (int64_t c = 0; c < evaluation->outputs; c++)
        count += evaluation->confusion[label * evaluation->outputs + c];
    return count;
}

static void print_line(const char *name, const char *remark, const struct Evaluation *evaluation) {
    printf("%8.4f  %7.2f %%  %7.2f %%  %s%s\n", evaluation->loss,
           100 * share(evaluation->correct, evaluation->samples),
           100 * share(evaluation->top5, evaluation->samples), name, remark);
}

static void print_classes(const struct Evaluation *evaluation, char *const *names) {
    printf("\naccuracy of each class\n");
    for (int64_t i = 0; i < evaluation->outputs; i++) {
        int64_t count = samples_of_class(evaluation, i);
        printf("%7.2f %%  of %6lld  %s\n",
               100 * share(evaluation->confusion[i * evaluation->outputs + i], count),
               (long long)count, names[i]);
    }
}

static void print_confusion(const struct Evaluation *evaluation, char *const *names) {
    int64_t classes = evaluation->outputs;
    printf("\nconfusion matrix: rows are the truth, columns the prediction\n");
    for (int64_t i = 0; i < classes; i++) {
        for (int64_t j = 0; j < classes; j++)
            printf("%6lld", (long long)evaluation->confusion[i * classes + j]);
        printf("  %s\n", names[i]);
    }
}

static json_t *describe(const struct Evaluation *evaluation, char *const *names) {
    int64_t classes = evaluation->outputs;
    json_t *per_class = json_object(), *confusion = json_array();
    for (int64_t i = 0; i < classes; i++) {
        const int64_t *row = evaluation->confusion + i * classes;
        json_object_set_new(per_class, names[i],
                            json_real(share(row[i], samples_of_class(evaluation, i))));
        json_t *counts = json_array();
        for (int64_t j = 0; j < classes; j++)
            json_array_append_new(counts, json_integer(row[j]));
        json_array_append_new(confusion, counts);
    }
    return json_pack("{s:f, s:f, s:f, s:o, s:o}", "loss", evaluation->loss, "top1",
                     share(evaluation->correct, evaluation->samples), "top5",
                     share(evaluation->top5, evaluation->samples), "class_accuracy", per_class,
                     "confusion", confusion);
}

static void print_summary(const struct Evaluation *evaluation) {
    printf("accuracy %.2f %%", 100 * share(evaluation->correct, evaluation->samples));
}

static void summarise(const struct Evaluation *evaluation, json_t *object) {
    json_object_set_new(object, "loss", json_real(evaluation->loss));
    json_object_set_new(object, "accuracy",
                        json_real(share(evaluation->correct, evaluation->samples)));
    json_object_set_new(object, "top5", json_real(share(evaluation->top5, evaluation->samples)));
}

const struct EvalReport eval_report_classes = {
    .columns = "    loss      top-1      top-5",
    .print_line = print_line,
    .print_outputs = print_classes,
    .print_confusion = print_confusion,
    .describe = describe,
    .print_summary = print_summary,
    .summarise = summarise,
};
