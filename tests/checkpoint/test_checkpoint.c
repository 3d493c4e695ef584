/* What is written comes back bit for bit, in the file's order and in memory's. */
#include <math.h>

#include "checkpoint/sample.h"
#include "store/scratch.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h> /* last: it takes the name of fail() */

static struct Arena arena;

static int start(void **state) {
    arena = sample_arena();
    return scratch_make(state);
}

static int stop(void **state) {
    arena_release(&arena);
    return scratch_remove(state);
}

static struct Checkpoint *read_good(const char *path) {
    struct Checkpoint *checkpoint;
    struct Error error = {0};
    int code = checkpoint_read(&checkpoint, path, &error);
    assert_string_equal(error.text, "");
    assert_int_equal(code, OK);
    return checkpoint;
}

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
    assert_memory_equal(a->factor, b->factor, (size_t)a->channels * sizeof(float));
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
        cmocka_unit_test(round_trip),    cmocka_unit_test(file_order),
        cmocka_unit_test(packing),       cmocka_unit_test(mean_image_and_no_mean),
        cmocka_unit_test(another_model), cmocka_unit_test(nonfinite_is_not_written),
    };
    return cmocka_run_group_tests(tests, start, stop);
}
