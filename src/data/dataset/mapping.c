#include "data/dataset/mapping.h"

#include <string.h>

#include "base/memory.h"
#include "data/dataset/limit.h"

#define SPLIT_AT(member) offsetof(struct SplitOptions, member)
static const char *const inherit_name[] = {"auto", NULL};
static const struct Key split_keys[] = {
    {.name = "images",
     .type = KEY_STRINGS,
     .or_one = true,
     .offset = SPLIT_AT(images),
     .fallback = "[]",
     .help = "the array of images or features, FILE:/path, or /path in data.file; a list is "
             "concatenated; parts/*.h5:/path stands for that array in all matching files, "
             "/sample_*/image for all matching arrays of a file (* and ? as in names of files). "
             "With axes without N, such as HWC, each array is one sample"},
    {.name = "labels",
     .type = KEY_STRINGS,
     .or_one = true,
     .offset = SPLIT_AT(labels),
     .fallback = "[]",
     .help = "the array of classes, one for each image: whole numbers of any type, texts, or "
             "one-hot rows; with data.multi_label: rows of 0 and 1. Or @NAME, an attribute of the "
             "images' arrays or of their groups; or array_name, group_name or file_name if each "
             "class has an array, group or file of images of its own whose name is the class"},
    {.name = "targets",
     .type = KEY_STRINGS,
     .or_one = true,
     .offset = SPLIT_AT(targets),
     .fallback = "[]",
     .help = "the array of values, (N) or (N, outputs), for regression; with data.classes, the "
             "array of distributions over the classes"},
    {.name = "weights",
     .type = KEY_STRINGS,
     .or_one = true,
     .offset = SPLIT_AT(weights),
     .fallback = "[]",
     .help = "the array of the samples' weights in training, (N), each 0 or more; []: all samples "
             "have the weight 1"},
    {.name = "axes",
     .type = KEY_STRING,
     .offset = SPLIT_AT(axes),
     .minimum = 1,
     .optional = true,
     .help = "the order of the dimensions of this split's images; absent: data.axes"},
    {.name = "shape",
     .type = KEY_INTS,
     .offset = SPLIT_AT(shape),
     .fallback = "[]",
     .minimum = 1,
     .maximum = 1e9,
     .help = "the shape of an image if the array stores it in another one, such as a row of "
             "pixels: [28, 28] or [32, 32, 3]; with `axes` in their order, [3, 32, 32] for NCHW; "
             "[]: as the array stores it"},
    {.name = "first_label",
     .type = KEY_COUNT,
     .names = inherit_name,
     .offset = SPLIT_AT(first_label),
     .fallback = "auto",
     .minimum = 0,
     .maximum = 1e9,
     .help = "the number of the first class in this split; auto: data.first_label"},
    {.name = "indices",
     .type = KEY_STRINGS,
     .or_one = true,
     .offset = SPLIT_AT(indices),
     .fallback = "[]",
     .help = "the rows that make the split: numbers from 0, ranges as in Python (0:1000, -1000: or "
             "::2, without the end), an array of row numbers or of a boolean (or 0 or 1) for each "
             "row, or \"ARRAY == VALUE\", the rows for which an array of numbers or texts has that "
             "value, such as \"/set == 1\" or \"/split == train\"; []: all rows"},
    {.name = "fraction_of",
     .type = KEY_STRING,
     .offset = SPLIT_AT(fraction_of),
     .minimum = 1,
     .optional = true,
     .help = "the split of which this one takes a part instead of having arrays of its own; that "
             "split keeps the rest"},
    {.name = "fraction",
     .type = KEY_REAL,
     .offset = SPLIT_AT(fraction),
     .fallback = "0.1",
     .minimum = 0,
     .above_minimum = true,
     .maximum = 1,
     .below_maximum = true,
     .help = "the part that is taken of the split fraction_of"},
    {.name = "seed",
     .type = KEY_INT,
     .offset = SPLIT_AT(seed),
     .fallback = "1",
     .minimum = 0,
     .maximum = 9e15,
     .help = "the seed that chooses the samples of the part"},
    {.name = "stratified",
     .type = KEY_BOOL,
     .offset = SPLIT_AT(stratified),
     .fallback = "true",
     .help = "true: the same part is taken of every class; false: the part is taken of all samples "
             "together"},
    KEY_END};

#define FOLDS_AT(member) offsetof(struct FoldsOptions, member)
static const struct Key folds_keys[] = {
    {.name = "count",
     .type = KEY_INT,
     .offset = FOLDS_AT(count),
     .fallback = "0",
     .minimum = 0,
     .maximum = 1000,
     .help = "how many parts data.train is cut into; 0: no folds"},
    {.name = "held_out",
     .type = KEY_INT,
     .offset = FOLDS_AT(held_out),
     .fallback = "1",
     .minimum = 1,
     .maximum = 1000,
     .help = "the part that is this run's split data.validation, in place of any split of that "
             "name; the run trains on the other parts"},
    {.name = "seed",
     .type = KEY_INT,
     .offset = FOLDS_AT(seed),
     .fallback = "1",
     .minimum = 0,
     .maximum = 9e15,
     .help = "the seed that assigns samples to the parts"},
    {.name = "stratified",
     .type = KEY_BOOL,
     .offset = FOLDS_AT(stratified),
     .fallback = "true",
     .help = "true: the parts have equally many samples of each class, to within one (nearly so if "
             "a sample has several classes), or similar distributions of target values; false: "
             "samples are assigned regardless of class or value"},
    KEY_END};

#define LIMIT_AT(member) offsetof(struct LimitOptions, member)
static const char *const all_name[] = {"all", NULL};
static const char *const choose_names[] = {
    [LIMIT_FIRST] = "first", [LIMIT_RANDOM] = "random", [LIMIT_SPREAD] = "spread", NULL};
static const struct Key limit_keys[] = {
    {.name = "train",
     .type = KEY_COUNT,
     .names = all_name,
     .offset = LIMIT_AT(train),
     .fallback = "all",
     .minimum = 1,
     .maximum = 1e12,
     .unit = "samples",
     .help = "the most samples that are used of the training split, or of what data.folds leaves "
             "of it; evaluations of a finished run use all samples of a split"},
    {.name = "validation",
     .type = KEY_COUNT,
     .names = all_name,
     .offset = LIMIT_AT(validation),
     .fallback = "all",
     .minimum = 1,
     .maximum = 1e12,
     .unit = "samples",
     .help = "the most samples that are used of the validation split"},
    {.name = "per_class",
     .type = KEY_BOOL,
     .offset = LIMIT_AT(per_class),
     .fallback = "false",
     .help = "true: the limits are for the samples of each class"},
    {.name = "choose",
     .type = KEY_ENUM,
     .names = choose_names,
     .offset = LIMIT_AT(choose),
     .fallback = "first",
     .help = "first: the first samples of the split, which may all be of one class if the file is "
             "sorted; random: drawn by `seed`; spread: drawn by `seed`, equally many of each "
             "class, to within one"},
    {.name = "seed",
     .type = KEY_INT,
     .offset = LIMIT_AT(seed),
     .fallback = "1",
     .minimum = 0,
     .maximum = 9e15,
     .help = "the seed of random and spread"},
    KEY_END};

#define AT(member) offsetof(struct DataOptions, member)
static const char *const check_names[] = {[DATASET_CHECK_AUTO] = "auto",
                                          [DATASET_CHECK_START] = "start",
                                          [DATASET_CHECK_READING] = "reading",
                                          NULL};
static const char *const links_names[] = {
    [LINKS_REFUSE] = "refuse", [LINKS_FOLLOW] = "follow", NULL};
static const char *const plugins_names[] = {
    [PLUGINS_REFUSE] = "refuse", [PLUGINS_LOAD] = "load", NULL};
static const char *const auto_name[] = {"auto", NULL};
const struct Key data_keys[] = {
    {.name = "file",
     .type = KEY_STRING,
     .offset = AT(file),
     .minimum = 1,
     .optional = true,
     .free_on_resume = true, /* the digest of the training split is compared */
     .help = "the HDF5 file; a relative path starts at the folder in which the program was "
             "started. Absent: data.splits names the file of each array"},
    {.name = "train",
     .type = KEY_STRING,
     .offset = AT(train),
     .fallback = "train",
     .help = "the split to train on"},
    {.name = "validation",
     .type = KEY_STRING,
     .offset = AT(validation),
     .fallback = "validation",
     .help =
         "the split to evaluate, by default after every epoch (validation.every); it decides which "
         "checkpoint is best.h5. none: nothing is evaluated, and best.h5 is the newest checkpoint"},
    {.name = "axes",
     .type = KEY_STRING,
     .offset = AT(axes),
     .fallback = "auto",
     .minimum = 1,
     .help = "the order of the dimensions of images as h5py shows them, one letter for each: N "
             "samples, H height, W width, C channels, F features (such as NHWC, NCHW, NHW or NF; "
             "MATLAB writes NCWH or CWHN); auto: NHWC, NHW or NF, depending on how many dimensions "
             "there are"},
    {.name = "first_label",
     .type = KEY_INT,
     .offset = AT(first_label),
     .fallback = "0",
     .minimum = 0,
     .maximum = 1e9,
     .help = "the label of the first class: 1 if classes are counted from 1"},
    {.name = "classes",
     .type = KEY_STRINGS,
     .or_one = true,
     .offset = AT(classes),
     .fallback = "[]",
     .help = "the names of the classes in the order of the labels, or an array of names, or the "
             "number of classes; values: each different label is a class and also its name, in "
             "ascending order, for labels such as 4 and 9. []: /classes of data.file, or else the "
             "labels themselves: texts in sorted order, the members of an enumeration, or numbers "
             "from data.first_label on (if some are negative, such as -1 and 1: as with `values`)"},
    {.name = "multi_label",
     .type = KEY_BOOL,
     .offset = AT(multi_label),
     .fallback = "false",
     .help = "true: a sample may have several classes or none. Labels (or targets) are then rows "
             "of 0 and 1 with a column for each class, and the loss is binary_cross_entropy or "
             "binary_focal"},
    {.name = "links",
     .type = KEY_ENUM,
     .offset = AT(links),
     .fallback = "refuse",
     .names = links_names,
     .free_on_resume = true,
     .help = "follow: external links and virtual datasets are read if the files that they lead to "
             "lie in the folder of the file; refuse: they are errors"},
    {.name = "plugins",
     .type = KEY_ENUM,
     .offset = AT(plugins),
     .fallback = "refuse",
     .names = plugins_names,
     .free_on_resume = true,
     .help = "load: filters other than gzip, shuffle, fletcher32, szip, nbit, scale-offset and lzf "
             "are loaded as plug-ins of the HDF5 library, which runs code that it finds in "
             "HDF5_PLUGIN_PATH; refuse: arrays with such filters are errors"},
    {.name = "memory",
     .type = KEY_SIZE,
     .offset = AT(memory),
     .fallback = "auto",
     .names = auto_name,
     .minimum = 1,
     .free_on_resume = true,
     .help = "the memory that images may take on each node, for all of its ranks together. If they "
             "need more, they are streamed: read from the file in every epoch, one window ahead of "
             "the step. auto: half of what the computer, the control group or ulimit allows"},
    {.name = "window",
     .type = KEY_COUNT,
     .offset = AT(window),
     .fallback = "auto",
     .names = auto_name,
     .minimum = 0,
     .maximum = 1e12,
     .unit = "samples",
     .help = "how many samples are in memory and shuffled together while a split is streamed; the "
             "file's blocks are put into a new order in every epoch. auto: all samples, without "
             "streaming, if they fit into data.memory, else as many as fit twice; this is decided "
             "at the first start, and the run keeps the number. 0: all samples. The number affects "
             "a run's results"},
    {.name = "check",
     .type = KEY_ENUM,
     .offset = AT(check),
     .fallback = "auto",
     .names = check_names,
     .free_on_resume = true,
     .help =
         "when samples are compared with the digests in their file: before the run begins (start), "
         "or when each is first read (reading), which needs no extra pass over the data; auto: at "
         "the start for splits of up to 1 GiB that are not streamed, else when read"},
    {.name = "splits",
     .type = KEY_NAMED,
     .offset = AT(splits),
     .fallback = "{}",
     .keys = split_keys,
     .item_size = sizeof(struct SplitOptions),
     .free_on_resume = true,
     .help = "Where the arrays of a split are, for splits whose arrays are not /NAME/images with "
             "/NAME/labels or /NAME/targets (and, optionally, /NAME/weights) in data.file. The "
             "page \"Your data\" has an example for each of many layouts."},
    {.name = "folds",
     .type = KEY_SECTION,
     .offset = AT(folds),
     .keys = folds_keys,
     .help = "cross-validation: the training split is cut into equal parts, and one is held out"},
    {.name = "limit",
     .type = KEY_SECTION,
     .offset = AT(limit),
     .keys = limit_keys,
     .help = "limits on the samples, for small trials"},
    KEY_END};

const struct SplitOptions *mapping_find(const struct DataOptions *options, const char *split) {
    for (int i = 0; options && i < options->splits.count; i++)
        if (!strcmp(options->splits.items[i].name, split))
            return options->splits.items[i].options;
    return NULL;
}

void array_name_release(struct ArrayName *name) {
    memory_release(name->file);
    memory_release(name->path);
    *name = (struct ArrayName){0};
}

/* Returns the last colon before a path, because names of files may contain colons, too; or NULL. */
static const char *find_colon(const char *text) {
    const char *found = NULL;
    for (const char *at = strstr(text, ":/"); at; at = strstr(at + 1, ":/"))
        found = at;
    return found && found != text ? found : NULL;
}

int array_name_parse(struct ArrayName *name, const char *text, const char *file,
                     struct Error *error) {
    const char *colon = find_colon(text);
    *name = (struct ArrayName){0};
    if (!colon && !file)
        return fail(error, ERROR_RUN_FILE,
                    "'%s' names %s; expected FILE.h5:/path of an array, or data.file", text,
                    *text == '/' ? "no file" : "no array");
    const char *path = colon ? colon + 1 : text;
    while (*path == '/')
        path++;
    if (!*path)
        return fail(error, ERROR_RUN_FILE, "'%s' names no array; expected FILE.h5:/path", text);
    name->file = colon ? memory_copy_span(text, (size_t)(colon - text)) : memory_copy_text(file);
    name->path = memory_print("/%s", path);
    return OK;
}
