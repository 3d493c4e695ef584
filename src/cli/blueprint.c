#include "cli/blueprint.h"

#include "cli/overrides.h"
#include "data/augment.h"
#include "data/mix.h"
#include "train/transfer.h"

static int shape_of_flag(const char *text, struct Shape *shape, struct Error *error) {
    long long height, width, channels;
    char rest;
    if (sscanf(text, "%lldx%lldx%lld%c", &height, &width, &channels, &rest) != 3 || height < 1 ||
        width < 1 || channels < 1 || height > 1 << 20 || width > 1 << 20 || channels > 1 << 20)
        return fail(error, ERROR_USAGE, "--input %s: expected HEIGHTxWIDTHxCHANNELS, as 32x32x3",
                    text);
    *shape = (struct Shape){height, width, channels, 1, 1};
    return OK;
}

/* What preprocessing makes of an image: the run file's, or the donor's that it keeps. */
static int describe_preprocess(const struct Blueprint *blueprint, const struct Image *in,
                               struct Image *out, struct Error *error) {
    struct Checkpoint *donor = NULL;
    struct Preprocess preprocess = {0};
    const struct RunOptions *options = &blueprint->options;
    int code = transfer_read_donor(blueprint->file, &options->start_from, &donor, error);
    if (!code && !transfer_keeps_preprocess(&options->start_from)) {
        code = preprocess_describe(&options->preprocess, blueprint->file, in, out, error);
    } else if (!code) {
        code = transfer_preprocess(&preprocess, blueprint->file, options, blueprint->dataset, donor,
                                   error);
        *out = preprocess_image(&preprocess);
    }
    preprocess_release(&preprocess);
    checkpoint_release(donor);
    return code;
}

/* The image that reaches the model: augmentation may change its size. */
static int shape_of_data(struct Blueprint *blueprint, struct Shape *shape, struct Error *error) {
    int code = dataset_open(&blueprint->dataset, blueprint->options.data.file, error);
    if (code)
        return code;
    const struct Dataset *dataset = blueprint->dataset;
    code = run_find_splits(blueprint->file, &blueprint->options, dataset, &blueprint->train,
                           &blueprint->validation, error);
    if (code)
        return code;
    struct Image stored = {dataset->height, dataset->width, dataset->channels, NULL, 0};
    struct Image preprocessed = stored, image = stored;
    code = describe_preprocess(blueprint, &stored, &preprocessed, error);
    if (code == OK)
        code = augment_describe(&blueprint->options.augment, &stored, &preprocessed, &image, error);
    if (code == OK)
        code = mix_check(&blueprint->options.mix, &image, error);
    *shape = (struct Shape){image.height, image.width, image.channels, 1, 1};
    return code;
}

int blueprint_open(struct Blueprint *blueprint, const struct Arguments *arguments,
                   struct Error *error) {
    const char *input = argument_value(arguments, "input");
    struct Shape shape;
    *blueprint = (struct Blueprint){0};
    struct Overrides overrides = overrides_collect(arguments);
    int code = run_parse(&blueprint->file, arguments->operands[0], NULL, overrides.texts,
                         overrides.count, &blueprint->options, error);
    overrides_release(&overrides);
    if (!code)
        code =
            input ? shape_of_flag(input, &shape, error) : shape_of_data(blueprint, &shape, error);
    if (!code)
        code =
            run_build_model(blueprint->file, &blueprint->options, shape, &blueprint->model, error);
    if (!code && blueprint->dataset)
        code = run_check_model(blueprint->file, blueprint->model, blueprint->dataset, error);
    if (!code)
        code = run_check_keys(blueprint->file, &blueprint->options, blueprint->model, error);
    return code;
}

void blueprint_release(struct Blueprint *blueprint) {
    model_release(blueprint->model);
    dataset_close(blueprint->dataset);
    runfile_release(blueprint->file);
}
