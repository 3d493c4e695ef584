/* Clipping (Pascanu et al. 2013, "On the difficulty of training recurrent neural networks") of the
 * exchanged gradient, before the gradients of penalties are added. */
#ifndef TRAINER_OPTIM_CLIP_H
#define TRAINER_OPTIM_CLIP_H

#include <stdbool.h>

#include "runfile/schema.h"

struct ClipOptions {
    double norm;  /* largest Euclidean norm of the whole gradient; NaN: no limit */
    double value; /* largest magnitude of an element; NaN: no limit */
    bool report;  /* the norm is measured even if it has no limit */
};
extern const struct Key clip_keys[];

/* Whether the norm has to be measured. */
static inline bool clip_measures(const struct ClipOptions *options) {
    return options->norm > 0 || options->report;
}
/* The factor for a gradient of that norm: min(1, limit / (norm + 1e-6)), as in
 * torch.nn.utils.clip_grad_norm_. */
double clip_factor(const struct ClipOptions *options, double norm);

#endif
