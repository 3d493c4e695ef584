/* The average of weights in a checkpoint; files from before there was such a thing. */
#include "checkpoint/layout.h"
#include "checkpoint/sample.h"
#include "store/scratch.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h> /* last: it takes the name of fail() */

#include "checkpoint/fixture.h"

static void assert_same_average(const struct Checkpoint *checkpoint, const float *want) {
    struct Error error = {0};
    size_t bytes = (size_t)arena_state_elements(&arena) * sizeof *want;
    float *have = memory_allocate(bytes, "an average");
    assert_true(checkpoint_has_average(checkpoint));
    assert_int_equal(checkpoint_get_average(checkpoint, &arena, have, &error), OK);
    assert_memory_equal(have, want, bytes);
    assert_int_equal(checkpoint_get_state(checkpoint, &arena, have, &error), OK);
    assert_memory_not_equal(have, want, bytes);
    memory_release(have);
}

static void round_trip(void **state) {
    (void)state;
    struct Error error = {0};
    struct Checkpoint *checkpoint = sample_checkpoint(&arena, 5);
    float *want = sample_values(&arena, arena_state_elements(&arena), 77);
    assert_false(checkpoint_has_average(checkpoint));
    checkpoint_put_average(checkpoint, &arena, want);
    figures_set(&checkpoint->progress.average, FIGURE_LOSS, 0.5);
    figures_set(&checkpoint->progress.average, FIGURE_ACCURACY, 0.75);
    checkpoint->progress.schedule_scale = 0.1;
    checkpoint->progress.schedule_cooldown = 3;
    checkpoint->progress.stopping_best = -1.25;
    checkpoint->progress.stopping_waited = 4;
    assert_int_equal(checkpoint_write(checkpoint, scratch_path("a.h5"), &error), OK);
    struct Checkpoint *read = read_good(scratch_path("a.h5"));
    assert_same_average(read, want);
    assert_memory_equal(&read->progress, &checkpoint->progress, sizeof read->progress);
    int64_t bytes;
    void *packed = checkpoint_pack(read, &bytes);
    struct Checkpoint *copy = checkpoint_unpack(packed, bytes);
    assert_same_average(copy, want);
    memory_release(packed);
    memory_release(want);
    checkpoint_release(copy);
    checkpoint_release(read);
    checkpoint_release(checkpoint);
}

/* A file as the first version of the program wrote it: without the fields that came later. */
static void write_old(const struct Checkpoint *checkpoint, const char *path) {
    struct H5Writer *writer;
    struct Error error = {0};
    int64_t version = 1, three = 3, channels = checkpoint->channels;
    int64_t shape[] = {checkpoint->height, checkpoint->width, checkpoint->channels};
    h5_create_in_memory(&writer, path, &error);
    h5_write_attribute(writer, "/", "format", H5_TEXT, CHECKPOINT_FORMAT, &error);
    h5_write_attribute(writer, "/", "format_version", H5_INT64, &version, &error);
    h5_write_text(writer, "/run/run_file", checkpoint->run_text, &error);
    for (int i = 0; i < checkpoint_field_count; i++) {
        const struct CheckpointField *field = &checkpoint_fields[i];
        const char *value = (const char *)checkpoint + field->offset;
        if (!field->optional)
            h5_write_attribute(writer, "/run", field->name, field->type,
                               field->type == H5_TEXT ? *(char *const *)value : value, &error);
    }
    h5_write(writer, "/preprocessing/shape", H5_INT64, 1, &three, shape, &error);
    h5_write(writer, "/preprocessing/factor", H5_FLOAT32, 1, &channels, checkpoint->factor, &error);
    h5_write_texts(writer, "/classes", (const char *const *)checkpoint->class_names,
                   checkpoint->class_count, &error);
    for (int i = 0; i < checkpoint->array_count; i++) {
        const struct CheckpointArray *array = &checkpoint->arrays[i];
        char *name = memory_print("/%s", array->name);
        h5_write(writer, name, H5_FLOAT32, array->rank, array->size, array->values, &error);
        memory_release(name);
    }
    assert_int_equal(h5_commit(writer, &error), OK);
}

static void from_before(void **state) {
    (void)state;
    struct Error error = {0};
    struct Checkpoint *checkpoint = sample_checkpoint(&arena, 5);
    write_old(checkpoint, scratch_path("old.h5"));
    struct Checkpoint *read = read_good(scratch_path("old.h5"));
    assert_int_equal(read->progress.step, 5);
    assert_true(read->progress.seconds == 12.5);
    assert_true(read->progress.schedule_scale == 1);
    assert_false(figures_any(&read->progress.average));
    assert_int_equal(read->progress.stopping_seen, 0);
    assert_false(checkpoint_has_average(read));
    float *values =
        memory_allocate((size_t)arena_state_elements(&arena) * sizeof *values, "a state");
    assert_int_equal(checkpoint_get_state(read, &arena, values, &error), OK);
    assert_int_equal(checkpoint_get_average(read, &arena, values, &error), ERROR_CHECKPOINT);
    assert_non_null(strstr(error.text, "old.h5:/average/0.weight: is missing"));
    memory_release(values);
    checkpoint_release(read);
    checkpoint_release(checkpoint);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(round_trip),
        cmocka_unit_test(from_before),
    };
    return cmocka_run_group_tests_name("average", tests, start, stop);
}
