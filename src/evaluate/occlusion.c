#include "evaluate/occlusion.h"

#include <math.h>
#include <string.h>

#include "base/memory.h"
#include "base/softmax.h"
#include "run/blocks.h"

#define PLACES (OCCLUSION_GRID * OCCLUSION_GRID)

/* One sample, and what is made of it. */
struct Occlusion {
    const struct Predictor *predictor;
    const struct Image *size;
    int64_t sample, class;
    float *image, *target; /* preprocessed */
    double *scores;        /* (block, outputs) */
};

/* Hides a patch around place `at` of OCCLUSION_GRID along a side of `length` pixels. */
static void find_ends(int64_t length, int64_t at, int64_t *from, int64_t *to) {
    int64_t half = length / 12 + 1;
    int64_t middle = (2 * at + 1) * length / (2 * OCCLUSION_GRID);
    *from = middle > half ? middle - half : 0;
    *to = middle + half < length ? middle + half : length;
}

static void hide(const struct Occlusion *occlusion, float *image, int64_t row, int64_t column) {
    const struct Image *size = occlusion->size;
    int64_t top, bottom, left, right;
    find_ends(size->height, row, &top, &bottom);
    find_ends(size->width, column, &left, &right);
    for (int64_t y = top; y < bottom; y++)
        memset(image + (y * size->width + left) * size->channels, 0,
               (size_t)((right - left) * size->channels) * sizeof *image);
}

/* The model's log p(class) of `count` images that are in the plan's input. */
static void judge(const struct Occlusion *occlusion, int64_t count, double *out) {
    const struct Predictor *predictor = occlusion->predictor;
    int64_t outputs = predictor->outputs;
    const struct ShardCall call = {
        .samples = count, .first = occlusion->sample, .batch = count, .state = predictor->state};
    plan_forward(predictor->plan, &call);
    plan_read_scores(predictor->plan, count, occlusion->scores);
    for (int64_t i = 0; i < count; i++) {
        const double *scores = occlusion->scores + i * outputs;
        out[i] = softmax_log(softmax_norm(outputs, scores), scores[occlusion->class]);
    }
}

/* Image number `place` of the map: the whole image comes after those with a patch hidden. */
static void make(const struct Occlusion *occlusion, float *input, int64_t place) {
    memcpy(input, occlusion->image, (size_t)image_elements(occlusion->size) * sizeof *input);
    if (place < PLACES)
        hide(occlusion, input, place / OCCLUSION_GRID, place % OCCLUSION_GRID);
}

/* The plan knows blocks of one size, so the last block is filled up with whole images. */
static void fill(const struct Occlusion *occlusion, int64_t block, double *map) {
    int64_t elements = image_elements(occlusion->size);
    double *all = memory_array(double, PLACES + block, "occlusion");
    for (int64_t first = 0; first <= PLACES; first += block) {
        float *input = plan_input(occlusion->predictor->plan);
        for (int64_t i = 0; i < block; i++)
            make(occlusion, input + i * elements, first + i);
        judge(occlusion, block, all + first);
    }
    for (int64_t i = 0; i < PLACES; i++)
        map[i] = all[PLACES] - all[i];
    memory_release(all);
}

int occlusion_map(const struct Predictor *predictor, const struct Split *split, int64_t sample,
                  int64_t class, double *map, struct Error *error) {
    const struct Image image = loader_image(predictor->loader), *size = &image;
    int64_t sizes[2];
    block_sizes(split->count, sizes);
    struct Occlusion occlusion = {
        .predictor = predictor, .size = size, .sample = sample, .class = class};
    occlusion.image = memory_array(float, image_elements(size), "occlusion");
    occlusion.target = memory_array(float, predictor->outputs, "occlusion");
    occlusion.scores = memory_array(double, sizes[0] * predictor->outputs, "occlusion");
    loader_fill(predictor->loader, 0, sample, 1, occlusion.image, occlusion.target, NULL);
    int code = loader_failed(predictor->loader, error);
    if (code == OK)
        fill(&occlusion, sizes[0], map);
    memory_release(occlusion.image);
    memory_release(occlusion.target);
    memory_release(occlusion.scores);
    return code;
}
