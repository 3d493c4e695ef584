/* A method: kernels of our own that compute some passes of some convolutions. Each is a table of
 * plain functions, one for each variant. compute/convolution.c says where it is used. Tensors,
 * weights and `void *` as in compute/backend.h, and so are the results, `shape->relu` and `bias`
 * included; whatever the number of threads, the bits are the same. */
#ifndef TRAINER_COMPUTE_METHOD_H
#define TRAINER_COMPUTE_METHOD_H

#include "compute/backend.h"

struct Method {
    const char *name; /* as `describe` shows it */

    bool (*serves)(const struct ConvShape *shape, enum Pass pass);
    /* Whether it also reads inputs with a scale, with the same bits as inputs that were normalised
     * before. NULL: never. */
    bool (*normalises)(const struct ConvShape *shape);

    /* Bytes of work space of one call with at most that many samples; it starts at a multiple of 64
     * bytes and holds anything. */
    size_t (*scratch_bytes)(const struct ConvShape *shape, enum Pass pass, int64_t samples);

    /* Bytes that `prepare` makes from the weights once a step, for this pass. NULL: none. */
    size_t (*prepared_bytes)(const struct ConvShape *shape, enum Pass pass);
    void (*prepare)(const struct ConvShape *shape, enum Pass pass, const void *weights,
                    void *prepared);

    /* NULL if it serves no shape in that pass. */
    void (*forward)(const struct ConvShape *shape, int64_t samples, const struct ConvInput *x,
                    const void *weights, const void *prepared, const void *bias, void *y,
                    void *scratch);
    void (*backward_data)(const struct ConvShape *shape, int64_t samples, const void *dy,
                          const void *weights, const void *prepared, void *dx, void *scratch);
    void (*backward_weights)(const struct ConvShape *shape, int64_t samples,
                             const struct ConvInput *x, const void *dy, void *dw, void *dbias,
                             void *scratch);
    /* The gradients of two shards, samples [0, cut) and [cut, samples), and their sum: the same
     * bits as two calls and an addition, but the sum alone is written to memory. For up to
     * pair_samples samples in all. NULL and 0: it has no such form. */
    void (*backward_weights_of_pair)(const struct ConvShape *shape, int64_t samples, int64_t cut,
                                     const struct ConvInput *x, const void *dy, void *dw,
                                     void *dbias, void *scratch);
    int64_t (*pair_samples)(const struct ConvShape *shape);
    /* Both passes at once, with the same bits, in the scratch of either: dy is read once. `weights`
     * and `prepared` as for backward data. NULL: not faster than one after the other. */
    void (*backward)(const struct ConvShape *shape, int64_t samples, const struct ConvInput *x,
                     const void *dy, const void *weights, const void *prepared, void *dx, void *dw,
                     void *dbias, void *scratch);
};

#endif
