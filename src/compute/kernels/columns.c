#include "compute/columns.h"

#include <string.h>

static void gather_line(const struct ConvShape *s, int64_t group, int64_t line, const real *x,
                        real *columns) {
    int64_t channels = s->in_channels / s->groups, span = s->kernel_width * channels;
    int64_t n = line / s->out_height, p = line % s->out_height;
    bool dense = s->groups == 1 && s->dilation_width == 1;
    for (int64_t q = 0; q < s->out_width; q++) {
        int64_t left = q * s->stride_width - s->pad_width;
        bool whole = dense && left >= 0 && left + s->kernel_width <= s->width;
        for (int64_t kh = 0; kh < s->kernel_height; kh++, columns += span) {
            int64_t h = p * s->stride_height - s->pad_height + kh * s->dilation_height;
            if (h < 0 || h >= s->height) {
                memset(columns, 0, (size_t)span * sizeof(real));
                continue;
            }
            const real *row =
                x + (n * s->height + h) * s->width * s->in_channels + group * channels;
            if (whole) {
                memcpy(columns, row + left * channels, (size_t)span * sizeof(real));
                continue;
            }
            for (int64_t kw = 0; kw < s->kernel_width; kw++) {
                int64_t w = left + kw * s->dilation_width;
                if (w < 0 || w >= s->width)
                    memset(columns + kw * channels, 0, (size_t)channels * sizeof(real));
                else
                    memcpy(columns + kw * channels, row + w * s->in_channels,
                           (size_t)channels * sizeof(real));
            }
        }
    }
}

void KERNEL(columns__gather)(const struct ConvShape *shape, int64_t group, int64_t first,
                             int64_t count, const real *x, real *columns) {
    int64_t line_elements = shape->out_width * shape->kernel_height * shape->kernel_width *
                            (shape->in_channels / shape->groups);
#pragma omp parallel for schedule(static)
    for (int64_t line = 0; line < count; line++)
        gather_line(shape, group, first + line, x, columns + line * line_elements);
}

/* Adds to one input line the columns that an output line of the same sample gathered from it at
 * kernel row kh. */
static void scatter_line(const struct ConvShape *s, int64_t kh, const real *columns, real *dx) {
    int64_t channels = s->in_channels / s->groups, span = s->kernel_width * channels;
    for (int64_t q = 0; q < s->out_width; q++) {
        const real *from = columns + (q * s->kernel_height + kh) * span;
        for (int64_t kw = 0; kw < s->kernel_width; kw++) {
            int64_t w = q * s->stride_width - s->pad_width + kw * s->dilation_width;
            if (w < 0 || w >= s->width)
                continue;
            real *to = dx + w * s->in_channels;
            for (int64_t c = 0; c < channels; c++)
                to[c] += from[kw * channels + c];
        }
    }
}

void KERNEL(columns__scatter)(const struct ConvShape *shape, int64_t group, int64_t first,
                              int64_t count, const real *columns, real *dx) {
    const struct ConvShape *s = shape;
    int64_t channels = s->in_channels / s->groups;
    int64_t line_elements = s->out_width * s->kernel_height * s->kernel_width * channels;
    int64_t first_sample = first / s->out_height, last_sample = (first + count - 1) / s->out_height;
    /* Loops over input lines, so that threads write to different lines and the order of the sum is
     * fixed. */
#pragma omp parallel for schedule(static)
    for (int64_t line = first_sample * s->height; line < (last_sample + 1) * s->height; line++) {
        int64_t n = line / s->height, h = line % s->height;
        real *row = dx + line * s->width * s->in_channels + group * channels;
        for (int64_t kh = 0; kh < s->kernel_height; kh++) {
            int64_t above = h + s->pad_height - kh * s->dilation_height;
            if (above < 0 || above % s->stride_height || above / s->stride_height >= s->out_height)
                continue;
            int64_t from = n * s->out_height + above / s->stride_height - first;
            if (from >= 0 && from < count)
                scatter_line(s, kh, columns + from * line_elements, row);
        }
    }
}
