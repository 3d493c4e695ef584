/* The loops of batch normalisation over rows of lanes (nn/lanes.h), for kernel files: a piece of
 * the output, and a piece of the input's gradient. Inside nn/ only. */
#ifndef TRAINER_NN_NORMALISE_H
#define TRAINER_NN_NORMALISE_H

#include "base/stream.h"
#include "nn/lanes.h"

#ifdef KERNEL_SUFFIX

/* What forward computes at every lane: y = [relu](x · scale + shift [+ other]). */
struct Normalise {
    int64_t width; /* lanes */
    const element *x, *other;
    const real *scale, *shift;
    element *y;
    bool adds, relu, stream;
};

/* y and x may be the same memory. A NaN passes the ReLU, so that training sees it. */
INLINE void normalise(const struct Normalise *n, bool adds, bool relu, bool stream,
                      struct Piece piece) {
    const element *x = n->x, *other = n->other;
    const real *scale = n->scale, *shift = n->shift;
    element *y = n->y;
    int64_t width = n->width, i = piece.first, end = piece.first + piece.count;
    for (; i + width <= end; i += width)
        for (int64_t l = 0; l < width; l += LANES) {
            vector value = elements_load(x + i + l) * *(const vector *)(scale + l) +
                           *(const vector *)(shift + l);
            if (adds)
                value += elements_load(other + i + l);
            if (relu)
                value = (vector)((mask)value & ~(mask)(value < 0));
            stream_store(stream, y + i + l, value);
        }
#pragma omp simd
    for (int64_t l = 0; l < end - i; l++) {
        real value = element_value(x[i + l]) * scale[l] + shift[l];
        if (adds)
            value += element_value(other[i + l]);
        if (relu)
            value = value < 0 ? 0 : value;
        y[i + l] = element_round(value);
    }
    stream_end(stream);
}

INLINE void normalise_either(const struct Normalise *n, bool stream, struct Piece piece) {
    if (n->adds && n->relu)
        normalise(n, true, true, stream, piece);
    else if (n->adds)
        normalise(n, true, false, stream, piece);
    else if (n->relu)
        normalise(n, false, true, stream, piece);
    else
        normalise(n, false, false, stream, piece);
}

static inline void normalise_chunk(const struct Normalise *n, struct Piece piece) {
    if (n->stream)
        normalise_either(n, true, piece);
    else
        normalise_either(n, false, piece);
}

/* dx = scale · g + (x − centre) · factor + offset; dx and dy may be the same memory. */
struct InputGradient {
    struct Sums s;
    const real *factor, *offset;
    element *dx;
};

INLINE void input_gradient(enum Gate gate, const struct InputGradient *p, struct Piece piece) {
    const element *x = p->s.x, *dy = p->s.dy, *y = p->s.y;
    const real *scale = p->s.scale, *shift = p->s.shift, *centre = p->s.centre;
    const real *factor = p->factor, *offset = p->offset;
    element *dx = p->dx;
    int64_t width = p->s.lanes.width, i = piece.first, end = piece.first + piece.count;
    for (; i + width <= end; i += width)
        for (int64_t l = 0; l < width; l += LANES) {
            vector far = elements_load(x + i + l), g = elements_load(dy + i + l);
            vector slope = *(const vector *)(scale + l);
            if (gate == GATE_OUTPUT)
                g = (vector)((mask)g & (mask)(elements_load(y + i + l) > 0));
            if (gate == GATE_INPUT)
                g = (vector)((mask)g & (mask)(far * slope + *(const vector *)(shift + l) > 0));
            far -= *(const vector *)(centre + l);
            elements_store(dx + i + l, g * slope + (far * *(const vector *)(factor + l) +
                                                    *(const vector *)(offset + l)));
        }
#pragma omp simd
    for (int64_t l = 0; l < end - i; l++) {
        real here = element_value(x[i + l]), g = element_value(dy[i + l]);
        if (gate == GATE_OUTPUT)
            g = element_value(y[i + l]) > 0 ? g : 0;
        if (gate == GATE_INPUT)
            g = here * scale[l] + shift[l] > 0 ? g : 0;
        dx[i + l] = element_round(g * scale[l] + ((here - centre[l]) * factor[l] + offset[l]));
    }
}

static inline void input_gradient_chunk(enum Gate gate, const struct InputGradient *p,
                                        struct Piece piece) {
    if (gate == GATE_OUTPUT)
        input_gradient(GATE_OUTPUT, p, piece);
    else if (gate == GATE_INPUT)
        input_gradient(GATE_INPUT, p, piece);
    else
        input_gradient(GATE_OPEN, p, piece);
}

#endif
#endif
