#include "train/run.h"

#include <string.h>

#include "base/memory.h"
#include "base/text.h"
#include "comm/exchange.h"
#include "data/augment.h"
#include "data/mix.h"
#include "nn/layer.h"
#include "nn/loss.h"
#include "optim/average.h"
#include "optim/schedule.h"

#define AT(member) offsetof(struct RunOptions, member)

/* Sections are structs in place: their keys' offsets count from the section's start. */
#define DATA_AT(member) (AT(data.member) - AT(data))
static const struct Key data_keys[] = {
    {.name = "file",
     .type = KEY_STRING,
     .offset = DATA_AT(file),
     .help = "HDF5 data set, relative to the folder the program was started in"},
    {.name = "train",
     .type = KEY_STRING,
     .offset = DATA_AT(train),
     .fallback = "train",
     .help = "split to train on"},
    {.name = "validation",
     .type = KEY_STRING,
     .offset = DATA_AT(validation),
     .fallback = "validation",
     .help =
         "split to evaluate after every epoch, by which best.h5 is chosen; none: no evaluation"},
    KEY_END};

const char *const backend_choice_names[] = {"auto", "openblas", "onednn", NULL};
const char *const instruction_set_names[] = {"auto", "baseline", "avx2", "avx512", NULL};
static const char *const last_batch_names[] = {"keep", "drop", NULL};
static const char *const auto_name[] = {"auto", NULL};

#define TRAIN_AT(member) (AT(train.member) - AT(train))
static const struct Key train_keys[] = {
    {.name = "batch",
     .type = KEY_INT,
     .offset = TRAIN_AT(batch),
     .minimum = 1,
     .maximum = 1e9,
     .unit = "samples",
     .help = "global mini-batch: what one step takes, over all ranks"},
    {.name = "shards",
     .type = KEY_COUNT,
     .offset = TRAIN_AT(shards),
     .fallback = "auto",
     .minimum = 1,
     .maximum = 1e6,
     .names = auto_name,
     .help = "equal parts of a batch, each with its own batch-normalisation statistics; a multiple "
             "of the ranks; auto: the ranks of the first start. Part of what a run is. More shards "
             "than ranks is gradient accumulation: a rank computes its shards one after the other, "
             "in the memory of one (but for batchnorm's `statistics: batch`)"},
    {.name = "length",
     .type = KEY_SPAN,
     .offset = TRAIN_AT(length),
     .minimum = 0,
     .maximum = 1e12,
     .help = "how long to train: \"30 epochs\" or \"2000 steps\""},
    {.name = "seed",
     .type = KEY_INT,
     .offset = TRAIN_AT(seed),
     .fallback = "1",
     .minimum = 0,
     .maximum = 9e15,
     .help = "of everything random: initialisation, order, augmentation, dropout"},
    {.name = "shuffle",
     .type = KEY_BOOL,
     .offset = TRAIN_AT(shuffle),
     .fallback = "true",
     .help = "a new order of the samples every epoch"},
    {.name = "last_batch",
     .type = KEY_ENUM,
     .offset = TRAIN_AT(last_batch),
     .fallback = "keep",
     .names = last_batch_names,
     .help = "an epoch's last, short batch: keep (weighted by its true sample count) or drop"},
    {.name = "threads",
     .type = KEY_INT,
     .offset = TRAIN_AT(threads),
     .fallback = "1",
     .minimum = 1,
     .maximum = 1024,
     .help = "OpenMP threads of each rank"},
    {.name = "backend",
     .type = KEY_ENUM,
     .offset = TRAIN_AT(backend),
     .fallback = "auto",
     .names = backend_choice_names,
     .help = "library for convolutions and matrix products"},
    {.name = "exchange",
     .type = KEY_ENUM,
     .offset = TRAIN_AT(exchange),
     .fallback = "auto",
     .names = exchange_algorithm_names,
     .help = "how gradients are summed over ranks; all but mpi give the same bits on any number"},
    {.name = "instruction_set",
     .type = KEY_ENUM,
     .offset = TRAIN_AT(instruction_set),
     .fallback = "auto",
     .names = instruction_set_names,
     .help = "of the kernels; auto: the best that every rank's processor has"},
    {.name = "check_every",
     .type = KEY_INT,
     .offset = TRAIN_AT(check_every),
     .fallback = "100",
     .minimum = 0,
     .maximum = 1e12,
     .unit = "steps",
     .help = "how often the ranks compare digests of their replicas; 0: only at the start"},
    KEY_END};

#define STOPPING_AT(member) (AT(early_stopping.member) - AT(early_stopping))
static const struct Key early_stopping_keys[] = {
    {.name = "patience",
     .type = KEY_INT,
     .offset = STOPPING_AT(patience),
     .fallback = "0",
     .minimum = 0,
     .maximum = 1e9,
     .unit = "validations",
     .help = "the run ends when so many in a row did not improve; 0: it runs its length"},
    {.name = "metric",
     .type = KEY_ENUM,
     .offset = STOPPING_AT(metric),
     .fallback = "accuracy",
     .names = watch_metric_names,
     .help = "figure of the validation: of the average of weights where there is one, as for "
             "best.h5; accuracy means R2 where the targets are values"},
    {.name = "minimum_improvement",
     .type = KEY_REAL,
     .offset = STOPPING_AT(minimum_improvement),
     .fallback = "0",
     .minimum = 0,
     .maximum = 1e6,
     .help = "what the figure has to gain on the best so far to count as improved"},
    KEY_END};

#define CHECKPOINT_AT(member) (AT(checkpoint.member) - AT(checkpoint))
static const struct Key checkpoint_keys[] = {
    {.name = "every",
     .type = KEY_SPAN,
     .offset = CHECKPOINT_AT(every),
     .fallback = "1 epoch",
     .minimum = 0,
     .maximum = 1e12,
     .help = "how often to save, beside the start and the end; 0: only then"},
    {.name = "keep",
     .type = KEY_INT,
     .offset = CHECKPOINT_AT(keep),
     .fallback = "3",
     .minimum = 0,
     .maximum = 1e9,
     .help = "newest checkpoints to keep, beside the best; 0: all"},
    {.name = "snapshots",
     .type = KEY_BOOL,
     .offset = CHECKPOINT_AT(snapshots),
     .fallback = "false",
     .help = "keeps the model of each cycle's end of a cyclic schedule as snapshot-NNN.h5: the "
             "members of a snapshot ensemble"},
    KEY_END};

#define START_AT(member) offsetof(struct StartOptions, member)
static const char *const start_preprocess_names[] = {"donor", "own", NULL};
static const char *const start_parameters_names[] = {"auto", "model", "average", NULL};
static const struct Key start_keys[] = {
    {.name = "checkpoint",
     .type = KEY_STRING,
     .offset = START_AT(checkpoint),
     .optional = true,
     .help = "whose parameters to begin with: a checkpoint, or an HDF5 file with arrays in /model, "
             "named and shaped as in a checkpoint; relative to the folder the program was started "
             "in"},
    {.name = "parameters",
     .type = KEY_ENUM,
     .offset = START_AT(parameters),
     .fallback = "auto",
     .names = start_parameters_names,
     .help = "model, average: the donor's weights or its average of them; auto: the average where "
             "it has one"},
    {.name = "take",
     .type = KEY_STRINGS,
     .offset = START_AT(take),
     .fallback = "[\"*\"]",
     .help = "patterns of the arrays to take; one of another shape (a head for other classes), or "
             "that the donor lacks, starts fresh, which the table printed at the start says"},
    {.name = "fresh",
     .type = KEY_STRINGS,
     .offset = START_AT(fresh),
     .fallback = "[]",
     .help = "patterns of the arrays to start fresh all the same"},
    {.name = "preprocess",
     .type = KEY_ENUM,
     .offset = START_AT(preprocess),
     .fallback = "donor",
     .names = start_preprocess_names,
     .help = "donor: images are prepared as for the donor, with its statistics; own: as the run "
             "file's preprocess says, with the new data's"},
    KEY_END};

const struct Key run_keys[] = {
    {.name = "data",
     .type = KEY_SECTION,
     .offset = AT(data),
     .keys = data_keys,
     .help = "the data set"},
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
     .help = "random changes of the training images, in this order"},
    {.name = "mix",
     .type = KEY_CHOICES,
     .offset = AT(mix),
     .fallback = "[]",
     .kinds = &mix_kinds,
     .help = "mixing of two training samples and their targets; at most one of these a sample"},
    {.name = "model",
     .type = KEY_CHOICES,
     .offset = AT(model),
     .kinds = &layer_kinds,
     .help = "the layers, in order"},
    {.name = "initialise",
     .type = KEY_SECTION,
     .offset = AT(initialise),
     .keys = initialise_keys,
     .help = "how parameters start, where a layer says nothing of its own"},
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
     .help = "rules by kind and name: rate factors, freezing, penalties; where several hold, the "
             "later wins, key by key"},
    {.name = "clip",
     .type = KEY_SECTION,
     .offset = AT(clip),
     .keys = clip_keys,
     .help = "limits of the gradient, summed over all ranks; penalties are added behind them"},
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
     .help = "the rate follows the batch: with k times the base batch k times the rate (Goyal et "
             "al. 2017)"},
    {.name = "average",
     .type = KEY_CHOICE,
     .offset = AT(average),
     .kinds = &average_kinds,
     .optional = true,
     .help = "an average of the weights, kept beside them and used instead of them afterwards"},
    {.name = "early_stopping",
     .type = KEY_SECTION,
     .offset = AT(early_stopping),
     .keys = early_stopping_keys,
     .help = "ends the run where the validation no longer improves"},
    {.name = "checkpoint",
     .type = KEY_SECTION,
     .offset = AT(checkpoint),
     .keys = checkpoint_keys,
     .help = "what is saved, when"},
    KEY_END};

struct UpdaterRequest run_updater_request(const struct RunOptions *options) {
    return (struct UpdaterRequest){.optimizer = &options->optimizer,
                                   .rules = &options->parameters,
                                   .clip = &options->clip,
                                   .lookahead = &options->lookahead};
}

int run_build_model(const struct RunFile *file, const struct RunOptions *options,
                    struct Shape input, struct Model **model, struct Error *error) {
    if (options->model.count == 0)
        return runfile_fail(file, error, ERROR_RUN_FILE, "model",
                            "zero layers; expected a list of at least one");
    return model_create(model, &options->model, &options->initialise, input, error);
}

/* The split called `name`, which `key` of the run file asks for; NULL where there is none, and
 * `hint` then says what else the key takes. */
static const struct Split *find_split(const struct RunFile *file, const char *key, const char *name,
                                      const char *hint, const struct Dataset *dataset,
                                      struct Error *error) {
    size_t bytes = (size_t)dataset->split_count * sizeof(char *);
    const char **names = memory_allocate(bytes, "names of splits"), *nearest;
    struct Text all = {0};
    for (int i = 0; i < dataset->split_count; i++) {
        names[i] = dataset->splits[i].name;
        text_add(&all, "%s%s", i ? ", " : "", names[i]);
    }
    const struct Split *split = NULL;
    for (int i = 0; i < dataset->split_count && !split; i++)
        if (!strcmp(names[i], name))
            split = &dataset->splits[i];
    nearest = text_nearest(name, names, dataset->split_count);
    if (!split)
        runfile_fail(file, error, ERROR_DATA, key, "%s has no split '%s'; it has %s%s%s%s%s",
                     dataset->path, name, all.data, hint, nearest ? "; did you mean '" : "",
                     nearest ? nearest : "", nearest ? "'?" : "");
    text_release(&all);
    memory_release((void *)names);
    return split;
}

/* What follows the validation's figures needs some. */
static int check_without_validation(const struct RunFile *file, const struct RunOptions *options,
                                    struct Error *error) {
    if (schedule_watches(&options->schedule))
        return schema_fail(error, &options->schedule, NULL,
                           "%s follows the figures of the validation, and data.validation is none",
                           options->schedule.kind->name);
    if (options->early_stopping.patience)
        return runfile_fail(file, error, ERROR_RUN_FILE, "early_stopping.patience",
                            "follows the figures of the validation, and data.validation is none");
    return OK;
}

int run_find_splits(const struct RunFile *file, const struct RunOptions *options,
                    const struct Dataset *dataset, const struct Split **train,
                    const struct Split **validation, struct Error *error) {
    *validation = NULL;
    *train = find_split(file, "data.train", options->data.train, "", dataset, error);
    if (!*train)
        return error->code;
    if ((*train)->count < options->train.batch)
        return runfile_fail(file, error, ERROR_RUN_FILE, "train.batch",
                            "a batch of %lld is more than the %lld samples of split %s of %s",
                            (long long)options->train.batch, (long long)(*train)->count,
                            (*train)->name, dataset->path);
    if (!strcmp(options->data.validation, "none"))
        return check_without_validation(file, options, error);
    *validation = find_split(file, "data.validation", options->data.validation,
                             " (none: no evaluation)", dataset, error);
    return *validation ? OK : error->code;
}

int run_check_loss(const struct RunFile *file, const struct RunOptions *options,
                   const struct Dataset *dataset, struct Error *error) {
    struct Text others = {0};
    if (!dataset->target_count || ((const struct Loss *)options->loss.kind)->takes_values)
        return OK;
    for (const struct Kind *const *kind = loss_kinds.kinds; *kind; kind++)
        if (((const struct Loss *)*kind)->takes_values)
            text_add(&others, "%s%s", others.length ? ", " : "", (*kind)->name);
    int code = runfile_fail(file, error, ERROR_RUN_FILE, "loss",
                            "%s is of classes, the targets of %s are values; expected one of %s",
                            options->loss.kind->name, dataset->path, others.data);
    text_release(&others);
    return code;
}

int run_check_model(const struct RunFile *file, const struct Model *model,
                    const struct Dataset *dataset, struct Error *error) {
    int64_t outputs = shape_elements(model_output(model));
    if (outputs != dataset_outputs(dataset))
        return runfile_fail(file, error, ERROR_RUN_FILE, "model",
                            "the model has %lld outputs, %s has %lld %s", (long long)outputs,
                            dataset->path, (long long)dataset_outputs(dataset),
                            dataset->target_count ? "targets" : "classes");
    if (model_arena(model)->trained == 0)
        return runfile_fail(file, error, ERROR_RUN_FILE, "model",
                            "nothing to train: no layer has parameters");
    return OK;
}

int run_create_plan(const struct RunFile *file, const struct Model *model,
                    const struct PlanRequest *request, struct Plan **plan, struct Error *error) {
    static const char key[] = "model: "; /* what the plan's own failures begin with */
    int code = plan_create(plan, model, request, error);
    if (!code || strncmp(error->text, key, strlen(key)))
        return code;
    struct Error found = *error;
    return runfile_fail(file, error, code, "model", "%s", found.text + strlen(key));
}
