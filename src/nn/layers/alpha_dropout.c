/* Dropout for SELU (Klambauer et al. 2017): a dropped element becomes α' = −λα, the value that SELU
 * saturates at, and a linear function restores mean and variance: with q = 1 − rate
 *   y = a · (x where kept, α' where dropped) + b,  a = (q + α'² q (1 − q))^−½,  b = −a (1 − q) α'
 * so that inputs of mean 0 and variance 1 keep both. The mask is that of dropout. */
#include <math.h>
#include <stddef.h>

#include "nn/layer.h"
#include "nn/mask.h"
#include "nn/selu.h"

#define DROPPED (-SELU_SCALE * SELU_ALPHA)

struct AlphaDropoutOptions {
    double rate;
};

static const struct Key keys[] = {{"rate", KEY_REAL, offsetof(struct AlphaDropoutOptions, rate),
                                   "0.1", .minimum = 0, .maximum = 1, .without_regularisation = "0",
                                   .help = "the probability that an element is dropped; below 1, "
                                           "with SELU 0.05 to 0.1"},
                                  KEY_END};

static double rate_of(const struct Operation *operation) {
    return ((const struct AlphaDropoutOptions *)operation->node->options)->rate;
}

static int describe(struct Describe *describe) {
    const struct AlphaDropoutOptions *options = describe->node->options;
    if (options->rate >= 1)
        return describe__fail(describe, "rate", "1 would drop everything; expected less");
    describe->node->out = describe->node->in[0];
    describe->node->flops = 2.0 * (double)shape_elements(describe->node->out);
    return OK;
}

static int plan(struct Planning *planning) {
    struct Operation *operation = planning->operation;
    operation->needs.in_place = true;
    operation->needs.backward_in_place = true;
    mask_plan(planning, shape_elements(operation->out));
    return OK;
}

static double slope_of(double rate) {
    double kept = 1 - rate;
    return 1 / sqrt(kept + DROPPED * DROPPED * kept * rate);
}

/* Up to MASK_BITS elements. */
static inline void drop_some(int64_t count, uint32_t bits, real slope, real shift, real dropped,
                             const real *x, real *y) {
#pragma omp simd
    for (int64_t i = 0; i < count; i++)
        y[i] = bits & (uint32_t)1 << i ? slope * x[i] + shift : dropped;
}

static void drop_sample(const struct Call *call, int64_t sample) {
    int64_t elements = shape_elements(call->operation->out);
    double rate = rate_of(call->operation), a = slope_of(rate), b = -a * rate * DROPPED;
    struct RandomStream stream = call_stream(call, sample);
    uint32_t *kept = mask_of(call, sample, elements);
    mask_fill(&stream, rate, elements, kept);
    const real *x = (const real *)call->input[0] + sample * elements;
    real *y = (real *)call->output + sample * elements;
    real slope = (real)a, shift = (real)b, dropped = (real)(a * DROPPED + b);
    for (int64_t i = 0; i < elements; i += MASK_BITS)
        drop_some(elements - i < MASK_BITS ? elements - i : MASK_BITS, kept[i / MASK_BITS], slope,
                  shift, dropped, x + i, y + i);
}

static void forward(const struct Call *call) {
    int64_t elements = shape_elements(call->operation->out);
#pragma omp parallel for if (call->samples * elements >= PARALLEL_DRAWS)
    for (int64_t i = 0; i < call->samples; i++)
        drop_sample(call, i);
}

static void backward(const struct Call *call) {
    int64_t elements = shape_elements(call->operation->out);
    real slope = (real)slope_of(rate_of(call->operation));
    if (!call->input_gradient[0])
        return;
#pragma omp parallel for if (call->samples * elements >= PARALLEL_DRAWS)
    for (int64_t i = 0; i < call->samples; i++)
        mask_scale(elements, mask_of(call, i, elements), slope,
                   (const real *)call->output_gradient + i * elements,
                   (real *)call->input_gradient[0] + i * elements);
}

const struct Layer KERNEL(layer_alpha_dropout) = {
    .kind = {"alpha_dropout",
             "dropout for selu: drops to the value that SELU saturates at and scales so that mean "
             "and variance stay",
             keys, sizeof(struct AlphaDropoutOptions)},
    .describe = describe,
    .plan = plan,
    .forward = forward,
    .backward = backward,
    .training_only = true,
};
