/* How long an exchange takes. */
#ifndef TRAINER_COMM_EXCHANGE_TIME_H
#define TRAINER_COMM_EXCHANGE_TIME_H

#include "comm/exchange.h"

/* Seconds of one exchange of `elements` floats, as a step makes it after its last shard: the median
 * over repetitions of what the slowest rank needs, for about `budget` seconds in all. Collective;
 * the same result on every rank. */
double exchange_time(struct Exchange *exchange, struct Ranks *ranks, int64_t elements,
                     double budget);

#endif
