/* The code of an optimiser for one variant. For optim/ alone. */
#ifndef TRAINER_OPTIM_OPTIMIZERS_H
#define TRAINER_OPTIM_OPTIMIZERS_H

#include "optim/optimizer.h"

/* `kind`: one of optimizer_kinds, as the run file chose it. A variant that is not available is a
 * bug. */
const struct Optimizer *optimizer__of_kind(const struct Kind *kind, enum Variant variant);

#endif
