#include "evaluate/passes.h"

#include <string.h>

#include "base/memory.h"

int passes_create(struct Passes **result, const struct PassesRequest *request,
                  struct Error *error) {
    *result = NULL;
    if (!request->views && request->masks == 0)
        return OK;
    struct Passes *passes = memory_allocate(sizeof *passes, "passes");
    int code = OK;
    if (request->views)
        code = views_create(&passes->views, request->views, &request->image, error);
    if (code) {
        passes_release(passes);
        return code;
    }
    passes->masks = request->masks;
    passes->seed = request->seed;
    passes->count =
        (passes->views ? views_count(passes->views) : 1) * (int)(passes->masks ? passes->masks : 1);
    passes->elements = image_elements(&request->image);
    size_t pixels = (size_t)(request->samples * passes->elements);
    size_t values = (size_t)(request->samples * request->outputs);
    passes->images = memory_allocate(pixels * sizeof(float), "images before their views");
    passes->predictions = memory_allocate(values * sizeof(float), "predictions of a pass");
    passes->sum = memory_allocate(values * sizeof(double), "the sum of the passes");
    *result = passes;
    return OK;
}

void passes_release(struct Passes *passes) {
    if (!passes)
        return;
    views_release(passes->views);
    memory_release(passes->images);
    memory_release(passes->predictions);
    memory_release(passes->sum);
    memory_release(passes);
}

void passes_fill(struct Passes *passes, int pass, int64_t count, float *input) {
    if (!passes->views) {
        memcpy(input, passes->images, (size_t)(count * passes->elements) * sizeof(float));
        return;
    }
    int view = pass % views_count(passes->views);
    for (int64_t i = 0; i < count; i++)
        view_apply(passes->views, view, passes->images + i * passes->elements,
                   input + i * passes->elements);
}
