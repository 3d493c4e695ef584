#include <inttypes.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/memory.h"
#include "base/text.h"
#include "cli/dataset/dataset.h"
#include "cli/dataset/import_hdf5.h"
#include "cli/dataset/import_table.h"
#include "cli/output.h"
#include "data/import.h"

/* The text of a flag, split at a separator. The options point into it. */
struct Pieces {
    char *text;
    const char **words;
    int count;
};

static struct Pieces cut(const char *text, char separator) {
    struct Pieces pieces = {.text = memory_copy_text(text), .count = 1};
    for (const char *at = text; *at; at++)
        pieces.count += *at == separator;
    pieces.words = memory_array(const char *, pieces.count, "words");
    char *at = pieces.text;
    for (int i = 0; i < pieces.count; i++) {
        pieces.words[i] = at;
        char *end = strchrnul(at, separator);
        *end = 0;
        at = end + 1;
    }
    return pieces;
}

static void pieces_release(struct Pieces *pieces) {
    memory_release(pieces->words);
    memory_release(pieces->text);
}

/* Reads "32x24", width and height, or "32" for both. */
static int read_size(const char *text, struct SourceOptions *options, struct Error *error) {
    char *end;
    long width = strtol(text, &end, 10), height = width;
    if (end != text && *end == 'x' && end[1] >= '0' && end[1] <= '9')
        height = strtol(end + 1, &end, 10);
    if (end == text || *end || text[0] < '0' || text[0] > '9' || width < 1 || height < 1 ||
        width > 4096 || height > 4096)
        return fail(error, ERROR_USAGE,
                    "--size %s: expected WIDTHxHEIGHT or one number, each 1 ... 4096", text);
    options->pictures.width = width;
    options->pictures.height = height;
    return OK;
}

static int read_choices(const struct Arguments *arguments, struct SourceOptions *options,
                        struct Error *error) {
    static const char *const label_names[] = {"fine", "coarse"};
    const char *size = argument_value(arguments, "size");
    const char *resize = argument_value(arguments, "resize");
    const char *scale = argument_value(arguments, "scale");
    int resize_rule = RESIZE_CROP, depth = SOURCE_DEPTH_AUTO, picture_scale = PICTURE_SCALE_BYTE;
    int labels = 0, code = OK;
    if (size)
        code = read_size(size, options, error);
    if (!code)
        code = argument_choice(arguments, "resize", resize_rule_names, RESIZE_RULES, &resize_rule,
                               error);
    if (!code && resize && !size)
        code = fail(error, ERROR_USAGE, "--resize %s: needs --size", resize);
    if (!code)
        code =
            argument_choice(arguments, "depth", source_depth_names, SOURCE_DEPTHS, &depth, error);
    if (!code)
        code = argument_choice(arguments, "scale", picture_scale_names, PICTURE_SCALES,
                               &picture_scale, error);
    if (!code && scale && depth == SOURCE_DEPTH_BYTE)
        code = fail(error, ERROR_USAGE, "--scale %s: is for floats, and --depth byte makes none",
                    scale);
    if (!code)
        code = argument_choice(arguments, "labels", label_names, 2, &labels, error);
    options->pictures.resize = (enum ResizeRule)resize_rule;
    options->pictures.depth = (enum SourceDepth)depth;
    options->pictures.scale = (enum PictureScale)picture_scale;
    options->coarse_labels = labels == 1;
    return code;
}

static int refuse_flag(const char *flag, enum SourceTakes option, const char *format,
                       struct Error *error) {
    struct Text takers = {0};
    for (int i = 0; source_formats[i]; i++)
        if (source_formats[i]->takes & option)
            text_add(&takers, "%s%s", takers.length ? ", " : "", source_formats[i]->name);
    int code = fail(error, ERROR_USAGE, "--%s is for --format %s; found --format %s", flag,
                    takers.data, format);
    text_release(&takers);
    return code;
}

/* Refuses a flag that does not apply to the format. */
static int check_flags(const struct Arguments *arguments, const char *format, struct Error *error) {
    static const struct {
        const char *flag;
        enum SourceTakes option;
    } rules[] = {{"split", SOURCE_TAKES_SPLITS},      {"size", SOURCE_TAKES_SIZE},
                 {"channels", SOURCE_TAKES_SIZE},     {"resize", SOURCE_TAKES_SIZE},
                 {"skip-bad", SOURCE_TAKES_SKIP_BAD}, {"labels", SOURCE_TAKES_LABELS},
                 {"depth", SOURCE_TAKES_SIZE},        {"scale", SOURCE_TAKES_SIZE},
                 {"label", SOURCE_TAKES_LABEL},       {"first-label", SOURCE_TAKES_ARRAYS},
                 {"transpose", SOURCE_TAKES_ARRAYS},  {"no-transpose", SOURCE_TAKES_ARRAYS},
                 {"axes", SOURCE_TAKES_AXES},         {"target", SOURCE_TAKES_TARGETS},
                 {"ignore", SOURCE_TAKES_TABLE},      {"categories", SOURCE_TAKES_TABLE},
                 {"separator", SOURCE_TAKES_TABLE},   {"decimal", SOURCE_TAKES_TABLE},
                 {"thousands", SOURCE_TAKES_TABLE},   {"comment", SOURCE_TAKES_TABLE},
                 {"no-header", SOURCE_TAKES_TABLE},   {"missing", SOURCE_TAKES_TABLE},
                 {"present", SOURCE_TAKES_TABLE},     {"missing-rule", SOURCE_TAKES_TABLE},
                 {"weight", SOURCE_TAKES_TABLE},      {"images", SOURCE_TAKES_IMAGES}};
    for (size_t i = 0; i < sizeof rules / sizeof *rules; i++)
        if (argument_given(arguments, rules[i].flag) && !source_takes(format, rules[i].option))
            return refuse_flag(rules[i].flag, rules[i].option, format, error);
    return OK;
}

static int read_numbers(const struct Arguments *arguments, struct ImportOptions *options,
                        struct Error *error) {
    int64_t channels, seed;
    int code =
        argument_integer(arguments, "channels", 1, PICTURE_MOST_CHANNELS, 0, &channels, error);
    if (code == OK)
        code = argument_integer(arguments, "first-label", 0, INT32_MAX, 0,
                                &options->source.arrays.first_label, error);
    if (code == OK)
        code = argument_integer(arguments, "seed", 0, INT64_MAX, 1, &seed, error);
    if (code == OK)
        code =
            argument_real(arguments, "split-validation", 0, 0.99, 0, &options->validation, error);
    if (code != OK)
        return code;
    options->source.pictures.channels = channels;
    options->seed = (uint64_t)seed;
    options->source.images = argument_value(arguments, "images");
    options->source.pictures.skip_bad = argument_given(arguments, "skip-bad");
    options->source.arrays.transpose = argument_given(arguments, "transpose")      ? TRANSPOSE_YES
                                       : argument_given(arguments, "no-transpose") ? TRANSPOSE_NO
                                                                                   : TRANSPOSE_AUTO;
    options->source.arrays.axes = argument_value(arguments, "axes");
    return OK;
}

/* Reads the values NAME=FOLDER of --split. */
static int read_splits(const char *const *values, int count, struct SourceNamedPath *splits,
                       struct Error *error) {
    for (int i = 0; i < count; i++) {
        const char *equals = strchr(values[i], '=');
        size_t length = equals ? (size_t)(equals - values[i]) : 0;
        if (length == 0 || equals[1] == 0 || memchr(values[i], '/', length))
            return fail(error, ERROR_USAGE, "--split %s: expected NAME=FOLDER", values[i]);
        for (int j = 0; j < i; j++)
            if (strlen(splits[j].name) == length && memcmp(splits[j].name, values[i], length) == 0)
                return fail(error, ERROR_USAGE, "--split %s: this split was given before",
                            values[i]);
        splits[i] = (struct SourceNamedPath){memory_copy_span(values[i], length), equals + 1};
    }
    return OK;
}

/* Refuses a column that is named twice. */
static int check_targets(const struct SourceOptions *options, struct Error *error) {
    for (int64_t i = 0; i < options->target_count; i++)
        for (int64_t j = 0; j < i; j++)
            if (strcmp(options->targets[i], options->targets[j]) == 0)
                return fail(error, ERROR_USAGE, "--target %s: this column was given before",
                            options->targets[i]);
    return OK;
}

static void print_import(const struct Dataset *dataset, const struct ImportOptions *options,
                         int64_t skipped, bool json) {
    if (!json) {
        dataset_print(stdout, dataset);
        if (options->source.pictures.skip_bad)
            printf("%" PRId64 " file%s left out\n", skipped, skipped == 1 ? "" : "s");
        return;
    }
    json_t *object = dataset_to_json(dataset);
    json_object_set_new(object, "skipped", json_integer(skipped));
    dataset_print_json(object);
}

/* Prints a hint if the first class has no sample, because the labels may begin with 1. */
static void hint_at_first_label(const struct Dataset *dataset, int64_t first_label) {
    if (!targets_classes(&dataset->targets) || first_label)
        return;
    for (int i = 0; i < dataset->split_count; i++)
        for (int64_t k = 0; k < dataset->splits[i].count; k++)
            if (dataset->splits[i].labels && dataset->splits[i].labels[k] == 0)
                return;
    log_warning("no label is 0: if they begin with 1, give --first-label 1");
}

static int import_now(const struct ImportOptions *options, const char *out, bool json,
                      struct Error *error) {
    struct ProgressLine line;
    struct Ticker progress = progress_line(&line);
    int64_t skipped = 0;
    bool arrays = !strcmp(options->source.format, IMPORT_HDF5);
    int code = arrays ? import_hdf5(options->source.paths[0], out, &progress, error)
                      : import_dataset(options, out, &progress, &skipped, error);
    progress_line_clear(&line);
    if (code != OK)
        return code;
    struct Dataset *dataset;
    code = dataset_open(&dataset, out, error); /* also verifies that the file can be read */
    if (code != OK)
        return code;
    for (int i = 0; i < dataset->split_count; i++) {
        dataset_warn_of_classes(dataset, &dataset->splits[i]);
        dataset_warn_of_constants(dataset, &dataset->splits[i]);
        dataset_warn_of_numbers(dataset, &dataset->splits[i], true);
    }
    if (source_takes(options->source.format, SOURCE_TAKES_ARRAYS))
        hint_at_first_label(dataset, options->source.arrays.first_label);
    print_import(dataset, options, skipped, json);
    dataset_close(dataset);
    return OK;
}

/* The command that makes the file again. */
static char *describe(const struct ImportOptions *options) {
    const struct SourceOptions *source = &options->source;
    struct Text text = {0};
    text_add(&text, "trainer dataset import --format %s", source->format);
    for (int i = 0; i < source->path_count; i++)
        text_add(&text, " %s", source->paths[i]);
    for (int i = 0; i < source->split_count; i++)
        text_add(&text, " --split %s=%s", source->splits[i].name, source->splits[i].path);
    if (source_takes(source->format, SOURCE_TAKES_SIZE)) {
        if (source->pictures.height > 0)
            text_add(&text, " --size %" PRId64 "x%" PRId64 " --resize %s", source->pictures.width,
                     source->pictures.height, resize_rule_names[source->pictures.resize]);
        if (source->pictures.channels)
            text_add(&text, " --channels %" PRId64, source->pictures.channels);
        if (source->pictures.depth != SOURCE_DEPTH_AUTO)
            text_add(&text, " --depth %s", source_depth_names[source->pictures.depth]);
        if (source->pictures.scale != PICTURE_SCALE_BYTE)
            text_add(&text, " --scale %s", picture_scale_names[source->pictures.scale]);
        text_add(&text, "%s", source->pictures.skip_bad ? " --skip-bad" : "");
    }
    for (int64_t i = 0; i < source->target_count; i++)
        text_add(&text, " --target '%s'", source->targets[i]);
    if (source->label)
        text_add(&text, " --label '%s'", source->label);
    if (source->images)
        text_add(&text, " --images '%s'", source->images);
    if (source->arrays.first_label)
        text_add(&text, " --first-label %" PRId64, source->arrays.first_label);
    if (source->arrays.axes)
        text_add(&text, " --axes %s", source->arrays.axes);
    if (source->arrays.transpose != TRANSPOSE_AUTO)
        text_add(&text,
                 source->arrays.transpose == TRANSPOSE_YES ? " --transpose" : " --no-transpose");
    if (source->table)
        import_table_describe(source->table, &text);
    if (source->coarse_labels)
        text_add(&text, " --labels coarse");
    if (options->validation > 0)
        text_add(&text, " --split-validation %g --seed %" PRIu64, options->validation,
                 options->seed);
    return text.data;
}

/* The arrays to which the options point. */
struct Lists {
    struct Pieces classes;
    const char **split_values, **targets;
    struct SourceNamedPath *splits;
    struct ImportTable table;
};

static void lists_read(struct Lists *lists, const struct Arguments *arguments,
                       struct SourceOptions *source) {
    const char *classes = argument_value(arguments, "classes");
    *lists = (struct Lists){0};
    if (classes) {
        lists->classes = cut(classes, ',');
        source->classes = lists->classes.words;
        source->class_count = lists->classes.count;
    }
    source->target_count = argument_values(arguments, "target", &lists->targets);
    source->targets = lists->targets;
    source->label = argument_value(arguments, "label");
    source->split_count = argument_values(arguments, "split", &lists->split_values);
    lists->splits = memory_array(struct SourceNamedPath, source->split_count, "splits");
    source->splits = lists->splits;
}

static void lists_release(struct Lists *lists, int split_count) {
    for (int i = 0; i < split_count; i++)
        memory_release(lists->splits[i].name);
    memory_release(lists->splits);
    memory_release(lists->split_values);
    memory_release(lists->targets);
    pieces_release(&lists->classes);
    import_table_release(&lists->table);
}

/* Refuses flags for splits and classes, because with this format the section `data` defines
 * them. */
static int check_hdf5(const struct Arguments *arguments, const struct SourceOptions *source,
                      struct Error *error) {
    static const char *const flags_without_use[] = {"classes", "split-validation", "seed"};
    if (strcmp(source->format, IMPORT_HDF5))
        return OK;
    if (source->path_count != 1)
        return fail(error, ERROR_USAGE,
                    "dataset import: --format hdf5 takes one SOURCE, a run file or an HDF5 file; "
                    "found %d",
                    source->path_count);
    for (size_t i = 0; i < sizeof flags_without_use / sizeof *flags_without_use; i++)
        if (argument_given(arguments, flags_without_use[i]))
            return fail(error, ERROR_USAGE,
                        "--%s: does not go with --format hdf5; a run file's section data says it",
                        flags_without_use[i]);
    return OK;
}

static int read_options(const struct Arguments *arguments, struct ImportOptions *options,
                        struct Lists *lists, struct Error *error) {
    struct SourceOptions *source = &options->source;
    int code = check_flags(arguments, source->format, error);
    if (code == OK && source_takes(source->format, SOURCE_TAKES_TABLE)) {
        code = import_table_read(&lists->table, arguments, error);
        source->table = &lists->table.options;
    }
    if (code == OK)
        code = check_hdf5(arguments, source, error);
    if (code == OK)
        code = check_targets(source, error);
    if (code == OK)
        code = read_choices(arguments, source, error);
    if (code == OK)
        code = read_numbers(arguments, options, error);
    if (code == OK)
        code = read_splits(lists->split_values, source->split_count, lists->splits, error);
    return code;
}

static int check_output(const struct SourceOptions *source, const char *out, struct Error *error) {
    int count = 0;
    const char **inputs =
        memory_array(const char *, source->path_count + source->split_count, "names of files");
    for (int i = 0; i < source->path_count; i++)
        inputs[count++] = source->paths[i];
    for (int i = 0; i < source->split_count; i++)
        inputs[count++] = source->splits[i].path;
    int code = output_prepare("--out", out, OUTPUT_DATASET, inputs, count, error);
    memory_release(inputs);
    return code;
}

static int run(const struct Command *command, const struct Arguments *arguments,
               struct Ranks *ranks, struct Error *error) {
    (void)command;
    (void)ranks;
    const char *out = argument_value(arguments, "out");
    struct ImportOptions options = {.source = {.format = argument_value(arguments, "format"),
                                               .paths = arguments->operands,
                                               .path_count = arguments->operand_count}};
    struct SourceOptions *source = &options.source;
    if (!out || !source->format)
        return fail(error, ERROR_USAGE, "dataset import: --%s is missing",
                    out ? "format NAME" : "out FILE.h5");
    struct Lists lists;
    lists_read(&lists, arguments, source);
    int code = read_options(arguments, &options, &lists, error);
    if (code == OK)
        code = check_output(source, out, error);
    char *origin = code == OK ? describe(&options) : NULL;
    options.origin = origin;
    if (code == OK)
        code = import_now(&options, out, argument_given(arguments, "json"), error);
    memory_release(origin);
    lists_release(&lists, source->split_count);
    return code;
}

static const struct Flag flags[] = {
    {.name = "format",
     .argument = "NAME",
     .help =
         "image-folder, cifar10, cifar100, stl10, idx, numpy, matlab, table, image-list or hdf5"},
    {.name = "out", .argument = "FILE.h5", .short_name = 'o', .help = "the file to write"},
    {.name = "split",
     .argument = "NAME=FOLDER",
     .repeated = true,
     .help = "image-folder, numpy, matlab, table, image-list: a split and its folder or file, in "
             "place of "
             "SOURCE"},
    {.name = "target",
     .argument = "COLUMN",
     .repeated = true,
     .help = "table, image-list: a column that is a target; repeat the flag for several"},
    {.name = "label",
     .argument = "COLUMN",
     .help = "table, image-list: the column of classes, numbers or texts, in sorted order"},
    {.name = "images",
     .argument = "FOLDER",
     .help = "image-list: the folder of the files (default: that of the list)"},
    {.name = "first-label",
     .argument = "N",
     .help = "idx, numpy, matlab: the label of the first class (default: 0)"},
    {.name = "transpose",
     .help = "idx, numpy, matlab: swap rows and columns of the images (default: only for EMNIST's "
             "files)"},
    {.name = "no-transpose", .help = "idx, numpy: take EMNIST's images as they are stored"},
    {.name = "axes",
     .argument = "LETTERS",
     .help = "numpy, matlab: the order of the dimensions, such as NCHW (default: NHWC, NHW or NF; "
             "matlab: "
             "also with the samples last)"},
    IMPORT_TABLE_FLAGS,
    {.name = "size",
     .argument = "WIDTHxHEIGHT",
     .help = "image-folder, image-list: the size of all images (default: that of the first)"},
    {.name = "resize",
     .argument = "RULE",
     .help = "image-folder, image-list: crop, stretch or pad (default: crop)"},
    {.name = "channels",
     .argument = "N",
     .help = "image-folder, image-list: 1 (grey), 3 (RGB), 2 or 4 (with opacity), or all that the "
             "images have (default: 3, or all if they are neither grey nor colours)"},
    {.name = "depth",
     .argument = "KIND",
     .help = "image-folder, image-list: byte, float, or auto: float if an image has more than 8 "
             "bits a value (default: auto)"},
    {.name = "scale",
     .argument = "KIND",
     .help = "image-folder, image-list: scale of floats made from 8 and 16 bits: 0 ... 255 (byte), "
             "0 ... 1 (unit), or unchanged (none) (default: byte)"},
    {.name = "skip-bad",
     .help = "image-folder, image-list: leave out files that cannot be decoded"},
    {.name = "labels", .argument = "KIND", .help = "cifar100: fine or coarse (default: fine)"},
    {.name = "classes",
     .argument = "A,B,...",
     .help = "cifar10, cifar100, stl10, idx, numpy, matlab, table, image-list: names of the "
             "classes; or "
             "for numpy and matlab the word values: each different label is a class"},
    {.name = "split-validation",
     .argument = "FRACTION",
     .help = "move this part of every training class to the split \"validation\""},
    {.name = "seed",
     .argument = "N",
     .help = "seed that chooses the images of --split-validation (default: 1)"},
    {.name = "json", .help = "the result as one JSON object on stdout"},
    {.name = NULL},
};

const struct Command command_dataset_import = {
    .name = "dataset import",
    .operands = "[SOURCE...]",
    .least_operands = 0,
    .most_operands = -1,
    .summary = "make a data set file from public formats",
    .help = "image-folder: SOURCE/SPLIT/CLASS holds pictures, also in subfolders: JPEG, PNG, "
            "TIFF, WebP, GIF, BMP, PBM, PGM or PPM, recognised by their content. The classes are "
            "those of \"train\"; other splits may lack some. Files that operating systems leave "
            "behind (.DS_Store, Thumbs.db, __MACOSX and the like) are ignored. The orientation "
            "in a picture's EXIF data is applied. If a picture has more than 8 bits a value, all "
            "images become float32. Without --size all images must have one size. With --size, "
            "crop scales the shorter side to fit and cuts the longer one at both ends, stretch "
            "scales both sides to fit, and pad scales the longer side to fit and fills the rest "
            "with black. Pixels are averaged over their area if the image shrinks, and "
            "interpolated linearly if it grows.\n"
            "\n"
            "cifar10, cifar100: the folder or the files of the binary or the Python version, of "
            "which nothing is executed. stl10: the folder or the files of the binary version; "
            "images without labels become the split \"unlabeled\". idx: a folder with "
            "[PREFIX-]train-images-idx3-ubyte and its companions, plain or .gz, of bytes or "
            "other numbers; FOLDER/PREFIX if it holds several data sets. EMNIST's images are "
            "transposed.\n"
            "\n"
            "numpy: .npy and .npz files, or a folder of them, with arrays such as x_train and "
            "y_train, train_images and train_labels, or arr_0 and arr_1; or --split "
            "NAME=FILE.npz or NAME=IMAGES.npy,LABELS.npy for each split. matlab: .mat files of "
            "versions 5 to 7, with such arrays, also as members of structures; those of version "
            "7.3 are HDF5, and need no import.\n"
            "\n"
            "table: a CSV or TSV file. --label names the column of classes, or --target each "
            "column of values to predict; all others are inputs, except for those that --ignore "
            "names: each row becomes an image of 1x1xINPUTS. Numbers, and true and false, are "
            "one input; a column of texts becomes an input for each of them (one-hot). A field "
            "that is empty, or holds NA, NaN, null or another of pandas' words, has no value, "
            "which is an error unless --missing-rule says what to do: refuse, drop (the row), "
            "mean or median (of the split \"train\"; categories: the most frequent), or "
            "indicator (the mean, and a further input that is 1). The file keeps how columns "
            "became inputs, and so does each checkpoint, so that predict reads further tables in "
            "the same way.\n"
            "\n"
            "image-list: a CSV file with a column `path` that names image files, and columns of "
            "targets, or one of classes: --label names it, and need not if it holds texts and is "
            "the only one.\n"
            "\n"
            "hdf5: arrays of HDF5 files of other programs, in one file. SOURCE is a run file "
            "whose section `data` names them, or an HDF5 file of a known convention.\n"
            "\n"
            "The statistics are those of the split \"train\", after --split-validation took its "
            "part. If a file cannot be decoded, the import stops and writes nothing, unless "
            "--skip-bad is given.\n"
            "\n"
            "Examples:\n"
            "  trainer dataset import --format image-folder photos -o photos.h5 --size 64x64\n"
            "  trainer dataset import --format cifar10 FOLDER -o c.h5 --split-validation 0.1\n"
            "  trainer dataset import --format numpy mnist.npz -o mnist.h5\n"
            "  trainer dataset import --format table houses.csv --target price -o houses.h5\n"
            "  trainer dataset import --format table iris.csv --label species -o iris.h5\n"
            "  trainer dataset import --format image-list faces.csv --target age -o f.h5\n",
    .flags = flags,
    .run = run};
