#include "data/drawing.h"

#include "base/memory.h"
#include "data/order.h"

struct Drawing {
    struct DrawingRequest request;
    struct Order *order; /* NULL: that of the split, or of a stream */
    bool streams;
    struct Stream *stream; /* NULL: not needed yet */
    struct Error failure;  /* of making the stream */
};

static struct Order *create_order(const struct DrawingRequest *request) {
    CHECK(!request->balanced || request->split->labels);
    const struct OrderRequest ordering = {.seed = request->seed,
                                          .count = request->split->count,
                                          .labels =
                                              request->balanced ? request->split->labels : NULL,
                                          .classes = request->dataset->targets.count};
    return order__create(&ordering);
}

struct Drawing *drawing__create(const struct DrawingRequest *request) {
    struct Drawing *drawing = memory_allocate(sizeof *drawing, "a loader");
    struct StreamCut *cut = &drawing->request.cut;
    drawing->request = *request;
    drawing->streams = request->split->in_blocks || cut->window > 0;
    cut->seed = request->seed;
    cut->shuffle = request->shuffle;
    cut->classes = request->balanced ? request->dataset->targets.count : 0;
    if (request->shuffle && !drawing->streams)
        drawing->order = create_order(request);
    return drawing;
}

void drawing__release(struct Drawing *drawing) {
    if (!drawing)
        return;
    order__release(drawing->order);
    stream__release(drawing->stream);
    memory_release(drawing);
}

bool drawing__streams(const struct Drawing *drawing) {
    return drawing->streams;
}

static void start_stream(struct Drawing *drawing) {
    const struct DrawingRequest *request = &drawing->request;
    if (drawing->streams && !drawing->stream && !drawing->failure.code)
        stream__create(&drawing->stream, request->split,
                       dataset_image_bytes(request->dataset, request->split), &request->cut,
                       &drawing->failure);
}

int drawing__set_epoch(struct Drawing *drawing, int64_t epoch, struct Error *error) {
    start_stream(drawing);
    if (drawing->order)
        order__set_epoch(drawing->order, epoch);
    if (drawing->failure.code)
        *error = drawing->failure;
    return drawing->failure.code;
}

int64_t drawing__run(struct Drawing *drawing, int64_t epoch, int64_t place, int64_t count) {
    return drawing->streams ? stream__run(drawing->stream, epoch, place, count) : count;
}

static struct Drawn draw_sample(const struct Drawing *drawing, int64_t draw) {
    const struct DrawingRequest *request = &drawing->request;
    int64_t sample = drawing->order ? order__sample(drawing->order, draw) : draw;
    return (struct Drawn){draw, sample, dataset_image(request->dataset, request->split, sample)};
}

struct Drawn drawing__draw(const struct Drawing *drawing, int64_t place) {
    if (drawing->streams)
        return stream__draw(drawing->stream, place);
    return draw_sample(drawing, drawing->order ? order__draw(drawing->order, place) : place);
}

struct Drawn drawing__partner(const struct Drawing *drawing, int64_t place, int64_t partner,
                              uint64_t share) {
    if (drawing->streams)
        return stream__partner(drawing->stream, place, share);
    /* If balanced: a place of the epoch, so that partners are balanced too. */
    return draw_sample(drawing,
                       drawing->request.balanced ? order__draw(drawing->order, partner) : partner);
}

#define CACHE_LINE 64
/* Bytes: a small image. In a large one the processor itself reads ahead. */
#define PREFETCHED 8192

void drawing__prefetch(const struct Drawing *drawing, int64_t place) {
    const struct Split *split = drawing->request.split;
    if (drawing->streams || !split_is_direct(split) || place >= split->count)
        return;
    const char *pixels = drawing__draw(drawing, place).pixels;
    size_t bytes = dataset_image_bytes(drawing->request.dataset, split);
    for (size_t at = 0; at < bytes && at < PREFETCHED; at += CACHE_LINE)
        __builtin_prefetch(pixels + at);
}

int drawing__failed(const struct Drawing *drawing, struct Error *error) {
    if (drawing->failure.code)
        *error = drawing->failure;
    if (drawing->failure.code || !drawing->stream)
        return drawing->failure.code;
    return stream__failed(drawing->stream, error);
}
