#include "cli/members.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/memory.h"
#include "base/path.h"
#include "cli/members_data.h"
#include "cli/members_files.h"
#include "cli/signals.h"
#include "data/feed.h"
#include "nn/loss.h"
#include "run/agreement.h"
#include "run/hold.h"

int members_parse_weights(const char *text, int count, double *weights, struct Error *error) {
    double total = 0;
    const char *at = text;
    for (int i = 0; i < count; i++) {
        char *end = NULL;
        double weight = at ? strtod(at, &end) : NAN;
        if (!at || end == at || !isfinite(weight) || weight < 0 || (*end && *end != ','))
            return fail(error, ERROR_USAGE,
                        "--weights %s: expected %d numbers from 0, divided by commas", text, count);
        total += weights[i] = weight;
        at = *end ? end + 1 : NULL;
    }
    if (at)
        return fail(error, ERROR_USAGE, "--weights %s: expected one number a checkpoint: %d", text,
                    count);
    if (total <= 0)
        return fail(error, ERROR_USAGE, "--weights %s: expected numbers of which one is above 0",
                    text);
    for (int i = 0; i < count; i++)
        weights[i] /= total;
    return OK;
}

int members_read_parameters(const struct Arguments *arguments, enum MemberParameters *parameters,
                            struct Error *error) {
    int found = 0; /* the default is auto; the names are in the order of enum MemberParameters */
    int code = argument_choice(arguments, "parameters", start_parameters_names, -1, &found, error);
    *parameters = (enum MemberParameters)found;
    return code;
}

int members_read_mean(const struct Arguments *arguments, enum EnsembleMean *mean,
                      struct Error *error) {
    int found = ENSEMBLE_MEAN_ARITHMETIC;
    int code = argument_choice(arguments, "mean", ensemble_mean_names, -1, &found, error);
    *mean = (enum EnsembleMean)found;
    return code;
}

/* --convolution replaces the rule of the members' runs. */
static int set_convolution(struct Members *members, const struct Arguments *arguments,
                           struct Error *error) {
    int rule = -1;
    int code = argument_choice(arguments, "convolution", convolution_rule_names, -1, &rule, error);
    for (int i = 0; i < members->count && rule >= 0; i++)
        members->items[i].options.train.convolution = rule;
    return code;
}

int members_check_precision(const struct Arguments *arguments, struct Error *error) {
    int found;
    return argument_choice(arguments, "precision", precision_names, -1, &found, error);
}

static int read_choices(struct Members *members, const struct Arguments *arguments,
                        struct Error *error) {
    int code = members_read_mean(arguments, &members->mean, error);
    if (!code)
        code = members_read_parameters(arguments, &members->parameters, error);
    return code ? code : members_check_precision(arguments, error);
}

static int parse_flags(struct Members *members, const struct Arguments *arguments,
                       struct Error *error) {
    const char *mean = argument_value(arguments, "mean");
    const char *weights = argument_value(arguments, "weights");
    int code = read_choices(members, arguments, error);
    if (code)
        return code;
    members->count = members->operands.checkpoint_count;
    if (members->operands.weights && (mean || weights))
        return fail(error, ERROR_USAGE,
                    "--%s %s: does not go with an ensemble's file, which has its own",
                    mean ? "mean" : "weights", mean ? mean : weights);
    if (members->count == 1 && (mean || weights))
        return fail(error, ERROR_USAGE, "--%s %s: needs several checkpoints, found one",
                    mean ? "mean" : "weights", mean ? mean : weights);
    members->weights = memory_array(double, members->count, "weights");
    for (int i = 0; i < members->count; i++)
        members->weights[i] =
            members->operands.weights ? members->operands.weights[i] : 1.0 / members->count;
    if (members->operands.geometric)
        members->mean = ENSEMBLE_MEAN_GEOMETRIC;
    return weights ? members_parse_weights(weights, members->count, members->weights, error) : OK;
}

static const struct Loss *loss_of(const struct Members *members, int member) {
    return (const struct Loss *)members->items[member].options.loss.kind;
}

bool members_predict_probabilities(const struct Members *members) {
    return loss_of(members, 0)->prediction != PREDICTION_SCORES;
}

bool members_predict_sets(const struct Members *members) {
    return members->items[0].targets.kind == TARGET_SETS;
}

int members_check_mean(enum EnsembleMean mean, const struct Member *first, struct Error *error) {
    const struct Loss *loss = (const struct Loss *)first->options.loss.kind;
    if (mean != ENSEMBLE_MEAN_GEOMETRIC || loss->prediction == PREDICTION_PROBABILITIES)
        return OK;
    return fail(error, ERROR_USAGE,
                "--mean geometric: averages probabilities; %s was trained with loss %s, which "
                "predicts %s: expected arithmetic",
                first->path, loss->kind.name, prediction_words[loss->prediction]);
}

/* Only predictions of the same kind can be averaged. */
static int check_predictions(const struct Members *members, struct Error *error) {
    const struct Loss *first = loss_of(members, 0);
    for (int i = 1; i < members->count; i++)
        if (loss_of(members, i)->prediction != first->prediction)
            return fail(error, ERROR_CHECKPOINT,
                        "%s: predicts %s (loss %s), %s predicts %s (loss %s): they make no "
                        "ensemble",
                        members->items[i].path, prediction_words[loss_of(members, i)->prediction],
                        loss_of(members, i)->kind.name, members->items[0].path,
                        prediction_words[first->prediction], first->kind.name);
    return members_check_mean(members->mean, &members->items[0], error);
}

/* The values of the flags that are whole numbers. */
struct Numbers {
    int64_t threads, dropout_samples, seed;
};

static int parse_numbers(struct Numbers *numbers, const struct Arguments *arguments,
                         struct Error *error) {
    int code =
        argument_integer(arguments, "threads", 1, RUN_MOST_THREADS, 1, &numbers->threads, error);
    if (!code)
        code = argument_integer(arguments, "dropout-samples", 1, TEST_TIME_DROPOUT_SAMPLES, 0,
                                &numbers->dropout_samples, error);
    if (!code)
        code = argument_integer(arguments, "seed", 0, RUN_MOST_SEED, -1, &numbers->seed, error);
    if (!code && numbers->seed >= 0 && !numbers->dropout_samples)
        return fail(error, ERROR_USAGE,
                    "--seed: is the seed of masks, which --dropout-samples draws");
    return code;
}

int members_check_flags(const struct Arguments *arguments, struct Error *error) {
    struct Numbers numbers;
    struct Members members = {0};
    int code = parse_numbers(&numbers, arguments, error);
    if (!code)
        code = read_choices(&members, arguments, error);
    return code ? code : set_convolution(&members, arguments, error);
}

static int check_views(const struct Members *members, const struct Member *member,
                       struct Error *error) {
    if (members->views && preprocess_makes_vector(&member->preprocess))
        return fail(error, ERROR_USAGE,
                    "--views: %s takes principal components, not images: there is nothing to view "
                    "in another way",
                    member->path);
    return OK;
}

static int attach_member(struct Members *members, int i, const struct Attachment *attachment,
                         struct Error *error) {
    struct Member *member = &members->items[i];
    int code = member_match(member, members->dataset, error);
    if (!code)
        code = check_views(members, member, error);
    if (!code)
        code = member_attach(member, attachment, error);
    members->predictors[i] = member_predictor(member);
    return code;
}

/* Refuses --dropout-samples if no member has anything random in it. */
static int check_randomness(const struct Members *members, const struct Numbers *numbers,
                            struct Error *error) {
    bool random = numbers->dropout_samples == 0;
    for (int i = 0; i < members->count; i++)
        random |= model_is_random(members->items[i].model);
    if (random)
        return OK;
    return fail(error, ERROR_USAGE,
                "--dropout-samples: %s has no layer that is random in training, so that every "
                "sample would be the same; expected a model with dropout or a similar layer",
                members->items[0].path);
}

bool members_was_trained_on(const struct Member *member, const char *split, const char *data) {
    const struct DataOptions *options = &member->options.data;
    bool own = !data || (options->file && path_is_same_file(data, options->file));
    return own && !strcmp(split, options->train);
}

void members_warn_of_training(const struct Members *members) {
    if (members->trained_on)
        log_warning("%s was trained on split %s: its figures there show how well it has learnt "
                    "these samples, not how good it is on new ones",
                    members->count == 1 ? members->items[0].path : "a member",
                    members->split->name);
}

/* Opens the data and makes every member ready to run over the split. */
static int attach(struct Members *members, const struct Arguments *arguments, struct Ranks *ranks,
                  enum Variant variant, const struct Numbers *numbers, struct Error *error) {
    const char *backend_name = argument_value(arguments, "backend");
    int code = check_predictions(members, error);
    if (!code)
        code = members_open_data(members, arguments, ranks, error);
    struct StreamCut cut = {0};
    code = ranks_agree(ranks, code, error);
    if (!code && members->split->in_blocks)
        code = run_hold_evaluated(members->dataset, members->split,
                                  members->items[0].options.data.memory, ranks, &members->held,
                                  &cut, error);
    if (code)
        return code;
    backend_configure((int)numbers->threads, variant);
    members->backend = backend_find(backend_name ? backend_name : "auto", variant, error);
    if (!members->backend)
        return error->code;
    code = set_convolution(members, arguments, error);
    if (!code)
        code = check_randomness(members, numbers, error);
    for (int i = 0; i < members->count && !members->operands.source_count; i++)
        members->trained_on |= members_was_trained_on(&members->items[i], members->split->name,
                                                      argument_value(arguments, "data"));
    members->views = argument_value(arguments, "views");
    members->dropout_samples = numbers->dropout_samples;
    members->seed = numbers->seed;
    struct Attachment attachment = {.dataset = members->dataset,
                                    .split = members->split,
                                    .backend = members->backend,
                                    .variant = variant,
                                    .precision = argument_value(arguments, "precision"),
                                    .views = members->views,
                                    .dropout_samples = numbers->dropout_samples,
                                    .seed = numbers->seed,
                                    .cut = cut};
    for (int i = 0; i < members->count && !code; i++)
        code = attach_member(members, i, &attachment, error);
    return code;
}

/* Refuses ranks with different libraries or data sets. */
static int agree(const struct Members *members, struct Ranks *ranks, enum Variant variant,
                 struct Error *error) {
    int code = run_agree_backend(ranks, members->backend, variant, error);
    if (!code && !members->files.pictures.count)
        code = run_check_splits(ranks, members->dataset, &members->split, 1, DATASET_CHECK_AUTO, OK,
                                error);
    return code ? code : run_agree_data(ranks, members->dataset, &members->split, 1, error);
}

int members_open(struct Members *members, const struct Arguments *arguments, bool predicts,
                 struct Ranks *ranks, struct Error *error) {
    struct Numbers numbers;
    *members = (struct Members){.predicts = predicts};
    int code = parse_numbers(&numbers, arguments, error);
    if (!code)
        code = operands_read(&members->operands, arguments, predicts, ranks, error);
    if (!code)
        code = parse_flags(members, arguments, error);
    if (!code && members->operands.source_count && argument_given(arguments, "data"))
        code = fail(error, ERROR_USAGE, "--data %s: does not go with the source %s",
                    argument_value(arguments, "data"), members->operands.sources[0]);
    if (code)
        return code;
    members->items = memory_array(struct Member, members->count, "members");
    members->predictors = memory_array(struct Predictor, members->count, "members");
    for (int i = 0; i < members->count && !code; i++)
        code = member_open(&members->items[i], ranks, members->operands.checkpoints[i],
                           members->parameters, error);
    if (!code)
        code = members_list_files(members, arguments, ranks, error);
    if (code)
        return code;
    enum Variant variant = run_agree_variant(ranks, variant_best(VARIANT_F32_V4));
    code = ranks_agree(ranks, attach(members, arguments, ranks, variant, &numbers, error), error);
    return code ? code : agree(members, ranks, variant, error);
}

void members_release(struct Members *members) {
    for (int i = 0; members->items && i < members->count; i++)
        member_release(&members->items[i]);
    memory_release(members->items);
    memory_release(members->predictors);
    memory_release(members->weights);
    memory_release(members->choices);
    members_release_files(members);
    operands_release(&members->operands);
    dataset_close(members->dataset);
    node_memory_release(members->held);
}

int members_evaluate(const struct Members *members, const struct EvaluateRequest *request,
                     struct Ranks *ranks, struct Evaluation *results, struct Error *error) {
    beat_enter(ranks_beat(ranks), BEAT_EVALUATING);
    int code = signals_explain(evaluate(ranks, request, results, error), error);
    if (code)
        return code;
    code = dataset_check_unchanged(members->dataset, &members->split, 1, error);
    return ranks_agree(ranks, code, error);
}

/* How often a model runs on each sample: the largest number among the members. */
static int most_runs(const struct Members *members) {
    int most = 1;
    for (int i = 0; i < members->count; i++)
        if (members->items[i].test_time && members->items[i].test_time->count > most)
            most = members->items[i].test_time->count;
    return most;
}

/* The seed of a member's masks. */
static int64_t seed_of(const struct Members *members, int member) {
    return members->seed < 0 ? members->items[member].options.train.seed : members->seed;
}

/* Whether a member draws masks; one with nothing random makes a single prediction. */
static bool draws_masks(const struct Members *members, int member) {
    return members->items[member].test_time &&
           members->items[member].test_time->dropout_samples > 0;
}

/* Prints the seeds of the masks; one seed if all are the same. */
static void print_seeds(const struct Members *members, FILE *stream) {
    bool same = true;
    int first = 0;
    while (!draws_masks(members, first))
        first++;
    for (int i = first + 1; i < members->count; i++)
        same &= !draws_masks(members, i) || seed_of(members, i) == seed_of(members, first);
    fprintf(stream, ", %s %" PRId64, same ? "seed" : "seeds", seed_of(members, first));
    for (int i = first + 1; !same && i < members->count; i++)
        if (draws_masks(members, i))
            fprintf(stream, ", %" PRId64, seed_of(members, i));
}

void members_print_test_time(const struct Members *members, FILE *stream) {
    int runs = most_runs(members);
    if (!members->views && !members->dropout_samples)
        return;
    if (runs == 1)
        fprintf(stream, ", one pass over each (");
    else
        fprintf(stream, ", the mean of %d passes over each (", runs);
    if (members->views)
        fprintf(stream, "--views %s%s", members->views, members->dropout_samples ? ", " : "");
    if (members->dropout_samples) {
        fprintf(stream, "--dropout-samples %" PRId64, members->dropout_samples);
        print_seeds(members, stream);
    }
    fputc(')', stream);
}

void members_describe_test_time(const struct Members *members, json_t *object) {
    json_object_set_new(object, "passes", json_integer(most_runs(members)));
    json_object_set_new(object, "views",
                        members->views ? json_string(members->views) : json_null());
    json_object_set_new(object, "dropout_samples", json_integer(members->dropout_samples));
    if (!members->dropout_samples)
        return;
    json_t *seeds = json_array();
    for (int i = 0; i < members->count; i++)
        json_array_append_new(seeds, draws_masks(members, i) ? json_integer(seed_of(members, i))
                                                             : json_null());
    json_object_set_new(object, "seeds", seeds);
}

bool members_can_rank(const struct Members *members) {
    double scores = (double)members->split->count * (double)members->dataset->targets.count;
    double bytes = scores * (double)(members->count + 1) * sizeof(double);
    return !targets_are_values(&members->dataset->targets) &&
           memory_can_hold((uint64_t)fmin(bytes, 0x1p62));
}

struct EvaluateRequest members_request(const struct Members *members) {
    return (struct EvaluateRequest){
        .members = members->predictors,
        .member_count = members->count,
        .weights = members->weights,
        .mean = members->mean,
        .temperature = members->operands.temperature,
        .metrics = split_has_truth(members->split) ? metrics_for(members->dataset) : NULL,
        .split = members->split,
        .outputs = members->dataset->targets.count,
        .make_ready = members->files.feed ? feed_take : NULL,
        .ready_context = members->files.feed,
        .is_interrupted = signals_ask_to_stop};
}
