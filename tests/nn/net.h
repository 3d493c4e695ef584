/* Small networks for tests: from a line of YAML to scores and gradients, in any variant. */
#ifndef TRAINER_TESTS_NET_H
#define TRAINER_TESTS_NET_H

#include "nn/model.h"
#include "nn/plan.h"
#include "runfile/runfile.h"

struct Net {
    struct RunFile *file;
    struct ChoiceList layers;
    struct Choice loss;
    struct Model *model;
};

/* `layers` as a YAML list: "[{conv: {out: 3, kernel: 3}}, flatten]"; lines for the run file's loss
 * and initialise may follow. Returns the error code. */
int net_try(struct Net *net, const char *layers, struct Shape input, struct Error *error);
struct Net net_create(const char *layers, struct Shape input); /* or ends the test */
void net_release(struct Net *net);

struct NetRun {
    enum Variant variant;
    const char *backend; /* NULL: openblas */
    bool inference, no_fusion, sample_dropout;
    enum Precision precision;
    bool bf16_inputs;   /* the inputs are rounded to bf16 in every precision */
    bool whole_inputs;  /* the inputs are small whole numbers, so that many are equal */
    const bool *frozen; /* as in PlanRequest; then there is no input_gradient, and elements of the
                           gradient that are not written are NaN */
    int64_t samples, first, batch; /* batch 0: samples */
    uint64_t seed, step;
};

/* Everything as double; released by result_release. */
struct Result {
    int64_t outputs, gradients, inputs;         /* counts of elements */
    double *scores, *gradient, *input_gradient; /* inference: no gradients */
    double *state, *input;
    float *target;
    int operations;
};
/* Initial parameters and running statistics with noise on them; the input and the targets are the
 * same in every variant and depend on the place of the sample in the batch. */
struct Result net_run(const struct Net *net, const struct NetRun *run);
void result_release(struct Result *result);

/* max |a − b| / (1e-4 + rms of b). */
double difference(int64_t count, const double *a, const double *b);

/* |a − b| / (0.05 + |b|), of Euclidean norms. */
double distance(int64_t count, const double *a, const double *b);

/* 1 … bound, from a stream that the caller keeps. */
int64_t pick(uint64_t *position, int64_t bound);

#endif
