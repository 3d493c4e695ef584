#include <string.h>

#include "base/digest.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/path.h"
#include "base/text.h"
#include "comm/placement.h"
#include "evaluate/broadcast.h"
#include "run/agreement.h"
#include "run/overfit.h"
#include "run/transfer.h"
#include "train/profiler.h"
#include "train/trainer.h"

/* ---- What each rank does for itself ---- */

/* Whether the run file is the one that the run, which resumes, keeps in its folder. */
static bool is_own_run_file(const struct TrainRequest *request) {
    if (!request->resume)
        return false;
    char *own = memory_print("%s/run.yaml", request->folder);
    bool same = path_is_same_file(own, request->run_path);
    memory_release(own);
    return same;
}

static int parse(struct Trainer *trainer, struct Error *error) {
    const struct TrainRequest *request = trainer->request;
    int code = is_own_run_file(request)
                   ? run_parse_resumed(&trainer->file, request->run_path, request->overrides,
                                       request->override_count, &trainer->options, error)
                   : run_parse(&trainer->file, request->run_path, NULL, request->overrides,
                               request->override_count, &trainer->options, error);
    if (!code)
        run_without(&trainer->options, request->without);
    if (!code && request->overfit)
        code = run_overfit(trainer->file, &trainer->options, request->overfit,
                           ranks_size(trainer->ranks), error);
    return code;
}

/* Gathers what a synchronised layer needs of all shards: rank r's are in the r-th place. */
static void gather_shards(void *context, const double *mine, int64_t count, double *all) {
    ranks_gather_all(context, mine, count * (int64_t)sizeof *mine, all);
}

static int build(struct Trainer *trainer, const struct Start *start, struct Error *error) {
    struct RunRequest request = {.file = trainer->file,
                                 .options = &trainer->options,
                                 .ranks = ranks_size(trainer->ranks),
                                 .variant = trainer->variant,
                                 .overfit = trainer->request->overfit,
                                 .donor = start->donor,
                                 .resumed = start->checkpoint,
                                 .together = trainer->ranks,
                                 .gather = gather_shards,
                                 .gather_context = trainer->ranks};
    int code = run_check(&request, &trainer->parts, error);
    if (!code && start->checkpoint)
        code = trainer__check_position(trainer, start->checkpoint->path, error);
    return code;
}

/* ---- What the ranks do together ---- */

/* All ranks use the best instruction set that each of them has. */
static int agree_on_variant(struct Trainer *trainer, struct Error *error) {
    trainer->variant = run_agree_variant(trainer->ranks, run_best_variant(&trainer->options));
    log_debug("instruction set %s", variant_name(trainer->variant));
    return run_check_variant(trainer->file, &trainer->options, trainer->variant, error);
}

/* Nothing trains on a mix of libraries. */
static int agree_on_parts(struct Trainer *trainer, struct Error *error) {
    const struct RunParts *parts = &trainer->parts;
    return run_agree_backend(trainer->ranks, parts->backend, trainer->variant, error);
}

static int begin_to_write(struct Trainer *trainer, struct Error *error) {
    trainer->bar =
        progress_create(stderr, trainer->request->quiet, trainer->parts.time.total,
                        trainer->parts.time.steps_per_epoch, trainer->saved.progress.step);
    return trainer__open_folder(trainer, error);
}

/* A new run's parameters, on rank 0: drawn, then taken from the donor. */
static int start_state(struct Trainer *trainer, struct Start *start, struct Error *error) {
    const struct StartOptions *options = &trainer->options.start_from;
    const struct Arena *arena = model_arena(trainer->parts.model);
    model_initialise(trainer->parts.model, (uint64_t)trainer->options.train.seed, trainer->state);
    if (!start->donor)
        return OK;
    transfer_describe(options, arena, start->donor, &start->taken);
    return transfer_take(options, arena, start->donor, trainer->state, error);
}

/* The caller releases it. */
static char *digest_of_weights(const struct Split *split) {
    char digest[DIGEST_TEXT] = "";
    if (split->weights)
        digest_text(digest_bytes(split->weights, (size_t)split->count * sizeof *split->weights),
                    digest);
    return memory_copy_text(digest);
}

/* "" if the split is not streamed. */
static char *digest_of_blocks(const struct RunParts *parts) {
    char digest[DIGEST_TEXT] = "";
    if (parts->holding.train.window)
        split_block_digest(parts->train, digest);
    return memory_copy_text(digest);
}

/* With the instructions for bf16 if the run makes use of them. The caller releases it. */
static char *instruction_set_of(const struct Trainer *trainer) {
    const char *products = "";
    if (trainer->options.train.precision == PRECISION_BF16 && trainer->parts.backend->bf16)
        products = bf16_products_name(backend_bf16());
    return memory_print("%s%s%s", variant_name(trainer->variant), *products ? " and " : "",
                        products);
}

/* What checkpoints say of where the run's bits come from. */
static void describe_origin(struct Trainer *trainer) {
    const struct Targets *targets = &trainer->parts.dataset->targets;
    const struct Split *validation = trainer->parts.validation;
    trainer->saved.targets =
        targets_copy(targets->kind, (const char *const *)targets->names, targets->count);
    trainer->saved.provenance = (struct Provenance){
        .seed = (uint64_t)trainer->options.train.seed,
        .shards = trainer->options.train.shards,
        .threads = trainer->options.train.threads,
        .instruction_set = instruction_set_of(trainer),
        .versions = memory_copy_text(backend_versions((char[BACKEND_VERSIONS]){0})),
        .backend = memory_copy_text(trainer->parts.backend->name),
        .data_digest = memory_copy_text(trainer->parts.train->digest),
        .weights_digest = digest_of_weights(trainer->parts.train),
        .blocks_digest = digest_of_blocks(&trainer->parts),
        .validation_digest = memory_copy_text(validation ? validation->digest : "")};
}

/* The replicas start from rank 0's parameters. */
static int fill_state(struct Trainer *trainer, const struct Start *start, struct Error *error) {
    int64_t bytes =
        arena_state_elements(model_arena(trainer->parts.model)) * (int64_t)sizeof(float);
    callbacks__make(trainer);
    replicas__create(trainer);
    int code = start->checkpoint ? trainer__restore(trainer, start, error) : OK;
    code = ranks_agree(trainer->ranks, code, error);
    if (!code && start->checkpoint)
        code = callbacks__restore(trainer, start->checkpoint, error);
    if (code)
        return code;
    ranks_broadcast(trainer->ranks, trainer->state, bytes);
    replicas__start_chain(trainer, start->checkpoint != NULL);
    return callbacks__on_start(trainer, error);
}

/* Collective. */
static bool prepares_ahead(const struct Trainer *trainer) {
    const struct TrainOptions *options = &trainer->options.train;
    struct Crowd crowd;
    if (options->prepare_ahead != PREPARE_AHEAD_AUTO)
        return options->prepare_ahead == PREPARE_AHEAD_ALWAYS;
    return !ranks_crowd(trainer->ranks, (int)options->threads + 1, &crowd) && crowd.processors;
}

static int make_shards(struct Trainer *trainer, struct Error *error) {
    const struct RunParts *parts = &trainer->parts;
    const struct TrainOptions *options = &trainer->options.train;
    trainer->shards =
        (struct Shards){.plan = parts->plan,
                        .loader = parts->loader,
                        .samples = parts->train->count,
                        .batch = options->batch,
                        .count = options->shards,
                        .steps = parts->time.total,
                        .steps_per_epoch = parts->time.steps_per_epoch,
                        .seed = (uint64_t)options->seed,
                        .tell = trainer__tell_interrupts,
                        .tell_context = trainer,
                        .gradient_elements = arena_gradient_elements(model_arena(parts->model)),
                        .parameters = model_arena(parts->model)->parameters};
    int code = shards__create(&trainer->shards, trainer->ranks,
                              (enum ExchangeAlgorithm)options->exchange, trainer->variant, error);
    if (!code && prepares_ahead(trainer))
        shards__prepare_ahead(&trainer->shards);
    return code;
}

static int assemble(struct Trainer *trainer, struct Start *start, struct Error *error) {
    struct Ranks *ranks = trainer->ranks;
    beat_enter(ranks_beat(ranks), BEAT_PREPARING);
    int code = agree_on_variant(trainer, error);
    if (code)
        return code;
    code = ranks_agree(ranks, build(trainer, start, error), error);
    if (!code)
        code = agree_on_parts(trainer, error);
    if (code)
        return code;
    code = make_shards(trainer, error);
    if (code)
        return error_blame_key(error, "train.exchange");
    trainer->state =
        memory_array(float, arena_state_elements(model_arena(trainer->parts.model)), "parameters");
    if (!start->checkpoint && ranks_rank(ranks) == 0)
        code = start_state(trainer, start, error);
    code = ranks_agree(ranks, code, error);
    if (code)
        return code;
    if (trainer->parts.holding.train.window) /* decided once, for all starts of the run */
        trainer->options.data.window = trainer->parts.holding.train.window;
    trainer->run_text = runfile_emit(run_keys, &trainer->options);
    describe_origin(trainer);
    if (ranks_rank(ranks) == 0 && !trainer->request->trial)
        code = begin_to_write(trainer, error);
    code = ranks_agree(ranks, code, error);
    if (code)
        return code;
    if (!trainer->request->trial)
        trainer__announce(trainer, start);
    return fill_state(trainer, start, error);
}

/* Opens the donor of start_from, if there is one, for every rank. */
static int find_donor(struct Trainer *trainer, struct Start *start, struct Error *error) {
    struct StartOptions *options = &trainer->options.start_from;
    int code = OK;
    if (!options->checkpoint)
        return OK;
    if (ranks_rank(trainer->ranks) == 0)
        code = transfer_open_donor(trainer->file, options, &start->donor, error);
    code = ranks_agree(trainer->ranks, code, error);
    if (!code)
        code = broadcast_checkpoint(trainer->ranks, &start->donor, error);
    if (!code)
        transfer_settle(options, start->donor);
    return code;
}

/* The folder, and what is in it to continue from. */
static int open_run(struct Trainer *trainer, struct Start *start, struct Error *error) {
    if (trainer->request->trial) {
        saved_state_start(&trainer->saved);
        return OK;
    }
    int code = trainer__lock_folder(trainer, error);
    return code ? code : trainer__find_checkpoint(trainer, start, error);
}

int trainer__create(struct Trainer *trainer, struct Ranks *ranks,
                    const struct TrainRequest *request, struct Error *error) {
    struct Start start = {0};
    *trainer = (struct Trainer){.ranks = ranks,
                                .request = request,
                                .checkpoints = memory_print("%s/checkpoints", request->folder)};
    save_job__create(&trainer->saving.job, trainer);
    callbacks__create(&trainer->callbacks,
                      request->callbacks ? request->callbacks : callback_table);
    int code = ranks_agree(ranks, parse(trainer, error), error);
    if (!code)
        code = run_agree_options(ranks, &trainer->options, error);
    if (!code)
        watch_set_limit(request->watch, trainer->options.train.watchdog);
    if (!code)
        code = open_run(trainer, &start, error);
    if (!code && trainer->options.train.shards < 0) {
        trainer->options.train.shards = ranks_size(ranks);
        start.shards_are_ranks = true;
    }
    trainer->options.train.convolution =
        (int)convolution_rule((enum ConvolutionRule)trainer->options.train.convolution,
                              (enum Precision)trainer->options.train.precision);
    if (!code && !start.checkpoint)
        code = find_donor(trainer, &start, error);
    if (!code)
        code = assemble(trainer, &start, error);
    if (code)
        runfile_locate(trainer->file, error);
    checkpoint_close(start.checkpoint);
    checkpoint_close(start.donor);
    memory_release(start.skipped);
    text_release(&start.taken);
    return code;
}

void trainer__release(struct Trainer *trainer) {
    save_job__release(&trainer->saving.job);
    progress_release(trainer->bar);
    callbacks__release(&trainer->callbacks);
    replicas__release(trainer);
    trainer__close_folder(trainer);
    profiler__release(trainer->profiler);
    shards__release(&trainer->shards);
    saved_state_release(&trainer->saved);
    run_parts_release(&trainer->parts);
    memory_release(trainer->state);
    memory_release(trainer->run_text);
    memory_release(trainer->checkpoints);
    runfile_release(trainer->file);
}
