/* A model looked at over a fixed set of samples, by all ranks together: what nn/probe.h measures,
 * and the gradient of the parameters. The samples are cut into fixed blocks, which the ranks share
 * and whose results are added in order: the bits do not depend on the number of ranks. */
#ifndef TRAINER_EVALUATE_PROBING_H
#define TRAINER_EVALUATE_PROBING_H

#include "comm/ranks.h"
#include "nn/probe.h"

#define PROBING_BLOCK 32 /* samples */

struct ProbingRequest {
    const struct Model *model;
    const struct Backend *backend;
    enum Variant variant;
    const struct Choice *loss;   /* of loss_kinds */
    const double *error_weights; /* as in struct PlanRequest, as is `sets` */
    bool sets;
    int64_t samples; /* of the set */
    /* Compute as in training: dropout drops, and batch normalisation uses the statistics of a
     * block. Else as in prediction. */
    bool training;
    bool backward; /* also the gradients; needs `training` */
    uint64_t seed; /* of random layers */
    /* Puts samples [first, first + count) of the set into `images` and `targets`. */
    void (*fill)(void *context, int64_t first, int64_t count, float *images, float *targets);
    void *context;
};

struct Probing; /* copies the request */

/* The sizes of the blocks of `samples`; returns how many sizes there are. */
int probing_sizes(int64_t samples, int64_t sizes[2]);
int probing_create(struct Probing **probing, struct Ranks *ranks,
                   const struct ProbingRequest *request, struct Error *error);
void probing_release(struct Probing *probing);

/* Looks at the model with the parameters of `state`; `step` numbers the draws of random layers. The
 * results are on rank 0, until the next run. Collective. */
void probing_run(struct Probing *probing, const float *state, uint64_t step);

int probing_node_count(const struct Probing *probing);
void probing_node(const struct Probing *probing, int index, struct ProbeNode *node);
/* With `backward`: d(mean loss of the set)/d(parameters), laid out as the gradient arena; tallies
 * included. */
const double *probing_gradient(const struct Probing *probing);

#endif
