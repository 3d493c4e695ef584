/* Item 2: the loss of the first batch with the initial weights, against what scores of 0 would give
 * (ln C for a softmax over C classes); then the penalty, by which the objective must rise. */
#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "base/memory.h"
#include "check/inside.h"
#include "nn/loss.h"
#include "optim/clip.h"
#include "optim/rules.h"
#include "run/chance.h"
#include "run/overfit.h"

#define MOST_TARGETS 2000

double check__chance(const struct Experiment *experiment) {
    return run_chance_loss(experiment_options(experiment), experiment_parts(experiment));
}

/* ---- The last layer ---- */

/* Activations whose outputs have bounds. */
struct Bounds {
    const char *layer;
    double least, most;
    enum CheckVerdict verdict; /* for classes */
};
static const struct Bounds bounds[] = {{"relu", 0, INFINITY, CHECK_BAD},
                                       {"sigmoid", 0, 1, CHECK_BAD},
                                       {"tanh", -1, 1, CHECK_BAD},
                                       {"elu", -1, INFINITY, CHECK_DOUBTFUL},
                                       {"selu", -1.7581, INFINITY, CHECK_DOUBTFUL},
                                       {"gelu", -0.17, INFINITY, CHECK_DOUBTFUL},
                                       {"silu", -0.2785, INFINITY, CHECK_DOUBTFUL}};

static const struct Bounds *bounds_of(const char *layer) {
    for (size_t i = 0; i < sizeof bounds / sizeof *bounds; i++)
        if (!strcmp(bounds[i].layer, layer))
            return &bounds[i];
    return NULL;
}

/* The part of the targets that the last layer cannot reach. */
static double unreachable(const struct RunParts *parts, const struct Bounds *reach) {
    int64_t outputs = parts->dataset->targets.count, count = parts->train->count, out = 0;
    int64_t samples = count < MOST_TARGETS ? count : MOST_TARGETS;
    float *target = memory_array(float, outputs, "a target");
    for (int64_t i = 0; i < samples; i++) {
        run_read_target(parts, i * count / samples, target);
        for (int64_t k = 0; k < outputs; k++)
            out += target[k] < reach->least - 1e-3 || target[k] > reach->most + 1e-3;
    }
    memory_release(target);
    return (double)out / (double)(samples * outputs);
}

/* Layers that bound nothing, and are still no last layer. */
static void blame_last_layer(struct Finding *finding, const char *layer) {
    static const struct {
        const char *layer, *cause;
    } wrong[] = {
        {"dropout", "wrong last layer: dropout sets outputs to 0"},
        {"alpha_dropout", "wrong last layer: dropout replaces outputs"},
        {"batchnorm", "wrong last layer: batch normalisation after the scores gives each of them "
                      "the same mean and deviation over the batch, so that a sample's scores "
                      "depend on the others"},
        {"layernorm", "wrong last layer: normalisation after the scores bounds how sure the "
                      "network can be"},
        {"groupnorm", "wrong last layer: normalisation after the scores bounds how sure the "
                      "network can be"},
        {"leaky_relu", "wrong last layer: the activation shrinks all scores below 0"},
        {"prelu", "wrong last layer: the activation shrinks all scores below 0"}};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        if (strcmp(layer, wrong[i].layer) != 0)
            continue;
        finding__expect(finding, "a linear layer, whose outputs are the scores");
        finding__blame(finding, CHECK_DOUBTFUL, wrong[i].cause,
                       "end the model with the linear layer, and put this one before it");
    }
}

static void look_at_last_layer(struct Preflight *preflight) {
    const struct RunParts *parts = experiment_parts(preflight->experiment);
    const struct Node *last = model_node(parts->model, model_node_count(parts->model) - 1);
    const struct Bounds *reach = bounds_of(node_layer_name(last));
    struct Finding *finding = findings__add(preflight->findings, CHECK_LOSS, "last_layer");
    finding__say(finding, "the last layer is %s", node_layer_name(last));
    blame_last_layer(finding, node_layer_name(last));
    if (!reach)
        return;
    if (targets_are_values(&parts->dataset->targets)) {
        double part = unreachable(parts, reach);
        finding__figure(finding, "unreachable_targets", part);
        finding__say(finding, ", which cannot reach %.1f %% of the targets", 100 * part);
        finding__expect(finding, "outputs that can take the targets' values");
        if (part > 0.01)
            finding__blame(finding, CHECK_BAD,
                           "wrong last layer: its activation keeps the outputs from the targets",
                           "end the model with the linear layer");
        return;
    }
    if (isinf(reach->most))
        finding__say(finding, ", whose outputs are never below %g", reach->least);
    else
        finding__say(finding, ", whose outputs lie between %g and %g", reach->least, reach->most);
    finding__expect(finding, "scores of any size: the loss applies what makes them probabilities");
    finding__blame(finding, reach->verdict,
                   "wrong last layer: an activation bounds the scores, so that the loss cannot "
                   "come near 0",
                   "end the model with the linear layer");
}

/* ---- The initial loss ---- */

/* How many times the loss of chance is too much. Scores of weights with std √(2 / fan_in) after
 * activations of unit variance come to 1.2 to 2.5 times for classes, and 3 times for values. */
#define MOST_OF_CLASSES 3
#define MOST_OF_VALUES 6
#define BAD_OF_VALUES 30
struct Limits {
    double doubtful, bad;
};
static struct Limits limits_of(const struct Experiment *experiment, double chance) {
    const struct Targets *targets = &experiment_parts(experiment)->dataset->targets;
    if (!targets_are_values(targets) && !check__loss_is_of_values(experiment)) {
        double most = run_usual_loss(MOST_OF_CLASSES, chance);
        return (struct Limits){most, 8.0 / MOST_OF_CLASSES * most};
    }
    return (struct Limits){run_usual_loss_of_values(experiment_options(experiment), targets->count,
                                                    MOST_OF_VALUES, chance),
                           BAD_OF_VALUES * chance};
}

/* How many times as large as usual weights may be before they are named. */
#define LARGE 3

/* The weights that are largest in comparison with those of kaiming_normal, whose deviation is
 * √(2 / fan_in), or biases in comparison with 1. */
struct Largest {
    const struct ArenaRow *row; /* NULL: none are large */
    double size, usual;         /* roots of mean squares */
};

static struct Largest find_largest(const struct Experiment *experiment) {
    const struct Arena *arena = model_arena(experiment_parts(experiment)->model);
    struct Largest largest = {0};
    double most = LARGE;
    for (int i = 0; i < arena->row_count; i++) {
        const struct ArenaRow *row = &arena->rows[i];
        const float *w = experiment_initial(experiment) + row->offset;
        double squares = 0;
        if (row->role != ROLE_WEIGHT && row->role != ROLE_BIAS)
            continue;
        for (int64_t j = 0; j < row->count; j++)
            squares += (double)w[j] * (double)w[j];
        double size = sqrt(squares / (double)row->count);
        double usual =
            row->role == ROLE_BIAS ? 1 : check__usual_norm(row) / sqrt((double)row->count);
        if (!(size > most * usual))
            continue;
        most = size / usual;
        largest = (struct Largest){row, size, usual};
    }
    return largest;
}

/* Why the initial loss is too high: inputs that are not as they should be, or weights. */
static void blame_high_loss(struct Preflight *preflight, struct Finding *finding,
                            enum CheckVerdict verdict) {
    struct Largest largest = find_largest(preflight->experiment);
    if (!largest.row) {
        if (finding__blame_earlier(preflight->findings, finding, verdict))
            return;
        finding__blame(
            finding, verdict,
            "the initial weights are too large, above all the last layer's: it is sure of "
            "wrong answers before it has learnt anything",
            "initialise the last layer smaller (weight_init: {normal: {std: 0.01}}, or "
            "fan_in_uniform)");
        return;
    }
    finding__say(finding, "; the size of %s is %.3g", largest.row->name, largest.size);
    if (largest.row->role == ROLE_BIAS) {
        finding__blame(
            finding, verdict,
            "the initial biases are too large: the network is sure of wrong answers before "
            "it has learnt anything",
            "let biases begin at 0 (bias_init of the layer, or initialise.biases)");
        return;
    }
    finding__say(finding, ", and kaiming_normal gives %.3g", largest.usual);
    char *cause =
        memory_print("the initial weights are too large, above all %s: the network is sure "
                     "of wrong answers before it has learnt anything",
                     largest.row->name);
    finding__blame(finding, verdict, cause,
                   "initialise them with kaiming_normal, or smaller (weight_init of the layer, or "
                   "initialise.weights)");
    memory_release(cause);
}

static void judge_loss(struct Preflight *preflight, struct Finding *finding, struct Limits limits,
                       double loss, double chance) {
    if (!isfinite(loss))
        finding__blame(finding, CHECK_BAD, "the initial weights are so large that numbers overflow",
                       "initialise with kaiming_normal, and centre and scale the inputs");
    else if (loss > limits.bad)
        blame_high_loss(preflight, finding, CHECK_BAD);
    else if (loss > limits.doubtful)
        blame_high_loss(preflight, finding, CHECK_DOUBTFUL);
    else if (loss < 0.3 * chance)
        finding__blame(finding, CHECK_DOUBTFUL,
                       "the initial weights know the answers already: they are of a trained model, "
                       "or the samples give the labels away",
                       "look at where the weights come from (start_from), and at the data");
}

bool check__loss_is_of_values(const struct Experiment *experiment) {
    const char *name = experiment_options(experiment)->loss.kind->name;
    return !strcmp(name, "mse") || !strcmp(name, "mae") || !strcmp(name, "huber");
}

static void look_at_loss(struct Preflight *preflight, const struct ExperimentStep *step) {
    const struct Experiment *experiment = preflight->experiment;
    const struct RunParts *parts = experiment_parts(experiment);
    double chance = check__chance(experiment);
    struct Limits limits = limits_of(experiment, chance);
    struct Finding *finding = findings__add(preflight->findings, CHECK_LOSS, "initial_loss");
    finding__figure(finding, "loss", step->loss);
    finding__figure(finding, "chance", chance);
    finding__say(finding, "%.4g", step->loss);
    if (parts->dataset->targets.kind == TARGET_CLASSES &&
        fabs(chance - log((double)parts->dataset->targets.count)) < 1e-6)
        finding__expect(finding,
                        "about ln %" PRId64
                        " = %.4g, the loss of equal probabilities, and less than %.3g",
                        parts->dataset->targets.count, chance, limits.doubtful);
    else
        finding__expect(finding, "about %.4g, the loss of scores that are 0, and less than %.3g",
                        chance, limits.doubtful);
    judge_loss(preflight, finding, limits, step->loss, chance);
}

/* ---- The penalty ---- */

/* Σ λ₂/2·w² + λ₁·|w| row by row in double, independently of what the updater sums. */
static int compute_penalty(const struct Experiment *experiment, double *penalty,
                           struct Error *error) {
    const struct RunOptions *options = experiment_options(experiment);
    const struct Arena *arena = model_arena(experiment_parts(experiment)->model);
    const struct Optimizer *optimizer = (const struct Optimizer *)options->optimizer.kind;
    struct RowSettings *settings =
        memory_array(struct RowSettings, arena->row_count, "settings of parameters");
    int code =
        rules_apply(&options->parameters, options->optimizer.options, arena, settings, error);
    *penalty = 0;
    for (int i = 0; i < arena->row_count && !code; i++) {
        const float *w = experiment_initial(experiment) + arena->rows[i].offset;
        double squares = 0, magnitudes = 0;
        for (int64_t j = 0; j < arena->rows[i].count && !settings[i].frozen; j++) {
            squares += (double)w[j] * (double)w[j];
            magnitudes += fabs((double)w[j]);
        }
        *penalty += settings[i].l1 * magnitudes;
        if (!optimizer->decoupled)
            *penalty += settings[i].weight_decay / 2 * squares;
    }
    memory_release(settings);
    return code;
}

static int look_at_penalty(struct Preflight *preflight, double loss, struct Error *error) {
    const struct Experiment *experiment = preflight->experiment;
    const struct Updater *updater = experiment_parts(experiment)->updater;
    double computed;
    if (!updater_has_penalty(updater))
        return OK;
    int code = compute_penalty(experiment, &computed, error);
    if (code)
        return code;
    double penalty = updater_penalty(updater, experiment_initial(experiment));
    struct Finding *finding = findings__add(preflight->findings, CHECK_LOSS, "penalty");
    finding__figure(finding, "penalty", penalty);
    finding__figure(finding, "objective", loss + penalty);
    finding__figure(finding, "rise_expected", computed);
    finding__say(finding, "with the penalty the loss is %.4g: it rises by %.4g", loss + penalty,
                 penalty);
    finding__expect(finding, "a rise by %.4g", computed);
    if (!(fabs(penalty - computed) <= 1e-4 * fabs(computed) + 1e-9))
        finding__blame(finding, CHECK_BAD,
                       "the penalty that is trained on is not that of the run file's rules",
                       "report this as a fault of the program");
    else if (penalty > 10 * fabs(loss))
        finding__blame(finding, penalty > 100 * fabs(loss) ? CHECK_BAD : CHECK_DOUBTFUL,
                       "regularisation outweighs the data: the weights will shrink, whatever the "
                       "samples say",
                       "lower weight_decay or l1 until the penalty is below the loss");
    return OK;
}

/* ---- Clipping ---- */

static void sum_clipped(const struct Experiment *experiment, double *norm, double *clipped) {
    const struct ClipOptions *clip = &experiment_options(experiment)->clip;
    int64_t count = model_arena(experiment_parts(experiment)->model)->parameters;
    const float *gradient = experiment_gradient(experiment);
    double squares = 0, left = 0;
    for (int64_t i = 0; i < count; i++)
        squares += (double)gradient[i] * (double)gradient[i];
    *norm = sqrt(squares);
    double factor = clip->norm > 0 ? clip_factor(clip, *norm) : 1;
    double most = clip->value > 0 ? clip->value : INFINITY;
    for (int64_t i = 0; i < count; i++)
        left += pow(fmin(fabs(factor * (double)gradient[i]), most), 2);
    *clipped = sqrt(left);
}

static void blame_clip(const struct Preflight *preflight, struct Finding *finding,
                       enum CheckVerdict verdict) {
    bool by_value = experiment_options(preflight->experiment)->clip.value > 0;
    finding__blame(finding, verdict,
                   by_value ? "clip.value cuts the gradient down to nearly nothing, so that the "
                              "weights barely move"
                            : "clip.norm cuts the gradient down to nearly nothing, so that the "
                              "weights barely move",
                   by_value ? "raise clip.value to about the largest of the gradient"
                            : "raise clip.norm to about the gradient's norm");
}

/* Optimisers that divide by the size of gradients do not mind. */
static void look_at_clip(struct Preflight *preflight, const struct ExperimentStep *step) {
    const struct Experiment *experiment = preflight->experiment;
    const struct ClipOptions *clip = &experiment_options(experiment)->clip;
    double norm, clipped;
    if (!(clip->norm > 0 || clip->value > 0) || !step->finite)
        return;
    sum_clipped(experiment, &norm, &clipped);
    struct Finding *finding = findings__add(preflight->findings, CHECK_LOSS, "clip");
    finding__figure(finding, "gradient_norm", norm);
    finding__figure(finding, "clipped_norm", clipped);
    finding__say(finding, "the gradient has norm %.3g, and after clipping %.3g", norm, clipped);
    finding__expect(finding, "limits that only the largest gradients reach");
    if (!check__follows_gradient(experiment))
        return;
    preflight->cut = norm / clipped;
    if (norm > 1000 * clipped)
        blame_clip(preflight, finding, norm > 1e5 * clipped ? CHECK_BAD : CHECK_DOUBTFUL);
}

#define MUCH 10 /* times shorter */

void check__blame_low_rate(const struct Preflight *preflight, struct Finding *finding,
                           enum CheckVerdict verdict, const char *cause, const char *advice) {
    if (preflight->cut > MUCH)
        blame_clip(preflight, finding, verdict);
    else
        finding__blame(finding, verdict, cause, advice);
}

int check__mean_loss(struct Experiment *experiment, int64_t count, struct ExperimentStep *step,
                     struct Error *error) {
    double loss = 0;
    bool finite = true;
    for (int64_t i = 0; i < count; i++) {
        int code = experiment_step(experiment, NAN, step, error);
        if (code)
            return code;
        loss += step->loss / (double)count;
        finite &= step->finite;
    }
    step->loss = loss;
    step->finite = finite;
    return OK;
}

#define ENOUGH 32 /* samples, whose mean loss is that of other samples, too */

/* The first batches with the initial weights, as many as have enough samples. */
static int first_batches(struct Experiment *experiment, struct ExperimentStep *step,
                         struct Error *error) {
    int64_t batch = experiment_options(experiment)->train.batch;
    return check__mean_loss(experiment, (ENOUGH + batch - 1) / batch, step, error);
}

/* The same without what changes images, targets and layers at random. */
static int plain_batches(struct Preflight *preflight, struct ExperimentStep *step,
                         struct Error *error) {
    struct TrainRequest request = *preflight->request->train;
    struct Experiment *plain;
    request.without = HARDENS_ALL;
    int code = experiment_create(&plain, preflight->ranks, &request, error);
    if (code)
        return code;
    code = first_batches(plain, step, error);
    experiment_release(plain);
    return code;
}

static int first_loss(struct Preflight *preflight, struct ExperimentStep *step,
                      struct Error *error) {
    int code = first_batches(preflight->experiment, step, error);
    if (code || !run_has(experiment_options(preflight->experiment), HARDENS_ALL))
        return code;
    bool finite = step->finite;
    code = plain_batches(preflight, step, error);
    step->finite &= finite;
    return code;
}

int check__loss(struct Preflight *preflight, struct Error *error) {
    struct ExperimentStep step;
    int code = first_loss(preflight, &step, error);
    if (!code && ranks_rank(preflight->ranks) == 0) {
        look_at_last_layer(preflight);
        look_at_loss(preflight, &step);
        code = look_at_penalty(preflight, step.loss, error);
        look_at_clip(preflight, &step);
    }
    return ranks_agree(preflight->ranks, code, error);
}
