/* Backend "openblas": convolution as a matrix product. A block of output lines is gathered into
 * columns that stay in the cache, multiplied, and in the backward pass scattered again (Chellapilla
 * et al. 2006, "High performance convolutional neural networks for document processing"). A 1×1
 * convolution with stride 1 is a matrix product without gathering. Compiled once for each variant;
 * OpenBLAS itself picks its kernels by the CPU when the process starts
 * (backend_better_openblas_core). */
#include <cblas.h>
#include <omp.h>
#include <string.h>

#include "base/memory.h"
#include "compute/backend.h"
#include "compute/columns.h"
#include "compute/depthwise.h"

/* Bytes of columns for each thread: half of a 1 MiB second-level cache. */
#define BLOCK_BYTES ((int64_t)1 << 19)

struct Conv {
    struct ConvShape shape;
    int64_t in_group, out_group; /* channels of a group */
    int64_t taps;                /* columns: kernel_height · kernel_width · in_group */
    int64_t lines;               /* output lines of a block */
    bool plain;                  /* 1×1, stride 1, no padding: x is its own column matrix */
    bool depthwise;
};

static void product(bool transpose_a, bool transpose_b, int64_t m, int64_t n, int64_t k, real alpha,
                    const real *a, int64_t lda, const real *b, int64_t ldb, real beta, real *c,
                    int64_t ldc) {
    enum CBLAS_TRANSPOSE op_a = transpose_a ? CblasTrans : CblasNoTrans;
    enum CBLAS_TRANSPOSE op_b = transpose_b ? CblasTrans : CblasNoTrans;
#ifdef KERNEL_DOUBLE
    cblas_dgemm
#else
    cblas_sgemm
#endif
        (CblasRowMajor, op_a, op_b, narrow_int(m), narrow_int(n), narrow_int(k), alpha, a,
         narrow_int(lda), b, narrow_int(ldb), beta, c, narrow_int(ldc));
}

static void gemm(bool transpose_a, bool transpose_b, int64_t m, int64_t n, int64_t k, double alpha,
                 const void *a, int64_t lda, const void *b, int64_t ldb, double beta, void *c,
                 int64_t ldc) {
    product(transpose_a, transpose_b, m, n, k, (real)alpha, a, lda, b, ldb, (real)beta, c, ldc);
}

static int conv_create(struct Conv **conv, const struct ConvShape *shape, const int64_t *samples,
                       int sample_counts, unsigned passes, struct Error *error) {
    (void)samples, (void)sample_counts, (void)passes, (void)error;
    struct Conv *made = memory_allocate(sizeof *made, "convolution");
    *made = (struct Conv){.shape = *shape,
                          .in_group = shape->in_channels / shape->groups,
                          .out_group = shape->out_channels / shape->groups,
                          .depthwise = KERNEL(depthwise__serves)(shape)};
    made->taps = shape->kernel_height * shape->kernel_width * made->in_group;
    made->plain = shape->kernel_height == 1 && shape->kernel_width == 1 &&
                  shape->stride_height == 1 && shape->stride_width == 1 && shape->pad_height == 0 &&
                  shape->pad_width == 0;
    int64_t line_bytes = shape->out_width * made->taps * (int64_t)sizeof(real);
    made->lines = BLOCK_BYTES * omp_get_max_threads() / line_bytes;
    if (made->lines < 1)
        made->lines = 1;
    *conv = made;
    return OK;
}

static void conv_release(struct Conv *conv) {
    memory_release(conv);
}

static size_t conv_scratch_bytes(const struct Conv *conv) {
    if (conv->depthwise)
        return KERNEL(depthwise__scratch_bytes)(&conv->shape);
    if (conv->plain)
        return 0;
    return (size_t)(conv->lines * conv->shape.out_width * conv->taps) * sizeof(real);
}

static size_t conv_prepared_bytes(const struct Conv *conv) {
    return conv->depthwise ? (size_t)(conv->taps * conv->shape.out_channels) * sizeof(real) : 0;
}

static void conv_prepare(const struct Conv *conv, unsigned passes, const void *weights,
                         void *prepared) {
    if (conv->depthwise && passes & (PASS_BIT(FORWARD) | PASS_BIT(BACKWARD_DATA)))
        KERNEL(depthwise__prepare)(&conv->shape, weights, prepared);
}

/* A block: output lines [first, first + count) of all samples. */
struct Block {
    int64_t first, count;
    int64_t pixel, pixels; /* the same in output pixels */
};

static bool next_block(const struct Conv *conv, int64_t samples, struct Block *block) {
    int64_t lines = samples * conv->shape.out_height;
    block->first += block->count;
    block->count = conv->plain ? lines : conv->lines;
    if (block->count > lines - block->first)
        block->count = lines - block->first;
    block->pixel = block->first * conv->shape.out_width;
    block->pixels = block->count * conv->shape.out_width;
    return block->count > 0;
}

/* Puts the column matrix of a block and group into *columns; returns its leading dimension. */
static int64_t columns_of(const struct Conv *conv, int64_t group, const struct Block *block,
                          const real *x, real *scratch, const real **columns) {
    if (conv->plain) {
        *columns = x + block->pixel * conv->shape.in_channels + group * conv->in_group;
        return conv->shape.in_channels;
    }
    KERNEL(columns__gather)(&conv->shape, group, block->first, block->count, x, scratch);
    *columns = scratch;
    return conv->taps;
}

/* ReLU; NaN stays NaN. */
static void rectify(int64_t count, real *y) {
#pragma omp parallel for simd if (count >= PARALLEL_ELEMENTS)
    for (int64_t i = 0; i < count; i++)
        y[i] = y[i] < 0 ? 0 : y[i];
}

static void conv_forward(const struct Conv *conv, int64_t samples, const void *x,
                         const void *weights, const void *prepared, const void *bias, void *y,
                         void *scratch) {
    int64_t channels = conv->shape.out_channels;
    if (conv->depthwise) {
        KERNEL(depthwise__forward)(&conv->shape, samples, x, prepared, bias, y);
        if (conv->shape.relu)
            rectify(samples * conv->shape.out_height * conv->shape.out_width * channels, y);
        return;
    }
    for (struct Block block = {0}; next_block(conv, samples, &block);) {
        real *out = (real *)y + block.pixel * channels;
        if (bias)
            for (int64_t pixel = 0; pixel < block.pixels; pixel++)
                memcpy(out + pixel * channels, bias, (size_t)channels * sizeof(real));
        for (int64_t g = 0; g < conv->shape.groups; g++) {
            const real *columns;
            int64_t stride = columns_of(conv, g, &block, x, scratch, &columns);
            product(false, true, block.pixels, conv->out_group, conv->taps, 1, columns, stride,
                    (const real *)weights + g * conv->out_group * conv->taps, conv->taps,
                    bias ? 1 : 0, out + g * conv->out_group, channels);
        }
        if (conv->shape.relu)
            rectify(block.pixels * channels, out);
    }
}

static void conv_backward_data(const struct Conv *conv, int64_t samples, const void *dy,
                               const void *weights, const void *prepared, void *dx, void *scratch) {
    const struct ConvShape *shape = &conv->shape;
    if (conv->depthwise) {
        KERNEL(depthwise__backward_data)(shape, samples, dy, prepared, dx);
        return;
    }
    if (!conv->plain)
        memset(dx, 0,
               (size_t)(samples * shape->height * shape->width * shape->in_channels) *
                   sizeof(real));
    for (struct Block block = {0}; next_block(conv, samples, &block);) {
        const real *out = (const real *)dy + block.pixel * shape->out_channels;
        for (int64_t g = 0; g < shape->groups; g++) {
            real *columns = conv->plain ? (real *)dx + g * conv->in_group : scratch;
            product(false, false, block.pixels, conv->taps, conv->out_group, 1,
                    out + g * conv->out_group, shape->out_channels,
                    (const real *)weights + g * conv->out_group * conv->taps, conv->taps, 0,
                    columns, conv->plain ? shape->in_channels : conv->taps);
            if (!conv->plain)
                KERNEL(columns__scatter)(shape, g, block.first, block.count, columns, dx);
        }
    }
}

static void conv_backward_weights(const struct Conv *conv, int64_t samples, const void *x,
                                  const void *dy, void *dw, void *dbias, void *scratch) {
    const struct ConvShape *shape = &conv->shape;
    if (dbias)
        KERNEL(columns__sum)
    (samples * shape->out_height * shape->out_width, shape->out_channels, dy, dbias);
    if (conv->depthwise) {
        KERNEL(depthwise__backward_weights)(shape, samples, x, dy, dw, scratch);
        return;
    }
    for (struct Block block = {0}; next_block(conv, samples, &block);) {
        const real *out = (const real *)dy + block.pixel * shape->out_channels;
        for (int64_t g = 0; g < shape->groups; g++) {
            const real *columns;
            int64_t stride = columns_of(conv, g, &block, x, scratch, &columns);
            product(true, false, conv->out_group, conv->taps, block.pixels, 1,
                    out + g * conv->out_group, shape->out_channels, columns, stride,
                    block.first ? 1 : 0, (real *)dw + g * conv->out_group * conv->taps, conv->taps);
        }
    }
}

extern const struct Backend KERNEL(backend_openblas);
const struct Backend KERNEL(backend_openblas) = {.name = "openblas",
                                                 .conv_create = conv_create,
                                                 .conv_release = conv_release,
                                                 .conv_scratch_bytes = conv_scratch_bytes,
                                                 .conv_prepared_bytes = conv_prepared_bytes,
                                                 .conv_prepare = conv_prepare,
                                                 .conv_forward = conv_forward,
                                                 .conv_backward_data = conv_backward_data,
                                                 .conv_backward_weights = conv_backward_weights,
                                                 .gemm = gemm};
