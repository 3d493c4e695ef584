#include "sources/arrays.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "base/memory.h"
#include "base/read_file.h"
#include "base/text.h"
#include "sources/class_list.h"

#define ROW_BITS 48
#define MOST_CLASSES 1000000
#define AXES "NHWC"

void array__release(struct Array *array) {
    memory_release(array->name);
    memory_release(array->bytes);
    if (array->file >= 0)
        close(array->file);
    *array = (struct Array){.file = -1};
}

int64_t array__bytes(const struct Array *array) {
    return memory_product(array->size, array->rank) * array->element;
}

static int refuse_size(const struct Array *array, int64_t bytes, struct Error *error) {
    char words[MEMORY_WORDS];
    return fail(error, ERROR_DATA, "%s: %s", array->name, memory_too_large(bytes, words));
}

int array__check_size(const struct Array *array, struct Error *error) {
    int64_t bytes = array__bytes(array);
    return memory_can_hold((uint64_t)bytes) ? OK : refuse_size(array, bytes, error);
}

int array__lay_out(struct Array *array, bool fortran, struct Error *error) {
    int64_t count = memory_product(array->size, array->rank), step = 1;
    if (count == 0)
        return fail(error, ERROR_DATA, "%s: declares no values", array->name);
    if (count < 0 || count > INT64_MAX / array->element)
        return refuse_size(array, -1, error);
    for (int i = 0; i < array->rank; i++) {
        int axis = fortran ? i : array->rank - 1 - i;
        array->stride[axis] = step;
        step *= array->size[axis];
    }
    return OK;
}

static int read_at(const struct Array *array, int64_t first, int64_t count, uint8_t *bytes,
                   struct Error *error) {
    int64_t got =
        read_file_part(array->file, bytes, (uint64_t)count, (uint64_t)(array->offset + first));
    if (got < 0)
        return fail_errno(error, "%s: cannot read", array->name);
    if (got < count)
        return fail(error, ERROR_DATA, "%s: ends %" PRId64 " bytes too early", array->name,
                    count - got);
    return OK;
}

int array__load(struct Array *array, struct Error *error) {
    int64_t bytes = array__bytes(array);
    if (array->bytes)
        return OK;
    if (array__check_size(array, error) != OK)
        return error->code;
    array->bytes = memory_array(uint8_t, bytes, "an array");
    return read_at(array, 0, bytes, array->bytes, error);
}

static double half(uint16_t bits) {
    int exponent = bits >> 10 & 31;
    double fraction = (bits & 1023) / 1024.0;
    double size = exponent == 0    ? ldexp(fraction, -14)
                  : exponent == 31 ? (bits & 1023 ? (double)NAN : (double)INFINITY)
                                   : ldexp(1 + fraction, exponent - 15);
    return bits >> 15 ? -size : size;
}

double array__number(const struct Array *array, const uint8_t *element) {
    union {
        uint8_t bytes[8];
        uint64_t whole;
        float float32;
        double float64;
    } value = {.whole = 0};
    int64_t count = array->element;
    for (int64_t i = 0; i < count; i++)
        value.bytes[i] = element[array->swapped ? count - 1 - i : i];
    if (array->kind == NUMBER_FLOAT)
        return count == 2   ? half((uint16_t)value.whole)
               : count == 4 ? value.float32
                            : value.float64;
    if (array->kind == NUMBER_UNSIGNED)
        return (double)value.whole;
    int shift = (int)(64 - 8 * count);
    return (double)((int64_t)(value.whole << shift) >> shift);
}

void arrays__start(struct Source *source) {
    struct Arrays *state = memory_allocate(sizeof *state, "arrays");
    for (int i = 0; i < ARRAY_SPLITS; i++)
        state->images[i].file = -1;
    state->last_label = -1;
    source->state = state;
}

void arrays__release(struct Source *source) {
    struct Arrays *state = source->state;
    for (int i = 0; state && i < ARRAY_SPLITS; i++)
        array__release(&state->images[i]);
    if (state)
        memory_release_texts(state->texts, state->text_count);
    memory_release(state);
}

/* Returns whether `axes` is an order of `rank` different letters of N, H, W and C. F, the features
 * of (N, F), counts as C. */
static bool axes_fit(const char *axes, int rank) {
    bool seen[4] = {false};
    if ((int)strlen(axes) != rank)
        return false;
    for (const char *at = axes; *at; at++) {
        const char *found = strchr(AXES, *at == 'F' ? 'C' : *at);
        if (!found || seen[found - AXES])
            return false;
        seen[found - AXES] = true;
    }
    return seen[0];
}

/* Puts the dimensions into the order N, H, W, C. Missing ones get the size 1. */
static int order_axes(struct Array *images, const char *given, struct Error *error) {
    static const char *const usual[] = {"N", "NF", "NHW", "NHWC"};
    if (images->rank < 1 || images->rank > 4)
        return fail(error, ERROR_DATA, "%s: has %d dimensions; expected 1 to 4", images->name,
                    images->rank);
    const char *axes = given ? given : usual[images->rank - 1];
    if (!axes_fit(axes, images->rank))
        return fail_option(error, "axes", given, "expected the %d dimensions of %s, such as %s",
                           images->rank, images->name, usual[images->rank - 1]);
    int64_t size[4] = {1, 1, 1, 1}, stride[4] = {0};
    for (int i = 0; i < images->rank; i++) {
        int64_t axis = strchr(AXES, axes[i] == 'F' ? 'C' : axes[i]) - AXES;
        size[axis] = images->size[i];
        stride[axis] = images->stride[i];
    }
    images->rank = 4;
    memcpy(images->size, size, sizeof size);
    memcpy(images->stride, stride, sizeof stride);
    if (!given && size[1] <= 4 && size[2] > 4 && size[3] > 4)
        log_warning("%s: images are read as %" PRId64 " high, %" PRId64 " wide, with %" PRId64
                    " channels; do the channels come first?",
                    images->name, size[1], size[2], size[3]);
    return OK;
}

static bool is_bytes(const struct Array *array) {
    return array->kind == NUMBER_UNSIGNED && array->element == 1;
}

/* Takes the images of a split, which must have the size of the other splits' images. Images in a
 * file are loaded unless each row is contiguous. */
static int take_images(struct Source *source, struct Array *images, const char *axes,
                       struct Error *error) {
    const struct Arrays *state = source->state;
    if (images->kind == NUMBER_TEXT)
        return fail(error, ERROR_DATA, "%s: holds texts; expected numbers", images->name);
    int code = order_axes(images, axes, error);
    if (code != OK)
        return code;
    int64_t *size = images->size;
    int64_t height = size[state->transposed ? 2 : 1], width = size[state->transposed ? 1 : 2];
    if (source->split_count == 0) {
        source->height = height;
        source->width = width;
        source->channels = size[3];
    }
    if (source->height != height || source->width != width || source->channels != size[3])
        return fail(error, ERROR_DATA,
                    "%s: images of %" PRId64 "x%" PRId64 "x%" PRId64
                    "; the other split has %" PRId64 "x%" PRId64 "x%" PRId64,
                    images->name, height, width, size[3], source->height, source->width,
                    source->channels);
    source->floats |= !is_bytes(images);
    bool is_run = images->stride[0] == size[1] * size[2] * size[3];
    return is_run ? OK : array__load(images, error);
}

/* Returns the values of labels, (count, columns), which must be numbers. The caller releases
 * them. */
static double *read_values(const struct Array *labels, int64_t columns) {
    double *values = memory_array(double, labels->size[0] * columns, "labels");
    for (int64_t i = 0; i < labels->size[0]; i++)
        for (int64_t k = 0; k < columns; k++) {
            int64_t at = i * labels->stride[0] + (labels->rank > 1 ? k * labels->stride[1] : 0);
            values[i * columns + k] = array__number(labels, labels->bytes + at * labels->element);
        }
    return values;
}

/* Changes the shape of labels to (N) or (N, K) by removing dimensions of size 1. */
static int flatten(struct Array *labels, int64_t count, struct Error *error) {
    int kept = 0;
    for (int i = 0; i < labels->rank; i++)
        if (labels->size[i] != 1 || (kept == 0 && count == 1)) {
            labels->size[kept] = labels->size[i];
            labels->stride[kept++] = labels->stride[i];
        }
    labels->rank = kept;
    if (kept < 1 || kept > 2 || labels->size[0] != count)
        return fail(error, ERROR_DATA, "%s: %" PRId64 " labels for the %" PRId64 " images",
                    labels->name, kept ? labels->size[0] : 1, count);
    return OK;
}

static bool are_whole(const double *values, int64_t count) {
    for (int64_t i = 0; i < count; i++)
        if (values[i] != floor(values[i]) || fabs(values[i]) > 1e15)
            return false;
    return true;
}

static bool are_one_hot(const double *values, int64_t count, int64_t columns) {
    for (int64_t i = 0; i < count; i++) {
        double sum = 0;
        for (int64_t k = 0; k < columns; k++) {
            double value = values[i * columns + k];
            sum += value == 0 || value == 1 ? value : 2;
        }
        if (sum != 1)
            return false;
    }
    return true;
}

static int take_labels(struct Source *source, const char *split_name, const struct Array *labels,
                       const double *values, int64_t columns, int64_t first_label,
                       struct Error *error) {
    struct Arrays *state = source->state;
    int64_t count = labels->size[0];
    struct SourceSplit *split = source_add_split(source, split_name, count);
    for (int64_t i = 0; i < count; i++) {
        double label = values[i * columns] - (double)first_label;
        for (int64_t k = 0; columns > 1 && k < columns; k++)
            label = values[i * columns + k] == 1 ? (double)k : label;
        if (label < 0 || label >= MOST_CLASSES)
            return fail(
                error, ERROR_DATA, "%s: label %" PRId64 " is %g; expected %" PRId64 " ... %" PRId64,
                labels->name, i, values[i * columns], first_label, first_label + MOST_CLASSES - 1);
        split->labels[i] = (int32_t)label;
        state->last_label =
            split->labels[i] > state->last_label ? split->labels[i] : state->last_label;
    }
    state->last_label =
        columns > 1 && columns - 1 > state->last_label ? (int32_t)columns - 1 : state->last_label;
    return OK;
}

static int take_targets(struct Source *source, const char *split_name, const struct Array *labels,
                        const double *values, int64_t columns, struct Error *error) {
    int64_t count = labels->size[0];
    if (source->split_count == 0) {
        struct Targets numbered = targets_number(TARGET_VALUES, "target", columns);
        source_set_targets(source, (const char *const *)numbered.names, columns);
        targets_release(&numbered);
    }
    if (targets_values(&source->targets) != columns)
        return fail(error, ERROR_DATA,
                    "%s: %" PRId64 " values for each sample; the other split has %s", labels->name,
                    columns, targets_values(&source->targets) ? "another number" : "classes");
    struct SourceSplit *split = source_add_split(source, split_name, count);
    for (int64_t i = 0; i < count * columns; i++) {
        if (!isfinite(values[i]))
            return fail(error, ERROR_DATA, "%s: value %" PRId64 " is not finite", labels->name, i);
        split->targets[i] = (float)values[i];
    }
    return OK;
}

/* Returns a text as UTF-8, without its padding. The caller releases it. */
static char *read_text(const struct Array *array, int64_t at) {
    const uint8_t *element = array->bytes + at * array->element;
    struct Text text = {0};
    text_add(&text, "%s", "");
    for (int64_t i = 0; i < array->element; i += array->letter) {
        uint32_t point = 0;
        for (int64_t k = 0; k < array->letter; k++)
            point = point << 8 | element[i + (array->swapped ? k : array->letter - 1 - k)];
        if (point == 0)
            break;
        if (point < 0x80 || array->letter == 1)
            text_add(&text, "%c", (int)point);
        else if (point < 0x800)
            text_add(&text, "%c%c", (int)(0xC0 | point >> 6), (int)(0x80 | (point & 63)));
        else if (point < 0x10000)
            text_add(&text, "%c%c%c", (int)(0xE0 | point >> 12), (int)(0x80 | (point >> 6 & 63)),
                     (int)(0x80 | (point & 63)));
        else
            text_add(&text, "%c%c%c%c", (int)(0xF0 | (point >> 18 & 7)),
                     (int)(0x80 | (point >> 12 & 63)), (int)(0x80 | (point >> 6 & 63)),
                     (int)(0x80 | (point & 63)));
    }
    return text.data;
}

/* Sets labels that are texts: the sorted texts of the first split are the classes. Takes ownership
 * of the texts. */
static int take_names(struct Source *source, const char *split_name, const struct Array *labels,
                      char **texts, struct Error *error) {
    struct Arrays *state = source->state;
    int64_t count = labels->size[0];
    struct SourceSplit *split = source_add_split(source, split_name, count);
    struct ClassList classes;
    int code = OK;
    bool is_first = !state->texts;
    const char *const *known = (const char *const *)(is_first ? texts : state->texts);
    class_list__make(&classes, known, is_first ? count : state->text_count);
    for (int64_t i = 0; i < count && code == OK; i++) {
        int64_t label = class_list__find(&classes, texts[i]);
        split->labels[i] = (int32_t)label;
        if (label < 0)
            code = fail(error, ERROR_DATA,
                        "%s: label %" PRId64 " is '%s', which the first split does not have",
                        labels->name, i, texts[i]);
    }
    memory_release_texts(texts, count);
    if (is_first) {
        state->texts = classes.names;
        state->text_count = classes.count;
    } else {
        class_list__release(&classes);
    }
    return code;
}

static int take_texts(struct Source *source, const char *split_name, const struct Array *labels,
                      struct Error *error) {
    char **texts = memory_array(char *, labels->size[0], "labels");
    for (int64_t i = 0; i < labels->size[0]; i++)
        texts[i] = read_text(labels, i * labels->stride[0]);
    return take_names(source, split_name, labels, texts, error);
}

/* Returns whether labels are names of classes and not indices: some are negative. But −1 together
 * with both 0 and 1 may mean that a sample has no label. */
static bool are_names(const double *values, int64_t count) {
    bool low[2] = {false};
    double least = 0;
    for (int64_t i = 0; i < count; i++) {
        if (values[i] == 0 || values[i] == 1)
            low[(int)values[i]] = true;
        least = values[i] < least ? values[i] : least;
    }
    return least < 0 && !(least == -1 && low[0] && low[1]);
}

static int take_values(struct Source *source, const char *split_name, const struct Array *labels,
                       const double *values, struct Error *error) {
    struct Arrays *state = source->state;
    char **texts = memory_array(char *, labels->size[0], "labels");
    for (int64_t i = 0; i < labels->size[0]; i++)
        texts[i] = memory_print("%.0f", values[i]);
    state->by_value = true;
    return take_names(source, split_name, labels, texts, error);
}

static int take_truth(struct Source *source, const char *name, struct Array *labels, int64_t count,
                      const struct SourceOptions *options, struct Error *error) {
    const struct Arrays *state = source->state;
    int code = flatten(labels, count, error);
    if (code == OK)
        code = array__load(labels, error);
    if (code != OK)
        return code;
    bool texts = labels->kind == NUMBER_TEXT;
    if (source->split_count > 0 && texts != (state->texts && !state->by_value))
        return fail(error, ERROR_DATA, "%s: its labels are of another kind than the first split's",
                    labels->name);
    if (texts)
        return labels->rank == 1 ? take_texts(source, name, labels, error)
                                 : fail(error, ERROR_DATA, "%s: expected one label for each sample",
                                        labels->name);
    int64_t columns = labels->rank == 2 ? labels->size[1] : 1;
    double *values = read_values(labels, columns);
    bool classes = columns == 1 ? are_whole(values, count) : are_one_hot(values, count, columns);
    if (source->split_count > 0 && classes && targets_are_values(&source->targets))
        classes = false;
    bool names = source->split_count > 0
                     ? state->by_value
                     : options->arrays.first_label == 0 &&
                           (source_names_by_value(options) || are_names(values, count));
    code = classes && columns == 1 && names ? take_values(source, name, labels, values, error)
           : classes                        ? take_labels(source, name, labels, values, columns,
                                   columns > 1 ? 0 : options->arrays.first_label, error)
                     : take_targets(source, name, labels, values, columns, error);
    memory_release(values);
    return code;
}

int arrays__add(struct Source *source, const char *split, struct Array *images,
                struct Array *labels, const struct SourceOptions *options, struct Error *error) {
    struct Arrays *state = source->state;
    int place = source->split_count;
    int code = place == ARRAY_SPLITS
                   ? fail(error, ERROR_DATA, "%s: is one split too many; expected at most %d",
                          images->name, ARRAY_SPLITS)
                   : take_images(source, images, options->arrays.axes, error);
    if (code == OK && labels)
        code = take_truth(source, split, labels, images->size[0], options, error);
    else if (code == OK)
        source_add_unlabelled(source, split, images->size[0]);
    if (code == OK) {
        for (int64_t i = 0; i < images->size[0]; i++)
            source->splits[place].items[i] = (int64_t)place << ROW_BITS | i;
        state->images[place] = *images;
        *images = (struct Array){.file = -1};
    }
    array__release(images);
    if (labels)
        array__release(labels);
    return code;
}

void arrays__name_classes(struct Source *source, const struct SourceOptions *options) {
    const struct Arrays *state = source->state;
    if (targets_are_values(&source->targets))
        return;
    if (state->texts) {
        source_set_classes(source, (const char *const *)state->texts, state->text_count);
        return;
    }
    char **names = memory_array(char *, state->last_label + 1, "class names");
    for (int32_t i = 0; i <= state->last_label; i++)
        names[i] = memory_print("%" PRId64, i + options->arrays.first_label);
    source_set_classes(source, (const char *const *)names, state->last_label + 1);
    memory_release_texts(names, state->last_label + 1);
}

/* Copies one image, whose first element is `row`, to its place. */
static void place_image(const struct Source *source, const struct Array *images, const uint8_t *row,
                        void *sample) {
    const struct Arrays *state = source->state;
    int64_t down = images->stride[state->transposed ? 2 : 1];
    int64_t right = images->stride[state->transposed ? 1 : 2], channels = source->channels;
    for (int64_t i = 0; i < source->height * source->width * channels; i++) {
        int64_t c = i % channels, x = i / channels % source->width,
                y = i / channels / source->width;
        const uint8_t *element =
            row + (y * down + x * right + c * images->stride[3]) * images->element;
        if (source->floats)
            ((float *)sample)[i] = (float)array__number(images, element);
        else
            ((uint8_t *)sample)[i] = *element;
    }
}

static int check_finite(const struct Array *images, int64_t row, const float *image, int64_t count,
                        struct Error *error) {
    for (int64_t i = 0; i < count; i++)
        if (!isfinite(image[i]))
            return fail(error, ERROR_DATA,
                        "%s: row %" PRId64 " holds %g, expected finite numbers that a float can "
                        "hold",
                        images->name, row, (double)image[i]);
    return OK;
}

int arrays__read(const struct Source *source, const int64_t *items, int64_t count, void *samples,
                 struct Error *error) {
    const struct Arrays *state = source->state;
    int64_t bytes = source_sample_bytes(source);
    int64_t elements = source->height * source->width * source->channels, longest = elements * 8;
    uint8_t *row = memory_array(uint8_t, longest, "a row of an array");
    int code = OK;
    for (int64_t i = 0; i < count && code == OK; i++) {
        const struct Array *images = &state->images[items[i] >> ROW_BITS];
        int64_t number = items[i] & ((1ll << ROW_BITS) - 1);
        int64_t first = number * images->stride[0] * images->element;
        void *image = (char *)samples + i * bytes;
        if (!images->bytes)
            code = read_at(images, first, images->stride[0] * images->element, row, error);
        if (code == OK)
            place_image(source, images, images->bytes ? images->bytes + first : row, image);
        if (code == OK && source->floats)
            code = check_finite(images, number, image, elements, error);
    }
    memory_release(row);
    return code;
}
