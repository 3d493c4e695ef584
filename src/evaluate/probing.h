/* A model looked at over a fixed set of samples, by all ranks together: what nn/probe.h measures,
 * and the gradient of the parameters. The samples are cut into fixed blocks, which the ranks share
 * and whose results are added in order: the bits do not depend on the number of ranks. */
#ifndef TRAINER_EVALUATE_PROBING_H
#define TRAINER_EVALUATE_PROBING_H

#include "comm/ranks.h"
#include "data/loader.h"
#include "nn/probe.h"

#define PROBING_BLOCK 32 /* samples */

/* The samples of a set, of which each rank has those of its own blocks. */
struct ProbingSamples {
    int64_t count; /* of the whole set */
    int64_t ranks;
    int64_t elements, outputs; /* of an image, of a target */
    float *images, *targets;   /* this rank's, block by block */
};
/* Takes `count` samples of the request's split, which has as many, as it says that they are
 * prepared: drawn at random by its seed, always the same; of a split that is streamed, the first.
 * May fail on some ranks only. Not collective. */
int probing_samples_load(struct ProbingSamples *samples, const struct Ranks *ranks,
                         const struct LoaderRequest *request, int64_t count, struct Error *error);
void probing_samples_release(struct ProbingSamples *samples);

struct ProbingRequest {
    const struct Model *model;
    const struct Backend *backend;
    enum Variant variant;
    enum Precision precision; /* of activations */
    enum ConvolutionRule convolution;
    const struct Choice *loss;   /* of loss_kinds */
    const double *error_weights; /* as in struct PlanRequest, as is `sets` */
    bool sets;
    const struct ProbingSamples *samples; /* outlive the probing */
    /* Compute as in training: dropout drops, and batch normalisation uses the statistics of a
     * block. Else as in prediction. */
    bool training;
    bool backward; /* also the gradients; needs `training` */
    uint64_t seed; /* of random layers */
};

struct Probing; /* copies the request */

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
