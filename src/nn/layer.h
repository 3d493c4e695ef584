/* What a layer is, for authors of layers. A layer is one small file in nn/layers/ and one row of
 * nn/layers.def. Graphs of layers are built with nn/graph.h, the table of layers is in
 * nn/layer_table.h.
 *
 * A layer file is a kernel file (base/kernel.h): it is compiled in float for every instruction set
 * and in double for gradient checks. It defines `const struct Layer KERNEL(layer_NAME)`.
 *
 * A layer is called at three moments:
 *   describe   once a model: it derives the output shape and the rows of the arena from the options
 *              and the input shapes. No buffers exist yet.
 *   plan       once a plan: it says what it needs at run time (saved, scratch, prepared bytes) and
 *              makes its backend objects. Just before, it may take in the nodes that follow.
 *   forward, backward  once a step for each shard: neither may allocate or fail. */
#ifndef TRAINER_NN_LAYER_H
#define TRAINER_NN_LAYER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "base/kernel.h"
#include "base/random.h"
#include "base/stopwatch.h"
#include "compute/convolution.h"
#include "nn/layer_table.h"
#include "nn/layout.h"
#include "nn/node.h"
#include "nn/plan_work.h"

#define LAYER_FUSED 4

/* ---- Describing ---- */

struct Graph;
struct InitialiseOptions;
struct PlanRequest;

/* Given to describe. It reads node->options and node->in, sets node->out and node->flops, and adds
 * rows. It fails through describe__fail, which names the file, line and key. */
struct Describe {
    struct Layout *layout;
    struct Node *node;
    const struct InitialiseOptions *initialise; /* the model's: how parameters start */
    struct Error *error;
};
int describe__fail(struct Describe *describe, const char *key, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* Adds a row, which the caller completes: initialiser, and order and file sizes, fans, groups and
 * momentum if they apply. The default file layout is the memory layout. The rows of a node are
 * numbered 0, 1, … in the order of adding. */
struct LayoutRow describe__row(struct Describe *describe, const char *name, enum ArenaRole role,
                               int rank, const int64_t *size);
/* Adds a row with one value for each channel of the input (scale, shift, running mean of a
 * normalisation). Its file order undoes a fold. */
struct LayoutRow describe__channel_row(struct Describe *describe, const char *name,
                                       enum ArenaRole role);
/* Adds the row "bias", one value for each output channel, with the fans of `weight`. `initialiser`
 * is the layer's own choice; if its kind is NULL, the model's holds. If the layer has no `bias`,
 * this only refuses a choice of its own. */
int describe__bias(struct Describe *describe, struct LayoutRow weight, bool bias,
                   const struct Choice *initialiser);

/* ---- Planning ---- */

/* What an operation needs at run time: the answers of layer->plan, for at most `samples` samples.
 * All are zero before. */
struct OperationNeeds {
    void *state;            /* the layer's own; released by layer->release */
    size_t saved_bytes;     /* written by forward, read by backward of the same shard */
    size_t scratch_bytes;   /* work space within one call */
    size_t prepared_bytes;  /* written by layer->prepare */
    bool input;             /* backward reads the inputs */
    bool output;            /* backward reads the output */
    bool in_place;          /* forward may write its output over inputs[0] */
    bool backward_in_place; /* backward may write input_gradient[0] over output_gradient */
    bool accumulates;       /* backward honours call->accumulate; else the plan adds for it */
    bool pairs;             /* one call may serve two shards: see Call.cut */
    int64_t partial_values; /* > 0: the layer is synchronised; see Layer.forward_partial */
    const char *kernels[PASS_COUNT]; /* of a product: what computes each pass; NULL: none */
    bool joint_backward; /* of a convolution: one kernel makes both gradients together */
    /* For a deferred operation: where in `saved` forward puts the scale and the shift of each
     * channel, `real`, and whether a ReLU follows. */
    struct {
        size_t scale, shift;
        bool relu;
    } left;
};

/* An operation of a plan: a node, and those that were fused into it. */
struct Operation {
    const struct Node *node;
    const struct Layer *layer;             /* of the node, in the form that computes */
    const struct Node *fused[LAYER_FUSED]; /* in the order they would have run */
    int fused_count;
    int input_count, inputs[LAYER_INPUTS], output; /* tensors, after fusion */
    bool training;                                 /* in a training plan */
    bool in_turn; /* parameters are prepared just before each pass, in memory that all share */
    enum Precision precision; /* of the form that computes it */
    /* In a training plan (nn/deferral.h): its result is not in memory, because its only reader,
     * whose `normaliser` it is, computes it as it reads. */
    bool deferred;
    const struct Operation *normaliser; /* NULL: inputs[0] is in memory */
    bool again;    /* runs forward again before the backward of its block (nn/recompute.h) */
    bool rebuilds; /* before its backward those of its block run again */
    struct Shape in[LAYER_INPUTS], out;
    const struct ArenaRow *rows; /* the node's */
    int64_t final_from; /* gradients of parameters are complete from here on after its backward */
    bool needs_input_gradient[LAYER_INPUTS]; /* false at the model's input */
    struct OperationNeeds needs;
};
/* The fused node of the layer LAYER_IDENTITY(name), or NULL. */
static inline const struct Node *operation_fused(const struct Operation *operation,
                                                 const struct Layer *identity) {
    for (int i = 0; i < operation->fused_count; i++)
        if (operation->fused[i]->layer == identity)
            return operation->fused[i];
    return NULL;
}

/* Given to plan. */
struct Planning {
    struct Operation *operation;
    const struct Backend *backend;
    enum Variant variant;
    enum ConvolutionRule convolution;
    bool training;
    bool stochastic;        /* calls draw random numbers: see struct Call */
    const int64_t *samples; /* every number of samples that a call can have, largest first */
    int sample_counts;
    int64_t shards; /* of the global batch */
    struct Error *error;
};
/* For a layer that is a convolution of its first input: the passes that the plan calls. */
static inline struct ConvolutionRequest planning_request(const struct Planning *planning,
                                                         const struct ConvShape *shape) {
    unsigned passes = PASS_BIT(FORWARD);
    if (planning->training)
        passes |= PASS_BIT(BACKWARD_WEIGHTS);
    if (planning->training && planning->operation->needs_input_gradient[0])
        passes |= PASS_BIT(BACKWARD_DATA);
    return (struct ConvolutionRequest){.backend = planning->backend,
                                       .variant = planning->variant,
                                       .precision = planning->operation->precision,
                                       .rule = planning->convolution,
                                       .shape = shape,
                                       .samples = planning->samples,
                                       .sample_counts = planning->sample_counts,
                                       .passes = passes,
                                       .in_turn = planning->operation->in_turn};
}

/* Where an activation saturates: at outputs of at most `low` or at least `high`, its slope is at
 * most a twentieth of its greatest slope. −INFINITY and INFINITY: nowhere. */
struct Saturation {
    double low, high;
};

/* ---- Computing ---- */

/* The vectors of a synchronised layer, OperationNeeds.partial_values doubles for each shard. */
struct Partials {
    double *own;       /* this shard's: written by the first half of a pass */
    const double *all; /* of all shards of the global batch in their order: read by the second half;
                          zeros for a shard without samples */
    int64_t shards;    /* of the global batch */
};

/* One call for one shard. Pointers to activations and their gradients are `element *` of the
 * operation's form, all others `real *`. */
struct Call {
    const struct Operation *operation;
    const struct Backend *backend;
    bool training;
    /* Random layers draw numbers: always in training, and in an inference plan that samples
     * (PlanRequest.sample_dropout). In the latter statistics are the running ones, and no backward
     * follows. */
    bool stochastic;
    int64_t samples; /* in this shard */
    /* 0; or, if needs.pairs, perhaps a number of samples: then the call serves two shards, whose
     * samples follow one another in all tensors, and the second begins with sample `cut`. The
     * gradients of parameters are the sums of both shards'. All bits are those of two calls, whose
     * gradients of parameters are added. */
    int64_t cut;
    int64_t first; /* the place of its first sample in the global batch */
    int64_t batch; /* samples of the global batch: a statistic is weighted samples/batch */
    uint64_t seed, step;
    const void *input[LAYER_INPUTS];
    /* A scale and a shift for each channel, if a deferred operation has left them to apply to
     * input[0]; see call_input. */
    const void *input_scale, *input_shift;
    bool input_relu;
    void *output; /* written by forward; backward may read it if needs.output */
    const void *output_gradient;
    void *input_gradient[LAYER_INPUTS]; /* NULL: not wanted */
    bool accumulate[LAYER_INPUTS];      /* add to it instead of overwriting it (only if
                                           needs.accumulates) */
    const void *parameters;             /* the state arena */
    void *gradients;                    /* the gradient arena of this shard; NULL in a forward whose
                                           statistics are not wanted */
    void *saved, *scratch, *prepared;
    struct Partials partials;
    struct Stopwatch *stopwatch; /* see call_lap; NULL: nobody measures */
    int first_work;
};

struct Layer {
    struct Kind kind; /* first: name, help and keys in the run file */

    /* For containers: adds nodes between tensor `input` and *output instead of being one itself. */
    int (*expand)(struct Graph *graph, const struct Choice *choice, const char *path, int input,
                  int *output, struct Error *error);

    int (*describe)(struct Describe *describe);
    /* Fails through schema_fail. NULL: the operation needs nothing. */
    int (*plan)(struct Planning *planning);
    /* May `next`, the only consumer of this operation's output, run inside it? If so, the planner
     * records `next` in fused[], gives the operation the output of `next`, and makes the other
     * input of an addition one more input of the operation. Asked before layer->plan. The operation
     * then runs in the place of `next`, so that the other input exists. */
    bool (*fuses)(const struct Operation *operation, const struct Node *next);
    void (*release)(struct Operation *operation);
    /* Can the operation, in a training plan, leave its work to its reader? If it is deferred then,
     * plan sets needs.left, forward writes a scale and a shift for each channel instead of the
     * output, and backward does not read the output. NULL: never. */
    bool (*defers)(const struct Operation *operation);
    /* Can the operation do that work as it reads inputs[0], in forward and in backward? Asked
     * before layer->plan. NULL: never. */
    bool (*normalises)(const struct Planning *planning);

    /* Parameters -> prepared, for a set of passes: once a step for all of them, or, if the
     * operation is `in_turn`, just before forward for that and before backward for backward data.
     */
    void (*prepare)(const struct Call *call, unsigned passes);
    /* NULL: a view; the output is the input's own memory with another shape (flatten). */
    void (*forward)(const struct Call *call);
    /* Overwrites every element of its rows in call->gradients, and the input gradients. In
     * training, forward or backward also overwrites the rows of its statistics there, already
     * multiplied by samples/batch. */
    void (*backward)(const struct Call *call);
    /* A layer whose plan sets partial_values is synchronised over the global batch. These first
     * halves of forward and backward write call->partials.own. After every shard of every rank has
     * done so, forward or backward is called and finds all of them in call->partials.all. Scratch
     * does not survive from the first half to the second. */
    void (*forward_partial)(const struct Call *call);
    void (*backward_partial)(const struct Call *call);
    /* A random layer whose forward is the identity unless call->stochastic. Plans that are not
     * stochastic leave it out. */
    bool training_only;
    /* NULL: no node. Says which nodes of a training_only layer have work to do even then (dropout
     * in its plain form scales). */
    bool (*predicts)(const struct Node *node);
    /* NULL: no node. Says which nodes of a layer that is not training_only draw random numbers when
     * call->stochastic. */
    bool (*draws)(const struct Node *node);
    /* NULL: it does not saturate, except at 0. */
    struct Saturation (*saturation)(const struct Node *node);
    /* In a form for bf16: whether it computes in that plan; else the fp32 form does, on copies.
     * NULL: in each. */
    bool (*serves)(const struct PlanRequest *request);
    /* The output has one pixel whatever the size of the input image: its spatial dimensions are
     * gone. */
    bool drops_space;
    /* Forward is a product of the input and the weights. Unless needs.joint_backward, backward
     * makes the weights' gradient; if the input's is wanted, call_lap follows, and then that. */
    bool products;
};

/* The random numbers of the call's node for sample `sample` of the call. They depend on seed, node,
 * step and the sample's place in the global batch, not on rank, shard or thread. Only if
 * call->stochastic. */
static inline struct RandomStream call_stream(const struct Call *call, int64_t sample) {
    return random_stream(call->seed, call->training ? RANDOM_DROPOUT : RANDOM_DROPOUT_SAMPLE,
                         (uint32_t)call->operation->node->index, call->step,
                         (uint64_t)(call->first + sample));
}

static inline struct ConvInput call_input(const struct Call *call) {
    return (struct ConvInput){call->input[0], call->input_scale, call->input_shift,
                              call->input_relu};
}

/* For profiles: the pass has just been made. The plan does this for the last pass of a function. */
static inline void call_lap(const struct Call *call, enum PlanPass pass) {
    stopwatch_lap(call->stopwatch, call->first_work + (int)pass);
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
