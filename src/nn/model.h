/* A model: the graph built from the run file's list of layers, and the arena of its parameters. */
#ifndef TRAINER_NN_MODEL_H
#define TRAINER_NN_MODEL_H

#include "base/arena.h"
#include "base/error.h"
#include "nn/initialise.h"
#include "nn/node.h"
#include "runfile/schema.h"

struct Model;

/* Builds graph and arena. `initialise`: how parameters start if a layer makes no choice; NULL: the
 * defaults of its keys. The run file must outlive the model. Not collective. */
int model_create(struct Model **model, const struct ChoiceList *layers,
                 const struct InitialiseOptions *initialise, struct Shape input,
                 struct Error *error);
void model_release(struct Model *model);

const struct Arena *model_arena(const struct Model *model);
struct Shape model_input(const struct Model *model);
struct Shape model_output(const struct Model *model);
int model_node_count(const struct Model *model);
const struct Node *model_node(const struct Model *model, int index); /* in running order */
/* The node that a row of the arena belongs to. */
const struct Node *model_node_of_row(const struct Model *model, int row);
/* Inside nn/ only. */
struct Graph;
const struct Graph *model_graph(const struct Model *model);

/* Does the model have residual blocks, which initialise.residual is for? */
bool model_has_residual(const struct Model *model);

/* Does the model have layers that draw random numbers, in training or with sample_dropout? */
bool model_is_random(const struct Model *model);

/* Fills `state` (arena_state_elements floats): parameters by each row's initialiser, running means
 * with 0 and variances with 1. A pure function of model and seed. */
void model_initialise(const struct Model *model, uint64_t seed, float *state);

/* How a step's samples are cut: shard k takes those from k·batch/shards up to (k+1)·batch/shards,
 * rounded down. In a short last batch, shards differ by one sample or have none. */
struct BatchCut {
    int64_t batch, shards;
};
static inline int64_t batch_cut_first(struct BatchCut cut, int64_t shard) {
    return shard * cut.batch / cut.shards;
}

/* From 0 to 1: the part of the batch's samples that a statistics row was measured over. A set of
 * one value has no variance and its mean is the value, so that a shard with one value a channel
 * (one sample, without pixels) gives no statistics. */
double model_measured(const struct Model *model, int row, struct BatchCut cut);
/* For how many layers that is less than 1. */
int model_unmeasured_layers(const struct Model *model, struct BatchCut cut);

/* Whether the statistics of the exchanged gradient arena are finite. */
bool model_statistics_are_finite(const struct Model *model, const float *sum, struct BatchCut cut);

/* running <- running + momentum · (batch − running) for every statistics row, where batch is what
 * the sets that were measured say: `sum`, the exchanged gradient arena, divided by model_measured.
 * Returns whether those of `sum` are finite: as all ranks have the same sum, all get the same
 * answer, even if one rank's own memory is damaged. */
bool model_update_statistics(const struct Model *model, const float *sum, struct BatchCut cut,
                             float *state);
/* The same with `weight` in place of the momentum; 1: the batch's alone. */
void model_average_statistics(const struct Model *model, const float *sum, struct BatchCut cut,
                              double weight, float *state);

/* How many layers have statistics that training goes on updating although all their parameters are
 * frozen; `frozen`: one for each row of the arena. */
int model_frozen_averages(const struct Model *model, const bool *frozen);

#endif
