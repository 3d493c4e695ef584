#include "compute/depthwise.h"

#include <string.h>

bool KERNEL(depthwise__serves)(const struct ConvShape *shape) {
    return shape->groups > 1 && shape->groups == shape->in_channels &&
           shape->groups == shape->out_channels;
}

static int64_t tap_count(const struct ConvShape *shape) {
    return shape->kernel_height * shape->kernel_width;
}

size_t KERNEL(depthwise__scratch_bytes)(const struct ConvShape *shape) {
    return (size_t)(2 * tap_count(shape) * shape->in_channels) * sizeof(real);
}

void KERNEL(depthwise__prepare)(const struct ConvShape *shape, const real *weights, real *taps) {
    int64_t count = tap_count(shape), channels = shape->in_channels;
    for (int64_t tap = 0; tap < count; tap++)
        for (int64_t c = 0; c < channels; c++)
            taps[tap * channels + c] = weights[c * count + tap];
}

/* The range [first, end) of the q in 0 … out−1 whose input column q·stride + shift is inside. */
static void inside(int64_t out, int64_t width, int64_t stride, int64_t shift, int64_t *first,
                   int64_t *end) {
    *first = shift < 0 ? (-shift + stride - 1) / stride : 0;
    *end = width - shift <= 0 ? 0 : (width - shift - 1) / stride + 1;
    if (*end > out)
        *end = out;
    if (*first > *end)
        *first = *end;
}

void KERNEL(depthwise__forward)(const struct ConvShape *shape, int64_t samples, const real *x,
                                const real *taps, const real *bias, real *y) {
    const struct ConvShape s = *shape;
    int64_t channels = s.in_channels;
#pragma omp parallel for schedule(static)
    for (int64_t line = 0; line < samples * s.out_height; line++) {
        int64_t n = line / s.out_height, p = line % s.out_height;
        real *out = y + line * s.out_width * channels;
        for (int64_t q = 0; q < s.out_width; q++)
            for (int64_t c = 0; c < channels; c++)
                out[q * channels + c] = bias ? bias[c] : 0;
        for (int64_t kh = 0; kh < s.kernel_height; kh++) {
            int64_t h = p * s.stride_height - s.pad_height + kh * s.dilation_height;
            if (h < 0 || h >= s.height)
                continue;
            for (int64_t kw = 0; kw < s.kernel_width; kw++) {
                int64_t shift = kw * s.dilation_width - s.pad_width, first, end;
                const real *tap = taps + (kh * s.kernel_width + kw) * channels;
                inside(s.out_width, s.width, s.stride_width, shift, &first, &end);
                for (int64_t q = first; q < end; q++) {
                    const real *in =
                        x + ((n * s.height + h) * s.width + q * s.stride_width + shift) * channels;
                    for (int64_t c = 0; c < channels; c++)
                        out[q * channels + c] += in[c] * tap[c];
                }
            }
        }
    }
}

void KERNEL(depthwise__backward_data)(const struct ConvShape *shape, int64_t samples,
                                      const real *dy, const real *taps, real *dx) {
    const struct ConvShape s = *shape;
    int64_t channels = s.in_channels;
#pragma omp parallel for schedule(static)
    for (int64_t line = 0; line < samples * s.height; line++) {
        int64_t n = line / s.height, h = line % s.height;
        real *in = dx + line * s.width * channels;
        memset(in, 0, (size_t)(s.width * channels) * sizeof(real));
        for (int64_t kh = 0; kh < s.kernel_height; kh++) {
            int64_t above = h + s.pad_height - kh * s.dilation_height, p = above / s.stride_height;
            if (above < 0 || above % s.stride_height || p >= s.out_height)
                continue;
            for (int64_t kw = 0; kw < s.kernel_width; kw++) {
                int64_t shift = kw * s.dilation_width - s.pad_width, first, end;
                const real *tap = taps + (kh * s.kernel_width + kw) * channels;
                inside(s.out_width, s.width, s.stride_width, shift, &first, &end);
                for (int64_t q = first; q < end; q++) {
                    const real *out = dy + ((n * s.out_height + p) * s.out_width + q) * channels;
                    real *to = in + (q * s.stride_width + shift) * channels;
                    for (int64_t c = 0; c < channels; c++)
                        to[c] += out[c] * tap[c];
                }
            }
        }
    }
}

/* The gradient of one tap, summed over all lines; each line is summed by itself first, for
 * accuracy. */
static void sum_tap(const struct ConvShape *shape, int64_t samples, int64_t tap, const real *x,
                    const real *dy, real *total, real *part) {
    const struct ConvShape s = *shape;
    int64_t channels = s.in_channels, first, end;
    int64_t shift = (tap % s.kernel_width) * s.dilation_width - s.pad_width;
    inside(s.out_width, s.width, s.stride_width, shift, &first, &end);
    memset(total, 0, (size_t)channels * sizeof(real));
    for (int64_t line = 0; line < samples * s.out_height; line++) {
        int64_t n = line / s.out_height, p = line % s.out_height;
        int64_t h = p * s.stride_height - s.pad_height + (tap / s.kernel_width) * s.dilation_height;
        if (h < 0 || h >= s.height)
            continue;
        memset(part, 0, (size_t)channels * sizeof(real));
        for (int64_t q = first; q < end; q++) {
            const real *in =
                x + ((n * s.height + h) * s.width + q * s.stride_width + shift) * channels;
            const real *out = dy + (line * s.out_width + q) * channels;
            for (int64_t c = 0; c < channels; c++)
                part[c] += in[c] * out[c];
        }
        for (int64_t c = 0; c < channels; c++)
            total[c] += part[c];
    }
}

void KERNEL(depthwise__backward_weights)(const struct ConvShape *shape, int64_t samples,
                                         const real *x, const real *dy, real *dw, real *scratch) {
    int64_t count = tap_count(shape), channels = shape->in_channels;
#pragma omp parallel for schedule(static)
    for (int64_t tap = 0; tap < count; tap++) {
        real *total = scratch + 2 * tap * channels;
        sum_tap(shape, samples, tap, x, dy, total, total + channels);
        for (int64_t c = 0; c < channels; c++)
            dw[c * count + tap] = total[c];
    }
}
