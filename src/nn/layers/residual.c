/* A residual block (He et al. 2015): output = body(x) + shortcut(x). A container: its body's
 * layers, the shortcut and the addition become nodes of the graph. The ReLU after it is the user's
 * next layer. */
#include <inttypes.h>
#include <stddef.h>
#include <string.h>

#include "base/memory.h"
#include "nn/graph.h"
#include "nn/layer.h"
#include "nn/layer_options.h"
#include "nn/pad_shortcut.h"
#include "nn/stochastic_depth.h"

enum { SHORTCUT_IDENTITY, SHORTCUT_PAD, SHORTCUT_PROJECTION };
enum { RULE_LINEAR, RULE_CONSTANT };
static const char *const rule_names[] = {"linear", "constant", NULL};
static const char *const shortcut_names[] = {"identity", "pad", "projection", NULL};

struct ResidualOptions {
    struct ChoiceList body;
    int shortcut;
    double drop;
    int drop_rule;
    bool recompute;
};

static const struct Key keys[] = {
    {"body", KEY_CHOICES, offsetof(struct ResidualOptions, body), .kinds = &layer_kinds,
     .help = "the layers whose output is added to the input"},
    {"shortcut", KEY_ENUM, offsetof(struct ResidualOptions, shortcut), "identity",
     .names = shortcut_names,
     .help =
         "identity: shapes must agree; pad: every stride-th pixel, and zero channels before "
         "(half of them, rounded down) and after (option A); "
         "projection: 1x1 convolution and batchnorm (option B), with the statistics and fold of "
         "the body's last batchnorm"},
    {"drop", KEY_REAL, offsetof(struct ResidualOptions, drop), "0", .minimum = 0, .maximum = 1,
     .without_regularisation = "0",
     .help = "stochastic depth: the probability that a sample skips the body in training; below 1"},
    {"drop_rule", KEY_ENUM, offsetof(struct ResidualOptions, drop_rule), "linear",
     .names = rule_names, .without_regularisation = "linear",
     .help =
         "linear: block l of the L blocks under this rule has drop * l / L, so that the last has "
         "drop; constant: drop itself"},
    {"recompute", KEY_BOOL, offsetof(struct ResidualOptions, recompute), "false",
     .help = "keep only the block's input and output for the backward pass, and compute what lies "
             "between once more: less memory for about a third more time; the same bits"},
    KEY_END};

/* A branch under construction. */
struct Branch {
    struct Graph *graph;
    const struct Choice *choice;
    const char *path;
    struct Error *error;
    const struct BatchnormOptions *norm; /* of the body, for the projection; NULL: none */
};

/* Appends a node "path.name" after `input`. */
static int append(const struct Branch *branch, const char *name, const struct Layer *layer,
                  const void *options, int input, int *output) {
    char *path = memory_print("%s.%s", branch->path, name);
    const struct NewNode new = {layer, options, branch->choice, path, &input, 1};
    int code = graph__add(branch->graph, &new, output, branch->error);
    memory_release(path);
    return code;
}

static int append_addition(const struct Branch *branch, const int terms[2], int *output) {
    char *path = memory_print("%s.add", branch->path);
    const struct NewNode new = {LAYER_IDENTITY(add), NULL, branch->choice, path, terms, 2};
    int code = graph__add(branch->graph, &new, output, branch->error);
    memory_release(path);
    return code;
}

/* The options of the last batch normalisation among the nodes from `first` on, or NULL. */
static const struct BatchnormOptions *norm_of_body(const struct Graph *graph, int first) {
    for (int i = graph->node_count - 1; i >= first; i--)
        if (graph->nodes[i]->layer == LAYER_IDENTITY(batchnorm))
            return graph->nodes[i]->options;
    return NULL;
}

/* initialise.residual: zero: the body's last normalisation or layer with weights starts at zero, so
 * that the block starts as its shortcut (Goyal et al. 2017; Zhang et al. 2019, "Fixup"). It does
 * not if a ReLU follows, which would never let a gradient through, or if the run file gives that
 * layer an initialiser of its own. Blocks inside the body are treated by themselves. */
static void start_as_shortcut(struct Graph *graph, int first, const char *body) {
    struct ModelRow *last = NULL;
    for (int i = first; i < graph->node_count; i++) {
        const struct Node *node = graph->nodes[i];
        if (strchr(node->path + strlen(body) + 1, '.'))
            continue;
        if (node->layer == LAYER_IDENTITY(relu))
            last = NULL;
        if (node->row_count) {
            struct LayoutRow row = layout_row(&graph->layout, node->first_row); /* "weight" */
            enum ArenaRole role = row.arena->role;
            last = role == ROLE_WEIGHT || role == ROLE_NORMALISATION ? row.model : last;
        }
    }
    if (!last)
        return;
    const void *chosen_at = last->initialiser.node;
    if (!chosen_at || chosen_at == graph->initialise.weights.node)
        last->initialiser = initialise_zeros;
}

/* The stride that takes the block's input to its output, (in − 1) / stride + 1 = out on both axes,
 * or 0. */
static int64_t stride_between(struct Shape in, struct Shape out) {
    for (int64_t stride = 1; stride <= in.height || stride <= in.width; stride++)
        if ((in.height - 1) / stride + 1 == out.height && (in.width - 1) / stride + 1 == out.width)
            return stride;
    return 0;
}

/* Do the nodes from `first` on turn an image into one pixel, and not by their strides? */
static bool makes_features(const struct Graph *graph, int first, struct Shape in,
                           struct Shape out) {
    for (int i = first; i < graph->node_count; i++)
        if (graph->nodes[i]->layer->drops_space)
            return in.height * in.width > 1 && out.height * out.width == 1;
    return false;
}

static int misfit(const struct Branch *branch, struct Shape in, struct Shape out,
                  const char *expected) {
    return schema_fail(branch->error, branch->choice, "shortcut",
                       "layer %s (residual): the input is (%" PRId64 ", %" PRId64 ", %" PRId64
                       "), the body gives (%" PRId64 ", "
                       "%" PRId64 ", %" PRId64 "); expected %s",
                       branch->path, in.height, in.width, in.channels, out.height, out.width,
                       out.channels, expected);
}

static int append_pad(const struct Branch *branch, int64_t stride, int64_t channels, int input,
                      int *output) {
    struct PadShortcutOptions *options = graph__memory(branch->graph, sizeof *options);
    *options = (struct PadShortcutOptions){stride, channels};
    return append(branch, "shortcut", LAYER_IDENTITY(pad_shortcut), options, input, output);
}

static int append_projection(const struct Branch *branch, int64_t stride, int64_t channels,
                             int input, int *output) {
    struct ConvOptions *conv = graph__memory(branch->graph, sizeof *conv);
    *conv = (struct ConvOptions){
        .out = channels, .kernel = 1, .stride = stride, .dilation = 1, .groups = 1};
    struct BatchnormOptions *norm = graph__memory(branch->graph, sizeof *norm);
    *norm = (struct BatchnormOptions){.momentum = 0.1, .epsilon = 1e-5, .fold = true};
    if (branch->norm) {
        norm->statistics = branch->norm->statistics;
        norm->fold = branch->norm->fold;
    }
    int code = append(branch, "shortcut.0", LAYER_IDENTITY(conv), conv, input, &input);
    return code ? code
                : append(branch, "shortcut.1", LAYER_IDENTITY(batchnorm), norm, input, output);
}

/* The counter that all blocks of the model share. */
static struct DepthCount *depth_count(struct Graph *graph) {
    for (int i = 0; i < graph->node_count; i++)
        if (graph->nodes[i]->layer == LAYER_IDENTITY(stochastic_depth))
            return ((const struct StochasticDepthOptions *)graph->nodes[i]->options)->count;
    return graph__memory(graph, sizeof(struct DepthCount));
}

/* Appends stochastic depth to the body. It adds no row, so no name changes. */
static int append_drop(const struct Branch *branch, int *end) {
    const struct ResidualOptions *options = branch->choice->options;
    struct StochasticDepthOptions *depth = graph__memory(branch->graph, sizeof *depth);
    depth->drop = options->drop;
    depth->count = depth_count(branch->graph);
    if (options->drop_rule == RULE_LINEAR)
        depth->place = ++depth->count->blocks;
    return append(branch, "drop", LAYER_IDENTITY(stochastic_depth), depth, *end, end);
}

static int check_options(const struct Branch *branch) {
    const struct ResidualOptions *options = branch->choice->options;
    if (options->body.count == 0)
        return schema_fail(branch->error, branch->choice, "body",
                           "layer %s (residual): zero layers; expected a list of at least one",
                           branch->path);
    if (options->drop >= 1)
        return schema_fail(branch->error, branch->choice, "drop",
                           "layer %s (residual): 1 would always skip the body; expected less",
                           branch->path);
    if (options->drop == 0 && options->drop_rule != RULE_LINEAR)
        return schema_fail(branch->error, branch->choice, "drop_rule",
                           "layer %s (residual): %s is for drop, which is 0; expected a drop above "
                           "0 or no drop_rule",
                           branch->path, rule_names[options->drop_rule]);
    return OK;
}

static int append_body(const struct Branch *branch, int input, int *output) {
    const struct ResidualOptions *options = branch->choice->options;
    int first = branch->graph->node_count;
    char *body = memory_print("%s.body", branch->path);
    int code = graph__add_list(branch->graph, &options->body, body, input, output, branch->error);
    if (!code && branch->graph->initialise.residual == RESIDUAL_ZERO)
        start_as_shortcut(branch->graph, first, body);
    memory_release(body);
    return code;
}

/* `first`: the first node of the body; `end`: the tensor that the body gives. *output is `input`
 * already, which is right for an identity. */
static int append_shortcut(struct Branch *branch, int first, int input, int end, int *output) {
    int kind = ((const struct ResidualOptions *)branch->choice->options)->shortcut;
    struct Shape in = graph__shape(branch->graph, input), out = graph__shape(branch->graph, end);
    bool flattened = in.fold_height * in.fold_width != 1;
    int64_t stride = stride_between(in, out);
    if (kind == SHORTCUT_IDENTITY && !shape_equal(in, out))
        return misfit(branch, in, out, "equal shapes, or shortcut: pad or projection");
    if (kind != SHORTCUT_IDENTITY && makes_features(branch->graph, first, in, out))
        return misfit(branch, in, out,
                      "a body that keeps an image: the shortcut would see one pixel of the input");
    if (kind == SHORTCUT_PROJECTION && flattened)
        return misfit(branch, in, out,
                      "an image for shortcut: projection, and the input is flattened");
    if (stride == 0)
        return misfit(branch, in, out, "a size that some stride leads to");
    if (kind == SHORTCUT_PROJECTION) {
        branch->norm = norm_of_body(branch->graph, first);
        return append_projection(branch, stride, out.channels, input, output);
    }
    if (kind == SHORTCUT_IDENTITY || shape_equal(in, out))
        return OK;
    if (in.channels > out.channels || flattened)
        return misfit(branch, in, out, "an image, with as many channels or more, for pad");
    return append_pad(branch, stride, out.channels, input, output);
}

static int expand(struct Graph *graph, const struct Choice *choice, const char *path, int input,
                  int *output, struct Error *error) {
    const struct ResidualOptions *options = choice->options;
    struct Branch branch = {graph, choice, path, error, NULL};
    int ends[2] = {0, input}, first = graph->node_count;
    int code = check_options(&branch);
    if (code)
        return code;
    graph->residual_blocks++;
    code = append_body(&branch, input, &ends[0]);
    if (!code)
        code = append_shortcut(&branch, first, input, ends[0], &ends[1]);
    if (!code && options->drop > 0)
        code = append_drop(&branch, &ends[0]);
    if (!code)
        code = append_addition(&branch, ends, output);
    if (!code && options->recompute)
        graph__recompute(graph, first);
    return code;
}

const struct Layer KERNEL(layer_residual) = {
    .kind =
        {"residual",
         "adds the output of its body to its input: gradients reach the first layers undiminished, "
         "so that very deep networks can be trained",
         keys, sizeof(struct ResidualOptions)},
    .expand = expand,
};
