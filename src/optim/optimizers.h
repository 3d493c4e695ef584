/* The code of an optimiser for one variant. Internal to optim/. */
#ifndef TRAINER_OPTIM_OPTIMIZERS_H
#define TRAINER_OPTIM_OPTIMIZERS_H

#include "optim/optimizer.h"

/* `kind` is one of optimizer_kinds. A variant that is not available is a bug. */
const struct Optimizer *optimizer__of_kind(const struct Kind *kind, enum Variant variant);

#endif
