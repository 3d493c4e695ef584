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

/* running <- running + momentum · (sum − running) for every statistics row, `sum` being the
 * exchanged gradient arena. Returns false if one has become NaN or Inf. */
bool model_update_statistics(const struct Model *model, const float *sum, float *state);

#endif
