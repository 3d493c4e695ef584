#include <inttypes.h>
#include <jansson.h>
#include <math.h>

#include "base/memory.h"
#include "cli/eval_report.h"
#include "cli/figures_json.h"
#include "cli/members.h"
#include "cli/shown.h"
#include "cli/signals.h"

static const struct Flag flags[] = {
    MEMBERS_FLAGS,
    {.name = "threshold",
     .argument = "P",
     .help = "for multi-label targets: the lowest probability at which a class is predicted "
             "(default: 0.5)"},
    {.name = "confusion", .help = "also print the confusion matrix"},
    {.name = "json", .help = "the result as one JSON object on stdout"},
    {0}};

void eval_print_head(const struct Figures *figures) {
    for (int f = 0; f < FIGURE_COUNT; f++)
        if (figures->measured[f] && !figure_kinds[f].of_classes)
            printf("%9s  ", figure_kinds[f].label);
}

void eval_print_line(const struct Figures *figures, const char *name, const char *remark) {
    char text[FIGURE_TEXT];
    for (int f = 0; f < FIGURE_COUNT; f++)
        if (figures->measured[f] && !figure_kinds[f].of_classes)
            printf("%9s  ", figure_text(f, figures->value[f], FIGURE_DIGITS, text));
    printf("%s%s\n", shown(name), remark);
}

json_t *eval_describe(const struct Evaluation *result, const struct Dataset *dataset) {
    json_t *object = json_object();
    figures_add_json(object, "", &result->figures);
    if (result->figures.measured[FIGURE_ACCURACY]) {
        const char *name = figure_kinds[FIGURE_ACCURACY].name;
        json_object_set(object, "top1", json_object_get(object, name));
        json_object_del(object, name);
    }
    eval_report_for(dataset)->describe_outputs(result, dataset->targets.names, object);
    return object;
}

static bool is_ensemble(const struct Members *members) {
    return members->count > 1 || members->operands.weights;
}

static void print_ensemble(const struct Members *members, const struct Figures *figures) {
    struct Text remark = {0};
    text_add(&remark, " (%s mean", ensemble_mean_names[members->mean]);
    if (members->operands.weights && members->operands.temperature != 1)
        text_add(&remark, ", temperature %.4g", members->operands.temperature);
    text_add(&remark, ")");
    eval_print_line(figures, "ensemble", remark.data);
    text_release(&remark);
}

static void print_json(const struct Members *members, const struct Evaluation *results) {
    json_t *list = json_array();
    for (int i = 0; i < members->count; i++) {
        json_t *member = eval_describe(&results[i], members->dataset);
        json_object_set_new(member, "checkpoint", shown_json(members->items[i].path));
        json_object_set_new(member, "parameters",
                            json_string(members->items[i].averaged ? "average" : "model"));
        json_object_set_new(member, "weight", json_real(members->weights[i]));
        json_array_append_new(list, member);
    }
    json_t *object =
        json_pack("{s:o, s:o, s:I}", "data", shown_json(members->dataset->path), "split",
                  shown_json(members->split->name), "samples", (json_int_t)members->split->count);
    json_object_set_new(object, "trained_on", json_boolean(members->trained_on));
    members_describe_test_time(members, object);
    json_object_set_new(object, "members", list);
    if (members->operands.weights)
        json_object_set_new(object, "temperature", json_real(members->operands.temperature));
    if (is_ensemble(members))
        json_object_set_new(object, "ensemble",
                            eval_describe(&results[members->count], members->dataset));
    json_dumpf(object, stdout, JSON_ENSURE_ASCII | JSON_REAL_PRECISION(17));
    fputc('\n', stdout);
    json_decref(object);
}

static void print_words(const struct Members *members, const struct Evaluation *results,
                        bool confusion) {
    const struct EvalReport *report = eval_report_for(members->dataset);
    char *const *names = members->dataset->targets.names;
    const struct Evaluation *last = &results[members->count];
    printf("%s", shown(members->dataset->path));
    members_print_split(members, stdout);
    printf(", %" PRId64 " sample%s", members->split->count, members->split->count == 1 ? "" : "s");
    members_print_test_time(members, stdout);
    printf("\n\n");
    eval_print_head(&last->figures);
    printf("checkpoint\n");
    for (int i = 0; i < members->count; i++)
        eval_print_line(&results[i].figures, members->items[i].path,
                        members->items[i].averaged ? " (average)" : "");
    if (is_ensemble(members))
        print_ensemble(members, &last->figures);
    report->print_outputs(last, names);
    if (confusion)
        report->print_confusion(last, names);
}

static int run(const struct Command *command, const struct Arguments *arguments,
               struct Ranks *ranks, struct Error *error) {
    (void)command;
    struct Members members;
    struct Evaluation *results = NULL;
    double threshold;
    int code = argument_real(arguments, "threshold", 1e-9, 1 - 1e-9, 0.5, &threshold, error);
    members = (struct Members){0};
    if (!code)
        code = members_open(&members, arguments, false, ranks, error);
    if (!code && argument_given(arguments, "threshold") &&
        members.dataset->targets.kind != TARGET_SETS)
        code =
            fail(error, ERROR_USAGE,
                 "--threshold: is for multi-label targets; those of %s are not (data.multi_label)",
                 members.dataset->path);
    if (!code && argument_given(arguments, "confusion") &&
        !eval_report_for(members.dataset)->print_confusion)
        code = fail(error, ERROR_USAGE, "--confusion: needs classes; the targets of %s are %s",
                    members.dataset->path,
                    targets_are_values(&members.dataset->targets) ? "values" : "sets of classes");
    if (!code) {
        struct EvaluateRequest request = members_request(&members);
        request.ranking = members_can_rank(&members);
        request.threshold = log(threshold / (1 - threshold));
        results = memory_array(struct Evaluation, members.count + 1, "results");
        code = members_evaluate(&members, &request, ranks, results, error);
    }
    if (!code && ranks_rank(ranks) == 0) {
        members_warn_of_training(&members);
        if (argument_given(arguments, "json"))
            print_json(&members, results);
        else
            print_words(&members, results, argument_given(arguments, "confusion"));
    }
    for (int i = 0; results && i <= members.count; i++)
        evaluation_release(&results[i]);
    memory_release(results);
    members_release(&members);
    return code;
}

const struct Command command_eval = {
    .name = "eval",
    .operands = "CHECKPOINT...",
    .least_operands = 1,
    .most_operands = -1,
    .summary = "evaluate checkpoints, singly and as an ensemble: loss and accuracy, or RMSE and R2",
    .help = "Evaluates each checkpoint on a split, with the preprocessing that it was trained "
            "with. A run's folder stands for its best checkpoint. Several checkpoints are also "
            "evaluated as an ensemble, which averages the members' probabilities. The figures "
            "are exact, and the same for any number of ranks. If the targets are values, it "
            "prints RMSE, the root of the mean squared error, in the targets' own units, and R2, "
            "each for every target and overall: RMSE over all outputs together, R2 as the mean "
            "of theirs. If they are sets of classes (data.multi_label), each class is decided "
            "separately; the accuracy is the fraction of samples for which all decisions are "
            "right.\n"
            "\n"
            "Examples:\n"
            "  trainer eval runs/a --split test\n"
            "  mpirun -np 4 trainer eval runs/*/checkpoints/best.h5 --data cifar10.h5 --json\n"
            "  trainer eval a.h5 b.h5 --mean geometric --weights 2,1\n"
            "  trainer eval best.h5 --views ten_crop\n"
            "  trainer eval best.h5 --views 'shifts: {by: 2}' --dropout-samples 20\n",
    .flags = flags,
    .parallel = true,
    .heeds_signals = true,
    .run = run,
};
