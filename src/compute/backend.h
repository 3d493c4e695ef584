/* Backends: convolution and matrix product, which libraries do at different speeds. Tensors are
 * NHWC, dense, aligned to 64 bytes; weights are OHWI (with groups: O, H, W, I/groups). `void *` is
 * `real *` of the backend's variant. Calls after creation allocate nothing. Not collective; a
 * backend's objects are used by one thread at a time (inside,
 * it may use the run's OpenMP threads). */
#ifndef TRAINER_COMPUTE_BACKEND_H
#define TRAINER_COMPUTE_BACKEND_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "base/kernel.h"

struct ConvShape {
    int64_t height, width, in_channels, out_channels;
    int64_t kernel_height, kernel_width, stride_height, stride_width;
    int64_t pad_height, pad_width; /* zeros on both sides, as PyTorch's padding */
    int64_t dilation_height, dilation_width, groups;
    int64_t out_height, out_width; /* (height + 2·pad − dilation·(kernel−1) − 1) / stride + 1 */
    /* Not for training: */
    bool relu;          /* forward ends with max(0, y), within rounding; NaN stays NaN */
    bool fixed_weights; /* they are prepared once for many calls, so that more work on them pays */
};

enum Pass { FORWARD, BACKWARD_DATA, BACKWARD_WEIGHTS, PASS_COUNT };
#define PASS_BIT(pass) (1u << (pass)) /* sets of passes */
#define EVERY_PASS (PASS_BIT(PASS_COUNT) - 1)

/* What a convolution reads: x, or, if `scale` is not NULL, [relu](x · scale + shift) with a scale
 * and a shift for each channel, rounded as x is. Pixels outside of the image are 0 in either case.
 */
struct ConvInput {
    const void *x;             /* element */
    const void *scale, *shift; /* (I) real */
    bool relu;
};

struct Conv; /* one convolution for certain numbers of samples; each backend defines its own */

struct Backend {
    const char *name;

    /* The library's convolutions with x, y and their gradients in bf16; the bias, the weights and
     * their gradients stay float, and conv_prepare makes a copy of the weights in bf16. conv_create
     * fails for what it would do slowly. It has no gemm. NULL: the library has none. */
    const struct Backend *bf16;

    /* `samples`: every number of samples that it will be called with (a step's shard, the last
     * batch's shards, evaluation blocks), `sample_counts` of them. `passes`: the set of passes that
     * will be called. Fails (ERROR_SYSTEM) if the library cannot do it. */
    int (*conv_create)(struct Conv **conv, const struct ConvShape *shape, const int64_t *samples,
                       int sample_counts, unsigned passes, struct Error *error);
    void (*conv_release)(struct Conv *conv);

    /* Bytes of work space for any call, and of the space that conv_prepare fills. */
    size_t (*conv_scratch_bytes)(const struct Conv *conv);
    size_t (*conv_prepared_bytes)(const struct Conv *conv);

    /* After the weights have changed: reorders or transforms them for a set of passes. */
    void (*conv_prepare)(const struct Conv *conv, unsigned passes, const void *weights,
                         void *prepared);

    /* y (n,P,Q,O) = conv(x (n,H,W,I), weights) + bias (O; NULL: none) */
    void (*conv_forward)(const struct Conv *conv, int64_t samples, const void *x,
                         const void *weights, const void *prepared, const void *bias, void *y,
                         void *scratch);
    /* dx (n,H,W,I), overwritten */
    void (*conv_backward_data)(const struct Conv *conv, int64_t samples, const void *dy,
                               const void *weights, const void *prepared, void *dx, void *scratch);
    /* dw (O,KH,KW,I) and dbias (O; NULL: none), overwritten */
    void (*conv_backward_weights)(const struct Conv *conv, int64_t samples, const void *x,
                                  const void *dy, void *dw, void *dbias, void *scratch);

    /* C (m×n) = alpha · op(A) · op(B) + beta · C, row-major, op = transpose if the flag is set;
     * beta == 0 overwrites C whatever it held. */
    void (*gemm)(bool transpose_a, bool transpose_b, int64_t m, int64_t n, int64_t k, double alpha,
                 const void *a, int64_t lda, const void *b, int64_t ldb, double beta, void *c,
                 int64_t ldc);
};

/* The backend of that name ("openblas", "onednn", "auto" for the fastest in this build); `variant`
 * chooses precision and instruction set. NULL with a line in `error` (ERROR_USAGE, naming those
 * that exist) if the name is unknown, was not built, or has no such variant. */
const struct Backend *backend_find(const char *name, enum Variant variant, struct Error *error);

/* Sets the libraries' numbers of threads. So that mixed nodes compute the same bits, also limits
 * their instruction set to `variant` if the library can (oneDNN; OpenBLAS only before the process
 * starts, below). Call once, before anything is created. */
void backend_configure(int threads, enum Variant variant);

/* How a CPU multiplies bf16, from nothing of its own to the fastest. */
enum Bf16Products { BF16_NOT_NATIVE, BF16_AVX512, BF16_AMX };
/* What this CPU and its operating system have. */
enum Bf16Products backend_bf16_of_cpu(void);
/* Forbids the libraries more than that. Before backend_configure. */
void backend_limit_bf16(enum Bf16Products limit);
/* What the libraries use. After backend_configure. */
enum Bf16Products backend_bf16(void);
const char *bf16_products_name(enum Bf16Products products); /* "", "AVX512_BF16", "AMX" */

/* OpenBLAS picks its kernels when it is loaded, and Debian's version takes some CPUs with AVX-512
 * for older ones. Returns the core ("SkylakeX") whose kernels would be faster on this CPU, or NULL
 * if the CPU has no AVX-512 or OpenBLAS already uses it. main() may set OPENBLAS_CORETYPE to that
 * name, unless it is set already, and execute the program again, once. */
const char *backend_better_openblas_core(void);

/* The libraries and their versions, such as "OpenBLAS 0.3.21 SkylakeX, oneDNN 2.6.3", into `text`,
 * which is returned. The bits of a run depend on them, so that checkpoints record them. */
#define BACKEND_VERSIONS 160
char *backend_versions(char text[BACKEND_VERSIONS]);

/* The instruction set whose kernels the libraries use, as far as they choose it after they were
 * loaded: "oneDNN with AVX-512", into `text`, which is returned. After backend_configure. */
char *backend_instructions(char text[BACKEND_VERSIONS]);

/* The threads that a parallel region really gets: OMP_THREAD_LIMIT and OMP_DYNAMIC may allow fewer
 * than backend_configure asked for. */
int backend_threads(void);

/* How OpenBLAS was built to use several threads. */
enum BlasThreading { BLAS_SEQUENTIAL, BLAS_PTHREADS, BLAS_OPENMP };
enum BlasThreading backend_blas_threading(void);

#endif
