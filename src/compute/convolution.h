/* A convolution, each of whose passes is served by the kernels that a stated rule chooses when it
 * is created: the library's (compute/backend.h) or a method of our own (compute/method.h). Tensors
 * and weights as in compute/backend.h. Calls after creation allocate nothing. Not collective; used
 * by one thread at a time. */
#ifndef TRAINER_COMPUTE_CONVOLUTION_H
#define TRAINER_COMPUTE_CONVOLUTION_H

#include "compute/backend.h"

/* Which kernels compute is part of a run's bits, so a rule never changes: a better one gets a new
 * name, and CONVOLUTION_AUTO then means that one. The table is in convolution.c. */
enum ConvolutionRule {
    CONVOLUTION_AUTO,      /* the newest rule */
    CONVOLUTION_DIRECT,    /* the library alone */
    CONVOLUTION_WINOGRAD,  /* Winograd's kernels for every pass that they can compute; else as
                              CONVOLUTION_FASTEST_1 or BF16_1 */
    CONVOLUTION_FASTEST_1, /* what was fastest in fp32 when the kernels were measured */
    CONVOLUTION_FASTEST_2, /* the same, and for linear layers */
    CONVOLUTION_BF16_1,    /* the same in bf16, where it depends on how the CPU multiplies bf16; in
                              fp32 as CONVOLUTION_FASTEST_2 */
    CONVOLUTION_FASTEST_3, /* CONVOLUTION_FASTEST_2, and all passes of linear layers on CPUs with
                              AVX2 alone */
    CONVOLUTION_FASTEST_4, /* CONVOLUTION_FASTEST_3, and 1×1 convolutions of images there */
    CONVOLUTION_FASTEST_5, /* CONVOLUTION_FASTEST_4, and 3×3 convolutions with stride 2 there */
    CONVOLUTION_BF16_2     /* CONVOLUTION_BF16_1, and linear layers by the library's kernels for
                              bf16 where it has them; in fp32 as CONVOLUTION_FASTEST_2 */
};
/* Their words in run files: "auto", "direct", "winograd", "fastest-1", "fastest-2", "bf16-1",
 * "fastest-3", "fastest-4", "fastest-5", "bf16-2", NULL. */
extern const char *const convolution_rule_names[];
/* What AUTO means in that precision; any other rule means itself. */
enum ConvolutionRule convolution_rule(enum ConvolutionRule rule, enum Precision precision);

struct ConvolutionRequest {
    const struct Backend *backend;
    enum Variant variant;     /* of the backend and of our own kernels */
    enum Precision precision; /* of x, y and their gradients; all else is `real` */
    enum ConvolutionRule rule;
    const struct ConvShape *shape; /* copied */
    const int64_t *samples;        /* as for conv_create in compute/backend.h, as are the next */
    int sample_counts;
    unsigned passes;
    bool in_turn; /* what is prepared for a pass is used before the next pass is prepared */
    const enum Bf16Products
        *as_if; /* NULL: as the CPU is; else a test takes another one's choice */
};

struct Convolution;

/* The requested passes that methods of our own serve. The others of a linear
 * layer, a 1×1 convolution of an image of one pixel, are the library's matrix products. */
unsigned convolution_own_passes(const struct ConvolutionRequest *request);

/* Whether the rule lets a linear layer multiply bf16: the CPU and the library can. */
bool convolution_linear_in_bf16(enum ConvolutionRule rule, const struct Backend *backend);

/* Whether methods serve forward and backward weights that read inputs with a scale. Without them
 * ConvInput.scale is NULL. */
bool convolution_normalises(const struct ConvolutionRequest *request);

/* Fails (ERROR_SYSTEM) if the library cannot compute it. */
int convolution_create(struct Convolution **convolution, const struct ConvolutionRequest *request,
                       struct Error *error);
void convolution_release(struct Convolution *convolution);

/* The name of what computes a pass: the library's or the method's. NULL: the pass is not called. */
const char *convolution_kernels(const struct Convolution *convolution, enum Pass pass);

/* As those of compute/backend.h. */
size_t convolution_scratch_bytes(const struct Convolution *convolution);
size_t convolution_prepared_bytes(const struct Convolution *convolution);
/* Prepares the weights for a set of passes; with ConvolutionRequest.in_turn, for one. */
void convolution_prepare(const struct Convolution *convolution, unsigned passes,
                         const void *weights, void *prepared);
void convolution_forward(const struct Convolution *convolution, int64_t samples,
                         const struct ConvInput *x, const void *weights, const void *prepared,
                         const void *bias, void *y, void *scratch);
void convolution_backward_data(const struct Convolution *convolution, int64_t samples,
                               const void *dy, const void *weights, const void *prepared, void *dx,
                               void *scratch);
void convolution_backward_weights(const struct Convolution *convolution, int64_t samples,
                                  const struct ConvInput *x, const void *dy, void *dw, void *dbias,
                                  void *scratch);
/* How many samples two shards may have in all so that one call makes the sum of their weights'
 * gradients; 0: no kernel does. */
int64_t convolution_pair_samples(const struct Convolution *convolution);
/* Then only: the sum over samples [0, cut) and [cut, samples), neither of which is empty; the same
 * bits as two calls and an addition. */
void convolution_backward_weights_of_pair(const struct Convolution *convolution, int64_t samples,
                                          int64_t cut, const struct ConvInput *x, const void *dy,
                                          void *dw, void *dbias, void *scratch);
/* Whether one kernel computes both backward passes together. */
bool convolution_is_joint(const struct Convolution *convolution);
/* Then only: both at once, which reads dy once. The same bits as one after the other. */
void convolution_backward(const struct Convolution *convolution, int64_t samples,
                          const struct ConvInput *x, const void *dy, const void *weights,
                          const void *prepared, void *dx, void *dw, void *dbias, void *scratch);

#endif
