#include "nn/lifetimes.h"

#include "base/memory.h"
#include "nn/copies.h"
#include "nn/recompute.h"

int lifetimes__root(const int *roots, int tensor) {
    while (roots[tensor] != tensor)
        tensor = roots[tensor];
    return tensor;
}

static void extend(struct Buffer *buffer, int position) {
    if (position < buffer->birth)
        buffer->birth = position;
    if (position > buffer->death)
        buffer->death = position;
}

/* From now on both tensors are in the buffer of `owner`. */
static void unite(struct Buffer *buffers, int *roots, int owner, int other) {
    owner = lifetimes__root(roots, owner);
    other = lifetimes__root(roots, other);
    if (owner == other)
        return;
    roots[other] = owner;
    struct Buffer *into = &buffers[owner], *from = &buffers[other];
    extend(into, from->birth);
    extend(into, from->death);
    if (from->bytes > into->bytes)
        into->bytes = from->bytes;
    *from = (struct Buffer){.birth = 1, .death = 0};
}

bool operation__is_view(const struct Operation *operation) {
    return !operation->layer->forward;
}

bool operation__has_values(const struct Operation *operation) {
    return !operation__is_view(operation) && !operation->deferred;
}

static int forward_at(int i) {
    return 2 * i;
}

static int backward_at(const struct Lifetimes *lives, int i) {
    return 4 * lives->count - 2 * i;
}

static int end_of(const struct Lifetimes *lives) {
    return 4 * lives->count + 1;
}

/* When what the operation's block computes again is there. */
static int again_at(const struct LifetimesRequest *request, const struct Lifetimes *lives,
                    const struct Operation *operation) {
    return backward_at(lives, recompute__last(request->operations, operation->node->block)) - 1;
}

/* The tensor that an operation reads as its input `j`. */
static int read_by(const struct Operation *operation, int j) {
    return j == 0 && operation->normaliser ? operation->normaliser->inputs[0]
                                           : operation->inputs[j];
}

/* The buffer in which backward finds a tensor. */
static struct Buffer *for_backward(const struct LifetimesRequest *request, struct Lifetimes *lives,
                                   int tensor) {
    return recompute__made_again(request->operations, tensor) ? &lives->again[tensor]
                                                              : &lives->values[tensor];
}

static void live_in_backward(const struct LifetimesRequest *request, struct Lifetimes *lives,
                             int i) {
    const struct Operation *operation = &request->operations->items[i];
    if (operation->needs.output)
        extend(for_backward(request, lives, operation->output), backward_at(lives, i));
    if (operation->again)
        extend(&lives->again[operation->output], again_at(request, lives, operation));
    for (int j = 0; j < operation->input_count; j++) {
        struct Buffer *input = for_backward(request, lives, read_by(operation, j));
        if (operation->needs.input)
            extend(input, backward_at(lives, i));
        if (operation->again)
            extend(input, again_at(request, lives, operation));
    }
}

static void live_values(const struct LifetimesRequest *request, struct Lifetimes *lives) {
    int n = lives->count;
    extend(&lives->values[0], -1);
    for (int i = 0; i < n; i++) {
        const struct Operation *operation = &request->operations->items[i];
        if (!operation->deferred)
            extend(&lives->values[operation->output], forward_at(i));
        for (int j = 0; j < operation->input_count; j++)
            extend(&lives->values[read_by(operation, j)], forward_at(i));
        if (request->training)
            live_in_backward(request, lives, i);
    }
    extend(&lives->values[request->operations->output], end_of(lives));
    for (int i = 0; i < n; i++) {
        const struct Operation *operation = &request->operations->items[i];
        int in = operation->inputs[0];
        const struct Buffer *shared = &lives->values[lifetimes__root(lives->value_root, in)];
        if (operation__is_view(operation) ||
            (operation->needs.in_place && shared->death <= forward_at(i) &&
             shape_elements(operation->in[0]) >= shape_elements(operation->out)))
            unite(lives->values, lives->value_root, in, operation->output);
        if (operation__is_view(operation) && operation->again)
            unite(lives->again, lives->again_root, in, operation->output);
    }
}

static void live_gradients(const struct LifetimesRequest *request, struct Lifetimes *lives) {
    int n = lives->count;
    int tensors = request->graph->tensor_count;
    int *writers = memory_array(int, tensors, "the plan");
    int *written = memory_array(int, tensors, "the plan");
    extend(&lives->gradients[request->operations->output], 2 * n);
    for (int i = 0; i < n; i++) {
        const struct Operation *operation = &request->operations->items[i];
        extend(&lives->gradients[operation->output], backward_at(lives, i));
        for (int j = 0; j < operation->input_count; j++)
            if (operation->needs_input_gradient[j]) {
                extend(&lives->gradients[operation->inputs[j]], backward_at(lives, i));
                writers[operation->inputs[j]]++;
            }
    }
    if (request->operations->needs_gradient[0])
        extend(&lives->gradients[0], end_of(lives));
    for (int i = n - 1; i >= 0; i--) {
        const struct Operation *operation = &request->operations->items[i];
        for (int j = 0; j < operation->input_count; j++) {
            int in = operation->inputs[j];
            if (!operation->needs_input_gradient[j])
                continue;
            lives->accumulates[i * LAYER_INPUTS + j] = written[in]++ > 0;
        }
        int in = operation->inputs[0];
        if (!operation->needs_input_gradient[0] || lives->accumulates[i * LAYER_INPUTS])
            continue;
        const struct Buffer *shared =
            &lives->gradients[lifetimes__root(lives->gradient_root, operation->output)];
        if (operation__is_view(operation) && writers[in] == 1) {
            unite(lives->gradients, lives->gradient_root, operation->output, in);
            lives->view_aliased[i] = true;
        } else if (operation->needs.backward_in_place && shared->death <= backward_at(lives, i)) {
            unite(lives->gradients, lives->gradient_root, operation->output, in);
        }
    }
    memory_release(writers);
    memory_release(written);
}

static size_t tensor_bytes(const struct LifetimesRequest *request, int tensor) {
    int64_t elements = shape_elements(request->graph->tensors[tensor]);
    return (size_t)(request->samples * elements *
                    element_bytes(request->variant, request->operations->precisions[tensor]));
}

static void live_operations(const struct LifetimesRequest *request, struct Lifetimes *lives) {
    int n = lives->count;
    for (int i = 0; i < n; i++) {
        const struct Operation *operation = &request->operations->items[i];
        if (operation->needs.saved_bytes) {
            struct Buffer *saved = operation->again ? &lives->saved_again[i] : &lives->saved[i];
            lives->saved[i].bytes = saved->bytes = operation->needs.saved_bytes;
            extend(&lives->saved[i], forward_at(i));
            if (operation->again)
                extend(saved, again_at(request, lives, operation));
            if (request->training)
                extend(saved, backward_at(lives, i));
        }
        if (!request->training)
            continue;
        for (int j = 0; j < operation->input_count; j++)
            if (lives->accumulates[i * LAYER_INPUTS + j] && !operation->needs.accumulates &&
                !operation__is_view(operation) &&
                !copies__has(request->operations, operation, operation->inputs[j])) {
                struct Buffer *through = &lives->through[i * LAYER_INPUTS + j];
                through->bytes = tensor_bytes(request, operation->inputs[j]);
                extend(through, backward_at(lives, i));
            }
    }
}

static struct Buffer *new_buffers(int count) {
    struct Buffer *buffers = memory_array(struct Buffer, count, "the plan");
    for (int i = 0; i < count; i++)
        buffers[i] = (struct Buffer){.birth = 1 << 30, .death = -(1 << 30)};
    return buffers;
}

struct Lifetimes lifetimes__find(const struct LifetimesRequest *request) {
    const struct Graph *graph = request->graph;
    int tensors = graph->tensor_count, n = request->operations->count;
    struct Lifetimes lives = {
        .count = n,
        .values = new_buffers(tensors),
        .gradients = new_buffers(tensors),
        .again = new_buffers(tensors),
        .again_root = memory_array(int, tensors, "the plan"),
        .value_root = memory_array(int, tensors, "the plan"),
        .gradient_root = memory_array(int, tensors, "the plan"),
        .saved = new_buffers(n),
        .saved_again = new_buffers(n),
        .through = new_buffers(n * LAYER_INPUTS),
        .accumulates = memory_array(bool, n *LAYER_INPUTS, "the plan"),
        .view_aliased = memory_array(bool, n, "the plan"),
    };
    for (int t = 0; t < tensors; t++) {
        size_t bytes = tensor_bytes(request, t);
        lives.values[t].bytes = lives.gradients[t].bytes = lives.again[t].bytes = bytes;
        lives.value_root[t] = lives.gradient_root[t] = lives.again_root[t] = t;
    }
    live_values(request, &lives);
    if (request->training)
        live_gradients(request, &lives);
    live_operations(request, &lives);
    return lives;
}

void lifetimes__release(struct Lifetimes *lives) {
    memory_release(lives->values);
    memory_release(lives->gradients);
    memory_release(lives->again);
    memory_release(lives->again_root);
    memory_release(lives->saved_again);
    memory_release(lives->value_root);
    memory_release(lives->gradient_root);
    memory_release(lives->saved);
    memory_release(lives->through);
    memory_release(lives->accumulates);
    memory_release(lives->view_aliased);
}
