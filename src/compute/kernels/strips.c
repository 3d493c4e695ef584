#include <omp.h>
#include <string.h>

#include "compute/columns.h"
#include "compute/strips_kernel.h"

/* Bytes of an input that should stay in a second-level cache while it is used several times. */
#define BAND_BYTES ((int64_t)1 << 18)
/* Up to so many input channels, backward weights pads the input and takes a row of taps as one. */
#define FEW_CHANNELS 4

static int64_t round_up(int64_t count, int64_t multiple) {
    return (count + multiple - 1) / multiple * multiple;
}

static bool serves(const struct ConvShape *s, enum Pass pass) {
    (void)pass;
    return s->groups == 1 && s->dilation_height == 1 && s->dilation_width == 1;
}

/* ---- planes ---- */

/* One dimension of a convolution: out[i] = Σ_t in[i · stride − pad + t] · w[t]. */
struct Axis {
    int64_t in, out, kernel, stride, pad;
};

struct Range {
    int64_t first, end;
};

/* The taps of output i that are inside. */
static struct Range taps_at(const struct Axis *axis, int64_t i) {
    int64_t at = i * axis->stride - axis->pad;
    int64_t first = at < 0 ? smaller(-at, axis->kernel) : 0;
    return (struct Range){first, larger(first, smaller(axis->kernel, axis->in - at))};
}

/* The outputs with all taps inside, within `range`. */
static struct Range interior(const struct Axis *axis, struct Range range) {
    int64_t first = axis->pad <= 0 ? 0 : (axis->pad + axis->stride - 1) / axis->stride;
    int64_t last = axis->in + axis->pad - axis->kernel; /* of i · stride */
    int64_t end = last < 0 ? 0 : last / axis->stride + 1;
    first = smaller(larger(first, range.first), range.end);
    return (struct Range){first, larger(first, smaller(end, range.end))};
}

/* One image's convolution of `depth` to `channels` channels. */
struct Plane {
    struct Axis rows, columns;
    int64_t depth, channels;
    int64_t in_row, out_row, out_pixel; /* elements from one to the next; an input pixel: depth */
    bool relu, stream;                  /* as in struct Strip */
};

/* Rows of an image as the products read them, from row `first` on. */
struct Rows {
    const real *data;
    int64_t first;
};

struct Panel { /* of output channels */
    const real *weights;
    int vectors;
    int64_t first, channels;
    real start[WIDTH] __attribute__((aligned(64)));
};

static int64_t vectors_of(int64_t channels) {
    return (channels + LANES - 1) / LANES;
}

static int64_t weight_elements(const struct Plane *plane) {
    return plane->rows.kernel * plane->columns.kernel * plane->depth * vectors_of(plane->channels) *
           LANES;
}

static struct Panel panel_at(const struct Plane *plane, int64_t first, const real *weights,
                             const real *bias) {
    int64_t taps = plane->rows.kernel * plane->columns.kernel * plane->depth;
    struct Panel panel = {.weights = weights + taps * first,
                          .first = first,
                          .channels = smaller(WIDTH, plane->channels - first)};
    panel.vectors = (int)vectors_of(panel.channels);
    if (bias)
        memcpy(panel.start, bias + first, (size_t)panel.channels * sizeof(real));
    return panel;
}

/* `count` outputs from (p, q) on, to the right or downwards, which have the same taps inside. */
static void run_strip(const struct Plane *plane, const struct Panel *panel, int64_t p, int64_t q,
                      int64_t count, bool downwards, struct Rows in, element *out) {
    struct Range r = taps_at(&plane->rows, p), t = taps_at(&plane->columns, q);
    int64_t width = panel->vectors * LANES, row = plane->columns.kernel * plane->depth * width;
    int64_t h = p * plane->rows.stride - plane->rows.pad + r.first;
    int64_t w = q * plane->columns.stride - plane->columns.pad + t.first;
    const struct Strip strip = {.count = count,
                                .rows = t.end > t.first ? r.end - r.first : 0,
                                .depth = (t.end - t.first) * plane->depth,
                                .a_pixel = downwards ? plane->rows.stride * plane->in_row
                                                     : plane->columns.stride * plane->depth,
                                .a_row = plane->in_row,
                                .weight_row = row,
                                .c_pixel = downwards ? plane->out_row : plane->out_pixel,
                                .vectors = panel->vectors,
                                .channels = panel->channels,
                                .start = panel->start,
                                .relu = plane->relu,
                                .stream = plane->stream};
    KERNEL(strips__multiply)
    (&strip, in.data + (h - in.first) * plane->in_row + w * plane->depth,
     panel->weights + r.first * row + t.first * plane->depth * width,
     out + p * plane->out_row + q * plane->out_pixel + panel->first);
}

/* The output rows of `band`. */
static void run_plane(const struct Plane *plane, const struct Panel *panel, struct Range band,
                      struct Rows in, element *out) {
    struct Range rows = interior(&plane->rows, band);
    struct Range columns = interior(&plane->columns, (struct Range){0, plane->columns.out});
    for (int64_t p = band.first; p < band.end; p++) {
        bool inside = p >= rows.first && p < rows.end;
        for (int64_t q = 0; q < plane->columns.out; q++)
            if (q == columns.first && columns.end > q) {
                run_strip(plane, panel, p, q, columns.end - q, false, in, out);
                q = columns.end - 1;
            } else if (!inside) {
                run_strip(plane, panel, p, q, 1, false, in, out);
            }
    }
    for (int64_t q = 0; q < plane->columns.out && rows.end > rows.first; q++)
        if (q < columns.first || q >= columns.end)
            run_strip(plane, panel, rows.first, q, rows.end - rows.first, true, in, out);
}

/* Output rows whose inputs stay in the cache. */
static int64_t band_rows(const struct Plane *plane) {
    int64_t row = plane->rows.stride * plane->in_row * (int64_t)sizeof(real);
    return larger(1, BAND_BYTES / row);
}

/* As numbers that products can use. */
INLINE void copy_row(int64_t count, const element *from, real *to) {
    int64_t i = 0;
    for (; i + LANES <= count; i += LANES)
        *(vector *)(void *)(to + i) = elements_load(from + i);
    for (; i < count; i++)
        to[i] = element_value(from[i]);
}

/* The input rows that the output rows of a band are made from. */
static struct Range band_inputs(const struct Axis *rows, struct Range band) {
    int64_t first = larger(0, band.first * rows->stride - rows->pad);
    int64_t end = (band.end - 1) * rows->stride - rows->pad + rows->kernel;
    return (struct Range){smaller(first, rows->in), smaller(larger(end, first), rows->in)};
}

/* Products read their operands many times, a number at a time: other types are converted before.
 * Elements of the copies of some output rows' inputs and, at most, of a band's. */
#ifdef KERNEL_BF16
static int64_t copy_elements(const struct Plane *plane, int64_t rows) {
    int64_t inputs = (rows - 1) * plane->rows.stride + plane->rows.kernel;
    return round_up(smaller(inputs, plane->rows.in) * plane->in_row, LANES);
}

static struct Rows rows_of(const element *image, int64_t row, struct Range range, real *copy) {
    copy_row((range.end - range.first) * row, image + range.first * row, copy);
    return (struct Rows){copy, range.first};
}
#else
static int64_t copy_elements(const struct Plane *plane, int64_t rows) {
    (void)plane, (void)rows;
    return 0;
}

static struct Rows rows_of(const element *image, int64_t row, struct Range range, real *copy) {
    (void)row, (void)range, (void)copy;
    return (struct Rows){image, 0};
}
#endif

static int64_t band_copy_elements(const struct Plane *plane) {
    return copy_elements(plane, smaller(band_rows(plane), plane->rows.out));
}

static void run_images(const struct Plane *given, int64_t samples, int64_t in_image,
                       int64_t out_image, const element *in, const real *weights, const real *bias,
                       element *out, real *copies) {
    struct Plane whole = *given;
    const struct Plane *plane = &whole;
    int64_t height = band_rows(plane), bands = (plane->rows.out + height - 1) / height;
    whole.stream = samples * out_image * (int64_t)sizeof(element) >= STREAM_BYTES &&
                   plane->channels * (int64_t)sizeof(element) % VECTOR_BYTES == 0;
#pragma omp parallel for schedule(static)
    for (int64_t i = 0; i < samples * bands; i++) {
        int64_t n = i / bands, first = i % bands * height;
        struct Range band = {first, smaller(plane->rows.out, first + height)};
        struct Rows rows =
            rows_of(in + n * in_image, plane->in_row, band_inputs(&plane->rows, band),
                    copies + omp_get_thread_num() * band_copy_elements(plane));
        for (int64_t k = 0; k < plane->channels; k += WIDTH) {
            struct Panel panel = panel_at(plane, k, weights, bias);
            run_plane(plane, &panel, band, rows, out + n * out_image);
        }
        KERNEL(strips__finish)();
    }
}

/* ---- forward ---- */

static struct Plane forward_plane(const struct ConvShape *s) {
    return (struct Plane){
        .rows = {s->height, s->out_height, s->kernel_height, s->stride_height, s->pad_height},
        .columns = {s->width, s->out_width, s->kernel_width, s->stride_width, s->pad_width},
        .depth = s->in_channels,
        .channels = s->out_channels,
        .in_row = s->width * s->in_channels,
        .out_row = s->out_width * s->out_channels,
        .out_pixel = s->out_channels,
        .relu = s->relu};
}

static void forward(const struct ConvShape *s, int64_t samples, const struct ConvInput *x,
                    const void *weights, const void *prepared, const void *bias, void *y,
                    void *scratch) {
    (void)weights;
    struct Plane plane = forward_plane(s);
    run_images(&plane, samples, s->height * plane.in_row, s->out_height * plane.out_row, x->x,
               prepared, bias, y, scratch);
}

/* ---- backward data ---- */

/* The pixels that are `residue` modulo the stride, along one axis: their taps are those from
 * (residue + pad) mod stride on in steps of the stride, the last one first. */
static struct Axis residue_axis(int64_t in, int64_t out, int64_t kernel, int64_t stride,
                                int64_t pad, int64_t residue) {
    int64_t first = (residue + pad) % stride;
    int64_t taps = first < kernel ? (kernel - first + stride - 1) / stride : 0;
    return (struct Axis){.in = out,
                         .out = (in - residue + stride - 1) / stride,
                         .kernel = taps,
                         .stride = 1,
                         .pad = taps - 1 - (residue + pad - first) / stride};
}

static struct Plane residue_plane(const struct ConvShape *s, int64_t a, int64_t b) {
    return (struct Plane){.rows = residue_axis(s->height, s->out_height, s->kernel_height,
                                               s->stride_height, s->pad_height, a),
                          .columns = residue_axis(s->width, s->out_width, s->kernel_width,
                                                  s->stride_width, s->pad_width, b),
                          .depth = s->out_channels,
                          .channels = s->in_channels,
                          .in_row = s->out_width * s->out_channels,
                          .out_row = s->stride_height * s->width * s->in_channels,
                          .out_pixel = s->stride_width * s->in_channels};
}

static void backward_data(const struct ConvShape *s, int64_t samples, const void *dy,
                          const void *weights, const void *prepared, void *dx, void *scratch) {
    (void)weights;
    const real *panels = prepared;
    for (int64_t a = 0; a < smaller(s->stride_height, s->height); a++)
        for (int64_t b = 0; b < smaller(s->stride_width, s->width); b++) {
            struct Plane plane = residue_plane(s, a, b);
            run_images(&plane, samples, s->out_height * plane.in_row,
                       s->height * s->width * s->in_channels, dy, panels, NULL,
                       (element *)dx + (a * s->width + b) * s->in_channels, scratch);
            panels += weight_elements(&plane);
        }
}

/* ---- weights ---- */

static size_t prepared_bytes(const struct ConvShape *s, enum Pass pass) {
    struct Plane plane = forward_plane(s);
    int64_t elements = pass == FORWARD ? weight_elements(&plane) : 0;
    for (int64_t a = 0; pass == BACKWARD_DATA && a < smaller(s->stride_height, s->height); a++)
        for (int64_t b = 0; b < smaller(s->stride_width, s->width); b++) {
            plane = residue_plane(s, a, b);
            elements += weight_elements(&plane);
        }
    return (size_t)elements * sizeof(real);
}

/* Element (r, t, j, k) of a plane's filters goes to the panel of channel k. */
static real *panel_element(const struct Plane *plane, int64_t tap, int64_t j, int64_t k,
                           real *panels) {
    int64_t first = k / WIDTH * WIDTH;
    int64_t width = vectors_of(smaller(WIDTH, plane->channels - first)) * LANES;
    int64_t taps = plane->rows.kernel * plane->columns.kernel;
    return panels + taps * plane->depth * first + (tap * plane->depth + j) * width + k - first;
}

static void prepare_forward(const struct ConvShape *s, const real *weights, real *panels) {
    struct Plane plane = forward_plane(s);
    int64_t taps = s->kernel_height * s->kernel_width;
    for (int64_t k = 0; k < plane.channels; k++)
        for (int64_t tap = 0; tap < taps; tap++)
            for (int64_t j = 0; j < plane.depth; j++)
                *panel_element(&plane, tap, j, k, panels) =
                    weights[(k * taps + tap) * plane.depth + j];
}

static void prepare_residue(const struct ConvShape *s, int64_t a, int64_t b, const real *weights,
                            real *panels) {
    struct Plane plane = residue_plane(s, a, b);
    int64_t first_h = (a + s->pad_height) % s->stride_height;
    int64_t first_w = (b + s->pad_width) % s->stride_width;
    int64_t taps = plane.rows.kernel * plane.columns.kernel;
    for (int64_t tap = 0; tap < taps; tap++) {
        int64_t r = plane.rows.kernel - 1 - tap / plane.columns.kernel;
        int64_t t = plane.columns.kernel - 1 - tap % plane.columns.kernel;
        int64_t h = first_h + r * s->stride_height, w = first_w + t * s->stride_width;
        for (int64_t o = 0; o < s->out_channels; o++)
            for (int64_t i = 0; i < s->in_channels; i++)
                *panel_element(&plane, tap, o, i, panels) =
                    weights[((o * s->kernel_height + h) * s->kernel_width + w) * s->in_channels +
                            i];
    }
}

static void prepare(const struct ConvShape *s, enum Pass pass, const void *weights,
                    void *prepared) {
    real *panels = prepared;
    memset(prepared, 0, prepared_bytes(s, pass));
    if (pass == FORWARD)
        prepare_forward(s, weights, prepared);
    for (int64_t a = 0; pass == BACKWARD_DATA && a < smaller(s->stride_height, s->height); a++)
        for (int64_t b = 0; b < smaller(s->stride_width, s->width); b++) {
            struct Plane plane = residue_plane(s, a, b);
            prepare_residue(s, a, b, weights, panels);
            panels += weight_elements(&plane);
        }
}

/* ---- backward weights ---- */

/* How the input is read: as it is, a tap at a time; or, if it has few channels, padded, where a row
 * of taps of one pixel is as many channels of one tap. */
struct Reading {
    bool padded;
    int64_t row, image;  /* elements of a row and, padded, of an image */
    int64_t taps, depth; /* of a row of the kernel */
};

static struct Reading reading_of(const struct ConvShape *s) {
    if (s->in_channels > FEW_CHANNELS)
        return (struct Reading){false, s->width * s->in_channels, 0, s->kernel_width,
                                s->in_channels};
    int64_t row = (s->width + 2 * s->pad_width) * s->in_channels;
    return (struct Reading){true, row, round_up((s->height + 2 * s->pad_height) * row, LANES), 1,
                            s->kernel_width * s->in_channels};
}

static int64_t sum_elements(const struct ConvShape *s) {
    return s->kernel_height * s->kernel_width * s->in_channels * vectors_of(s->out_channels) *
           LANES;
}

/* Backward weights reads x and, as this plane's input, dy. */
static struct Plane gradient_plane(const struct ConvShape *s) {
    int64_t row = s->out_width * s->out_channels;
    return (struct Plane){.rows = {s->out_height, s->out_height, 1, 1, 0}, .in_row = row};
}

static int64_t most_copy_elements(const struct ConvShape *s, enum Pass pass) {
    struct Plane plane = forward_plane(s), gradient = gradient_plane(s);
    int64_t most = 0, height = smaller(band_rows(&plane), s->out_height);
    if (pass == FORWARD)
        return band_copy_elements(&plane);
    if (pass == BACKWARD_WEIGHTS)
        return copy_elements(&plane, height) + copy_elements(&gradient, height);
    for (int64_t a = 0; a < smaller(s->stride_height, s->height); a++) {
        plane = residue_plane(s, a, 0);
        most = larger(most, band_copy_elements(&plane));
    }
    return most;
}

static size_t scratch_bytes(const struct ConvShape *s, enum Pass pass, int64_t samples) {
    (void)samples;
    int64_t threads = omp_get_max_threads(), copies = most_copy_elements(s, pass);
    int64_t elements = threads * copies;
    if (pass == BACKWARD_WEIGHTS)
        elements += sum_elements(s) + threads * reading_of(s).image;
    return (size_t)elements * sizeof(real);
}

static void pad_image(const struct ConvShape *s, const struct Reading *reading, const element *x,
                      real *padded) {
    int64_t row = s->width * s->in_channels;
    memset(padded, 0, (size_t)reading->image * sizeof(real));
    for (int64_t h = 0; h < s->height; h++)
        copy_row(row, x + h * row,
                 padded + (h + s->pad_height) * reading->row + s->pad_width * s->in_channels);
}

/* The outputs in `range` for which tap t is inside. */
static struct Range outputs_of(const struct Axis *axis, int64_t t, struct Range range) {
    int64_t before = axis->pad - t; /* i · stride ≥ before, i · stride < in + before */
    int64_t first = before > 0 ? (before + axis->stride - 1) / axis->stride : 0;
    int64_t end = axis->in + before <= 0 ? 0 : (axis->in + before - 1) / axis->stride + 1;
    first = smaller(larger(first, range.first), range.end);
    return (struct Range){first, larger(first, smaller(end, range.end))};
}

/* Adds an image's part, of the output rows of `band`, to the sums of one tap and panel of output
 * channels. `in`: as `reading` says. */
static void sum_tap(const struct ConvShape *s, const struct Reading *reading, int64_t tap,
                    int64_t k, struct Range band, struct Rows in, struct Rows dy, real *sums) {
    struct Plane plane = forward_plane(s);
    int64_t r = tap / reading->taps, t = tap % reading->taps;
    struct Range rows = band, columns = {0, s->out_width};
    if (!reading->padded) {
        rows = outputs_of(&plane.rows, r, band);
        columns = outputs_of(&plane.columns, t, columns);
    }
    int64_t pad_h = reading->padded ? 0 : s->pad_height, pad_w = reading->padded ? 0 : s->pad_width;
    int64_t channels = smaller(WIDTH, s->out_channels - k);
    const struct Sum sum = {.rows = rows.end - rows.first,
                            .columns = columns.end - columns.first,
                            .depth = reading->depth,
                            .a_row = s->stride_height * reading->row,
                            .a_pixel = s->stride_width * s->in_channels,
                            .b_row = plane.out_row,
                            .b_pixel = s->out_channels,
                            .vectors = (int)vectors_of(channels),
                            .channels = channels};
    if (sum.rows <= 0 || sum.columns <= 0)
        return;
    int64_t h = rows.first * s->stride_height - pad_h + r;
    int64_t w = columns.first * s->stride_width - pad_w + t;
    KERNEL(strips__accumulate)
    (&sum, in.data + (h - in.first) * reading->row + w * s->in_channels,
     dy.data + (rows.first - dy.first) * plane.out_row + columns.first * s->out_channels + k, sums);
}

/* dw (O,KH,KW,I) from the sums (panel, KH, KW·I, channel of the panel). */
static void gather_sums(const struct ConvShape *s, const real *sums, real *dw) {
    struct Plane plane = forward_plane(s);
    int64_t taps = s->kernel_height * s->kernel_width;
    for (int64_t k = 0; k < s->out_channels; k++)
        for (int64_t tap = 0; tap < taps; tap++)
            for (int64_t j = 0; j < s->in_channels; j++)
                dw[(k * taps + tap) * s->in_channels + j] =
                    *panel_element(&plane, tap, j, k, (real *)(uintptr_t)sums);
}

/* Each thread has sums of its own, tap by tap, so that their order does not depend on how many
 * threads there are. */
static void backward_weights(const struct ConvShape *s, int64_t samples, const struct ConvInput *x,
                             const void *dy, void *dw, void *dbias, void *scratch) {
    const struct Reading reading = reading_of(s);
    const struct Plane plane = forward_plane(s), gradient = gradient_plane(s);
    int64_t taps = s->kernel_height * reading.taps, panels = (s->out_channels + WIDTH - 1) / WIDTH;
    int64_t height = smaller(band_rows(&plane), s->out_height);
    int64_t space = reading.image + most_copy_elements(s, BACKWARD_WEIGHTS);
    real *sums = scratch, *spaces = sums + sum_elements(s);
    memset(sums, 0, (size_t)sum_elements(s) * sizeof(real));
#pragma omp parallel
    {
        real *padded = spaces + omp_get_thread_num() * space, *copies = padded + reading.image;
        for (int64_t n = 0; n < samples; n++) {
            const element *in = (const element *)x->x + n * s->height * s->width * s->in_channels;
            const element *out = (const element *)dy + n * s->out_height * plane.out_row;
            if (reading.padded)
                pad_image(s, &reading, in, padded);
            for (int64_t p = 0; p < s->out_height; p += height) {
                struct Range band = {p, smaller(s->out_height, p + height)};
                struct Rows in_rows = {padded, 0};
                struct Rows out_rows = rows_of(out, gradient.in_row, band, copies);
                if (!reading.padded)
                    in_rows = rows_of(in, plane.in_row, band_inputs(&plane.rows, band),
                                      copies + copy_elements(&gradient, height));
#pragma omp for schedule(static) nowait
                for (int64_t i = 0; i < taps * panels; i++) {
                    int64_t tap = i % taps, k = i / taps * WIDTH;
                    sum_tap(
                        s, &reading, tap, k, band, in_rows, out_rows,
                        panel_element(&plane, tap * reading.depth / s->in_channels, 0, k, sums));
                }
            }
        }
    }
    gather_sums(s, sums, dw);
    if (dbias)
        KERNEL(columns__sum)
    (samples * s->out_height * s->out_width, s->out_channels, dy, dbias);
}

extern const struct Method KERNEL(strips__method);
const struct Method KERNEL(strips__method) = {.name = "strips",
                                              .serves = serves,
                                              .scratch_bytes = scratch_bytes,
                                              .prepared_bytes = prepared_bytes,
                                              .prepare = prepare,
                                              .forward = forward,
                                              .backward_data = backward_data,
                                              .backward_weights = backward_weights};
