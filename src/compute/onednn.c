/* Backend "onednn": convolution by oneDNN on NHWC activations, with weights in the layout that it
 * chooses, in fp32 and bf16, and fp32 matrix products. Everything is created before the first step.
 * What oneDNN would do with its slow reference loops, backend "openblas" does. We allocate nothing
 * in an execution; oneDNN itself allocates a map of the arguments, about 300 bytes. */
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

static bool uses(dnnl_cpu_isa_t isa) {
    return (dnnl_get_effective_cpu_isa() & isa) == isa;
}

enum Bf16Products onednn__bf16(void) {
    return uses(dnnl_cpu_isa_avx512_core_amx)    ? BF16_AMX
           : uses(dnnl_cpu_isa_avx512_core_bf16) ? BF16_AVX512
                                                 : BF16_NOT_NATIVE;
}

void onednn__limit_bf16(enum Bf16Products limit) {
    if (limit == BF16_NOT_NATIVE)
        dnnl_set_max_cpu_isa(dnnl_cpu_isa_avx512_core_vnni);
    else if (limit == BF16_AVX512)
        dnnl_set_max_cpu_isa(dnnl_cpu_isa_avx512_core_bf16);
}

/* The classes whose kernels differ: VNNI plays no part in float and bf16. */
void onednn__instructions(char *text, size_t bytes) {
    const char *products = bf16_products_name(onednn__bf16());
    snprintf(text, bytes, "oneDNN with %s%s%s",
             uses(dnnl_cpu_isa_avx512_core) ? "AVX-512"
             : uses(dnnl_cpu_isa_avx2)      ? "AVX2"
                                            : "SSE or AVX",
             *products ? ", bf16 by " : "", products);
}

/* ---- the tables ---- */

#define ONEDNN_CONVOLUTIONS                                                                        \
    .conv_release = onednn__conv_release, .conv_scratch_bytes = onednn__conv_scratch_bytes,        \
    .conv_prepared_bytes = onednn__conv_prepared_bytes, .conv_prepare = onednn__conv_prepare,      \
    .conv_forward = onednn__conv_forward, .conv_backward_data = onednn__conv_backward_data,        \
    .conv_backward_weights = onednn__conv_backward_weights

#define ONEDNN_BACKEND(suffix, in_bf16)                                                            \
    extern const struct Backend backend_openblas_##suffix, backend_onednn_##suffix;                \
    void columns__sum_##suffix(int64_t rows, int64_t channels, const void *matrix, float *sum);    \
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
    const struct Backend backend_onednn_##suffix = {.name = "onednn",                              \
                                                    .bf16 = in_bf16,                               \
                                                    .conv_create = create_##suffix,                \
                                                    ONEDNN_CONVOLUTIONS,                           \
                                                    .gemm = gemm_##suffix}

ONEDNN_BACKEND(f32, NULL);
#ifdef TRAINER_ALL_VARIANTS
ONEDNN_BACKEND(f32_v3, NULL);

/* It computes bf16 with AVX-512 alone. */
void columns__sum_bf16_v4(int64_t rows, int64_t channels, const void *matrix, float *sum);

static int create_bf16_v4(struct Conv **conv, const struct ConvShape *shape, const int64_t *samples,
                          int sample_counts, unsigned passes, struct Error *error) {
    return onednn__conv_create((struct Plain){NULL, columns__sum_bf16_v4}, conv, shape, samples,
                               sample_counts, passes, error);
}

static const struct Backend bf16_v4 = {
    .name = "onednn bf16", .conv_create = create_bf16_v4, ONEDNN_CONVOLUTIONS};

ONEDNN_BACKEND(f32_v4, &bf16_v4);
#endif
