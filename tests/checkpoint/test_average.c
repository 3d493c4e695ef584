/* The average of weights in a checkpoint; files from before there was such a thing. */
#include "checkpoint/format.h"
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
    struct Sample sample = sample_make(5);
    assert_int_equal(sample_write(&sample, scratch_path("a.h5"), &error), OK);
    struct Checkpoint *read = read_good(scratch_path("a.h5"));
    assert_false(checkpoint_has_average(read));
    checkpoint_close(read);
    sample.average = sample_values(&arena, arena_state_elements(&arena), 77);
    assert_int_equal(sample_write(&sample, scratch_path("a.h5"), &error), OK);
    read = read_good(scratch_path("a.h5"));
    assert_same_average(read, sample.average);
    checkpoint_close(read);
    sample_release(&sample);
}

/* What the first version of the program saved: without the fields that came later. */
static void put_old_fields(struct H5Writer *writer, struct SavedState *saved) {
    const struct {
        const char *prefix;
        const struct SavedTable *table;
        void *value;
    } parts[] = {{"", &provenance_saved, &saved->provenance},
                 {"", &progress_saved, &saved->progress},
                 {"best_", &best_saved, &saved->best},
                 {"schedule_", &schedule_state_saved, &saved->schedule}};
    struct Error error;
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
        struct SavedField fields[20] = {SAVED_END};
        int count = 0;
        for (const struct SavedField *field = parts[i].table->fields; field->name; field++)
            if (!field->optional)
                fields[count++] = *field;
        const struct SavedTable table = {.fields = fields};
        assert_int_equal(
            saved_write(writer, "/run", parts[i].prefix, &table, parts[i].value, &error), OK);
    }
}

static void put_old_figures(struct H5Writer *writer, const struct Figures *validation) {
    struct Error error;
    for (int f = FIGURE_LOSS; f <= FIGURE_ACCURACY; f++) {
        double value = figure_saved(validation, f);
        char *name = memory_print("validation_%s", figure_kinds[f].name);
        assert_int_equal(h5_write_attribute(writer, "/run", name, H5_FLOAT64, &value, &error), OK);
        memory_release(name);
    }
}

static void put_old_arrays(struct H5Writer *writer, const struct Sample *sample) {
    float file[1024];
    struct Error error;
    for (int i = 0; i < arena.row_count; i++) {
        const struct ArenaRow *row = &arena.rows[i];
        char *name = memory_print("/model/%s", row->name);
        arena_to_file(row, sample->state, file);
        h5_write(writer, name, H5_FLOAT32, row->file_rank, row->file_size, file, &error);
        memory_release(name);
    }
}

static void write_old(struct Sample *sample, const char *path) {
    struct H5Writer *writer;
    struct Error error = {0};
    const struct Preprocess *preprocess = &sample->saved.preprocess;
    const struct Targets *targets = &sample->saved.targets;
    int64_t version = 1, three = 3, channels = preprocess->channels;
    int64_t shape[] = {preprocess->height, preprocess->width, preprocess->channels};
    h5_create_in_memory(&writer, path, &error);
    h5_write_attribute(writer, "/", "format", H5_TEXT, CHECKPOINT_FORMAT, &error);
    h5_write_attribute(writer, "/", "format_version", H5_INT64, &version, &error);
    h5_write_text(writer, "/run/run_file", sample->run_text, &error);
    put_old_fields(writer, &sample->saved);
    put_old_figures(writer, &sample->saved.validation);
    h5_write(writer, "/preprocessing/shape", H5_INT64, 1, &three, shape, &error);
    h5_write(writer, "/preprocessing/factor", H5_FLOAT32, 1, &channels, preprocess->factor, &error);
    h5_write_texts(writer, "/classes", (const char *const *)targets->names, targets->count, &error);
    put_old_arrays(writer, sample);
    assert_int_equal(h5_commit(writer, &error), OK);
}

static void from_before(void **state) {
    (void)state;
    struct Error error = {0};
    struct Sample sample = sample_make(5);
    struct SavedState saved = {0};
    write_old(&sample, scratch_path("old.h5"));
    struct Checkpoint *read = read_good(scratch_path("old.h5"));
    assert_int_equal(saved_state_read(&saved, read, &error), OK);
    assert_int_equal(saved.progress.step, 5);
    assert_true(saved.progress.seconds == 12.5);
    assert_true(saved.validation.measured[FIGURE_ACCURACY]);
    assert_true(saved.validation.value[FIGURE_ACCURACY] == 0.7);
    assert_true(saved.schedule.scale == 1);
    assert_false(figures_any(&saved.average));
    struct Patience stopping = {0};
    assert_int_equal(early_stopping_read(&stopping, read, &error), OK);
    assert_int_equal(stopping.seen, 0);
    assert_false(checkpoint_has_average(read));
    float *values = memory_array(float, arena_state_elements(&arena), "a state");
    assert_int_equal(checkpoint_get_state(read, &arena, values, &error), OK);
    assert_int_equal(checkpoint_get_average(read, &arena, values, &error), ERROR_CHECKPOINT);
    assert_non_null(strstr(error.text, "old.h5:/average/0.weight: is missing"));
    memory_release(values);
    saved_state_release(&saved);
    checkpoint_close(read);
    sample_release(&sample);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(round_trip),
        cmocka_unit_test(from_before),
    };
    return cmocka_run_group_tests_name("average", tests, start, stop);
}
