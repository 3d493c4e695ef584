#include "optim/optimizers.h"

#define OPTIMIZER(name) KERNEL_DECLARE(struct Optimizer, optimizer_##name);
#include "optim/optimizers.def"
#undef OPTIMIZER

#define OPTIMIZER(name) KERNEL_TABLE(optimizer_##name),
static const struct Optimizer *const optimizers[][VARIANT_COUNT] = {
#include "optim/optimizers.def"
};
#undef OPTIMIZER

#define OPTIMIZER(name) &optimizer_##name##_f32.kind,
static const struct Kind *const kinds[] = {
#include "optim/optimizers.def"
    NULL};
#undef OPTIMIZER

const struct KindTable optimizer_kinds = {.what = "optimizer", .kinds = kinds};

const struct Optimizer *optimizer__of_kind(const struct Kind *kind, enum Variant variant) {
    CHECK(variant_available(variant));
    int row = 0;
    while (kinds[row] != kind) {
        CHECK(kinds[row]);
        row++;
    }
    return optimizers[row][variant];
}
