/* Backend "onednn": fp32 convolution by oneDNN on NHWC activations, with weights in the layout that
 * it chooses, and fp32 matrix products. Everything is created before the first step. What oneDNN
 * would do with its slow reference loops, backend "openblas" does. We allocate nothing in an
 * execution; oneDNN itself allocates a map of the arguments, about 300 bytes. */
#include "compute/onednn.h"

#include <dnnl.h>
#include <stdio.h>

#include "compute/libraries.h"

/* ---- the library ---- */

void onednn__configure(enum Variant variant) {
    /* oneDNN refuses a change once it has examined the CPU, so that a second call has no effect. */
    if (variant == VARIANT_F32)
        dnnl_set_max_cpu_isa(dnnl_cpu_isa_sse41);
    else if (variant == VARIANT_F32_V3)
        dnnl_set_max_cpu_isa(dnnl_cpu_isa_avx2);
}

void onednn__version(char *text, size_t bytes) {
    const dnnl_version_t *version = dnnl_version();
    snprintf(text, bytes, "oneDNN %d.%d.%d", version->major, version->minor, version->patch);
}

/* The classes whose kernels for float differ: AMX, VNNI and bfloat16 play no part in them. */
void onednn__instructions(char *text, size_t bytes) {
    dnnl_cpu_isa_t isa = dnnl_get_effective_cpu_isa();
    const bool avx512 = (isa & dnnl_cpu_isa_avx512_core) == dnnl_cpu_isa_avx512_core;
    const bool avx2 = (isa & dnnl_cpu_isa_avx2) == dnnl_cpu_isa_avx2;
    snprintf(text, bytes, "oneDNN with %s", avx512 ? "AVX-512" : avx2 ? "AVX2" : "SSE or AVX");
}

/* ---- the tables ---- */

#define ONEDNN_BACKEND(suffix)                                                                     \
    extern const struct Backend backend_openblas_##suffix, backend_onednn_##suffix;                \
    void columns__sum_##suffix(int64_t rows, int64_t channels, const float *matrix, float *sum);   \
    static int create_##suffix(struct Conv **conv, const struct ConvShape *shape,                  \
                               const int64_t *samples, int sample_counts, unsigned passes,         \
                               struct Error *error) {                                              \
        return onednn__conv_create(                                                                \
            (struct Plain){&backend_openblas_##suffix, columns__sum_##suffix}, conv, shape,        \
            samples, sample_counts, passes, error);                                                \
    }                                                                                              \
    static void gemm_##suffix(bool transpose_a, bool transpose_b, int64_t m, int64_t n, int64_t k, \
                              double alpha, const void *a, int64_t lda, const void *b,             \
                              int64_t ldb, double beta, void *c, int64_t ldc) {                    \
        if (!onednn__multiply(transpose_a, transpose_b, m, n, k, alpha, a, lda, b, ldb, beta, c,   \
                              ldc))                                                                \
            backend_openblas_##suffix.gemm(transpose_a, transpose_b, m, n, k, alpha, a, lda, b,    \
                                           ldb, beta, c, ldc);                                     \
    }                                                                                              \
    const struct Backend backend_onednn_##suffix = {                                               \
        .name = "onednn",                                                                          \
        .conv_create = create_##suffix,                                                            \
        .conv_release = onednn__conv_release,                                                      \
        .conv_scratch_bytes = onednn__conv_scratch_bytes,                                          \
        .conv_prepared_bytes = onednn__conv_prepared_bytes,                                        \
        .conv_prepare = onednn__conv_prepare,                                                      \
        .conv_forward = onednn__conv_forward,                                                      \
        .conv_backward_data = onednn__conv_backward_data,                                          \
        .conv_backward_weights = onednn__conv_backward_weights,                                    \
        .gemm = gemm_##suffix}

ONEDNN_BACKEND(f32);
#ifdef TRAINER_ALL_VARIANTS
ONEDNN_BACKEND(f32_v3);
ONEDNN_BACKEND(f32_v4);
#endif
