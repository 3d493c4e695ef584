#include "data/sheets/statistics_sheet.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "base/random.h"
#include "data/sheets/sheet.h"

#define KEPT_VARIANCE 0.9 /* the part of the variance that a rebuilt example keeps */

/* How centred values are shown. */
static const struct Shade around_zero = {-3, 255.f / 6};

struct Drawing {
    const struct StatisticsSheet *request;
    struct Sheet sheet;
    struct Image image; /* room for one */
    double *divisors, *centred, *projected;
    int64_t *order;         /* a random order, since the split may be sorted by class */
    int64_t elements, some; /* components that explain KEPT_VARIANCE */
    int64_t left, row, step, scale;
};

static void start_row(struct Drawing *drawing, const char *name) {
    int64_t top = SHEET_GAP + drawing->row++ * drawing->step;
    sheet__text(&drawing->sheet, SHEET_GAP, top + (drawing->step - SHEET_TEXT_HEIGHT) / 2, name);
}

static void draw(struct Drawing *drawing, int64_t column, struct Shade shade) {
    int64_t top = SHEET_GAP + (drawing->row - 1) * drawing->step;
    int64_t wide = drawing->image.width * drawing->scale + SHEET_GAP;
    sheet__image(&drawing->sheet, drawing->left + column * wide, top, drawing->scale,
                 &drawing->image, shade);
}

static double pixel_of(const struct Drawing *drawing, int64_t sample, int64_t at) {
    const struct Split *split = drawing->request->split;
    const void *pixels = dataset_image(drawing->request->dataset, split, sample);
    return split_value(split, pixels, at);
}

/* Centres and scales a sample, and computes its projections. */
static void project(struct Drawing *drawing, int64_t sample) {
    const struct Pca *pca = drawing->request->pca;
    for (int64_t e = 0; e < drawing->elements; e++)
        drawing->centred[e] =
            (pixel_of(drawing, sample, e) - (double)drawing->request->values->mean_image[e]) /
            drawing->divisors[e];
    for (int64_t k = 0; pca && k < pca->count; k++) {
        const float *vector = pca->eigenvectors + k * drawing->elements;
        drawing->projected[k] = 0;
        for (int64_t e = 0; e < drawing->elements; e++)
            drawing->projected[k] += (double)vector[e] * drawing->centred[e];
    }
}

/* Puts Σ_k weight_k · (e_k·z) · e_k, over the first `count` components, into the image. */
static void rebuild(struct Drawing *drawing, int64_t count, bool whiten) {
    const struct Pca *pca = drawing->request->pca;
    memset(drawing->image.pixels, 0, (size_t)drawing->elements * sizeof(float));
    for (int64_t k = 0; k < count; k++) {
        const float *vector = pca->eigenvectors + k * drawing->elements;
        double weight = drawing->projected[k];
        if (whiten)
            weight /= sqrt(pca->eigenvalues[k] + drawing->request->epsilon);
        for (int64_t e = 0; e < drawing->elements; e++)
            drawing->image.pixels[e] += (float)(weight * (double)vector[e]);
    }
}

static void draw_means(struct Drawing *drawing, struct Shade shade) {
    const struct StatisticValues *values = drawing->request->values;
    size_t bytes = (size_t)drawing->elements * sizeof(float);
    float most = 0;
    start_row(drawing, "mean image");
    memcpy(drawing->image.pixels, values->mean_image, bytes);
    draw(drawing, 0, shade);
    start_row(drawing, "pixel std");
    memcpy(drawing->image.pixels, values->pixel_std, bytes);
    for (int64_t e = 0; e < drawing->elements; e++)
        most = fmaxf(most, values->pixel_std[e]);
    draw(drawing, 0, (struct Shade){0, most > 0 ? 255 / most : 0});
}

/* Draws each eigenimage with its own range; 0 is grey. */
static void draw_eigenimages(struct Drawing *drawing) {
    const struct Pca *pca = drawing->request->pca;
    start_row(drawing, "eigenimages");
    for (int64_t k = 0; k < drawing->request->columns && k < pca->count; k++) {
        float most = 0;
        memcpy(drawing->image.pixels, pca->eigenvectors + k * drawing->elements,
               (size_t)drawing->elements * sizeof(float));
        for (int64_t e = 0; e < drawing->elements; e++)
            most = fmaxf(most, fabsf(drawing->image.pixels[e]));
        draw(drawing, k, (struct Shade){-most, most > 0 ? 127.5f / most : 0});
    }
}

/* How values whitened to the first `count` components are shown: ±3 times their deviation over the
 * training split, which is small if there are few components. */
static struct Shade shade_whitened(const struct Drawing *drawing, int64_t count) {
    const struct Pca *pca = drawing->request->pca;
    double variance = 0;
    for (int64_t k = 0; k < count; k++)
        variance += pca->eigenvalues[k] / (pca->eigenvalues[k] + drawing->request->epsilon);
    float most = (float)(3 * sqrt(variance / (double)drawing->elements));
    return (struct Shade){-most, most > 0 ? 127.5f / most : 0};
}

enum Row { STORED, CENTRED, REBUILT, WHITENED, ZCA };

static void draw_example(struct Drawing *drawing, enum Row row, int64_t column,
                         struct Shade shade) {
    int64_t sample = drawing->order[column];
    float *pixels = drawing->image.pixels;
    project(drawing, sample);
    if (row == REBUILT || row == WHITENED)
        rebuild(drawing, drawing->some, row == WHITENED);
    if (row == ZCA)
        rebuild(drawing, drawing->request->pca->count, true);
    for (int64_t e = 0; e < drawing->elements; e++)
        if (row == STORED)
            pixels[e] = (float)pixel_of(drawing, sample, e);
        else if (row == CENTRED)
            pixels[e] = (float)drawing->centred[e];
        else if (row == REBUILT)
            pixels[e] = (float)((double)pixels[e] * drawing->divisors[e] +
                                (double)drawing->request->values->mean_image[e]);
    draw(drawing, column, shade);
}

static void draw_examples(struct Drawing *drawing, struct Shade shade) {
    char names[][SHEET_LONGEST_NAME + 1] = {"stored", "centred", "", "", "zca"};
    snprintf(names[REBUILT], sizeof names[0], "pca of %" PRId64, drawing->some);
    snprintf(names[WHITENED], sizeof names[0], "whitened %" PRId64, drawing->some);
    bool unscaled = strcmp(drawing->request->scale, "none") == 0;
    const struct Pca *pca = drawing->request->pca;
    const struct Shade shades[] = {[STORED] = shade,
                                   [CENTRED] = unscaled ? (struct Shade){-128, 1} : around_zero,
                                   [REBUILT] = shade,
                                   [WHITENED] =
                                       pca ? shade_whitened(drawing, drawing->some) : around_zero,
                                   [ZCA] = pca ? shade_whitened(drawing, pca->count) : around_zero};
    int64_t count = drawing->request->split->count;
    for (int row = STORED; row <= (pca ? ZCA : CENTRED); row++) {
        start_row(drawing, names[row]);
        for (int64_t i = 0; i < drawing->request->columns && i < count; i++)
            draw_example(drawing, (enum Row)row, i, shades[row]);
    }
}

int64_t statistics_sheet_components(const struct Pca *pca) {
    int64_t count = pca_components_for(pca, KEPT_VARIANCE);
    return count ? count : pca->count;
}

static int draw_sheet(struct Drawing *drawing, const char *path, struct Error *error) {
    const struct StatisticsSheet *request = drawing->request;
    int64_t rows = request->pca ? 8 : 4;
    int64_t high = drawing->image.height * drawing->scale;
    drawing->left = sheet__text_width("whitened 12345") + 2 * SHEET_GAP;
    drawing->step = (high > SHEET_TEXT_HEIGHT ? high : SHEET_TEXT_HEIGHT) + SHEET_GAP;
    int64_t wide = drawing->image.width * drawing->scale + SHEET_GAP;
    int code =
        sheet__create(&drawing->sheet, SHEET_GAP + rows * drawing->step,
                      drawing->left + request->columns * wide, path, "take a smaller count", error);
    if (code == OK) {
        struct Shade shade = sheet__shade_of_split(request->dataset, request->split);
        draw_means(drawing, shade);
        if (request->pca)
            draw_eigenimages(drawing);
        draw_examples(drawing, shade);
        code = sheet__write(&drawing->sheet, path, error);
    }
    sheet__release(&drawing->sheet);
    return code;
}

int statistics_sheet_write(const struct StatisticsSheet *request, const char *path,
                           struct Error *error) {
    const struct Dataset *dataset = request->dataset;
    struct Drawing drawing = {.request = request,
                              .image = {.height = dataset->height,
                                        .width = dataset->width,
                                        .channels = dataset->channels}};
    drawing.elements = image_elements(&drawing.image);
    drawing.scale = sheet__enlargement(dataset->height, dataset->width);
    drawing.image.pixels = memory_array(float, drawing.elements, "a picture");
    drawing.divisors = memory_array(double, drawing.elements, "a picture");
    drawing.centred = memory_array(double, drawing.elements, "a picture");
    drawing.projected = memory_array(double, drawing.elements, "a picture");
    drawing.order = memory_array(int64_t, request->split->count, "a picture");
    struct RandomStream stream = random_stream(0, RANDOM_SHUFFLE, 0, 0, 0);
    random_permutation(&stream, request->split->count, drawing.order);
    drawing.some = request->pca ? statistics_sheet_components(request->pca) : 0;
    int code = pca_divisors(dataset, request->values, request->scale, drawing.divisors, error);
    if (code == OK)
        code = draw_sheet(&drawing, path, error);
    memory_release(drawing.image.pixels);
    memory_release(drawing.divisors);
    memory_release(drawing.centred);
    memory_release(drawing.projected);
    memory_release(drawing.order);
    return code;
}
