#include "run/overfit.h"

#include <inttypes.h>
#include <string.h>

#include "base/memory.h"
#include "data/dataset/limit.h"
#include "optim/schedule.h"

#define ENOUGH_R2 0.99
#define VALIDATED_EVERY 20 /* steps */

static void choose_samples(struct DataOptions *data, int64_t samples) {
    data->limit.train = samples;
    data->limit.validation = -1; /* the split is the same */
    data->limit.per_class = false;
    data->limit.choose = LIMIT_SPREAD;
    data->folds = (struct FoldsOptions){.held_out = 1, .seed = 1, .stratified = true};
    data->validation = data->train;
}

/* Puts all samples into each step, or as many of them as the shards can share equally. */
static int choose_batch(const struct RunFile *file, struct TrainOptions *train, int64_t samples,
                        int64_t ranks, struct Error *error) {
    int64_t shards = train->shards < 0 ? ranks : train->shards;
    if (samples < shards)
        return runfile_fail(file, error, ERROR_RUN_FILE, "train.shards",
                            "%" PRId64 " sample%s to overfit cannot be dealt out to %" PRId64
                            " shards; expected no more shards than samples",
                            samples, samples == 1 ? "" : "s", shards);
    train->batch = samples / shards * shards;
    train->last_batch = samples % shards ? LAST_BATCH_DROP : LAST_BATCH_KEEP;
    train->sampling = SAMPLING_UNIFORM;
    return OK;
}

void run_without(struct RunOptions *options, unsigned hardens) {
    if (hardens & HARDENS_AUGMENT)
        options->augment = (struct ChoiceList){0};
    if (hardens & HARDENS_MIX)
        options->mix = (struct ChoiceList){0};
    if (hardens & HARDENS_REGULARISATION)
        runfile_drop_regularisation(run_keys, options);
}

bool run_has(const struct RunOptions *options, unsigned hardens) {
    struct RunFile *file;
    struct RunOptions copy = {0};
    struct Error error;
    char *before = runfile_emit(run_keys, options);
    CHECK(!runfile_parse(&file, NULL, before, NULL, 0, run_keys, &copy, &error));
    run_without(&copy, hardens);
    char *after = runfile_emit(run_keys, &copy);
    bool has = strcmp(before, after) != 0;
    runfile_release(file);
    memory_release(before);
    memory_release(after);
    return has;
}

int run_overfit(const struct RunFile *file, struct RunOptions *options, int64_t samples,
                int64_t ranks, struct Error *error) {
    int code = choose_batch(file, &options->train, samples, ranks, error);
    if (code)
        return code;
    choose_samples(&options->data, samples);
    if (!runfile_overridden(file, "train.length"))
        options->train.length = (struct Span){.value = OVERFIT_STEPS};
    options->average = (struct Choice){0};
    options->large_batch.base = 0;
    options->early_stopping.patience = 0;
    options->checkpoint.every = (struct Interval){0};
    options->validation.every = (struct Interval){.span = {.value = VALIDATED_EVERY}};
    options->checkpoint.snapshots = false;
    options->schedule = schedule_none();
    run_without(options, HARDENS_ALL);
    return OK;
}

bool run_overfit_learnt(const struct Figures *figures) {
    if (figures->measured[FIGURE_ACCURACY])
        return figures->value[FIGURE_ACCURACY] >= 1;
    return figures->measured[FIGURE_R2] && figures->value[FIGURE_R2] >= ENOUGH_R2;
}

bool run_overfit_tells(const struct Dataset *dataset, const struct Split *split) {
    bool tells = true;
    for (int64_t k = 0; split->targets && k < targets_values(&dataset->targets); k++)
        tells &= split_target_varies(split, dataset->targets.count, k);
    return tells;
}
