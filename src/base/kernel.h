/* Kernel files: numeric code that is compiled several times from one source, in float for each
 * instruction set and in double for the gradient checks. A kernel file includes this header, writes
 * `real`, and names its public symbols KERNEL(name); the build (cmake/Kernels.cmake) compiles it
 * once for each variant. The caller picks a variant at run time, so that one binary runs on every
 * node of a mixed cluster, and all ranks can agree on one instruction set.
 *
 * Activations and their gradients are of type `element` in memory. In the forms above that is
 * `real`. Some kernel files have a second form for each instruction set, in which `element` is a
 * bf16 (base/bfloat16.h) and `real`, the type of parameters, their gradients and all arithmetic, is
 * float. Such a file reads and writes elements by element_value and element_round.
 */
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

/* The best float variant, up to `limit`, that was built and that this CPU can run. */
enum Variant variant_best(enum Variant limit);
/* Whether the variant was built and this CPU can run it. */
bool variant_available(enum Variant variant);
const char *variant_name(enum Variant variant); /* "f64", "baseline", "avx2", "avx512" */
/* The variant of that name; −1 if there is none. */
int variant_by_name(const char *name);
static inline int variant_bytes(enum Variant variant) { /* bytes of one `real` */
    return variant == VARIANT_F64 ? 8 : 4;
}

/* How activations and their gradients lie in memory. */
enum Precision {
    PRECISION_FP32 = 0, /* as `real` */
    PRECISION_BF16 = 1, /* as bf16; there is no such form of VARIANT_F64 */
    PRECISION_COUNT = 2
};
extern const char *const precision_names[]; /* "fp32", "bf16", NULL */
/* The precision of that name; −1 if there is none. */
int precision_by_name(const char *name);
static inline int element_bytes(enum Variant variant, enum Precision precision) {
    return precision == PRECISION_BF16 ? 2 : variant_bytes(variant);
}

/* Set by the build in kernel files only: f64, f32, f32_v3, f32_v4; bf16, bf16_v3, bf16_v4. */
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

/* From this many elements on, threads make a cheap loop faster. */
#define PARALLEL_ELEMENTS 65536
/* From this size on, a result does not stay in the caches until it is read: storing it past them
 * saves fetching its lines first. */
#define STREAM_BYTES ((int64_t)2 << 20)

/* A table over the variants of one exported constant. After KERNEL_DECLARE(struct Layer,
 * layer_relu), KERNEL_TABLE(layer_relu) is an initialiser of VARIANT_COUNT pointers, NULL for a
 * variant that was not built. References are weak only in builds that lack variants, because a weak
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
/* The same for the forms in which `element` is a bf16. */
#define KERNEL_DECLARE_BF16(type, name)                                                            \
    extern const type name##_bf16, name##_bf16_v3 KERNEL_OPTIONAL, name##_bf16_v4 KERNEL_OPTIONAL
#define KERNEL_TABLE_BF16(name)                                                                    \
    { 0, &name##_bf16, &name##_bf16_v3, &name##_bf16_v4 }

#endif
