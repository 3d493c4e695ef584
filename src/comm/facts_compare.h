/* How facts (comm/facts.h) are compared and a difference is told. For comm/ alone. */
#ifndef TRAINER_COMM_FACTS_COMPARE_H
#define TRAINER_COMM_FACTS_COMPARE_H

#include "base/digest.h"
#include "comm/facts.h"

/* Finds the lowest of `size` ranks outside the majority of the digests; false: all are the same. */
bool facts__find_odd(const struct Digest *digests, int size, struct Disagreement *disagreement);

#endif
