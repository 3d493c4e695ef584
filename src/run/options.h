/* What a run is: the struct that the run file fills. */
#ifndef TRAINER_RUN_OPTIONS_H
#define TRAINER_RUN_OPTIONS_H

#include <stdint.h>

#include "base/error.h"
#include "data/dataset/dataset.h"
#include "data/preprocessing/preprocess.h"
#include "nn/model.h"
#include "nn/plan.h"
#include "optim/large_batch.h"
#include "optim/updater.h"
#include "runfile/runfile.h"

/* start_from: whose parameters a run starts from, and which of them. */
struct StartOptions {
    const char *checkpoint;     /* a checkpoint or a file of weights; NULL: nobody's */
    int parameters;             /* enum: auto, model, average */
    struct Strings take, fresh; /* patterns of names */
    int preprocess;             /* enum: auto, donor, own; auto until the donor is read */
};
enum { START_AUTO, START_MODEL, START_AVERAGE };
enum { START_PREPROCESS_AUTO, START_PREPROCESS_DONOR, START_PREPROCESS_OWN };

struct RunOptions {
    struct {
        const char *file;       /* HDF5 data set; relative to the working folder */
        const char *train;      /* split */
        const char *validation; /* split, or "none" */
    } data;
    struct PreprocessOptions preprocess;
    struct StartOptions start_from;
    struct ChoiceList augment, mix;
    struct ChoiceList model;
    struct InitialiseOptions initialise;
    struct Choice loss, optimizer, schedule;
    struct ChoiceList parameters; /* rules */
    struct ClipOptions clip;
    struct LookaheadOptions lookahead;
    struct {
        int64_t batch, shards; /* shards −1: auto, the ranks of the first start */
        struct Span length;    /* "30 epochs", "2000 steps" */
        int64_t seed;
        bool shuffle;
        int last_batch;      /* enum: keep, drop */
        int64_t threads;     /* OpenMP threads a rank */
        int backend;         /* enum: auto, openblas, onednn */
        int exchange;        /* enum ExchangeAlgorithm */
        int instruction_set; /* enum: auto, baseline, avx2, avx512 */
        int64_t check_every; /* steps between comparisons of the replicas' digests */
    } train;
    struct LargeBatchOptions large_batch;
    struct Choice average; /* of weights; kind NULL: none */
    struct {
        int64_t patience; /* validations; 0: off */
        int metric;       /* enum PatienceMetric */
        double minimum_improvement;
    } early_stopping;
    struct {
        struct Span every;
        int64_t keep; /* newest K and best; 0: all */
        bool snapshots;
    } checkpoint;
};
extern const struct Key run_keys[];

/* What the run file says of updating parameters; points into `options`. */
struct UpdaterRequest run_updater_request(const struct RunOptions *options);

/* runfile_parse of a whole run, and what the tables of keys cannot say: a section whose keys do
 * nothing because the one that switches it on is missing is refused, and so is a preprocess that
 * the donor's replaces. `text`: of a saved run. */
int run_parse(struct RunFile **file, const char *path, const char *text,
              const char *const *overrides, int override_count, struct RunOptions *options,
              struct Error *error);

/* The model of a run file for images of `input`. Failures name the run file's line. */
int run_build_model(const struct RunFile *file, const struct RunOptions *options,
                    struct Shape input, struct Model **model, struct Error *error);

/* The splits that the run file names, as far as the data set has them and they serve for the run;
 * *validation is NULL for "none". */
int run_find_splits(const struct RunFile *file, const struct RunOptions *options,
                    const struct Dataset *dataset, const struct Split **train,
                    const struct Split **validation, struct Error *error);
/* A loss that takes the data set's targets. */
int run_check_loss(const struct RunFile *file, const struct RunOptions *options,
                   const struct Dataset *dataset, struct Error *error);
/* One output a class or a target, and something to train. */
int run_check_model(const struct RunFile *file, const struct Model *model,
                    const struct Dataset *dataset, struct Error *error);
/* Refuses keys that would do nothing with this model: rules for parameters that set nothing or hold
 * for none, initialise.residual where no block is residual. */
int run_check_keys(const struct RunFile *file, const struct RunOptions *options,
                   const struct Model *model, struct Error *error);
/* plan_create, whose failures then name the run file's line. */
int run_create_plan(const struct RunFile *file, const struct Model *model,
                    const struct PlanRequest *request, struct Plan **plan, struct Error *error);

extern const char *const backend_choice_names[], *const instruction_set_names[];

#endif
