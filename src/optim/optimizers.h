/* Inside of optim/: from the kind that the run file chose to its code for one variant. */
#ifndef TRAINER_OPTIM_OPTIMIZERS_H
#define TRAINER_OPTIM_OPTIMIZERS_H

#include "optim/optimizer.h"

const struct Optimizer *optimizer_of(const struct Kind *kind, enum Variant variant);

#endif
