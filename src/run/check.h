/* Whether a run can start: the one answer for train, describe, gradcheck and every other command. A
 * check makes the parts of the run on its way. Failures name the run file's line. Collective over
 * `together` of the request; without it not collective. */
#ifndef TRAINER_RUN_CHECK_H
#define TRAINER_RUN_CHECK_H

#include "checkpoint/checkpoint.h"
#include "comm/ranks.h"
#include "data/class_weights.h"
#include "data/loader.h"
#include "data/preprocessing/target_scale.h"
#include "data/statistics/measured.h"
#include "nn/plan.h"
#include "optim/schedule.h"
#include "optim/updater.h"
#include "run/hold.h"
#include "run/options.h"

/* The run that is asked about, and where it is to run. */
struct RunRequest {
    const struct RunFile *file;
    const struct RunOptions *options; /* both outlive the parts; train.shards is a number */
    int64_t ranks;
    enum Variant variant;             /* of the kernels */
    int64_t overfit;                  /* samples of run_overfit, if the options are its; or 0 */
    const struct Checkpoint *donor;   /* of start_from; NULL: none, or the run continues */
    const struct Checkpoint *resumed; /* the run continues from it; NULL: a new run */
    /* For a check without the data set: the image that the model gets. What needs the data is then
     * left out. NULL: with the data set. */
    const struct Shape *input;
    struct Ranks *together; /* the ranks that check together, as one does that is to start; NULL:
                               this process checks alone, and statistics are only rough */
    /* Gathers the shards of all ranks in a synchronised layer (struct PlanRequest). */
    void (*gather)(void *context, const double *mine, int64_t count, double *all);
    void *gather_context;
};

/* What a run is made of. Start with {0}; a check that fails leaves what it had made. */
struct RunParts {
    struct Dataset *dataset;                /* NULL: checked without it */
    const struct Split *train, *validation; /* of it; validation NULL: none */
    struct Holding holding;                 /* where their images are kept */
    struct MeasuredStatistics measured;     /* what the file does not carry of the training split */
    struct Preprocess preprocess;
    struct TargetScale scale;          /* of values */
    struct ClassWeights class_weights; /* the loss points at them */
    double error_unit; /* of the tallied squared errors, if the targets are values */
    struct Loader *loader, *validation_loader;
    struct Model *model;
    struct ScheduleTime time; /* zeros without the data set */
    struct Updater *updater;
    const struct Backend *backend;
    struct Plan *plan, *validation_plan; /* validation_plan NULL: no validation */
};
void run_parts_release(struct RunParts *parts);

typedef int run_checker(const struct RunRequest *request, struct RunParts *parts,
                        struct Error *error);
/* Shards, splits, loss, preprocessing, augmentation, model, keys that would do nothing, and what
 * depends on the run's length. Makes the parts up to `time`. */
run_checker run_check_model;
/* The same, then updater, backend, plans and exchange: all that train needs before it starts. */
run_checker run_check;

/* The model of a run file for images of `input`, without any other check. */
int run_build_model(const struct RunFile *file, const struct RunOptions *options,
                    struct Shape input, struct Model **model, struct Error *error);

/* Whether images are prepared as for `keeper`, the donor or the checkpoint that a run with a donor
 * continues from, because start_from.preprocess says so. */
bool run_keeps_preprocess(const struct RunOptions *options, const struct Checkpoint *keeper);
/* How images are prepared: as for `keeper`, if run_keeps_preprocess; else as the run file says. */
int run_make_preprocess(struct Preprocess *preprocess, const struct RunFile *file,
                        const struct RunOptions *options, const struct Dataset *dataset,
                        const struct Checkpoint *keeper, struct Error *error);

/* Whether the preprocessing that the checkpoint `path` holds has all that its run file asks for. A
 * donor's preprocessing (start_from) follows another run file and passes. ERROR_CHECKPOINT. */
int run_check_preprocess(const struct RunOptions *options, const struct Preprocess *preprocess,
                         const char *path, struct Error *error);

/* The training split as it is seen at test time: in its order, without augmentation or mixing. The
 * parts and the options outlive it. */
struct LoaderRequest run_plain_loading(const struct RunParts *parts,
                                       const struct RunOptions *options);

/* The best kernels that the run file allows and this processor has. */
enum Variant run_best_variant(const struct RunOptions *options);
/* Refuses a run file that asks for better kernels than `variant`, the best that every rank has. */
int run_check_variant(const struct RunFile *file, const struct RunOptions *options,
                      enum Variant variant, struct Error *error);

#endif
