#include "cli/members_data.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "base/memory.h"
#include "base/text.h"
#include "cli/hdf5_source.h"
#include "cli/members_files.h"
#include "cli/note.h"
#include "cli/shown.h"
#include "data/dataset/contents.h"

/* ---- Splits ---- */

/* Chooses the first split that exists: test, the run's validation split, a split with another usual
 * name for validation, the training split. The caller releases *chosen. */
static int choose_split(struct Members *members, const struct DatasetRequest *request,
                        char **chosen, struct Error *error) {
    const struct DataOptions *options = &members->items[0].options.data;
    const char *const wanted[] = {"test",       "testing", options->validation,
                                  "validation", "val",     options->train};
    int count;
    char **names, *found = NULL;
    int code = dataset_list_splits(request, &names, &count, error);
    for (size_t i = 0; i < sizeof wanted / sizeof *wanted && !found; i++)
        if (wanted[i] && text_index(wanted[i], (const char *const *)names, count) >= 0)
            found = memory_copy_text(wanted[i]);
    if (!found)
        found = memory_copy_text(count ? names[0] : "test");
    struct Text all = {0};
    for (int i = 0; i < count; i++) {
        text_add(&all, "%s%s", i ? ", " : "", names[i]);
        memory_release(names[i]);
    }
    memory_release(names);
    members->choices = all.data;
    *chosen = found;
    return code;
}

void members_print_split(const struct Members *members, FILE *stream) {
    fprintf(stream, ", split %s", shown(members->split->name));
    if (members->choices)
        fprintf(stream, " (of %s)", shown(members->choices));
}

/* Whether a split that cannot be opened could be opened if the truth were not needed. */
static bool lacks_truth(const struct DatasetRequest *request) {
    struct DatasetRequest relaxed = *request;
    struct Dataset *dataset;
    struct Error ignored;
    relaxed.without_truth = true;
    if (dataset_open_request(&dataset, &relaxed, &ignored))
        return false;
    bool lacks = !split_has_truth(&dataset->splits[0]);
    dataset_close(dataset);
    return lacks;
}

int members_blame_data(const struct Member *first, struct Error *error) {
    const char *file = first->options.data.file;
    bool missing = !file || access(file, F_OK) != 0;
    error_context(error, "%s: data.file of its run", first->path);
    return missing && !error->advice.kind ? error_advise(error, ADVICE_DATA, NULL, NULL, 0)
                                          : error->code;
}

/* Opens arrays of images with this order of dimensions and this shape (NULL: their own shape). */
static int open_arrays_as(struct Members *members, char *const *arrays, int count, const char *axes,
                          const struct Ints *shape, struct Error *error) {
    const struct Member *first = &members->items[0];
    struct SplitOptions split = {
        .images = {.count = count, .values = (const char **)(uintptr_t)arrays},
        .axes = axes,
        .shape = shape ? *shape : (struct Ints){0},
        .first_label = -1};
    struct NamedItem item = {.name = arrays[0], .options = &split};
    struct DataOptions options = {
        .axes = "auto", .links = first->options.data.links, .splits = {.count = 1, .items = &item}};
    const struct WantedSplit wanted = {.name = arrays[0]};
    const struct DatasetRequest request = {.options = &options,
                                           .splits = &wanted,
                                           .split_count = 1,
                                           .expected = &first->targets,
                                           .without_truth = true,
                                           .defers = true};
    int code = dataset_open_request(&members->dataset, &request, error);
    *error->key = '\0'; /* these arrays are not from a run file */
    return code;
}

/* If the images of a split can be opened without its labels, advises to predict them alone. */
static void advise_images(struct Members *members, const char *file, const char *split,
                          struct Error *error) {
    const char *data = file ? file : members->items[0].options.data.file;
    struct Error unused;
    if (!data || error->advice.kind)
        return;
    char *array = memory_print("%s:/%s/images", data, split);
    if (!open_arrays_as(members, &array, 1, "auto", NULL, &unused))
        error_advise(error, ADVICE_UNLABELLED, array, NULL, 0);
    dataset_close(members->dataset);
    members->dataset = NULL;
    memory_release(array);
}

/* Opens a split of the data set of the first member's run, which may have been moved since, or of
 * `file` in its place. */
static int open_split(struct Members *members, const char *file, const char *split,
                      struct Error *error) {
    const struct Member *first = &members->items[0];
    const struct DataOptions *options = &first->options.data;
    struct WantedSplit wanted = {.name = split};
    const struct DatasetRequest request = {.options = options,
                                           .path = file,
                                           .splits = &wanted,
                                           .split_count = 1,
                                           .expected = &first->targets,
                                           .without_truth = members->predicts,
                                           .defers = true};
    char *chosen = NULL;
    int code = split ? OK : choose_split(members, &request, &chosen, error);
    if (chosen)
        wanted.name = chosen;
    bool listed = !code;
    if (listed)
        code = dataset_open_request(&members->dataset, &request, error);
    if (!code)
        members->split = &members->dataset->splits[0];
    else if (listed && !members->predicts && lacks_truth(&request))
        code = fail(error, ERROR_DATA,
                    "%s: split %s has no labels to compare predictions with; trainer predict "
                    "needs none",
                    file            ? file
                    : options->file ? options->file
                                    : "the data set",
                    wanted.name);
    else if (listed && members->predicts)
        advise_images(members, file, wanted.name, error);
    memory_release(chosen);
    if (!code || file)
        return code;
    if (options->file)
        run_blame_path(error, "data.file", options->file);
    return members_blame_data(first, error);
}

/* ---- Arrays ---- */

static bool have_its_size(const struct Members *members) {
    const struct Preprocess *input = &members->items[0].preprocess;
    const struct Dataset *dataset = members->dataset;
    return dataset->height == input->height && dataset->width == input->width &&
           dataset->channels == input->channels;
}

/* Whether the images would have the shape of the model's input if channels came first. */
static bool are_channels_first(const struct Members *members) {
    const struct Preprocess *input = &members->items[0].preprocess;
    const struct Dataset *dataset = members->dataset;
    return !have_its_size(members) && dataset->height == input->channels &&
           dataset->width == input->height && dataset->channels == input->width;
}

/* Opens arrays in the order of dimensions in which the run file describes the training images, or
 * in the usual order if only that gives images of the model's size. An array that already has the
 * right shape is not reshaped. */
static int open_described(struct Members *members, char *const *arrays, int count, const char *axes,
                          const struct Ints *shape, struct Error *error) {
    bool reshapes = shape && shape->count;
    struct Error unused;
    if (reshapes && !open_arrays_as(members, arrays, count, "auto", NULL, &unused) &&
        have_its_size(members))
        return OK;
    dataset_close(members->dataset);
    int code = open_arrays_as(members, arrays, count, axes, shape, error);
    if (reshapes || (!code && have_its_size(members)))
        return code;
    struct Dataset *before = members->dataset;
    if (!open_arrays_as(members, arrays, count, "auto", NULL, &unused) && have_its_size(members)) {
        dataset_close(before);
        return OK;
    }
    dataset_close(members->dataset);
    members->dataset = before;
    return code;
}

/* Opens arrays that hold one image each, if that gives images of the model's size. */
static bool open_single(struct Members *members, char *const *arrays, int count, const char *axes) {
    static const char *const usual[] = {"HWC", "HW", "CHW", "F"};
    struct Dataset *before = members->dataset;
    struct Error unused;
    char own[8] = "";
    for (const char *at = axes; *at && strlen(own) + 1 < sizeof own && strcmp(axes, "auto"); at++)
        if (*at != 'N')
            own[strlen(own)] = *at;
    for (size_t i = 0; i <= sizeof usual / sizeof *usual; i++) {
        const char *order = i ? usual[i - 1] : own;
        members->dataset = NULL;
        if (*order && !open_arrays_as(members, arrays, count, order, NULL, &unused) &&
            have_its_size(members)) {
            dataset_close(before);
            return true;
        }
        dataset_close(members->dataset);
    }
    members->dataset = before;
    return false;
}

#define LOOKED_AT 20 /* images whose scale is measured */
#define FAR 30       /* times the deviation of the training images */

/* Adds the values of a sample, as the model gets them. */
static void add_values(const struct Members *members, int64_t sample, double sums[2],
                       double ends[2]) {
    const struct Preprocess *input = &members->items[0].preprocess;
    int64_t count = dataset_elements(members->dataset);
    const void *image = dataset_image(members->dataset, members->split, sample);
    for (int64_t i = 0; i < count; i++) {
        double value = split_value(members->split, image, i);
        double scaled = value * (double)input->factor[i % input->factor_count];
        sums[0] += scaled;
        sums[1] += scaled * scaled;
        ends[0] = value < ends[0] ? value : ends[0];
        ends[1] = value > ends[1] ? value : ends[1];
    }
}

/* Warns of images with another scale than the training images, such as 0 to 1 in place of 0 to 255,
 * because their predictions are useless. After division by the deviation, or by 255, values have a
 * deviation of about 1. */
static void warn_of_scale(const struct Members *members, const char *array) {
    const struct Preprocess *input = &members->items[0].preprocess;
    const struct Split *split = members->split;
    bool scales = false;
    for (int64_t i = 0; i < input->factor_count; i++)
        scales |= input->factor[i] != 1;
    if (!scales || !have_its_size(members))
        return;
    int64_t images = split->count < LOOKED_AT ? split->count : LOOKED_AT;
    double sums[2] = {0}, ends[2] = {INFINITY, -INFINITY};
    for (int64_t i = 0; i < images; i++)
        add_values(members, i * (split->count / images), sums, ends);
    double count = (double)(images * dataset_elements(members->dataset)), mean = sums[0] / count;
    double spread = sqrt(fmax(sums[1] / count - mean * mean, 0));
    if (spread > 0 && (spread * FAR < 1 || spread > FAR))
        log_warning(
            "%s: values from %g to %g spread %.3g times as much as those of the images that "
            "the model was trained on; expected the same scale, such as 0 to 255 or 0 to 1",
            shown(array), ends[0], ends[1], spread);
}

/* Opens arrays; rank 0 prints how they are interpreted. */
static int open_arrays(struct Members *members, char *const *arrays, int count,
                       const struct Ranks *ranks, struct Error *error) {
    bool speaks = ranks_rank(ranks) == 0;
    const struct DataOptions *data = &members->items[0].options.data;
    const struct SplitOptions *trained = mapping_find(data, data->train);
    const char *axes = trained && trained->axes ? trained->axes : data->axes;
    const struct Ints *shape = trained ? &trained->shape : NULL;
    bool described = strcmp(axes, "auto") || (shape && shape->count);
    int code = described ? open_described(members, arrays, count, axes, shape, error)
                         : open_arrays_as(members, arrays, count, axes, NULL, error);
    if (!code && !described && are_channels_first(members)) {
        if (speaks)
            note("%s: taken as (N,C,H,W), because the model's images have that size",
                 shown(arrays[0]));
        dataset_close(members->dataset);
        members->dataset = NULL;
        code = open_arrays_as(members, arrays, count, "NCHW", NULL, error);
    }
    if ((code || !have_its_size(members)) && open_single(members, arrays, count, axes))
        code = OK;
    if (code)
        return code;
    members->split = &members->dataset->splits[0];
    if (speaks)
        warn_of_scale(members, arrays[0]);
    return OK;
}

/* Whether the samples of an array have as many numbers as the model's input, or the whole array
 * has. */
static bool fits(const struct Members *members, const struct ContentsItem *item) {
    const struct Preprocess *input = &members->items[0].preprocess;
    const struct H5Info *info = &item->storage.info;
    int64_t wanted = input->height * input->width * input->channels;
    if (item->member != H5_MEMBER_ARRAY || item->problem || info->rank < 2)
        return false;
    int64_t each = memory_product(info->size + 1, info->rank - 1);
    return (info->type < H5_TEXT || info->type == H5_BYTES) &&
           (each == wanted || each * info->size[0] == wanted);
}

/* The name, which the caller releases, of the only array of a file that fits the model. NULL and
 * ERROR_DATA if there is none, or if there are several. */
static char *find_array(const struct Members *members, const char *path, struct Error *error) {
    struct H5File *file;
    struct Contents contents;
    struct Text names = {0};
    int found = -1, count = 0;
    if (h5_open(&file, path, ERROR_DATA, error))
        return NULL;
    contents_read(file, &contents);
    for (int i = 0; i < contents.count; i++) {
        if (!fits(members, &contents.items[i]))
            continue;
        found = i;
        text_add(&names, "%s%s", count++ ? ", " : "", contents.items[i].path);
    }
    char *array = count == 1 ? memory_print("%s:%s", path, contents.items[found].path) : NULL;
    if (!array) {
        fail(error, ERROR_DATA,
             "%s: has no split, and %s%s that the model could take; name one as "
             "%s:/path",
             path, count ? "several arrays: " : "no array", count ? names.data : "", path);
        error_advise(error, ADVICE_CONTENTS, path, NULL, 0);
    }
    contents_release(&contents);
    h5_close(file);
    text_release(&names);
    return array;
}

/* Whether a file has an array of images that the first member's run file names for a split. */
static bool has_mapped_images(const struct Members *members, const char *path) {
    const struct DataOptions *options = &members->items[0].options.data;
    struct H5File *file;
    struct Error ignored;
    bool found = false;
    if (h5_open(&file, path, ERROR_DATA, &ignored))
        return true; /* opening it later fails with the reason */
    for (int i = 0; i < options->splits.count && !found; i++) {
        const struct SplitOptions *split = options->splits.items[i].options;
        struct ArrayName name;
        if (!split->images.count ||
            array_name_parse(&name, split->images.values[0], path, &ignored))
            continue;
        found = strpbrk(name.path, "*?[") || h5_exists(file, name.path);
        array_name_release(&name);
    }
    h5_close(file);
    return found;
}

/* Opens a file without the name of an array: a data set, or a file with one array that fits. */
static int open_file(struct Members *members, const char *path, const char *split,
                     const struct Ranks *ranks, struct Error *error) {
    const struct DatasetRequest request = {.path = path, .without_truth = true};
    int count;
    char **names;
    int code = dataset_list_splits(&request, &names, &count, error);
    memory_release_texts(names, count);
    if (code)
        return code;
    bool mapped = members->items[0].options.data.splits.count > 0;
    if (split || (mapped ? has_mapped_images(members, path) : count > 0))
        return open_split(members, path, split, error);
    char *array = find_array(members, path, error);
    if (!array)
        return error->code;
    if (ranks_rank(ranks) == 0)
        note("predicts %s", shown(array));
    code = open_arrays(members, &array, 1, ranks, error);
    memory_release(array);
    return code;
}

/* ---- Sources ---- */

static int check_sources(const struct Members *members, struct Error *error) {
    const struct Operands *operands = &members->operands;
    for (int i = 0; i < operands->source_count; i++) {
        const char *source = operands->sources[i];
        if (!hdf5_source_is_one(source))
            return fail(error, ERROR_USAGE,
                        "%s: is not an HDF5 file, but %s is; predict them one after the other",
                        source, operands->sources[0]);
        if (!hdf5_source_colon(source) && operands->source_count > 1)
            return fail(error, ERROR_USAGE,
                        "%s: is one of several sources; expected FILE:/array for each", source);
    }
    return OK;
}

int members_open_data(struct Members *members, const struct Arguments *arguments,
                      const struct Ranks *ranks, struct Error *error) {
    const struct Operands *operands = &members->operands;
    const char *split = argument_value(arguments, "split");
    if (members->files.listed) {
        members_open_files(members, ranks);
        return OK;
    }
    int code = check_sources(members, error);
    if (!code && argument_given(arguments, "resize"))
        code = fail(error, ERROR_USAGE, "--resize %s: does not go with arrays; expected pictures",
                    argument_value(arguments, "resize"));
    if (!code && split && operands->source_count && hdf5_source_colon(operands->sources[0]))
        code = fail(error, ERROR_USAGE, "--split %s: does not go with the array %s", split,
                    operands->sources[0]);
    if (code)
        return code;
    if (!operands->source_count)
        code = open_split(members, argument_value(arguments, "data"), split, error);
    else if (hdf5_source_colon(operands->sources[0]))
        code = open_arrays(members, operands->sources, operands->source_count, ranks, error);
    else
        code = open_file(members, operands->sources[0], split, ranks, error);
    return code;
}

static void name_row(const struct Members *members, int64_t sample, struct Text *text) {
    const struct MembersRows *rows = &members->files.rows;
    const char *source = members->operands.sources[rows->tables[sample]];
    text_add(text, "%s[%" PRId64 "]", strcmp(source, "-") ? source : "stdin",
             rows->numbers[sample]);
}

int members_name_sample(const struct Members *members, int64_t sample, struct Text *text,
                        struct Error *error) {
    const struct MembersFiles *files = &members->files;
    if (files->pictures.count)
        text_add(text, "%s", files->pictures.files[sample].name);
    else if (files->listed)
        name_row(members, sample, text);
    else
        return dataset_name_sample(members->dataset, members->split, sample, text, error);
    return OK;
}
