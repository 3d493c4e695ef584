/* Files that are not, or no longer, a checkpoint: each is refused with a clear line. */
#include <math.h>

#include "base/random.h"
#include "checkpoint/sample.h"
#include "store/h5.h"
#include "store/scratch.h"
#include "store/seal.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h> /* last: it takes the name of fail() */

#define MUTANTS 2000

static unsigned char *good; /* a sealed file's bytes */
static size_t good_bytes;
static void *good_packed;
static int64_t good_packed_bytes;

static int start(void **state) {
    struct Error error;
    if (scratch_make(state))
        return -1;
    struct Arena arena = sample_arena();
    struct Checkpoint *checkpoint = sample_checkpoint(&arena, 5);
    int code = checkpoint_write(checkpoint, scratch_path("x.h5"), &error);
    checkpoint_release(checkpoint);
    arena_release(&arena);
    if (code || checkpoint_read(&checkpoint, scratch_path("x.h5"), &error))
        return -1;
    good_packed = checkpoint_pack(checkpoint, &good_packed_bytes);
    checkpoint_release(checkpoint);
    good = scratch_read(scratch_path("x.h5"), &good_bytes);
    return 0;
}

static int stop(void **state) {
    free(good);
    memory_release(good_packed);
    return scratch_remove(state);
}

static void expect_refusal(const char *words) {
    struct Error error = {0};
    struct Checkpoint *checkpoint;
    assert_int_equal(checkpoint_read(&checkpoint, scratch_path("x.h5"), &error), ERROR_CHECKPOINT);
    assert_null(checkpoint);
    assert_non_null(strstr(error.text, scratch_path("x.h5")));
    assert_null(strchr(error.text, '\n'));
    if (!strstr(error.text, words))
        fail_msg("\"%s\" does not say \"%s\"", error.text, words);
}

static void expect_refusal_of(const void *data, size_t bytes, const char *words) {
    scratch_write(scratch_path("x.h5"), data, bytes);
    expect_refusal(words);
}

static void not_a_checkpoint(void **state) {
    (void)state;
    unlink(scratch_path("x.h5"));
    expect_refusal("No such file");
    expect_refusal_of("", 0, "is empty");
    expect_refusal_of("train:\n  batch: 64\n", 19, "is not an HDF5 file");
    expect_refusal_of(good, good_bytes / 2, "is cut short");
    expect_refusal_of(good, good_bytes - SEAL_BYTES, "has no seal");
    expect_refusal_of(good, good_bytes - 1, "x.h5: ");
}

static void other_files(void **state) {
    (void)state;
    struct Error error = {0};
    struct H5Writer *writer;
    const char *const classes[] = {"ant", "bee"};
    int64_t version = 2;
    assert_int_equal(h5_create_in_memory(&writer, scratch_path("x.h5"), &error), OK);
    assert_int_equal(h5_write_texts(writer, "/classes", classes, 2, &error), OK);
    assert_int_equal(h5_commit(writer, &error), OK);
    expect_refusal("is a data set");
    assert_int_equal(h5_create_in_memory(&writer, scratch_path("x.h5"), &error), OK);
    assert_int_equal(h5_write_text(writer, "/model/0.weight", "?", &error), OK);
    assert_int_equal(h5_commit(writer, &error), OK);
    expect_refusal("is not a checkpoint");
    assert_int_equal(h5_create_in_memory(&writer, scratch_path("x.h5"), &error), OK);
    assert_int_equal(
        h5_write_attribute(writer, "/", "format", H5_TEXT, "trainer checkpoint", &error), OK);
    assert_int_equal(h5_write_attribute(writer, "/", "format_version", H5_INT64, &version, &error),
                     OK);
    assert_int_equal(h5_commit(writer, &error), OK);
    expect_refusal("is of format version 2, this program reads 1");
}

/* A good file with its only float `from` replaced, and sealed again. */
static void reseal_with(float from, float to) {
    unsigned char *bytes = malloc(good_bytes);
    size_t length = good_bytes - SEAL_BYTES;
    int found = 0;
    memcpy(bytes, good, good_bytes);
    for (size_t i = 0; i + 4 <= length; i++)
        if (!memcmp(bytes + i, &from, 4)) {
            memcpy(bytes + i, &to, 4);
            found++;
        }
    assert_int_equal(found, 1);
    seal_write(bytes + length, length, XXH3_128bits(bytes, length));
    scratch_write(scratch_path("x.h5"), bytes, good_bytes);
    free(bytes);
}

/* Preprocessing, too: neither read nor written. */
static void nan_in_preprocessing(void **state) {
    (void)state;
    reseal_with(99.1f, NAN);
    expect_refusal("x.h5:/preprocessing/mean[1]: is nan");
    reseal_with(1 / 63.0f, INFINITY);
    expect_refusal("x.h5:/preprocessing/factor[1]: is inf");
    struct Arena arena = sample_arena();
    struct Checkpoint *checkpoint = sample_checkpoint(&arena, 5);
    struct Error error = {0};
    checkpoint->factor[1] = INFINITY;
    assert_int_equal(checkpoint_write(checkpoint, scratch_path("y.h5"), &error), ERROR_NUMERIC);
    assert_non_null(strstr(error.text, "y.h5 is not written: preprocessing/factor[1] is inf"));
    checkpoint->factor[1] = 1;
    checkpoint->matrix_rows = checkpoint->matrix_columns = 2;
    checkpoint->matrix = memory_allocate(4 * sizeof(float), "a matrix");
    checkpoint->matrix[3] = NAN;
    assert_int_equal(checkpoint_write(checkpoint, scratch_path("y.h5"), &error), ERROR_NUMERIC);
    assert_non_null(strstr(error.text, "preprocessing/matrix[3] is nan"));
    checkpoint_release(checkpoint);
    arena_release(&arena);
}

static void nan_is_named(void **state) {
    (void)state;
    struct Error error;
    struct Checkpoint *checkpoint;
    float value = sample_value(4, 100, 5); /* the linear layer's weight */
    reseal_with(value, 17.25f);
    assert_int_equal(checkpoint_read(&checkpoint, scratch_path("x.h5"), &error), OK);
    checkpoint_release(checkpoint);
    reseal_with(value, NAN);
    expect_refusal("x.h5:/model/4.weight[100]: is nan");
    reseal_with(value, -INFINITY);
    expect_refusal("x.h5:/model/4.weight[100]: is -inf");
}

/* --- whole files whose pieces do not fit -------------------------------------------------------
 */

/* A run with all that came later: an average, a matrix, targets that are values. */
static struct Checkpoint *rich_checkpoint(const struct Arena *arena) {
    struct Checkpoint *checkpoint = sample_checkpoint(arena, 5);
    float *average = sample_values(arena, arena_state_elements(arena), 77);
    checkpoint_put_average(checkpoint, arena, average);
    memory_release(average);
    checkpoint->progress.schedule_scale = 0.1;
    checkpoint->matrix_rows = 7;
    checkpoint->matrix_columns = 50;
    checkpoint->matrix = memory_allocate(7 * 50 * sizeof(float), "a matrix");
    checkpoint->out_height = checkpoint->out_width = 1;
    checkpoint->out_channels = 7;
    checkpoint->target_count = 2;
    checkpoint->target_names = memory_allocate(2 * sizeof(char *), "names");
    checkpoint->target_mean = memory_allocate(2 * sizeof(double), "a scale");
    checkpoint->target_deviation = memory_allocate(2 * sizeof(double), "a scale");
    for (int k = 0; k < 2; k++) {
        checkpoint->target_names[k] = memory_print("target %d", k);
        checkpoint->target_deviation[k] = k + 1;
    }
    return checkpoint;
}

static struct CheckpointArray *array_called(struct Checkpoint *checkpoint, const char *name) {
    for (int i = 0; i < checkpoint->array_count; i++)
        if (!strcmp(checkpoint->arrays[i].name, name))
            return &checkpoint->arrays[i];
    fail_msg("no array is called %s", name);
    return NULL;
}

static void rename_array(struct Checkpoint *checkpoint, const char *old, const char *name) {
    struct CheckpointArray *array = array_called(checkpoint, old);
    memory_release(array->name);
    array->name = memory_copy_text(name);
}

#define DAMAGE(name, change)                                                                       \
    static void name(struct Checkpoint *checkpoint) {                                              \
        change;                                                                                    \
    }
DAMAGE(nothing, (void)checkpoint)
DAMAGE(narrow_matrix, checkpoint->matrix_columns = 49)
DAMAGE(wrong_shape, checkpoint->out_channels = 8)
DAMAGE(no_out_shape, checkpoint->out_height = -1)
DAMAGE(flat_target, checkpoint->target_deviation[1] = 0)
DAMAGE(negative_target, checkpoint->target_deviation[0] = -1)
DAMAGE(nan_target, checkpoint->target_mean[1] = NAN)
DAMAGE(nan_scale, checkpoint->progress.schedule_scale = NAN)
DAMAGE(large_scale, checkpoint->progress.schedule_scale = 1e9)
DAMAGE(no_cooldown, checkpoint->progress.schedule_cooldown = -1)
DAMAGE(no_patience, checkpoint->progress.stopping_waited = INT64_MIN)
DAMAGE(average_lacks, rename_array(checkpoint, "average/1.running_var", "model/9.bias"))
DAMAGE(average_strange, rename_array(checkpoint, "model/1.running_var", "average/9.bias"))
DAMAGE(average_flat, array_called(checkpoint, "average/4.weight")->size[1] = 18;
       array_called(checkpoint, "average/4.weight")->size[0] = 10)
DAMAGE(slot_lacks, rename_array(checkpoint, "optimizer/momentum/4.bias", "optimizer/velocity/x"))
#undef DAMAGE

static void pieces_that_do_not_fit(void **state) {
    (void)state;
    static const struct {
        void (*damage)(struct Checkpoint *checkpoint);
        const char *words; /* NULL: nothing is refused */
    } cases[] = {
        {nothing, NULL},
        {narrow_matrix, "matrix: is (7,49), which does not fit images of (5,5,2)"},
        {wrong_shape, "out_shape: is (1,1,8), which a matrix of (7,50) does not make"},
        {no_out_shape, "out_shape: is (-1,1,7), which a matrix of (7,50) does not make"},
        {flat_target, "target_deviation[1]: is 0"},
        {negative_target, "target_deviation[0]: is -1"},
        {nan_target, "target_mean[1]: is nan"},
        {nan_scale, "x.h5:/run: schedule_scale nan"},
        {large_scale, "x.h5:/run: schedule_scale 1e+09"},
        {no_cooldown, "schedule_cooldown -1 are not those of a schedule"},
        {no_patience, "stopping_waited -9223372036854775808 are not those"},
        {average_lacks, "x.h5:/average/1.running_var: is missing, the model has it"},
        {average_strange, "x.h5:/model/1.running_var: is missing"},
        {average_flat, "x.h5:/average/4.weight: is (10,18), the model has (5,36)"},
        {slot_lacks, "x.h5:/optimizer/momentum/4.bias: is missing"},
    };
    struct Arena arena = sample_arena();
    float *values = memory_allocate((size_t)arena_state_elements(&arena) * sizeof *values, "state");
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct Error error = {0};
        struct Checkpoint *checkpoint = rich_checkpoint(&arena);
        cases[i].damage(checkpoint);
        assert_int_equal(checkpoint_write(checkpoint, scratch_path("x.h5"), &error), OK);
        checkpoint_release(checkpoint);
        int code = checkpoint_read(&checkpoint, scratch_path("x.h5"), &error);
        if (!code) /* in the order of a resume */
            code = checkpoint_get_average(checkpoint, &arena, values, &error);
        if (!code || strstr(error.text, "/average/9.bias"))
            code = checkpoint_get_state(checkpoint, &arena, values, &error);
        if (!code)
            code = checkpoint_get_slot(checkpoint, &arena, "momentum", values, &error);
        assert_int_equal(code, cases[i].words ? ERROR_CHECKPOINT : OK);
        assert_null(strchr(error.text, '\n'));
        if (cases[i].words && !strstr(error.text, cases[i].words))
            fail_msg("\"%s\" does not say \"%s\"", error.text, cases[i].words);
        checkpoint_release(checkpoint);
    }
    memory_release(values);
    arena_release(&arena);
}

/* Changes a copy of the good file in one of four ways; the new length. */
static size_t mutate(unsigned char *bytes, uint64_t mutant) {
    struct RandomStream stream = random_stream(1, RANDOM_TEST, 0, 0, mutant);
    uint32_t words[4];
    random_block(&stream, 0, words);
    size_t at = random_below(words[0], (uint32_t)good_bytes);
    switch (words[1] % 4) {
    case 0:
        bytes[at] ^= (unsigned char)(1u << (words[2] & 7));
        return good_bytes;
    case 1:
        bytes[at] = (unsigned char)words[2];
        return good_bytes;
    case 2:
        return at;
    default:
        memset(bytes + at, 0, good_bytes - at < 512 ? good_bytes - at : 512);
        return good_bytes;
    }
}

static void mutants(void **state) {
    (void)state;
    int refused = 0;
    unsigned char *bytes = malloc(good_bytes);
    for (uint64_t mutant = 0; mutant < MUTANTS; mutant++) {
        memcpy(bytes, good, good_bytes);
        size_t length = mutate(bytes, mutant);
        bool same = length == good_bytes && !memcmp(bytes, good, good_bytes);
        struct Error error = {0};
        struct Checkpoint *checkpoint;
        unlink(scratch_path("x.h5")); /* writing over a file waits for the disk on some systems */
        scratch_write(scratch_path("x.h5"), bytes, length);
        int code = checkpoint_read(&checkpoint, scratch_path("x.h5"), &error);
        if (same && code)
            fail_msg("mutant %d changed nothing: %s", (int)mutant, error.text);
        if (!same && !code)
            fail_msg("mutant %d was read", (int)mutant);
        if (code)
            assert_int_equal(code, ERROR_CHECKPOINT);
        refused += code != OK;
        if (!code) {
            int64_t packed_bytes;
            void *packed = checkpoint_pack(checkpoint, &packed_bytes);
            assert_int_equal(packed_bytes, good_packed_bytes);
            assert_memory_equal(packed, good_packed, (size_t)packed_bytes);
            memory_release(packed);
        }
        checkpoint_release(checkpoint);
    }
    free(bytes);
    assert_true(refused > MUTANTS * 8 / 10);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(not_a_checkpoint),       cmocka_unit_test(other_files),
        cmocka_unit_test(nan_is_named),           cmocka_unit_test(nan_in_preprocessing),
        cmocka_unit_test(pieces_that_do_not_fit), cmocka_unit_test(mutants),
    };
    return cmocka_run_group_tests(tests, start, stop);
}
