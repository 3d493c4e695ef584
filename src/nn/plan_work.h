/* What the pieces of work of a plan are, and what each costs at least: for profiles. A piece of
 * work is one pass of one operation, or the loss. */
#ifndef TRAINER_NN_PLAN_WORK_H
#define TRAINER_NN_PLAN_WORK_H

#include "base/stopwatch.h"
#include "nn/plan.h"

enum PlanPass {
    PLAN_PREPARE, /* the parameters as the kernels need them */
    PLAN_FORWARD,
    PLAN_BACKWARD, /* of an operation, or a kernel, that makes all gradients together */
    PLAN_BACKWARD_WEIGHTS,
    PLAN_BACKWARD_DATA, /* the gradient of the input */
    PLAN_LOSS,
    PLAN_PASSES
};
extern const char *const plan_pass_names[]; /* "prepare", "forward", … in the enum's order */

#define PLAN_WORK_TEXT 64

struct PlanWork {
    const char *layer; /* the node's path, "3.body.1"; "" for the loss. Owned by the model */
    char operation[PLAN_WORK_TEXT]; /* "batchnorm+relu" */
    enum PlanPass pass;
    const char *kernel; /* what computes a convolution's pass; else "" */
    double flops; /* of products: a multiplication and an addition are two, counted as the formula
                     of the layer has them, whatever the kernel does. Other operations have none,
                     because no peak can be reached with them */
    double least_flops; /* that its kernel performs: fewer if that is Winograd's, whose transforms
                           do not count */
    double bytes; /* that it must read and write at least: each tensor once, and the parameters once
                     a call */
};

/* How many kinds of work a plan has. They are numbered from 0 in the order of the operations. */
int plan_works(const struct Plan *plan);
/* From now on `stopwatch` measures each piece of work; NULL: nothing is measured. It must have room
 * for plan_works. */
void plan_time(struct Plan *plan, struct Stopwatch *stopwatch);
/* What kind of work number `work` is, and its cost for `samples` samples in `calls` calls. False if
 * the plan has no such work. */
bool plan_work(const struct Plan *plan, int work, double samples, double calls,
               struct PlanWork *described);

/* The least seconds that so much takes on cores of these limits: floating-point operations and
 * bytes a second. */
double plan_floor(double flops, double bytes, double peak, double bandwidth);

#endif
