#include "pictures/resize.h"

#include <math.h>
#include <string.h>

#include "base/memory.h"

const char *const resize_rule_names[RESIZE_RULES] = {"crop", "stretch", "pad"};

/* One side of an image: the output pixels from `out_first` on, `out_count` of them, show the
 * interval [start, end) of the source. */
struct Side {
    int64_t source; /* pixels of the source */
    double start, end;
    int64_t out_first, out_count;
};

/* The source pixels that make up output pixel i: their number, the first, and their weights, for
 * which there must be room for most_taps. */
static int64_t taps(const struct Side *side, int64_t i, float *weights, int64_t *first) {
    double step = (side->end - side->start) / (double)side->out_count;
    if (step > 1) { /* shrinking: the weight is the part of each pixel in [low, high) */
        double low = side->start + (double)i * step, high = low + step;
        int64_t from = (int64_t)floor(low + 1e-9), to = (int64_t)ceil(high - 1e-9);
        from = from < 0 ? 0 : from;
        to = to > side->source ? side->source : to;
        for (int64_t k = from; k < to; k++)
            weights[k - from] =
                (float)((fmin(high, (double)k + 1) - fmax(low, (double)k)) / (high - low));
        *first = from;
        return to - from;
    }
    double centre = side->start + ((double)i + 0.5) * step - 0.5;
    double last = (double)side->source - 1;
    centre = fmin(fmax(centre, 0), last);
    int64_t left = (int64_t)centre;
    float right_weight = (float)(centre - (double)left);
    *first = left;
    weights[0] = 1 - right_weight;
    weights[1] = right_weight;
    return right_weight > 0 ? 2 : 1;
}

static int64_t most_taps(const struct Side *side) {
    return (int64_t)((side->end - side->start) / (double)side->out_count) + 3;
}

static struct Side make_side(enum ResizeRule rule, int64_t source, int64_t out, double scale) {
    struct Side side = {source, 0, (double)source, 0, out};
    if (rule == RESIZE_CROP) { /* the middle out / scale pixels of the source */
        double shown = fmin((double)out / scale, (double)source);
        side.start = ((double)source - shown) / 2;
        side.end = side.start + shown;
    } else if (rule == RESIZE_PAD) {
        int64_t covered = (int64_t)llround((double)source * scale);
        side.out_count = covered < 1 ? 1 : covered > out ? out : covered;
        side.out_first = (out - side.out_count) / 2;
    }
    return side;
}

/* The weighted sum of `count` pixels of one channel, `channels` values apart. */
static float sum_bytes(const uint8_t *from, int64_t channels, const float *weights, int64_t count) {
    float sum = 0;
    for (int64_t k = 0; k < count; k++)
        sum += weights[k] * (float)from[k * channels];
    return sum;
}

static float sum_floats(const float *from, int64_t channels, const float *weights, int64_t count) {
    float sum = 0;
    for (int64_t k = 0; k < count; k++)
        sum += weights[k] * from[k * channels];
    return sum;
}

/* Resamples along the rows: (source height, out width, channels). The caller releases it. */
static float *resample_rows(const struct Picture *in, const struct Side *side) {
    int64_t channels = in->channels, width = side->out_count;
    float *middle = memory_array(float, (in->height * width * channels), "resize");
    float *weights = memory_array(float, most_taps(side), "resize");
    for (int64_t x = 0; x < width; x++) {
        int64_t first, count = taps(side, x, weights, &first);
        for (int64_t y = 0; y < in->height; y++)
            for (int64_t c = 0; c < channels; c++) {
                int64_t from = (y * in->width + first) * channels + c;
                middle[(y * width + x) * channels + c] =
                    in->floats
                        ? sum_floats((const float *)in->values + from, channels, weights, count)
                        : sum_bytes((const uint8_t *)in->values + from, channels, weights, count);
            }
    }
    memory_release(weights);
    return middle;
}

static void resample_columns(const float *middle, const struct Side *side, int64_t width,
                             int64_t channels, int64_t out_first, int64_t out_width, bool floats,
                             void *out) {
    int64_t values = width * channels;
    float *weights = memory_array(float, most_taps(side), "resize");
    for (int64_t y = 0; y < side->out_count; y++) {
        int64_t first, count = taps(side, y, weights, &first);
        int64_t to = ((side->out_first + y) * out_width + out_first) * channels;
        for (int64_t i = 0; i < values; i++) {
            float sum = 0;
            for (int64_t k = 0; k < count; k++)
                sum += weights[k] * middle[(first + k) * values + i];
            if (floats)
                ((float *)out)[to + i] = sum;
            else
                ((uint8_t *)out)[to + i] = (uint8_t)fminf(sum + 0.5f, 255);
        }
    }
    memory_release(weights);
}

void resize_image(const struct Picture *in, enum ResizeRule rule, int64_t height, int64_t width,
                  void *out) {
    size_t bytes = (size_t)(height * width * in->channels) * (in->floats ? sizeof(float) : 1);
    if (in->height == height && in->width == width) {
        memcpy(out, in->values, bytes);
        return;
    }
    double by_height = (double)height / (double)in->height;
    double by_width = (double)width / (double)in->width;
    double scale = rule == RESIZE_PAD ? fmin(by_height, by_width) : fmax(by_height, by_width);
    struct Side rows = make_side(rule, in->height, height, scale);
    struct Side columns = make_side(rule, in->width, width, scale);
    float *middle = resample_rows(in, &columns);
    memset(out, 0, bytes);
    resample_columns(middle, &rows, columns.out_count, in->channels, columns.out_first, width,
                     in->floats, out);
    memory_release(middle);
}
