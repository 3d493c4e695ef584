/* A probe looks at the values inside a model while a plan computes: for every node, its output and
 * the gradient that arrives there, d(loss)/d(output). Plans reuse memory, so the values are gone
 * after the pass; therefore the probe runs forward and backward itself, operation by operation, and
 * looks at each value when it is complete.
 *
 * What is measured lies in a record: a flat array of doubles, which can be sent, kept and added.
 * Records of blocks of samples are added in the order of the samples; then the result has the same
 * bits whichever rank or thread measured a block. It depends on how the samples are cut into
 * blocks. Nothing here changes the plan's results. Not collective. */
#ifndef TRAINER_NN_PROBE_H
#define TRAINER_NN_PROBE_H

#include "nn/plan.h"

/* The bins of a histogram, the same for all values: a middle one for |v| < 2^-40, and on either
 * side four for each power of two, equally wide between 2^e and 2^(e+1), up to 2^24. What lies
 * beyond is counted in the outermost bin. */
#define PROBE_OCTAVES 64
#define PROBE_LOWEST (-40)
#define PROBE_SIDE (4 * PROBE_OCTAVES)
#define PROBE_BINS (2 * PROBE_SIDE + 1)
/* The bin's lower edge, from bin 0 on; that of PROBE_BINS is the upper edge of the last. */
double probe_edge(int bin);

/* What some values are like. Those that are NaN or Inf are counted in `nonfinite` and nowhere else.
 */
struct ProbeValues {
    int64_t count;        /* of finite values; 0: there are none, and the rest is 0 */
    double mean, std;     /* std: √(mean of (v − mean)²) */
    double least, most;   /* the smallest and the largest */
    int64_t zeros;        /* that are exactly 0 */
    int64_t saturated;    /* outputs where the activation's slope is at most a twentieth of its
                             greatest (tanh, sigmoid; ELU and SELU below zero); else 0 */
    int64_t nonfinite;    /* NaN or Inf */
    double norm;          /* √(sum of v²) */
    const double *counts; /* PROBE_BINS; into the record */
};

/* For what is no node: the values of an array, in the order of the array. `counts`: PROBE_BINS, or
 * NULL: no histogram. */
struct ProbeValues probe_array(enum Variant variant, int64_t count, const void *values,
                               double *counts);

/* A histogram for people: at most PROBE_SHOWN adjoining bins between the smallest and the largest
 * value. What is below a 64th of the largest magnitude is in one bin, which reaches across zero.
 * `edges`: PROBE_SHOWN + 1. Returns the number of bins; 0: no values. */
#define PROBE_SHOWN 64
int probe_histogram(const struct ProbeValues *values, double *edges, double *counts);

/* What one operation of the plan gives. */
struct ProbeNode {
    /* Whose output it is; of an operation with fused nodes, the last of them. */
    const struct Node *node;
    struct ProbeValues output;
    struct ProbeValues gradient; /* count 0: none was computed */
    bool saturates;              /* output.saturated is measured */
    /* Units: the channels of an image, the features of a vector. A unit that has fired was not 0
     * for at least one sample, anywhere in the image. */
    int64_t units, dead; /* dead: those that have not fired */
    const double *fired; /* (units): 1 or 0; into the record */
};

struct Probe;

/* `plan` outlives the probe. A plan without fusion (PlanRequest.no_fusion) shows every node; views
 * (flatten), whose values are their input's, and what the plan leaves out or defers (nn/deferral.h)
 * are not shown. If a
 * plan computes several shards together, each sample counts as if they were one. */
void probe_create(struct Probe **probe, struct Plan *plan);
void probe_release(struct Probe *probe);

int64_t probe_length(const struct Probe *probe); /* of a record */
/* A record of no samples: what probe_add starts with. */
void probe_start(const struct Probe *probe, double *record);
/* Computes as plan_forward does, with `backward` then as plan_backward does, and writes the record
 * of the samples. plan_prepare has been called. */
void probe_run(struct Probe *probe, const struct ShardCall *shard_calls, bool backward,
               double *record);
/* sum <- sum and then `record`. */
void probe_add(const struct Probe *probe, double *sum, const double *record);

/* Nodes in running order. `node` points into the record. */
int probe_node_count(const struct Probe *probe);
void probe_read(const struct Probe *probe, const double *record, int index, struct ProbeNode *node);

#endif
