#include <float.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "base/memory.h"
#include "base/text.h"
#include "data/dataset/dataset.h"

#define NAMES_SHOWN 5
#define MISSING 1e15F /* netCDF fills with 9.97e36, climate models with 1e20, maps with -3.4e38 */

/* Returns the number of samples of each class. The caller releases the array. */
static int64_t *count_classes(const struct Dataset *dataset, const struct Split *split) {
    int64_t *counts = memory_array(int64_t, dataset->targets.count, "counts of classes");
    for (int64_t i = 0; i < split->count; i++)
        counts[split->labels[i]]++;
    return counts;
}

bool dataset_has_class(const struct Dataset *dataset, int64_t class) {
    for (int s = 0; s < dataset->split_count; s++) {
        const struct Split *split = &dataset->splits[s];
        for (int64_t i = 0; split->labels && i < split->count; i++)
            if (split->labels[i] == class)
                return true;
    }
    return false;
}

/* Returns advice on the likely cause if classes that have only numbers for names lack samples. */
static const char *advice_on_absent(const struct Dataset *dataset, int64_t absent) {
    const struct Targets *targets = &dataset->targets;
    for (int64_t c = 0; c < targets->count; c++) {
        char number[24];
        snprintf(number, sizeof number, "%" PRId64, c);
        if (strcmp(targets->names[c], number))
            return "";
    }
    if (absent == 1 && !dataset_has_class(dataset, 0))
        return "; if the classes are counted from 1, say data.first_label: 1";
    return 4 * absent > targets->count
               ? "; with data.classes: values, only labels that occur are classes"
               : "";
}

const char *dataset_advice_on_limit(const struct Split *split) {
    return split->first_alone ? "; data.limit keeps the first samples, which may be sorted by "
                                "class: say data.limit.choose: spread"
                              : "";
}

static void warn_of_absent(const struct Dataset *dataset, const struct Split *split,
                           const int64_t *counts, int64_t absent) {
    struct Text names = {0};
    int shown = 0;
    for (int64_t c = 0; c < dataset->targets.count && shown < NAMES_SHOWN; c++)
        if (!counts[c])
            text_add(&names, "%s%s", shown++ ? ", " : "", dataset->targets.names[c]);
    if (absent > shown)
        text_add(&names, " and %" PRId64 " more", absent - shown);
    const char *advice =
        split->first_alone ? dataset_advice_on_limit(split) : advice_on_absent(dataset, absent);
    log_warning("%s, split %s: there are no samples of %" PRId64 " of the %" PRId64
                " classes: %s%s",
                dataset->path, split->name, absent, dataset->targets.count, names.data, advice);
    text_release(&names);
}

static bool has_classes(const struct Dataset *dataset, const struct Split *split) {
    return targets_classes(&dataset->targets) && split->labels && split->count && !split->targets;
}

static int64_t count_absent(const struct Dataset *dataset, const int64_t *counts) {
    int64_t absent = 0;
    for (int64_t c = 0; c < dataset->targets.count; c++)
        absent += !counts[c];
    return absent;
}

const char *dataset_advice_on_classes(const struct Dataset *dataset, const struct Split *split) {
    if (!has_classes(dataset, split))
        return "";
    int64_t *counts = count_classes(dataset, split), absent = count_absent(dataset, counts);
    const char *advice = absent ? advice_on_absent(dataset, absent) : "";
    memory_release(counts);
    return advice;
}

void dataset_warn_of_classes(const struct Dataset *dataset, const struct Split *split) {
    if (!has_classes(dataset, split))
        return;
    int64_t *counts = count_classes(dataset, split), classes = dataset->targets.count;
    int64_t present = classes - count_absent(dataset, counts);
    if (present == 1)
        log_warning("%s, split %s: all %" PRId64 " samples are of one class, '%s': there is "
                    "nothing to learn or to measure%s",
                    dataset->path, split->name, split->count,
                    dataset->targets.names[split->labels[0]], dataset_advice_on_limit(split));
    else if (present < classes)
        warn_of_absent(dataset, split, counts, classes - present);
    memory_release(counts);
}

static bool is_few(int64_t channels) {
    return channels == 1 || channels == 3 || channels == 4;
}

static double image_bytes(const struct Dataset *dataset, const struct Split *split) {
    return (double)split->count * (double)dataset_image_bytes(dataset, split);
}

static bool holds_target(const struct Dataset *dataset, const struct Split *split, float value) {
    int64_t count = split->targets ? split->count * dataset->targets.count : 0, e = 0;
    while (e < count && split->targets[e] != value)
        e++;
    return e < count;
}

/* Whether a number occurs among the images or the targets of a split. True for splits of more than
 * DATASET_CHECKED bytes, which are not searched. */
static bool holds_value(const struct Dataset *dataset, const struct Split *split, float value) {
    int64_t each = dataset_elements(dataset);
    bool found = holds_target(dataset, split, value) ||
                 image_bytes(dataset, split) > (double)DATASET_CHECKED;
    for (int64_t i = 0; i < split->count && !found; i++) {
        const void *image = dataset_image(dataset, split, i);
        for (int64_t e = 0; e < each && !found; e++)
            found = split_value(split, image, e) == (double)value;
    }
    return found;
}

static bool matters(const struct Dataset *dataset, const struct UnappliedAttribute *attribute) {
    bool found = !attribute->marks_missing;
    for (int i = 0; i < dataset->split_count && !found; i++)
        found = holds_value(dataset, &dataset->splits[i], (float)attribute->value);
    return found;
}

static void warn_of_attributes(const struct Dataset *dataset) {
    const struct UnappliedAttributes *unapplied = &dataset->unapplied;
    struct Text found = {0};
    for (int i = 0; i < unapplied->count; i++) {
        const struct UnappliedAttribute *attribute = &unapplied->items[i];
        if (matters(dataset, attribute))
            text_add(&found, "%s%s %g", found.length ? ", " : "", attribute->name,
                     attribute->value);
    }
    if (found.length)
        log_warning("%s: values are used as they are stored; its attributes are not applied: %s",
                    unapplied->array, found.data);
    text_release(&found);
}

void dataset_warn_of_arrays(const struct Dataset *dataset) {
    warn_of_attributes(dataset);
    if (dataset->axes_are_guessed && is_few(dataset->height) && dataset->width > 4 &&
        dataset->channels > 4)
        log_warning("%s: images are read as %" PRId64 " high, %" PRId64 " wide, with %" PRId64
                    " channels; if the channels come first, say data.axes: NCHW; if not, NHWC",
                    dataset->path, dataset->height, dataset->width, dataset->channels);
}

/* Finds the features that vary between samples. */
static void find_varying(const struct Dataset *dataset, const struct Split *split, bool *varies) {
    int64_t columns = dataset->channels, left = columns;
    size_t bytes = dataset_image_bytes(dataset, split);
    void *first = memory_copy(dataset_image(dataset, split, 0), bytes, "a sample");
    for (int64_t i = 1; i < split->count && left; i++) {
        const void *row = dataset_image(dataset, split, i);
        for (int64_t c = 0; c < columns; c++)
            if (!varies[c] && split_value(split, row, c) != split_value(split, first, c)) {
                varies[c] = true;
                left--;
            }
    }
    memory_release(first);
}

static void warn_of_columns(const struct Dataset *dataset, const struct Split *split) {
    int64_t columns = dataset->channels, constant = 0, first = -1;
    bool *varies = memory_array(bool, columns, "features");
    find_varying(dataset, split, varies);
    for (int64_t c = columns - 1; c >= 0; c--) {
        constant += !varies[c];
        if (!varies[c])
            first = c;
    }
    memory_release(varies);
    if (!constant)
        return;
    struct Text name = {0};
    dataset_name_channel(dataset, first, &name);
    log_warning("%s, split %s: %" PRId64 " of %" PRId64
                " features have the same value in all samples, first %s; nothing can be learnt "
                "from them",
                dataset->path, split->name, constant, columns, name.data);
    text_release(&name);
}

/* Warns of images whose values are all equal. */
static void warn_of_images(const struct Dataset *dataset, const struct Split *split) {
    int64_t blank = 0, first = -1, elements = dataset_elements(dataset);
    for (int64_t i = 0; i < split->count; i++) {
        const void *pixels = dataset_image(dataset, split, i);
        int64_t e = 1;
        while (e < elements && split_value(split, pixels, e) == split_value(split, pixels, 0))
            e++;
        if (e < elements)
            continue;
        if (!blank++)
            first = i;
    }
    if (blank)
        log_warning("%s, split %s: %" PRId64 " of %" PRId64
                    " images have the same value everywhere, first image %" PRId64,
                    dataset->path, split->name, blank, split->count, first);
}

/* ---- Numbers that are too large ---- */

struct Extent {
    float least, most;
    bool rounded; /* some value needs all digits that float32 has */
};

/* The result of one pass over all images of a split, or over its targets. */
struct Numbers {
    int64_t count, each; /* all values; the values of one sample */
    int64_t large;       /* values as large as those that stand for missing ones */
    int64_t first;       /* the place of the first large value; −1: none */
    int64_t channels;
    struct Extent *extents; /* (channels); NULL: not measured */
};

static bool is_large(float value) {
    return fabsf(value) >= MISSING && isfinite(value);
}

static void count_large(struct Numbers *numbers, const float *values, int64_t count,
                        int64_t start) {
    int64_t large = 0;
    for (int64_t e = 0; e < count; e++)
        large += is_large(values[e]);
    for (int64_t e = 0; large && numbers->first < 0 && e < count; e++)
        if (is_large(values[e]))
            numbers->first = start + e;
    numbers->large += large;
}

static void extend(struct Extent *extents, int64_t channels, const float *values, int64_t count,
                   bool first) {
    for (int64_t e = 0; e < count; e += channels, first = false)
        for (int64_t c = 0; c < channels; c++) {
            struct Extent *extent = &extents[c];
            float value = values[e + c];
            uint32_t bits;
            if (!isfinite(value))
                continue;
            memcpy(&bits, &value, sizeof bits);
            extent->rounded |= (bits & 3) != 0;
            extent->least = first ? value : fminf(extent->least, value);
            extent->most = first ? value : fmaxf(extent->most, value);
        }
}

static void look(struct Numbers *numbers, const float *values, int64_t count, int64_t start) {
    count_large(numbers, values, count, start);
    if (numbers->extents)
        extend(numbers->extents, numbers->channels, values, count, start == 0);
}

static struct Numbers start_numbers(int64_t samples, int64_t each, int64_t channels, bool extents) {
    return (struct Numbers){
        .count = samples * each,
        .each = each,
        .first = -1,
        .channels = channels,
        .extents = extents ? memory_array(struct Extent, channels, "extents of channels") : NULL};
}

/* Examines the images of a split. Images of bytes, and splits of more than DATASET_CHECKED bytes,
 * are not examined, and the result is zeros. The caller releases the extents. */
static struct Numbers look_at_images(const struct Dataset *dataset, const struct Split *split,
                                     bool extents) {
    int64_t each = dataset_elements(dataset);
    if (split->bytes || image_bytes(dataset, split) > (double)DATASET_CHECKED)
        return (struct Numbers){0};
    struct Numbers numbers = start_numbers(split->count, each, dataset->channels, extents);
    for (int64_t i = 0; i < split->count; i++)
        look(&numbers, dataset_image(dataset, split, i), each, i * each);
    return numbers;
}

static struct Numbers look_at_targets(const struct Dataset *dataset, const struct Split *split,
                                      bool extents) {
    int64_t outputs = targets_values(&dataset->targets);
    if (!split->targets || !outputs)
        return (struct Numbers){0};
    struct Numbers numbers = start_numbers(split->count, outputs, outputs, extents);
    look(&numbers, split->targets, numbers.count, 0);
    return numbers;
}

/* Returns how many steps of float32 lie between the least and the largest value. */
static double levels_of(const struct Extent *extent) {
    float size = fmaxf(fabsf(extent->least), fabsf(extent->most));
    double range = (double)extent->most - (double)extent->least;
    if (range == 0)
        return size > (1 << FLT_MANT_DIG) ? 0 : INFINITY;
    return extent->rounded ? range / ldexp(1, ilogbf(size) + 1 - FLT_MANT_DIG) : INFINITY;
}

static double fewest_levels(const struct Numbers *numbers, int64_t *channel) {
    double fewest = INFINITY;
    *channel = -1;
    for (int64_t c = 0; numbers->count > numbers->each && c < numbers->channels; c++)
        if (levels_of(&numbers->extents[c]) < fewest) {
            fewest = levels_of(&numbers->extents[c]);
            *channel = c;
        }
    return fewest;
}

double dataset_levels_left(const struct Dataset *dataset, const struct Split *split,
                           int64_t *channel) {
    struct Numbers numbers = look_at_images(dataset, split, true);
    double fewest = fewest_levels(&numbers, channel);
    memory_release(numbers.extents);
    return fewest;
}

double dataset_target_levels_left(const struct Dataset *dataset, const struct Split *split,
                                  int64_t *channel) {
    struct Numbers numbers = look_at_targets(dataset, split, true);
    double fewest = fewest_levels(&numbers, channel);
    memory_release(numbers.extents);
    return fewest;
}

/* Warns of large values, unless most are: these are then a matter of the unit. */
static void warn_of_missing(const struct Dataset *dataset, const struct Split *split,
                            const char *what, const struct Numbers *numbers) {
    if (numbers->large && 2 * numbers->large < numbers->count)
        log_warning("%s, split %s: %" PRId64 " of %" PRId64
                    " %s are beyond 1e15 (first in sample %" PRId64
                    "); such numbers often stand for missing values",
                    dataset->path, split->name, numbers->large, numbers->count, what,
                    numbers->first / numbers->each);
}

static void warn_of_levels(const struct Dataset *dataset, const struct Split *split,
                           bool of_targets, const struct Numbers *numbers) {
    int64_t channel;
    double levels = numbers->extents ? fewest_levels(numbers, &channel) : INFINITY;
    struct Text name = {0};
    if (!(levels < DATASET_FEW_LEVELS))
        return;
    if (of_targets)
        text_add(&name, "target %" PRId64 " (%s)", channel, dataset->targets.names[channel]);
    else
        dataset_name_channel(dataset, channel, &name);
    log_warning(
        "%s, split %s: %s has such large values that float32, in which they are kept, "
        "distinguishes at most %.0f between the least and the largest; subtract a constant before "
        "writing them",
        dataset->path, split->name, name.data, floor(levels) + 1);
    text_release(&name);
}

void dataset_warn_of_numbers(const struct Dataset *dataset, const struct Split *split,
                             bool of_rounding) {
    struct Numbers images = look_at_images(dataset, split, of_rounding);
    struct Numbers targets = look_at_targets(dataset, split, of_rounding);
    warn_of_missing(dataset, split, "values", &images);
    warn_of_missing(dataset, split, "targets", &targets);
    warn_of_levels(dataset, split, false, &images);
    warn_of_levels(dataset, split, true, &targets);
    memory_release(images.extents);
    memory_release(targets.extents);
}

void dataset_warn_of_constants(const struct Dataset *dataset, const struct Split *split) {
    if (split->count < 2 ||
        (split->in_blocks && image_bytes(dataset, split) > (double)DATASET_CHECKED))
        return;
    if (dataset_has_rows(dataset))
        warn_of_columns(dataset, split);
    else
        warn_of_images(dataset, split);
}
