#include "nn/probe.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "nn/lifetimes.h"
#include "nn/plan_parts.h"
#include "nn/probe_kernels.h"

KERNEL_DECLARE(struct ProbeKernels, probe__kernels);
KERNEL_DECLARE_BF16(struct ProbeKernels, probe__kernels);

const struct ProbeKernels *probe__kernels(enum Variant variant, enum Precision precision) {
    static const struct ProbeKernels *const table[PRECISION_COUNT][VARIANT_COUNT] = {
        KERNEL_TABLE(probe__kernels), KERNEL_TABLE_BF16(probe__kernels)};
    return table[precision][variant];
}

/* The beginning of a record's values; the bins follow. */
enum { COUNT, MEAN, DEVIATIONS, LEAST, MOST, ZEROS, SATURATED, NONFINITE, HEAD };
#define VALUES (HEAD + PROBE_BINS)

/* A shard's samples are measured in so many pieces, side by side; the pieces are added in order. */
#define PIECES 8

struct Place {
    int operation;
    int64_t units;
    int64_t output, gradient, fired; /* where in a record; gradient −1: none */
    struct Saturation saturation;
    bool saturates;
};

struct Probe {
    struct Plan *plan;
    struct Place *places;
    int place_count;
    int *place_of; /* of each operation; −1: a view */
    int64_t length, most_units;
    double *record; /* that is being written */
    struct ProbeTally tallies[PIECES];
    uint32_t *counts; /* (PIECES, PROBE_BINS) */
    uint8_t *fired;   /* (PIECES, most_units) */
};

/* ---- Values ---- */

static void start_values(double *values) {
    memset(values, 0, VALUES * sizeof *values);
    values[LEAST] = INFINITY;
    values[MOST] = -INFINITY;
}

/* Chan, Golub and LeVeque 1983, "Algorithms for computing the sample variance". */
static void add_head(double *sum, const double *head) {
    double count = sum[COUNT] + head[COUNT], d = head[MEAN] - sum[MEAN];
    if (head[COUNT] > 0) {
        double part = head[COUNT] / count;
        sum[DEVIATIONS] += head[DEVIATIONS] + d * d * sum[COUNT] * part;
        sum[MEAN] += d * part;
    }
    sum[COUNT] = count;
    sum[LEAST] = fmin(sum[LEAST], head[LEAST]);
    sum[MOST] = fmax(sum[MOST], head[MOST]);
    for (int i = ZEROS; i < HEAD; i++)
        sum[i] += head[i];
}

static void add_values(double *sum, const double *values) {
    add_head(sum, values);
    for (int b = HEAD; b < VALUES; b++)
        sum[b] += values[b];
}

static void add_tally(double *sum, const struct ProbeTally *tally) {
    const double head[HEAD] = {[COUNT] = (double)tally->count,
                               [MEAN] = tally->mean,
                               [DEVIATIONS] = tally->deviations,
                               [LEAST] = tally->least,
                               [MOST] = tally->most,
                               [ZEROS] = (double)tally->zeros,
                               [SATURATED] = (double)tally->saturated,
                               [NONFINITE] = (double)tally->nonfinite};
    add_head(sum, head);
}

static struct ProbeValues read_head(const double *head, const double *counts) {
    double count = head[COUNT];
    struct ProbeValues values = {.count = (int64_t)count,
                                 .zeros = (int64_t)head[ZEROS],
                                 .saturated = (int64_t)head[SATURATED],
                                 .nonfinite = (int64_t)head[NONFINITE],
                                 .counts = counts};
    if (count <= 0)
        return values;
    values.mean = head[MEAN];
    values.std = sqrt(head[DEVIATIONS] / count);
    values.least = head[LEAST];
    values.most = head[MOST];
    values.norm = sqrt(head[DEVIATIONS] + count * head[MEAN] * head[MEAN]);
    return values;
}

#define ARRAY_PIECE 65536 /* elements */

struct ProbeValues probe_array(enum Variant variant, int64_t count, const void *values,
                               double *counts) {
    const struct ProbeKernels *kernels = probe__kernels(variant, PRECISION_FP32);
    const struct Saturation none = {-INFINITY, INFINITY};
    double sum[VALUES];
    uint32_t bins[PROBE_BINS];
    start_values(sum);
    for (int64_t first = 0; first < count; first += ARRAY_PIECE) {
        int64_t length = count - first < ARRAY_PIECE ? count - first : ARRAY_PIECE;
        const void *piece = (const char *)values + first * variant_bytes(variant);
        struct ProbeTally tally = kernels->measure(length, piece, none);
        add_tally(sum, &tally);
        memset(bins, 0, sizeof bins);
        if (counts)
            kernels->bin(length, piece, bins);
        for (int b = 0; counts && b < PROBE_BINS; b++)
            sum[HEAD + b] += bins[b];
    }
    if (counts)
        memcpy(counts, sum + HEAD, PROBE_BINS * sizeof *counts);
    return read_head(sum, counts);
}

/* ---- Histograms ---- */

/* The lower edge of the bins above zero, from 1 on. */
static double magnitude(int place) {
    return ldexp(1 + 0.25 * ((place - 1) & 3), PROBE_LOWEST + (place - 1) / 4);
}

double probe_edge(int bin) {
    return bin > PROBE_SIDE ? magnitude(bin - PROBE_SIDE) : -magnitude(PROBE_SIDE - bin + 1);
}

#define SHOWN_OCTAVES 6

int probe_histogram(const struct ProbeValues *values, double *edges, double *counts) {
    int first = 0, last = PROBE_BINS - 1, shown = 0;
    if (!values->counts || values->count == 0)
        return 0;
    while (first < last && values->counts[first] == 0)
        first++;
    while (last > first && values->counts[last] == 0)
        last--;
    int reach = PROBE_SIDE - first > last - PROBE_SIDE ? PROBE_SIDE - first : last - PROBE_SIDE;
    int near = reach - 4 * SHOWN_OCTAVES; /* places up to here, on both sides, are one bin */
    for (int b = first; b <= last; b++) {
        bool joins = shown > 0 && abs(b - PROBE_SIDE) <= near && abs(b - 1 - PROBE_SIDE) <= near;
        if (!joins) {
            edges[shown] = probe_edge(b);
            counts[shown++] = 0;
        }
        counts[shown - 1] += values->counts[b];
    }
    edges[shown] = probe_edge(last + 1);
    return shown;
}

/* ---- The record ---- */

static struct Place make_place(const struct Plan *plan, int operation, int64_t *length) {
    const struct Operation *made = &plan->operations.items[operation];
    const struct Node *node = made->fused_count ? made->fused[made->fused_count - 1] : made->node;
    struct Place place = {.operation = operation,
                          .units = made->out.channels,
                          .saturates = node->layer->saturation != NULL,
                          .saturation = {-INFINITY, INFINITY},
                          .output = *length,
                          .gradient = -1};
    if (place.saturates)
        place.saturation = node->layer->saturation(node);
    *length += VALUES;
    if (plan->training && plan->operations.needs_gradient[made->output]) {
        place.gradient = *length;
        *length += VALUES;
    }
    place.fired = *length;
    *length += place.units;
    return place;
}

void probe_create(struct Probe **made, struct Plan *plan) {
    struct Probe *probe = memory_array(struct Probe, 1, "a probe");
    int operations = plan->operations.count;
    probe->plan = plan;
    probe->places = memory_array(struct Place, operations, "a probe");
    probe->place_of = memory_array(int, operations, "a probe");
    for (int i = 0; i < operations; i++) {
        probe->place_of[i] = -1;
        if (!operation__has_values(&plan->operations.items[i]))
            continue;
        probe->place_of[i] = probe->place_count;
        struct Place *place = &probe->places[probe->place_count++];
        *place = make_place(plan, i, &probe->length);
        if (place->units > probe->most_units)
            probe->most_units = place->units;
    }
    probe->counts = memory_array(uint32_t, PIECES * PROBE_BINS, "a probe");
    probe->fired = memory_array(uint8_t, PIECES * probe->most_units, "a probe");
    *made = probe;
}

void probe_release(struct Probe *probe) {
    if (!probe)
        return;
    memory_release(probe->places);
    memory_release(probe->place_of);
    memory_release(probe->counts);
    memory_release(probe->fired);
    memory_release(probe);
}

int64_t probe_length(const struct Probe *probe) {
    return probe->length;
}

void probe_start(const struct Probe *probe, double *record) {
    memset(record, 0, (size_t)probe->length * sizeof *record);
    for (int i = 0; i < probe->place_count; i++) {
        const struct Place *place = &probe->places[i];
        start_values(record + place->output);
        if (place->gradient >= 0)
            start_values(record + place->gradient);
    }
}

void probe_add(const struct Probe *probe, double *sum, const double *record) {
    for (int i = 0; i < probe->place_count; i++) {
        const struct Place *place = &probe->places[i];
        add_values(sum + place->output, record + place->output);
        if (place->gradient >= 0)
            add_values(sum + place->gradient, record + place->gradient);
        for (int64_t u = place->fired; u < place->fired + place->units; u++)
            sum[u] = sum[u] > 0 || record[u] > 0;
    }
}

int probe_node_count(const struct Probe *probe) {
    return probe->place_count;
}

void probe_read(const struct Probe *probe, const double *record, int index,
                struct ProbeNode *node) {
    const struct Place *place = &probe->places[index];
    const struct Operation *operation = &probe->plan->operations.items[place->operation];
    const double *output = record + place->output, *gradient = record + place->gradient;
    *node = (struct ProbeNode){.node = operation->fused_count
                                           ? operation->fused[operation->fused_count - 1]
                                           : operation->node,
                               .output = read_head(output, output + HEAD),
                               .saturates = place->saturates,
                               .units = place->units,
                               .fired = record + place->fired};
    if (place->gradient >= 0)
        node->gradient = read_head(gradient, gradient + HEAD);
    for (int64_t u = 0; u < node->units; u++)
        node->dead += node->fired[u] == 0;
}

/* ---- Measuring ---- */

/* One piece of a shard's values. `fires`: also which units fired. */
static void measure_piece(struct Probe *probe, const struct Place *place, int piece,
                          int64_t samples, const void *values, bool fires) {
    const struct Operations *operations = &probe->plan->operations;
    const struct Operation *operation = &operations->items[place->operation];
    enum Variant variant = probe->plan->variant;
    enum Precision precision = operations->precisions[operation->output];
    const struct ProbeKernels *kernels = probe__kernels(variant, precision);
    const struct Saturation none = {-INFINITY, INFINITY};
    struct Shape shape = operation->out;
    int64_t elements = shape_elements(shape), first = piece * samples / PIECES;
    int64_t count = (piece + 1) * samples / PIECES - first;
    const char *at = (const char *)values + first * elements * element_bytes(variant, precision);
    uint32_t *counts = probe->counts + piece * PROBE_BINS;
    memset(counts, 0, PROBE_BINS * sizeof *counts);
    probe->tallies[piece] =
        kernels->measure(count * elements, at, fires ? place->saturation : none);
    kernels->bin(count * elements, at, counts);
    if (fires)
        kernels->fire(count * shape.height * shape.width, place->units, at,
                      probe->fired + piece * probe->most_units);
}

static void measure(struct Probe *probe, const struct Place *place, int64_t samples,
                    const void *values, double *sum, bool fires) {
    if (fires)
        memset(probe->fired, 0, (size_t)(PIECES * probe->most_units));
#pragma omp parallel for schedule(static)
    for (int piece = 0; piece < PIECES; piece++)
        measure_piece(probe, place, piece, samples, values, fires);
    for (int piece = 0; piece < PIECES; piece++) {
        add_tally(sum, &probe->tallies[piece]);
        for (int b = 0; b < PROBE_BINS; b++)
            sum[HEAD + b] += probe->counts[piece * PROBE_BINS + b];
        for (int64_t u = 0; fires && u < place->units; u++)
            if (probe->fired[piece * probe->most_units + u])
                probe->record[place->fired + u] = 1;
    }
}

static void see_output(void *context, int operation, int64_t shard, int64_t samples) {
    struct Probe *probe = context;
    const struct Place *place = &probe->places[probe->place_of[operation]];
    int tensor = probe->plan->operations.items[operation].output;
    measure(probe, place, samples, probe->plan->shards[shard].values[tensor],
            probe->record + place->output, true);
}

static void see_gradient(void *context, int operation, int64_t shard, int64_t samples) {
    struct Probe *probe = context;
    const struct Place *place = &probe->places[probe->place_of[operation]];
    int tensor = probe->plan->operations.items[operation].output;
    measure(probe, place, samples, probe->plan->shards[shard].gradients[tensor],
            probe->record + place->gradient, false);
}

void probe_run(struct Probe *probe, const struct ShardCall *shard_calls, bool backward,
               double *record) {
    struct PlanVisitor visitor = {.output = see_output, .gradient = see_gradient, .context = probe};
    probe->record = record;
    probe_start(probe, record);
    plan__forward(probe->plan, shard_calls, &visitor);
    if (backward)
        plan__backward(probe->plan, shard_calls, &visitor);
}
