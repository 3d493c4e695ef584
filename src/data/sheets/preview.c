#include "data/sheets/preview.h"

#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/random.h"
#include "data/sheets/sheet.h"

static int64_t enlargement(const struct Dataset *dataset) {
    return sheet__enlargement(dataset->height, dataset->width);
}

/* The numbers at both ends of a row of values. */
static int64_t number_width(const struct Dataset *dataset) {
    return targets_are_values(&dataset->targets) ? SHEET_NUMBER + SHEET_GAP : 0;
}

static int64_t label_width(const struct Dataset *dataset) {
    int64_t longest = sheet__text_width("M");
    for (int64_t c = 0; c < dataset->targets.count; c++)
        if (sheet__text_width(dataset->targets.names[c]) > longest)
            longest = sheet__text_width(dataset->targets.names[c]);
    return longest + 2 * SHEET_GAP + number_width(dataset);
}

static int64_t row_height(const struct Dataset *dataset) {
    int64_t image = dataset->height * enlargement(dataset), text = SHEET_TEXT_HEIGHT;
    return (image > text ? image : text) + SHEET_GAP;
}

void preview_size(const struct Dataset *dataset, int64_t count, int64_t *height, int64_t *width) {
    *height = dataset->targets.count * row_height(dataset) + SHEET_GAP;
    *width = label_width(dataset) + count * (dataset->width * enlargement(dataset) + SHEET_GAP) +
             number_width(dataset);
}

/* Draws image `index` of the split; `pixels` has room for its values. */
static void draw_image(struct Sheet *sheet, const struct Dataset *dataset,
                       const struct Split *split, int64_t index, int64_t left, int64_t top,
                       struct Shade shade, float *pixels) {
    struct Image image = {dataset->height, dataset->width, dataset->channels, pixels, 0};
    dataset_copy_image(dataset, split, index, pixels);
    sheet__image(sheet, left, top, enlargement(dataset), &image, shade);
}

/* Chooses up to preview->count images of a class and returns how many. `places` and `order` have
 * room for a whole split. */
static int64_t choose(const struct Dataset *dataset, const struct Split *split, int32_t label,
                      const struct Preview *preview, int64_t *places, int64_t *order,
                      int64_t *chosen) {
    int64_t present = 0;
    for (int64_t i = 0; i < split->count; i++)
        if (split_has_class(split, dataset->targets.count, i, label))
            places[present++] = i;
    if (preview->random) {
        struct RandomStream stream =
            random_stream(preview->seed, RANDOM_SHUFFLE, 0, 0, (uint64_t)label);
        random_permutation(&stream, present, order);
    }
    int64_t count = present < preview->count ? present : preview->count;
    for (int64_t i = 0; i < count; i++)
        chosen[i] = places[preview->random ? order[i] : i];
    return count;
}

/* The values of one target: value i is at values[i * stride]. */
struct Column {
    const float *values;
    int64_t stride;
};

static int by_value(const void *a, const void *b, void *context) {
    const struct Column *column = context;
    int64_t i = *(const int64_t *)a, j = *(const int64_t *)b;
    float x = column->values[i * column->stride], y = column->values[j * column->stride];
    return x < y ? -1 : x > y ? 1 : i < j ? -1 : i > j;
}

/* Chooses up to preview->count images, in the order of target `target`: evenly spaced, or drawn by
 * the seed. */
static int64_t choose_by_value(const struct Dataset *dataset, const struct Split *split,
                               int64_t target, const struct Preview *preview, int64_t *places,
                               int64_t *chosen) {
    struct Column column = {split->targets + target, dataset->targets.count};
    int64_t count = split->count < preview->count ? split->count : preview->count;
    if (preview->random) {
        struct RandomStream stream =
            random_stream(preview->seed, RANDOM_SHUFFLE, 0, 0, (uint64_t)target);
        random_permutation(&stream, split->count, places);
        memcpy(chosen, places, (size_t)count * sizeof *chosen);
        qsort_r(chosen, (size_t)count, sizeof *chosen, by_value, &column);
        return count;
    }
    for (int64_t i = 0; i < split->count; i++)
        places[i] = i;
    qsort_r(places, (size_t)split->count, sizeof *places, by_value, &column);
    for (int64_t i = 0; i < count; i++)
        chosen[i] = places[count > 1 ? i * (split->count - 1) / (count - 1) : 0];
    return count;
}

/* Writes the first and the last value of a row of target `target` beside their images, the last at
 * `right`. */
static void draw_ends(struct Sheet *sheet, const struct Dataset *dataset, const struct Split *split,
                      int64_t target, int64_t first, int64_t last, int64_t right, int64_t top) {
    char text[SHEET_DIGITS];
    const float *values = split->targets + target;
    sheet__number((double)values[first * dataset->targets.count], text);
    sheet__text(sheet, label_width(dataset) - SHEET_GAP - sheet__text_width(text), top, text);
    sheet__text(sheet, right, top,
                sheet__number((double)values[last * dataset->targets.count], text));
}

static void draw_rows(struct Sheet *sheet, const struct Dataset *dataset, const struct Split *split,
                      const struct Preview *preview) {
    int64_t *places = memory_array(int64_t, split->count, "preview");
    int64_t *order = memory_array(int64_t, split->count, "preview");
    int64_t *chosen = memory_array(int64_t, preview->count, "preview");
    struct Image size = {dataset->height, dataset->width, dataset->channels, NULL, 0};
    float *pixels = memory_array(float, image_elements(&size), "preview");
    struct Shade shade = sheet__shade_of_split(dataset, split);
    int64_t left = label_width(dataset), step = dataset->width * enlargement(dataset) + SHEET_GAP;
    int64_t middle = (row_height(dataset) - SHEET_GAP - SHEET_TEXT_HEIGHT) / 2;
    for (int64_t c = 0; c < dataset->targets.count; c++) {
        int64_t top = SHEET_GAP + c * row_height(dataset);
        sheet__text(sheet, SHEET_GAP, top + middle, dataset->targets.names[c]);
        int64_t count = targets_are_values(&dataset->targets)
                            ? choose_by_value(dataset, split, c, preview, places, chosen)
                            : choose(dataset, split, (int32_t)c, preview, places, order, chosen);
        for (int64_t i = 0; i < count; i++)
            draw_image(sheet, dataset, split, chosen[i], left + i * step, top, shade, pixels);
        if (targets_are_values(&dataset->targets) && count)
            draw_ends(sheet, dataset, split, c, chosen[0], chosen[count - 1], left + count * step,
                      top + middle);
    }
    memory_release(pixels);
    memory_release(chosen);
    memory_release(order);
    memory_release(places);
}

int preview_write(const struct Dataset *dataset, const struct Split *split,
                  const struct Preview *preview, const char *path, struct Error *error) {
    struct Sheet sheet;
    int64_t height, width;
    preview_size(dataset, preview->count, &height, &width);
    int code = sheet__create(&sheet, height, width, path, "take a smaller count", error);
    if (code == OK) {
        draw_rows(&sheet, dataset, split, preview);
        code = sheet__write(&sheet, path, error);
    }
    sheet__release(&sheet);
    return code;
}
