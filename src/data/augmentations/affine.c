#include "data/augmentations/affine.h"

#include <string.h>

const char *const affine_fill_names[] = {"zero", "edge", "reflect", NULL};

/* Which pixel of a line of `size` pixels is shown at place i, inside the line or not; −1: none, the
 * value is zero. */
static int64_t inside(int64_t i, int64_t size, enum AffineFill fill) {
    if (i >= 0 && i < size)
        return i;
    if (fill == AFFINE_ZERO)
        return -1;
    if (fill == AFFINE_EDGE || size == 1)
        return i < 0 ? 0 : size - 1;
    int64_t period = 2 * (size - 1);
    i = ((i % period) + period) % period;
    return i < size ? i : period - i;
}

/* Adds weight · in[y][x] to one output pixel; outside the image,
 * `fill` decides what in[y][x] is. */
static void add_pixel(const struct Image *in, enum AffineFill fill, int64_t y, int64_t x,
                      float weight, float *to) {
    y = inside(y, in->height, fill);
    x = inside(x, in->width, fill);
    if (y < 0 || x < 0)
        return;
    const float *from = in->pixels + (y * in->width + x) * in->channels;
    for (int64_t c = 0; c < in->channels; c++)
        to[c] += weight * from[c];
}

static void sample_border(const struct Image *in, enum AffineFill fill, int64_t y, int64_t x,
                          float down, float right, float *to) {
    memset(to, 0, (size_t)in->channels * sizeof(float));
    add_pixel(in, fill, y, x, (1 - down) * (1 - right), to);
    add_pixel(in, fill, y, x + 1, (1 - down) * right, to);
    add_pixel(in, fill, y + 1, x, down * (1 - right), to);
    add_pixel(in, fill, y + 1, x + 1, down * right, to);
}

static void sample_inside(const struct Image *in, int64_t y, int64_t x, float down, float right,
                          float *restrict to) {
    int64_t channels = in->channels;
    const float *restrict above = in->pixels + (y * in->width + x) * channels;
    const float *restrict below = above + in->width * channels;
    float a = (1 - down) * (1 - right), b = (1 - down) * right, c = down * (1 - right),
          d = down * right;
    for (int64_t i = 0; i < channels; i++)
        to[i] = a * above[i] + b * above[i + channels] + c * below[i] + d * below[i + channels];
}

/* floor(): plain x86-64 has no instruction for it. */
static int64_t whole_below(double value) {
    int64_t whole = (int64_t)value;
    return whole - (value < (double)whole);
}

void affine__apply(const double m[6], enum AffineFill fill, const struct Image *in,
                   struct Image *out) {
    double middle_x = ((double)in->width - 1) / 2, middle_y = ((double)in->height - 1) / 2;
    float *to = out->pixels;
    for (int64_t row = 0; row < in->height; row++) {
        double y = (double)row - middle_y;
        for (int64_t column = 0; column < in->width; column++, to += in->channels) {
            double x = (double)column - middle_x;
            double from_x = m[0] * x + m[1] * y + m[2] + middle_x;
            double from_y = m[3] * x + m[4] * y + m[5] + middle_y;
            int64_t i = whole_below(from_x), j = whole_below(from_y);
            float right = (float)(from_x - (double)i), down = (float)(from_y - (double)j);
            if (i >= 0 && j >= 0 && i + 1 < in->width && j + 1 < in->height)
                sample_inside(in, j, i, down, right, to);
            else
                sample_border(in, fill, j, i, down, right, to);
        }
    }
}
