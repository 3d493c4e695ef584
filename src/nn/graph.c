#include "nn/graph.h"

#include "base/memory.h"
#include "nn/describe.h"

void *graph__memory(struct Graph *graph, size_t bytes) {
    graph->memory = memory_room(graph->memory, graph->memory_count, "the model's graph");
    void *block = memory_allocate(bytes, "the model's graph");
    graph->memory[graph->memory_count++] = block;
    return block;
}

struct Shape graph__shape(const struct Graph *graph, int tensor) {
    return graph->tensors[tensor];
}

const char *node_layer_name(const struct Node *node) {
    return node->layer->kind.name;
}

static int add_tensor(struct Graph *graph, struct Shape shape) {
    graph->tensors = memory_room(graph->tensors, graph->tensor_count, "the model's graph");
    graph->tensors[graph->tensor_count] = shape;
    return graph->tensor_count++;
}

static struct Node *add_node(struct Graph *graph, const struct NewNode *new) {
    graph->nodes = memory_room(graph->nodes, graph->node_count, "the model's graph");
    struct Node *node = memory_allocate(sizeof *node, "the model's graph");
    graph->nodes[graph->node_count] = node;
    *node = (struct Node){.layer = new->layer,
                          .choice = new->choice,
                          .options = new->options,
                          .path = memory_copy_text(new->path),
                          .index = graph->node_count++,
                          .input_count = new->input_count,
                          .first_row = graph->layout.arena.row_count};
    for (int i = 0; i < new->input_count; i++) {
        node->inputs[i] = new->inputs[i];
        node->in[i] = graph->tensors[new->inputs[i]];
    }
    return node;
}

int graph__add(struct Graph *graph, const struct NewNode *new, int *output, struct Error *error) {
    CHECK(new->input_count >= 1 && new->input_count <= LAYER_INPUTS);
    if (graph->node_count == GRAPH_NODES)
        return schema_fail(error, new->choice, NULL,
                           "layer %s (%s): a model can have %d layers, those inside of blocks "
                           "included, and this one has more",
                           new->path, new->layer->kind.name, GRAPH_NODES);
    struct Node *node = add_node(graph, new);
    layout_reserve(&graph->layout);
    struct Describe describe = {&graph->layout, node, &graph->initialise, error};
    int code = describe__node(&describe);
    if (code)
        return code;
    *output = node->output = add_tensor(graph, node->out);
    return OK;
}

int graph__add_list(struct Graph *graph, const struct ChoiceList *list, const char *path, int input,
                    int *output, struct Error *error) {
    for (int i = 0; i < list->count; i++) {
        const struct Choice *choice = &list->items[i];
        const struct Layer *layer = (const struct Layer *)choice->kind;
        char *inner = memory_print("%s%s%d", path, *path ? "." : "", i);
        const struct NewNode new = {layer, choice->options, choice, inner, &input, 1};
        int code = layer->expand ? layer->expand(graph, choice, inner, input, &input, error)
                                 : graph__add(graph, &new, &input, error);
        memory_release(inner);
        if (code)
            return code;
    }
    *output = input;
    return OK;
}

void graph__recompute(struct Graph *graph, int first) {
    graph->recomputed_blocks++;
    for (int i = first; i < graph->node_count; i++)
        graph->nodes[i]->block = graph->recomputed_blocks;
}

int graph__build(struct Graph *graph, const struct ChoiceList *layers,
                 const struct InitialiseOptions *initialise, struct Shape input,
                 struct Error *error) {
    CHECK(layers->count > 0);
    if (initialise)
        graph->initialise = *initialise;
    add_tensor(graph, input);
    int code = graph__add_list(graph, layers, "", 0, &graph->output, error);
    if (code)
        return code;
    layout_finish(&graph->layout);
    return OK;
}

void graph__release(struct Graph *graph) {
    for (int i = 0; i < graph->node_count; i++) {
        memory_release(graph->nodes[i]->path);
        memory_release(graph->nodes[i]);
    }
    for (int i = 0; i < graph->memory_count; i++)
        memory_release(graph->memory[i]);
    memory_release(graph->nodes);
    memory_release(graph->tensors);
    memory_release(graph->memory);
    layout_release(&graph->layout);
    *graph = (struct Graph){0};
}
