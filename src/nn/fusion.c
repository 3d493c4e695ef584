#include "nn/fusion.h"

#include <stdlib.h>
#include <string.h>

#include "base/memory.h"

struct Draft {
    const struct Graph *graph;
    int *stands_for; /* tensor -> the tensor whose contents it has (left-out layers) */
    int *uses;       /* consumers of each tensor, the model's output counted as one */
    bool *fused;     /* node runs inside an earlier operation */
};

static int resolve(const struct Draft *draft, int tensor) {
    while (draft->stands_for[tensor] != tensor)
        tensor = draft->stands_for[tensor];
    return tensor;
}

static bool is_left_out(const struct Draft *draft, int node) {
    int output = draft->graph->nodes[node]->output;
    return draft->stands_for[output] != output;
}

static const struct Node *only_consumer(const struct Draft *draft, int tensor) {
    if (draft->uses[tensor] != 1)
        return NULL;
    for (int i = 0; i < draft->graph->node_count; i++) {
        const struct Node *node = draft->graph->nodes[i];
        for (int j = 0; j < node->input_count; j++)
            if (resolve(draft, node->inputs[j]) == tensor && !draft->fused[i] &&
                !is_left_out(draft, i))
                return node;
    }
    return NULL;
}

static bool fuse_next(struct Draft *draft, struct Operation *operation) {
    const struct Node *next = only_consumer(draft, operation->output);
    if (!next || operation->fused_count == LAYER_FUSED ||
        operation->input_count + next->input_count - 1 > LAYER_INPUTS ||
        !operation->layer->fuses(operation, next))
        return false;
    for (int i = 0; i < next->input_count; i++) {
        int tensor = resolve(draft, next->inputs[i]);
        if (tensor == operation->output)
            continue;
        operation->in[operation->input_count] = next->in[i];
        operation->inputs[operation->input_count++] = tensor;
    }
    operation->fused[operation->fused_count++] = next;
    operation->output = next->output;
    operation->out = next->out;
    draft->fused[next->index] = true;
    return true;
}

static struct Operation start_operation(const struct Draft *draft, const struct Node *node,
                                        const struct PlanRequest *request) {
    struct Operation operation = {.node = node,
                                  .layer =
                                      layer_form(node->layer, request->variant, PRECISION_FP32),
                                  .training = request->training,
                                  .input_count = node->input_count,
                                  .output = node->output,
                                  .out = node->out,
                                  .rows = draft->graph->layout.arena.rows + node->first_row};
    for (int i = 0; i < node->input_count; i++) {
        operation.inputs[i] = resolve(draft, node->inputs[i]);
        operation.in[i] = node->in[i];
    }
    return operation;
}

/* An operation runs in the place of the last of its nodes, when all its inputs exist. */
static int running_place(const struct Operation *operation) {
    int place = operation->node->index;
    for (int i = 0; i < operation->fused_count; i++)
        if (operation->fused[i]->index > place)
            place = operation->fused[i]->index;
    return place;
}

static int by_place(const void *a, const void *b) {
    return running_place(a) - running_place(b);
}

static bool has_trained_rows(const struct Graph *graph, const struct Node *node,
                             const bool *frozen) {
    for (int row = node->first_row; row < node->first_row + node->row_count; row++)
        if (graph->layout.arena.rows[row].role != ROLE_STATISTIC && !(frozen && frozen[row]))
            return true;
    return false;
}

static void mark_gradients(struct Operations *operations, const struct Graph *graph,
                           const bool *frozen) {
    for (int i = 0; i < operations->count; i++) {
        struct Operation *operation = &operations->items[i];
        bool wanted = has_trained_rows(graph, operation->node, frozen);
        for (int j = 0; j < operation->input_count; j++) {
            operation->needs_input_gradient[j] = operations->needs_gradient[operation->inputs[j]];
            wanted |= operation->needs_input_gradient[j];
        }
        operations->needs_gradient[operation->output] = wanted;
    }
}

static bool is_view(const struct Operation *operation) {
    return !operation->layer->forward;
}

/* The scores, which the loss reads, are never rounded. A view is its input's memory. */
static void choose_precisions(struct Operations *operations, int tensors,
                              enum Precision precision) {
    for (int t = 0; t < tensors; t++)
        operations->precisions[t] = precision;
    operations->precisions[operations->output] = PRECISION_FP32;
    for (int i = operations->count - 1; i >= 0; i--) {
        const struct Operation *view = &operations->items[i];
        if (is_view(view) && operations->precisions[view->output] == PRECISION_FP32)
            operations->precisions[view->inputs[0]] = PRECISION_FP32;
    }
    for (int i = 0; i < operations->count; i++) {
        const struct Operation *view = &operations->items[i];
        if (is_view(view))
            operations->precisions[view->output] = operations->precisions[view->inputs[0]];
    }
}

/* An operation has the form for bf16 if there is one, which serves, and all its tensors are. */
static void choose_forms(struct Operations *operations, const struct PlanRequest *request) {
    for (int i = 0; i < operations->count; i++) {
        struct Operation *operation = &operations->items[i];
        enum Precision precision = operations->precisions[operation->output];
        for (int j = 0; j < operation->input_count; j++)
            if (operations->precisions[operation->inputs[j]] == PRECISION_FP32)
                precision = PRECISION_FP32;
        const struct Layer *form = layer_form(operation->node->layer, request->variant, precision);
        if (form && form->serves && !form->serves(request))
            form = NULL;
        if (form || is_view(operation))
            operation->precision = precision;
        if (form)
            operation->layer = form;
    }
}

static bool left_out(const struct Node *node, const struct PlanRequest *request) {
    return !request->training && !request->sample_dropout && node->layer->training_only &&
           !(node->layer->predicts && node->layer->predicts(node));
}

static struct Draft start_draft(const struct Graph *graph, const struct PlanRequest *request) {
    struct Draft draft = {graph, memory_array(int, graph->tensor_count, "the plan"),
                          memory_array(int, graph->tensor_count, "the plan"),
                          memory_array(bool, graph->node_count, "the plan")};
    for (int i = 0; i < graph->tensor_count; i++)
        draft.stands_for[i] = i;
    for (int i = 0; i < graph->node_count; i++)
        if (left_out(graph->nodes[i], request))
            draft.stands_for[graph->nodes[i]->output] = graph->nodes[i]->inputs[0];
    for (int i = 0; i < graph->node_count; i++)
        for (int j = 0; j < graph->nodes[i]->input_count && !is_left_out(&draft, i); j++)
            draft.uses[resolve(&draft, graph->nodes[i]->inputs[j])]++;
    draft.uses[resolve(&draft, graph->output)]++;
    return draft;
}

static void release_draft(struct Draft *draft) {
    memory_release(draft->stands_for);
    memory_release(draft->uses);
    memory_release(draft->fused);
}

void fusion__build(struct Operations *operations, const struct Graph *graph,
                   const struct PlanRequest *request) {
    struct Draft draft = start_draft(graph, request);
    *operations = (struct Operations){
        .items = memory_array(struct Operation, graph->node_count, "the plan"),
        .output = resolve(&draft, graph->output),
        .needs_gradient = memory_array(bool, graph->tensor_count, "the plan"),
        .precisions = memory_array(enum Precision, graph->tensor_count, "the plan")};
    operations->needs_gradient[0] = request->input_gradient;
    for (int i = 0; i < graph->node_count; i++) {
        if (draft.fused[i] || is_left_out(&draft, i))
            continue;
        struct Operation *operation = &operations->items[operations->count++];
        *operation = start_operation(&draft, graph->nodes[i], request);
        while (!request->no_fusion && operation->layer->fuses && fuse_next(&draft, operation))
            continue;
    }
    qsort(operations->items, (size_t)operations->count, sizeof *operations->items, by_place);
    mark_gradients(operations, graph, request->frozen);
    choose_precisions(operations, graph->tensor_count, request->precision);
    choose_forms(operations, request);
    release_draft(&draft);
}

void fusion__release(struct Operations *operations) {
    memory_release(operations->items);
    memory_release(operations->needs_gradient);
    memory_release(operations->precisions);
    *operations = (struct Operations){0};
}
