#include <inttypes.h>
#include <jansson.h>
#include <string.h>

#include "base/memory.h"
#include "base/table.h"
#include "base/text.h"
#include "cli/blueprint.h"
#include "cli/overrides.h"
#include "comm/exchange.h"
#include "nn/plan.h"
#include "optim/updater.h"

static const struct Flag flags[] = {
    BLUEPRINT_FLAGS,
    OVERRIDE_FLAGS,
    LIMIT_FLAGS,
    {.name = "ranks",
     .argument = "N",
     .help = "number of ranks for which the memory is computed (default: train.shards, or 1)"},
    {.name = "json", .help = "the result as one JSON object on stdout"},
    {0}};

static int64_t parameters_of(const struct Model *model, const struct Node *node) {
    int64_t count = 0;
    for (int i = 0; i < node->row_count; i++) {
        const struct ArenaRow *row = &model_arena(model)->rows[node->first_row + i];
        if (row->role != ROLE_STATISTIC)
            count += row->count;
    }
    return count;
}

static char *print_shape(struct Shape shape, char text[64]) {
    if (shape.height == 1 && shape.width == 1)
        snprintf(text, 64, "%" PRId64, shape.channels);
    else
        snprintf(text, 64, "%" PRId64 " x %" PRId64 " x %" PRId64, shape.height, shape.width,
                 shape.channels);
    return text;
}

/* The bytes that one rank needs, by purpose. */
struct Needs {
    int64_t samples; /* of a shard */
    int64_t shards;  /* of a rank */
    int64_t parameters, average, optimizer, exchange, activations, work;
};

static struct Needs measure(const struct Blueprint *blueprint, int64_t ranks) {
    const struct RunOptions *options = &blueprint->options;
    const struct Arena *arena = model_arena(blueprint->parts.model);
    struct PlanMemory memory = plan_memory(blueprint->parts.plan);
    const struct Plan *plan = blueprint->parts.plan;
    int64_t shards = options->train.shards, copies = plan_gathers(plan) ? plan_shards(plan) : 0;
    int64_t state = arena_state_elements(arena) * 4, gradient = arena_gradient_elements(arena);
    return (struct Needs){
        .samples = options->train.batch / shards,
        .shards = shards / ranks,
        .parameters = state,
        .average = options->average.kind ? state : 0,
        .optimizer = arena->parameters * updater_slot_count(blueprint->parts.updater) * 4,
        .exchange = exchange_memory(shards, ranks, gradient) + copies * gradient * 4,
        .activations = memory.activations,
        .work = memory.scratch + memory.prepared};
}

static int64_t sum_needs(const struct Needs *needs) {
    return needs->parameters + needs->average + needs->optimizer + needs->exchange +
           needs->activations + needs->work;
}

/* Writes "1.23 MFLOP" or "768 FLOP" to `text`. */
static char *print_flop(double flops, char text[40]) {
    char count[32];
    snprintf(text, 40, "%s%sFLOP", text_count(flops, count), flops < 1000 ? " " : "");
    return text;
}

static double bytes_of_output(const struct Blueprint *blueprint, const struct Node *node) {
    enum Precision precision = (enum Precision)blueprint->options.train.precision;
    return (double)(element_bytes(VARIANT_F32, precision) * shape_elements(node->out));
}

static void print_layers(const struct Blueprint *blueprint) {
    const struct Model *model = blueprint->parts.model;
    struct Text rows = {0};
    char shape[64], flops[40], count[32];
    double all = 0, bytes = 0;
    text_add(&rows, "layer\tkind\toutput HxWxC\tparameters\tflops\tactivation\n");
    text_add(&rows, "input\t\t%s\n", print_shape(model_input(model), shape));
    for (int i = 0; i < model_node_count(model); i++) {
        const struct Node *node = model_node(model, i);
        double activation = bytes_of_output(blueprint, node);
        text_add(&rows, "%s\t%s\t%s\t%" PRId64 "\t%s\t%s\n", node->path, node_layer_name(node),
                 print_shape(node->out, shape), parameters_of(model, node),
                 text_count(node->flops, flops), text_bytes(activation, count));
        all += node->flops;
        bytes += activation;
    }
    table_print(stdout, &rows, "l  l  l  r  r  r");
    printf("\nparameters  %s\na sample    %s forward",
           text_count((double)model_arena(model)->trained, count), print_flop(all, flops));
    printf(", about %s a training step\n            %s of layer outputs\n",
           print_flop(3 * all, flops), text_bytes(bytes, count));
}

static const char *const pass_names[PASS_COUNT] = {
    [FORWARD] = "forward",
    [BACKWARD_DATA] = "backward_data",
    [BACKWARD_WEIGHTS] = "backward_weights",
};

static const char *rule_of(const struct Blueprint *blueprint) {
    return convolution_rule_names[convolution_rule(
        (enum ConvolutionRule)blueprint->options.train.convolution,
        (enum Precision)blueprint->options.train.precision)];
}

static const char *kernels_of(const struct Blueprint *blueprint, const struct Node *node,
                              enum Pass pass) {
    return plan_kernels(blueprint->parts.plan, node->index, pass);
}

static void print_kernels(const struct Blueprint *blueprint) {
    const struct Model *model = blueprint->parts.model;
    struct Text rows = {0};
    for (int i = 0; i < model_node_count(model); i++) {
        const struct Node *node = model_node(model, i);
        if (!kernels_of(blueprint, node, FORWARD))
            continue;
        text_add(&rows, "%s%s",
                 rows.length ? "" : "layer\tforward\tbackward data\tbackward weights\n",
                 node->path);
        for (int pass = 0; pass < PASS_COUNT; pass++) {
            const char *kernels = kernels_of(blueprint, node, (enum Pass)pass);
            text_add(&rows, "\t%s", kernels ? kernels : "-");
        }
        text_add(&rows, "\n");
    }
    if (!rows.length)
        return;
    printf("\nwhat computes convolutions and linear layers, by train.convolution: %s\n",
           rule_of(blueprint));
    table_print(stdout, &rows, "l  l  l  l");
}

/* The kernels of a convolution or linear layer; NULL, which json_pack omits, for any other
 * layer. */
static json_t *kernels_json(const struct Blueprint *blueprint, const struct Node *node) {
    if (!kernels_of(blueprint, node, FORWARD))
        return NULL;
    json_t *object = json_object();
    for (int pass = 0; pass < PASS_COUNT; pass++) {
        const char *kernels = kernels_of(blueprint, node, (enum Pass)pass);
        json_object_set_new(object, pass_names[pass], kernels ? json_string(kernels) : json_null());
    }
    return object;
}

static void print_needs(const struct Needs *needs, int64_t ranks, enum Precision precision) {
    char text[32];
    printf("\nmemory of each of %" PRId64 " rank%s, %" PRId64 " shard%s of %" PRId64 " samples\n",
           ranks, ranks == 1 ? "" : "s", needs->shards, needs->shards == 1 ? "" : "s",
           needs->samples);
    printf("  parameters        %s\n", text_bytes((double)needs->parameters, text));
    if (needs->average)
        printf("  their average     %s\n", text_bytes((double)needs->average, text));
    printf("  optimizer         %s\n", text_bytes((double)needs->optimizer, text));
    printf("  gradients         %s\n", text_bytes((double)needs->exchange, text));
    printf("  activations       %s, in %s\n", text_bytes((double)needs->activations, text),
           precision_names[precision]);
    printf("  work space        %s\n", text_bytes((double)needs->work, text));
    printf("  total             %s, without the program, libraries and mapped files\n",
           text_bytes((double)sum_needs(needs), text));
}

/* Prints where the samples are kept, if the check looked at the data. */
static void print_holding(const struct Blueprint *blueprint) {
    const struct Holding *holding = &blueprint->parts.holding;
    char text[32];
    if (blueprint->without_data)
        return;
    printf("\nsamples on each node, of the %s that data.memory grants\n",
           text_bytes((double)holding->granted, text));
    if (holding->mapped)
        printf("  mapped files      %s\n", text_bytes((double)holding->mapped, text));
    if (holding->held)
        printf("  in memory, once   %s\n", text_bytes((double)holding->held, text));
    if (holding->windows)
        printf("  windows           %s, at most, of all ranks\n",
               text_bytes((double)holding->windows, text));
    if (holding->train.window)
        printf("  the training split is streamed: %" PRId64 " samples are shuffled together\n",
               holding->train.window);
}

static json_t *shape_json(struct Shape shape) {
    return json_pack("[I, I, I]", (json_int_t)shape.height, (json_int_t)shape.width,
                     (json_int_t)shape.channels);
}

static void print_json(const struct Blueprint *blueprint, const struct Needs *needs,
                       int64_t ranks) {
    const struct Model *model = blueprint->parts.model;
    json_t *layers = json_array();
    for (int i = 0; i < model_node_count(model); i++) {
        const struct Node *node = model_node(model, i);
        json_array_append_new(
            layers, json_pack("{s:s, s:s, s:o, s:I, s:f, s:I, s:o*}", "path", node->path, "kind",
                              node_layer_name(node), "output", shape_json(node->out), "parameters",
                              (json_int_t)parameters_of(model, node), "flops", node->flops,
                              "activation_bytes", (json_int_t)bytes_of_output(blueprint, node),
                              "kernels", kernels_json(blueprint, node)));
    }
    json_t *memory = json_pack(
        "{s:I, s:I, s:I, s:I, s:I, s:I, s:I}", "parameters", (json_int_t)needs->parameters,
        "average", (json_int_t)needs->average, "optimizer", (json_int_t)needs->optimizer,
        "gradients", (json_int_t)needs->exchange, "activations", (json_int_t)needs->activations,
        "work", (json_int_t)needs->work, "total", (json_int_t)sum_needs(needs));
    const struct Holding *holding = &blueprint->parts.holding;
    json_t *images = json_pack("{s:I, s:I, s:I, s:I, s:I}", "granted", (json_int_t)holding->granted,
                               "mapped", (json_int_t)holding->mapped, "held",
                               (json_int_t)holding->held, "windows", (json_int_t)holding->windows,
                               "window_samples", (json_int_t)holding->train.window);
    json_t *object =
        json_pack("{s:b, s:o, s:I, s:I, s:I, s:o, s:o, s:s, s:s, s:o}", "checked_with_data",
                  !blueprint->without_data, "input", shape_json(model_input(model)), "parameters",
                  (json_int_t)model_arena(model)->trained, "ranks", (json_int_t)ranks,
                  "shards_a_rank", (json_int_t)needs->shards, "memory_bytes", memory, "image_bytes",
                  images, "convolution", rule_of(blueprint), "precision",
                  precision_names[blueprint->options.train.precision], "layers", layers);
    json_dumpf(object, stdout, JSON_ENSURE_ASCII | JSON_REAL_PRECISION(12));
    fputc('\n', stdout);
    json_decref(object);
}

static void print_words(const struct Blueprint *blueprint, const struct Needs *needs,
                        int64_t ranks) {
    if (blueprint->without_data)
        printf("checked without the data set: not its splits, not its classes or targets, and\n"
               "nothing that depends on the number of samples\n%s\n",
               blueprint->without_donor ? "checked without the donor of start_from, which is not "
                                          "at hand\n"
                                        : "");
    print_layers(blueprint);
    print_kernels(blueprint);
    print_needs(needs, ranks, (enum Precision)blueprint->options.train.precision);
    print_holding(blueprint);
}

static int run(const struct Command *command, const struct Arguments *arguments,
               struct Ranks *unused, struct Error *error) {
    (void)command;
    (void)unused;
    struct Blueprint blueprint = {0};
    int64_t ranks = 1;
    int code = blueprint_open(&blueprint, arguments, error);
    if (!code) {
        int64_t shards = blueprint.options.train.shards;
        code = argument_integer(arguments, "ranks", 1, 1 << 20, shards > 0 ? shards : 1, &ranks,
                                error);
    }
    if (!code)
        code = blueprint_check(&blueprint, ranks, error);
    if (!code) {
        struct Needs needs = measure(&blueprint, ranks);
        if (argument_given(arguments, "json"))
            print_json(&blueprint, &needs, ranks);
        else
            print_words(&blueprint, &needs, ranks);
    }
    blueprint_release(&blueprint);
    return code;
}

const struct Command command_describe = {
    .name = "describe",
    .operands = "RUN.yaml",
    .least_operands = 1,
    .most_operands = 1,
    .summary = "print a run file's layers, shapes, parameters, work and memory",
    .help = "Builds the model without training it and without MPI: output shape, parameters and "
            "floating-point operations of every layer, and the memory that each rank will need.\n"
            "\n"
            "Examples:\n"
            "  trainer describe launch/recipes/cifar10-resnet20.yaml --input 32x32x3\n"
            "  trainer describe mine.yaml --ranks 4 --set train.batch=512\n",
    .flags = flags,
    .run = run,
};
