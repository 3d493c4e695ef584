/* What a run says of itself before its first step. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "base/memory.h"
#include "comm/placement.h"
#include "run/transfer.h"
#include "train/trainer.h"

/* mpirun binds each rank to one core unless told otherwise, and all ranks of a node may run on the
 * same processors if it binds none; threads then share them. Collective. */
static void warn_of_binding(const struct Trainer *trainer) {
    struct Crowd crowd;
    int threads = (int)trainer->options.train.threads;
    bool crowded = ranks_crowd(trainer->ranks, threads, &crowd);
    if (ranks_rank(trainer->ranks) != 0 || threads == 1 || !crowded)
        return;
    struct Text line = {0};
    if (crowd.ranks > 1)
        text_add(&line, "%d ranks with ", crowd.ranks);
    text_add(&line, "%d threads a rank share %d processor%s of %s; ", threads, crowd.processors,
             crowd.processors == 1 ? "" : "s", ranks_host(trainer->ranks, crowd.rank));
    if (crowd.node_threads <= crowd.node_processors)
        text_add(&line, "mpirun's map-by slot:PE=%d gives each rank as many as it has threads",
                 threads);
    else
        text_add(&line, "start fewer ranks or threads: the host has %d processor%s for %d threads",
                 crowd.node_processors, crowd.node_processors == 1 ? "" : "s", crowd.node_threads);
    log_warning("%s", line.data);
    text_release(&line);
}

static void announce_large_batch(const struct Trainer *trainer) {
    const struct LargeBatchOptions *rule = &trainer->options.large_batch;
    const struct ScheduleTime *time = &trainer->parts.time;
    char warmup[64] = "no warm-up";
    double rate = updater_rate(trainer->parts.updater);
    int64_t batch = trainer->options.train.batch;
    if (!rule->base)
        return;
    if (batch == rule->base) {
        progress_note(trainer->bar,
                      "large batch: rate %.6g as it stands, batch %" PRId64 " is the base", rate,
                      batch);
        return;
    }
    double epochs = (double)time->scale_warmup / (double)time->steps_per_epoch;
    if (time->scale_warmup)
        snprintf(warmup, sizeof warmup, "warm-up of %.4g epoch%s (%" PRId64 " step%s)", epochs,
                 epochs == 1 ? "" : "s", time->scale_warmup, time->scale_warmup == 1 ? "" : "s");
    progress_note(trainer->bar,
                  "large batch: rate %.6g -> %.6g for batch %" PRId64 " = %.6g x %" PRId64
                  " (%s), %s",
                  rate, rate * time->scale, batch, (double)batch / (double)rule->base, rule->base,
                  large_batch_rules[rule->rule], warmup);
}

/* The bits depend on the number of shards, which a start on another number of ranks must be given.
 */
static void announce_shards(const struct Trainer *trainer) {
    int64_t shards = trainer->options.train.shards;
    progress_note(trainer->bar,
                  "note: train.shards is auto, here %" PRId64
                  "; a start on another number of ranks needs it written for the same bits: "
                  "train.shards=%" PRId64,
                  shards, shards);
}

/* A short trial may end before the rate changes, and so may a run whose times are mistaken. */
static void announce_late_change(const struct Trainer *trainer) {
    const struct Choice *schedule = &trainer->options.schedule;
    int64_t last = schedule_last_change(schedule, &trainer->parts.time);
    int64_t total = trainer->parts.time.total;
    if (last >= total)
        progress_note(trainer->bar,
                      "note: the last change of schedule %s is at step %" PRId64
                      ", which a run of %" PRId64 " step%s does not reach",
                      schedule->kind->name, last, total, total == 1 ? "" : "s");
}

static void warn_of_donor(const struct Trainer *trainer, const struct Start *start) {
    if (start->donor && ranks_rank(trainer->ranks) == 0)
        transfer_warn(&trainer->options.start_from, model_arena(trainer->parts.model),
                      updater_frozen_rows(trainer->parts.updater), start->donor);
}

static void warn_of_data(const struct Trainer *trainer) {
    if (ranks_rank(trainer->ranks) != 0)
        return;
    dataset_warn_of_arrays(trainer->parts.dataset);
    dataset_warn_of_constants(trainer->parts.dataset, trainer->parts.train);
    dataset_warn_of_classes(trainer->parts.dataset, trainer->parts.train);
    dataset_warn_of_numbers(trainer->parts.dataset, trainer->parts.train, true);
    if (trainer->parts.validation) {
        dataset_warn_of_classes(trainer->parts.dataset, trainer->parts.validation);
        dataset_warn_of_numbers(trainer->parts.dataset, trainer->parts.validation, false);
    }
}

/* A run that overfits on purpose, too, validates with the samples that it trains on. */
static void warn_of_validation(const struct Trainer *trainer) {
    const struct DataOptions *data = &trainer->options.data;
    if (ranks_rank(trainer->ranks) == 0 && trainer->parts.validation &&
        !trainer->request->overfit && !strcmp(data->validation, data->train))
        log_warning("data.validation: split %s is the one that is trained on: the validation shows "
                    "how well its samples are learnt, not how good the model is on new ones",
                    data->train);
}

/* Batch normalisations that see one value a channel in shards of a short last batch. */
static void announce_lone_values(const struct Trainer *trainer) {
    const struct TrainOptions *options = &trainer->options.train;
    struct BatchCut cut = {trainer->parts.train->count % options->batch, options->shards};
    if (!cut.batch || options->last_batch == LAST_BATCH_DROP)
        return;
    int layers = model_unmeasured_layers(trainer->parts.model, cut);
    if (layers)
        progress_note(
            trainer->bar,
            "note: the last batch of an epoch has %" PRId64 " sample%s; in a shard of one "
            "sample, %d batch normalisation%s one value a channel, which becomes 0; "
            "running statistics leave it out, and so does train.last_batch: drop",
            cut.batch, cut.batch == 1 ? "" : "s", layers, layers == 1 ? " sees" : "s see");
}

static void announce_frozen_averages(const struct Trainer *trainer) {
    int layers =
        model_frozen_averages(trainer->parts.model, updater_frozen_rows(trainer->parts.updater));
    if (layers)
        progress_note(trainer->bar,
                      "note: %d batch normalisation%s parameters are frozen still average%s the "
                      "statistics of the new data; batchnorm: {statistics: running} keeps the "
                      "donor's",
                      layers, layers == 1 ? " whose" : "s whose", layers == 1 ? "s" : "");
}

/* What the run is made of, in a line. */
static void announce_parts(const struct Trainer *trainer) {
    const struct RunOptions *options = &trainer->options;
    int64_t shards = options->train.shards, threads = options->train.threads;
    int64_t frozen = updater_frozen(trainer->parts.updater);
    int ranks = ranks_size(trainer->ranks);
    char count[32];
    struct Text line = {0};
    text_add(&line, "%s parameters",
             text_count((double)model_arena(trainer->parts.model)->trained, count));
    if (frozen)
        text_add(&line, " (%s frozen)", text_count((double)frozen, count));
    text_add(&line,
             ", %" PRId64 " samples; batch %" PRId64 " in %" PRId64 " shard%s of %" PRId64
             " on %d rank%s x %" PRId64 " thread%s",
             trainer->parts.train->count, options->train.batch, shards, shards == 1 ? "" : "s",
             options->train.batch / shards, ranks, ranks == 1 ? "" : "s", threads,
             threads == 1 ? "" : "s");
    if (shards > ranks)
        text_add(&line, ", each accumulates %" PRId64, shards / ranks);
    progress_note(trainer->bar, "%s; %s (%s), exchange %s", line.data, trainer->parts.backend->name,
                  variant_name(trainer->variant), exchange_name(trainer->shards.exchange));
    text_release(&line);
}

#define WEIGHTS_SHOWN 8

static void announce_weights(const struct Trainer *trainer) {
    const struct ClassWeights *weights = &trainer->parts.class_weights;
    struct Text line = {0};
    for (int64_t c = 0; c < weights->count && c < WEIGHTS_SHOWN; c++)
        text_add(&line, "%s%s %.4g", c ? ", " : "", trainer->parts.dataset->targets.names[c],
                 weights->values[c]);
    if (weights->count > WEIGHTS_SHOWN)
        text_add(&line, " and %" PRId64 " more", weights->count - WEIGHTS_SHOWN);
    if (weights->count)
        progress_note(trainer->bar, "class weights: %s", line.data);
    if (trainer->parts.train->weights)
        progress_note(trainer->bar, "the samples of split %s have weights",
                      trainer->parts.train->name);
    text_release(&line);
}

/* A line for the donor, and one for each line of what is taken from it. */
static void announce_donor(const struct Trainer *trainer, const struct Start *start) {
    char *table = memory_copy_text(start->taken.data ? start->taken.data : ""), *rest = table;
    progress_note(trainer->bar, "starting from %s, %s:", start->donor->path,
                  start->donor->weights_only ? "weights alone, the preprocessing the run's own"
                  : trainer->options.start_from.preprocess == START_PREPROCESS_OWN
                      ? "its preprocessing replaced"
                      : "its preprocessing kept");
    for (char *line; (line = strsep(&rest, "\n"));)
        if (*line)
            progress_note(trainer->bar, "%s", line);
    memory_release(table);
}

void trainer__announce(const struct Trainer *trainer, const struct Start *start) {
    if (start->skipped && *start->skipped)
        log_warning("skipped damaged checkpoints: %s", start->skipped);
    if (start->checkpoint)
        progress_note(trainer->bar, "resuming at step %" PRId64 " of %" PRId64,
                      trainer->saved.progress.step, trainer->parts.time.total);
    else if (trainer->request->resume)
        progress_note(trainer->bar, "nothing to resume in %s: starting from the beginning",
                      trainer->request->folder);
    if (start->donor)
        announce_donor(trainer, start);
    announce_parts(trainer);
    if (start->shards_are_ranks)
        announce_shards(trainer);
    announce_weights(trainer);
    announce_large_batch(trainer);
    announce_late_change(trainer);
    announce_lone_values(trainer);
    announce_frozen_averages(trainer);
    if (trainer->request->repeated)
        return;
    warn_of_binding(trainer);
    warn_of_donor(trainer, start);
    warn_of_data(trainer);
    warn_of_validation(trainer);
}
