#include "evaluate/test_time.h"

#include <string.h>

#include "base/memory.h"

int test_time_create(struct TestTime **result, const struct TestTimeRequest *request,
                     struct Error *error) {
    *result = NULL;
    if (!request->views && request->dropout_samples == 0)
        return OK;
    struct TestTime *test_time = memory_array(struct TestTime, 1, "test-time views");
    int code = OK;
    if (request->views)
        code = views_create(&test_time->views, request->views, &request->image, error);
    if (code) {
        test_time_release(test_time);
        return code;
    }
    int views = test_time->views ? views_count(test_time->views) : 1;
    test_time->dropout_samples = request->dropout_samples;
    test_time->seed = request->seed;
    test_time->count = views * (int)(request->dropout_samples ? request->dropout_samples : 1);
    test_time->elements = image_elements(&request->image);
    int64_t values = request->samples * request->outputs;
    test_time->images =
        memory_array(float, request->samples * test_time->elements, "images before their views");
    test_time->scores = memory_array(double, values, "one of the predictions");
    *result = test_time;
    return OK;
}

void test_time_release(struct TestTime *test_time) {
    if (!test_time)
        return;
    views_release(test_time->views);
    memory_release(test_time->images);
    memory_release(test_time->scores);
    memory_release(test_time);
}

void test_time_fill(struct TestTime *test_time, int number, int64_t count, float *input) {
    int64_t elements = test_time->elements;
    if (!test_time->views) {
        memcpy(input, test_time->images, (size_t)(count * elements) * sizeof(float));
        return;
    }
    int view = number % views_count(test_time->views);
    for (int64_t i = 0; i < count; i++)
        view_apply(test_time->views, view, test_time->images + i * elements, input + i * elements);
}
