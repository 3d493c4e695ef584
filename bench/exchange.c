/* Time of one exchange of gradients, for arenas from 64 KiB to 64 MiB: each algorithm, and a plain
 * MPI_Allreduce. Each rank has one shard, whose buffer was just written, as backward leaves it.
 * There are two times, for the exchange alone and for the exchange with one pass over the sum, as
 * the update makes it. A time is that of the slowest rank, the median over the repetitions.
 *
 *   mpirun -np 2 build/bench/bench_exchange */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/memory.h"
#include "base/text.h"
#include "comm/exchange.h"
#include "comm/ranks_mpi.h"

struct Times {
    double exchange, with_pass; /* seconds */
};

static int compare(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static double median_of_slowest(struct Ranks *ranks, double *times, int count) {
    MPI_Allreduce(MPI_IN_PLACE, times, count, MPI_DOUBLE, MPI_MAX, ranks_communicator(ranks));
    qsort(times, (size_t)count, sizeof *times, compare);
    return times[count / 2];
}

static void write_gradient(float *gradient, int64_t elements, int repetition) {
    for (int64_t i = 0; i < elements; i++)
        gradient[i] = (float)(i % 1000 + repetition);
}

/* The update's pass: reads the sum, writes the parameters. */
static void update(float *parameters, const float *sum, int64_t elements) {
    for (int64_t i = 0; i < elements; i++)
        parameters[i] -= 0.1f * sum[i];
}

#define MOST 200

/* `exchange` NULL: MPI_Allreduce from `gradient` to `result`. */
static struct Times measure(struct Ranks *ranks, struct Exchange *exchange, int64_t elements,
                            int repetitions, float *gradient, float *result, float *parameters) {
    double exchanged[MOST], passed[MOST];
    for (int i = -2; i < repetitions; i++) { /* two to warm up */
        float *own = exchange ? exchange_shard_buffer(exchange) : gradient;
        const float *sum = result;
        write_gradient(own, elements, i);
        ranks_barrier(ranks);
        double start = clock_seconds();
        if (exchange) {
            exchange_shard_done(exchange);
            sum = exchange_finish(exchange);
        } else {
            MPI_Allreduce(own, result, (int)elements, MPI_FLOAT, MPI_SUM,
                          ranks_communicator(ranks));
        }
        double middle = clock_seconds();
        update(parameters, sum, elements);
        if (i >= 0) {
            exchanged[i] = middle - start;
            passed[i] = clock_seconds() - start;
        }
    }
    return (struct Times){median_of_slowest(ranks, exchanged, repetitions),
                          median_of_slowest(ranks, passed, repetitions)};
}

static void measure_size(struct Ranks *ranks, int64_t bytes) {
    int64_t elements = bytes / (int64_t)sizeof(float);
    int repetitions = bytes <= 1 << 20 ? MOST : bytes <= 16 << 20 ? 50 : 15;
    bool talks = ranks_rank(ranks) == 0;
    float *gradient = memory_array(float, elements, "gradient");
    float *result = memory_array(float, elements, "sum");
    float *parameters = memory_array(float, elements, "parameters");
    struct Times t = measure(ranks, NULL, elements, repetitions, gradient, result, parameters);
    char size[32];
    if (talks)
        printf("%-9s %10.1f %10.1f", text_bytes((double)bytes, size), 1e6 * t.exchange,
               1e6 * t.with_pass);
    for (int algorithm = EXCHANGE_WINDOW; algorithm <= EXCHANGE_DIRECT; algorithm++) {
        struct Exchange *exchange;
        struct Error error;
        if (exchange_create(&exchange, ranks, ranks_size(ranks), elements,
                            (enum ExchangeAlgorithm)algorithm, variant_best(VARIANT_F32_V4),
                            &error)) {
            if (talks)
                printf(" %10s %10s", "-", "-");
            continue;
        }
        t = measure(ranks, exchange, elements, repetitions, NULL, NULL, parameters);
        exchange_release(exchange);
        if (talks)
            printf(" %10.1f %10.1f", 1e6 * t.exchange, 1e6 * t.with_pass);
    }
    if (talks)
        printf("\n");
    memory_release(gradient);
    memory_release(result);
    memory_release(parameters);
}

int main(int argc, char **argv) {
    MPI_Init(&argc, &argv);
    struct Ranks *ranks = ranks_from_communicator(MPI_COMM_WORLD);
    if (ranks_rank(ranks) == 0) {
        printf("%d ranks on %d hosts; microseconds: exchange alone, with one pass over the sum\n",
               ranks_size(ranks), ranks_nodes(ranks));
        printf("%-9s %21s %21s %21s %21s\n", "arena", "MPI_Allreduce", "window", "halving",
               "direct");
    }
    for (int64_t bytes = 64 << 10; bytes <= 64 << 20; bytes *= 4)
        measure_size(ranks, bytes);
    ranks_release(ranks);
    MPI_Finalize();
    return 0;
}
