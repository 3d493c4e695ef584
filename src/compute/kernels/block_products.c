/* Small matrices, most of whose operands are in the second-level cache. Sums stay in registers,
 * ROWS_n rows of n vectors. */
#include "compute/block_products.h"

/* Rows of a register tile of 1, 2, 3, 4 vectors; they divide ROWS. */
#if defined(__AVX512F__)
enum { ROWS_1 = 12, ROWS_2 = 12, ROWS_3 = 6, ROWS_4 = 6 };
#else
enum { ROWS_1 = 12, ROWS_2 = 6, ROWS_3 = 3, ROWS_4 = 3 };
#endif

/* Memory that will be needed soon, asked for line by line among the multiply-adds: many requests at
 * once would hold up the loads of operands. First come the weights or sums of the next panel, then
 * the caller's spans, then the matrices of the next point. */
enum { PANEL_SPAN, CALLER_SPANS, POINT_SPANS = CALLER_SPANS + 2, SPANS = POINT_SPANS + 2 };
enum { STRETCH = 8, MANY_POINTS = 36 /* as Winograd's blocks have */ };
struct Ahead {
    struct Span spans[SPANS]; /* what is left */
    int span;                 /* the current one */
    int64_t lines;            /* in each STRETCH of a sum */
};

INLINE struct Span span_of_point(const struct Block *block, int64_t point) {
    return (struct Span){(const char *)(block->data + point * block->point),
                         block->count * block->row * (int64_t)sizeof(real)};
}

struct Step { /* a panel of a point */
    int64_t point, panel, points, panels;
};

/* What is asked for during a step that has so many stretches. a and b are fetched for the next
 * point if there is one and they are not NULL. */
INLINE struct Ahead ahead_of(const struct Span ahead[2], struct Step step, struct Span next_panel,
                             const struct Block *a, const struct Block *b, int64_t stretches) {
    struct Ahead result = {.spans = {[PANEL_SPAN] = next_panel}};
    for (int i = 0; i < 2; i++)
        result.spans[CALLER_SPANS + i] =
            span_part(ahead[i], step.point * step.panels + step.panel, step.points * step.panels);
    if (a && step.point + 1 < step.points) {
        const struct Span next_a = span_of_point(a, step.point + 1);
        const struct Span next_b = span_of_point(b, step.point + 1);
        result.spans[POINT_SPANS] = span_part(next_a, step.panel, step.panels);
        result.spans[POINT_SPANS + 1] = span_part(next_b, step.panel, step.panels);
    }
    int64_t bytes = 0;
    for (int i = 0; i < SPANS; i++)
        bytes += result.spans[i].bytes;
    result.lines = (bytes / CACHE_LINE + SPANS + stretches - 1) / stretches;
    return result;
}

INLINE void ask(struct Ahead *ahead) {
    for (int64_t i = 0; i < ahead->lines && ahead->span < SPANS;) {
        struct Span *span = &ahead->spans[ahead->span];
        if (span->bytes <= 0) {
            ahead->span++;
            continue;
        }
        __builtin_prefetch(span->from, 0, 2);
        span->from += CACHE_LINE;
        span->bytes -= CACHE_LINE;
        i++;
    }
}

INLINE void ask_at_once(const struct Ahead *ahead) {
    for (int i = 0; i < SPANS; i++)
        for (int64_t at = 0; at < ahead->spans[i].bytes; at += CACHE_LINE)
            __builtin_prefetch(ahead->spans[i].from + at, 0, 2);
}

/* The compiler adds a single vector well by itself: it takes the factors from memory. */
INLINE vector add_product(int vectors, vector sum, real factor, vector w) {
    if (vectors == 1)
        return sum + factor * w;
    return multiply_add(sum, factor - (vector){0}, w);
}

INLINE void multiply_stretch(int rows, int vectors, int64_t k, int64_t end,
                             const real *const from[], int64_t a_row, const real *weights,
                             vector sum[][PANEL]) {
    UNROLL
    for (; k < end; k++) {
        vector w[PANEL];
        for (int v = 0; v < vectors; v++)
            w[v] = ((const vector *)(const void *)weights)[k * vectors + v];
        for (int r = 0; r < rows; r++) {
            real factor = from[r / 3][k + r % 3 * a_row];
            for (int v = 0; v < vectors; v++)
                sum[r][v] = add_product(vectors, sum[r][v], factor, w[v]);
        }
    }
}

INLINE void multiply_tile(int rows, int vectors, int64_t depth, const real *a, int64_t a_row,
                          const real *weights, real *c, int64_t c_row, struct Ahead *ahead) {
    vector sum[ROWS][PANEL];
    const real *from[ROWS / 3];
    for (int r = 0; r < rows; r++)
        for (int v = 0; v < vectors; v++)
            sum[r][v] = (vector){0};
    for (int r = 0; r < rows; r += 3)
        from[r / 3] = a + r * a_row;
    if (!ahead)
        multiply_stretch(rows, vectors, 0, depth, from, a_row, weights, sum);
    else
        for (int64_t k = 0; k < depth; k += STRETCH) {
            ask(ahead);
            multiply_stretch(rows, vectors, k, smaller(k + STRETCH, depth), from, a_row, weights,
                             sum);
        }
    for (int r = 0; r < rows; r++)
        for (int v = 0; v < vectors; v++)
            ((vector *)(void *)(c + r * c_row))[v] = sum[r][v];
}

struct Points { /* what is multiplied for the points [first, end) */
    int64_t first, end;
    const struct Block *a, *c;
    const real *weights; /* a panel of point 0 */
    int64_t matrix;      /* elements from one point's weights to the next's */
    int64_t panel, panels;
    bool large;
    const struct Span *ahead;
};

INLINE void multiply_points(int rows, int vectors, int64_t depth, int64_t a_row, int64_t c_row,
                            int64_t points, const struct Points *p) {
    for (int64_t point = p->first; point < p->end; point++) {
        const real *from = p->a->data + point * p->a->point;
        const real *weights = p->weights + point * p->matrix;
        real *to = p->c->data + point * p->c->point + p->panel * WIDTH;
        int64_t panel = depth * vectors * LANES;
        struct Span next = {(const char *)(weights + panel), p->large ? panel * sizeof(real) : 0};
        int64_t tiles = (p->a->count + rows - 1) / rows;
        /* The shortest sums have no time for requests in between, nor for divisions. */
        bool at_once = depth <= LANES;
        int64_t panels = c_row == LANES ? 1 : p->panels;
        struct Ahead ahead = ahead_of(p->ahead, (struct Step){point, p->panel, points, panels},
                                      next, p->large ? p->a : NULL, p->c,
                                      at_once ? 1 : tiles * ((depth + STRETCH - 1) / STRETCH));
        if (at_once)
            ask_at_once(&ahead);
        for (int64_t first = 0; first < p->a->count; first += rows)
            multiply_tile(rows, vectors, depth, from + first * a_row, a_row, weights,
                          to + first * c_row, c_row, at_once ? NULL : &ahead);
    }
}

static void multiply_panel(int64_t vectors, int64_t depth, const struct Points *p) {
    int64_t a_row = p->a->row, c_row = p->c->row, points = p->a->points;
    if (vectors == 1 && depth == LANES && a_row == LANES && c_row == LANES && points == MANY_POINTS)
        multiply_points(ROWS_1, 1, LANES, LANES, LANES, MANY_POINTS, p); /* all sizes are known */
    else if (vectors == 1)
        multiply_points(ROWS_1, 1, depth, a_row, c_row, points, p);
#if PANEL == 4
    else if (vectors == 2 && depth == 2 * LANES && a_row == 2 * LANES && c_row == 2 * LANES)
        multiply_points(ROWS_2, 2, 2 * LANES, 2 * LANES, 2 * LANES, points, p);
    else if (vectors == 2)
        multiply_points(ROWS_2, 2, depth, a_row, c_row, points, p);
    else if (vectors == 3)
        multiply_points(ROWS_3, 3, depth, a_row, c_row, points, p);
    else
        multiply_points(ROWS_4, 4, depth, a_row, c_row, points, p);
#else
    else
        multiply_points(ROWS_2, 2, depth, a_row, c_row, points, p);
#endif
}

void KERNEL(blocks__multiply)(int64_t first, int64_t end, int64_t depth, int64_t columns,
                              bool large, const struct Block *a, const real *weights,
                              const struct Block *c, const struct Span ahead[2]) {
    int64_t vectors = whole_lanes(columns) / LANES;
    struct Points p = {.first = first,
                       .end = end,
                       .a = a,
                       .c = c,
                       .matrix = weights_point(depth, columns),
                       .panels = (vectors + PANEL - 1) / PANEL,
                       .large = large,
                       .ahead = ahead};
    if (vectors <= PANEL) {
        p.weights = weights;
        multiply_panel(vectors, depth, &p);
        return;
    }
    for (p.first = first; p.first < end; p.first++)
        for (p.panel = 0; p.panel < p.panels; p.panel++) {
            p.end = p.first + 1;
            p.weights = weights + p.panel * WIDTH * depth;
            multiply_panel(smaller(vectors - p.panel * PANEL, PANEL), depth, &p);
        }
}

/* Rows of a register tile of sums, for 1 to 4 vectors. */
#if defined(__AVX512F__)
enum { SUMS_1 = 16, SUMS_2 = 8, SUMS_3 = 8, SUMS_4 = 6, SUMS = 16 };
#else
enum { SUMS_1 = 8, SUMS_2 = 6, SUMS_3 = 3, SUMS_4 = 3, SUMS = 8 };
#endif

INLINE void accumulate_stretch(int rows, int vectors, int64_t t, int64_t end, const real *a,
                               int64_t a_row, const real *b, int64_t b_row, vector sum[][PANEL]) {
    UNROLL
    for (; t < end; t++) {
        vector w[PANEL];
        for (int v = 0; v < vectors; v++)
            w[v] = ((const vector *)(const void *)(b + t * b_row))[v];
        for (int r = 0; r < rows; r++)
            for (int v = 0; v < vectors; v++)
                sum[r][v] = add_product(vectors, sum[r][v], a[t * a_row + r], w[v]);
    }
}

INLINE void accumulate_tile(int rows, int vectors, int64_t count, const real *a, int64_t a_row,
                            const real *b, int64_t b_row, bool first, real *sums,
                            struct Ahead *ahead) {
    vector sum[SUMS][PANEL];
    for (int r = 0; r < rows; r++)
        for (int v = 0; v < vectors; v++)
            sum[r][v] = (vector){0};
    if (!ahead)
        accumulate_stretch(rows, vectors, 0, count, a, a_row, b, b_row, sum);
    else
        for (int64_t t = 0; t < count; t += STRETCH) {
            ask(ahead);
            accumulate_stretch(rows, vectors, t, smaller(t + STRETCH, count), a, a_row, b, b_row,
                               sum);
        }
    vector *out = (vector *)(void *)sums;
    for (int r = 0; r < rows; r++)
        for (int v = 0; v < vectors; v++)
            if (first)
                out[r * vectors + v] = sum[r][v];
            else
                out[r * vectors + v] += sum[r][v];
}

INLINE void accumulate_rows(int rows, int vectors, int64_t count, int64_t depth, const real *a,
                            int64_t a_row, const real *b, int64_t b_row, bool first, real *sums,
                            struct Ahead *ahead) {
    int64_t k = 0, width = vectors * LANES;
    for (; k + rows <= depth; k += rows)
        accumulate_tile(rows, vectors, count, a + k, a_row, b, b_row, first, sums + k * width,
                        ahead);
    for (; k + 4 <= depth; k += 4)
        accumulate_tile(4, vectors, count, a + k, a_row, b, b_row, first, sums + k * width, ahead);
    for (; k < depth; k++)
        accumulate_tile(1, vectors, count, a + k, a_row, b, b_row, first, sums + k * width, ahead);
}

struct Sum { /* of the products of one point, in one panel */
    int64_t count, part;
    bool first;
    const struct Span *ahead;
    const struct Block *a, *b; /* a NULL: the next point's rows are not fetched */
    int64_t point, panel, points, panels;
    struct Span next;
};

INLINE void accumulate_panel(int rows, int vectors, int64_t depth, const real *a, int64_t a_row,
                             const real *b, int64_t b_row, int64_t points, real *sums,
                             const struct Sum *s) {
    bool at_once = depth <= LANES;
    int64_t stretches = (s->count + s->part - 1) / s->part * ((s->part + STRETCH - 1) / STRETCH) *
                        ((depth + rows - 1) / rows);
    int64_t panels = b_row == LANES ? 1 : s->panels;
    struct Ahead ahead = ahead_of(s->ahead, (struct Step){s->point, s->panel, points, panels},
                                  s->next, s->a, s->b, at_once ? 1 : stretches);
    if (at_once)
        ask_at_once(&ahead);
    for (int64_t t = 0; t < s->count; t += s->part)
        accumulate_rows(rows, vectors, smaller(s->part, s->count - t), depth, a + t * a_row, a_row,
                        b + t * b_row, b_row, s->first && t == 0, sums, at_once ? NULL : &ahead);
}

static void accumulate_vectors(int64_t vectors, int64_t depth, const real *a, int64_t a_row,
                               const real *b, int64_t b_row, real *sums, const struct Sum *s) {
    int64_t points = s->points;
    if (vectors == 1 && depth == LANES && a_row == LANES && b_row == LANES && points == MANY_POINTS)
        accumulate_panel(SUMS_1, 1, LANES, a, LANES, b, LANES, MANY_POINTS, sums, s);
    else if (vectors == 1)
        accumulate_panel(SUMS_1, 1, depth, a, a_row, b, b_row, points, sums, s);
#if PANEL == 4
    else if (vectors == 2)
        accumulate_panel(SUMS_2, 2, depth, a, a_row, b, b_row, points, sums, s);
    else if (vectors == 3)
        accumulate_panel(SUMS_3, 3, depth, a, a_row, b, b_row, points, sums, s);
    else
        accumulate_panel(SUMS_4, 4, depth, a, a_row, b, b_row, points, sums, s);
#else
    else
        accumulate_panel(SUMS_2, 2, depth, a, a_row, b, b_row, points, sums, s);
#endif
}

void KERNEL(blocks__accumulate)(int64_t first, int64_t end, int64_t part, int64_t depth,
                                int64_t columns, bool large, const struct Block *a,
                                const struct Block *b, real *sums, const struct Span ahead[2]) {
    int64_t panels = (columns + WIDTH - 1) / WIDTH;
    struct Sum s = {.count = a->count,
                    .part = part,
                    .first = a->first == 0,
                    .ahead = ahead,
                    .a = large ? a : NULL,
                    .b = b,
                    .points = a->points,
                    .panels = panels};
    for (int64_t point = first; point < end; point++)
        for (int64_t p = 0; p < panels; p++) {
            int64_t column = p * WIDTH,
                    vectors = smaller(PANEL, (columns - column + LANES - 1) / LANES);
            real *to = sums + point * weights_point(depth, columns) + column * depth;
            int64_t elements = depth * vectors * LANES;
            s.point = point;
            s.panel = p;
            if (large)
                s.next = (struct Span){(const char *)(to + elements), elements * sizeof(real)};
            accumulate_vectors(vectors, depth, a->data + point * a->point, a->row,
                               b->data + point * b->point + column, b->row, to, &s);
        }
}
