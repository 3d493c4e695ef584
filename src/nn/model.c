#include "nn/model.h"

#include <string.h>

#include "base/memory.h"
#include "nn/graph.h"
#include "nn/initialise.h"
#include "nn/layer.h"

struct Model {
    struct Graph graph;
};

int model_create(struct Model **model, const struct ChoiceList *layers,
                 const struct InitialiseOptions *initialise, struct Shape input,
                 struct Error *error) {
    struct Model *made = memory_allocate(sizeof *made, "the model");
    int code = graph__build(&made->graph, layers, initialise, input, error);
    if (code) {
        model_release(made);
        return code;
    }
    *model = made;
    return OK;
}

void model_release(struct Model *model) {
    if (!model)
        return;
    graph__release(&model->graph);
    memory_release(model);
}

const struct Arena *model_arena(const struct Model *model) {
    return &model->graph.layout.arena;
}

const struct Graph *model_graph(const struct Model *model) {
    return &model->graph;
}

struct Shape model_input(const struct Model *model) {
    return model->graph.tensors[0];
}

struct Shape model_output(const struct Model *model) {
    return model->graph.tensors[model->graph.output];
}

int model_node_count(const struct Model *model) {
    return model->graph.node_count;
}

const struct Node *model_node(const struct Model *model, int index) {
    return model->graph.nodes[index];
}

const struct Node *model_node_of_row(const struct Model *model, int row) {
    return model->graph.nodes[model->graph.layout.rows[row].node];
}

bool model_has_residual(const struct Model *model) {
    return model->graph.residual_blocks > 0;
}

bool model_is_random(const struct Model *model) {
    for (int i = 0; i < model->graph.node_count; i++) {
        const struct Node *node = model->graph.nodes[i];
        if (node->layer->training_only || (node->layer->draws && node->layer->draws(node)))
            return true;
    }
    return false;
}

void model_initialise(const struct Model *model, uint64_t seed, float *state) {
    const struct Arena *arena = &model->graph.layout.arena;
    memset(state, 0, (size_t)arena_state_elements(arena) * sizeof *state);
    for (int i = 0; i < arena->row_count; i++) {
        struct LayoutRow row = layout_row(&model->graph.layout, i);
        const struct Choice *choice = &row.model->initialiser;
        CHECK(choice->kind);
        const struct Initialiser *initialiser = (const struct Initialiser *)choice->kind;
        struct RandomStream stream = random_stream(seed, RANDOM_INITIALISATION, (uint32_t)i, 0, 0);
        float *values = memory_array(float, row.arena->count, "initialisation");
        initialiser->fill(choice->options, row, &stream, values);
        arena_from_file(row.arena, values, state);
        memory_release(values);
    }
}

bool model_update_statistics(const struct Model *model, const float *sum, float *state) {
    const struct Arena *arena = &model->graph.layout.arena;
    float nonfinite = 0; /* x - x is 0 if x is finite, else NaN */
    for (int i = 0; i < arena->row_count; i++) {
        const struct ArenaRow *row = &arena->rows[i];
        if (row->role != ROLE_STATISTIC)
            continue;
        float momentum = (float)model->graph.layout.rows[i].momentum;
        float *running = state + row->offset;
        const float *batch = sum + row->offset;
        for (int64_t j = 0; j < row->count; j++)
            running[j] += momentum * (batch[j] - running[j]);
        for (int64_t j = 0; j < row->count; j++)
            nonfinite += running[j] - running[j];
    }
    return nonfinite == 0;
}
