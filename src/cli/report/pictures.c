/* Pictures of a model: its worst mistakes, with maps of the regions that the prediction depends on,
 * and its first filters. */
#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "base/memory.h"
#include "cli/report/report.h"
#include "data/sheets/grid.h"
#include "evaluate/occlusion.h"

#define FILTER_COLUMNS 16
#define MOST_FILTERS 64
#define FAINT 0.35f /* the contrast of the image where the map is 0 */

/* ---- Mistakes ---- */

/* The data for pictures of a split's samples. */
struct Album {
    const struct Members *members;
    int member;
    float black, white;
    struct GridItem *items; /* two for each mistake: the image, and the map over it */
};

/* Reads the pixels of a sample as in the file. */
static int read_image(const struct Album *album, int64_t sample, struct Image *image,
                      struct Error *error) {
    const struct Dataset *dataset = album->members->dataset;
    *image = (struct Image){
        .height = dataset->height, .width = dataset->width, .channels = dataset->channels};
    image->pixels = memory_array(float, image_elements(image), "an image");
    dataset_copy_image(dataset, album->members->split, sample, image->pixels);
    return dataset_failed(dataset, error);
}

/* Finds the range of the pixels of the images that are shown. */
static void find_range(struct Album *album, int64_t count) {
    album->black = 0;
    album->white = 255;
    if (album->members->split->bytes)
        return;
    album->black = INFINITY;
    album->white = -INFINITY;
    for (int64_t i = 0; i < count; i++) {
        const struct Image *image = &album->items[i].image;
        for (int64_t e = 0; e < image_elements(image); e++) {
            album->black = fminf(album->black, image->pixels[e]);
            album->white = fmaxf(album->white, image->pixels[e]);
        }
    }
}

/* Converts the image to grey, and tints red the regions whose occlusion lowers the probability of
 * the class most. */
static struct Image overlay(const struct Album *album, const struct Image *image,
                            const double *map) {
    struct Image out = {.height = image->height, .width = image->width, .channels = 3};
    out.pixels = memory_array(float, image_elements(&out), "an image");
    double most = 1e-9;
    for (int i = 0; i < OCCLUSION_GRID * OCCLUSION_GRID; i++)
        most = map[i] > most ? map[i] : most;
    for (int64_t y = 0; y < image->height; y++)
        for (int64_t x = 0; x < image->width; x++) {
            const float *from = image->pixels + (y * image->width + x) * image->channels;
            float *to = out.pixels + (y * image->width + x) * 3, grey = 0;
            int64_t row = y * OCCLUSION_GRID / image->height;
            int64_t column = x * OCCLUSION_GRID / image->width;
            float heat = (float)(fmax(map[row * OCCLUSION_GRID + column], 0) / most);
            for (int64_t c = 0; c < image->channels; c++)
                grey += from[c] / (float)image->channels;
            float light = FAINT * (grey - album->black) / (album->white - album->black);
            to[0] = light + (1 - FAINT) * heat;
            to[1] = light + (1 - FAINT) * 0.25f * heat;
            to[2] = light;
        }
    return out;
}

static int fill_mistakes(struct Album *album, const struct Judged *judged, struct Error *error) {
    const struct Predictor *predictor = &album->members->predictors[album->member];
    double map[OCCLUSION_GRID * OCCLUSION_GRID];
    int code = OK;
    for (int i = 0; i < judged->mistake_count && code == OK; i++)
        code = read_image(album, judged->mistakes[i].sample, &album->items[2 * i].image, error);
    if (code == OK)
        find_range(album, 2 * judged->mistake_count);
    predictor_prepare(predictor);
    for (int i = 0; i < judged->mistake_count && code == OK; i++) {
        const struct Mistake *mistake = &judged->mistakes[i];
        struct GridItem *image = &album->items[2 * i], *over = &album->items[2 * i + 1];
        code = occlusion_map(predictor, judged->split, mistake->sample, mistake->predicted, map,
                             error);
        if (code == OK)
            over->image = overlay(album, &image->image, map);
        image->black = album->black;
        image->white = album->white;
        over->white = 1;
    }
    return code;
}

/* Whether the samples are images, and the model sees each of them once, as an image. */
static bool has_pictures(const struct Members *members, int member) {
    const struct Member *item = &members->items[member];
    return members->dataset->height > 1 && members->dataset->width > 1 &&
           !preprocess_makes_vector(&item->preprocess) && !item->test_time &&
           !members->split->in_blocks;
}

/* The image of mistake `number` beside its map. */
static int add_mistake(struct Report *report, const struct Album *album,
                       const struct Judged *judged, int number, struct Error *error) {
    const struct Mistake *mistake = &judged->mistakes[number];
    char *const *names = album->members->dataset->targets.names;
    char *name = memory_print("mistakes-%d-%d.png", report->first + album->member + 1, number + 1);
    char *path = report_path(report, name);
    char *caption =
        memory_print("is %s, said %s (%.0f %% sure); no. %" PRId64, names[mistake->truth],
                     names[mistake->predicted], 100 * mistake->probability, mistake->sample);
    int code = grid_write(album->items + (ptrdiff_t)2 * number, 2, 2, path, error);
    if (code == OK)
        code = page_small_picture(&report->page, path, caption, error);
    memory_release(name);
    memory_release(path);
    memory_release(caption);
    return code;
}

int report_add_mistakes(struct Report *report, const struct Members *members, int member,
                        const struct Judged *judged, struct Error *error) {
    int64_t count = 2 * judged->mistake_count;
    if (!count || !has_pictures(members, member))
        return OK;
    struct Album album = {.members = members, .member = member};
    album.items = memory_array(struct GridItem, count, "pictures");
    int code = fill_mistakes(&album, judged, error);
    page_heading(&report->page, "Worst mistakes");
    page_words(&report->page,
               "The samples to whose true class the model gives the lowest probability, with what "
               "it said instead, how sure it was, and the number of the sample. Beside each image, "
               "red is where hiding it costs the predicted class the most, so where the model "
               "looked.");
    for (int i = 0; i < judged->mistake_count && code == OK; i++)
        code = add_mistake(report, &album, judged, i, error);
    for (int64_t i = 0; i < count; i++)
        memory_release(album.items[i].image.pixels);
    memory_release(album.items);
    return code;
}

/* ---- Filters ---- */

/* The weights of the first convolution whose input has the image's channels; NULL if there is
 * none. */
static const struct ArenaRow *first_filters(const struct Members *members, int member) {
    const struct Arena *arena = model_arena(members->items[member].model);
    for (int i = 0; i < arena->row_count; i++) {
        const struct ArenaRow *row = &arena->rows[i];
        if (row->role == ROLE_WEIGHT)
            return row->rank == 4 && row->size[1] > 1 && row->size[2] > 1 &&
                           row->size[3] == members->dataset->channels
                       ? row
                       : NULL;
    }
    return NULL;
}

int report_add_filters(struct Report *report, const struct Members *members, int member,
                       struct Error *error) {
    const struct ArenaRow *row = first_filters(members, member);
    if (!row)
        return OK;
    int64_t count = row->size[0] < MOST_FILTERS ? row->size[0] : MOST_FILTERS;
    int64_t elements = row->size[1] * row->size[2] * row->size[3];
    float *weights = members->items[member].state + row->offset, most = 0;
    struct GridItem *items = memory_array(struct GridItem, count, "filters");
    for (int64_t i = 0; i < count * elements; i++)
        most = fmaxf(most, fabsf(weights[i]));
    for (int64_t i = 0; i < count; i++)
        items[i] = (struct GridItem){.image = {.height = row->size[1],
                                               .width = row->size[2],
                                               .channels = row->size[3],
                                               .pixels = weights + i * elements},
                                     .black = -most,
                                     .white = most};
    char *name = memory_print("filters-%d.png", report->first + member + 1);
    char *path = report_path(report, name);
    int code = grid_write(items, count, FILTER_COLUMNS, path, error);
    page_heading(&report->page, "Filters of the first layer");
    if (code == OK)
        code = page_picture(&report->page, path,
                            "Grey is 0. Smooth patterns say that the layer has learned; noise says "
                            "that it was trained too briefly, or with too little regularisation",
                            error);
    memory_release(items);
    memory_release(name);
    memory_release(path);
    return code;
}
