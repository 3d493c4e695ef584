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

double model_measured(const struct Model *model, int row, struct BatchCut cut) {
    const struct ModelRow *in_model = &model->graph.layout.rows[row];
    int64_t least = cut.batch / cut.shards, larger = cut.batch % cut.shards;
    if (in_model->values != 1 || least >= 2 || (in_model->of_batch && cut.batch >= 2))
        return 1;
    if (in_model->of_batch || least == 0)
        return 0;
    return 2 * (double)larger / (double)cut.batch;
}

static bool is_statistic(const struct Model *model, int row) {
    return model->graph.layout.arena.rows[row].role == ROLE_STATISTIC;
}

/* Does the node have a statistic for which `test` holds? */
static bool has_statistic(const struct Model *model, const struct Node *node,
                          bool (*test)(const struct Model *model, int row, struct BatchCut cut),
                          struct BatchCut cut) {
    for (int row = node->first_row; row < node->first_row + node->row_count; row++)
        if (is_statistic(model, row) && test(model, row, cut))
            return true;
    return false;
}

static bool is_unmeasured(const struct Model *model, int row, struct BatchCut cut) {
    return model_measured(model, row, cut) < 1;
}

static bool moves(const struct Model *model, int row, struct BatchCut cut) {
    (void)cut;
    return model->graph.layout.rows[row].momentum > 0;
}

int model_unmeasured_layers(const struct Model *model, struct BatchCut cut) {
    int count = 0;
    for (int i = 0; i < model->graph.node_count; i++)
        count += has_statistic(model, model->graph.nodes[i], is_unmeasured, cut);
    return count;
}

int model_frozen_averages(const struct Model *model, const bool *frozen) {
    int count = 0;
    for (int i = 0; i < model->graph.node_count; i++) {
        const struct Node *node = model->graph.nodes[i];
        bool all = true;
        for (int row = node->first_row; row < node->first_row + node->row_count; row++)
            all &= frozen[row] || is_statistic(model, row);
        count += all && has_statistic(model, node, moves, (struct BatchCut){0});
    }
    return count;
}

bool model_statistics_are_finite(const struct Model *model, const float *sum, struct BatchCut cut) {
    float nonfinite = 0; /* x - x is 0 if x is finite, else NaN */
    for (int i = 0; i < model->graph.layout.arena.row_count; i++) {
        const struct ArenaRow *row = &model->graph.layout.arena.rows[i];
        if (!is_statistic(model, i) || model_measured(model, i, cut) == 0)
            continue;
        for (int64_t j = row->offset; j < row->offset + row->count; j++)
            nonfinite += sum[j] - sum[j];
    }
    return nonfinite == 0;
}

bool model_update_statistics(const struct Model *model, const float *sum, struct BatchCut cut,
                             float *state) {
    for (int i = 0; i < model->graph.layout.arena.row_count; i++) {
        struct LayoutRow row = layout_row(&model->graph.layout, i);
        double measured = is_statistic(model, i) ? model_measured(model, i, cut) : 0;
        if (measured == 0)
            continue;
        float momentum = (float)row.model->momentum, scale = (float)(1 / measured);
        float *running = state + row.arena->offset;
        const float *batch = sum + row.arena->offset;
        for (int64_t j = 0; j < row.arena->count; j++)
            running[j] += momentum * (scale * batch[j] - running[j]);
    }
    return model_statistics_are_finite(model, sum, cut);
}

void model_average_statistics(const struct Model *model, const float *sum, struct BatchCut cut,
                              double weight, float *state) {
    for (int i = 0; i < model->graph.layout.arena.row_count; i++) {
        struct LayoutRow row = layout_row(&model->graph.layout, i);
        double measured = is_statistic(model, i) ? model_measured(model, i, cut) : 0;
        if (measured == 0)
            continue;
        float scale = (float)(1 / measured), w = (float)weight;
        float *average = state + row.arena->offset;
        const float *batch = sum + row.arena->offset;
        for (int64_t j = 0; j < row.arena->count; j++) {
            float value = scale * batch[j];
            average[j] = weight == 1 ? value : average[j] + w * (value - average[j]);
        }
    }
}
