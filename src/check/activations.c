/* Item 4: activations and gradients with the initial weights, by depth (CS231n, "Weight
 * initialization"): collapse, explosion, saturation, dead units, symmetry. */
#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "base/memory.h"
#include "base/text.h"
#include "check/inside.h"
#include "evaluate/probing.h"

#define SAMPLES 128
#define SMALL 0.2   /* of the size of weights that kaiming_normal draws */
#define DEEP 8      /* ReLUs after which units die of the depth alone */
#define FEW_UNITS 4 /* layers of fewer units say nothing of dead units */

struct Look {
    struct Preflight *preflight;
    struct Probing *probing;
    struct ProbingSamples samples;
};

/* ---- Probing ---- */

static int load_samples(struct Look *look, struct Error *error) {
    const struct RunParts *parts = experiment_parts(look->preflight->experiment);
    const struct RunOptions *options = experiment_options(look->preflight->experiment);
    const struct LoaderRequest loading = run_plain_loading(parts, options);
    int64_t count = parts->train->count;
    return probing_samples_load(&look->samples, look->preflight->ranks, &loading,
                                count < SAMPLES ? count : SAMPLES, error);
}

static int probe(struct Look *look, const float *state, struct Error *error) {
    const struct Experiment *experiment = look->preflight->experiment;
    const struct RunParts *parts = experiment_parts(experiment);
    const struct RunOptions *options = experiment_options(experiment);
    int code = ranks_agree(look->preflight->ranks, load_samples(look, error), error);
    if (code)
        return code;
    struct ProbingRequest request = {.model = parts->model,
                                     .backend = parts->backend,
                                     .variant = experiment_variant(experiment),
                                     .precision = (enum Precision)options->train.precision,
                                     .convolution =
                                         (enum ConvolutionRule)options->train.convolution,
                                     .loss = &options->loss,
                                     .sets = parts->dataset->targets.kind == TARGET_SETS,
                                     .samples = &look->samples,
                                     .training = true,
                                     .backward = true,
                                     .seed = (uint64_t)options->train.seed};
    double *weights = NULL;
    if (parts->scale.count) {
        weights = memory_array(double, parts->scale.count, "weights of errors");
        target_scale_weights(&parts->scale, weights);
        request.error_weights = weights;
    }
    code = probing_create(&look->probing, look->preflight->ranks, &request, error);
    memory_release(weights);
    code = ranks_agree(look->preflight->ranks, code, error);
    if (!code)
        probing_run(look->probing, state, 0);
    return code;
}

/* ---- The table of layers ---- */

static double part(int64_t count, int64_t of) {
    return of > 0 ? (double)count / (double)of : 0;
}

static struct CheckLayer describe(const struct ProbeNode *node) {
    const struct ProbeValues *output = &node->output;
    struct CheckLayer layer = {
        .name = memory_print("%s %s", node->node->path, node_layer_name(node->node)),
        .mean = output->mean,
        .std = output->std,
        .zeros = part(output->zeros, output->count),
        .saturated = part(output->saturated, output->count),
        .dead = part(node->dead, node->units),
        .gradient_std = node->gradient.std};
    layer.bins = probe_histogram(output, layer.edges, layer.counts);
    return layer;
}

static void keep_layers(struct Findings *findings, const struct Probing *probing) {
    _Static_assert(CHECK_BINS == PROBE_SHOWN, "a layer has room for the histogram");
    int count = probing_node_count(probing);
    findings->layers = memory_array(struct CheckLayer, count, "layers");
    for (int i = 0; i < count; i++) {
        struct ProbeNode node;
        probing_node(probing, i, &node);
        findings->layers[findings->layer_count++] = describe(&node);
    }
}

/* ---- Forward ---- */

static bool is_named(const struct Node *node, const char *const *names) {
    for (; *names; names++)
        if (!strcmp(node_layer_name(node), *names))
            return true;
    return false;
}

/* Activations: what the next layer gets of the weights. */
static bool is_activation(const struct Node *node) {
    static const char *const names[] = {"relu", "leaky_relu", "prelu",   "elu",    "selu", "gelu",
                                        "silu", "tanh",       "sigmoid", "maxout", NULL};
    return is_named(node, names);
}

static bool is_weighted(const struct Node *node) {
    static const char *const names[] = {"conv", "linear", NULL};
    return is_named(node, names);
}

/* What the layers look like that carry the signal: the activations; without any, those with
 * weights. */
struct Depth {
    int count;
    double least, most, first, last; /* deviations */
    double saturated;                /* the largest part */
    const char *least_name, *most_name, *saturated_name;
    int64_t nonfinite;
};

static void add_layer(struct Depth *depth, const struct CheckLayer *layer) {
    if (!depth->count++)
        depth->first = layer->std;
    depth->last = layer->std;
    if (layer->std < depth->least) {
        depth->least = layer->std;
        depth->least_name = layer->name;
    }
    if (layer->std > depth->most) {
        depth->most = layer->std;
        depth->most_name = layer->name;
    }
    if (layer->saturated > depth->saturated) {
        depth->saturated = layer->saturated;
        depth->saturated_name = layer->name;
    }
}

static struct Depth look_down(const struct Findings *findings, const struct Probing *probing,
                              bool (*takes)(const struct Node *)) {
    struct Depth depth = {.least = INFINITY, .most = -INFINITY};
    int last = probing_node_count(probing) - 1;
    for (int i = 0; i <= last; i++) {
        struct ProbeNode node;
        probing_node(probing, i, &node);
        depth.nonfinite += node.output.nonfinite;
        if (i < last && takes(node.node))
            add_layer(&depth, &findings->layers[i]);
    }
    return depth;
}

static void judge_depth(struct Finding *finding, const struct Depth *depth) {
    static const char small[] =
        "the initial weights are too small: the signal dies away with depth, "
        "and so do the gradients";
    static const char large[] = "the initial weights are too large: the signal grows with depth";
    static const char advice[] =
        "initialise with kaiming_normal (ReLU) or xavier (tanh), or add batch normalisation";
    bool bad_small = depth->least<1e-3, bad_large = depth->most> 1e3;
    if (depth->nonfinite)
        finding__blame(finding, CHECK_BAD, "the initial weights are so large that numbers overflow",
                       advice);
    else if (bad_small || depth->least < 0.02)
        finding__blame(finding, bad_small ? CHECK_BAD : CHECK_DOUBTFUL, small, advice);
    else if (bad_large || depth->most > 100)
        finding__blame(finding, bad_large ? CHECK_BAD : CHECK_DOUBTFUL, large, advice);
}

static void look_at_outputs(struct Findings *findings, const struct Probing *probing) {
    struct Depth depth = look_down(findings, probing, is_activation);
    if (!depth.count)
        depth = look_down(findings, probing, is_weighted);
    if (!depth.count)
        return;
    struct Finding *finding = findings__add(findings, CHECK_ACTIVATIONS, "outputs_by_depth");
    finding__figure(finding, "least_std", depth.least);
    finding__figure(finding, "most_std", depth.most);
    finding__figure(finding, "first_std", depth.first);
    finding__figure(finding, "last_std", depth.last);
    if (depth.count == 1)
        finding__say(finding, "deviation %.3g", depth.first);
    else
        finding__say(finding,
                     "deviations of %d layers from %.3g (the first) to %.3g (the last); least %.3g",
                     depth.count, depth.first, depth.last, depth.least);
    if (depth.least_name)
        finding__say(finding, " (layer %s)", depth.least_name);
    finding__expect(finding, "about 1 at every depth");
    judge_depth(finding, &depth);
    if (depth.saturated <= 0)
        return;
    finding = findings__add(findings, CHECK_ACTIVATIONS, "saturation");
    finding__figure(finding, "worst_part", depth.saturated);
    finding__say(finding, "%.0f %% of the outputs of layer %s are saturated", 100 * depth.saturated,
                 depth.saturated_name);
    finding__expect(finding, "few");
    if (depth.saturated > 0.5)
        finding__blame(finding, depth.saturated > 0.9 ? CHECK_BAD : CHECK_DOUBTFUL,
                       "the initial weights are too large, or the inputs are not scaled: saturated "
                       "units pass no gradient on",
                       "initialise with xavier, and centre and scale the inputs");
}

/* ---- Dead units ---- */

static bool can_die(const struct Node *node) {
    static const char *const names[] = {"relu", NULL};
    return is_named(node, names);
}

static void look_at_units(struct Findings *findings, const struct Probing *probing) {
    const char *name = NULL;
    double worst = -1, first = -1;
    int depth = 0, depth_of_worst = 0; /* in ReLUs */
    for (int i = 0; i < probing_node_count(probing); i++) {
        struct ProbeNode node;
        probing_node(probing, i, &node);
        if (!can_die(node.node) || node.units < FEW_UNITS)
            continue;
        depth++;
        first = first < 0 ? findings->layers[i].dead : first;
        if (findings->layers[i].dead <= worst)
            continue;
        depth_of_worst = depth;
        worst = findings->layers[i].dead;
        name = findings->layers[i].name;
    }
    if (!name)
        return;
    struct Finding *finding = findings__add(findings, CHECK_ACTIVATIONS, "dead_units");
    finding__figure(finding, "worst_part", worst);
    if (worst > 0)
        finding__say(finding, "%.0f %% of the units of layer %s fire for none of the samples",
                     100 * worst, name);
    else
        finding__say(finding, "all units fire for some sample");
    finding__expect(finding, "few that never fire");
    if (worst > 0.3 && worst <= 0.8 && first < 0.1 && depth_of_worst >= DEEP)
        finding__blame(finding, CHECK_DOUBTFUL,
                       "units deep in the network are dead from the start: after so many layers "
                       "without normalisation or shortcuts all samples look alike",
                       "add batch normalisation or residual blocks, or use fewer layers");
    else if (worst > 0.3)
        finding__blame(
            finding, worst > 0.8 ? CHECK_BAD : CHECK_DOUBTFUL,
            "units are dead from the start: bad initialisation (negative biases, weights "
            "of 0 or of one sign, inputs that are not centred)",
            "initialise with kaiming_normal and biases of 0 or slightly above it, and "
            "centre the inputs");
}

/* ---- Gradients of the weights ---- */

/* A parameter's weights and gradient, unit by unit. Weights of conv and linear layers have the
 * output's units as their first dimension in memory. */
struct Weights {
    const struct ArenaRow *row;
    double weight_norm, gradient_norm;
    bool small;       /* far smaller than those of kaiming_normal */
    bool all_equal;   /* each unit has the weights of the first */
    bool moves_alike; /* and the gradient, too */
};

double check__usual_norm(const struct ArenaRow *row) {
    return sqrt(2.0 * (double)row->size[0]);
}

static struct Weights measure(const struct ArenaRow *row, const float *state,
                              const double *gradient) {
    const float *w = state + row->offset;
    const double *g = gradient + row->offset;
    int64_t unit = row->count / (row->size[0] > 0 ? row->size[0] : 1);
    struct Weights found = {.row = row, .all_equal = true, .moves_alike = true};
    double most = 0, apart = 0;
    for (int64_t i = 0; i < row->count; i++) {
        found.weight_norm += (double)w[i] * (double)w[i];
        found.gradient_norm += g[i] * g[i];
        found.all_equal &= w[i] == w[i % unit];
        most = fmax(most, fabs(g[i]));
        apart = fmax(apart, fabs(g[i] - g[i % unit]));
    }
    found.weight_norm = sqrt(found.weight_norm);
    found.gradient_norm = sqrt(found.gradient_norm);
    found.moves_alike = apart <= 1e-4 * most;
    found.small = found.weight_norm < SMALL * check__usual_norm(row);
    return found;
}

/* What the rows of weights come to, those that are frozen aside. */
struct Gradients {
    int rows, zero, symmetric, constant;
    bool last_constant, last_small; /* of the last row */
    struct Text zero_names, symmetric_names;
    double first, before_last, last, least,
        most; /* |gradient| / |weight|; of rows that have both */
};

static void add_weights(struct Gradients *sum, const struct Weights *weights) {
    bool many = weights->row->size[0] > 1;
    sum->rows++;
    sum->last_constant = weights->all_equal && many;
    sum->constant += sum->last_constant;
    if (weights->gradient_norm == 0)
        text_add(&sum->zero_names, "%s%s", sum->zero++ ? ", " : "", weights->row->name);
    else if (many && weights->all_equal && weights->moves_alike)
        text_add(&sum->symmetric_names, "%s%s", sum->symmetric++ ? ", " : "", weights->row->name);
    if (weights->gradient_norm == 0 || weights->weight_norm == 0)
        return;
    double ratio = weights->gradient_norm / weights->weight_norm;
    if (sum->least == 0)
        sum->first = sum->least = ratio;
    sum->before_last = sum->last;
    sum->last = ratio;
    sum->last_small = weights->small;
    sum->least = fmin(sum->least, ratio);
    sum->most = fmax(sum->most, ratio);
}

static void sum_weights(struct Preflight *preflight, const double *gradient,
                        struct Gradients *sum) {
    const struct Experiment *experiment = preflight->experiment;
    const struct RunParts *parts = experiment_parts(experiment);
    const struct Arena *arena = model_arena(parts->model);
    const bool *frozen = updater_frozen_rows(parts->updater);
    for (int i = 0; i < arena->row_count; i++) {
        if (arena->rows[i].role != ROLE_WEIGHT || frozen[i])
            continue;
        struct Weights weights = measure(&arena->rows[i], experiment_initial(experiment), gradient);
        add_weights(sum, &weights);
    }
}

/* Its inputs differ, so that its units do after one step. */
static bool only_last_is_constant(const struct Gradients *sum) {
    return sum->last_constant && sum->constant == 1 && sum->rows > 1 && !sum->symmetric;
}

static void look_at_symmetry(struct Findings *findings, const struct Gradients *sum) {
    struct Finding *finding = findings__add(findings, CHECK_ACTIVATIONS, "symmetry");
    finding__figure(finding, "parameters", sum->rows);
    finding__figure(finding, "constant", sum->constant);
    finding__figure(finding, "symmetric", sum->symmetric);
    finding__say(finding, "%d of %d layers begin with equal weights for all units", sum->constant,
                 sum->rows);
    if (sum->symmetric)
        finding__say(finding, "; the units of %s also get equal gradients",
                     sum->symmetric_names.data);
    finding__expect(finding, "units that differ, or get gradients that do");
    if (only_last_is_constant(sum))
        finding__blame(finding, CHECK_DOUBTFUL,
                       "zero or constant initialisation of the last layer: until it has moved, no "
                       "gradient reaches the layers before it. The others are drawn, so that "
                       "training can begin nevertheless",
                       "draw its weights, if small: weight_init: {normal: {std: 0.01}}");
    else if (sum->symmetric || (sum->zero && sum->constant))
        finding__blame(finding, CHECK_BAD,
                       "zero or constant initialisation: all units of a layer compute the same, "
                       "get the same gradient, or none, and stay the same (symmetry)",
                       "draw the weights: weight_init: kaiming_normal");
}

static void look_at_gradients(struct Findings *findings, const struct Gradients *sum) {
    struct Finding *finding = findings__add(findings, CHECK_ACTIVATIONS, "gradients_by_depth");
    /* A last layer that begins small is often meant, and soon is no longer small: until then it
     * passes on small gradients to all others alike. */
    bool aside = sum->last_small && sum->rows > 2;
    double last = aside ? sum->before_last : sum->last;
    double spread = sum->least > 0 ? sum->first / last : NAN;
    finding__figure(finding, "without_gradient", sum->zero);
    finding__figure(finding, "first_over_last", spread);
    finding__say(finding, "gradient over weight from %.2g (the first layer) to %.2g (the last%s)",
                 sum->first, last, aside ? " but one, as the last begins small" : "");
    finding__expect(finding, "a gradient for each layer, of similar size");
    if (sum->zero && only_last_is_constant(sum)) {
        finding__say(finding, "; none before the last layer has moved");
        return;
    }
    if (sum->zero) {
        finding__say(finding, "; no gradient reaches %s", sum->zero_names.data);
        finding__blame(finding, CHECK_BAD,
                       "layers get no gradient: all units between them and the loss are dead or "
                       "saturated, or their weights are 0",
                       "look at the layers above these");
    }
    if (spread < 1e-3)
        finding__blame(finding, spread < 1e-5 ? CHECK_BAD : CHECK_DOUBTFUL,
                       "gradients vanish on their way to the first layers: weights too small, or "
                       "units that saturate",
                       "use ReLU, batch normalisation or residual blocks, and kaiming_normal");
    else if (spread > 1e3)
        finding__blame(finding, spread > 1e5 ? CHECK_BAD : CHECK_DOUBTFUL,
                       "gradients explode on their way to the first layers: weights too large",
                       "use kaiming_normal or batch normalisation");
}

/* In the order of what explains what. */
static void report(struct Preflight *preflight, const struct Probing *probing) {
    struct Gradients sum = {0};
    sum_weights(preflight, probing_gradient(probing), &sum);
    look_at_symmetry(preflight->findings, &sum);
    look_at_units(preflight->findings, probing);
    look_at_outputs(preflight->findings, probing);
    look_at_gradients(preflight->findings, &sum);
    text_release(&sum.zero_names);
    text_release(&sum.symmetric_names);
}

static void release_look(struct Look *look) {
    probing_release(look->probing);
    probing_samples_release(&look->samples);
}

int check__probe(struct Preflight *preflight, const float *state, struct Findings *findings,
                 struct Error *error) {
    struct Look look = {.preflight = preflight};
    beat_enter(ranks_beat(preflight->ranks), BEAT_EVALUATING);
    int code = probe(&look, state, error);
    if (!code && ranks_rank(preflight->ranks) == 0)
        keep_layers(findings, look.probing);
    release_look(&look);
    return code;
}

int check__activations(struct Preflight *preflight, struct Error *error) {
    struct Look look = {.preflight = preflight};
    beat_enter(ranks_beat(preflight->ranks), BEAT_EVALUATING);
    int code = probe(&look, experiment_initial(preflight->experiment), error);
    if (!code && ranks_rank(preflight->ranks) == 0) {
        keep_layers(preflight->findings, look.probing);
        report(preflight, look.probing);
    }
    release_look(&look);
    return code;
}
