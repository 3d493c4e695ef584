/* What this machine can do at most: arithmetic, copies, exchanges. All ranks measure at the same
 * time, so a figure is what a core has while all of them are busy; it is the least of the ranks'.
 *
 *   mpirun -np 2 build/bench/bench_limits [--json] [--only fma|exchange]
 *
 *   fma        fused multiply-adds in single precision, on registers
 *   bf16       sums of two bf16 products (AVX512_BF16), on registers; none without it
 *   amx        bf16 products of tiles (AMX), loaded from the first cache; none without it
 *   copy       memcpy beyond the caches, bytes read and written
 *   exchange   sums of the ranks' gradients on every rank, by the algorithm that training takes:
 *              bytes of a gradient over the time, the median of some repetitions */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/memory.h"
#include "base/text.h"
#include "bench/peak_bf16.h"
#include "comm/exchange.h"
#include "comm/ranks_mpi.h"
#include "compute/peak.h"

#define REPETITIONS 40
#define SECONDS 0.5 /* after which no further repetition of an exchange begins */
#define SIZES 4

static const int64_t sizes[SIZES] = {64 << 10, 1 << 20, 16 << 20, 64 << 20};

struct Limits {
    double fma, bf16, amx, copy; /* of a core, a second; 0: none */
    double exchange[SIZES];      /* seconds; NAN: not measured */
};

static double least(struct Ranks *ranks, double value) {
    MPI_Allreduce(MPI_IN_PLACE, &value, 1, MPI_DOUBLE, MPI_MIN, ranks_communicator(ranks));
    return value;
}

static int compare(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* Seconds that this rank takes. */
static double one_exchange(struct Ranks *ranks, struct Exchange *exchange, int64_t bytes) {
    memset(exchange_shard_buffer(exchange), 0, (size_t)bytes);
    ranks_barrier(ranks);
    double start = clock_seconds();
    exchange_shard_done(exchange);
    exchange_finish(exchange);
    return clock_seconds() - start;
}

/* Seconds of the slowest rank, the median of the repetitions. */
static double exchange_seconds(struct Ranks *ranks, int64_t bytes) {
    struct Exchange *exchange;
    struct Error error;
    double times[REPETITIONS], sum = 0;
    int count = 0;
    if (exchange_create(&exchange, ranks, ranks_size(ranks), bytes / (int64_t)sizeof(float),
                        EXCHANGE_AUTO, variant_best(VARIANT_F32_V4), &error))
        return NAN;
    one_exchange(ranks, exchange, bytes); /* to warm up */
    while (count < REPETITIONS && sum < SECONDS) {
        double seconds = one_exchange(ranks, exchange, bytes);
        MPI_Allreduce(&seconds, &times[count], 1, MPI_DOUBLE, MPI_MAX, ranks_communicator(ranks));
        sum += times[count++];
    }
    exchange_release(exchange);
    qsort(times, (size_t)count, sizeof *times, compare);
    return times[count / 2];
}

static struct Limits measure(struct Ranks *ranks, const char *only) {
    struct Limits limits = {0};
    for (int i = 0; i < SIZES; i++)
        limits.exchange[i] = NAN;
    ranks_barrier(ranks);
    if (!only || !strcmp(only, "fma"))
        limits.fma = least(ranks, peak_flops(variant_best(VARIANT_F32_V4), 1));
    if (!only) {
        limits.bf16 = least(ranks, peak_bf16_flops());
        limits.amx = least(ranks, peak_amx_flops());
        limits.copy = least(ranks, peak_bandwidth(1));
    }
    if (ranks_size(ranks) > 1 && (!only || !strcmp(only, "exchange")))
        for (int i = 0; i < SIZES; i++)
            limits.exchange[i] = exchange_seconds(ranks, sizes[i]);
    return limits;
}

static void print_row(const char *what, double rate, int ranks, const char *unit) {
    if (rate > 0)
        printf("%-36s %10.1f %10.1f  %s\n", what, 1e-9 * rate, 1e-9 * rate * ranks, unit);
    else
        printf("%-36s %10s %10s\n", what, "none", "none");
}

static void print_table(const struct Limits *limits, int ranks, int hosts) {
    char size[32], what[64];
    snprintf(what, sizeof what, "fp32 multiply-adds (%s)",
             variant_name(variant_best(VARIANT_F32_V4)));
    printf("%d ranks on %d hosts %28s %10s\n", ranks, hosts, "a core", "together");
    print_row(what, limits->fma, ranks, "GFLOP/s");
    print_row("bf16 sums of two products", limits->bf16, ranks, "GFLOP/s");
    print_row("bf16 products of tiles (AMX)", limits->amx, ranks, "GFLOP/s");
    print_row("copy, bytes read and written", limits->copy, ranks, "GB/s");
    for (int i = 0; i < SIZES; i++)
        if (limits->exchange[i] > 0)
            printf("exchange of %-24s %10.1f µs %18.2f  GB/s\n", text_bytes((double)sizes[i], size),
                   1e6 * limits->exchange[i], 1e-9 * (double)sizes[i] / limits->exchange[i]);
}

static void print_rate(const char *key, double rate) {
    if (rate > 0)
        printf("\"%s\": %.6g, ", key, rate);
    else
        printf("\"%s\": null, ", key);
}

/* Rates a second of a core; the seconds of an exchange by its bytes. */
static void print_json(const struct Limits *limits, int ranks, int hosts) {
    printf("{\"ranks\": %d, \"hosts\": %d, \"instruction_set\": \"%s\", ", ranks, hosts,
           variant_name(variant_best(VARIANT_F32_V4)));
    print_rate("fma", limits->fma);
    print_rate("bf16", limits->bf16);
    print_rate("amx", limits->amx);
    print_rate("copy", limits->copy);
    printf("\"exchange\": {");
    const char *between = "";
    for (int i = 0; i < SIZES; i++)
        if (limits->exchange[i] > 0) {
            printf("%s\"%ld\": %.6g", between, (long)sizes[i], limits->exchange[i]);
            between = ", ";
        }
    printf("}}\n");
}

int main(int argc, char **argv) {
    bool json = false, wrong = false;
    const char *only = NULL;
    MPI_Init(&argc, &argv);
    for (int i = 1; i < argc; i++) {
        if (!strcmp(argv[i], "--json"))
            json = true;
        else if (!strcmp(argv[i], "--only") && i + 1 < argc)
            only = argv[++i];
        else
            wrong = true;
    }
    wrong = wrong || (only && strcmp(only, "fma") != 0 && strcmp(only, "exchange") != 0);
    struct Ranks *ranks = ranks_from_communicator(MPI_COMM_WORLD);
    if (wrong && ranks_rank(ranks) == 0)
        fprintf(stderr, "usage: bench_limits [--json] [--only fma|exchange]\n");
    if (!wrong) {
        const struct Limits limits = measure(ranks, only);
        if (ranks_rank(ranks) == 0)
            (json ? print_json : print_table)(&limits, ranks_size(ranks), ranks_nodes(ranks));
    }
    ranks_release(ranks);
    MPI_Finalize();
    return wrong ? 2 : 0;
}
