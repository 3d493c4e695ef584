/* Weights of other programs, with which a run may start. */
#include "base/memory.h"
#include "checkpoint/checkpoint.h"
#include "fuzz/target.h"

static int read_donor(const char *path, XXH3_state_t *answer, struct Error *error) {
    struct Checkpoint *donor;
    int code = checkpoint_open_donor(&donor, path, error);
    if (code)
        return code;
    for (int i = 0; i < donor->array_count && !code; i++) {
        const struct CheckpointArray *array = &donor->arrays[i];
        answer_text(answer, array->name);
        if (!array->floats)
            continue;
        float *values = memory_array(float, array->count, "a donor's array");
        code = checkpoint_get_array(donor, array, values, error);
        answer_bytes(answer, array->size, (size_t)array->rank * sizeof *array->size);
        answer_bytes(answer, values, (size_t)array->count * sizeof *values);
        memory_release(values);
    }
    checkpoint_close(donor);
    return code;
}

const struct FuzzTarget fuzz_target = {.hdf5 = true, .read = read_donor};
