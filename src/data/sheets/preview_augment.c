#include "data/sheets/preview_augment.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "data/sheets/sheet.h"

#define NUMBER 32  /* characters in a line */
#define CAPTIONS 2 /* lines under a picture: the two classes of a mix, or the first two values */
#define LINE (SHEET_TEXT_HEIGHT + SHEET_GAP)
#define WIDEST_SHARE ">99% "

/* Decorrelated values are about ±1 around 0. */
static const struct Shade decorrelated_shade = {-3, 255.f / 6};

struct Grid {
    const struct AugmentPreview *preview;
    struct Loader *training, *evaluation;
    struct Shade shade;
    struct Image image; /* the size of the loaders' images, and room for one */
    float *target;
    int64_t left, top; /* the place of the first picture */
    int64_t step;      /* from one column to the next */
    int64_t captions;  /* lines under a picture */
};

void preview_undo(const struct Preprocess *preprocess, struct Image *image) {
    if (preprocess->matrix)
        return;
    int64_t channels = preprocess->channels, pixels = image->height * image->width;
    int64_t whole = preprocess->height * preprocess->width;
    bool mean_image = preprocess->mean_count > channels;
    bool factor_image = preprocess->factor_count > channels;
    bool same = image->height == preprocess->height && image->width == preprocess->width;
    for (int64_t c = 0; c < channels; c++) {
        double mean = 0, spread = 0;
        for (int64_t i = 0; i < whole && factor_image; i++)
            spread += 1 / ((double)preprocess->factor[i * channels + c] * (double)whole);
        if (!factor_image)
            spread = 1 / (double)preprocess->factor[c];
        if (preprocess->mean_count == channels)
            mean = preprocess->mean[c];
        for (int64_t i = 0; i < whole && mean_image; i++)
            mean += preprocess->mean[i * channels + c] / (double)whole;
        for (int64_t i = 0; i < pixels; i++) {
            float *value = &image->pixels[i * channels + c];
            float subtracted =
                mean_image && same ? preprocess->mean[i * channels + c] : (float)mean;
            float divided =
                factor_image && same ? 1 / preprocess->factor[i * channels + c] : (float)spread;
            *value = *value * divided + subtracted;
        }
    }
}

/* Chooses the samples to show, from one class after another if there are classes;
 * returns how many. */
static int64_t choose(const struct AugmentPreview *preview, int64_t *chosen) {
    const struct Split *split = preview->loader.split;
    int64_t classes = targets_classes(&preview->loader.dataset->targets), count = 0;
    int64_t *order = memory_array(int64_t, split->count, "preview");
    int64_t *seen = memory_array(int64_t, classes, "preview");
    struct RandomStream stream = random_stream(preview->seed, RANDOM_SHUFFLE, 0, 0, 0);
    for (int64_t i = 0; i < split->count; i++)
        order[i] = i;
    if (preview->random)
        random_permutation(&stream, split->count, order);
    for (int64_t turn = 0; count < preview->samples; turn++) {
        memset(seen, 0, (size_t)classes * sizeof *seen);
        for (int64_t i = 0; i < split->count && count < preview->samples; i++)
            if (!split->labels || seen[split->labels[order[i]]]++ == turn)
                chosen[count++] = order[i];
    }
    memory_release(order);
    memory_release(seen);
    return count;
}

/* A percentage for people: a part of a mix is never 0 % or 100 %. */
static void print_percent(double part, char text[NUMBER]) {
    if (part <= 0.005)
        snprintf(text, NUMBER, "<1%% ");
    else if (part >= 0.995)
        snprintf(text, NUMBER, ">99%% ");
    else
        snprintf(text, NUMBER, "%.0f%% ", 100 * part);
}

static int64_t caption_line(int64_t top, int64_t line) {
    return top + SHEET_GAP / 2 + line * LINE;
}

/* Writes the values of a target, mixed as the image is. */
static void draw_values(const struct Grid *grid, struct Sheet *sheet, int64_t left, int64_t top) {
    char number[SHEET_DIGITS];
    for (int64_t k = 0; k < grid->captions; k++)
        sheet__text(sheet, left, caption_line(top, k),
                    sheet__number((double)grid->target[k], number));
}

/* Writes the two classes with the largest weights, unless all the weight is on one. */
static void draw_mixed_classes(const struct Grid *grid, struct Sheet *sheet, int64_t left,
                               int64_t top) {
    const struct Dataset *dataset = grid->preview->loader.dataset;
    int64_t shown[CAPTIONS] = {-1, -1};
    for (int64_t c = 0; c < targets_classes(&dataset->targets); c++)
        for (int i = 0; i < CAPTIONS; i++)
            if (grid->target[c] > 0 && (shown[i] < 0 || grid->target[c] > grid->target[shown[i]])) {
                memmove(&shown[i + 1], &shown[i], (size_t)(CAPTIONS - 1 - i) * sizeof *shown);
                shown[i] = c;
                break;
            }
    for (int i = 0; i < grid->captions && shown[1] >= 0; i++) {
        char percent[NUMBER];
        print_percent((double)grid->target[shown[i]], percent);
        sheet__text(sheet, left, caption_line(top, i), percent);
        sheet__text(
            sheet, left + sheet__text_width(percent), caption_line(top, i),
            dataset->targets.names[shown[i]]); /* two texts, because the font cuts long ones */
    }
}

static bool is_mixed(const struct AugmentPreview *preview) {
    return preview->loader.mix && preview->loader.mix->count;
}

/* Draws what the loader makes of a sample in an epoch. */
static void draw(struct Grid *grid, struct Sheet *sheet, struct Loader *loader, int64_t epoch,
                 int64_t sample, int64_t column, int64_t top) {
    int64_t scale = sheet__enlargement(grid->image.height, grid->image.width);
    loader_fill(loader, epoch, sample, 1, grid->image.pixels, grid->target, NULL);
    preview_undo(grid->preview->loader.preprocess, &grid->image);
    int64_t left = grid->left + column * grid->step;
    sheet__image(sheet, left, top, scale, &grid->image, grid->shade);
    top += grid->image.height * scale;
    if (!targets_are_values(&grid->preview->loader.dataset->targets))
        draw_mixed_classes(grid, sheet, left, top);
    else if (column == 0 || is_mixed(grid->preview)) /* else all images of a row are the same */
        draw_values(grid, sheet, left, top);
}

/* Writes the number of a sample that has no class. */
static const char *print_number(int64_t sample, char text[NUMBER]) {
    snprintf(text, NUMBER, "%" PRId64, sample);
    return text;
}

/* The height of a row: that of a picture, or of the text beside it if that is higher. */
static int64_t picture_height(const struct Grid *grid) {
    int64_t side = grid->image.height * sheet__enlargement(grid->image.height, grid->image.width);
    return side > SHEET_TEXT_HEIGHT ? side : SHEET_TEXT_HEIGHT;
}

static int64_t row_height(const struct Grid *grid) {
    return picture_height(grid) + grid->captions * LINE + SHEET_GAP;
}

/* Writes what is at the left of a row: the sample's class; or its number, and the names of its
 * targets beside their values. */
static void draw_name(const struct Grid *grid, struct Sheet *sheet, int64_t sample, int64_t top) {
    const struct Dataset *dataset = grid->preview->loader.dataset;
    const struct Split *split = grid->preview->loader.split;
    char number[NUMBER];
    sheet__text(sheet, SHEET_GAP, top + (picture_height(grid) - SHEET_TEXT_HEIGHT) / 2,
                split->labels ? dataset->targets.names[split->labels[sample]]
                              : print_number(sample, number));
    for (int64_t k = 0; targets_are_values(&dataset->targets) && k < grid->captions; k++)
        sheet__text(sheet, SHEET_GAP, caption_line(top + picture_height(grid), k),
                    dataset->targets.names[k]);
}

static void draw_rows(struct Grid *grid, struct Sheet *sheet) {
    const struct AugmentPreview *preview = grid->preview;
    int64_t *chosen = memory_array(int64_t, preview->samples, "preview");
    int64_t step = row_height(grid);
    int64_t rows = choose(preview, chosen);
    for (int64_t row = 0; row < rows; row++) {
        int64_t sample = chosen[row], top = grid->top + row * step;
        draw_name(grid, sheet, sample, top);
        draw(grid, sheet, grid->evaluation, 0, sample, 0, top);
        for (int64_t epoch = 0; epoch < preview->epochs; epoch++)
            draw(grid, sheet, grid->training, epoch, sample, epoch + 1, top);
    }
    memory_release(chosen);
}

static void draw_head(const struct Grid *grid, struct Sheet *sheet) {
    sheet__text(sheet, grid->left, SHEET_GAP, "test");
    for (int64_t epoch = 0; epoch < grid->preview->epochs; epoch++) {
        char number[NUMBER];
        sheet__text(sheet, grid->left + (epoch + 1) * grid->step, SHEET_GAP,
                    print_number(epoch + 1, number));
    }
}

static int64_t longest_name(const struct Dataset *dataset) {
    int64_t longest = targets_are_values(&dataset->targets) ? sheet__text_width("1000000") : 0;
    for (int64_t k = 0; k < dataset->targets.count; k++)
        if (sheet__text_width(dataset->targets.names[k]) > longest)
            longest = sheet__text_width(dataset->targets.names[k]);
    return longest;
}

static int draw_sheet(struct Grid *grid, const char *path, struct Error *error) {
    const struct AugmentPreview *preview = grid->preview;
    int64_t scale = sheet__enlargement(grid->image.height, grid->image.width);
    int64_t wide = grid->image.width * scale, name = longest_name(preview->loader.dataset);
    int64_t words = sheet__text_width("test");
    struct Sheet sheet;
    int64_t values = targets_values(&preview->loader.dataset->targets);
    if (values) {
        words = SHEET_NUMBER;
        grid->captions = values < CAPTIONS ? values : CAPTIONS;
    } else if (is_mixed(preview)) {
        words = sheet__text_width(WIDEST_SHARE) + name;
        grid->captions = CAPTIONS;
    }
    words += sheet__text_width(" "); /* keeps it apart from the next column */
    grid->step = (words > wide ? words : wide) + SHEET_GAP;
    grid->left = name + 2 * SHEET_GAP;
    grid->top = SHEET_TEXT_HEIGHT + 2 * SHEET_GAP;
    int code = sheet__create(&sheet, grid->top + preview->samples * row_height(grid),
                             grid->left + (preview->epochs + 1) * grid->step, path,
                             "take a smaller count or fewer epochs", error);
    if (code == OK) {
        draw_head(grid, &sheet);
        draw_rows(grid, &sheet);
        code = sheet__write(&sheet, path, error);
    }
    sheet__release(&sheet);
    return code;
}

int preview_augment_write(const struct AugmentPreview *preview, const char *path,
                          struct Error *error) {
    struct AugmentPreview shown = *preview;
    struct Grid grid = {.preview = &shown};
    struct LoaderRequest request = preview->loader;
    shown.samples =
        preview->samples < request.split->count ? preview->samples : request.split->count;
    request.shuffle = request.evaluate = false;
    if (preprocess_makes_vector(request.preprocess)) {
        fail_option(error, "augment", NULL,
                    "preprocess.decorrelate leaves principal components, which are not an image");
        return error_advise(error, ADVICE_DRAW, request.dataset->path, NULL, 0);
    }
    int code = loader_create(&grid.training, &request, error);
    request.evaluate = true;
    if (code == OK)
        code = loader_create(&grid.evaluation, &request, error);
    if (code == OK) {
        grid.shade = request.preprocess->matrix
                         ? decorrelated_shade
                         : sheet__shade_of_split(request.dataset, request.split);
        grid.image = loader_image(grid.training);
        grid.image.pixels = memory_array(float, image_elements(&grid.image), "preview");
        grid.target = memory_array(float, request.dataset->targets.count, "preview");
        code = draw_sheet(&grid, path, error);
    }
    memory_release(grid.image.pixels);
    memory_release(grid.target);
    loader_release(grid.training);
    loader_release(grid.evaluation);
    return code;
}
