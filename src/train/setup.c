#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/log.h"
#include "base/memory.h"
#include "base/text.h"
#include "base/whole_file.h"
#include "evaluate/member.h"
#include "train/trainer.h"
#include "train/transfer.h"

static int make_folder(const char *path, struct Error *error) {
    char *copy = memory_copy_text(path);
    int code = OK;
    for (char *slash = strchr(copy + 1, '/');; slash = strchr(slash + 1, '/')) {
        if (slash)
            *slash = '\0';
        if (mkdir(copy, 0777) && errno != EEXIST)
            code = fail_errno(error, "%s: the folder cannot be made", copy);
        if (slash)
            *slash = '/';
        if (!slash || code)
            break;
    }
    memory_release(copy);
    if (!code && access(path, W_OK | X_OK))
        code = fail_errno(error, "%s: cannot be written to", path);
    return code;
}

static int write_run_file(const struct Trainer *trainer, struct Error *error) {
    struct WholeFile file;
    char *path = memory_print("%s/run.yaml", trainer->request->folder);
    int code = whole_file_open(&file, path, error);
    if (!code) {
        fputs(trainer->run_text, file.stream);
        code = whole_file_publish(&file, error);
    }
    whole_file_close(&file);
    memory_release(path);
    return code;
}

/* ---- What each rank does for itself ---- */

static int parse(struct Trainer *trainer, struct Error *error) {
    const struct TrainRequest *request = trainer->request;
    return run_parse(&trainer->file, request->run_path, NULL, request->overrides,
                     request->override_count, &trainer->options, error);
}

static int check_shards(struct Trainer *trainer, struct Error *error) {
    int64_t shards = trainer->options.train.shards, batch = trainer->options.train.batch;
    int size = ranks_size(trainer->ranks);
    if (shards % size)
        return runfile_fail(trainer->file, error, ERROR_RUN_FILE, "train.shards",
                            "%lld shards cannot be dealt out equally to %d ranks; expected a "
                            "multiple of the ranks",
                            (long long)shards, size);
    if (batch % shards == 0)
        return OK;
    bool blame_shards = runfile_overridden(trainer->file, "train.shards") &&
                        !runfile_overridden(trainer->file, "train.batch");
    return runfile_fail(trainer->file, error, ERROR_RUN_FILE,
                        blame_shards ? "train.shards" : "train.batch",
                        "a batch of %lld cannot be cut into %lld equal shards; expected %s",
                        (long long)batch, (long long)shards,
                        blame_shards ? "a divisor of train.batch" : "a multiple of train.shards");
}

static int open_data(struct Trainer *trainer, struct Error *error) {
    const struct RunOptions *options = &trainer->options;
    int code = dataset_open(&trainer->dataset, options->data.file, error);
    if (code)
        return code;
    code = run_find_splits(trainer->file, options, trainer->dataset, &trainer->split,
                           &trainer->validation, error);
    if (code)
        return code;
    code = run_check_loss(trainer->file, options, trainer->dataset, error);
    if (!code)
        code = transfer_preprocess(&trainer->preprocess, trainer->file, options, trainer->dataset,
                                   trainer->prepared_by, error);
    if (code)
        return code;
    target_scale_create(&trainer->targets, (enum TargetRule)options->preprocess.targets,
                        trainer->dataset, trainer->split);
    preprocess_prepare(&trainer->preprocess, trainer->variant);
    struct LoaderRequest request = {.dataset = trainer->dataset,
                                    .split = trainer->split,
                                    .preprocess = &trainer->preprocess,
                                    .targets = &trainer->targets,
                                    .augment = &options->augment,
                                    .mix = &options->mix,
                                    .seed = (uint64_t)options->train.seed,
                                    .shuffle = options->train.shuffle};
    code = loader_create(&trainer->loader, &request, error);
    if (code || !trainer->validation)
        return code;
    request.split = trainer->validation;
    request.evaluate = true;
    request.shuffle = false;
    return loader_create(&trainer->validation_loader, &request, error);
}

static int build_model(struct Trainer *trainer, struct Error *error) {
    struct Image image = loader_image(trainer->loader);
    struct Shape input = {image.height, image.width, image.channels, 1, 1};
    int code = run_build_model(trainer->file, &trainer->options, input, &trainer->model, error);
    if (code)
        return code;
    code = run_check_model(trainer->file, trainer->model, trainer->dataset, error);
    return code ? code : run_check_keys(trainer->file, &trainer->options, trainer->model, error);
}

static int check_snapshots(const struct Trainer *trainer, struct Error *error) {
    const struct RunOptions *options = &trainer->options;
    static const char key[] = "checkpoint.snapshots";
    if (!options->checkpoint.snapshots)
        return OK;
    if (!schedule_has_cycles(&options->schedule))
        return runfile_fail(trainer->file, error, ERROR_RUN_FILE, key,
                            "are taken where a cycle of the schedule ends, and %s has none; "
                            "cosine_restarts has",
                            options->schedule.kind->name);
    if (!schedule_cycles(&options->schedule, &trainer->time, trainer->time.total))
        return runfile_fail(trainer->file, error, ERROR_RUN_FILE, key,
                            "the run ends before the schedule's first cycle does");
    return OK;
}

static int check_lookahead(const struct Trainer *trainer, struct Error *error) {
    int64_t every = trainer->options.lookahead.every;
    if (every <= trainer->time.total)
        return OK;
    return runfile_fail(trainer->file, error, ERROR_RUN_FILE, "lookahead.every",
                        "the slow weights would follow at step %lld first, and the run has %lld; a "
                        "run cut short for a trial goes with --set lookahead=",
                        (long long)every, (long long)trainer->time.total);
}

static int measure_time(struct Trainer *trainer, struct Error *error) {
    const struct RunOptions *options = &trainer->options;
    int64_t count = trainer->split->count, batch = options->train.batch;
    bool drop = options->train.last_batch == 1;
    trainer->time.steps_per_epoch = drop ? count / batch : (count + batch - 1) / batch;
    trainer->time.total = span_steps(options->train.length, trainer->time.steps_per_epoch);
    large_batch_apply(&options->large_batch, batch, &trainer->time);
    int code = large_batch_check(trainer->file, &options->schedule, &trainer->time, error);
    if (!code)
        code = schedule_check(&options->schedule, &trainer->time, error);
    if (!code && options->average.kind)
        code = average_check(&options->average, &trainer->time, error);
    if (!code)
        code = check_lookahead(trainer, error);
    return code ? code : check_snapshots(trainer, error);
}

/* Every number of samples that a shard can have: of a whole batch, and of the last one. */
static int shard_sizes(const struct Trainer *trainer, int64_t sizes[PLAN_SAMPLE_COUNTS]) {
    int64_t batch = trainer->options.train.batch, shards = trainer->options.train.shards;
    int64_t rest = trainer->split->count % batch;
    int count = 0;
    sizes[count++] = batch / shards;
    if (rest && trainer->options.train.last_batch == 0) {
        if (rest % shards)
            sizes[count++] = rest / shards + 1;
        if (rest / shards)
            sizes[count++] = rest / shards;
    }
    return count;
}

/* How shards meet in a synchronised layer: rank r's lie in the r-th place. */
static void gather_shards(void *context, const double *mine, int64_t count, double *all) {
    ranks_gather_all(context, mine, count * (int64_t)sizeof *mine, all);
}

/* What a step's calls of the training plan need. */
static int make_shard_calls(struct Trainer *trainer, struct Error *error) {
    int64_t count = plan_shards(trainer->plan);
    int64_t elements = arena_gradient_elements(model_arena(trainer->model));
    trainer->shard_calls = memory_allocate((size_t)count * sizeof *trainer->shard_calls, "shards");
    if (count == 1)
        return OK;
    if (!memory_can_hold((uint64_t)count * (uint64_t)elements * sizeof(float)))
        return runfile_fail(trainer->file, error, ERROR_RUN_FILE, "train.shards",
                            "the gradients of the %lld shards of a rank, which \"statistics: "
                            "batch\" runs together, do not fit this machine's memory; expected "
                            "fewer shards or more ranks",
                            (long long)count);
    trainer->gradients =
        memory_allocate((size_t)(count * elements) * sizeof(float), "gradients of shards");
    return OK;
}

static int make_plans(struct Trainer *trainer, struct Error *error) {
    const struct RunOptions *options = &trainer->options;
    backend_configure((int)options->train.threads, trainer->variant);
    trainer->backend =
        backend_find(backend_choice_names[options->train.backend], trainer->variant, error);
    if (!trainer->backend)
        return error->code;
    struct PlanRequest request = {.variant = trainer->variant,
                                  .backend = trainer->backend,
                                  .training = true,
                                  .loss = &options->loss,
                                  .shards = options->train.shards,
                                  .own_shards = options->train.shards / ranks_size(trainer->ranks),
                                  .gather = gather_shards,
                                  .gather_context = trainer->ranks,
                                  .frozen = updater_frozen_rows(trainer->updater)};
    request.sample_counts = shard_sizes(trainer, request.samples);
    size_t bytes = (size_t)trainer->targets.count * sizeof(double);
    double *weights = bytes ? memory_allocate(bytes, "weights of errors") : NULL;
    if (weights)
        trainer->error_unit = target_scale_weights(&trainer->targets, weights);
    request.error_weights = weights;
    int code = run_create_plan(trainer->file, trainer->model, &request, &trainer->plan, error);
    if (!code)
        code = make_shard_calls(trainer, error);
    if (!code && trainer->validation) {
        request.training = false;
        request.sample_counts = evaluate_sizes(trainer->validation->count, request.samples);
        code = run_create_plan(trainer->file, trainer->model, &request, &trainer->validation_plan,
                               error);
    }
    memory_release(weights);
    return code;
}

static int build(struct Trainer *trainer, const struct Checkpoint *checkpoint,
                 struct Error *error) {
    int code = check_shards(trainer, error);
    if (!code)
        code = open_data(trainer, error);
    if (!code)
        code = build_model(trainer, error);
    if (!code)
        code = measure_time(trainer, error);
    if (!code && checkpoint)
        code = trainer_check_length(trainer, checkpoint, error);
    struct UpdaterRequest request = run_updater_request(&trainer->options);
    if (!code)
        code = updater_create(&trainer->updater, &request, model_arena(trainer->model),
                              trainer->variant, error);
    if (!code)
        code = make_plans(trainer, error);
    return code;
}

/* ---- What the ranks do together ---- */

/* All ranks use the best instruction set that each of them has. */
static int agree_on_variant(struct Trainer *trainer, struct Error *error) {
    const char *name = instruction_set_names[trainer->options.train.instruction_set];
    int wanted = strcmp(name, "auto") ? variant_by_name(name) : VARIANT_F32_V4;
    int64_t best = variant_best((enum Variant)wanted);
    ranks_minimum(trainer->ranks, &best, 1);
    trainer->variant = (enum Variant)best;
    log_debug("instruction set %s", variant_name(trainer->variant));
    if (strcmp(name, "auto") && best != wanted)
        return runfile_fail(trainer->file, error, ERROR_RUN_FILE, "train.instruction_set",
                            "not every rank's processor has %s; expected auto or at most %s", name,
                            variant_name(trainer->variant));
    return OK;
}

/* Rank 0's part: the first thing that a run writes, after everything else was checked. */
static int open_folder(struct Trainer *trainer, const struct Checkpoint *checkpoint,
                       struct Error *error) {
    int64_t first = checkpoint ? checkpoint->progress.step : 0;
    trainer->bar = progress_create(stderr, trainer->request->quiet, trainer->time.total,
                                   trainer->time.steps_per_epoch, first);
    int code = make_folder(trainer->checkpoints, error);
    if (!code)
        code = write_run_file(trainer, error);
    if (code)
        return code;
    char *path = memory_print("%s/metrics.jsonl", trainer->request->folder);
    code = metrics_file_open(&trainer->metrics, path, first, error);
    memory_release(path);
    return code;
}

/* A new run's parameters, on rank 0: drawn, then taken from the donor. `taken`: for people. */
static int start_state(struct Trainer *trainer, struct Text *taken, struct Error *error) {
    model_initialise(trainer->model, (uint64_t)trainer->options.train.seed, trainer->state);
    if (!trainer->donor)
        return OK;
    return transfer_take(trainer->file, &trainer->options.start_from, model_arena(trainer->model),
                         updater_frozen_rows(trainer->updater), trainer->donor, trainer->state,
                         taken, error);
}

/* The replicas start from rank 0's parameters. */
static int fill_state(struct Trainer *trainer, const struct Checkpoint *checkpoint,
                      struct Error *error) {
    int64_t bytes = arena_state_elements(model_arena(trainer->model)) * (int64_t)sizeof(float);
    if (trainer->options.average.kind)
        trainer->average = memory_allocate((size_t)bytes, "the average of weights");
    trainer->average_measured = -1;
    int code = checkpoint ? trainer_restore(trainer, checkpoint, error) : OK;
    code = ranks_agree(trainer->ranks, code, error);
    if (code)
        return code;
    ranks_broadcast(trainer->ranks, trainer->state, bytes);
    return trainer_compare_replicas(trainer, error);
}

static int assemble(struct Trainer *trainer, const struct Checkpoint *checkpoint,
                    const char *skipped, struct Text *taken, struct Error *error) {
    struct Ranks *ranks = trainer->ranks;
    int code = agree_on_variant(trainer, error);
    if (code)
        return code;
    code = ranks_agree(ranks, build(trainer, checkpoint, error), error);
    if (code)
        return code;
    code = exchange_create(&trainer->exchange, ranks, trainer->options.train.shards,
                           arena_gradient_elements(model_arena(trainer->model)),
                           (enum ExchangeAlgorithm)trainer->options.train.exchange,
                           trainer->variant, error);
    if (code)
        return code;
    size_t state = (size_t)arena_state_elements(model_arena(trainer->model)) * sizeof(float);
    trainer->state = memory_allocate(state, "parameters");
    if (!checkpoint && ranks_rank(ranks) == 0)
        code = start_state(trainer, taken, error);
    code = ranks_agree(ranks, code, error);
    if (code)
        return code;
    trainer->run_text = runfile_emit(run_keys, &trainer->options);
    if (!checkpoint) {
        trainer->progress = (struct Progress){.best_metric = -1};
        trainer->schedule_state = SCHEDULE_STATE_AT_START;
    }
    if (ranks_rank(ranks) == 0)
        code = open_folder(trainer, checkpoint, error);
    code = ranks_agree(ranks, code, error);
    if (code)
        return code;
    trainer_announce(trainer, checkpoint, skipped, taken);
    return fill_state(trainer, checkpoint, error);
}

int trainer_create(struct Trainer *trainer, struct Ranks *ranks, const struct TrainRequest *request,
                   struct Error *error) {
    struct Checkpoint *checkpoint = NULL;
    struct Text taken = {0};
    char *skipped = NULL;
    *trainer = (struct Trainer){.ranks = ranks,
                                .request = request,
                                .checkpoints = memory_print("%s/checkpoints", request->folder)};
    int code = ranks_agree(ranks, parse(trainer, error), error);
    if (!code)
        code = trainer_find_checkpoint(trainer, &checkpoint, &skipped, error);
    if (!code && trainer->options.train.shards < 0) {
        trainer->options.train.shards = ranks_size(ranks);
        trainer->shards_are_ranks = true;
    }
    if (!code && !checkpoint)
        code = trainer_find_donor(trainer, error);
    if (transfer_keeps_preprocess(&trainer->options.start_from))
        trainer->prepared_by = checkpoint ? checkpoint : trainer->donor;
    if (!code)
        code = assemble(trainer, checkpoint, skipped, &taken, error);
    checkpoint_release(checkpoint);
    checkpoint_release(trainer->donor);
    trainer->donor = NULL;
    trainer->prepared_by = NULL;
    memory_release(skipped);
    text_release(&taken);
    return code;
}

void trainer_release(struct Trainer *trainer) {
    progress_release(trainer->bar);
    metrics_file_close(trainer->metrics);
    if (trainer->exchange)
        exchange_release(trainer->exchange);
    updater_release(trainer->updater);
    plan_release(trainer->plan);
    plan_release(trainer->validation_plan);
    memory_release(trainer->shard_calls);
    memory_release(trainer->gradients);
    model_release(trainer->model);
    loader_release(trainer->loader);
    loader_release(trainer->validation_loader);
    preprocess_release(&trainer->preprocess);
    target_scale_release(&trainer->targets);
    dataset_close(trainer->dataset);
    memory_release(trainer->state);
    memory_release(trainer->average);
    memory_release(trainer->run_text);
    memory_release(trainer->checkpoints);
    runfile_release(trainer->file);
}
