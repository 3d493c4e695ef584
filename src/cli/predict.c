#include <inttypes.h>
#include <jansson.h>
#include <string.h>

#include "base/clock.h"
#include "base/memory.h"
#include "cli/figures_json.h"
#include "cli/predictions.h"
#include "cli/shown.h"
#include "report/progress_bar.h"

static const struct Flag flags[] = {
    {.name = "out",
     .argument = "FILE",
     .short_name = 'o',
     .help = "the file to write, FILE.h5, FILE.csv or FILE.jsonl; - is stdout (required)"},
    {.name = "format",
     .argument = "NAME",
     .help = "hdf5, csv or jsonl (default: by the extension of the file's name; csv for stdout)"},
    {.name = "top",
     .argument = "K",
     .help = "write only the K most probable classes of each sample (default: all classes)"},
    {.name = "resize",
     .argument = "RULE",
     .help = "how pictures are resized to the model's size: crop, stretch or pad (default: as the "
             "training pictures were)"},
    {.name = "skip-bad", .help = "leave out pictures that cannot be used, and list them"},
    MEMBERS_FLAGS,
    {.name = "quiet",
     .short_name = 'q',
     .help = "no progress on stderr; warnings are still printed"},
    {.name = "json", .help = "the result as one JSON object on stdout"},
    {0}};

/* The results of a prediction. */
struct Summary {
    const struct Predictions *predictions;
    const struct Figures *figures; /* nothing is measured if the truth is not known */
    double seconds;
};

static double per_second(const struct Summary *summary) {
    double count = (double)summary->predictions->members->split->count;
    return summary->seconds > 0 ? count / summary->seconds : 0;
}

static int count_averaged(const struct Members *members) {
    int averaged = 0;
    for (int i = 0; i < members->count; i++)
        averaged += members->items[i].averaged;
    return averaged;
}

/* Prints the summary on stdout, or on stderr if the predictions are on stdout. */
static void print_words(const struct Summary *summary) {
    const struct Predictions *predictions = summary->predictions;
    const struct Members *members = predictions->members;
    FILE *stream = strcmp(predictions->path, "-") ? stdout : stderr;
    char figures[FIGURES_TEXT];
    int averaged = count_averaged(members);
    fprintf(stream, "%s: %" PRId64 " prediction%s", shown(predictions->path), members->split->count,
            members->split->count == 1 ? "" : "s");
    members_print_split(members, stream);
    if (figures_any(summary->figures))
        fprintf(stream, ", %s", figures_text(summary->figures, ", ", FIGURE_DIGITS, figures));
    if (averaged)
        fprintf(stream, " (%d of %d with the average of weights)", averaged, members->count);
    fprintf(stream, ", %.0f samples/s", per_second(summary));
    members_print_test_time(members, stream);
    fputc('\n', stream);
}

static void print_json(const struct Summary *summary) {
    const struct Predictions *predictions = summary->predictions;
    const struct Members *members = predictions->members;
    json_t *object =
        json_pack("{s:o, s:o, s:o, s:i, s:I}", "file", shown_json(predictions->path), "data",
                  shown_json(members->dataset->path), "split", shown_json(members->split->name),
                  "members", members->count, "samples", (json_int_t)members->split->count);
    json_object_set_new(object, "averaged", json_integer(count_averaged(members)));
    json_object_set_new(object, "seconds", json_real(summary->seconds));
    json_object_set_new(object, "samples_per_second", json_real(per_second(summary)));
    members_describe_test_time(members, object);
    figures_add_json(object, "", summary->figures);
    json_dumpf(object, stdout, JSON_ENSURE_ASCII | JSON_REAL_PRECISION(17));
    fputc('\n', stdout);
    json_decref(object);
}

static int read_flags(struct Predictions *predictions, const struct Arguments *arguments,
                      struct Error *error) {
    predictions->path = argument_value(arguments, "out");
    if (!predictions->path)
        return fail(error, ERROR_USAGE,
                    "predict: --out is missing: expected --out FILE.h5, FILE.csv or FILE.jsonl");
    predictions->format =
        predictions_format(predictions->path, argument_value(arguments, "format"), error);
    if (!predictions->format)
        return error->code;
    if (!strcmp(predictions->path, "-") && argument_given(arguments, "json"))
        return fail(error, ERROR_USAGE, "predict: --json: the predictions are on stdout already");
    return argument_integer(arguments, "top", 1, 1000000, 0, &predictions->top, error);
}

static int check_top(const struct Predictions *predictions, struct Error *error) {
    const struct Targets *targets = &predictions->members->dataset->targets;
    if (!predictions->top || !targets_are_values(targets))
        return OK;
    return fail(error, ERROR_USAGE, "--top: %s predicts values, which have no order",
                predictions->members->items[0].path);
}

static void report(void *context, const char *what, int64_t done, int64_t total) {
    progress_samples(context, what, done, total);
}

static int predict(struct Predictions *predictions, const struct Arguments *arguments,
                   struct Ranks *ranks, struct Error *error) {
    const struct Members *members = predictions->members;
    double start = clock_seconds();
    bool first = ranks_rank(ranks) == 0;
    struct ProgressBar *bar =
        progress_create(stderr, !first || argument_given(arguments, "quiet"), 1, 1, 0);
    const struct Ticker ticker = {.context = bar, .report = report};
    struct Evaluation *results = memory_array(struct Evaluation, members->count + 1, "results");
    struct EvaluateRequest request = members_request(members);
    request.sink = predictions_sink;
    request.context = predictions;
    request.ticker = &ticker;
    int code = members_evaluate(members, &request, ranks, results, error);
    progress_release(bar);
    if (!code && first)
        code = predictions_finish(predictions, error);
    code = ranks_agree(ranks, code, error);
    const struct Summary summary = {predictions, &results[members->count].figures,
                                    clock_seconds() - start};
    if (!code && first && figures_any(summary.figures))
        members_warn_of_training(members);
    if (!code && first && argument_given(arguments, "json"))
        print_json(&summary);
    else if (!code && first)
        print_words(&summary);
    for (int i = 0; i <= members->count; i++)
        evaluation_release(&results[i]);
    memory_release(results);
    return code;
}

static int run(const struct Command *command, const struct Arguments *arguments,
               struct Ranks *ranks, struct Error *error) {
    (void)command;
    struct Members members = {0};
    struct Predictions predictions = {.members = &members};
    int code = read_flags(&predictions, arguments, error);
    if (!code)
        code = members_open(&members, arguments, true, ranks, error);
    if (!code)
        code = check_top(&predictions, error);
    if (!code && ranks_rank(ranks) == 0)
        code = predictions_start(&predictions, arguments, error);
    if (!code || members.dataset)
        code = ranks_agree(ranks, code, error);
    if (!code)
        code = predict(&predictions, arguments, ranks, error);
    predictions_release(&predictions);
    members_release(&members);
    return code;
}

const struct Command command_predict = {
    .name = "predict",
    .operands = "CHECKPOINT... [SOURCE...]",
    .least_operands = 1,
    .most_operands = -1,
    .summary = "write predictions of new samples, or of a split, to HDF5, CSV or JSON lines",
    .help = "Predicts every sample of its sources, or else of a split of the run's data set, in "
            "their order. No labels are needed; if they are known, the output has them beside "
            "the predictions. A SOURCE is a picture, a folder of pictures (also in folders "
            "inside it), a list that names pictures (a file on each line, or a table with a "
            "column `path`), a table of the columns that the run was trained on, an HDF5 file, "
            "or an array in it, FILE.h5:/path; - is a list or a table on stdin. Pictures are "
            "resized as the training pictures were. A run's folder stands for its best "
            "checkpoint. Several checkpoints predict as an ensemble, and the predictions are the "
            "same for any number of ranks.\n"
            "\n"
            "For each sample, the output has its number, where it comes from, the most probable "
            "class by name and number, its probability, and the probabilities of all classes "
            "(--top K: of the K most probable ones). An HDF5 file holds /probabilities (N, "
            "classes), /predictions (N), /classes, /sources and, if they are known, /labels (N); "
            "--top K makes it /top_probabilities and /top_classes (N, K). If the loss gives "
            "scores that are not probabilities (svm), the names have `scores` instead of "
            "`probabilities`. If the targets are values, the file holds /predictions and, if "
            "known, /targets (N, targets), and /target_names, in the data set's units. If a "
            "sample can have several classes, the predicted ones are those with a probability of "
            "at least 0.5. With --json, `averaged` is the number of members that predicted with "
            "their average of weights.\n"
            "\n"
            "Nothing is written until all predictions have been made. An output that is one of "
            "the inputs, or an existing file of another kind, is refused.\n"
            "\n"
            "Examples:\n"
            "  trainer predict runs/a --split test -o predictions.h5\n"
            "  trainer predict runs/a photos -o predictions.csv --top 3 --skip-bad\n"
            "  find photos -name '*.jpg' | trainer predict runs/a - -o - --format jsonl\n"
            "  trainer predict runs/a new.h5:/x -o predictions.csv\n"
            "  mpirun -np 2 trainer predict a.h5 b.h5 --data cifar10.h5 -o ensemble.csv\n",
    .flags = flags,
    .parallel = true,
    .heeds_signals = true,
    .run = run,
};
