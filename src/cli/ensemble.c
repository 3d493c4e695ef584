/* trainer ensemble: measures models together, finds which of them are needed, and saves the
 * ensemble in one file. */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "checkpoint/ensemble.h"
#include "cli/ensemble_data.h"
#include "cli/ensemble_report.h"
#include "cli/members.h"
#include "cli/output.h"
#include "cli/signals.h"
#include "nn/loss.h"
#include "report/progress_bar.h"
#include "run/agreement.h"

static const struct Flag flags[] = {
    {.name = "save",
     .argument = "FILE.h5",
     .help = "write the ensemble: its members, weights and temperature in one file, which eval and "
             "predict take like a checkpoint"},
    {.name = "data",
     .argument = "FILE",
     .help = "data set (default: the one that the first member was trained on)"},
    {.name = "select-split",
     .argument = "NAME",
     .help =
         "split on which weights and temperature are chosen (default: the runs' validation split)"},
    {.name = "split",
     .argument = "NAME",
     .help = "split on which all figures are reported (default: test, or else the other one)"},
    {.name = "select-by",
     .argument = "accuracy|log_loss|rmse",
     .help = "figure by which members are chosen (default: accuracy; for values rmse)"},
    {.name = "rounds",
     .argument = "N",
     .help = "rounds of greedy selection, each of which adds a member (default: 50)"},
    {.name = "weights",
     .argument = "equal|W,W,...",
     .help = "the ensemble's weights (default: equal or selected ones, whichever are better on the "
             "split of --select-split)"},
    {.name = "top",
     .argument = "K",
     .help = "only the K members whose runs had the best validation (default: all)"},
    {.name = "mean",
     .argument = "arithmetic|geometric",
     .help = "how predictions are averaged; geometric needs probabilities (default: arithmetic)"},
    {.name = "parameters",
     .argument = "auto|model|average",
     .help = "parameters that each checkpoint predicts with (default: auto, the average if the "
             "file has one)"},
    {.name = "backend", .argument = "NAME", .help = "auto, openblas or onednn"},
    {.name = "precision",
     .argument = "fp32|bf16",
     .help = "format of activations in memory (default: as in each checkpoint's run)"},
    {.name = "threads", .argument = "N", .help = "OpenMP threads of each rank (default: 1)"},
    {.name = "plot",
     .argument = "FILE.svg",
     .help = "draw the reliability diagram, before and after calibration, as SVG or PNG (needs "
             "gnuplot)"},
    {.name = "quiet",
     .short_name = 'q',
     .help = "no progress on stderr; warnings are still printed"},
    {.name = "json", .help = "the result as one JSON object on stdout"},
    {0}};

struct Ensemble {
    const struct Arguments *arguments;
    struct Ranks *ranks;
    struct Operands operands;
    struct Candidates candidates;
    struct EnsembleData data;
    struct Pool chosen_on, reported; /* chosen_on has no members if there is no such split */
    const struct Backend *backend;
    enum Variant variant;
    enum MemberParameters parameters;
    enum EnsembleMean mean;
    int64_t threads, rounds, top;
    double *weights; /* those of --weights, or NULL */
};

/* ---- Flags ---- */

static int parse_flags(struct Ensemble *ensemble, struct Error *error) {
    const struct Arguments *arguments = ensemble->arguments;
    int code = members_read_mean(arguments, &ensemble->mean, error);
    if (!code)
        code = members_read_parameters(arguments, &ensemble->parameters, error);
    if (!code)
        code = members_check_precision(arguments, error);
    if (!code)
        code = argument_integer(arguments, "threads", 1, RUN_MOST_THREADS, 1, &ensemble->threads,
                                error);
    if (!code)
        code = argument_integer(arguments, "rounds", 1, GREEDY_MOST, GREEDY_ROUNDS,
                                &ensemble->rounds, error);
    if (!code)
        code = argument_integer(arguments, "top", 1, ENSEMBLE_MOST, 0, &ensemble->top, error);
    return code;
}

static int parse_weights(struct Ensemble *ensemble, struct Error *error) {
    const char *text = argument_value(ensemble->arguments, "weights");
    int count = ensemble->operands.checkpoint_count;
    if (!text)
        return OK;
    ensemble->weights = memory_array(double, count, "weights");
    if (strcmp(text, "equal"))
        return members_parse_weights(text, count, ensemble->weights, error);
    for (int i = 0; i < count; i++)
        ensemble->weights[i] = 1.0 / count;
    return OK;
}

/* The figure by which members are chosen. */
static int parse_figure(const struct Ensemble *ensemble, enum Figure *figure, struct Error *error) {
    static const enum Figure known[] = {FIGURE_ACCURACY, FIGURE_LOG_LOSS, FIGURE_RMSE};
    const char *word = argument_value(ensemble->arguments, "select-by");
    *figure = greedy_default(&ensemble->reported);
    if (!word)
        return OK;
    for (int i = 0; i < 3; i++)
        if (!strcmp(word, figure_kinds[known[i]].name) &&
            greedy_can_use(&ensemble->reported, known[i])) {
            *figure = known[i];
            return OK;
        }
    return fail(error, ERROR_USAGE, "--select-by %s: expected %s", word,
                targets_are_values(&ensemble->data.dataset->targets)   ? "rmse"
                : greedy_can_use(&ensemble->reported, FIGURE_LOG_LOSS) ? "accuracy or log_loss"
                                                                       : "accuracy");
}

/* ---- Getting ready ---- */

/* Refuses to overwrite a member or the data. */
static int check_output(const struct Ensemble *ensemble, struct Error *error) {
    const char *path = argument_value(ensemble->arguments, "save");
    const char *plot = argument_value(ensemble->arguments, "plot");
    const struct Operands *operands = &ensemble->operands;
    int count = operands->checkpoint_count + 1, code = OK;
    if (ranks_rank(ensemble->ranks) != 0)
        return OK;
    const char **inputs = memory_array(const char *, count, "inputs");
    for (int i = 1; i < count; i++)
        inputs[i] = operands->checkpoints[i - 1];
    inputs[0] = argument_value(ensemble->arguments, "data");
    if (path)
        code = output_prepare("--save", path, OUTPUT_ENSEMBLE, inputs, count, error);
    if (plot && !code)
        code = output_prepare_picture("--plot", plot, inputs, count, error);
    memory_release((void *)inputs);
    return code;
}

static int open_members(struct Ensemble *ensemble, struct Error *error) {
    struct Ranks *ranks = ensemble->ranks;
    const struct Operands *operands = &ensemble->operands;
    int code =
        operands_read_all(&ensemble->operands, ensemble->arguments, ensemble->top, ranks, error);
    if (!code)
        code = parse_weights(ensemble, error);
    if (!code && operands->checkpoint_count < 2)
        code = fail(error, ERROR_USAGE,
                    "%s: an ensemble needs several members; expected more checkpoints, or a folder "
                    "of folds or of a search",
                    operands->checkpoints[0]);
    if (!code)
        code = ranks_agree(ranks, check_output(ensemble, error), error);
    if (!code)
        code = candidates_open(&ensemble->candidates, ranks, operands->checkpoints,
                               operands->checkpoint_count, ensemble->parameters, error);
    return code ? code : members_check_mean(ensemble->mean, &ensemble->candidates.items[0], error);
}

static int open_backend(struct Ensemble *ensemble, struct Error *error) {
    const char *name = argument_value(ensemble->arguments, "backend");
    backend_configure((int)ensemble->threads, ensemble->variant);
    ensemble->backend = backend_find(name ? name : "auto", ensemble->variant, error);
    return ensemble->backend ? OK : error->code;
}

/* Checks that memory can hold the scores of all members; greedy selection keeps those of its split
 * twice. */
static int check_memory(const struct Ensemble *ensemble, struct Error *error) {
    const struct EnsembleData *data = &ensemble->data;
    int count = ensemble->operands.checkpoint_count;
    char text[32];
    double bytes = pool_bytes(data->dataset, data->reported, count);
    if (data->chosen_on)
        bytes += 2 * pool_bytes(data->dataset, data->chosen_on, count);
    if (memory_can_hold((uint64_t)fmin(bytes, 0x1p62)))
        return OK;
    return fail(error, ERROR_SYSTEM,
                "the predictions of %d members take %s, more than this machine's memory; expected "
                "fewer members, as with --top",
                count, text_bytes(bytes, text));
}

static int open_data(struct Ensemble *ensemble, struct Error *error) {
    struct Ranks *ranks = ensemble->ranks;
    struct EnsembleData *data = &ensemble->data;
    ensemble->variant = run_agree_variant(ranks, variant_best(VARIANT_F32_V4));
    int code = ensemble_data_open(data, ensemble->arguments, &ensemble->candidates, error);
    if (!code)
        code = check_memory(ensemble, error);
    if (!code)
        code = open_backend(ensemble, error);
    code = ranks_agree(ranks, code, error);
    if (!code)
        code = candidates_match(&ensemble->candidates, data->dataset, error);
    if (!code)
        code = run_agree_backend(ranks, ensemble->backend, ensemble->variant, error);
    const struct Split *splits[] = {data->reported,
                                    data->chosen_on == data->reported ? NULL : data->chosen_on};
    if (!code)
        code = run_check_splits(ranks, data->dataset, splits, 2, DATASET_CHECK_AUTO, OK, error);
    return code ? code : run_agree_data(ranks, data->dataset, splits, 2, error);
}

/* ---- Predicting ---- */

static void report(void *context, const char *what, int64_t done, int64_t total) {
    progress_samples(context, what, done, total);
}

static int fill(struct Ensemble *ensemble, const struct Split *split, const struct StreamCut *cut,
                struct Pool *pool, struct Error *error) {
    bool first = ranks_rank(ensemble->ranks) == 0;
    enum Prediction prediction = ensemble->candidates.facts[0].prediction;
    struct MeanKind kind = {.mean = ensemble->mean,
                            .probabilities = prediction == PREDICTION_PROBABILITIES,
                            .sigmoids = prediction == PREDICTION_SIGMOIDS};
    struct ProgressBar *bar =
        progress_create(stderr, !first || argument_given(ensemble->arguments, "quiet"), 1, 1, 0);
    const struct Ticker ticker = {.context = bar, .report = report};
    const struct Attachment attachment = {.dataset = ensemble->data.dataset,
                                          .split = split,
                                          .backend = ensemble->backend,
                                          .variant = ensemble->variant,
                                          .precision =
                                              argument_value(ensemble->arguments, "precision"),
                                          .seed = -1,
                                          .cut = *cut};
    *pool = pool_create(ensemble->data.dataset, split, ensemble->candidates.count, kind, first);
    int code = candidates_fill(
        &ensemble->candidates, &attachment, pool,
        (struct Fill){.is_interrupted = signals_ask_to_stop, .ticker = &ticker}, error);
    progress_release(bar);
    code = signals_explain(code, error);
    if (!code)
        code = dataset_check_unchanged(ensemble->data.dataset, &split, 1, error);
    return ranks_agree(ensemble->ranks, code, error);
}

static int fill_pools(struct Ensemble *ensemble, struct Error *error) {
    struct EnsembleData *data = &ensemble->data;
    beat_enter(ranks_beat(ensemble->ranks), BEAT_EVALUATING);
    int code = fill(ensemble, data->reported, &data->reported_cut, &ensemble->reported, error);
    if (!code && data->chosen_on && data->chosen_on != data->reported)
        code = fill(ensemble, data->chosen_on, &data->chosen_cut, &ensemble->chosen_on, error);
    return code;
}

/* ---- The result ---- */

static int save(const struct Ensemble *ensemble, const struct Study *study, const char *path,
                struct Error *error) {
    const struct Candidates *candidates = &ensemble->candidates;
    const struct Split *split = ensemble->data.chosen_on;
    struct EnsembleFile file = {.members = memory_array(char *, study->members, "members"),
                                .averaged = memory_array(bool, study->members, "members"),
                                .weights = memory_array(double, study->members, "weights"),
                                .mean = memory_copy_text(ensemble_mean_names[ensemble->mean]),
                                .temperature = study->final->temperature,
                                .split = memory_copy_text(split ? split->name : "")};
    for (int m = 0; m < study->members; m++) {
        if (study->final->weights[m] == 0)
            continue;
        file.members[file.count] = memory_copy_text(candidates->paths[m]);
        file.averaged[file.count] = candidates->facts[m].averaged;
        file.weights[file.count++] = study->final->weights[m];
    }
    int code = ensemble_file_write(&file, path, error);
    ensemble_file_release(&file);
    return code;
}

/* Chooses, reports and saves on rank 0. */
static int conclude(struct Ensemble *ensemble, struct Error *error) {
    const struct EnsembleData *data = &ensemble->data;
    const char *path = argument_value(ensemble->arguments, "save");
    struct StudyRequest request = {.chosen_on = !data->chosen_on ? NULL
                                                : data->chosen_on == data->reported
                                                    ? &ensemble->reported
                                                    : &ensemble->chosen_on,
                                   .reported = &ensemble->reported,
                                   .rounds = (int)ensemble->rounds,
                                   .weights = ensemble->weights};
    int code = parse_figure(ensemble, &request.by, error);
    if (code)
        return code;
    struct Study study;
    study_make(&study, &request);
    if (path)
        code = save(ensemble, &study, path, error);
    const struct EnsembleReport words = {.study = &study,
                                         .candidates = &ensemble->candidates,
                                         .dataset = data->dataset,
                                         .chosen_on = data->chosen_on,
                                         .reported = data->reported,
                                         .mean = ensemble->mean,
                                         .why_not = data->why_not,
                                         .saved = path};
    if (!code && argument_given(ensemble->arguments, "json"))
        ensemble_print_json(&words);
    else if (!code)
        ensemble_print_words(&words);
    if (!code && argument_value(ensemble->arguments, "plot"))
        ensemble_plot(&words, argument_value(ensemble->arguments, "plot"));
    study_release(&study);
    return code;
}

static void release(struct Ensemble *ensemble) {
    pool_release(&ensemble->chosen_on);
    pool_release(&ensemble->reported);
    candidates_release(&ensemble->candidates);
    ensemble_data_release(&ensemble->data);
    operands_release(&ensemble->operands);
    memory_release(ensemble->weights);
}

static int run(const struct Command *command, const struct Arguments *arguments,
               struct Ranks *ranks, struct Error *error) {
    (void)command;
    struct Ensemble ensemble = {.arguments = arguments, .ranks = ranks};
    int code = parse_flags(&ensemble, error);
    if (!code)
        code = open_members(&ensemble, error);
    if (!code)
        code = open_data(&ensemble, error);
    if (!code)
        code = fill_pools(&ensemble, error);
    if (!code)
        code = ranks_agree(ranks, ranks_rank(ranks) == 0 ? conclude(&ensemble, error) : OK, error);
    release(&ensemble);
    return code;
}

const struct Command command_ensemble = {
    .name = "ensemble",
    .operands = "CHECKPOINT|RUN|FOLDS|SEARCH...",
    .least_operands = 1,
    .most_operands = -1,
    .summary = "measure what models gain as an ensemble, choose the useful ones, and write them as "
               "one file",
    .help = "The members are checkpoints, the best checkpoints of runs' folders, of all folds of "
            "a cross-validation (train --folds), of all trials of a search, or the members of an "
            "ensemble's file. The output shows how good each is alone, what the ensemble gains "
            "over the mean and the best of them, what it would be without each, and how often "
            "two of them decide differently.\n"
            "\n"
            "Weights come from greedy forward selection (Caruana et al. 2004): each round adds "
            "the member with which the ensemble is best, as often as that helps, starting with "
            "none. They are used if they are better than equal weights. A temperature (Guo et "
            "al. 2017) divides the logarithms of the ensemble's probabilities to calibrate them. "
            "Weights and temperature are chosen on the validation split alone, and all figures "
            "are reported on the test split.\n"
            "\n"
            "Members are spread over the ranks, and the result is the same for any number of "
            "ranks. Besides the models that a rank runs, it keeps the predictions of all members "
            "on rank 0: 8 bytes for each member, sample and class.\n"
            "\n"
            "Examples:\n"
            "  trainer ensemble runs/seed-*\n"
            "  mpirun -np 4 trainer ensemble runs/seed-* --save ensemble.h5\n"
            "  trainer predict ensemble.h5 photos -o predictions.csv\n"
            "  trainer ensemble search --top 16 --select-by log_loss --json\n"
            "  trainer ensemble folds --select-split validation --weights equal\n",
    .flags = flags,
    .parallel = true,
    .heeds_signals = true,
    .run = run,
};
