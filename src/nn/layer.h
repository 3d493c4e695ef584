/* What a layer is. A layer is one small file in nn/layers/ and one row of nn/layers.def.
 *
 * A layer file is a kernel file (base/kernel.h): compiled in float for every instruction set and in
 * double for gradient checks. It defines `const struct Layer KERNEL(layer_NAME)`.
 *
 * Three moments:
 *   describe   once a model: from the options and input shapes to the output shape and the rows of
 *              the arena it needs. No buffers exist yet.
 *   plan       once a plan: says what it needs at run time (saved, scratch, prepared bytes), makes
 *              its backend objects, and may merge the operations behind it into itself.
 *   forward, backward  each step, each shard: no allocation, no failure */
#ifndef TRAINER_NN_LAYER_H
#define TRAINER_NN_LAYER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/error.h"
#include "base/kernel.h"
#include "base/random.h"
#include "compute/backend.h"
#include "runfile/schema.h"

#define LAYER_INPUTS 8
#define LAYER_MERGED 4

/* Of one sample. Features (behind a flatten or linear layer) have height = width = 1 and keep the
 * pixels that were folded into them, because our order is (H,W,C) and PyTorch's is (C,H,W):
 * channels = fold_height · fold_width · (channels of a pixel). Elsewhere the folds are 1. */
struct Shape {
    int64_t height, width, channels;
    int64_t fold_height, fold_width;
};
static inline int64_t shape_elements(struct Shape shape) {
    return shape.height * shape.width * shape.channels;
}

struct Layer;
struct Graph;

/* One node of the model's graph: a layer between its input tensors and its one output tensor. */
struct Node {
    const struct Layer *layer;   /* the VARIANT_F32 one; operations hold their own variant's */
    const struct Choice *choice; /* where the run file says so; of the container for inner nodes */
    const void *options;
    char *path; /* "3.body.1": prefix of its rows' names */
    int index;  /* in the graph: the random instance of dropout and the like */
    int input_count, inputs[LAYER_INPUTS], output; /* tensors */
    struct Shape in[LAYER_INPUTS], out;
    int first_row, row_count; /* in the arena */
    double flops;             /* forward, a sample; a multiplication and an addition are two */
};

/* Given to describe. It reads node->options and node->in, fills node->out and node->flops, and adds
 * rows. Failures go through describe_fail, which names the file, line and key. */
struct Describe {
    struct Graph *graph;
    struct Node *node;
    struct Error *error;
};
int describe_fail(struct Describe *describe, const char *key, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* Adds a row; returns it to be refined (order, file sizes, fans, momentum, initialiser). The
 * default file layout is the memory layout. Rows of one node are numbered 0, 1, … in the order of
 * adding. */
struct ArenaRow *describe_row(struct Describe *describe, const char *name, enum ArenaRole role,
                              int rank, const int64_t *size);
/* One value a channel of the input (scale, shift, running mean of a normalisation): the row whose
 * file order undoes a fold. */
struct ArenaRow *describe_channel_row(struct Describe *describe, const char *name,
                                      enum ArenaRole role);
/* "bias": one value an output channel of the node, behind `weight`, whose fans it takes;
 * `initialiser`: the layer's own choice, kind NULL: the model's. Where the layer has no `bias`, it
 * only refuses a choice of its own. */
int describe_bias(struct Describe *describe, const struct ArenaRow *weight, bool bias,
                  const struct Choice *initialiser);

/* An operation of a plan: a node, and those that were merged into it. */
struct Operation {
    const struct Node *node;
    const struct Layer *layer;
    const struct Node *merged[LAYER_MERGED]; /* in the order they would have run */
    int merged_count;
    int input_count, inputs[LAYER_INPUTS], output; /* tensors, after merging */
    bool training;                                 /* of a training plan */
    struct Shape in[LAYER_INPUTS], out;
    const struct ArenaRow *rows;             /* the node's */
    bool wants_input_gradient[LAYER_INPUTS]; /* false at the model's input */

    /* Answers of layer->plan, for at most `samples` samples; all zero to begin with. */
    void *state;            /* the layer's own; released by layer->release */
    size_t saved_bytes;     /* written by forward, read by backward of the same shard */
    size_t scratch_bytes;   /* work space within one call */
    size_t prepared_bytes;  /* written by layer->prepare once a step */
    bool needs_input;       /* backward reads the inputs */
    bool needs_output;      /* backward reads the output */
    bool in_place;          /* forward may write its output over inputs[0] */
    bool backward_in_place; /* backward may write input_gradient[0] over output_gradient */
    bool accumulates;       /* backward honours call->accumulate; else the plan adds for it */
    int64_t partial_values; /* > 0: synchronised; see forward_partial */
};

/* Given to plan. */
struct Planning {
    struct Operation *operation;
    const struct Backend *backend;
    enum Variant variant;
    bool training;
    bool stochastic;        /* calls draw random numbers: see struct Call */
    const int64_t *samples; /* every number of samples a call can have, largest first */
    int sample_counts;
    int64_t shards; /* of the global batch */
    struct Error *error;
};

/* One call for one shard. Pointers are `real *` of the operation's variant. */
struct Call {
    const struct Operation *operation;
    const struct Backend *backend;
    bool training;
    /* What is random in training draws its numbers: always in training, and in an inference plan
     * that samples (PlanRequest.sample_dropout), where statistics are the running ones all the same
     * and no backward follows. */
    bool stochastic;
    int64_t samples; /* in this shard */
    int64_t first;   /* place of its first sample in the global batch */
    int64_t batch;   /* samples of the global batch: a statistic is weighted samples/batch */
    uint64_t seed, step;
    const void *input[LAYER_INPUTS];
    void *output; /* forward writes it; backward may read it if needs_output */
    const void *output_gradient;
    void *input_gradient[LAYER_INPUTS]; /* NULL: not wanted */
    bool accumulate[LAYER_INPUTS];      /* add to it instead of overwriting (only if accumulates) */
    const void *parameters;             /* the state arena */
    void *gradients;                    /* the gradient arena of this shard */
    void *saved, *scratch, *prepared;
    /* Of a synchronised layer, partial_values doubles each: this shard's, which the first half
     * writes, and those of all `shards` shards of the global batch in their order, which the second
     * half reads. Those of a shard without samples are zeros. */
    double *partial;
    const double *partials;
    int64_t shards;
};

struct Layer {
    struct Kind kind; /* first: the run file's view */

    /* For containers: adds nodes between tensor `input` and *output instead of being one itself. */
    int (*expand)(struct Graph *graph, const struct Choice *choice, const char *path, int input,
                  int *output, struct Error *error);

    int (*describe)(struct Describe *describe);
    /* Failures go through schema_fail. NULL: everything zero. */
    int (*plan)(struct Planning *planning);
    /* May `next`, the only consumer of this operation's output, run inside it? On true the plan has
     * already appended nothing: it records `next` in merged[] and takes over its output, and its
     * other input (of an add) as a further input of this operation. Asked before layer->plan. The
     * operation then runs where `next` stood, so that the further input is there. */
    bool (*absorb)(const struct Operation *operation, const struct Node *next);
    void (*release)(struct Operation *operation);

    void (*prepare)(const struct Call *call); /* once a step: parameters -> prepared */
    /* NULL: a view; the output is the input's own memory under another shape (flatten). */
    void (*forward)(const struct Call *call);
    /* Overwrites its rows of call->gradients (every element of them) and the input gradients. In
     * training, forward or backward also overwrites its statistics rows there, already multiplied
     * by samples/batch. */
    void (*backward)(const struct Call *call);
    /* A layer whose plan sets partial_values is synchronised over the global batch: these first
     * halves of forward and backward write call->partial; when every shard of every rank has done
     * so, forward or backward is called, and finds them all in call->partials. Between the halves
     * of a call, scratch is lost. */
    void (*forward_partial)(const struct Call *call);
    void (*backward_partial)(const struct Call *call);
    /* A random layer whose forward is the identity unless call->stochastic: it is left out of plans
     * that are not. */
    bool training_only;
    /* NULL: none. Which nodes of a training_only layer have something to do even so (dropout in its
     * plain form scales). */
    bool (*predicts)(const struct Node *node);
    /* NULL: none. Which nodes of a layer that is not training_only draw random numbers when
     * call->stochastic. */
    bool (*draws)(const struct Node *node);
};

/* The layer of `kind` (a row of layers.def) in a variant. */
const struct Layer *layer_variant(const struct Layer *layer, enum Variant variant);
extern const struct KindTable layer_kinds;

/* By name, in VARIANT_F32, for containers: also the layers that no run file names
 * (nn/layers/add.c). */
const struct Layer *layer_named(const char *name);

/* For container layers' expand. */
int graph_add(struct Graph *graph, const struct Layer *layer, const void *options,
              const struct Choice *choice, const char *path, const int *inputs, int input_count,
              int *output, struct Error *error);
int graph_add_list(struct Graph *graph, const struct ChoiceList *list, const char *path, int input,
                   int *output, struct Error *error);
struct Shape graph_shape(const struct Graph *graph, int tensor);
/* Zeroed memory that lives as long as the graph: options of inner nodes. */
void *graph_memory(struct Graph *graph, size_t bytes);

/* The random numbers of the call's node for sample `sample` of the call: of seed, node, step and
 * the sample's place, so that no rank, shard or thread enters. Only where call->stochastic. */
static inline struct RandomStream call_stream(const struct Call *call, int64_t sample) {
    return random_stream(call->seed, call->training ? RANDOM_DROPOUT : RANDOM_DROPOUT_SAMPLE,
                         (uint32_t)call->operation->node->index, call->step,
                         (uint64_t)(call->first + sample));
}

#ifdef KERNEL_SUFFIX
static inline const real *call_parameter(const struct Call *call, int row) {
    return (const real *)call->parameters + call->operation->rows[row].offset;
}
static inline real *call_gradient(const struct Call *call, int row) {
    return (real *)call->gradients + call->operation->rows[row].offset;
}
#endif

#endif
