/* For kernel files whose outputs depend on one input element each: cuts the elements into pieces
 * that threads share. One piece costs nothing beyond a call. Inside nn/ only. */
#ifndef TRAINER_NN_ELEMENTWISE_H
#define TRAINER_NN_ELEMENTWISE_H

#include <stdint.h>

#include "nn/layer.h"

#define ELEMENTWISE_PIECE 16384 /* elements: 64 KB of floats, small beside the L2 cache */
#define ELEMENTWISE_WORTH 65536 /* elements from which waking threads pays */

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

/* An activation whose derivative is a function of its output: nothing else has to be kept. */
static inline int elementwise_plan(struct Planning *planning) {
    planning->operation->in_place = true;
    planning->operation->needs_output = planning->training;
    planning->operation->backward_in_place = true;
    return OK;
}

/* Defines forward and backward of an activation: `value` is an expression in x and the options o,
 * `slope` the derivative, an expression in the output y. x and y may be one memory, and so may dx
 * and dy: omp simd says that elements do not touch each other. */
#define ELEMENTWISE_ACTIVATION(options_type, value, slope)                                         \
    static void forward_piece(const options_type *o, int64_t count, const real *input, real *y) {  \
        (void)o;                                                                                   \
        _Pragma("omp simd") for (int64_t i = 0; i < count; i++) {                                  \
            real x = input[i];                                                                     \
            y[i] = (value);                                                                        \
        }                                                                                          \
    }                                                                                              \
    static void backward_piece(const options_type *o, int64_t count, const real *output,           \
                               const real *dy, real *dx) {                                         \
        (void)o;                                                                                   \
        _Pragma("omp simd") for (int64_t i = 0; i < count; i++) {                                  \
            real y = output[i];                                                                    \
            dx[i] = dy[i] * (slope);                                                               \
        }                                                                                          \
    }                                                                                              \
    static void forward(const struct Call *call) {                                                 \
        int64_t elements = call->samples * shape_elements(call->operation->out);                   \
        const real *x = call->input[0];                                                            \
        real *y = call->output;                                                                    \
        _Pragma("omp parallel for if (elements >= ELEMENTWISE_WORTH)") for (int64_t i = 0;         \
                                                                            i <                    \
                                                                            elementwise_pieces(    \
                                                                                elements);         \
                                                                            i++)                   \
            forward_piece(call->operation->node->options, elementwise_length(elements, i),         \
                          x + i * ELEMENTWISE_PIECE, y + i * ELEMENTWISE_PIECE);                   \
    }                                                                                              \
    static void backward(const struct Call *call) {                                                \
        int64_t elements = call->samples * shape_elements(call->operation->out);                   \
        const real *y = call->output, *dy = call->output_gradient;                                 \
        real *dx = call->input_gradient[0];                                                        \
        if (!dx)                                                                                   \
            return;                                                                                \
        _Pragma("omp parallel for if (elements >= ELEMENTWISE_WORTH)") for (int64_t i = 0;         \
                                                                            i <                    \
                                                                            elementwise_pieces(    \
                                                                                elements);         \
                                                                            i++)                   \
            backward_piece(call->operation->node->options, elementwise_length(elements, i),        \
                           y + i * ELEMENTWISE_PIECE, dy + i * ELEMENTWISE_PIECE,                  \
                           dx + i * ELEMENTWISE_PIECE);                                            \
    }

#endif
