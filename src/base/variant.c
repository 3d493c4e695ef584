#include "base/kernel.h"

#include <stddef.h>

#include "base/cpu.h"
#include "base/text.h"

static const char *const names[VARIANT_COUNT] = {"f64", "baseline", "avx2", "avx512"};

const char *const precision_names[] = {[PRECISION_FP32] = "fp32", [PRECISION_BF16] = "bf16", NULL};

bool variant_available(enum Variant variant) {
    switch (variant) {
    case VARIANT_F64:
    case VARIANT_F32:
        return true;
#ifdef TRAINER_ALL_VARIANTS
    case VARIANT_F32_V3:
        return cpu_has_v3();
    case VARIANT_F32_V4:
        return cpu_has_v4();
#endif
    default:
        return false;
    }
}

enum Variant variant_best(enum Variant limit) {
    for (int variant = (int)limit; variant > VARIANT_F32; variant--)
        if (variant_available((enum Variant)variant))
            return (enum Variant)variant;
    return VARIANT_F32;
}

const char *variant_name(enum Variant variant) {
    return names[variant];
}

int variant_by_name(const char *name) {
    return text_index(name, names, VARIANT_COUNT);
}

int precision_by_name(const char *name) {
    return text_index(name, precision_names, PRECISION_COUNT);
}
