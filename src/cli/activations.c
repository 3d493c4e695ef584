/* trainer activations: the activations and gradients of a model, layer by layer. */
#include <inttypes.h>
#include <jansson.h>
#include <math.h>
#include <string.h>

#include "base/memory.h"
#include "base/text.h"
#include "cli/members.h"
#include "cli/overrides.h"
#include "cli/shown.h"
#include "cli/watching.h"
#include "evaluate/probing.h"
#include "run/agreement.h"
#include "run/hold.h"
#include "train/experiment.h"

static const struct Flag flags[] = {
    {.name = "samples",
     .argument = "N",
     .help = "number of samples, drawn at random but always the same (default: 256)"},
    {.name = "data",
     .argument = "FILE",
     .help = "for a checkpoint: the data set (default: the one that it was trained on)"},
    {.name = "split",
     .argument = "NAME",
     .help = "for a checkpoint: a split of it (default: test, or else the run's validation split); "
             "for a run file the training split is used"},
    {.name = "parameters",
     .argument = "auto|model|average",
     .help = "for a checkpoint: the model's parameters or their average (default: auto, the "
             "average if the file has one)"},
    {.name = "set",
     .argument = "KEY=VALUE",
     .repeated = true,
     .help = "for a run file: change a key"},
    {.name = "backend", .argument = "NAME", .help = "auto, openblas or onednn"},
    {.name = "threads", .argument = "N", .help = "OpenMP threads of each rank (default: 1)"},
    {.name = "json", .help = "the result as one JSON object on stdout, with histograms"},
    {0}};

/* A model, and the samples on which it runs. */
struct Subject {
    const char *path;
    bool initial; /* the initial weights of a run file; outputs are then those of training, too */
    const struct Model *model;
    const struct RunOptions *options;
    const struct Backend *backend;
    enum Variant variant;
    const float *state;
    struct LoaderRequest loading;
};

struct Seen {
    struct ProbingSamples samples;
    struct Probing *outputs, *gradients; /* of the subject at its start, the same */
};

static void seen_release(struct Seen *seen) {
    if (seen->outputs != seen->gradients)
        probing_release(seen->outputs);
    probing_release(seen->gradients);
    probing_samples_release(&seen->samples);
}

static int make_probings(const struct Subject *subject, struct Ranks *ranks, struct Seen *seen,
                         struct Error *error) {
    struct ProbingRequest request = {.model = subject->model,
                                     .backend = subject->backend,
                                     .variant = subject->variant,
                                     .precision = (enum Precision)subject->options->train.precision,
                                     .convolution =
                                         (enum ConvolutionRule)subject->options->train.convolution,
                                     .loss = &subject->options->loss,
                                     .samples = &seen->samples,
                                     .training = true,
                                     .backward = true,
                                     .seed = (uint64_t)subject->options->train.seed};
    int code = probing_create(&seen->gradients, ranks, &request, error);
    if (code)
        return code;
    if (subject->initial) {
        seen->outputs = seen->gradients;
        return OK;
    }
    request.training = request.backward = false;
    return probing_create(&seen->outputs, ranks, &request, error);
}

/* Runs the model on the samples and summarises what the layers put out. Collective. */
static int look(const struct Subject *subject, int64_t wanted, struct Ranks *ranks,
                struct Seen *seen, struct Error *error) {
    int64_t there = subject->loading.split->count;
    beat_enter(ranks_beat(ranks), BEAT_EVALUATING);
    int code = probing_samples_load(&seen->samples, ranks, &subject->loading,
                                    wanted < there ? wanted : there, error);
    code = ranks_agree(ranks, code, error);
    if (!code)
        code = ranks_agree(ranks, make_probings(subject, ranks, seen, error), error);
    if (code)
        return code;
    probing_run(seen->gradients, subject->state, 0);
    if (!subject->initial)
        probing_run(seen->outputs, subject->state, 0);
    return OK;
}

/* The gradient with respect to a node's output; its count is 0 if the plan omits the node. */
static struct ProbeValues gradient_at(const struct Seen *seen, const struct Node *node) {
    for (int i = 0; i < probing_node_count(seen->gradients); i++) {
        struct ProbeNode found;
        probing_node(seen->gradients, i, &found);
        if (found.node == node)
            return found.gradient;
    }
    return (struct ProbeValues){0};
}

static double gradient_norm(const struct Seen *seen, const struct ArenaRow *row) {
    return probe_array(VARIANT_F64, row->count, probing_gradient(seen->gradients) + row->offset,
                       NULL)
        .norm;
}

/* ---- Words ---- */

static void print_part(int64_t part, int64_t count, bool measured) {
    if (measured && count > 0)
        printf(" %8.2f %%", 100 * (double)part / (double)count);
    else
        printf(" %10s", "-");
}

static void print_number(double number, bool measured) {
    char text[32] = "-";
    if (measured)
        snprintf(text, sizeof text, "%.4g", number);
    printf(" %10s", text);
}

static void print_layer(const struct Seen *seen, int index) {
    struct ProbeNode node;
    probing_node(seen->outputs, index, &node);
    const struct ProbeValues *output = &node.output;
    struct ProbeValues gradient = gradient_at(seen, node.node);
    printf("%-14s %-13s", node.node->path, node_layer_name(node.node));
    print_number(output->mean, output->count > 0);
    print_number(output->std, output->count > 0);
    print_part(output->zeros, output->count, true);
    print_part(output->saturated, output->count, node.saturates);
    printf(" %6" PRId64 " of %-6" PRId64, node.dead, node.units);
    print_number(gradient.mean, gradient.count > 0);
    print_number(gradient.std, gradient.count > 0);
    if (output->nonfinite + gradient.nonfinite)
        printf("  %" PRId64 " NaN or Inf", output->nonfinite + gradient.nonfinite);
    putchar('\n');
}

/* ---- The verdict ---- */

/* The worst values among all layers except the last, whose outputs are the scores. */
struct Worst {
    const struct Node *dead_at, *saturated_at, *least_at, *most_at;
    double dead, saturated, least, most; /* shares of units and of outputs; two deviations */
    int64_t nonfinite;
};

#define FEW_UNITS 4 /* in a layer of so few units, dead ones are not reported */

static void keep_larger(double value, const struct Node *node, double *most,
                        const struct Node **at) {
    if (*at && value <= *most)
        return;
    *most = value;
    *at = node;
}

static struct Worst find_worst(const struct Seen *seen) {
    struct Worst worst = {0};
    int last = probing_node_count(seen->outputs) - 1;
    double negative = 0;
    for (int i = 0; i <= last; i++) {
        struct ProbeNode node;
        probing_node(seen->outputs, i, &node);
        worst.nonfinite += node.output.nonfinite + gradient_at(seen, node.node).nonfinite;
        if (i == last || !node.output.count)
            continue;
        if (!strcmp(node_layer_name(node.node), "relu") && node.units >= FEW_UNITS)
            keep_larger((double)node.dead / (double)node.units, node.node, &worst.dead,
                        &worst.dead_at);
        if (node.saturates)
            keep_larger((double)node.output.saturated / (double)node.output.count, node.node,
                        &worst.saturated, &worst.saturated_at);
        keep_larger(node.output.std, node.node, &worst.most, &worst.most_at);
        keep_larger(-node.output.std, node.node, &negative, &worst.least_at);
    }
    worst.least = -negative;
    return worst;
}

static void print_verdict(const struct Seen *seen) {
    const struct Worst worst = find_worst(seen);
    if (worst.nonfinite)
        puts("\nverdict  numbers are NaN or Inf: the rate was too high, or the initial weights too "
             "large\nadvice   lower optimizer.rate, and initialise with kaiming_normal or xavier");
    else if (worst.dead_at && worst.dead > 0.5)
        printf(
            "\nverdict  %.0f %% of the units of layer %s (%s) are dead: they fire for none of the "
            "samples; expected: few\nadvice   lower optimizer.rate, begin with biases of 0 or "
            "slightly above it and a smaller last layer, or use leaky_relu\n",
            100 * worst.dead, worst.dead_at->path, node_layer_name(worst.dead_at));
    else if (worst.saturated_at && worst.saturated > 0.5)
        printf(
            "\nverdict  %.0f %% of the outputs of layer %s (%s) are saturated and pass no gradient "
            "on; expected: few\nadvice   initialise with xavier, centre and scale the images, or "
            "lower optimizer.rate\n",
            100 * worst.saturated, worst.saturated_at->path, node_layer_name(worst.saturated_at));
    else if (worst.least_at && worst.least < 0.02)
        printf(
            "\nverdict  the outputs of layer %s (%s) hardly vary, deviation %.2g; expected: about "
            "1 at every depth\nadvice   initialise with kaiming_normal (ReLU) or xavier (tanh), or "
            "add batch normalisation\n",
            worst.least_at->path, node_layer_name(worst.least_at), worst.least);
    else if (worst.most_at && worst.most > 100)
        printf(
            "\nverdict  the outputs of layer %s (%s) are large, deviation %.2g; expected: about 1 "
            "at every depth\nadvice   initialise with smaller weights, scale the images, or add "
            "batch normalisation\n",
            worst.most_at->path, node_layer_name(worst.most_at), worst.most);
    else
        puts("\nverdict  as expected: no layer is dead or saturated, and none of their outputs "
             "collapse or explode");
}

static void print_words(const struct Subject *subject, const struct Seen *seen) {
    const struct Arena *arena = model_arena(subject->model);
    printf("%s, split %s of %s, %" PRId64 " samples; %s\n\n", shown(subject->path),
           shown(subject->loading.split->name), shown(subject->loading.dataset->path),
           seen->samples.count,
           subject->initial ? "all as in training"
                            : "outputs as in prediction, gradients as in training");
    printf("%-14s %-13s %10s %10s %10s %10s %16s %10s %10s\n", "layer", "", "mean", "std", "zeros",
           "saturated", "dead units   ", "gradient", "std");
    for (int i = 0; i < probing_node_count(seen->outputs); i++)
        print_layer(seen, i);
    printf("\n%-28s %10s %10s %10s %10s\n", "parameter", "mean", "std", "norm", "gradient");
    for (int r = 0; r < arena->row_count; r++) {
        const struct ArenaRow *row = &arena->rows[r];
        if (row->role == ROLE_STATISTIC)
            continue;
        struct ProbeValues values =
            probe_array(subject->variant, row->count, subject->state + row->offset, NULL);
        printf("%-28s", row->name);
        print_number(values.mean, true);
        print_number(values.std, true);
        print_number(values.norm, true);
        print_number(gradient_norm(seen, row), true);
        putchar('\n');
    }
    print_verdict(seen);
}

/* ---- JSON ---- */

static json_t *describe_numbers(int count, const double *numbers) {
    json_t *list = json_array();
    for (int i = 0; i < count; i++)
        json_array_append_new(list, json_real(numbers[i]));
    return list;
}

static void add_values(json_t *object, const struct ProbeValues *values) {
    double edges[PROBE_SHOWN + 1], counts[PROBE_SHOWN], count = (double)values->count;
    int bins = probe_histogram(values, edges, counts);
    json_object_set_new(object, "count", json_integer(values->count));
    json_object_set_new(object, "nonfinite", json_integer(values->nonfinite));
    if (!values->count)
        return;
    json_object_set_new(object, "mean", json_real(values->mean));
    json_object_set_new(object, "std", json_real(values->std));
    json_object_set_new(object, "min", json_real(values->least));
    json_object_set_new(object, "max", json_real(values->most));
    json_object_set_new(object, "zeros", json_real((double)values->zeros / count));
    json_object_set_new(object, "edges", describe_numbers(bins ? bins + 1 : 0, edges));
    json_object_set_new(object, "counts", describe_numbers(bins, counts));
}

static json_t *describe_layer(const struct Seen *seen, int index) {
    struct ProbeNode node;
    probing_node(seen->outputs, index, &node);
    struct ProbeValues gradient = gradient_at(seen, node.node);
    json_t *object = json_pack("{s:s, s:s, s:i}", "layer", node.node->path, "type",
                               node_layer_name(node.node), "depth", node.node->index);
    add_values(object, &node.output);
    if (node.saturates && node.output.count)
        json_object_set_new(object, "saturated",
                            json_real((double)node.output.saturated / (double)node.output.count));
    json_object_set_new(object, "units", json_integer(node.units));
    json_object_set_new(object, "dead", json_integer(node.dead));
    json_t *arriving = json_object();
    add_values(arriving, &gradient);
    json_object_set_new(object, "gradient", arriving);
    return object;
}

static json_t *describe_parameter(const struct Subject *subject, const struct Seen *seen,
                                  int index) {
    const struct ArenaRow *row = &model_arena(subject->model)->rows[index];
    double *bins = memory_array(double, PROBE_BINS, "a histogram");
    struct ProbeValues values =
        probe_array(subject->variant, row->count, subject->state + row->offset, bins);
    json_t *object = json_pack("{s:s, s:s, s:f, s:f}", "name", row->name, "layer",
                               model_node_of_row(subject->model, index)->path, "norm", values.norm,
                               "gradient", gradient_norm(seen, row));
    add_values(object, &values);
    memory_release(bins);
    return object;
}

static void print_json(const struct Subject *subject, const struct Seen *seen) {
    const struct Arena *arena = model_arena(subject->model);
    json_t *layers = json_array(), *parameters = json_array();
    for (int i = 0; i < probing_node_count(seen->outputs); i++)
        json_array_append_new(layers, describe_layer(seen, i));
    for (int r = 0; r < arena->row_count; r++)
        if (arena->rows[r].role != ROLE_STATISTIC)
            json_array_append_new(parameters, describe_parameter(subject, seen, r));
    json_t *object = json_pack(
        "{s:o, s:o, s:o, s:I, s:b, s:o, s:o}", "file", shown_json(subject->path), "data",
        shown_json(subject->loading.dataset->path), "split",
        shown_json(subject->loading.split->name), "samples", (json_int_t)seen->samples.count,
        "initial", subject->initial, "layers", layers, "parameters", parameters);
    json_dumpf(object, stdout, JSON_ENSURE_ASCII | JSON_REAL_PRECISION(9));
    fputc('\n', stdout);
    json_decref(object);
}

/* ---- The two kinds of subjects ---- */

static int show(const struct Subject *subject, const struct Arguments *arguments,
                struct Ranks *ranks, struct Error *error) {
    int64_t wanted;
    struct Seen seen = {0};
    int code = argument_integer(arguments, "samples", 1, 1000000, 256, &wanted, error);
    if (!code)
        code = look(subject, wanted, ranks, &seen, error);
    if (!code && ranks_rank(ranks) == 0)
        argument_given(arguments, "json") ? print_json(subject, &seen)
                                          : print_words(subject, &seen);
    seen_release(&seen);
    return code;
}

static int show_checkpoint(const struct Arguments *arguments, struct Ranks *ranks,
                           struct Error *error) {
    struct Members members = {0};
    struct StreamCut cut = {0};
    struct NodeMemory *held = NULL;
    int code = argument_given(arguments, "set")
                   ? fail(error, ERROR_USAGE, "--set: changes a run file, and %s is a checkpoint",
                          arguments->operands[0])
                   : members_open(&members, arguments, false, ranks, error);
    if (!code)
        code = run_hold_evaluated(members.dataset, members.split, -1, ranks, &held, &cut, error);
    if (!code) {
        const struct Member *member = &members.items[0];
        const struct Subject subject = {.path = member->path,
                                        .model = member->model,
                                        .options = &member->options,
                                        .backend = members.backend,
                                        .variant =
                                            run_agree_variant(ranks, variant_best(VARIANT_F32_V4)),
                                        .state = member->state,
                                        .loading = {.dataset = members.dataset,
                                                    .split = members.split,
                                                    .preprocess = &member->preprocess,
                                                    .targets = &member->scale,
                                                    .augment = &member->options.augment,
                                                    .evaluate = true,
                                                    .cut = cut}};
        code = show(&subject, arguments, ranks, error);
    }
    members_release(&members);
    node_memory_release(held);
    return code;
}

static int show_initial(const struct Experiment *experiment, const struct Arguments *arguments,
                        struct Ranks *ranks, struct Error *error) {
    const struct RunParts *parts = experiment_parts(experiment);
    const struct RunOptions *options = experiment_options(experiment);
    const struct Subject subject = {.path = arguments->operands[0],
                                    .initial = true,
                                    .model = parts->model,
                                    .options = options,
                                    .backend = parts->backend,
                                    .variant = experiment_variant(experiment),
                                    .state = experiment_initial(experiment),
                                    .loading = run_plain_loading(parts, options)};
    return show(&subject, arguments, ranks, error);
}

static int show_run_file(const struct Arguments *arguments, struct Ranks *ranks,
                         struct Error *error) {
    struct Overrides overrides = overrides_collect(arguments);
    struct Experiment *experiment = NULL;
    const struct TrainRequest request = {.run_path = arguments->operands[0],
                                         .overrides = overrides.texts,
                                         .override_count = overrides.count,
                                         .folder = ".",
                                         .watch = watching_watch()};
    int code = OK;
    if (argument_given(arguments, "data") || argument_given(arguments, "split") ||
        argument_given(arguments, "parameters"))
        code = fail(error, ERROR_USAGE,
                    "--data, --split and --parameters are for checkpoints, and %s is a run file; "
                    "--set changes its keys",
                    arguments->operands[0]);
    if (!code)
        code = experiment_create(&experiment, ranks, &request, error);
    if (!code)
        code = show_initial(experiment, arguments, ranks, error);
    experiment_release(experiment);
    overrides_release(&overrides);
    return code;
}

static int run(const struct Command *command, const struct Arguments *arguments,
               struct Ranks *ranks, struct Error *error) {
    const char *path = arguments->operands[0];
    (void)command;
    return text_ends_with(path, ".yaml") || text_ends_with(path, ".yml")
               ? show_run_file(arguments, ranks, error)
               : show_checkpoint(arguments, ranks, error);
}

const struct Command command_activations = {
    .name = "activations",
    .operands = "CHECKPOINT|RUN.yaml",
    .least_operands = 1,
    .most_operands = 1,
    .summary = "show a model's activations and gradients, layer by layer",
    .help = "Shows for every layer, by depth, the mean and standard deviation of its outputs, "
            "the fraction of them that is 0 or saturated (where the activation's slope is at "
            "most a twentieth of its greatest), how many units are dead (0 for all samples; a "
            "unit of a convolution is a channel), and the gradient of the loss with respect to "
            "them; then for every parameter its mean, deviation and norm, and the norm of its "
            "gradient. A run's folder stands for its best checkpoint. A run file's model is "
            "shown with its initial weights. The figures have the same bits on any number of "
            "ranks. docs/monitoring.md says how to read them.\n"
            "\n"
            "Examples:\n"
            "  trainer activations runs/a --split test\n"
            "  trainer activations best.h5 --data cifar10.h5 --samples 1000 --json\n"
            "  trainer activations mine.yaml --set 'initialise={weights: {normal: {std: "
            "0.01}}}'\n",
    .flags = flags,
    .parallel = true,
    .run = run,
};
