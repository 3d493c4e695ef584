#include "train/train.h"

#include <jansson.h>
#include <math.h>

#include "base/memory.h"
#include "base/text.h"
#include "cli/overrides.h"

static const struct Flag flags[] = {
    {.name = "out",
     .argument = "DIR",
     .short_name = 'o',
     .help = "folder of the run: run.yaml, metrics.jsonl, checkpoints/ (required)"},
    {.name = "set",
     .argument = "KEY=VALUE",
     .repeated = true,
     .help = "changes a key of the run file: optimizer.rate=0.05, model.2.dropout.rate=0.3; "
             "without a value back to its default: schedule= or augment="},
    OVERRIDE_FLAGS,
    {.name = "resume",
     .help = "continue from the newest valid checkpoint in DIR; start where there is none"},
    {.name = "stop-after",
     .argument = "N",
     .help = "stop, with a checkpoint, when N steps of the run are done"},
    {.name = "quiet", .short_name = 'q', .help = "no progress on stderr"},
    {.name = "json", .help = "the result as one JSON object on stdout"},
    {0}};

/* The newest figures of one set of parameters. */
struct Shown {
    const char *name;
    double loss, accuracy, rmse, r2; /* accuracy, or the other two */
};

static void add_json(json_t *object, const struct Shown *shown, bool regression) {
    const struct {
        const char *name;
        double value;
        bool written;
    } rows[] = {{"loss", shown->loss, true},
                {"accuracy", shown->accuracy, !regression},
                {"rmse", shown->rmse, regression},
                {"r2", shown->r2, regression && isfinite(shown->r2)}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char key[32];
        snprintf(key, sizeof key, "%s_%s", shown->name, rows[i].name);
        if (rows[i].written)
            json_object_set_new(object, key, json_real(rows[i].value));
    }
}

static void print_shown(const struct Shown *shown, bool regression) {
    char figure[32];
    printf("%-11s loss %s", shown->name, text_figure(shown->loss, figure));
    if (!regression)
        printf(", accuracy %.2f %%", 100 * shown->accuracy);
    else
        printf(", RMSE %.4g", shown->rmse);
    if (regression && isfinite(shown->r2))
        printf(", R2 %s", text_figure(shown->r2, figure));
}

static struct Shown train_figures(const struct TrainResult *result) {
    return (struct Shown){"train", result->train_loss, result->train_accuracy, result->train_rmse,
                          NAN};
}
static struct Shown validation_figures(const struct Progress *progress) {
    return (struct Shown){"validation", progress->validation_loss, progress->validation_accuracy,
                          progress->validation_rmse, progress->validation_r2};
}
static struct Shown average_figures(const struct Progress *progress) {
    return (struct Shown){"average", progress->average_loss, progress->average_accuracy,
                          progress->average_rmse, progress->average_r2};
}

static void print_json(const struct TrainResult *result) {
    const struct Progress *progress = &result->progress;
    struct Shown train = train_figures(result), validation = validation_figures(progress),
                 average = average_figures(progress);
    json_t *object = json_pack("{s:I, s:I, s:b}", "step", (json_int_t)progress->step, "total_steps",
                               (json_int_t)result->total_steps, "finished", result->finished);
    if (result->stopped_early)
        json_object_set_new(object, "stopped_early", json_true());
    if (isfinite(result->train_loss))
        add_json(object, &train, result->regression);
    if (progress->best_metric >= 0) {
        add_json(object, &validation, result->regression);
        json_object_set_new(object, result->regression ? "best_loss" : "best_accuracy",
                            json_real(progress->best_metric));
        json_object_set_new(object, "best_step", json_integer(progress->best_step));
    }
    json_object_set_new(object, "seconds", json_real(progress->seconds));
    json_object_set_new(object, "images_per_second", json_real(result->images_per_second));
    json_object_set_new(object, "digest", json_string(result->digest));
    if (*result->average_digest)
        json_object_set_new(object, "average_digest", json_string(result->average_digest));
    if (progress->average_loss >= 0)
        add_json(object, &average, result->regression);
    json_object_set_new(object, "checkpoint", json_string(result->checkpoint));
    json_dumpf(object, stdout, JSON_REAL_PRECISION(10));
    fputc('\n', stdout);
    json_decref(object);
}

/* Behind the figures that best.h5 goes by. */
static void print_best(const struct TrainResult *result) {
    const struct Progress *progress = &result->progress;
    long long step = (long long)progress->best_step;
    char figure[32];
    if (result->regression)
        printf(" (best loss %s at step %lld)", text_figure(progress->best_metric, figure), step);
    else
        printf(" (best %.2f %% at step %lld)", 100 * progress->best_metric, step);
}

static void print_words(const struct TrainResult *result) {
    const struct Progress *progress = &result->progress;
    struct Shown train = train_figures(result), validation = validation_figures(progress),
                 average = average_figures(progress);
    bool averaged = progress->average_loss >= 0;
    printf("%s at step %lld of %lld\n",
           result->stopped_early ? "finished early"
           : result->finished    ? "finished"
                                 : "stopped",
           (long long)progress->step, (long long)result->total_steps);
    if (isfinite(result->train_loss)) {
        print_shown(&train, result->regression);
        putchar('\n');
    }
    if (progress->best_metric >= 0) {
        print_shown(&validation, result->regression);
        if (!averaged)
            print_best(result);
        putchar('\n');
    }
    if (averaged) {
        print_shown(&average, result->regression);
        print_best(result);
        putchar('\n');
    }
    if (result->images_per_second > 0)
        printf("speed       %.1f images/s, %.1f s of training\n", result->images_per_second,
               progress->seconds);
    else
        printf("speed       no step was made, %.1f s of training\n", progress->seconds);
    printf("digest      %s\n", result->digest);
    if (*result->average_digest)
        printf("            %s (average)\n", result->average_digest);
    printf("checkpoint  %s\n", result->checkpoint);
}

static int run(const struct Command *command, const struct Arguments *arguments,
               struct Ranks *ranks, struct Error *error) {
    (void)command;
    long long stop_after;
    int code = argument_integer(arguments, "stop-after", 1, INT64_MAX, 0, &stop_after, error);
    if (code)
        return code;
    struct Overrides overrides = overrides_collect(arguments);
    struct TrainRequest request = {.run_path = arguments->operands[0],
                                   .override_count = overrides.count,
                                   .overrides = overrides.texts,
                                   .folder = argument_value(arguments, "out"),
                                   .resume = argument_given(arguments, "resume"),
                                   .stop_after = stop_after,
                                   .quiet = argument_given(arguments, "quiet")};
    struct TrainResult result = {0};
    if (!request.folder || !*request.folder)
        code = fail(error, ERROR_USAGE,
                    "train: --out DIR is missing: the folder that the run is written to");
    if (!code)
        code = train(ranks, &request, &result, error);
    if (!code && ranks_rank(ranks) == 0) {
        if (argument_given(arguments, "json"))
            print_json(&result);
        else
            print_words(&result);
    }
    memory_release(result.checkpoint);
    overrides_release(&overrides);
    return code;
}

const struct Command command_train = {
    .name = "train",
    .operands = "RUN.yaml",
    .least_operands = 1,
    .most_operands = 1,
    .summary = "train a model as a run file says",
    .help =
        "Trains on all ranks and fills DIR with run.yaml (every key resolved), metrics.jsonl "
        "and checkpoints/, in which latest.h5 and best.h5 point at the newest and at the best "
        "by validation accuracy (by validation loss where the targets are values), of the average "
        "of weights where the run keeps one. The parameters have the same bits whatever the number "
        "of ranks, as long as train.shards is the same.\n"
        "\n"
        "Examples:\n"
        "  mpirun -np 2 trainer train launch/recipes/demo.yaml --out runs/demo\n"
        "  mpirun -np 4 trainer train runs/demo/run.yaml --out runs/demo --resume\n"
        "  mpirun -np 2 trainer train mine.yaml --out runs/b --backend openblas\n"
        "  trainer train cifar.yaml --out runs/a --set optimizer.rate=0.05 --set train.seed=2\n",
    .flags = flags,
    .parallel = true,
    .run = run,
};
