/* The table of layers, made from nn/layers.def. Layers recognise one another by identity:
 * `node->layer == LAYER_IDENTITY(relu)`. */
#ifndef TRAINER_NN_LAYER_TABLE_H
#define TRAINER_NN_LAYER_TABLE_H

#include "base/kernel.h"
#include "runfile/schema.h"

struct Layer;

/* The layers that a run file can name. */
extern const struct KindTable layer_kinds;

/* The layer's form for `variant` and `precision`; `layer` is its VARIANT_F32 form. NULL: it has
 * none for PRECISION_BF16. */
const struct Layer *layer_form(const struct Layer *layer, enum Variant variant,
                               enum Precision precision);

#define LAYER(name, forms) extern const struct Layer layer_##name##_f32;
#define INTERNAL_LAYER(name, forms) LAYER(name, forms)
#include "nn/layers.def"
#undef LAYER
#undef INTERNAL_LAYER
#define LAYER_IDENTITY(name) (&layer_##name##_f32)

#endif
