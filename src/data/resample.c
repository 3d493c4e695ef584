#include "data/resample.h"

#include <math.h>
#include <string.h>

#include "base/memory.h"

/* The source pixels that make up an output pixel: `count` of them from `first` on, with their
 * weights. */
struct Taps {
    int64_t first, count;
    float *weights;
};

struct Resampler {
    struct Taps *columns; /* one for each output column */
    struct Taps row;
    float *blended; /* one row of the box: (width, channels) */
};

static int64_t most_taps(int64_t in, int64_t out) {
    return 2 * (in / out + 1) + 2;
}

struct Resampler *resample__create(const struct Image *in, const struct Image *out) {
    int64_t across = most_taps(in->width, out->width), down = most_taps(in->height, out->height);
    size_t columns = (size_t)out->width * sizeof(struct Taps);
    int64_t floats = out->width * across + down + in->width * in->channels;
    struct Resampler *resampler =
        memory_allocate(sizeof *resampler + columns + (size_t)floats * sizeof(float), "resampling");
    resampler->columns = (struct Taps *)(void *)(resampler + 1);
    float *at = (float *)(void *)(resampler->columns + out->width);
    for (int64_t x = 0; x < out->width; x++, at += across)
        resampler->columns[x].weights = at;
    resampler->row.weights = at;
    resampler->blended = at + down;
    return resampler;
}

/* The taps of output pixel i, if `out` pixels show the source's interval [start, start + size). */
static void find_taps(struct Taps *taps, int64_t i, int64_t out, int64_t start, int64_t size) {
    double step = (double)size / (double)out, support = step > 1 ? step : 1, sum = 0;
    double centre = step * ((double)i + 0.5);
    int64_t first = (int64_t)fmax(centre - support + 0.5, 0);
    int64_t end = (int64_t)fmin(centre + support + 0.5, (double)size);
    for (int64_t k = first; k < end; k++)
        sum += fmax(0, 1 - fabs((double)k + 0.5 - centre) / support);
    for (int64_t k = first; k < end; k++)
        taps->weights[k - first] =
            (float)(fmax(0, 1 - fabs((double)k + 0.5 - centre) / support) / sum);
    taps->first = start + first;
    taps->count = end - first;
}

/* out[i] = Σ_k weights[k] · in[k · stride + i], for `count` values. */
static void blend(const struct Taps *taps, int64_t stride, int64_t count, const float *restrict in,
                  float *restrict out) {
    for (int64_t i = 0; i < count; i++)
        out[i] = taps->weights[0] * in[i];
    for (int64_t k = 1; k < taps->count; k++) {
        float weight = taps->weights[k];
        const float *from = in + k * stride;
        for (int64_t i = 0; i < count; i++)
            out[i] += weight * from[i];
    }
}

static void copy_box(const struct Image *in, const struct Box *box, struct Image *out) {
    int64_t row = in->width * in->channels, kept = box->width * in->channels;
    for (int64_t y = 0; y < box->height; y++)
        memcpy(out->pixels + y * kept, in->pixels + (box->top + y) * row + box->left * in->channels,
               (size_t)kept * sizeof(float));
}

/* Makes a row of the output from one row of the source that is already blended of several. */
static void blend_columns(const struct Resampler *resampler, const struct Image *out, int64_t left,
                          float *to) {
    int64_t channels = out->channels;
    for (int64_t x = 0; x < out->width; x++, to += channels) {
        const struct Taps *taps = &resampler->columns[x];
        const float *from = resampler->blended + (taps->first - left) * channels;
        for (int64_t c = 0; c < channels; c++) {
            float sum = 0;
            for (int64_t k = 0; k < taps->count; k++)
                sum += taps->weights[k] * from[k * channels + c];
            to[c] = sum;
        }
    }
}

void resample__image(struct Resampler *resampler, const struct Image *in, const struct Box *box,
                     struct Image *out) {
    if (box->height == out->height && box->width == out->width) {
        copy_box(in, box, out);
        return;
    }
    int64_t row = in->width * in->channels;
    for (int64_t x = 0; x < out->width; x++)
        find_taps(&resampler->columns[x], x, out->width, box->left, box->width);
    for (int64_t y = 0; y < out->height; y++) {
        find_taps(&resampler->row, y, out->height, box->top, box->height);
        blend(&resampler->row, row, box->width * in->channels,
              in->pixels + resampler->row.first * row + box->left * in->channels,
              resampler->blended);
        blend_columns(resampler, out, box->left, out->pixels + y * out->width * out->channels);
    }
}

struct Box resample__box_of_centre(const struct Image *in, int64_t height, int64_t width,
                                   double part) {
    double by_height = (double)in->height / (double)height;
    double by_width = (double)in->width / (double)width;
    double scale = part * (by_height < by_width ? by_height : by_width);
    struct Box box = {.height = llround((double)height * scale),
                      .width = llround((double)width * scale)};
    box.height = box.height < 1 ? 1 : box.height;
    box.width = box.width < 1 ? 1 : box.width;
    box.top = (in->height - box.height) / 2;
    box.left = (in->width - box.width) / 2;
    return box;
}
