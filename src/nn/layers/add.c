/* The sum of two branches. It is mostly fused into the batch normalisation before it. If that was
 * folded into a convolution, the sum takes over the ReLU after it. */
#include <inttypes.h>
#include <string.h>

#include "nn/elementwise.h"

static int describe(struct Describe *describe) {
    struct Shape a = describe->node->in[0], b = describe->node->in[1];
    if (!shape_equal(a, b))
        return describe__fail(describe, "shortcut",
                              "the body gives (%" PRId64 ", %" PRId64 ", %" PRId64
                              "), the shortcut (%" PRId64 ", %" PRId64 ", %" PRId64 "): "
                              "expected equal shapes; \"pad\" or \"projection\" may fit them",
                              a.height, a.width, a.channels, b.height, b.width, b.channels);
    return elementwise_describe(describe, 1);
}

static bool fuses(const struct Operation *operation, const struct Node *next) {
    return !operation->training && !operation->fused_count && next->layer == LAYER_IDENTITY(relu);
}

static int plan(struct Planning *planning) {
    planning->operation->needs.in_place = true;
    planning->operation->needs.backward_in_place = true;
    return OK;
}

/* A NaN passes the ReLU, so that training sees it. */
static void add_piece(int64_t count, bool relu, const element *a, const element *b, element *y) {
    if (relu) {
#pragma omp simd
        for (int64_t i = 0; i < count; i++) {
            real sum = element_value(a[i]) + element_value(b[i]);
            y[i] = element_round(sum < 0 ? 0 : sum);
        }
    } else {
#pragma omp simd
        for (int64_t i = 0; i < count; i++)
            y[i] = element_round(element_value(a[i]) + element_value(b[i]));
    }
}

static void forward(const struct Call *call) {
    int64_t elements = call->samples * shape_elements(call->operation->out);
    const element *a = call->input[0], *b = call->input[1];
    element *y = call->output;
    bool relu = call->operation->fused_count;
#pragma omp parallel for if (elements >= PARALLEL_ELEMENTS)
    for (int64_t i = 0; i < elementwise_pieces(elements); i++)
        add_piece(elementwise_length(elements, i), relu, a + i * ELEMENTWISE_PIECE,
                  b + i * ELEMENTWISE_PIECE, y + i * ELEMENTWISE_PIECE);
}

static void backward(const struct Call *call) {
    int64_t elements = call->samples * shape_elements(call->operation->out);
    for (int i = 1; i >= 0; i--)
        if (call->input_gradient[i] && call->input_gradient[i] != call->output_gradient)
            memcpy(call->input_gradient[i], call->output_gradient,
                   (size_t)elements * sizeof(element));
}

const struct Layer KERNEL(layer_add) = {
    .kind = {"add", "the sum of two branches", NULL, 0},
    .describe = describe,
    .plan = plan,
    .fuses = fuses,
    .forward = forward,
    .backward = backward,
};
