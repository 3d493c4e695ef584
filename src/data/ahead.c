#include "data/ahead.h"

#include <string.h>

#include "base/memory.h"
#include "base/worker.h"

struct Ahead {
    struct AheadRequest request;
    struct Worker *worker;
    struct SampleRange range; /* count 0: nothing was begun */
    struct MadeSamples made;
    struct Error error; /* of the range */
};

static void work(void *context) {
    struct Ahead *ahead = context;
    struct MadeSamples to = ahead->made;
    if (!ahead->range.weighted)
        to.weights = NULL;
    ahead->error.code =
        ahead->request.make(ahead->request.context, &ahead->range, &to, &ahead->error);
}

struct Ahead *ahead__create(const struct AheadRequest *request) {
    struct Ahead *ahead = memory_allocate(sizeof *ahead, "samples made ahead");
    ahead->request = *request;
    ahead->worker = worker_create(work, ahead);
    if (!ahead->worker) {
        ahead__release(ahead);
        return NULL;
    }
    ahead->made = (struct MadeSamples){
        .images = memory_array(float, request->most * request->elements, "samples made ahead"),
        .targets = memory_array(float, request->most * request->outputs, "samples made ahead"),
        .weights = memory_array(float, request->most, "samples made ahead")};
    return ahead;
}

void ahead__release(struct Ahead *ahead) {
    if (!ahead)
        return;
    worker_release(ahead->worker);
    memory_release(ahead->made.images);
    memory_release(ahead->made.targets);
    memory_release(ahead->made.weights);
    memory_release(ahead);
}

void ahead__begin(struct Ahead *ahead, const struct SampleRange *range) {
    CHECK(range->count <= ahead->request.most);
    worker_wait(ahead->worker);
    ahead->range = *range;
    worker_begin(ahead->worker);
}

void ahead__wait(struct Ahead *ahead) {
    worker_wait(ahead->worker);
}

static void copy(float *to, const float *from, int64_t width, int64_t first, int64_t count) {
    memcpy(to, from + first * width, (size_t)(count * width) * sizeof *to);
}

bool ahead__take(struct Ahead *ahead, const struct SampleRange *range,
                 const struct MadeSamples *out, struct Error *error) {
    const struct SampleRange *begun = &ahead->range;
    int64_t first = range->first - begun->first, end = first + range->count;
    if (range->epoch != begun->epoch || range->weighted != begun->weighted || first < 0 ||
        end > begun->count)
        return false;
    worker_wait(ahead->worker);
    copy(out->images, ahead->made.images, ahead->request.elements, first, range->count);
    copy(out->targets, ahead->made.targets, ahead->request.outputs, first, range->count);
    if (range->weighted)
        copy(out->weights, ahead->made.weights, 1, first, range->count);
    error->code = ahead->error.code;
    if (error->code)
        *error = ahead->error;
    return true;
}
