/* Kernel files: numeric code that is compiled several times from one source, in float for each
 * instruction set and in double for the gradient checks. A kernel file includes this header, writes
 * `real`, and names its public symbols KERNEL(name); the build (cmake/Kernels.cmake) compiles it
 * once for each variant. The caller picks a variant at run time, so that one binary runs on every
 * node of a mixed cluster, and all ranks can agree on one instruction set.
 *
 * In memory, activations and their gradients have the type `element`, which is `real` in these
 * variants. Some kernel files are compiled a second time for each instruction set: then `element`
 * is bf16 (base/bfloat16.h), and `real`, the type of parameters, their gradients and all
 * arithmetic, is float. Such a file reads and writes elements by element_value and
 * element_round. */
#ifndef TRAINER_BASE_KERNEL_H
#define TRAINER_BASE_KERNEL_H

#include <stdbool.h>

#include "base/bfloat16.h"

enum Variant {
    VARIANT_F64 = 0,    /* double, plain x86-64: gradient checks */
    VARIANT_F32 = 1,    /* float, the compiler's default instruction set */
    VARIANT_F32_V3 = 2, /* float, x86-64-v3: AVX2 and FMA */
    VARIANT_F32_V4 = 3, /* float, x86-64-v4: AVX-512 */
    VARIANT_COUNT = 4
};

/* The best float variant, up to `limit`, that was built and runs on this CPU. */
enum Variant variant_best(enum Variant limit);
/* Whether the variant was built and runs on this CPU. */
bool variant_available(enum Variant variant);
const char *variant_name(enum Variant variant); /* "f64", "baseline", "avx2", "avx512" */
/* The variant of that name; −1 if there is none. */
int variant_by_name(const char *name);
static inline int variant_bytes(enum Variant variant) { /* bytes of one `real` */
    return variant == VARIANT_F64 ? 8 : 4;
}

/* The type in which activations and their gradients are stored. */
enum Precision {
    PRECISION_FP32 = 0, /* `real` */
    PRECISION_BF16 = 1, /* bf16; not with VARIANT_F64 */
    PRECISION_COUNT = 2
};
extern const char *const precision_names[]; /* "fp32", "bf16", NULL */
/* The precision of that name; −1 if there is none. */
int precision_by_name(const char *name);
static inline int element_bytes(enum Variant variant, enum Precision precision) {
    return precision == PRECISION_BF16 ? 2 : variant_bytes(variant);
}

/* The build sets KERNEL_SUFFIX, in kernel files only, to f64, f32, f32_v3, f32_v4, bf16, bf16_v3 or
 * bf16_v4. */
#ifdef KERNEL_SUFFIX
#ifdef KERNEL_DOUBLE
typedef double real;
#else
typedef float real;
#endif
#ifdef KERNEL_BF16
#define KERNEL_PRECISION PRECISION_BF16
typedef bf16 element;
static inline real element_value(element stored) {
    return bf16_value(stored);
}
static inline element element_round(real value) {
    return bf16_round(value);
}
#else
#define KERNEL_PRECISION PRECISION_FP32
typedef real element;
static inline real element_value(element stored) {
    return stored;
}
static inline element element_round(real value) {
    return value;
}
#endif
#define KERNEL_PASTE(name, suffix) name##_##suffix
#define KERNEL_EXPAND(name, suffix) KERNEL_PASTE(name, suffix)
#define KERNEL(name) KERNEL_EXPAND(name, KERNEL_SUFFIX)
#endif

/* The number of elements from which threads make a cheap loop faster. */
#define PARALLEL_ELEMENTS 65536
/* The size from which a result has left the caches before it is read. A store that bypasses the
 * caches is then faster, because it does not fetch the lines first. */
#define STREAM_BYTES ((int64_t)2 << 20)

/* A table of the variants of one exported constant. After KERNEL_DECLARE(struct Layer, layer_relu),
 * KERNEL_TABLE(layer_relu) initialises an array of VARIANT_COUNT pointers, with NULL for a variant
 * that was not built. References are weak only in builds that lack variants, because a weak
 * reference does not make the linker take an object out of a static library. */
#ifdef TRAINER_ALL_VARIANTS
#define KERNEL_OPTIONAL
#else
#define KERNEL_OPTIONAL __attribute__((weak))
#endif
#define KERNEL_DECLARE(type, name)                                                                 \
    extern const type name##_f64, name##_f32, name##_f32_v3 KERNEL_OPTIONAL,                       \
        name##_f32_v4 KERNEL_OPTIONAL
#define KERNEL_TABLE(name)                                                                         \
    { &name##_f64, &name##_f32, &name##_f32_v3, &name##_f32_v4 }
/* The same for the variants in which `element` is bf16. */
#define KERNEL_DECLARE_BF16(type, name)                                                            \
    extern const type name##_bf16, name##_bf16_v3 KERNEL_OPTIONAL, name##_bf16_v4 KERNEL_OPTIONAL
#define KERNEL_TABLE_BF16(name)                                                                    \
    { 0, &name##_bf16, &name##_bf16_v3, &name##_bf16_v4 }

#endif
