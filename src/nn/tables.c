/* The tables of layers and losses, each made from its one list. */
#include "nn/layer.h"
#include "nn/loss.h"

#define DECLARE_FP32(name) KERNEL_DECLARE(struct Layer, name);
#define DECLARE_BF16(name)                                                                         \
    DECLARE_FP32(name)                                                                             \
    KERNEL_DECLARE_BF16(struct Layer, name);
#define LAYER(name, forms) DECLARE_##forms(layer_##name)
#define INTERNAL_LAYER(name, forms) LAYER(name, forms)
#define LOSS(name) KERNEL_DECLARE(struct Loss, loss_##name);
#include "nn/layers.def"
#include "nn/losses.def"
#undef LAYER
#undef INTERNAL_LAYER
#undef LOSS

#define TABLE_FP32(name) {KERNEL_TABLE(name), {0}},
#define TABLE_BF16(name) {KERNEL_TABLE(name), KERNEL_TABLE_BF16(name)},
#define LAYER(name, forms) TABLE_##forms(layer_##name)
#define INTERNAL_LAYER(name, forms) LAYER(name, forms)
static const struct Layer *const layers[][PRECISION_COUNT][VARIANT_COUNT] = {
#include "nn/layers.def"
};
#undef LAYER
#undef INTERNAL_LAYER

#define LAYER(name, forms) &layer_##name##_f32.kind,
#define INTERNAL_LAYER(name, forms)
static const struct Kind *const layer_kind_list[] = {
#include "nn/layers.def"
    NULL};
#undef LAYER
#undef INTERNAL_LAYER

#define LOSS(name) KERNEL_TABLE(loss_##name),
static const struct Loss *const losses[][VARIANT_COUNT] = {
#include "nn/losses.def"
};
#undef LOSS

#define LOSS(name) &loss_##name##_f32.kind,
static const struct Kind *const loss_kind_list[] = {
#include "nn/losses.def"
    NULL};
#undef LOSS

const struct KindTable layer_kinds = {"layer", layer_kind_list};
const struct KindTable loss_kinds = {"loss", loss_kind_list};

const struct Layer *layer_form(const struct Layer *layer, enum Variant variant,
                               enum Precision precision) {
    for (size_t i = 0; i < sizeof layers / sizeof *layers; i++)
        if (layers[i][PRECISION_FP32][VARIANT_F32] == layer)
            return layers[i][precision][variant];
    CHECK(!"a layer of the table");
    return NULL;
}

const char *const prediction_words[] = {[PREDICTION_PROBABILITIES] = "probabilities",
                                        [PREDICTION_SIGMOIDS] = "a probability for each class",
                                        [PREDICTION_SCORES] = "scores"};

bool loss_takes(const struct Loss *loss, enum TargetKind targets) {
    return targets == TARGET_SETS ? loss->takes_sets : targets <= loss->targets;
}

const struct Strings *loss_class_weights(const struct Choice *loss) {
    const struct LossCommon *common = loss->options;
    bool has = ((const struct Loss *)loss->kind)->weights_classes && common->class_weights.count;
    return has ? &common->class_weights : NULL;
}

void loss_set_weights(const struct Choice *loss, const double *weights) {
    CHECK(((const struct Loss *)loss->kind)->weights_classes);
    ((struct LossCommon *)loss->options)->weights = weights;
}

bool loss_has_masses(const struct Loss *loss, const void *options) {
    return loss->weights_classes && loss->prediction != PREDICTION_SIGMOIDS &&
           ((const struct LossCommon *)options)->weights;
}

double loss_mass(const struct Loss *loss, const void *options, int64_t outputs,
                 const float *target) {
    if (!loss_has_masses(loss, options))
        return 1;
    const double *weights = ((const struct LossCommon *)options)->weights;
    double mass = 0;
    for (int64_t k = 0; k < outputs; k++)
        mass += weights[k] * (double)target[k];
    return mass;
}

const struct Loss *loss_variant(const struct Loss *loss, enum Variant variant) {
    for (size_t i = 0; i < sizeof losses / sizeof *losses; i++)
        if (losses[i][VARIANT_F32] == loss)
            return losses[i][variant];
    CHECK(!"a loss of the table");
    return NULL;
}
