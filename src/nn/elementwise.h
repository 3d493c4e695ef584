/* For kernel files in which each output depends on one input element: divides the elements into
 * pieces for the threads. A single piece costs no more than a call. Inside nn/ only. */
#ifndef TRAINER_NN_ELEMENTWISE_H
#define TRAINER_NN_ELEMENTWISE_H

#include <stdint.h>

#include "nn/layer.h"

#define ELEMENTWISE_PIECE 16384 /* elements: 64 KB of floats, small against the L2 cache */

static inline int64_t elementwise_pieces(int64_t elements) {
    return (elements + ELEMENTWISE_PIECE - 1) / ELEMENTWISE_PIECE;
}
static inline int64_t elementwise_length(int64_t elements, int64_t piece) {
    int64_t left = elements - piece * ELEMENTWISE_PIECE;
    return left < ELEMENTWISE_PIECE ? left : ELEMENTWISE_PIECE;
}

/* The output has the input's shape, folds included. */
static inline int elementwise_describe(struct Describe *describe, double flops) {
    describe->node->out = describe->node->in[0];
    describe->node->flops = flops * (double)shape_elements(describe->node->out);
    return OK;
}

/* ---- Activations: y = f(x) at each element ---- */

/* For a derivative that is an expression in the output y: nothing else is kept, and x may be
 * overwritten. */
static inline int elementwise_plan(struct Planning *planning) {
    planning->operation->needs.in_place = true;
    planning->operation->needs.output = planning->training;
    planning->operation->needs.backward_in_place = true;
    return OK;
}

/* For a derivative that is an expression in the input x. */
static inline int elementwise_plan_of_input(struct Planning *planning) {
    planning->operation->needs.in_place = true; /* if nothing needs x any more */
    planning->operation->needs.input = planning->training;
    planning->operation->needs.backward_in_place = true;
    return OK;
}

#ifdef KERNEL_SUFFIX
/* The functions that compute a piece of `count` elements: y from x, and dx from dy and the kept x
 * or y. x and y may be the same memory, and so may dx and dy: with omp simd the loops state that
 * elements are independent. */
typedef void elementwise_value(const void *options, int64_t count, const element *x, element *y);
typedef void elementwise_slope(const void *options, int64_t count, const element *kept,
                               const element *dy, element *dx);

static inline void elementwise_forward(const struct Call *call, elementwise_value *value) {
    int64_t elements = call->samples * shape_elements(call->operation->out);
    const element *x = call->input[0];
    element *y = call->output;
#pragma omp parallel for if (elements >= PARALLEL_ELEMENTS)
    for (int64_t i = 0; i < elementwise_pieces(elements); i++)
        value(call->operation->node->options, elementwise_length(elements, i),
              x + i * ELEMENTWISE_PIECE, y + i * ELEMENTWISE_PIECE);
}

static inline void elementwise_backward(const struct Call *call, elementwise_slope *slope,
                                        const element *kept) {
    int64_t elements = call->samples * shape_elements(call->operation->out);
    const element *dy = call->output_gradient;
    element *dx = call->input_gradient[0];
    if (!dx)
        return;
#pragma omp parallel for if (elements >= PARALLEL_ELEMENTS)
    for (int64_t i = 0; i < elementwise_pieces(elements); i++)
        slope(call->operation->node->options, elementwise_length(elements, i),
              kept + i * ELEMENTWISE_PIECE, dy + i * ELEMENTWISE_PIECE, dx + i * ELEMENTWISE_PIECE);
}

/* These define a layer's forward and backward. `value` is an expression in x and the options o,
 * which are of `options_type`; `slope` is the derivative, an expression in o and the output y for
 * ELEMENTWISE_ACTIVATION, in o and the input x for ELEMENTWISE_ACTIVATION_OF_INPUT. */
#define ELEMENTWISE_ACTIVATION(options_type, value, slope)                                         \
    ELEMENTWISE_VALUE(options_type, value)                                                         \
    ELEMENTWISE_SLOPE(options_type, y, slope, call->output)
#define ELEMENTWISE_ACTIVATION_OF_INPUT(options_type, value, slope)                                \
    ELEMENTWISE_VALUE(options_type, value)                                                         \
    ELEMENTWISE_SLOPE(options_type, x, slope, call->input[0])

#define ELEMENTWISE_VALUE(options_type, value)                                                     \
    static void forward_piece(const void *options, int64_t count, const element *input,            \
                              element *y) {                                                        \
        const options_type *o = options;                                                           \
        (void)o;                                                                                   \
        _Pragma("omp simd") for (int64_t i = 0; i < count; i++) {                                  \
            real x = element_value(input[i]);                                                      \
            y[i] = element_round(value);                                                           \
        }                                                                                          \
    }                                                                                              \
    static void forward(const struct Call *call) {                                                 \
        elementwise_forward(call, forward_piece);                                                  \
    }
#define ELEMENTWISE_SLOPE(options_type, variable, slope, kept)                                     \
    static void backward_piece(const void *options, int64_t count, const element *values,          \
                               const element *dy, element *dx) {                                   \
        const options_type *o = options;                                                           \
        (void)o;                                                                                   \
        _Pragma("omp simd") for (int64_t i = 0; i < count; i++) {                                  \
            real variable = element_value(values[i]);                                              \
            dx[i] = element_round(element_value(dy[i]) * (slope));                                 \
        }                                                                                          \
    }                                                                                              \
    static void backward(const struct Call *call) {                                                \
        elementwise_backward(call, backward_piece, kept);                                          \
    }

#endif

#endif
