#include "cli/inspected.h"

#include <float.h>
#include <math.h>
#include <string.h>

#include "base/memory.h"
#include "base/text.h"
#include "train/callbacks/early_stopping.h"

int inspected_open(struct Inspected *inspected, const char *path, struct Error *error) {
    *inspected = (struct Inspected){0};
    int code = checkpoint_open(&inspected->checkpoint, path, error);
    return code ? code : saved_state_read(&inspected->saved, inspected->checkpoint, error);
}

void inspected_release(struct Inspected *inspected) {
    memory_release(inspected->summaries);
    saved_state_release(&inspected->saved);
    checkpoint_close(inspected->checkpoint);
}

/* `values` has array->count elements. */
static struct ArraySummary summarise(const struct CheckpointArray *array, const float *values) {
    struct ArraySummary summary = {.minimum = DBL_MAX, .maximum = -DBL_MAX};
    double squares = 0;
    for (int64_t i = 0; i < array->count; i++) {
        double value = (double)values[i];
        summary.mean += value;
        summary.minimum = value < summary.minimum ? value : summary.minimum;
        summary.maximum = value > summary.maximum ? value : summary.maximum;
    }
    if (!array->count)
        return (struct ArraySummary){0};
    summary.mean /= (double)array->count;
    for (int64_t i = 0; i < array->count; i++) {
        double difference = (double)values[i] - summary.mean;
        squares += difference * difference;
    }
    summary.deviation = sqrt(squares / (double)array->count);
    return summary;
}

static int summarise_all(struct Inspected *inspected, struct Error *error) {
    const struct Checkpoint *checkpoint = inspected->checkpoint;
    inspected->summaries = memory_array(struct ArraySummary, checkpoint->array_count, "summaries");
    int code = OK;
    for (int i = 0; !code && i < checkpoint->array_count; i++) {
        const struct CheckpointArray *array = &checkpoint->arrays[i];
        float *values = memory_array(float, array->count, "a checkpoint's array");
        code = checkpoint_get_array(checkpoint, array, values, error);
        if (!code)
            inspected->summaries[i] = summarise(array, values);
        memory_release(values);
    }
    return code;
}

int inspected_examine(struct Inspected *inspected, struct Error *error) {
    int code = early_stopping_read(&inspected->stopping, inspected->checkpoint, error);
    return code ? code : summarise_all(inspected, error);
}

static bool is_model(const struct CheckpointArray *array) {
    return !strncmp(array->name, "model/", 6);
}

int64_t inspected_elements(const struct Checkpoint *checkpoint, bool statistics) {
    int64_t count = 0;
    for (int i = 0; i < checkpoint->array_count; i++) {
        const struct CheckpointArray *array = &checkpoint->arrays[i];
        bool running = text_ends_with(array->name, ".running_mean") ||
                       text_ends_with(array->name, ".running_var");
        if (is_model(array) && running == statistics)
            count += array->count;
    }
    return count;
}
