/* The tables of the run file's keys: one for each section, and the last for the whole file. */
#include "comm/exchange.h"
#include "data/augment.h"
#include "data/mix.h"
#include "nn/layer_table.h"
#include "nn/loss.h"
#include "nn/plan.h"
#include "optim/average.h"
#include "optim/schedule.h"
#include "run/on_nan.h"
#include "run/options.h"

static const char *const prepare_ahead_names[] = {[PREPARE_AHEAD_AUTO] = "auto",
                                                  [PREPARE_AHEAD_ALWAYS] = "always",
                                                  [PREPARE_AHEAD_NEVER] = "never",
                                                  NULL};
const char *const backend_choice_names[] = {"auto", "openblas", "onednn", NULL};
const char *const instruction_set_names[] = {"auto", "baseline", "avx2", "avx512", NULL};
static const char *const last_batch_names[] = {
    [LAST_BATCH_KEEP] = "keep", [LAST_BATCH_DROP] = "drop", NULL};
static const char *const sampling_names[] = {
    [SAMPLING_UNIFORM] = "uniform", [SAMPLING_BALANCED] = "balanced", NULL};
static const char *const auto_name[] = {"auto", NULL};

#define TRAIN_AT(member) offsetof(struct TrainOptions, member)
static const struct Key train_keys[] = {
    {.name = "batch",
     .type = KEY_INT,
     .offset = TRAIN_AT(batch),
     .minimum = 1,
     .maximum = 1e9,
     .unit = "samples",
     .help = "the global mini-batch: the samples of one step, over all ranks"},
    {.name = "shards",
     .type = KEY_COUNT,
     .offset = TRAIN_AT(shards),
     .fallback = "auto",
     .minimum = 1,
     .maximum = 1e6,
     .names = auto_name,
     .help = "the number of equal parts of a batch, each with its own batch-normalisation "
             "statistics; a multiple of the number of ranks; auto: the number of ranks of the "
             "first start. The value affects a run's results. More shards than ranks mean gradient "
             "accumulation: a rank computes its shards one after the other, in the memory of one; "
             "small shards of networks of linear layers in pairs, in the memory of two; and all "
             "together for batchnorm with `statistics: batch`"},
    {.name = "length",
     .type = KEY_SPAN,
     .offset = TRAIN_AT(length),
     .above_minimum = true,
     .maximum = 1e12,
     .free_on_resume = true,
     .help = "how long to train: \"30 epochs\" or \"2000 steps\""},
    {.name = "seed",
     .type = KEY_INT,
     .offset = TRAIN_AT(seed),
     .fallback = "1",
     .minimum = 0,
     .maximum = RUN_MOST_SEED,
     .help = "the seed of everything random: initialisation, order, augmentation, dropout"},
    {.name = "shuffle",
     .type = KEY_BOOL,
     .offset = TRAIN_AT(shuffle),
     .fallback = "true",
     .help = "true: the samples have a new order in every epoch"},
    {.name = "sampling",
     .type = KEY_ENUM,
     .offset = TRAIN_AT(sampling),
     .fallback = "uniform",
     .names = sampling_names,
     .help = "uniform: an epoch has each sample once; balanced: it has equally many samples of "
             "each class: those of rare classes occur several times, with different augmentations, "
             "and common classes are represented by other samples in each epoch"},
    {.name = "last_batch",
     .type = KEY_ENUM,
     .offset = TRAIN_AT(last_batch),
     .fallback = "keep",
     .names = last_batch_names,
     .help = "the last batch of an epoch if it is short: keep (weighted by its number of samples; "
             "of n samples, shard k of S gets those from k n / S up to (k + 1) n / S, rounded "
             "down) or drop"},
    {.name = "threads",
     .type = KEY_INT,
     .offset = TRAIN_AT(threads),
     .fallback = "1",
     .minimum = 1,
     .maximum = RUN_MOST_THREADS,
     .free_on_resume = true,
     .help = "OpenMP threads of each rank"},
    {.name = "prepare_ahead",
     .type = KEY_ENUM,
     .offset = TRAIN_AT(prepare_ahead),
     .fallback = "auto",
     .names = prepare_ahead_names,
     .free_on_resume = true,
     .help = "whether one more thread of each rank makes the samples of the next step while this "
             "one is computed, which does not affect a run's bits. auto: if each rank may use more "
             "processors than it has threads"},
    {.name = "backend",
     .type = KEY_ENUM,
     .offset = TRAIN_AT(backend),
     .fallback = "auto",
     .names = backend_choice_names,
     .free_on_resume = true,
     .help = "library for convolutions and matrix products"},
    {.name = "convolution",
     .type = KEY_ENUM,
     .offset = TRAIN_AT(convolution),
     .fallback = "auto",
     .names = convolution_rule_names,
     .free_on_resume = true,
     .help = "the kernels that compute convolutions and linear layers; they affect a run's bits, "
             "but not what it learns. auto: as when the run began; in a new run the newest rule "
             "for its precision, whose name is saved. fastest-5: for each layer and pass the "
             "kernels that were fastest in fp32 when they were measured, including our own for "
             "Winograd's algorithm (docs/design.md has the table; `describe` shows the choice); "
             "fastest-4, fastest-3, fastest-2, fastest-1: older tables; bf16-2: fastest-2 in bf16, "
             "with linear layers in bf16, too, where the CPU has instructions for it; bf16-1: "
             "without these; direct: only the library's, without Winograd; winograd: Winograd's "
             "wherever possible"},
    {.name = "precision",
     .type = KEY_ENUM,
     .offset = TRAIN_AT(precision),
     .fallback = "fp32",
     .names = precision_names,
     .free_on_resume = true,
     .help = "the format of activations and their gradients in memory, which affects a run's bits: "
             "fp32, or bf16 (16 bits), which needs half the memory and is faster where memory is "
             "the limit. All arithmetic, parameters, their gradients, statistics and the scores "
             "stay fp32 (docs/toolbox.md)"},
    {.name = "exchange",
     .type = KEY_ENUM,
     .offset = TRAIN_AT(exchange),
     .fallback = "auto",
     .names = exchange_algorithm_names,
     .free_on_resume = true,
     .help = "how gradients are summed over ranks; all choices except mpi give the same "
             "bits on any number of ranks"},
    {.name = "instruction_set",
     .type = KEY_ENUM,
     .offset = TRAIN_AT(instruction_set),
     .fallback = "auto",
     .names = instruction_set_names,
     .free_on_resume = true,
     .help = "instruction set of the kernels; auto: the best that the processors of all "
             "ranks have"},
    {.name = "on_nan",
     .type = KEY_CHOICE,
     .offset = TRAIN_AT(on_nan),
     .fallback = "stop",
     .kinds = &on_nan_kinds,
     .free_on_resume = true,
     .help = "what to do if a step's loss or gradient is NaN or Inf; the ranks' replicas are "
             "compared first, and values that are not finite are never saved"},
    {.name = "check_every",
     .type = KEY_INT,
     .offset = TRAIN_AT(check_every),
     .fallback = "20",
     .minimum = 0,
     .maximum = 1e12,
     .unit = "steps",
     .free_on_resume = true,
     .help = "how often the ranks compare digests of their replicas, which cover every step and "
             "every saved array; 0: only at the start and before each save"},
    {.name = "warnings",
     .type = KEY_BOOL,
     .offset = TRAIN_AT(warnings),
     .fallback = "true",
     .free_on_resume = true,
     .help = "true: warn, at most once of each in a run, if the training looks wrong: the initial "
             "loss, a loss that rises or stays flat, overfitting, a model that is too small, "
             "weights that are all equal; with monitor also dead units (docs/monitoring.md)"},
    {.name = "watchdog",
     .type = KEY_TIME,
     .offset = TRAIN_AT(watchdog),
     .fallback = "60 s",
     .minimum = 0,
     .maximum = 1e6,
     .free_on_resume = true,
     .help = "if a rank hangs or its host cannot be reached, the job names it and ends within this "
             "time, with exit code 8; starting, saving and other slow phases have a multiple of "
             "it. 0 turns the watchdog off, for example for a debugger"},
    {.name = "time_limit",
     .type = KEY_TIME,
     .offset = TRAIN_AT(time_limit),
     .optional = true,
     .above_minimum = true,
     .free_on_resume = true,
     .help = "how long the program may run: it writes a checkpoint and stops, with exit code 75, "
             "before this time has passed since its start. Absent: only the limit of the Slurm "
             "job, which is always obeyed"},
    KEY_END};

static const struct Key validation_keys[] = {
    {.name = "every",
     .type = KEY_INTERVAL,
     .offset = offsetof(struct ValidationOptions, every),
     .fallback = "1 epoch",
     .minimum = 0,
     .maximum = 1e12,
     .free_on_resume = true,
     .help =
         "how often to validate: \"1 epoch\", \"200 steps\", or, in training time, \"10 min\"; and "
         "at the end of the run in any case; 0: only then. With a time, plateau and early_stopping "
         "are refused, because they would make a run's bits depend on the clock"},
    KEY_END};

#define STOPPING_AT(member) offsetof(struct EarlyStoppingOptions, member)
static const struct Key early_stopping_keys[] = {
    {.name = "patience",
     .type = KEY_INT,
     .offset = STOPPING_AT(patience),
     .fallback = "0",
     .minimum = 0,
     .maximum = 1e9,
     .unit = "validations",
     .free_on_resume = true,
     .switches_on = true,
     .help =
         "the run ends after this many validations in a row without improvement; 0: never early"},
    {.name = "metric",
     .type = KEY_ENUM,
     .offset = STOPPING_AT(metric),
     .fallback = "accuracy",
     .names = patience_metric_names,
     .help = "the figure of the validation that must improve, with the average of weights if there "
             "is one, as for best.h5; accuracy means R2 if the targets are values. If the key is "
             "absent and checkpoint.best names a figure, that one is used"},
    {.name = "minimum_improvement",
     .type = KEY_REAL,
     .offset = STOPPING_AT(minimum_improvement),
     .fallback = "0",
     .minimum = 0,
     .maximum = 1e6,
     .help = "by how much a figure must be better than the best so far to count as improved"},
    KEY_END};

/* "auto", then patience_metric_names. */
static const char *const best_names[] = {"auto",
                                         "loss",
                                         "accuracy",
                                         "top5",
                                         "rmse",
                                         "r2",
                                         "balanced_accuracy",
                                         "precision_macro",
                                         "recall_macro",
                                         "f1_macro",
                                         "precision_weighted",
                                         "recall_weighted",
                                         "f1_weighted",
                                         "roc_auc",
                                         "pr_auc",
                                         "log_loss",
                                         "precision_micro",
                                         "recall_micro",
                                         "f1_micro",
                                         "hamming_loss",
                                         NULL};

#define ON_ERROR_AT(member) offsetof(struct SaveErrorOptions, member)
static const struct Key on_error_keys[] = {
    {.name = "retry",
     .type = KEY_INT,
     .offset = ON_ERROR_AT(retry),
     .fallback = "3",
     .minimum = 0,
     .maximum = 1000,
     .help = "how often a failed save is tried again, after 1, 2, 4, 8 and then 10 seconds each, "
             "while all ranks wait"},
    {.name = "give_up_after",
     .type = KEY_TIME,
     .offset = ON_ERROR_AT(give_up_after),
     .fallback = "30 min",
     .minimum = 0,
     .maximum = 1e9,
     .help = "how long training then continues without a checkpoint, while saving is tried again "
             "every minute, before the run stops; 0: it stops at once. The first and the last "
             "checkpoint of a run are not postponed: if they cannot be written, the run stops"},
    KEY_END};

#define CHECKPOINT_AT(member) offsetof(struct SaveOptions, member)
static const struct Key checkpoint_keys[] = {
    {.name = "every",
     .type = KEY_INTERVAL,
     .offset = CHECKPOINT_AT(every),
     .fallback = "1 epoch",
     .minimum = 0,
     .maximum = 1e12,
     .free_on_resume = true,
     .help =
         "how often to save, in addition to the start, the end, every validation that is the "
         "best so far, and snapshots: \"1 epoch\", \"500 steps\", or, in time of training since "
         "the newest checkpoint, \"10 min\"; 0: only then"},
    {.name = "keep",
     .type = KEY_INT,
     .offset = CHECKPOINT_AT(keep),
     .fallback = "3",
     .minimum = 0,
     .maximum = 1e9,
     .free_on_resume = true,
     .help = "the number of newest checkpoints to keep, in addition to the best; 0: all"},
    {.name = "best",
     .type = KEY_ENUM,
     .offset = CHECKPOINT_AT(best),
     .fallback = "auto",
     .names = best_names,
     .help = "the figure of the validation that decides which checkpoint is best.h5, as "
             "early_stopping.metric; auto: the accuracy, or the loss if the targets are values or "
             "sets of classes; if figures are equal, the lower loss decides"},
    {.name = "snapshots",
     .type = KEY_BOOL,
     .offset = CHECKPOINT_AT(snapshots),
     .fallback = "false",
     .free_on_resume = true,
     .help = "true: keep the model at the end of each cycle of a cyclic schedule as "
             "snapshot-NNN.h5, the members of a snapshot ensemble; if the run keeps an average, "
             "evaluate the parameters of the model itself"},
    {.name = "on_error",
     .type = KEY_SECTION,
     .offset = CHECKPOINT_AT(on_error),
     .keys = on_error_keys,
     .free_on_resume = true,
     .help = "what to do when a checkpoint cannot be written, as on a full disk"},
    KEY_END};

#define START_AT(member) offsetof(struct StartOptions, member)
static const char *const start_preprocess_names[] = {"auto", "donor", "own", NULL};
const char *const start_parameters_names[] = {"auto", "model", "average", NULL};
static const struct Key start_keys[] = {
    {.name = "checkpoint",
     .type = KEY_STRING,
     .offset = START_AT(checkpoint),
     .minimum = 1,
     .optional = true,
     .help = "the donor: a checkpoint, or an HDF5 file with arrays in /model that are named and "
             "shaped as in a checkpoint; a relative path starts at the folder in which the program "
             "was started"},
    {.name = "parameters",
     .type = KEY_ENUM,
     .offset = START_AT(parameters),
     .fallback = "auto",
     .names = start_parameters_names,
     .help = "the donor's weights (model) or its average of them (average); auto: the "
             "average if the donor has one"},
    {.name = "take",
     .type = KEY_STRINGS,
     .offset = START_AT(take),
     .fallback = "[\"*\"]",
     .help = "patterns of the arrays to take; an array that has another shape (a head for "
             "other classes) or that the donor lacks starts fresh, as the table printed at "
             "the start says; there is a warning of another shape"},
    {.name = "fresh",
     .type = KEY_STRINGS,
     .offset = START_AT(fresh),
     .fallback = "[]",
     .help = "patterns of arrays that start fresh although they match take; there is no warning of "
             "them"},
    {.name = "preprocess",
     .type = KEY_ENUM,
     .offset = START_AT(preprocess),
     .fallback = "auto",
     .names = start_preprocess_names,
     .help = "donor: images are prepared as for the donor, with its statistics, and a "
             "preprocess in the run file is refused; own: as the preprocess of the run file "
             "says, with the statistics of the new data; auto: donor, or own if the file "
             "holds weights alone"},
    KEY_END};

#define STATISTICS_AT(member) offsetof(struct StatisticsOptions, member)
static const char *const all_name[] = {"all", NULL};
static const struct Key statistics_keys[] = {
    {.name = "sample",
     .type = KEY_COUNT,
     .offset = STATISTICS_AT(sample),
     .fallback = "all",
     .minimum = 2,
     .maximum = 1e12,
     .names = all_name,
     .unit = "images",
     .help = "the number of images of the training split, drawn by train.seed, that are measured"},
    KEY_END};

#define MONITOR_AT(member) offsetof(struct MonitorOptions, member)
static const struct Key monitor_keys[] = {
    {.name = "every",
     .type = KEY_INT,
     .offset = MONITOR_AT(every),
     .fallback = "0",
     .minimum = 0,
     .maximum = 1e12,
     .unit = "steps",
     .free_on_resume = true,
     .switches_on = true,
     .help = "how often to record after the first step, in steps; 0: never"},
    {.name = "histograms",
     .type = KEY_BOOL,
     .offset = MONITOR_AT(histograms),
     .fallback = "true",
     .free_on_resume = true,
     .help =
         "true: also record histograms of weights and activations, which make up most of the file"},
    {.name = "probe",
     .type = KEY_COUNT,
     .offset = MONITOR_AT(probe),
     .fallback = "auto",
     .minimum = 0,
     .maximum = 1e6,
     .names = auto_name,
     .unit = "samples",
     .free_on_resume = true,
     .help = "the number of samples of the training split on which activations are measured, "
             "always the same and without augmentation; auto: as many as a batch has, at most 256; "
             "0: no activations"},
    KEY_END};

#define AT(member) offsetof(struct RunOptions, member)
const struct Key run_keys[] = {
    {.name = "data",
     .type = KEY_SECTION,
     .offset = AT(data),
     .keys = data_keys,
     .help = "the data set"},
    {.name = "statistics",
     .type = KEY_SECTION,
     .offset = AT(statistics),
     .keys = statistics_keys,
     .help = "means, deviations and principal components of the training split, which preprocess "
             "uses: those in the file if they belong to that split; otherwise they are measured "
             "when the run starts"},
    {.name = "preprocess",
     .type = KEY_SECTION,
     .offset = AT(preprocess),
     .keys = preprocess_keys,
     .help = "applied to every image of every split, with the training split's statistics"},
    {.name = "augment",
     .type = KEY_CHOICES,
     .offset = AT(augment),
     .fallback = "[]",
     .kinds = &augment_kinds,
     .help = "random changes of the training images, in this order: first those of colour, on raw "
             "pixels, then those that move or cover, on preprocessed images"},
    {.name = "mix",
     .type = KEY_CHOICES,
     .offset = AT(mix),
     .fallback = "[]",
     .kinds = &mix_kinds,
     .help = "mixing of two training samples and their targets; each sample takes part in "
             "one kind of mixing at most"},
    {.name = "model",
     .type = KEY_CHOICES,
     .offset = AT(model),
     .kinds = &layer_kinds,
     .help = "the layers, in order"},
    {.name = "initialise",
     .type = KEY_SECTION,
     .offset = AT(initialise),
     .keys = initialise_keys,
     .help = "the initial parameters, unless a layer has keys of its own"},
    {.name = "start_from",
     .type = KEY_SECTION,
     .offset = AT(start_from),
     .keys = start_keys,
     .help = "transfer learning: begin with the parameters of another run"},
    {.name = "loss",
     .type = KEY_CHOICE,
     .offset = AT(loss),
     .fallback = "cross_entropy",
     .kinds = &loss_kinds,
     .help = "what is minimised"},
    {.name = "optimizer",
     .type = KEY_CHOICE,
     .offset = AT(optimizer),
     .kinds = &optimizer_kinds,
     .help = "how parameters are updated"},
    {.name = "parameters",
     .type = KEY_CHOICES,
     .offset = AT(parameters),
     .fallback = "[]",
     .kinds = &rule_kinds,
     .help = "rules by kind and name: rate factors, freezing, penalties; if several apply, "
             "the last one wins, key by key"},
    {.name = "clip",
     .type = KEY_SECTION,
     .offset = AT(clip),
     .keys = clip_keys,
     .help = "limits of the gradient, summed over all ranks; penalties are added after "
             "clipping"},
    {.name = "lookahead",
     .type = KEY_SECTION,
     .offset = AT(lookahead),
     .keys = lookahead_keys,
     .help = "slow weights that follow the optimizer, whichever it is (Zhang et al. 2019)"},
    {.name = "schedule",
     .type = KEY_CHOICE,
     .offset = AT(schedule),
     .fallback = "constant",
     .kinds = &schedule_kinds,
     .help = "the learning rate over the run"},
    {.name = "train",
     .type = KEY_SECTION,
     .offset = AT(train),
     .keys = train_keys,
     .help = "batches, length, randomness"},
    {.name = "large_batch",
     .type = KEY_SECTION,
     .offset = AT(large_batch),
     .keys = large_batch_keys,
     .help = "the rate follows the batch: k times the base batch means k times the rate "
             "(Goyal et al. 2017)"},
    {.name = "average",
     .type = KEY_CHOICE,
     .offset = AT(average),
     .kinds = &average_kinds,
     .optional = true,
     .help = "an average of the weights, kept beside them and used in place of them after "
             "training"},
    {.name = "validation",
     .type = KEY_SECTION,
     .offset = AT(validation),
     .keys = validation_keys,
     .help = "when data.validation is evaluated"},
    {.name = "early_stopping",
     .type = KEY_SECTION,
     .offset = AT(early_stopping),
     .keys = early_stopping_keys,
     .help = "ends the run when the validation no longer improves"},
    {.name = "checkpoint",
     .type = KEY_SECTION,
     .offset = AT(checkpoint),
     .keys = checkpoint_keys,
     .help = "what is saved, and when"},
    {.name = "monitor",
     .type = KEY_SECTION,
     .offset = AT(monitor),
     .keys = monitor_keys,
     .help = "writes monitor.jsonl: norms of weights, gradients and updates of each parameter, and "
             "activations of each layer (docs/monitoring.md); it does not change the run's bits"},
    KEY_END};
