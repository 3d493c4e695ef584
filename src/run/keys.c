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
     .help = "global mini-batch: the samples of one step, over all ranks"},
    {.name = "shards",
     .type = KEY_COUNT,
     .offset = TRAIN_AT(shards),
     .fallback = "auto",
     .minimum = 1,
     .maximum = 1e6,
     .names = auto_name,
     .help = "equal parts of a batch, each with its own batch-normalisation statistics; a "
             "multiple of the number of ranks; auto: the number of ranks of the first "
             "start. The value is part of what a run computes. More shards than ranks is "
             "gradient accumulation: a rank computes its shards one after the other, in the "
             "memory of one (except for batchnorm with `statistics: batch`)"},
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
     .help = "seeds everything that is random: initialisation, order, augmentation, dropout"},
    {.name = "shuffle",
     .type = KEY_BOOL,
     .offset = TRAIN_AT(shuffle),
     .fallback = "true",
     .help = "a new order of the samples every epoch"},
    {.name = "sampling",
     .type = KEY_ENUM,
     .offset = TRAIN_AT(sampling),
     .fallback = "uniform",
     .names = sampling_names,
     .help = "uniform: an epoch takes each sample once; balanced: it takes as many samples of each "
             "class, those of rare classes several times, each time with augmentations of its own, "
             "and of common classes other ones in each epoch"},
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
     .help =
         "which kernels compute convolutions and linear layers; part of a run's bits, not of what "
         "it learns. auto: as the run began, in a new run the newest rule for its precision, and "
         "its name is saved; fastest-3: for each layer and pass those that were fastest in fp32 "
         "when they were measured, our own ones for Winograd's algorithm among them "
         "(docs/design.md has the table; `describe` shows the choice); fastest-2, fastest-1: older "
         "tables; bf16-1: fastest-2 in bf16; direct: the library's alone, without Winograd; "
         "winograd: Winograd's wherever they can compute"},
    {.name = "precision",
     .type = KEY_ENUM,
     .offset = TRAIN_AT(precision),
     .fallback = "fp32",
     .names = precision_names,
     .free_on_resume = true,
     .help = "how activations and their gradients lie in memory; part of a run's bits. fp32, or "
             "bf16 (16 bits): half the memory, and faster where memory is what limits. All "
             "arithmetic, parameters, their gradients, statistics and the scores stay fp32 "
             "(docs/toolbox.md)"},
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
     .help = "what happens to a step whose loss or gradient is NaN or Inf; the ranks' replicas are "
             "compared first, and what is not finite is never saved"},
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
     .help = "a line, each at most once a run, if the training looks wrong: the initial loss, a "
             "loss that rises or stays flat, overfitting, a model that is too small; with monitor "
             "also dead units and weights that are all equal (docs/monitoring.md)"},
    {.name = "watchdog",
     .type = KEY_TIME,
     .offset = TRAIN_AT(watchdog),
     .fallback = "60 s",
     .minimum = 0,
     .maximum = 1e6,
     .free_on_resume = true,
     .help = "if a rank hangs or its host cannot be reached, the job names it and ends within this "
             "time, with exit code 8; saving, starting and other work that may take long have a "
             "multiple of it. 0 turns the watchdog off, as a debugger needs it"},
    {.name = "time_limit",
     .type = KEY_TIME,
     .offset = TRAIN_AT(time_limit),
     .optional = true,
     .above_minimum = true,
     .free_on_resume = true,
     .help = "how long the program may run: it writes a checkpoint and stops, with exit code 75, "
             "before this time has passed since its start. Absent: the limit of the Slurm job "
             "alone, which is always heeded"},
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
         "how often: \"1 epoch\", \"200 steps\", or, in time of training, \"10 min\"; and at "
         "the end of the run in any case; 0: only then. By the clock, only what watches depends "
         "on it: plateau and early_stopping, which would make a run's bits depend on it, are "
         "refused"},
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
     .help = "the run ends after so many validations in a row without improvement; 0: never "
             "early"},
    {.name = "metric",
     .type = KEY_ENUM,
     .offset = STOPPING_AT(metric),
     .fallback = "accuracy",
     .names = patience_metric_names,
     .help =
         "the figure of the validation that counts: that of the average of weights if "
         "there is one, as for best.h5; accuracy means R2 if the targets are values; if it is not "
         "given, that of checkpoint.best, if that names one"},
    {.name = "minimum_improvement",
     .type = KEY_REAL,
     .offset = STOPPING_AT(minimum_improvement),
     .fallback = "0",
     .minimum = 0,
     .maximum = 1e6,
     .help = "by how much a figure has to be better than the best so far to count as "
             "improved"},
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
     .help = "how often a save is tried again at once, after 1, 2, 4, 8, then 10 seconds each; "
             "all ranks wait for it"},
    {.name = "give_up_after",
     .type = KEY_TIME,
     .offset = ON_ERROR_AT(give_up_after),
     .fallback = "30 min",
     .minimum = 0,
     .maximum = 1e9,
     .help = "how long training then goes on without a checkpoint, while saving is tried again "
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
     .help = "number of newest checkpoints to keep, in addition to the best; 0: all"},
    {.name = "best",
     .type = KEY_ENUM,
     .offset = CHECKPOINT_AT(best),
     .fallback = "auto",
     .names = best_names,
     .help =
         "the figure of the validation that decides which checkpoint is best.h5, as "
         "early_stopping.metric; auto: the accuracy, or the loss if the targets are values or sets "
         "of classes; of equal figures the lower loss decides"},
    {.name = "snapshots",
     .type = KEY_BOOL,
     .offset = CHECKPOINT_AT(snapshots),
     .fallback = "false",
     .free_on_resume = true,
     .help = "keep the model at the end of each cycle of a cyclic schedule as "
             "snapshot-NNN.h5, the members of a snapshot ensemble; if the run has an "
             "average, evaluate the parameters of the model itself"},
    {.name = "on_error",
     .type = KEY_SECTION,
     .offset = CHECKPOINT_AT(on_error),
     .keys = on_error_keys,
     .free_on_resume = true,
     .help = "what happens when a checkpoint cannot be written, as on a full disk"},
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
     .help = "the donor: a checkpoint, or an HDF5 file with arrays in /model, named and "
             "shaped as in a checkpoint; relative to the folder that the program was "
             "started in"},
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
             "the start says"},
    {.name = "fresh",
     .type = KEY_STRINGS,
     .offset = START_AT(fresh),
     .fallback = "[]",
     .help = "patterns of arrays that start fresh although they match take"},
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
     .help = "how many images of the training split, drawn by train.seed, are looked at"},
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
     .help = "how often, after the first step, to record; 0: never"},
    {.name = "histograms",
     .type = KEY_BOOL,
     .offset = MONITOR_AT(histograms),
     .fallback = "true",
     .free_on_resume = true,
     .help = "also histograms of weights and activations, which are most of the file"},
    {.name = "probe",
     .type = KEY_COUNT,
     .offset = MONITOR_AT(probe),
     .fallback = "auto",
     .minimum = 0,
     .maximum = 1e6,
     .names = auto_name,
     .unit = "samples",
     .free_on_resume = true,
     .help = "how many samples of the training split, without augmentation and always the same, "
             "the activations are measured on; auto: those of a batch, at most 256; 0: no "
             "activations"},
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
             "uses: those that the file carries for that very split, or else measured when the run "
             "starts"},
    {.name = "preprocess",
     .type = KEY_SECTION,
     .offset = AT(preprocess),
     .keys = preprocess_keys,
     .help = "done to every image of every split, from the training split's statistics"},
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
     .help = "how parameters start, unless a layer says otherwise"},
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
     .help = "monitor.jsonl: norms of weights, gradients and updates of each parameter, and "
             "activations of each layer (docs/monitoring.md); changes no bit of the run"},
    KEY_END};
