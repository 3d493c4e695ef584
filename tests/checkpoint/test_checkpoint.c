/* What is written comes back bit for bit, in the file's order and in memory's. */
#include <math.h>

#include "checkpoint/sample.h"
#include "store/scratch.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h> /* last: it takes the name of fail() */

#include "checkpoint/fixture.h"

static struct Checkpoint *written_and_read(int64_t step) {
    struct Error error = {0};
    struct Checkpoint *checkpoint = sample_checkpoint(&arena, step);
    int code = checkpoint_write(checkpoint, scratch_path("a.h5"), &error);
    assert_string_equal(error.text, "");
    assert_int_equal(code, OK);
    checkpoint_release(checkpoint);
    return read_good(scratch_path("a.h5"));
}

static void assert_same_run(const struct Checkpoint *a, const struct Checkpoint *b) {
    assert_string_equal(a->run_text, b->run_text);
    assert_true(a->seed == b->seed && a->shards == b->shards && a->threads == b->threads);
    assert_string_equal(a->instruction_set, b->instruction_set);
    assert_string_equal(a->versions, b->versions);
    assert_string_equal(a->backend, b->backend);
    assert_string_equal(a->data_digest, b->data_digest);
    assert_memory_equal(&a->progress, &b->progress, sizeof a->progress);
    assert_true(a->height == b->height && a->width == b->width && a->channels == b->channels);
    assert_int_equal(a->mean_count, b->mean_count);
    assert_memory_equal(a->mean, b->mean, (size_t)a->mean_count * sizeof(float));
    assert_int_equal(a->factor_count, b->factor_count);
    assert_memory_equal(a->factor, b->factor, (size_t)a->factor_count * sizeof(float));
    int64_t matrix = a->matrix_rows * a->matrix_columns;
    assert_true(a->matrix_rows == b->matrix_rows && a->matrix_columns == b->matrix_columns);
    assert_true((a->matrix == NULL) == (b->matrix == NULL));
    if (a->matrix)
        assert_memory_equal(a->matrix, b->matrix, (size_t)matrix * sizeof(float));
    assert_true(a->out_height == b->out_height && a->out_width == b->out_width &&
                a->out_channels == b->out_channels);
    assert_int_equal(a->class_count, b->class_count);
    for (int64_t i = 0; i < a->class_count; i++)
        assert_string_equal(a->class_names[i], b->class_names[i]);
    assert_int_equal(a->array_count, b->array_count);
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
    struct Checkpoint *want = sample_checkpoint(&arena, 5), *have = written_and_read(5);
    assert_same_run(want, have);
    assert_same_state(have, 5);
    checkpoint_release(want);
    checkpoint_release(have);
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
    for (int o = 0; o < 4; o++)
        for (int i = 0; i < 2; i++)
            for (int h = 0; h < 3; h++)
                for (int w = 0; w < 3; w++)
                    assert_true(array->values[((o * 2 + i) * 3 + h) * 3 + w] ==
                                memory[((o * 3 + h) * 3 + w) * 2 + i]);
    memory_release(memory);
    checkpoint_release(checkpoint);
}

static void mean_image_and_no_mean(void **state) {
    (void)state;
    struct Error error;
    for (int64_t count = 0; count <= 50; count += 50) {
        struct Checkpoint *checkpoint = sample_checkpoint(&arena, 1);
        memory_release(checkpoint->mean);
        checkpoint->mean = count ? memory_allocate(50 * sizeof(float), "a mean") : NULL;
        checkpoint->mean_count = count;
        for (int i = 0; i < count; i++)
            checkpoint->mean[i] = (float)i + 0.1f;
        assert_int_equal(checkpoint_write(checkpoint, scratch_path("m.h5"), &error), OK);
        struct Checkpoint *back = read_good(scratch_path("m.h5"));
        assert_int_equal(back->mean_count, count);
        if (count)
            assert_memory_equal(back->mean, checkpoint->mean, 50 * sizeof(float));
        checkpoint_release(back);
        checkpoint_release(checkpoint);
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
        struct Checkpoint *checkpoint = sample_checkpoint(&arena, 1), *back = NULL;
        int64_t count = cases[i].rows * cases[i].columns;
        memory_release(checkpoint->factor);
        checkpoint->factor_count = 50;
        checkpoint->factor = memory_allocate(50 * sizeof(float), "a factor");
        checkpoint->matrix_rows = cases[i].rows;
        checkpoint->matrix_columns = cases[i].columns;
        checkpoint->matrix = memory_allocate((size_t)count * sizeof(float), "a matrix");
        checkpoint->out_height = cases[i].out[0];
        checkpoint->out_width = cases[i].out[1];
        checkpoint->out_channels = cases[i].out[2];
        for (int64_t at = 0; at < count; at++)
            checkpoint->matrix[at] = (float)at + 0.1f;
        for (int at = 0; at < 50; at++)
            checkpoint->factor[at] = 1 / ((float)at + 1);
        assert_int_equal(checkpoint_write(checkpoint, scratch_path("f.h5"), &error), OK);
        int code = checkpoint_read(&back, scratch_path("f.h5"), &error);
        assert_int_equal(code, cases[i].words ? ERROR_CHECKPOINT : OK);
        if (cases[i].words)
            assert_non_null(strstr(error.text, cases[i].words));
        if (!code) {
            int64_t bytes;
            void *packed = checkpoint_pack(back, &bytes);
            struct Checkpoint *unpacked = checkpoint_unpack(packed, bytes);
            assert_same_run(checkpoint, back);
            assert_same_run(checkpoint, unpacked);
            checkpoint_release(unpacked);
            memory_release(packed);
        }
        checkpoint_release(back);
        checkpoint_release(checkpoint);
    }
}

static void packing(void **state) {
    (void)state;
    int64_t bytes, again_bytes;
    struct Checkpoint *checkpoint = written_and_read(9);
    void *packed = checkpoint_pack(checkpoint, &bytes);
    struct Checkpoint *copy = checkpoint_unpack(packed, bytes);
    void *again = checkpoint_pack(copy, &again_bytes);
    assert_int_equal(bytes, again_bytes);
    assert_memory_equal(packed, again, (size_t)bytes);
    assert_string_equal(copy->path, checkpoint->path);
    assert_same_run(checkpoint, copy);
    assert_same_state(copy, 9);
    memory_release(packed);
    memory_release(again);
    checkpoint_release(copy);
    checkpoint_release(checkpoint);
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
    checkpoint_release(checkpoint);
}

static void nonfinite_is_not_written(void **state) {
    (void)state;
    struct Error error = {0};
    struct Checkpoint *checkpoint = sample_checkpoint(&arena, 1);
    checkpoint->arrays[1].values[2] = INFINITY;
    assert_int_equal(checkpoint_write(checkpoint, scratch_path("n.h5"), &error), ERROR_NUMERIC);
    assert_non_null(strstr(error.text, "model/0.bias[2] is inf"));
    assert_int_equal(access(scratch_path("n.h5"), F_OK), -1);
    checkpoint_release(checkpoint);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(round_trip),
        cmocka_unit_test(file_order),
        cmocka_unit_test(packing),
        cmocka_unit_test(mean_image_and_no_mean),
        cmocka_unit_test(factors_and_matrices),
        cmocka_unit_test(another_model),
        cmocka_unit_test(nonfinite_is_not_written),
    };
    return cmocka_run_group_tests(tests, start, stop);
}
