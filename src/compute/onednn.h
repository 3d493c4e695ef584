/* The parts of backend "onednn", which onednn.c puts together. For onednn*.c only. */
#ifndef TRAINER_COMPUTE_ONEDNN_H
#define TRAINER_COMPUTE_ONEDNN_H

#include "compute/backend.h"

/* Backend "openblas" and our own sum over rows (of elements), in the same variant. In bf16 there is
 * no such backend. */
struct Plain {
    const struct Backend *backend;
    void (*sum)(int64_t rows, int64_t channels, const void *matrix, float *sum);
};

/* onednn_convolution.c: as in struct Backend; `own` does the passes that oneDNN does
 * not do fast; without its backend x, y and their gradients are in bf16, and creation fails if
 * there are such passes. */
int onednn__conv_create(struct Plain own, struct Conv **conv, const struct ConvShape *shape,
                        const int64_t *samples, int sample_counts, unsigned passes,
                        struct Error *error);
void onednn__conv_release(struct Conv *conv);
size_t onednn__conv_scratch_bytes(const struct Conv *conv);
size_t onednn__conv_prepared_bytes(const struct Conv *conv);
void onednn__conv_prepare(const struct Conv *conv, unsigned passes, const void *weights,
                          void *prepared);
void onednn__conv_forward(const struct Conv *conv, int64_t samples, const void *x,
                          const void *weights, const void *prepared, const void *bias, void *y,
                          void *scratch);
void onednn__conv_backward_data(const struct Conv *conv, int64_t samples, const void *dy,
                                const void *weights, const void *prepared, void *dx, void *scratch);
void onednn__conv_backward_weights(const struct Conv *conv, int64_t samples, const void *x,
                                   const void *dy, void *dw, void *dbias, void *scratch);

/* onednn_product.c: struct Backend's gemm. Returns false, and does nothing, if OpenBLAS is the
 * faster one or oneDNN cannot do it. */
bool onednn__multiply(bool transpose_a, bool transpose_b, int64_t m, int64_t n, int64_t k,
                      double alpha, const void *a, int64_t lda, const void *b, int64_t ldb,
                      double beta, void *c, int64_t ldc);

#endif
