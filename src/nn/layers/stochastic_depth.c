/* Stochastic depth (Huang et al. 2016): in training, a sample skips the body of a residual block
 * with some probability and keeps only the shortcut. A body that is kept is scaled by 1 / (1 −
 * rate), so that nothing is left to do when predicting (the paper scales by 1 − rate then). A
 * sample's draw depends on its place in the batch. */
#include "nn/stochastic_depth.h"

#include <string.h>

#include "nn/layer.h"
#include "nn/mask.h"

static int describe(struct Describe *describe) {
    describe->node->out = describe->node->in[0];
    return OK;
}

static int plan(struct Planning *planning) {
    planning->operation->needs.in_place = true;
    planning->operation->needs.backward_in_place = true;
    return OK;
}

/* to = from / (1 − rate) or 0, by the same decision in forward and backward. */
static void keep_or_drop(const struct Call *call, int64_t sample, const real *from, real *to) {
    double rate = stochastic_depth_rate(call->operation->node->options);
    int64_t elements = shape_elements(call->operation->out);
    struct RandomStream stream = call_stream(call, sample);
    if (random_word(&stream, 0) < mask_threshold(rate)) {
        memset(to, 0, (size_t)elements * sizeof(real));
        return;
    }
    real scale = (real)(1 / (1 - rate));
#pragma omp simd
    for (int64_t i = 0; i < elements; i++)
        to[i] = from[i] * scale;
}

static void keep_or_drop_all(const struct Call *call, const real *from, real *to) {
    int64_t elements = shape_elements(call->operation->out);
#pragma omp parallel for if (call->samples * elements >= PARALLEL_ELEMENTS)
    for (int64_t i = 0; i < call->samples; i++)
        keep_or_drop(call, i, from + i * elements, to + i * elements);
}

static void forward(const struct Call *call) {
    keep_or_drop_all(call, call->input[0], call->output);
}

static void backward(const struct Call *call) {
    if (call->input_gradient[0])
        keep_or_drop_all(call, call->output_gradient, call->input_gradient[0]);
}

const struct Layer KERNEL(layer_stochastic_depth) = {
    .kind = {"stochastic_depth", "a sample skips the block's body at random", NULL,
             sizeof(struct StochasticDepthOptions)},
    .describe = describe,
    .plan = plan,
    .forward = forward,
    .backward = backward,
    .training_only = true,
};
