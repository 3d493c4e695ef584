#include "data/sheets/preview.h"
#include "cli/dataset/dataset.h"
#include "cli/output.h"
#include "cli/overrides.h"
#include "cli/shown.h"
#include "data/sheets/preview_augment.h"
#include "run/check.h"
#include "run/statistics.h"
#include "run/transfer.h"

/* The flags for both kinds of pictures. */
struct PreviewFlags {
    const char *out, *split, *file, *run; /* NULL: not given */
    int64_t count, epochs, seed;
    bool random;
};

static int read_flags(const struct Arguments *arguments, struct PreviewFlags *flags,
                      struct Error *error) {
    const char *augment = argument_value(arguments, "augment");
    *flags = (struct PreviewFlags){.out = argument_value(arguments, "out"),
                                   .split = argument_value(arguments, "split"),
                                   .file = arguments->operand_count ? arguments->operands[0] : NULL,
                                   .run = augment,
                                   .random = argument_given(arguments, "seed")};
    if (!flags->out)
        return fail(error, ERROR_USAGE, "dataset preview: --out FILE.png is missing");
    int code = dataset_check_png("--out", flags->out, error);
    if (code != OK)
        return code;
    if (!flags->file && !augment)
        return fail(error, ERROR_USAGE,
                    "dataset preview: expected FILE.h5, or --augment RUN.yaml, which names one");
    if (!augment && (argument_given(arguments, "epochs") || argument_given(arguments, "set")))
        return fail(error, ERROR_USAGE,
                    "dataset preview: --epochs and --set belong to --augment RUN.yaml");
    code = argument_integer(arguments, "count", 1, 1000, 10, &flags->count, error);
    if (code == OK)
        code = argument_integer(arguments, "epochs", 1, 1000, 8, &flags->epochs, error);
    if (code == OK)
        code = argument_integer(arguments, "seed", 0, INT64_MAX, 0, &flags->seed, error);
    return code;
}

/* Draws the samples of a data set as they are stored. */
static int preview_stored(const struct PreviewFlags *flags, struct Error *error) {
    struct Dataset *dataset = NULL;
    int code = dataset_open(&dataset, flags->file, error);
    if (code != OK)
        return code;
    code = output_prepare("--out", flags->out, OUTPUT_PNG, &flags->file, 1, error);
    if (code == OK)
        code = dataset_check_picture(dataset, "dataset preview", error);
    const struct Split *split =
        code ? NULL : dataset_split(dataset, flags->split ? flags->split : "train", error);
    const struct Preview preview = {
        .count = flags->count, .random = flags->random, .seed = (uint64_t)flags->seed};
    code = split ? preview_write(dataset, split, &preview, flags->out, error) : error->code;
    if (code == OK)
        code = dataset_check_read(dataset, split, error);
    dataset_close(dataset);
    return code;
}

/* Prepares the preprocessing of the run's network, from its training split or its donor. */
static int prepare(struct Preprocess *preprocess, struct Dataset *dataset,
                   const struct RunFile *file, const struct RunOptions *options,
                   struct Error *error) {
    struct Checkpoint *donor = NULL;
    struct MeasuredStatistics measured = {0};
    int code = transfer_open_donor(file, &options->start_from, &donor, error);
    const struct RunStatistics statistics = {.options = options,
                                             .dataset = dataset,
                                             .train =
                                                 dataset_split(dataset, options->data.train, error),
                                             .kept = run_keeps_preprocess(options, donor)};
    if (code == OK)
        code = run_settle_statistics(&statistics, &measured, error);
    measured_release(&measured);
    if (code == OK)
        code = run_make_preprocess(preprocess, file, options, dataset, donor, error);
    if (code == OK)
        preprocess_prepare(preprocess, variant_best(VARIANT_F32_V4));
    checkpoint_close(donor);
    return code;
}

/* Draws the samples of a run as its network gets them. */
static int preview_run(const struct PreviewFlags *flags, const struct RunFile *file,
                       const struct RunOptions *options, struct Error *error) {
    struct Dataset *dataset = NULL;
    struct Preprocess preprocess = {0};
    const struct WantedSplit splits[] = {{.name = options->data.train, .key = "data.train"},
                                         {.name = flags->split}};
    int code = run_open_data(file, options, flags->file, splits, flags->split ? 2 : 1, false,
                             &dataset, error);
    if (code != OK)
        return code;
    const char *const inputs[] = {flags->run, dataset->path, options->start_from.checkpoint};
    code = output_prepare("--out", flags->out, OUTPUT_PNG, inputs, 3, error);
    if (code == OK)
        code = dataset_check_picture(dataset, "dataset preview", error);
    const char *name = flags->split ? flags->split : options->data.train;
    const struct Split *split = code ? NULL : dataset_split(dataset, name, error);
    code = split ? prepare(&preprocess, dataset, file, options, error) : error->code;
    const struct AugmentPreview preview = {.samples = flags->count,
                                           .epochs = flags->epochs,
                                           .random = flags->random,
                                           .seed = (uint64_t)flags->seed,
                                           .loader = {.dataset = dataset,
                                                      .split = split,
                                                      .preprocess = &preprocess,
                                                      .augment = &options->augment,
                                                      .mix = &options->mix,
                                                      .seed = (uint64_t)options->train.seed}};
    if (code == OK)
        code = preview_augment_write(&preview, flags->out, error);
    preprocess_release(&preprocess);
    dataset_close(dataset);
    return code;
}

static int preview_augmented(const struct Arguments *arguments, const struct PreviewFlags *flags,
                             struct Error *error) {
    struct RunFile *file = NULL;
    struct RunOptions options = {0};
    struct Overrides overrides = overrides_collect(arguments);
    int code =
        run_parse(&file, flags->run, NULL, overrides.texts, overrides.count, &options, error);
    overrides_release(&overrides);
    if (code == OK)
        code = preview_run(flags, file, &options, error);
    runfile_release(file);
    return code;
}

static int run(const struct Command *command, const struct Arguments *arguments,
               struct Ranks *ranks, struct Error *error) {
    (void)command;
    (void)ranks;
    struct PreviewFlags flags;
    int code = read_flags(arguments, &flags, error);
    if (code == OK)
        code =
            flags.run ? preview_augmented(arguments, &flags, error) : preview_stored(&flags, error);
    if (code == OK)
        fprintf(stderr, "wrote %s\n", shown(flags.out));
    return code;
}

static const struct Flag flag_table[] = {
    {.name = "out", .argument = "FILE.png", .short_name = 'o', .help = "the picture to write"},
    {.name = "split",
     .argument = "NAME",
     .help = "the split to show (default: train; with --augment the run's data.train)"},
    {.name = "count",
     .argument = "N",
     .help = "images in a row, or with --augment in all (default: 10)"},
    {.name = "seed",
     .argument = "N",
     .help = "choose images at random with this seed, instead of the first"},
    {.name = "augment",
     .argument = "RUN.yaml",
     .help = "draw what that run's network will see: its preprocessing, augmentation and mixing"},
    {.name = "epochs",
     .argument = "N",
     .help = "with --augment: how many epochs to show (default: 8)"},
    {.name = "set",
     .argument = "KEY=VALUE",
     .repeated = true,
     .help = "with --augment: change a key of the run file; KEY= alone restores its default"},
    {.name = NULL},
};

const struct Command command_dataset_preview = {
    .name = "dataset preview",
    .operands = "[FILE.h5]",
    .least_operands = 0,
    .most_operands = 1,
    .summary = "draw a contact sheet of a data set, as it is or augmented",
    .help =
        "Writes a PNG with one row of images for each class, and the class's name in front, so "
        "that you can look at what the network will learn from. If the targets are values, a row "
        "shows images from the least to the greatest value of one target, with both values at its "
        "ends.\n\n"
        "With --augment RUN.yaml the picture has one row for each sample: in front the image as "
        "the network sees it at test time, then as it will see it in epoch 1, 2, ... of that run, "
        "drawn by the same loader with the same random numbers as in training. Below an image "
        "that mixes two classes stand the classes and their parts; if the targets are values, the "
        "first two of the sample stand there. Centring and scaling are undone for the picture. "
        "FILE.h5 is the run's own data set unless another is given.\n"
        "\n"
        "Examples:\n"
        "  trainer dataset preview shapes.h5 -o sheet.png --split test --count 12\n"
        "  trainer dataset preview --augment run.yaml -o seen.png --epochs 12\n",
    .flags = flag_table,
    .run = run};
