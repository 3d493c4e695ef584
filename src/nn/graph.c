#include "nn/graph.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "nn/initialise.h"

#define NODE_ROWS 16 /* rows that one node may add: pointers to them stay valid while it does */

void *graph_memory(struct Graph *graph, size_t bytes) {
    size_t old = (size_t)graph->memory_count * sizeof *graph->memory;
    graph->memory =
        memory_resize(graph->memory, old, old + sizeof *graph->memory, "the model's graph");
    void *block = memory_allocate(bytes, "the model's graph");
    graph->memory[graph->memory_count++] = block;
    return block;
}

struct Shape graph_shape(const struct Graph *graph, int tensor) {
    return graph->tensors[tensor];
}

static int add_tensor(struct Graph *graph, struct Shape shape, int producer) {
    if (graph->tensor_count == graph->tensor_capacity) {
        int capacity = graph->tensor_capacity * 2 + 16;
        size_t old = (size_t)graph->tensor_capacity, new = (size_t)capacity;
        graph->tensors = memory_resize(graph->tensors, old * sizeof *graph->tensors,
                                       new * sizeof *graph->tensors, "the model's graph");
        graph->producer = memory_resize(graph->producer, old * sizeof *graph->producer,
                                        new * sizeof *graph->producer, "the model's graph");
        graph->tensor_capacity = capacity;
    }
    graph->tensors[graph->tensor_count] = shape;
    graph->producer[graph->tensor_count] = producer;
    return graph->tensor_count++;
}

static void reserve_rows(struct Graph *graph) {
    int needed = graph->arena.row_count + NODE_ROWS;
    if (needed <= graph->row_capacity)
        return;
    int capacity = needed * 2;
    graph->arena.rows =
        memory_resize(graph->arena.rows, (size_t)graph->row_capacity * sizeof *graph->arena.rows,
                      (size_t)capacity * sizeof *graph->arena.rows, "the model's graph");
    graph->row_capacity = capacity;
}

int describe_fail(struct Describe *describe, const char *key, const char *format, ...) {
    char text[800];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    return schema_fail(describe->error, describe->node->choice, key, "layer %s (%s): %s",
                       describe->node->path, describe->node->layer->kind.name, text);
}

struct ArenaRow *describe_row(struct Describe *describe, const char *name, enum ArenaRole role,
                              int rank, const int64_t *size) {
    struct Arena *arena = &describe->graph->arena;
    struct Node *node = describe->node;
    CHECK(node->row_count < NODE_ROWS && rank <= ARENA_DIMENSIONS);
    struct ArenaRow *row = &arena->rows[arena->row_count++];
    *row = (struct ArenaRow){.name = memory_print("%s.%s", node->path, name),
                             .node = node->index,
                             .role = role,
                             .rank = rank,
                             .file_rank = rank,
                             .count = memory_product(size, rank)};
    for (int i = 0; i < rank; i++) {
        row->size[i] = row->file_size[i] = size[i];
        row->order[i] = i;
    }
    node->row_count++;
    return row;
}

struct ArenaRow *describe_channel_row(struct Describe *describe, const char *name,
                                      enum ArenaRole role) {
    struct Shape in = describe->node->in[0];
    int64_t folded = in.fold_height * in.fold_width;
    if (folded == 1)
        return describe_row(describe, name, role, 1, &in.channels);
    const int64_t size[] = {in.fold_height, in.fold_width, in.channels / folded};
    struct ArenaRow *row = describe_row(describe, name, role, 3, size);
    row->order[0] = 2;
    row->order[1] = 0;
    row->order[2] = 1;
    row->file_rank = 1;
    row->file_size[0] = in.channels;
    return row;
}

int describe_bias(struct Describe *describe, const struct ArenaRow *weight, bool bias,
                  const struct Choice *initialiser) {
    if (!bias)
        return initialiser->kind
                   ? describe_fail(describe, "bias_init",
                                   "%s is for biases, and bias is false; expected bias: true or "
                                   "no bias_init",
                                   initialiser->kind->name)
                   : OK;
    struct ArenaRow *row =
        describe_row(describe, "bias", ROLE_BIAS, 1, &describe->node->out.channels);
    row->fan_in = weight->fan_in;
    row->fan_out = weight->fan_out;
    row->initialiser = initialise_biases(describe->graph, initialiser);
    return OK;
}

static bool row_sizes_sane(const struct Graph *graph, const struct Node *node) {
    for (int i = 0; i < node->row_count; i++) {
        int64_t count = graph->arena.rows[node->first_row + i].count;
        if (count <= 0 || !memory_can_hold((uint64_t)count * 16))
            return false;
    }
    return true;
}

/* Those that make matrices cannot fill a row of one dimension; and what the kind itself refuses. */
static int check_initialisers(const struct Describe *describe) {
    const struct Node *node = describe->node;
    for (int i = 0; i < node->row_count; i++) {
        const struct ArenaRow *row = &describe->graph->arena.rows[node->first_row + i];
        const struct Choice *choice = row->initialiser;
        CHECK(choice && choice->kind);
        const struct Initialiser *initialiser = (const struct Initialiser *)choice->kind;
        int code = initialiser->check ? initialiser->check(choice, describe->error) : OK;
        if (code)
            return code;
        if (initialiser->needs_matrix && row->file_rank < 2)
            return schema_fail(describe->error, choice, NULL,
                               "%s makes matrices, %s is a row of numbers: expected another "
                               "initialiser there",
                               choice->kind->name, row->name);
    }
    return OK;
}

int graph_add(struct Graph *graph, const struct Layer *layer, const void *options,
              const struct Choice *choice, const char *path, const int *inputs, int input_count,
              int *output, struct Error *error) {
    CHECK(input_count >= 1 && input_count <= LAYER_INPUTS);
    if (graph->node_count == graph->node_capacity) {
        int capacity = graph->node_capacity * 2 + 16;
        graph->nodes =
            memory_resize(graph->nodes, (size_t)graph->node_capacity * sizeof *graph->nodes,
                          (size_t)capacity * sizeof *graph->nodes, "the model's graph");
        graph->node_capacity = capacity;
    }
    struct Node *node = memory_allocate(sizeof *node, "the model's graph");
    graph->nodes[graph->node_count] = node;
    *node = (struct Node){.layer = layer,
                          .choice = choice,
                          .options = options,
                          .path = memory_copy_text(path),
                          .index = graph->node_count++,
                          .input_count = input_count,
                          .first_row = graph->arena.row_count};
    for (int i = 0; i < input_count; i++) {
        node->inputs[i] = inputs[i];
        node->in[i] = graph->tensors[inputs[i]];
    }
    reserve_rows(graph);
    struct Describe describe = {graph, node, error};
    int code = layer->describe(&describe);
    if (code)
        return code;
    code = check_initialisers(&describe);
    if (code)
        return code;
    const int64_t sizes[] = {node->out.height, node->out.width, node->out.channels};
    int64_t elements = memory_product(sizes, 3);
    if (elements <= 0 || !memory_can_hold((uint64_t)elements * 8))
        return describe_fail(&describe, NULL,
                             "its output, (%lld, %lld, %lld) a sample, does not fit the machine",
                             (long long)sizes[0], (long long)sizes[1], (long long)sizes[2]);
    if (!row_sizes_sane(graph, node))
        return describe_fail(&describe, NULL, "its parameters do not fit the machine's memory");
    *output = node->output = add_tensor(graph, node->out, node->index);
    return OK;
}

int graph_add_list(struct Graph *graph, const struct ChoiceList *list, const char *path, int input,
                   int *output, struct Error *error) {
    for (int i = 0; i < list->count; i++) {
        const struct Choice *choice = &list->items[i];
        const struct Layer *layer = (const struct Layer *)choice->kind;
        char *inner = memory_print("%s%s%d", path, *path ? "." : "", i);
        int code = layer->expand ? layer->expand(graph, choice, inner, input, &input, error)
                                 : graph_add(graph, layer, choice->options, choice, inner, &input,
                                             1, &input, error);
        memory_release(inner);
        if (code)
            return code;
    }
    *output = input;
    return OK;
}

/* Trained rows first, then statistics, each in the order of the nodes. */
static void lay_out(struct Arena *arena) {
    int64_t offset = 0;
    for (int statistics = 0; statistics < 2; statistics++) {
        for (int i = 0; i < arena->row_count; i++) {
            struct ArenaRow *row = &arena->rows[i];
            if ((row->role == ROLE_STATISTIC) != statistics)
                continue;
            row->offset = offset;
            offset += (row->count + ARENA_ALIGNMENT - 1) / ARENA_ALIGNMENT * ARENA_ALIGNMENT;
            if (!statistics)
                arena->trained += row->count;
        }
        if (!statistics)
            arena->parameters = offset;
    }
    arena->statistics = offset - arena->parameters;
}

int graph_build(struct Graph *graph, const struct ChoiceList *layers,
                const struct InitialiseOptions *initialise, struct Shape input,
                struct Error *error) {
    CHECK(layers->count > 0);
    if (initialise)
        graph->initialise = *initialise;
    add_tensor(graph, input, -1);
    int code = graph_add_list(graph, layers, "", 0, &graph->output, error);
    if (code)
        return code;
    lay_out(&graph->arena);
    return OK;
}

void graph_release(struct Graph *graph) {
    for (int i = 0; i < graph->node_count; i++) {
        memory_release(graph->nodes[i]->path);
        memory_release(graph->nodes[i]);
    }
    for (int i = 0; i < graph->memory_count; i++)
        memory_release(graph->memory[i]);
    memory_release(graph->nodes);
    memory_release(graph->tensors);
    memory_release(graph->producer);
    memory_release(graph->memory);
    arena_release(&graph->arena);
    *graph = (struct Graph){0};
}
