/* Loops over the rows of pixels of all images of a shard, each row by itself, in several threads.
 * For kernel files, inside nn/ only. */
#ifndef TRAINER_NN_IMAGE_ROWS_H
#define TRAINER_NN_IMAGE_ROWS_H

#include "nn/layer.h"

/* Computes one row of one sample, and writes nothing else. */
typedef void image_row(const struct Call *call, int64_t sample, int64_t row);

static inline int64_t image_rows_work(const struct Call *call) {
    int64_t in = shape_elements(call->operation->in[0]), out = shape_elements(call->operation->out);
    return call->samples * (in > out ? in : out);
}

static inline void each_row(const struct Call *call, int64_t height, image_row *compute) {
    int64_t rows = call->samples * height;
#pragma omp parallel for if (image_rows_work(call) >= PARALLEL_ELEMENTS)
    for (int64_t row = 0; row < rows; row++)
        compute(call, row / height, row % height);
}

/* Forward: the rows of the output. */
static inline void each_output_row(const struct Call *call, image_row *compute) {
    each_row(call, call->operation->out.height, compute);
}

/* Backward: the rows of the input's gradient, if it is wanted. */
static inline void each_input_row(const struct Call *call, image_row *compute) {
    if (call->input_gradient[0])
        each_row(call, call->operation->in[0].height, compute);
}

#endif
