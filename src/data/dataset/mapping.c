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
     .help =
         "the array of images or features, FILE:/path, or /path in data.file; several are taken "
         "one after the other; parts/*.h5:/path names all such files. /sample_*/image stands for "
         "all "
         "arrays of such paths (* and ? as in "
         "names of files), and with axes without N, such as HWC, each is one sample"},
    {.name = "labels",
     .type = KEY_STRINGS,
     .or_one = true,
     .offset = SPLIT_AT(labels),
     .fallback = "[]",
     .help = "the array of classes, one for each image: whole numbers of any type, texts, or "
             "one-hot rows; with data.multi_label: rows of 0 and 1. Or @NAME, an attribute of the "
             "images' "
             "arrays or of their groups, or array_name, group_name, "
             "file_name: what the images' arrays, their groups or their files are called, if there "
             "is one for each class"},
    {.name = "targets",
     .type = KEY_STRINGS,
     .or_one = true,
     .offset = SPLIT_AT(targets),
     .fallback = "[]",
     .help = "the array of values, (N) or (N, outputs), for regression; with data.classes: of "
             "distributions over the classes"},
    {.name = "weights",
     .type = KEY_STRINGS,
     .or_one = true,
     .offset = SPLIT_AT(weights),
     .fallback = "[]",
     .help = "the array of the samples' weights in training, (N), numbers from 0; none: all count "
             "the same"},
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
     .help = "the sizes of an image if the array has it in another shape, such as rows of pixels: "
             "[28, 28] or [32, 32, 3], or in the order of `axes`, [3, 32, 32] for NCHW; none: the "
             "array's own"},
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
     .help =
         "the rows that make the split: numbers from 0, ranges as Python writes them, 0:1000, "
         "-1000: or ::2 (the end is not "
         "taken), or an array of row numbers, or of a boolean (or 0 or 1) for each row, or \"ARRAY "
         "== VALUE\": the rows for "
         "which an array of numbers or texts has that value, such as \"/set == 1\" or \"/split == "
         "train\"; none: all rows"},
    {.name = "fraction_of",
     .type = KEY_STRING,
     .offset = SPLIT_AT(fraction_of),
     .minimum = 1,
     .optional = true,
     .help = "a split of which this one takes a part, in place of arrays of its own; that split "
             "keeps the rest"},
    {.name = "fraction",
     .type = KEY_REAL,
     .offset = SPLIT_AT(fraction),
     .fallback = "0.1",
     .minimum = 0,
     .above_minimum = true,
     .maximum = 1,
     .below_maximum = true,
     .help = "which part fraction_of takes"},
    {.name = "seed",
     .type = KEY_INT,
     .offset = SPLIT_AT(seed),
     .fallback = "1",
     .minimum = 0,
     .maximum = 9e15,
     .help = "chooses the samples that fraction_of takes"},
    {.name = "stratified",
     .type = KEY_BOOL,
     .offset = SPLIT_AT(stratified),
     .fallback = "true",
     .help = "fraction_of takes the same part of every class; false: of all samples together"},
    KEY_END};

#define FOLDS_AT(member) offsetof(struct FoldsOptions, member)
static const struct Key folds_keys[] = {
    {.name = "count",
     .type = KEY_INT,
     .offset = FOLDS_AT(count),
     .fallback = "0",
     .minimum = 0,
     .maximum = 1000,
     .help = "how many parts data.train is cut into; 0: it is not"},
    {.name = "held_out",
     .type = KEY_INT,
     .offset = FOLDS_AT(held_out),
     .fallback = "1",
     .minimum = 1,
     .maximum = 1000,
     .help =
         "the part that is data.validation of this run, in place of any split of that name; the "
         "run trains on the others"},
    {.name = "seed",
     .type = KEY_INT,
     .offset = FOLDS_AT(seed),
     .fallback = "1",
     .minimum = 0,
     .maximum = 9e15,
     .help = "cuts the parts"},
    {.name = "stratified",
     .type = KEY_BOOL,
     .offset = FOLDS_AT(stratified),
     .fallback = "true",
     .help = "each part has as many samples of each class, give or take one; of several classes a "
             "sample, nearly so; of values, as many of each range; false: of all samples together"},
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
     .help = "no more than so many samples of the training split, or of what data.folds leaves of "
             "it; evaluations of a finished run take all samples of a split"},
    {.name = "validation",
     .type = KEY_COUNT,
     .names = all_name,
     .offset = LIMIT_AT(validation),
     .fallback = "all",
     .minimum = 1,
     .maximum = 1e12,
     .unit = "samples",
     .help = "the same for the validation split"},
    {.name = "per_class",
     .type = KEY_BOOL,
     .offset = LIMIT_AT(per_class),
     .fallback = "false",
     .help = "the limits are of the samples of each class"},
    {.name = "choose",
     .type = KEY_ENUM,
     .names = choose_names,
     .offset = LIMIT_AT(choose),
     .fallback = "first",
     .help = "first: the first samples of the split, which may all be of one class if the file is "
             "sorted; random: drawn by `seed`; spread: drawn by `seed`, as many of each class as "
             "of any other, give or take one"},
    {.name = "seed",
     .type = KEY_INT,
     .offset = LIMIT_AT(seed),
     .fallback = "1",
     .minimum = 0,
     .maximum = 9e15,
     .help = "draws the samples"},
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
     .help = "HDF5 file, relative to the folder that the program was started in; absent: splits "
             "names the file of each array"},
    {.name = "train",
     .type = KEY_STRING,
     .offset = AT(train),
     .fallback = "train",
     .help = "split to train on"},
    {.name = "validation",
     .type = KEY_STRING,
     .offset = AT(validation),
     .fallback = "validation",
     .help =
         "split to evaluate, by default after every epoch (validation.every); best.h5 is chosen "
         "by it; none: no evaluation, and best.h5 is the newest checkpoint"},
    {.name = "axes",
     .type = KEY_STRING,
     .offset = AT(axes),
     .fallback = "auto",
     .minimum = 1,
     .help = "the order of the dimensions of images, a letter each, as h5py shows them: N samples, "
             "H height, W width, C channels, F features (NHWC, NCHW, NHW, NF; NCWH or CWHN as "
             "MATLAB writes); auto: NHWC, NHW or NF by their number"},
    {.name = "first_label",
     .type = KEY_INT,
     .offset = AT(first_label),
     .fallback = "0",
     .minimum = 0,
     .maximum = 1e9,
     .help = "the number of the first class in the labels: 1 if classes are counted from 1"},
    {.name = "classes",
     .type = KEY_STRINGS,
     .or_one = true,
     .offset = AT(classes),
     .fallback = "[]",
     .help = "names of the classes in the order of the labels, or an array of names, or how many "
             "classes there are; values: each different label is a class and its name, in "
             "ascending order, for numbers such as 4 and 9; none: /classes of data.file, or else "
             "what the labels say: texts in sorted order, the members of an enumeration, numbers "
             "from data.first_label on, or if some are negative (-1 and 1) as with `values`"},
    {.name = "multi_label",
     .type = KEY_BOOL,
     .offset = AT(multi_label),
     .fallback = "false",
     .help =
         "a sample may have several classes or none: labels (or targets) are rows of 0 and 1, a "
         "column for each class; for binary_cross_entropy and binary_focal"},
    {.name = "links",
     .type = KEY_ENUM,
     .offset = AT(links),
     .fallback = "refuse",
     .names = links_names,
     .free_on_resume = true,
     .help = "follow: external links and virtual datasets are read if the files that they lead to "
             "lie in the folder of the file"},
    {.name = "plugins",
     .type = KEY_ENUM,
     .offset = AT(plugins),
     .fallback = "refuse",
     .names = plugins_names,
     .free_on_resume = true,
     .help =
         "load: arrays that are packed with other filters than gzip, shuffle, fletcher32, szip, "
         "nbit, scale-offset and lzf are unpacked by plug-ins of the HDF5 library, code that it "
         "takes from HDF5_PLUGIN_PATH"},
    {.name = "memory",
     .type = KEY_SIZE,
     .offset = AT(memory),
     .fallback = "auto",
     .names = auto_name,
     .minimum = 1,
     .free_on_resume = true,
     .help =
         "what images may take of the memory of each node, all its ranks together. If they need "
         "more, they are streamed: read from the file in every epoch, a window ahead of the "
         "step. auto: half of what the computer, the control group or ulimit grants"},
    {.name = "window",
     .type = KEY_COUNT,
     .offset = AT(window),
     .fallback = "auto",
     .names = auto_name,
     .minimum = 0,
     .maximum = 1e12,
     .unit = "samples",
     .help =
         "how many samples are in memory and shuffled together while a split is streamed; a new "
         "order of the file's blocks in every epoch decides which. auto: all, without "
         "streaming, if they fit into data.memory, else as many as fit twice; the first start "
         "decides, and the run keeps the number. 0: all. It is part of what a run computes"},
    {.name = "check",
     .type = KEY_ENUM,
     .offset = AT(check),
     .fallback = "auto",
     .names = check_names,
     .free_on_resume = true,
     .help = "when samples are compared with the digests that their file has of them: before the "
             "run begins (start), or as each is read for the first time (reading), which costs no "
             "extra pass over the data; auto: splits of up to 1 GiB at the start"},
    {.name = "splits",
     .type = KEY_NAMED,
     .offset = AT(splits),
     .fallback = "{}",
     .keys = split_keys,
     .item_size = sizeof(struct SplitOptions),
     .free_on_resume = true,
     .help = "Splits whose arrays are not /NAME/images with /NAME/labels or /NAME/targets (and "
             "/NAME/weights, if it is there) in data.file: a name, and below it where its arrays "
             "are. The page \"Your data\" has an "
             "example "
             "for each of many layouts."},
    {.name = "folds",
     .type = KEY_SECTION,
     .offset = AT(folds),
     .keys = folds_keys,
     .help = "cross-validation: one of several equal parts of the training split is held out"},
    {.name = "limit",
     .type = KEY_SECTION,
     .offset = AT(limit),
     .keys = limit_keys,
     .help = "a part of the samples, for a small trial"},
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

/* The last colon before a path: names of files may hold colons, too. */
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
