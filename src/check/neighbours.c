/* Whether labels of the training split are wrong. Each of some samples of both splits is taken for
 * the class that most of the training samples like it have. What is hard to tell is then as hard in
 * both splits; but if a part of the training labels is drawn at random, those are right less often
 * by that part. Nothing is trained, so that no label is learnt by heart. */
#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "base/memory.h"
#include "check/looks_at_data.h"

#define NEIGHBOURS 10
#define CELLS 4 /* along each side of an image */
#define MOST_FEATURES 1024
#define LANES 16    /* points whose distances are computed together */
#define TOGETHER 32 /* points that are asked for together */
#define MOST_TRAIN 50000
#define MOST_ASKED 5000 /* of each split */
#define SURE 4          /* standard errors */
#define MANY_WRONG 0.12

/* Samples that are spread over a split: their preprocessed channels, summed in cells. */
struct Points {
    const struct RunParts *parts;
    const struct Split *split;
    int64_t count, features;
    float *values; /* (blocks, features, LANES) */
};

struct Neighbours { /* the nearest first */
    int count;
    float distance[NEIGHBOURS];
    int32_t label[NEIGHBOURS];
};

/* How often samples of each class are taken for it. */
struct Agreement {
    int64_t *asked, *right, *said; /* (classes) */
    int64_t total;
};

static int64_t cells_of(int64_t side) {
    return side < CELLS ? side : CELLS;
}

static int64_t features_of(const struct Dataset *dataset) {
    return cells_of(dataset->height) * cells_of(dataset->width) * dataset->channels;
}

static int64_t sample_of(const struct Points *points, int64_t i) {
    return i * points->split->count / points->count;
}

/* Feature `j` of point `i`. */
static float *value_of(const struct Points *points, int64_t i, int64_t j) {
    return points->values + (i / LANES * points->features + j) * LANES + i % LANES;
}

/* Adds a preprocessed image, (height, width, channels), to the sums of point `i`. */
static void add_image(const struct Points *points, const float *image, int64_t i) {
    const struct Dataset *dataset = points->parts->dataset;
    int64_t rows = cells_of(dataset->height), columns = cells_of(dataset->width);
    int64_t channels = dataset->channels;
    for (int64_t y = 0; y < dataset->height; y++)
        for (int64_t x = 0; x < dataset->width; x++) {
            int64_t cell = y * rows / dataset->height * columns + x * columns / dataset->width;
            const float *pixel = image + (y * dataset->width + x) * channels;
            for (int64_t c = 0; c < channels; c++)
                *value_of(points, i, cell * channels + c) += pixel[c];
        }
}

static struct Points read_points(struct Preflight *preflight, const struct Split *split,
                                 int64_t most) {
    const struct RunParts *parts = experiment_parts(preflight->experiment);
    struct Points points = {.parts = parts,
                            .split = split,
                            .count = split->count < most ? split->count : most,
                            .features = features_of(parts->dataset)};
    float *image = memory_array(float, dataset_elements(parts->dataset), "an image");
    int64_t blocks = (points.count + LANES - 1) / LANES;
    points.values = memory_array(float, blocks *points.features *LANES, "sums over cells");
    for (int64_t i = 0; i < points.count; i++) {
        preprocess_apply(&parts->preprocess, split->bytes,
                         dataset_image(parts->dataset, split, sample_of(&points, i)), image);
        add_image(&points, image, i);
        beat_move(ranks_beat(preflight->ranks));
    }
    memory_release(image);
    return points;
}

/* The squares of the distances of the points of a block to `values` (features). */
static void distances(const struct Points *points, int64_t block, const float *values,
                      float *squares) {
    const float *others = points->values + block * points->features * LANES;
    float sums[LANES] = {0}; /* which stay in registers */
    for (int64_t j = 0; j < points->features; j++)
#pragma omp simd
        for (int64_t lane = 0; lane < LANES; lane++) {
            float apart = others[j * LANES + lane] - values[j];
            sums[lane] += apart * apart;
        }
    memcpy(squares, sums, sizeof sums);
}

static void keep(struct Neighbours *neighbours, float distance, int32_t label) {
    int at = neighbours->count < NEIGHBOURS ? neighbours->count++ : NEIGHBOURS - 1;
    while (at > 0 && neighbours->distance[at - 1] > distance) {
        neighbours->distance[at] = neighbours->distance[at - 1];
        neighbours->label[at] = neighbours->label[at - 1];
        at--;
    }
    neighbours->distance[at] = distance;
    neighbours->label[at] = label;
}

/* The most frequent label of the neighbours, among equals that of the nearest; −1: there are none.
 */
static int32_t vote(const struct Neighbours *neighbours) {
    int most = 0;
    int32_t label = -1;
    for (int i = 0; i < neighbours->count; i++) {
        int count = 0;
        for (int j = 0; j < neighbours->count; j++)
            count += neighbours->label[j] == neighbours->label[i];
        if (count > most) {
            most = count;
            label = neighbours->label[i];
        }
    }
    return label;
}

/* A point whose neighbours are looked for. */
struct Asked {
    int64_t point;
    float values[MOST_FEATURES];
    struct Neighbours neighbours;
};

/* Looks at a block of `train`, whose own points are not their own neighbours. */
static void look_at_block(const struct Points *train, bool own, int64_t block,
                          struct Asked *asked) {
    float squares[LANES];
    int64_t first = block * LANES;
    int64_t end = first + LANES < train->count ? first + LANES : train->count;
    distances(train, block, asked->values, squares);
    for (int64_t i = first; i < end; i++) {
        struct Neighbours *neighbours = &asked->neighbours;
        bool near = neighbours->count < NEIGHBOURS ||
                    squares[i - first] < neighbours->distance[NEIGHBOURS - 1];
        if (near && !(own && i == asked->point))
            keep(neighbours, squares[i - first], train->split->labels[sample_of(train, i)]);
    }
}

/* Looks for the neighbours in `train` of some points, together: each block is read once for all. */
static void look(const struct Points *train, const struct Points *points, struct Asked *asked,
                 int count) {
    for (int a = 0; a < count; a++) {
        asked[a].neighbours.count = 0;
        for (int64_t j = 0; j < points->features; j++)
            asked[a].values[j] = *value_of(points, asked[a].point, j);
    }
    for (int64_t block = 0; block * LANES < train->count; block++)
        for (int a = 0; a < count; a++)
            look_at_block(train, points == train, block, &asked[a]);
}

static void count_guess(const struct Points *points, const struct Asked *asked,
                        struct Agreement *agreement) {
    int32_t label = points->split->labels[sample_of(points, asked->point)];
    int32_t said = vote(&asked->neighbours);
    agreement->asked[label]++;
    agreement->right[label] += said == label;
    if (said >= 0)
        agreement->said[said]++;
}

/* Asks for up to MOST_ASKED of the points, which are spread over them. */
static struct Agreement ask(struct Preflight *preflight, const struct Points *train,
                            const struct Points *points) {
    int64_t classes = points->parts->dataset->targets.count;
    int64_t total = points->count < MOST_ASKED ? points->count : MOST_ASKED;
    struct Agreement agreement = {.asked = memory_array(int64_t, 3 * classes, "guesses"),
                                  .total = total};
    struct Asked *asked = memory_array(struct Asked, TOGETHER, "points and their neighbours");
    agreement.right = agreement.asked + classes;
    agreement.said = agreement.right + classes;
    for (int64_t n = 0; n < total; n += TOGETHER) {
        int count = n + TOGETHER < total ? TOGETHER : (int)(total - n);
        for (int a = 0; a < count; a++)
            asked[a].point = (n + a) * points->count / total;
        look(train, points, asked, count);
        for (int a = 0; a < count; a++)
            count_guess(points, &asked[a], &agreement);
        beat_move(ranks_beat(preflight->ranks));
    }
    memory_release(asked);
    return agreement;
}

/* Both agreements as if classes were as frequent as in the training split, of the classes that both
 * have. */
struct Comparison {
    double train, other, chance, error; /* error: of the difference */
};

static struct Comparison compare(const struct Agreement *train, const struct Agreement *other,
                                 int64_t classes) {
    struct Comparison result = {0};
    double weights = 0, train_squares = 0, other_squares = 0;
    for (int64_t k = 0; k < classes; k++) {
        double here = (double)train->asked[k], there = (double)other->asked[k];
        if (here == 0 || there == 0)
            continue;
        weights += here;
        result.train += (double)train->right[k];
        result.other += here * (double)other->right[k] / there;
        result.chance += here * (double)other->said[k] / (double)other->total;
        train_squares += here;
        other_squares += here * here / there;
    }
    result.train /= weights;
    result.other /= weights;
    result.chance /= weights;
    result.error = sqrt(result.train * (1 - result.train) * train_squares +
                        result.other * (1 - result.other) * other_squares) /
                   weights;
    return result;
}

static void report(struct Preflight *preflight, const struct Agreement *train,
                   const struct Agreement *other) {
    const struct RunParts *parts = experiment_parts(preflight->experiment);
    const struct Comparison found = compare(train, other, parts->dataset->targets.count);
    double wrong = 1 - (found.train - found.chance) / (found.other - found.chance);
    bool less = found.other > found.chance && found.other - found.train > SURE * found.error;
    if (isnan(found.train)) /* no class is in both */
        return;
    struct Finding *finding = findings__add(preflight->findings, CHECK_DATA, "similar_samples");
    finding__figure(finding, "agree", found.train);
    finding__figure(finding, "agree_in_validation", found.other);
    finding__figure(finding, "chance", found.chance);
    finding__figure(finding, "standard_error", found.error);
    finding__say(finding,
                 "most of the %d samples of %s that are most similar have the same label: for "
                 "%.0f %% of %" PRId64 " samples of %s, and %.0f %% of %" PRId64 " of %s",
                 NEIGHBOURS, parts->train->name, 100 * found.train, train->total,
                 parts->train->name, 100 * found.other, other->total, parts->validation->name);
    finding__expect(finding, "about as many in both, or more in %s", parts->train->name);
    if (!less || wrong < MANY_WRONG)
        return;
    finding__figure(finding, "wrong_labels", wrong);
    finding__say(finding, ", as if %.0f %% of the training labels were drawn at random",
                 100 * fmin(1, wrong));
    finding__blame(finding, CHECK_DOUBTFUL, CHECK_WRONG_LABELS, CHECK_WRONG_LABELS_ADVICE);
}

int check__neighbours(struct Preflight *preflight, struct Error *error) {
    const struct RunParts *parts = experiment_parts(preflight->experiment);
    if (!parts->validation || parts->validation == parts->train || !parts->train->labels ||
        !parts->validation->labels || features_of(parts->dataset) > MOST_FEATURES)
        return OK;
    struct Points train = read_points(preflight, parts->train, MOST_TRAIN);
    struct Points other = read_points(preflight, parts->validation, MOST_ASKED);
    int code = dataset_failed(parts->dataset, error);
    if (!code) {
        struct Agreement here = ask(preflight, &train, &train);
        struct Agreement there = ask(preflight, &train, &other);
        report(preflight, &here, &there);
        memory_release(here.asked);
        memory_release(there.asked);
    }
    memory_release(train.values);
    memory_release(other.values);
    return code;
}
