#include "data/preview.h"

#include <string.h>

#include "base/memory.h"
#include "base/random.h"
#include "data/font.h"
#include "data/png_write.h"

#define GAP 4
#define TEXT_SCALE 2
#define LONGEST_NAME 24 /* characters; more are cut */
#define ENLARGE_TO 64   /* pixels */
#define MOST_PIXELS (512ll << 20)

struct Sheet {
    int64_t height, width;
    uint8_t *pixels; /* (height, width, 3) */
};

static int64_t enlargement(const struct Dataset *dataset) {
    int64_t side = dataset->height > dataset->width ? dataset->height : dataset->width;
    return side >= ENLARGE_TO ? 1 : ENLARGE_TO / side;
}

static int64_t name_length(const char *name) {
    return (int64_t)strnlen(name, LONGEST_NAME);
}

static int64_t label_width(const struct Dataset *dataset) {
    int64_t longest = 1;
    for (int64_t c = 0; c < dataset->class_count; c++)
        if (name_length(dataset->class_names[c]) > longest)
            longest = name_length(dataset->class_names[c]);
    return longest * FONT_ADVANCE * TEXT_SCALE + 2 * GAP;
}

static int64_t row_height(const struct Dataset *dataset) {
    int64_t image = dataset->height * enlargement(dataset), text = FONT_HEIGHT * TEXT_SCALE;
    return (image > text ? image : text) + GAP;
}

void preview_size(const struct Dataset *dataset, int64_t count, int64_t *height, int64_t *width) {
    *height = dataset->class_count * row_height(dataset) + GAP;
    *width = label_width(dataset) + count * (dataset->width * enlargement(dataset) + GAP);
}

static void write_text(struct Sheet *sheet, int64_t left, int64_t top, const char *text) {
    for (int64_t i = 0; i < name_length(text); i++) {
        const uint8_t *rows = font_rows(text[i]);
        for (int64_t y = 0; y < FONT_HEIGHT * TEXT_SCALE; y++)
            for (int64_t x = 0; x < FONT_WIDTH * TEXT_SCALE; x++)
                if (rows[y / TEXT_SCALE] >> (FONT_WIDTH - 1 - x / TEXT_SCALE) & 1) {
                    int64_t column = left + i * FONT_ADVANCE * TEXT_SCALE + x;
                    memset(sheet->pixels + ((top + y) * sheet->width + column) * 3, 0, 3);
                }
    }
}

/* One value of an image as a byte; `low` and `factor` belong to float images. */
static uint8_t shade(const struct Split *split, int64_t place, float low, float factor) {
    if (split->bytes)
        return ((const uint8_t *)split->images)[place];
    return (uint8_t)((((const float *)split->images)[place] - low) * factor + 0.5f);
}

/* Channel c of what is shown: grey repeats, of many channels the first three show. */
static void draw_image(struct Sheet *sheet, const struct Dataset *dataset,
                       const struct Split *split, int64_t index, int64_t left, int64_t top,
                       float low, float factor) {
    int64_t scale = enlargement(dataset), channels = dataset->channels;
    int64_t first = index * dataset->height * dataset->width * channels;
    for (int64_t y = 0; y < dataset->height * scale; y++)
        for (int64_t x = 0; x < dataset->width * scale; x++) {
            int64_t pixel = first + (y / scale * dataset->width + x / scale) * channels;
            for (int64_t c = 0; c < 3; c++)
                sheet->pixels[((top + y) * sheet->width + left + x) * 3 + c] =
                    shade(split, pixel + (channels >= 3 ? c : 0), low, factor);
        }
}

/* The range of a float split. */
static void find_range(const struct Dataset *dataset, const struct Split *split, float *low,
                       float *factor) {
    *low = 0;
    *factor = 1;
    if (split->bytes)
        return;
    const float *values = split->images;
    int64_t count = split->count * dataset->height * dataset->width * dataset->channels;
    float high = *low = count > 0 ? values[0] : 0;
    for (int64_t i = 1; i < count; i++) {
        *low = values[i] < *low ? values[i] : *low;
        high = values[i] > high ? values[i] : high;
    }
    *factor = high > *low ? 255 / (high - *low) : 0;
}

/* Up to preview->count images of a class into `chosen`; returns how many. `places` and `order` have
 * room for a whole split. */
static int64_t choose(const struct Split *split, int32_t label, const struct Preview *preview,
                      int64_t *places, int64_t *order, int64_t *chosen) {
    int64_t present = 0;
    for (int64_t i = 0; i < split->count; i++)
        if (split->labels[i] == label)
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

static void draw_rows(struct Sheet *sheet, const struct Dataset *dataset, const struct Split *split,
                      const struct Preview *preview) {
    size_t indices = (size_t)split->count * sizeof(int64_t);
    int64_t *places = memory_allocate(indices, "preview"),
            *order = memory_allocate(indices, "preview");
    int64_t *chosen = memory_allocate((size_t)preview->count * sizeof(int64_t), "preview");
    float low, factor;
    find_range(dataset, split, &low, &factor);
    int64_t left = label_width(dataset), step = dataset->width * enlargement(dataset) + GAP;
    int64_t middle = (row_height(dataset) - GAP - FONT_HEIGHT * TEXT_SCALE) / 2;
    for (int64_t c = 0; c < dataset->class_count; c++) {
        int64_t top = GAP + c * row_height(dataset);
        write_text(sheet, GAP, top + middle, dataset->class_names[c]);
        int64_t count = choose(split, (int32_t)c, preview, places, order, chosen);
        for (int64_t i = 0; i < count; i++)
            draw_image(sheet, dataset, split, chosen[i], left + i * step, top, low, factor);
    }
    memory_release(chosen);
    memory_release(order);
    memory_release(places);
}

int preview_write(const struct Dataset *dataset, const struct Split *split,
                  const struct Preview *preview, const char *path, struct Error *error) {
    struct Sheet sheet;
    preview_size(dataset, preview->count, &sheet.height, &sheet.width);
    if (sheet.height > MOST_PIXELS / sheet.width)
        return fail(error, ERROR_USAGE,
                    "%s: a sheet of %lldx%lld pixels is too large; take a smaller "
                    "--count",
                    path, (long long)sheet.width, (long long)sheet.height);
    size_t bytes = (size_t)(sheet.height * sheet.width * 3);
    sheet.pixels = memory_allocate(bytes, "contact sheet");
    memset(sheet.pixels, 255, bytes);
    draw_rows(&sheet, dataset, split, preview);
    int status = png_write(path, sheet.height, sheet.width, sheet.pixels, error);
    memory_release(sheet.pixels);
    return status;
}
