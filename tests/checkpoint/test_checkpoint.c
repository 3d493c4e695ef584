/* What is written comes back bit for bit, in the file's order and in memory's. */
#include <math.h>
#include <pthread.h>
#include <sys/stat.h>

#include "checkpoint/sample.h"
#include "store/scratch.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h> /* last: it takes the name of fail() */

#include "checkpoint/fixture.h"

static struct Checkpoint *written_and_read(int64_t step) {
    struct Error error = {0};
    struct Sample sample = sample_make(step);
    int code = sample_write(&sample, scratch_path("a.h5"), &error);
    assert_string_equal(error.text, "");
    assert_int_equal(code, OK);
    sample_release(&sample);
    return read_good(scratch_path("a.h5"));
}

static struct SavedState saved_in(const struct Checkpoint *checkpoint) {
    struct SavedState saved = {0};
    struct Error error = {0};
    saved_state_read(&saved, checkpoint, &error);
    assert_string_equal(error.text, "");
    return saved;
}

static void assert_same_floats(const float *a, const float *b, int64_t count) {
    assert_true((a == NULL) == (b == NULL));
    if (a)
        assert_memory_equal(a, b, (size_t)count * sizeof *a);
}

static void assert_same_preprocess(const struct Preprocess *a, const struct Preprocess *b) {
    assert_true(a->height == b->height && a->width == b->width && a->channels == b->channels);
    assert_int_equal(a->mean_count, b->mean_count);
    assert_same_floats(a->mean, b->mean, a->mean_count);
    assert_int_equal(a->factor_count, b->factor_count);
    assert_same_floats(a->factor, b->factor, a->factor_count);
    assert_true(a->matrix_rows == b->matrix_rows && a->matrix_columns == b->matrix_columns);
    assert_same_floats(a->matrix, b->matrix, a->matrix_rows * a->matrix_columns);
    assert_true(a->out_height == b->out_height && a->out_width == b->out_width &&
                a->out_channels == b->out_channels);
}

static void assert_same_saved(const struct SavedState *a, const struct SavedState *b) {
    const struct Provenance *p = &a->provenance, *q = &b->provenance;
    assert_true(p->seed == q->seed && p->shards == q->shards && p->threads == q->threads);
    assert_string_equal(p->instruction_set, q->instruction_set);
    assert_string_equal(p->versions, q->versions);
    assert_string_equal(p->backend, q->backend);
    assert_string_equal(p->data_digest, q->data_digest);
    assert_string_equal(p->blocks_digest, q->blocks_digest);
    assert_string_equal(p->validation_digest, q->validation_digest);
    assert_memory_equal(&a->progress, &b->progress, sizeof a->progress);
    assert_memory_equal(&a->best, &b->best, sizeof a->best);
    assert_memory_equal(&a->validation, &b->validation, sizeof a->validation);
    assert_memory_equal(&a->average, &b->average, sizeof a->average);
    assert_memory_equal(&a->schedule, &b->schedule, sizeof a->schedule);
    assert_same_preprocess(&a->preprocess, &b->preprocess);
    assert_true(a->targets.kind == b->targets.kind);
    assert_int_equal(a->targets.count, b->targets.count);
    for (int64_t i = 0; i < a->targets.count; i++)
        assert_string_equal(a->targets.names[i], b->targets.names[i]);
    assert_true(table_encoding_equal(&a->encoding, &b->encoding));
    assert_int_equal(a->scale.count, b->scale.count);
    for (int64_t i = 0; i < a->scale.count; i++)
        assert_true(a->scale.mean[i] == b->scale.mean[i] &&
                    a->scale.deviation[i] == b->scale.deviation[i]);
}

static void assert_same_state(const struct Checkpoint *checkpoint, int64_t step) {
    struct Error error = {0};
    int64_t elements = arena_state_elements(&arena);
    float *want = sample_values(&arena, elements, (int)step);
    float *have = memory_allocate((size_t)elements * sizeof *have, "state");
    assert_int_equal(checkpoint_get_state(checkpoint, &arena, have, &error), OK);
    assert_memory_equal(have, want, (size_t)elements * sizeof *have);
    memory_release(want);
    want = sample_values(&arena, arena.parameters, -(int)step);
    assert_int_equal(checkpoint_get_slot(checkpoint, &arena, "momentum", have, &error), OK);
    assert_memory_equal(have, want, (size_t)arena.parameters * sizeof *have);
    memory_release(want);
    memory_release(have);
}

static void round_trip(void **state) {
    (void)state;
    struct Sample want = sample_make(5);
    struct Checkpoint *checkpoint = written_and_read(5);
    struct SavedState have = saved_in(checkpoint);
    assert_string_equal(checkpoint->run_text, want.run_text);
    assert_false(checkpoint->weights_only);
    assert_int_equal(checkpoint->array_count, SAMPLE_ROWS + SAMPLE_ROWS - 2);
    assert_same_saved(&want.saved, &have);
    assert_same_state(checkpoint, 5);
    saved_state_release(&have);
    sample_release(&want);
    checkpoint_close(checkpoint);
}

static struct Figures value_figures(double loss, double rmse, double r2) {
    struct Figures figures = {0};
    figures_set(&figures, FIGURE_LOSS, loss);
    figures_set(&figures, FIGURE_RMSE, rmse);
    figures_set(&figures, FIGURE_R2, r2);
    return figures;
}

static struct TableEncoding sample_encoding(void) {
    static const struct {
        const char *name;
        enum ColumnRole role;
        int64_t target;
        enum MissingRule missing;
        double fill;
        bool numeric;
        const char *categories[2];
    } rows[] = {{"area", COLUMN_NUMBER, 0, MISSING_INDICATOR, 1.0 / 3, false, {NULL}},
                {"", COLUMN_IGNORED, 0, MISSING_REFUSE, 0, false, {NULL}},
                {"city", COLUMN_CATEGORIES, 0, MISSING_MEAN, 1, false, {"Paris", "Rom"}},
                {"price", COLUMN_TARGET, 1, MISSING_DROP, 0, false, {NULL}},
                {"rent", COLUMN_TARGET, 0, MISSING_REFUSE, 0, false, {NULL}},
                {"class", COLUMN_LABEL, 0, MISSING_DROP, 0, true, {"1", "10"}}};
    enum { COLUMNS = sizeof rows / sizeof *rows };
    struct TableEncoding encoding = {
        .separator = ';', .decimal = ',', .thousands = '.', .has_head = true, .missing_count = 1};
    encoding.missing = memory_array(char *, 1, "an encoding");
    encoding.missing[0] = memory_copy_text("?");
    encoding.column_count = COLUMNS;
    encoding.columns = memory_array(struct TableColumn, COLUMNS, "an encoding");
    for (int i = 0; i < COLUMNS; i++) {
        struct TableColumn *column = &encoding.columns[i];
        *column = (struct TableColumn){.name = memory_copy_text(rows[i].name),
                                       .role = rows[i].role,
                                       .target = rows[i].target,
                                       .missing = rows[i].missing,
                                       .fill = rows[i].fill,
                                       .numeric = rows[i].numeric};
        column->category_count = rows[i].categories[0] ? 2 : 0;
        column->categories = memory_array(char *, column->category_count, "categories");
        for (int64_t k = 0; k < column->category_count; k++)
            column->categories[k] = memory_copy_text(rows[i].categories[k]);
    }
    return encoding;
}

/* The values of every owner, none of them what it is at the start. */
static void every_owner(void **state) {
    (void)state;
    static const char *const names[] = {"x", "width in mm"};
    static const double mean[] = {1.0 / 3, -2}, deviation[] = {1e-9, 7};
    struct Error error = {0};
    struct Sample sample = sample_make(5);
    struct SavedState *saved = &sample.saved, resumed = {0};
    saved->progress.epoch_sums[TALLY_SQUARED_ERROR] = 3.5;
    saved->progress.validation_is_due = true;
    saved->progress.validated_seconds = 7.25;
    saved->validation = value_figures(0.25, 0.125, -0.75);
    saved->average = value_figures(0.75, 0.375, NAN);
    saved->schedule =
        (struct ScheduleState){.scale = 0.1, .patience = {9, 4, -1.25}, .cooldown = 3};
    saved->recovery = (struct Recovery){7, 2, 3, 0.125, 96};
    sample.stopping = (struct Patience){11, 6, 2.5};
    targets_release(&saved->targets);
    saved->targets = targets_copy(TARGET_VALUES, names, 2);
    saved->encoding = sample_encoding();
    saved->scale = (struct TargetScale){.count = 2,
                                        .mean = memory_copy_array(mean, 2, "a mean"),
                                        .deviation = memory_copy_array(deviation, 2, "a scale")};
    assert_int_equal(sample_write(&sample, scratch_path("e.h5"), &error), OK);
    struct Checkpoint *checkpoint = read_good(scratch_path("e.h5"));
    struct SavedState have = saved_in(checkpoint);
    assert_same_saved(saved, &have);
    /* A run that resumes: how far it has come, and nothing of how it is set up. */
    saved_state_start(&resumed);
    assert_int_equal(saved_state_resume(&resumed, checkpoint, &error), OK);
    assert_memory_equal(&resumed.progress, &saved->progress, sizeof saved->progress);
    assert_memory_equal(&resumed.best, &saved->best, sizeof saved->best);
    assert_memory_equal(&resumed.validation, &saved->validation, sizeof saved->validation);
    assert_memory_equal(&resumed.average, &saved->average, sizeof saved->average);
    assert_memory_equal(&resumed.schedule, &saved->schedule, sizeof saved->schedule);
    assert_memory_equal(&resumed.recovery, &saved->recovery, sizeof saved->recovery);
    struct Patience stopping = {0};
    assert_int_equal(early_stopping_read(&stopping, checkpoint, &error), OK);
    assert_memory_equal(&stopping, &sample.stopping, sizeof stopping);
    assert_null(resumed.provenance.backend);
    assert_null(resumed.preprocess.mean);
    saved_state_release(&have);
    sample_release(&sample);
    checkpoint_close(checkpoint);
}

/* OHWI in memory is OIHW in the file. */
static void file_order(void **state) {
    (void)state;
    struct Checkpoint *checkpoint = written_and_read(1);
    float *memory = sample_values(&arena, arena_state_elements(&arena), 1);
    const struct CheckpointArray *array = &checkpoint->arrays[0];
    for (int i = 0; i < checkpoint->array_count; i++)
        if (!strcmp(checkpoint->arrays[i].name, "model/0.weight"))
            array = &checkpoint->arrays[i];
    assert_string_equal(array->name, "model/0.weight");
    assert_int_equal(array->rank, 4);
    float *file = memory_array(float, array->count, "an array");
    struct Error error = {0};
    assert_int_equal(checkpoint_get_array(checkpoint, array, file, &error), OK);
    for (int o = 0; o < 4; o++)
        for (int i = 0; i < 2; i++)
            for (int h = 0; h < 3; h++)
                for (int w = 0; w < 3; w++)
                    assert_true(file[((o * 2 + i) * 3 + h) * 3 + w] ==
                                memory[((o * 3 + h) * 3 + w) * 2 + i]);
    memory_release(file);
    memory_release(memory);
    checkpoint_close(checkpoint);
}

/* Writes a run with that preprocessing, and reads it. */
static int preprocess_and_back(struct Sample *sample, struct SavedState *back,
                               struct Error *error) {
    struct Checkpoint *checkpoint;
    assert_int_equal(sample_write(sample, scratch_path("p.h5"), error), OK);
    assert_int_equal(checkpoint_open(&checkpoint, scratch_path("p.h5"), error), OK);
    *back = (struct SavedState){0};
    int code = saved_state_read(back, checkpoint, error);
    checkpoint_close(checkpoint);
    return code;
}

static float *ramp(int64_t count) {
    float *values = memory_array(float, count, "values");
    for (int64_t i = 0; i < count; i++)
        values[i] = (float)i + 0.1f;
    return values;
}

static void mean_image_and_no_mean(void **state) {
    (void)state;
    struct Error error;
    for (int64_t count = 0; count <= 50; count += 50) {
        struct Sample sample = sample_make(1);
        struct Preprocess *preprocess = &sample.saved.preprocess;
        struct SavedState back;
        memory_release(preprocess->mean);
        preprocess->mean = count ? ramp(count) : NULL;
        preprocess->mean_count = count;
        assert_int_equal(preprocess_and_back(&sample, &back, &error), OK);
        assert_same_preprocess(preprocess, &back.preprocess);
        saved_state_release(&back);
        sample_release(&sample);
    }
}

/* A factor a pixel and a matrix: of whole images, to an image or a vector, or of a pixel. */
static void factors_and_matrices(void **state) {
    (void)state;
    static const struct {
        int64_t rows, columns, out[3];
        const char *words; /* of the refusal; NULL: good */
    } cases[] = {
        {50, 50, {5, 5, 2}, NULL},
        {7, 50, {1, 1, 7}, NULL},
        {50, 50, {1, 1, 50}, NULL},
        {1, 2, {5, 5, 1}, NULL},
        {2, 2, {5, 5, 2}, NULL},
        {7, 50, {5, 5, 2}, "/preprocessing/out_shape: is (5,5,2), which a matrix of (7,50)"},
        {3, 2, {5, 5, 3}, "/preprocessing/matrix: is (3,2), which does not fit images of"},
        {7, 49, {1, 1, 7}, "/preprocessing/matrix: is (7,49), which does not fit"},
        {51, 50, {1, 1, 51}, "/preprocessing/matrix: is (51,50), which does not fit"}};
    struct Error error;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct Sample sample = sample_make(1);
        struct SavedState back;
        struct Preprocess *preprocess = &sample.saved.preprocess;
        memory_release(preprocess->factor);
        preprocess->factor_count = 50;
        preprocess->factor = ramp(50);
        preprocess->matrix_rows = cases[i].rows;
        preprocess->matrix_columns = cases[i].columns;
        preprocess->matrix = ramp(cases[i].rows * cases[i].columns);
        preprocess->out_height = cases[i].out[0];
        preprocess->out_width = cases[i].out[1];
        preprocess->out_channels = cases[i].out[2];
        int code = preprocess_and_back(&sample, &back, &error);
        assert_int_equal(code, cases[i].words ? ERROR_CHECKPOINT : OK);
        if (cases[i].words)
            assert_non_null(strstr(error.text, cases[i].words));
        else
            assert_same_preprocess(preprocess, &back.preprocess);
        saved_state_release(&back);
        sample_release(&sample);
    }
}

/* What another rank makes of the bytes that the first one read. */
static void image(void **state) {
    (void)state;
    uint64_t bytes, again;
    struct Error error = {0};
    struct Checkpoint *first = written_and_read(9), *copy;
    const void *bits = checkpoint_image(first, &bytes);
    void *sent = memory_copy(bits, bytes, "an image");
    assert_int_equal(checkpoint_open_image(&copy, first->path, sent, bytes, false, &error), OK);
    struct SavedState want = saved_in(first), have = saved_in(copy);
    assert_memory_equal(checkpoint_image(copy, &again), bits, bytes);
    assert_int_equal(again, bytes);
    assert_string_equal(copy->path, first->path);
    assert_string_equal(copy->run_text, first->run_text);
    assert_int_equal(copy->array_count, first->array_count);
    assert_same_saved(&want, &have);
    assert_same_state(copy, 9);
    unsigned char *damaged = memory_copy(bits, bytes, "an image");
    damaged[bytes / 2] ^= 1;
    checkpoint_close(copy);
    assert_int_equal(checkpoint_open_image(&copy, first->path, damaged, bytes, false, &error),
                     ERROR_CHECKPOINT);
    assert_null(copy);
    assert_non_null(strstr(error.text, "do not match the checksum"));
    saved_state_release(&want);
    saved_state_release(&have);
    checkpoint_close(first);
}

static void expect_mismatch(const struct Checkpoint *checkpoint, const char *tail) {
    struct Error error = {0};
    float *state = memory_allocate((size_t)arena_state_elements(&arena) * sizeof *state, "state");
    assert_int_equal(checkpoint_get_state(checkpoint, &arena, state, &error), ERROR_CHECKPOINT);
    size_t length = strlen(error.text), expected = strlen(tail);
    assert_true(length > expected);
    assert_string_equal(error.text + length - expected, tail);
    memory_release(state);
}

static void another_model(void **state) {
    (void)state;
    struct Checkpoint *checkpoint = written_and_read(2);
    struct Error error;
    arena.rows[0].size[0] = arena.rows[0].file_size[0] = 8; /* more output channels */
    expect_mismatch(checkpoint, "a.h5:/model/0.weight: is (4,2,3,3), the model has (8,2,3,3)");
    arena.rows[0].size[0] = arena.rows[0].file_size[0] = 4;
    arena.row_count--;
    expect_mismatch(checkpoint, "a.h5:/model/1.running_var: the model has no such array");
    arena.row_count++;
    arena.rows[5].name[0] = '6';
    expect_mismatch(checkpoint, "a.h5:/model/6.bias: is missing, the model has it");
    arena.rows[5].name[0] = '4';
    float *slot = memory_allocate((size_t)arena.parameters * sizeof *slot, "slot");
    assert_int_equal(checkpoint_get_slot(checkpoint, &arena, "square", slot, &error),
                     ERROR_CHECKPOINT);
    assert_non_null(strstr(error.text, "/optimizer/square/0.weight: is missing"));
    memory_release(slot);
    checkpoint_close(checkpoint);
}

static void *try_again(void *writer) {
    struct Error error = {0};
    return checkpoint_try(writer, &error) ? writer : NULL;
}

/* The file holds the arrays as they were when it was begun, and a writer that failed succeeds from
 * another thread once it can. */
static void copies_and_trying_again(void **state) {
    (void)state;
    struct Error error = {0};
    struct Sample sample = sample_make(5);
    for (int round = 0; round < 2; round++) {
        struct CheckpointWriter *writer =
            checkpoint_create(scratch_path("later/c.h5"), sample.run_text);
        checkpoint_copy_arrays(writer);
        saved_state_write(&sample.saved, writer);
        checkpoint_put_state(writer, &sample.model_rows, sample.state);
        checkpoint_put_slot(writer, &sample.slot_rows, "momentum", sample.slot);
        sample.state[3] += 1;
        sample.slot[2] += 1;
        assert_int_equal(checkpoint_try(writer, &error), ERROR_SYSTEM);
        assert_non_null(strstr(error.text, "No such file"));
        assert_int_equal(mkdir(scratch_path("later"), 0777), 0);
        pthread_t thread;
        void *failed;
        assert_int_equal(pthread_create(&thread, NULL, try_again, writer), 0);
        assert_int_equal(pthread_join(thread, &failed), 0);
        assert_null(failed);
        checkpoint_release_writer(writer);
        sample.state[3] -= 1;
        sample.slot[2] -= 1;
        struct Checkpoint *checkpoint = read_good(scratch_path("later/c.h5"));
        assert_same_state(checkpoint, 5);
        checkpoint_close(checkpoint);
        unlink(scratch_path("later/c.h5"));
        assert_int_equal(rmdir(scratch_path("later")), 0);
    }
    sample_release(&sample);
}

static void nonfinite_is_not_written(void **state) {
    (void)state;
    struct Error error = {0};
    struct Sample sample = sample_make(1);
    sample.state[sample.model_rows.rows[1].offset + 2] = INFINITY;
    assert_int_equal(sample_write(&sample, scratch_path("n.h5"), &error), ERROR_NUMERIC);
    assert_non_null(strstr(error.text, "n.h5 is not written: model/0.bias[2] is inf"));
    assert_int_equal(access(scratch_path("n.h5"), F_OK), -1);
    sample_release(&sample);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(round_trip),
        cmocka_unit_test(file_order),
        cmocka_unit_test(every_owner),
        cmocka_unit_test(image),
        cmocka_unit_test(mean_image_and_no_mean),
        cmocka_unit_test(factors_and_matrices),
        cmocka_unit_test(another_model),
        cmocka_unit_test(nonfinite_is_not_written),
        cmocka_unit_test(copies_and_trying_again),
    };
    return cmocka_run_group_tests(tests, start, stop);
}
