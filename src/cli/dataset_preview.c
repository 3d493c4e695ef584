#include "cli/dataset.h"
#include "cli/overrides.h"
#include "data/sheets/preview.h"
#include "data/sheets/preview_augment.h"
#include "run/check.h"
#include "train/transfer.h"

/* What the flags say, whichever picture is drawn. */
struct Wish {
    const char *out, *split, *file; /* NULL: not given */
    long long count, epochs, seed;
    bool random;
};

static int read_wish(const struct Arguments *arguments, struct Wish *wish, struct Error *error) {
    bool augment = argument_given(arguments, "augment");
    *wish = (struct Wish){.out = argument_value(arguments, "out"),
                          .split = argument_value(arguments, "split"),
                          .file = arguments->operand_count ? arguments->operands[0] : NULL,
                          .random = argument_given(arguments, "seed")};
    if (!wish->out)
        return fail(error, ERROR_USAGE, "dataset preview: --out FILE.png is missing");
    int code = dataset_check_png("--out", wish->out, error);
    if (code != OK)
        return code;
    if (!wish->file && !augment)
        return fail(error, ERROR_USAGE,
                    "dataset preview: expected FILE.h5, or --augment RUN.yaml, which names one");
    if (!augment && (argument_given(arguments, "epochs") || argument_given(arguments, "set")))
        return fail(error, ERROR_USAGE,
                    "dataset preview: --epochs and --set belong to --augment RUN.yaml");
    code = argument_integer(arguments, "count", 1, 1000, 10, &wish->count, error);
    if (code == OK)
        code = argument_integer(arguments, "epochs", 1, 1000, 8, &wish->epochs, error);
    if (code == OK)
        code = argument_integer(arguments, "seed", 0, INT64_MAX, 0, &wish->seed, error);
    return code;
}

/* The samples of a data set, as they are stored. */
static int preview_stored(const struct Wish *wish, struct Error *error) {
    struct Dataset *dataset = NULL;
    int code = dataset_open(&dataset, wish->file, error);
    if (code != OK)
        return code;
    code = dataset_check_picture(dataset, "dataset preview", error);
    const struct Split *split =
        code ? NULL : dataset_split(dataset, wish->split ? wish->split : "train", error);
    const struct Preview preview = {
        .count = wish->count, .random = wish->random, .seed = (uint64_t)wish->seed};
    code = split ? preview_write(dataset, split, &preview, wish->out, error) : error->code;
    dataset_close(dataset);
    return code;
}

/* The samples of a run, as its network will see them. */
static int preview_run(const struct Wish *wish, const struct RunFile *file,
                       const struct RunOptions *options, struct Error *error) {
    struct Dataset *dataset = NULL;
    struct Preprocess preprocess = {0}, kept = {0}, *prepared = NULL;
    int code = wish->file ? dataset_open(&dataset, wish->file, error)
                          : run_open_data(file, options, &dataset, error);
    if (code != OK)
        return code;
    code = dataset_check_picture(dataset, "dataset preview", error);
    const char *name = wish->split ? wish->split : options->data.train;
    const struct Split *split = code ? NULL : dataset_split(dataset, name, error);
    struct Checkpoint *donor = NULL;
    code = split ? transfer_read_donor(file, &options->start_from, &donor, error) : error->code;
    if (code == OK)
        code = transfer_prepared(&options->start_from, donor, &kept, &prepared, error);
    if (code == OK)
        code = run_make_preprocess(&preprocess, prepared, file, options, dataset, error);
    if (code == OK) {
        preprocess_prepare(&preprocess, variant_best(VARIANT_F32_V4));
        const struct AugmentPreview preview = {.samples = wish->count,
                                               .epochs = wish->epochs,
                                               .random = wish->random,
                                               .seed = (uint64_t)wish->seed,
                                               .loader = {.dataset = dataset,
                                                          .split = split,
                                                          .preprocess = &preprocess,
                                                          .augment = &options->augment,
                                                          .mix = &options->mix,
                                                          .seed = (uint64_t)options->train.seed}};
        code = preview_augment_write(&preview, wish->out, error);
    }
    checkpoint_close(donor);
    preprocess_release(&preprocess);
    preprocess_release(&kept);
    dataset_close(dataset);
    return code;
}

static int preview_augmented(const struct Arguments *arguments, const char *path,
                             const struct Wish *wish, struct Error *error) {
    struct RunFile *file = NULL;
    struct RunOptions options = {0};
    struct Overrides overrides = overrides_collect(arguments);
    int code = run_parse(&file, path, NULL, overrides.texts, overrides.count, &options, error);
    overrides_release(&overrides);
    if (code == OK)
        code = preview_run(wish, file, &options, error);
    runfile_release(file);
    return code;
}

static int run(const struct Command *command, const struct Arguments *arguments,
               struct Ranks *ranks, struct Error *error) {
    (void)command;
    (void)ranks;
    struct Wish wish;
    const char *path = argument_value(arguments, "augment");
    int code = read_wish(arguments, &wish, error);
    if (code == OK)
        code =
            path ? preview_augmented(arguments, path, &wish, error) : preview_stored(&wish, error);
    if (code == OK)
        fprintf(stderr, "wrote %s\n", wish.out);
    return code;
}

static const struct Flag flags[] = {
    {.name = "out", .argument = "FILE.png", .short_name = 'o', .help = "the picture to write"},
    {.name = "split",
     .argument = "NAME",
     .help = "the split to show (train; with --augment the run's data.train)"},
    {.name = "count", .argument = "N", .help = "images a row, or with --augment in all (10)"},
    {.name = "seed", .argument = "N", .help = "choose at random by this seed instead of the first"},
    {.name = "augment",
     .argument = "RUN.yaml",
     .help = "draw what that run's network will see: its preprocessing, augmentation and mixing"},
    {.name = "epochs", .argument = "N", .help = "with --augment: how many epochs to show (8)"},
    {.name = "set",
     .argument = "KEY=VALUE",
     .repeated = true,
     .help = "with --augment: set a key of the run file, KEY= alone to its default; may be given "
             "several times"},
    {.name = NULL},
};

const struct Command command_dataset_preview = {
    .name = "dataset preview",
    .operands = "[FILE.h5]",
    .least_operands = 0,
    .most_operands = 1,
    .summary = "draw a contact sheet of a data set, or of what augmentation makes of it",
    .help =
        "Writes a PNG with one row of images a class and the class's name in front, so that you "
        "can look at what the network will learn from. Where the targets are values, a row shows "
        "images from the least to the greatest value of one target, with both values at its ends."
        "\n\n"
        "With --augment RUN.yaml it has one row a sample: in front the image as the network sees "
        "it at test time, then as it will see it in epoch 1, 2, ... of that run, with the same "
        "loader and the same random numbers as in training; where mixing joins two classes, they "
        "stand below with their shares; of values, the first two of a sample's targets stand "
        "there. "
        "Centring and scaling are undone for the picture. FILE.h5 is then the run's own data set "
        "unless another is given.\n\n"
        "Examples:\n"
        "  trainer dataset preview shapes.h5 -o sheet.png --split test --count 12\n"
        "  trainer dataset preview --augment run.yaml -o seen.png --epochs 12\n",
    .flags = flags,
    .run = run};
