#include "evaluate/member.h"

#include <string.h>

#include "base/memory.h"
#include "data/augment.h"
#include "evaluate/rank_share.h"
#include "run/check.h"

static int read_everywhere(struct Checkpoint **checkpoint, struct Ranks *ranks, const char *path,
                           struct Error *error) {
    int code = OK;
    if (ranks_rank(ranks) == 0)
        code = checkpoint_read(checkpoint, path, error);
    code = ranks_agree(ranks, code, error);
    if (!code)
        share_checkpoint(ranks, checkpoint);
    return code;
}

void member_preprocess(struct Preprocess *preprocess, const struct Checkpoint *checkpoint) {
    *preprocess = (struct Preprocess){
        .height = checkpoint->height,
        .width = checkpoint->width,
        .channels = checkpoint->channels,
        .mean_count = checkpoint->mean_count,
        .mean = memory_copy_array(checkpoint->mean, checkpoint->mean_count, "preprocessing"),
        .factor_count = checkpoint->factor_count,
        .factor = memory_copy_array(checkpoint->factor, checkpoint->factor_count, "preprocessing"),
        .matrix_rows = checkpoint->matrix_rows,
        .matrix_columns = checkpoint->matrix_columns,
        .out_height = checkpoint->out_height,
        .out_width = checkpoint->out_width,
        .out_channels = checkpoint->out_channels};
    preprocess->matrix = memory_copy_array(
        checkpoint->matrix, checkpoint->matrix_rows * checkpoint->matrix_columns, "preprocessing");
}

static int fill_state(struct Member *member, enum MemberParameters parameters,
                      struct Error *error) {
    const struct Checkpoint *checkpoint = member->checkpoint;
    const struct Arena *arena = model_arena(member->model);
    bool there = checkpoint_has_average(checkpoint);
    if (parameters == MEMBER_AVERAGE && !there)
        return fail(error, ERROR_CHECKPOINT, "%s: holds no average of weights", checkpoint->path);
    member->averaged = there && parameters != MEMBER_MODEL;
    return member->averaged ? checkpoint_get_average(checkpoint, arena, member->state, error)
                            : checkpoint_get_state(checkpoint, arena, member->state, error);
}

static int build(struct Member *member, enum MemberParameters parameters, struct Error *error) {
    const struct Checkpoint *checkpoint = member->checkpoint;
    int code = run_parse(&member->file, checkpoint->path, checkpoint->run_text, NULL, 0,
                         &member->options, error);
    if (code) {
        error_context(error, "the run file kept in the checkpoint");
        return code;
    }
    member_preprocess(&member->preprocess, checkpoint);
    const struct Preprocess *made = &member->preprocess;
    struct Image stored = {made->height, made->width, made->channels, NULL, 0}, image;
    struct Image preprocessed = preprocess_image(made);
    code = augment_describe(&member->options.augment, &stored, &preprocessed, &image, error);
    if (code)
        return code;
    struct Shape input = {image.height, image.width, image.channels, 1, 1};
    code = run_build_model(member->file, &member->options, input, &member->model, error);
    if (code)
        return code;
    const struct Arena *arena = model_arena(member->model);
    member->state =
        memory_allocate((size_t)arena_state_elements(arena) * sizeof(float), "parameters");
    member->targets = (struct TargetScale){
        .count = checkpoint->target_count,
        .mean = memory_copy_array(checkpoint->target_mean, checkpoint->target_count,
                                  "the targets' scale"),
        .deviation = memory_copy_array(checkpoint->target_deviation, checkpoint->target_count,
                                       "the targets' scale")};
    return fill_state(member, parameters, error);
}

int member_open(struct Member *member, struct Ranks *ranks, const char *path,
                enum MemberParameters parameters, struct Error *error) {
    *member = (struct Member){0};
    int code = read_everywhere(&member->checkpoint, ranks, path, error);
    if (code)
        return code;
    return ranks_agree(ranks, build(member, parameters, error), error);
}

void member_release(struct Member *member) {
    plan_release(member->plan);
    loader_release(member->loader);
    test_time_release(member->test_time);
    model_release(member->model);
    memory_release(member->state);
    preprocess_release(&member->preprocess);
    target_scale_release(&member->targets);
    runfile_release(member->file);
    checkpoint_release(member->checkpoint);
    *member = (struct Member){0};
}

/* One name an output, in one order. */
static int match_outputs(const struct Checkpoint *checkpoint, const struct Dataset *dataset,
                         struct Error *error) {
    bool values = checkpoint->target_count > 0;
    int64_t count = values ? checkpoint->target_count : checkpoint->class_count;
    char *const *names = values ? checkpoint->target_names : checkpoint->class_names;
    if (values != (dataset->target_count > 0))
        return fail(error, ERROR_CHECKPOINT, "%s: predicts %s, the targets of %s are %s",
                    checkpoint->path, values ? "values" : "classes", dataset->path,
                    values ? "classes" : "values");
    if (count != dataset_outputs(dataset))
        return fail(error, ERROR_CHECKPOINT, "%s: knows %lld %s, %s has %lld", checkpoint->path,
                    (long long)count, values ? "targets" : "classes", dataset->path,
                    (long long)dataset_outputs(dataset));
    for (int64_t i = 0; i < count; i++)
        if (strcmp(names[i], dataset_output_names(dataset)[i]))
            return fail(error, ERROR_CHECKPOINT, "%s: its %s %lld is '%s', in %s it is '%s'",
                        checkpoint->path, values ? "target" : "class", (long long)i, names[i],
                        dataset->path, dataset_output_names(dataset)[i]);
    return OK;
}

int member_match(const struct Member *member, const struct Dataset *dataset, struct Error *error) {
    const struct Checkpoint *checkpoint = member->checkpoint;
    if (checkpoint->height != dataset->height || checkpoint->width != dataset->width ||
        checkpoint->channels != dataset->channels)
        return fail(error, ERROR_CHECKPOINT,
                    "%s: takes images of (%lld, %lld, %lld), %s holds (%lld, %lld, %lld)",
                    checkpoint->path, (long long)checkpoint->height, (long long)checkpoint->width,
                    (long long)checkpoint->channels, dataset->path, (long long)dataset->height,
                    (long long)dataset->width, (long long)dataset->channels);
    return match_outputs(checkpoint, dataset, error);
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

int member_attach(struct Member *member, const struct Attachment *attachment, struct Error *error) {
    struct LoaderRequest loading = {.dataset = attachment->dataset,
                                    .split = attachment->split,
                                    .preprocess = &member->preprocess,
                                    .targets = &member->targets,
                                    .augment = &member->options.augment,
                                    .evaluate = true};
    preprocess_prepare(&member->preprocess, attachment->variant);
    int code = loader_create(&member->loader, &loading, error);
    if (!code)
        code = make_test_time(member, attachment, error);
    if (code)
        return code;
    struct PlanRequest planning = {.variant = attachment->variant,
                                   .backend = attachment->backend,
                                   .loss = &member->options.loss,
                                   .sample_dropout = attachment->dropout_samples > 0 &&
                                                     model_is_random(member->model)};
    planning.sample_counts = block_sizes(attachment->split->count, planning.samples);
    return plan_create(&member->plan, member->model, &planning, error);
}
