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

/* start_from: the donor of a run's first parameters, and which of them are taken. */
struct StartOptions {
    const char *checkpoint;     /* a checkpoint or a file of weights; NULL: none */
    int parameters;             /* enum: auto, model, average */
    struct Strings take, fresh; /* patterns of names */
    int preprocess;             /* enum: auto, donor, own; auto until the donor is read */
};
enum { START_AUTO, START_MODEL, START_AVERAGE };
enum { START_PREPROCESS_AUTO, START_PREPROCESS_DONOR, START_PREPROCESS_OWN };

/* train: batches, length, randomness, and how it is computed. */
struct TrainOptions {
    int64_t batch, shards; /* shards −1: auto, the ranks of the first start */
    struct Span length;    /* "30 epochs", "2000 steps" */
    int64_t seed;
    bool shuffle;
    int sampling;         /* enum: uniform, balanced */
    int last_batch;       /* enum: keep, drop */
    int64_t threads;      /* OpenMP threads a rank */
    int prepare_ahead;    /* enum PrepareAhead */
    int backend;          /* enum: auto, openblas, onednn */
    int convolution;      /* enum ConvolutionRule */
    int precision;        /* enum Precision */
    int exchange;         /* enum ExchangeAlgorithm */
    int instruction_set;  /* enum: auto, baseline, avx2, avx512 */
    struct Choice on_nan; /* of on_nan_kinds */
    int64_t check_every;  /* steps between comparisons of the replicas' digests */
    bool warnings;        /* of what looks wrong with the training */
    double watchdog;      /* seconds in which a job with a rank that hangs has ended; 0: never */
    double time_limit;    /* seconds after which the process saves and stops; 0: none */
};
enum { LAST_BATCH_KEEP, LAST_BATCH_DROP };
enum { SAMPLING_UNIFORM, SAMPLING_BALANCED };
enum PrepareAhead { PREPARE_AHEAD_AUTO, PREPARE_AHEAD_ALWAYS, PREPARE_AHEAD_NEVER };

/* validation: when the validation split is evaluated. */
struct ValidationOptions {
    struct Interval every; /* and at the end of the run */
};

/* statistics: what preprocess takes from the training split. */
struct StatisticsOptions {
    int64_t sample; /* images; −1: all */
};

/* monitor: what is recorded of the model's inside. */
struct MonitorOptions {
    int64_t every; /* steps; 0: off */
    bool histograms;
    int64_t probe; /* samples that the activations are measured on; −1: auto; 0: none */
};

struct EarlyStoppingOptions {
    int64_t patience; /* validations; 0: off */
    int metric;       /* enum PatienceMetric */
    double minimum_improvement;
};

/* checkpoint.on_error: what happens when a checkpoint cannot be written. */
struct SaveErrorOptions {
    int64_t retry;        /* so many times at once */
    double give_up_after; /* seconds of training without a checkpoint */
};

/* checkpoint: what is saved, and when. */
struct SaveOptions {
    struct Interval every;
    int64_t keep; /* the newest so many, and the best; 0: all */
    int best;     /* by what: BEST_AUTO, or as best_metric says */
    bool snapshots;
    struct SaveErrorOptions on_error;
};

/* checkpoint.best: auto, or a metric (optim/patience.h). */
#define BEST_AUTO 0
static inline int best_metric(int best) {
    return best - 1;
}

/* A struct for each section of the run file, in the order of run_keys. */
struct RunOptions {
    struct DataOptions data;
    struct StatisticsOptions statistics;
    struct PreprocessOptions preprocess;
    struct ChoiceList augment, mix;
    struct ChoiceList model;
    struct InitialiseOptions initialise;
    struct StartOptions start_from;
    struct Choice loss, optimizer;
    struct ChoiceList parameters; /* rules */
    struct ClipOptions clip;
    struct LookaheadOptions lookahead;
    struct Choice schedule;
    struct TrainOptions train;
    struct LargeBatchOptions large_batch;
    struct Choice average; /* of weights; kind NULL: none */
    struct ValidationOptions validation;
    struct EarlyStoppingOptions early_stopping;
    struct SaveOptions checkpoint;
    struct MonitorOptions monitor;
};
extern const struct Key run_keys[];

/* What the run file says of updating parameters; points into `options`. */
struct UpdaterRequest run_updater_request(const struct RunOptions *options);

/* runfile_parse of a whole run, and what the tables of keys cannot say: a section whose keys do
 * nothing because the one that switches it on is missing is refused, and so is a preprocess that
 * the donor's replaces. `text`: of a saved run (runfile_parse_saved); if it has no `convolution`,
 * its program computed them by CONVOLUTION_DIRECT. */
int run_parse(struct RunFile **file, const char *path, const char *text,
              const char *const *overrides, int override_count, struct RunOptions *options,
              struct Error *error);
/* The same for the file that a run keeps in its folder, when the run resumes: an earlier version
 * may have written numbers that float32 does not hold. */
int run_parse_resumed(struct RunFile **file, const char *path, const char *const *overrides,
                      int override_count, struct RunOptions *options, struct Error *error);

/* Opens splits of the data set that the section `data` describes: those that are named, or, if
 * there are none, what a run trains on and validates with. `path`: the file, or the folder of the
 * files, in place of those that the run file names; or NULL. `defers`: as in DatasetRequest. Blames
 * the run file's keys. */
int run_open_data(const struct RunFile *file, const struct RunOptions *options, const char *path,
                  const struct WantedSplit *splits, int split_count, bool defers,
                  struct Dataset **dataset, struct Error *error);
/* Whether the run goes without validation. */
bool run_is_without_validation(const struct RunOptions *options);
/* Blames `key` for a failure to open the file that it names. Says against which folder `path` was
 * resolved, if it is not there or must not be read. Returns the code. */
int run_blame_path(struct Error *error, const char *key, const char *path);

#define RUN_MOST_SEED 9000000000000000 /* a double holds it exactly */
#define RUN_MOST_THREADS 1024          /* of a rank */

/* The words of train.backend, train.instruction_set and start_from.parameters; each ends with NULL.
 */
extern const char *const backend_choice_names[], *const instruction_set_names[],
                                                     *const start_parameters_names[];

#endif
