#include "evaluate/member.h"

#include <inttypes.h>

#include "base/memory.h"
#include "checkpoint/checkpoint.h"
#include "data/augment.h"
#include "evaluate/broadcast.h"
#include "run/check.h"

static int open_everywhere(struct Checkpoint **checkpoint, struct Ranks *ranks, const char *path,
                           struct Error *error) {
    int code = OK;
    *checkpoint = NULL;
    if (ranks_rank(ranks) == 0)
        code = checkpoint_open(checkpoint, path, error);
    code = ranks_agree(ranks, code, error);
    return code ? code : broadcast_checkpoint(ranks, checkpoint, error);
}

static int read_parts(struct Member *member, const struct Checkpoint *checkpoint,
                      struct Error *error) {
    const struct CheckpointPart parts[] = {
        {.value = &member->preprocess, .group = &preprocess_saved},
        {.value = &member->targets, .group = &targets_saved},
        {.value = &member->scale, .group = &target_scale_saved},
        {.value = &member->encoding, .group = &encoding_saved}};
    const struct Preprocess *input = &member->preprocess;
    int code = checkpoint_get_parts(checkpoint, parts, sizeof parts / sizeof *parts, error);
    if (!code && member->encoding.column_count &&
        !encoding_fits(&member->encoding, input->height * input->width * input->channels,
                       &member->targets))
        code = fail(error, ERROR_CHECKPOINT, "%s:/encoding: is not that of the inputs and outputs",
                    checkpoint->path);
    return code;
}

static int fill_state(struct Member *member, const struct Checkpoint *checkpoint,
                      enum MemberParameters parameters, struct Error *error) {
    const struct Arena *arena = model_arena(member->model);
    bool there = checkpoint_has_average(checkpoint);
    if (parameters == MEMBER_AVERAGE && !there)
        return fail(error, ERROR_CHECKPOINT, "%s: holds no average of weights", checkpoint->path);
    member->averaged = there && parameters != MEMBER_MODEL;
    return member->averaged ? checkpoint_get_average(checkpoint, arena, member->state, error)
                            : checkpoint_get_state(checkpoint, arena, member->state, error);
}

/* A run saves a model whose outputs are its classes or targets: predictions are laid out by it. */
static int check_outputs(const struct Member *member, struct Error *error) {
    const struct Choice *loss = &member->options.loss;
    const struct Targets *targets = &member->targets;
    int64_t outputs = shape_elements(model_output(member->model));
    if (outputs != targets->count)
        return fail(error, ERROR_CHECKPOINT,
                    "%s: the model of its run file has %" PRId64 " outputs, it names %" PRId64
                    " %s",
                    member->path, outputs, targets->count, targets_words(targets));
    if (!loss_takes((const struct Loss *)loss->kind, targets->kind))
        return fail(error, ERROR_CHECKPOINT,
                    "%s: the loss of its run file, %s, is not for %s as it has them", member->path,
                    loss->kind->name, targets_words(targets));
    return OK;
}

static int build(struct Member *member, const struct Checkpoint *checkpoint,
                 enum MemberParameters parameters, struct Error *error) {
    int code = run_parse(&member->file, checkpoint->path, checkpoint->run_text, NULL, 0,
                         &member->options, error);
    if (code) {
        error_context(error, "the run file kept in the checkpoint");
        return code;
    }
    code = read_parts(member, checkpoint, error);
    if (!code)
        code = run_check_preprocess(&member->options, &member->preprocess, member->path, error);
    if (code)
        return code;
    const struct Preprocess *made = &member->preprocess;
    struct Image stored = {made->height, made->width, made->channels, NULL, 0}, image;
    struct Image preprocessed = preprocess_image(made);
    code = augment_describe(&member->options.augment, &stored, &preprocessed, &image, error);
    if (code)
        return code;
    struct Shape input = {image.height, image.width, image.channels, 1, 1};
    code = run_build_model(member->file, &member->options, input, &member->model, error);
    if (!code)
        code = check_outputs(member, error);
    if (code)
        return code;
    const struct Arena *arena = model_arena(member->model);
    member->state = memory_array(float, arena_state_elements(arena), "parameters");
    return fill_state(member, checkpoint, parameters, error);
}

int member_open(struct Member *member, struct Ranks *ranks, const char *path,
                enum MemberParameters parameters, struct Error *error) {
    struct Checkpoint *checkpoint;
    *member = (struct Member){.path = memory_copy_text(path)};
    int code = open_everywhere(&checkpoint, ranks, path, error);
    if (!code) {
        code = build(member, checkpoint, parameters, error);
        if (code == ERROR_RUN_FILE) /* it came with the checkpoint */
            code = error->code = ERROR_CHECKPOINT;
        code = ranks_agree(ranks, code, error);
    }
    checkpoint_close(checkpoint);
    return code;
}

void member_detach(struct Member *member) {
    plan_release(member->plan);
    loader_release(member->loader);
    test_time_release(member->test_time);
    member->plan = NULL;
    member->loader = NULL;
    member->test_time = NULL;
}

void member_release(struct Member *member) {
    member_detach(member);
    model_release(member->model);
    memory_release(member->state);
    preprocess_release(&member->preprocess);
    target_scale_release(&member->scale);
    table_encoding_release(&member->encoding);
    runfile_release(member->file);
    targets_release(&member->targets);
    memory_release(member->path);
    *member = (struct Member){0};
}

int member_match(const struct Member *member, const struct Dataset *dataset, struct Error *error) {
    const struct Preprocess *input = &member->preprocess;
    if (input->height != dataset->height || input->width != dataset->width ||
        input->channels != dataset->channels)
        return fail(error, ERROR_CHECKPOINT,
                    "%s: takes images of (%" PRId64 ", %" PRId64 ", %" PRId64
                    "), %s holds (%" PRId64 ", %" PRId64 ", %" PRId64 ")",
                    member->path, input->height, input->width, input->channels, dataset->path,
                    dataset->height, dataset->width, dataset->channels);
    return targets_match(&member->targets, dataset, member->path, error);
}

static int make_test_time(struct Member *member, const struct Attachment *attachment,
                          struct Error *error) {
    int64_t seed = attachment->seed < 0 ? member->options.train.seed : attachment->seed;
    struct TestTimeRequest request = {.views = attachment->views,
                                      .dropout_samples = attachment->dropout_samples,
                                      .seed = (uint64_t)seed,
                                      .image = loader_image(member->loader),
                                      .samples = EVALUATE_BLOCK,
                                      .outputs = shape_elements(model_output(member->model))};
    if (!model_is_random(member->model))
        request.dropout_samples = 0; /* every mask would be the same */
    return test_time_create(&member->test_time, &request, error);
}

static enum Precision precision_of(const struct Member *member,
                                   const struct Attachment *attachment) {
    return (enum Precision)(attachment->precision ? precision_by_name(attachment->precision)
                                                  : member->options.train.precision);
}

int member_attach(struct Member *member, const struct Attachment *attachment, struct Error *error) {
    struct LoaderRequest loading = {.dataset = attachment->dataset,
                                    .split = attachment->split,
                                    .preprocess = &member->preprocess,
                                    .targets = &member->scale,
                                    .augment = &member->options.augment,
                                    .evaluate = true,
                                    .cut = attachment->cut};
    preprocess_prepare(&member->preprocess, attachment->variant);
    int code = loader_create(&member->loader, &loading, error);
    if (!code)
        code = make_test_time(member, attachment, error);
    if (code)
        return code;
    struct PlanRequest planning = {
        .variant = attachment->variant,
        .precision = precision_of(member, attachment),
        .backend = attachment->backend,
        .convolution = (enum ConvolutionRule)member->options.train.convolution,
        .loss = &member->options.loss,
        .sample_dropout = attachment->dropout_samples > 0 && model_is_random(member->model)};
    planning.sample_counts = block_sizes(attachment->split->count, planning.samples);
    return plan_create(&member->plan, member->model, &planning, error);
}

struct Predictor member_predictor(const struct Member *member) {
    return (struct Predictor){.name = member->path,
                              .is_from_file = true,
                              .plan = member->plan,
                              .loader = member->loader,
                              .state = member->state,
                              .parameters = model_arena(member->model)->parameters,
                              .loss = &member->options.loss,
                              .scale = &member->scale,
                              .outputs = member->targets.count,
                              .test_time = member->test_time};
}
