#include "comm/exchange_time.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/sort.h"

#define MOST 100 /* repetitions */
#define LEAST 3
#define WARM_UP 2

/* The buffers were just written, as backward leaves them. */
static int64_t nanoseconds_of_one(struct Exchange *exchange, struct Ranks *ranks,
                                  int64_t elements) {
    for (int64_t shard = 0; shard < exchange_shard_count(exchange); shard++) {
        memset(exchange_shard_buffer(exchange), 0, (size_t)elements * sizeof(float));
        if (shard + 1 == exchange_shard_count(exchange))
            ranks_barrier(ranks);
        else
            exchange_shard_done(exchange);
    }
    double start = clock_seconds();
    exchange_shard_done(exchange);
    exchange_finish(exchange);
    int64_t nanoseconds = (int64_t)(1e9 * (clock_seconds() - start));
    ranks_maximum(ranks, &nanoseconds, 1);
    return nanoseconds;
}

double exchange_time(struct Exchange *exchange, struct Ranks *ranks, int64_t elements,
                     double budget) {
    int64_t times[MOST], sum = 0;
    int count = 0;
    for (int i = 0; i < WARM_UP; i++)
        nanoseconds_of_one(exchange, ranks, elements);
    while (count < MOST && (count < LEAST || 1e-9 * (double)sum < budget))
        sum += times[count++] = nanoseconds_of_one(exchange, ranks, elements);
    qsort(times, (size_t)count, sizeof *times, sort_integers);
    return 1e-9 * (double)times[count / 2];
}
