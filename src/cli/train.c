#include "train/train.h"

#include <inttypes.h>
#include <jansson.h>
#include <math.h>

#include "base/memory.h"
#include "base/path.h"
#include "checkpoint/checkpoint.h"
#include "cli/dry_run.h"
#include "cli/figures_json.h"
#include "cli/folds.h"
#include "cli/output.h"
#include "cli/outside.h"
#include "cli/overrides.h"
#include "cli/profile_json.h"
#include "cli/shown.h"
#include "cli/watching.h"
#include "cli/world.h"
#include "run/overfit.h"

static const struct Flag flags[] = {
    {.name = "out",
     .argument = "DIR",
     .short_name = 'o',
     .help = "folder of the run: run.yaml, metrics.jsonl, checkpoints/ (required)"},
    {.name = "set",
     .argument = "KEY=VALUE",
     .repeated = true,
     .help = "change a key of the run file: optimizer.rate=0.05, model.2.dropout.rate=0.3; an "
             "empty value restores the default: schedule= or augment="},
    OVERRIDE_FLAGS,
    LIMIT_FLAGS,
    {.name = "overfit",
     .argument = "N",
     .help =
         "a sanity check: learn N samples of the training split by heart, without augmentation, "
         "penalties and dropout; a sound set-up reaches an accuracy of 100 %"},
    {.name = "resume",
     .help = "continue from the newest valid checkpoint in DIR; start anew if there is none"},
    {.name = "stop-after",
     .argument = "N",
     .help = "write a checkpoint and stop when N steps of the run are done"},
    {.name = "dry-run",
     .help = "make two steps and a validation, print the time and memory that the run would need, "
             "and leave nothing in DIR"},
    {.name = "folds",
     .argument = "K",
     .help = "cross-validation: cut the training split into K equal parts, train K runs in "
             "DIR/fold-1 and so on, each on all parts but one, and measure each on the part that "
             "it has not seen, and all as an ensemble on split test"},
    {.name = "tensorboard",
     .argument = "LOGDIR",
     .help = "also write event files for TensorBoard into LOGDIR: figures of steps and epochs, the "
             "first layer's filters as images, and what `monitor` records"},
    {.name = "profile",
     .argument = "FILE",
     .optional = true,
     .help = "measure where the time goes: a table of layers and passes beside the limits of the "
             "cores, and the first and last steps as a trace in FILE (DIR/trace.json) for "
             "chrome://tracing or ui.perfetto.dev; changes no result"},
    {.name = "quiet",
     .short_name = 'q',
     .help = "no progress on stderr; warnings are still printed"},
    {.name = "json", .help = "the result as one JSON object on stdout"},
    {0}};

/* The objective that training minimises: the loss of the data plus the penalty. */
static double objective(const struct TrainResult *result) {
    return result->train.value[FIGURE_LOSS] + result->penalty;
}

/* The figure that decides which checkpoint is best.h5. */
static const struct FigureKind *best_kind(const struct TrainResult *result) {
    return &figure_kinds[result->best_figure];
}

static void print_json(int64_t overfit, const struct TrainResult *result) {
    const struct Progress *progress = &result->progress;
    json_t *object = json_pack("{s:I, s:I, s:b}", "step", (json_int_t)progress->step, "total_steps",
                               (json_int_t)result->total_steps, "finished", result->finished);
    if (result->stopped_early)
        json_object_set_new(object, "stopped_early", json_true());
    if (result->stopped_by)
        json_object_set_new(object, "stopped_by", json_string(result->stopped_by));
    figures_add_json_main(object, "train_", &result->train);
    if (!isnan(result->penalty) && figures_any(&result->train)) {
        json_object_set_new(object, "penalty", number_json(result->penalty));
        json_object_set_new(object, "objective", number_json(objective(result)));
    }
    figures_add_json_main(object, "validation_", &result->validation);
    if (result->best.step > 0) {
        char key[32];
        snprintf(key, sizeof key, "best_%s", best_kind(result)->name);
        json_object_set_new(object, key, number_json(result->best.metric));
        json_object_set_new(object, "best_step", json_integer(result->best.step));
    }
    if (overfit && result->finished)
        json_object_set_new(object, "overfit",
                            run_overfit_learnt(&result->validation) ? json_true()
                            : result->overfit_tells                 ? json_false()
                                                                    : json_null());
    json_object_set_new(object, "seconds", json_real(progress->seconds));
    json_object_set_new(object, "images_per_second", json_real(result->images_per_second));
    json_object_set_new(object, "digest", json_string(result->digest));
    if (*result->average_digest)
        json_object_set_new(object, "average_digest", json_string(result->average_digest));
    figures_add_json_main(object, "average_", &result->average);
    json_object_set_new(object, "checkpoint", shown_json(result->checkpoint));
    if (result->profile)
        json_object_set_new(object, "profile", profile_json(result->profile));
    json_dumpf(object, stdout, JSON_ENSURE_ASCII | JSON_REAL_PRECISION(10));
    fputc('\n', stdout);
    json_decref(object);
}

/* Prints the measured figures, and with `best` also the best so far. Prints nothing if there are
 * none. */
static void print_figures(const char *of, const struct Figures *figures, bool best,
                          const struct TrainResult *result) {
    char text[FIGURES_TEXT], figure[FIGURE_TEXT];
    if (!figures_any(figures))
        return;
    printf("%-11s %s", of, figures_text(figures, ", ", FIGURE_DIGITS, text));
    if (best)
        printf(" (best %s %s at step %" PRId64 ")", best_kind(result)->label,
               figure_text(result->best_figure, result->best.metric, FIGURE_DIGITS, figure),
               result->best.step);
    putchar('\n');
}

/* Prints whether the samples of --overfit were learnt. */
static void print_overfit(int64_t samples, const struct TrainResult *result) {
    if (!samples || !result->finished)
        return;
    const char *s = samples == 1 ? "" : "s";
    struct Figures best = {0};
    best.measured[result->best_figure] = result->best.step > 0;
    best.value[result->best_figure] = result->best.metric;
    if (run_overfit_learnt(&result->validation))
        printf("overfit     yes: %" PRId64 " sample%s learnt by heart\n", samples, s);
    else if (!result->overfit_tells)
        printf("overfit     not known: R2 needs samples that differ in each target\n");
    else if (run_overfit_learnt(&best))
        printf("overfit     no: %" PRId64 " sample%s learnt by step %" PRId64 ", and lost again\n"
               "advice      try a lower optimizer.rate\n",
               samples, s, result->best.step);
    else
        printf("overfit     no: %" PRId64 " sample%s not learnt by heart\n"
               "advice      try another optimizer.rate or a longer train.length, then look at\n"
               "            the labels, the loss and the model\n",
               samples, samples == 1 ? " is" : "s are");
}

static void print_profile(const struct Profile *profile) {
    struct Text table = {0};
    profile_add_table(profile, &table);
    printf("\n%s", table.data);
    if (profile->trace)
        printf("trace       %s\n", shown(profile->trace));
    text_release(&table);
}

static void print_words(int64_t overfit, const struct TrainResult *result) {
    const struct Progress *progress = &result->progress;
    bool averaged = figures_any(&result->average);
    printf("%s at step %" PRId64 " of %" PRId64 "\n",
           result->stopped_early ? "finished early"
           : result->finished    ? "finished"
                                 : "stopped",
           progress->step, result->total_steps);
    print_figures("train", &result->train, false, result);
    if (!isnan(result->penalty) && figures_any(&result->train))
        printf("penalty     %.4f, objective %.4f\n", result->penalty, objective(result));
    print_figures("validation", &result->validation, !averaged, result);
    print_figures("average", &result->average, true, result);
    print_overfit(overfit, result);
    if (result->images_per_second > 0)
        printf("speed       %.1f samples/s, %.1f s of training\n", result->images_per_second,
               progress->seconds);
    else
        printf("speed       no step was made, %.1f s of training\n", progress->seconds);
    printf("digest      %s\n", result->digest);
    if (*result->average_digest)
        printf("            %s (average)\n", result->average_digest);
    printf("checkpoint  %s\n", shown(result->checkpoint));
    if (result->profile)
        print_profile(result->profile);
}

/* Refuses a run file that the new run would overwrite with its own run.yaml in the same folder. */
static int check_run_file(const struct TrainRequest *request, struct Ranks *ranks,
                          struct Error *error) {
    int code = OK;
    char *own = memory_print("%s/run.yaml", request->folder), **checkpoints;
    int count = 0;
    char *folder = memory_print("%s/checkpoints", request->folder);
    if (ranks_rank(ranks) == 0 && !request->resume && path_is_same_file(own, request->run_path) &&
        !checkpoint_list(folder, &checkpoints, &count, error)) {
        memory_release_texts(checkpoints, count);
        if (!count)
            code = fail(error, ERROR_USAGE,
                        "--out %s: would overwrite the input %s, because a run keeps its own "
                        "run.yaml in its folder; expected another folder",
                        request->folder, request->run_path);
    }
    memory_release(folder);
    memory_release(own);
    return ranks_agree(ranks, code, error);
}

/* Reads --stop-after, --overfit and --folds. */
static int read_numbers(const struct Arguments *arguments, struct TrainRequest *request,
                        int64_t *folds, struct Error *error) {
    int code =
        argument_integer(arguments, "stop-after", 1, INT64_MAX, 0, &request->stop_after, error);
    if (!code)
        code = argument_integer(arguments, "overfit", 1, INT64_MAX, 0, &request->overfit, error);
    if (!code)
        code = argument_integer(arguments, "folds", 2, FOLDS_MOST, 0, folds, error);
    bool dry = argument_given(arguments, "dry-run");
    if (!code && dry && request->profile)
        code = fail(error, ERROR_USAGE, "--profile: is of no use with --dry-run");
    const char *alone = request->stop_after ? "stop-after"
                        : request->profile  ? "profile"
                        : request->overfit  ? "overfit"
                        : dry               ? "dry-run"
                                            : NULL;
    if (!code && dry && request->stop_after)
        code = fail(error, ERROR_USAGE, "--stop-after: is of no use with --dry-run");
    if (!code && *folds && alone)
        code = fail(error, ERROR_USAGE, "--%s: is for one run, and --folds trains %" PRId64, alone,
                    *folds);
    return code;
}

/* The file to which --profile writes single steps; NULL if it was not given. */
static char *trace_path(const struct Arguments *arguments, const char *folder) {
    const char *path = argument_value(arguments, "profile");
    if (!argument_given(arguments, "profile"))
        return NULL;
    return path ? memory_copy_text(path) : memory_print("%s/trace.json", folder ? folder : "");
}

/* Refuses a trace that would overwrite an input. Makes the folders above it, unless it goes to the
 * run's folder, which the run makes. */
static int check_trace(const struct TrainRequest *request, bool in_folder, struct Ranks *ranks,
                       struct Error *error) {
    const char *path = request->profile;
    int code = OK;
    if (ranks_rank(ranks) == 0 && path)
        code = (in_folder ? output_check : output_prepare)("--profile", path, OUTPUT_TRACE,
                                                           &request->run_path, 1, error);
    return ranks_agree(ranks, code, error);
}

static int run(const struct Command *command, const struct Arguments *arguments,
               struct Ranks *ranks, struct Error *error) {
    (void)command;
    struct TrainRequest request = {.run_path = arguments->operands[0],
                                   .folder = argument_value(arguments, "out"),
                                   .resume = argument_given(arguments, "resume"),
                                   .tensorboard = argument_value(arguments, "tensorboard"),
                                   .quiet = argument_given(arguments, "quiet"),
                                   .watch = watching_watch()};
    char *trace = trace_path(arguments, request.folder);
    request.profile = trace;
    int64_t folds;
    int code = read_numbers(arguments, &request, &folds, error);
    if (!code && folds && argument_given(arguments, "tensorboard"))
        code = fail(error, ERROR_USAGE,
                    "--tensorboard: is for one run, and --folds trains %" PRId64, folds);
    if (code) {
        memory_release(trace);
        return code;
    }
    struct Overrides overrides = overrides_collect(arguments);
    struct Outside outside = outside_now(ranks);
    request.overrides = overrides.texts;
    request.override_count = overrides.count;
    request.outside = &outside;
    struct TrainResult result = {0};
    if (!request.folder || !*request.folder)
        code = fail(error, ERROR_USAGE,
                    "train: --out DIR is missing: the folder that the run is written to");
    if (!code)
        code = check_run_file(&request, ranks, error);
    if (!code)
        code = check_trace(&request, !argument_value(arguments, "profile"), ranks, error);
    bool json = argument_given(arguments, "json"), dry = argument_given(arguments, "dry-run");
    if (!code && dry)
        code = dry_run(ranks, &request, json, error);
    else if (!code && folds)
        code = folds_train(ranks, &request, folds, json, error);
    else if (!code)
        code = train(ranks, &request, &result, error);
    if (ranks_rank(ranks) == 0 && json && result.checkpoint)
        print_json(request.overfit, &result);
    else if (ranks_rank(ranks) == 0 && !code && !folds && !dry)
        print_words(request.overfit, &result);
    else if (result.profile) /* the run was asked to stop */
        print_profile(result.profile);
    memory_release(result.checkpoint);
    profile_release(result.profile);
    memory_release(trace);
    overrides_release(&overrides);
    return code;
}

const struct Command command_train = {
    .name = "train",
    .operands = "RUN.yaml",
    .least_operands = 1,
    .most_operands = 1,
    .summary = "train the model that a run file describes",
    .help = "Trains on all ranks and fills DIR with run.yaml (every key resolved), metrics.jsonl "
            "and checkpoints/. There latest.h5 points at the newest checkpoint, and best.h5 at "
            "the one with the best validation accuracy (validation loss if the targets are "
            "values or sets of classes), or whatever checkpoint.best names; if the run keeps an "
            "average of weights, the average's figure decides. The parameters have the same bits "
            "on any number of ranks, as long as train.shards is the same.\n"
            "\n"
            "SIGTERM, SIGINT (Ctrl-C), SIGUSR2, SIGHUP, train.time_limit and the time limit of a "
            "Slurm job stop the run: it finishes the step, saves, and exits with 75; --resume "
            "goes on. SIGUSR1 saves and goes on. A second signal to stop ends it at once. Send "
            "SIGUSR2 to mpirun, which kills its ranks 2 s after its own SIGTERM or SIGINT "
            "(docs/stopping.md).\n"
            "\n"
            "Examples:\n"
            "  mpirun -np 2 trainer train launch/recipes/demo.yaml --out runs/demo\n"
            "  mpirun -np 4 trainer train runs/demo/run.yaml --out runs/demo --resume\n"
            "  mpirun -np 2 trainer train mine.yaml --out runs/b --backend openblas\n"
            "  mpirun -np 4 trainer train mine.yaml --out runs/c --folds 5\n"
            "  mpirun -np 2 trainer train mine.yaml --out runs/b --dry-run\n"
            "  trainer train mine.yaml --out runs/s --limit-train 500 --limit-validation 90\n"
            "  trainer train mine.yaml --out runs/overfit --overfit 20\n"
            "  trainer train mine.yaml --out d --set monitor.every=100 --tensorboard d/events\n"
            "  mpirun -np 2 trainer train mine.yaml --out runs/p --stop-after 50 --profile\n"
            "  trainer train mine.yaml --out a --set train.seed=2 --set optimizer.rate=0.05\n",
    .flags = flags,
    .resumes = true,
    .parallel = true,
    .heeds_signals = true,
    .run = run,
};
