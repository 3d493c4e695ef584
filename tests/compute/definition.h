/* A convolution by its definition, in double precision, and the inputs as a kernel gets them. */
#ifndef TRAINER_TESTS_COMPUTE_DEFINITION_H
#define TRAINER_TESTS_COMPUTE_DEFINITION_H

#include "compute/method.h"
#include "each.h"

struct Defined {
    struct ConvShape shape;
    int64_t samples, x_count, y_count, w_count, o_count;
    double *x, *w, *b, *dy;                   /* inputs */
    double *y, *dx, *dw, *db;                 /* what is right; y without the bias */
    void *real_x, *real_w, *real_b, *real_dy; /* the inputs in the types of the form */
    struct ConvInput input;                   /* real_x as it is */
};

/* y[n,p,q,o] = sum over (kh,kw,i) of x[n,h,w,i] · weights[o,kh,kw,i] */
static inline void define(struct Defined *d) {
    const struct ConvShape *s = &d->shape;
    int64_t in_group = s->in_channels / s->groups, out_group = s->out_channels / s->groups;
    for (int64_t pixel = 0; pixel < d->samples * s->out_height * s->out_width; pixel++) {
        int64_t n = pixel / (s->out_height * s->out_width);
        int64_t p = pixel / s->out_width % s->out_height, q = pixel % s->out_width;
        for (int64_t o = 0; o < s->out_channels; o++) {
            double sum = 0, dy = d->dy[pixel * s->out_channels + o];
            for (int64_t tap = 0; tap < s->kernel_height * s->kernel_width; tap++) {
                int64_t h = p * s->stride_height - s->pad_height +
                            tap / s->kernel_width * s->dilation_height;
                int64_t w =
                    q * s->stride_width - s->pad_width + tap % s->kernel_width * s->dilation_width;
                if (h < 0 || h >= s->height || w < 0 || w >= s->width)
                    continue;
                int64_t in = ((n * s->height + h) * s->width + w) * s->in_channels +
                             o / out_group * in_group;
                int64_t weight = (o * s->kernel_height * s->kernel_width + tap) * in_group;
                for (int64_t i = 0; i < in_group; i++) {
                    sum += d->x[in + i] * d->w[weight + i];
                    d->dx[in + i] += dy * d->w[weight + i];
                    d->dw[weight + i] += dy * d->x[in + i];
                }
            }
            d->y[pixel * s->out_channels + o] = sum;
            d->db[o] += dy;
        }
    }
}

static inline struct Defined defined_make(struct Form form, const struct ConvShape *s,
                                          int64_t samples, uint64_t state) {
    struct Defined d = {.shape = *s, .samples = samples, .o_count = s->out_channels};
    d.x_count = samples * s->height * s->width * s->in_channels;
    d.y_count = samples * s->out_height * s->out_width * s->out_channels;
    d.w_count = s->out_channels * s->kernel_height * s->kernel_width * (s->in_channels / s->groups);
    d.real_x = elements(form, &state, d.x_count, &d.x);
    d.input = (struct ConvInput){.x = d.real_x};
    d.real_w =
        (form.rounds_weights ? round_numbers : numbers)(form.variant, &state, d.w_count, &d.w);
    d.real_b = numbers(form.variant, &state, d.o_count, &d.b);
    d.real_dy = elements(form, &state, d.y_count, &d.dy);
    d.y = memory_array(double, d.y_count, "test");
    d.dx = memory_array(double, d.x_count, "test");
    d.dw = memory_array(double, d.w_count, "test");
    d.db = memory_array(double, d.o_count, "test");
    define(&d);
    return d;
}

/* Memory that holds NaN. */
static inline void *spoiled(size_t bytes) {
    return memset(memory_allocate(bytes, "test"), 0xff, bytes);
}

static inline void *scratch_for(const struct Method *method, const struct Defined *d,
                                enum Pass pass) {
    assert_true(method->serves(&d->shape, pass));
    return spoiled(method->scratch_bytes(&d->shape, pass, d->samples));
}

static inline void defined_release(struct Defined *d) {
    void *all[] = {d->x,  d->w,  d->b,      d->dy,     d->y,      d->dx,
                   d->dw, d->db, d->real_x, d->real_w, d->real_b, d->real_dy};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        memory_release(all[i]);
}

#endif
