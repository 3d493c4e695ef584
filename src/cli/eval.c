#include <jansson.h>

#include "base/memory.h"
#include "cli/members.h"

static const struct Flag flags[] = {
    MEMBERS_FLAGS,
    {.name = "confusion", .help = "also print the confusion matrix"},
    {.name = "json", .help = "the result as one JSON object on stdout"},
    {0}};

static double share(int64_t part, int64_t whole) {
    return whole ? (double)part / (double)whole : 0;
}

static int64_t samples_of_class(const struct Evaluation *evaluation, int64_t label) {
    int64_t count = 0;
    for (int64_t c = 0; c < evaluation->outputs; c++)
        count += evaluation->confusion[label * evaluation->outputs + c];
    return count;
}

static json_t *describe_result(const struct Evaluation *evaluation, char *const *names) {
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

static void print_json(const struct Members *members, const struct Evaluation *results) {
    char *const *names = members->dataset->class_names;
    json_t *list = json_array();
    for (int i = 0; i < members->count; i++) {
        json_t *member = describe_result(&results[i], names);
        json_object_set_new(member, "checkpoint", json_string(members->items[i].checkpoint->path));
        json_object_set_new(member, "parameters",
                            json_string(members->items[i].averaged ? "average" : "model"));
        json_object_set_new(member, "weight", json_real(members->weights[i]));
        json_array_append_new(list, member);
    }
    json_t *object = json_pack("{s:s, s:s, s:I, s:i, s:o}", "data", members->dataset->path, "split",
                               members->split->name, "samples", (json_int_t)members->split->count,
                               "passes", members_passes(members), "members", list);
    if (members->count > 1)
        json_object_set_new(object, "ensemble", describe_result(&results[members->count], names));
    json_dumpf(object, stdout, JSON_REAL_PRECISION(17));
    fputc('\n', stdout);
    json_decref(object);
}

/* `remark`: behind the name. */
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

static void print_words(const struct Members *members, const struct Evaluation *results,
                        bool confusion) {
    char *const *names = members->dataset->class_names;
    const struct Evaluation *last = &results[members->count];
    printf("%s, split %s, %lld samples", members->dataset->path, members->split->name,
           (long long)members->split->count);
    if (members_passes(members) > 1)
        printf(", the mean of %d passes over each", members_passes(members));
    printf("\n\n");
    printf("    loss      top-1      top-5  checkpoint\n");
    for (int i = 0; i < members->count; i++)
        print_line(members->items[i].checkpoint->path,
                   members->items[i].averaged ? " (average)" : "", &results[i]);
    if (members->count > 1)
        print_line(members->mean == MEAN_GEOMETRIC ? "ensemble (geometric mean)"
                                                   : "ensemble (arithmetic mean)",
                   "", last);
    print_classes(last, names);
    if (confusion)
        print_confusion(last, names);
}

static int run(const struct Command *command, const struct Arguments *arguments,
               struct Ranks *ranks, struct Error *error) {
    (void)command;
    struct Members members;
    struct Evaluation *results = NULL;
    int code = members_open(&members, arguments, ranks, error);
    if (!code) {
        struct EvaluateRequest request = members_request(&members);
        results = memory_allocate((size_t)(members.count + 1) * sizeof *results, "results");
        code = evaluate(ranks, &request, results, error);
    }
    if (!code && ranks_rank(ranks) == 0) {
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
    .summary = "loss, accuracy and confusion of checkpoints, singly and as an ensemble",
    .help = "Evaluates each checkpoint on a split, with the preprocessing it was trained with. "
            "Several make an ensemble, whose probabilities are the members' averaged. The figures "
            "are exact, and the same for any number of ranks.\n"
            "\n"
            "Examples:\n"
            "  trainer eval runs/a/checkpoints/best.h5 --split test\n"
            "  mpirun -np 4 trainer eval runs/*/checkpoints/best.h5 --data cifar10.h5 --json\n"
            "  trainer eval a.h5 b.h5 --mean geometric --weights 2,1\n"
            "  trainer eval best.h5 --views ten_crop\n"
            "  trainer eval best.h5 --views 'shifts: {by: 2}' --dropout-samples 20\n",
    .flags = flags,
    .parallel = true,
    .run = run,
};
