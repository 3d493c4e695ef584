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

static int start(void **state) {
    struct Error error;
    if (scratch_make(state))
        return -1;
    struct Sample sample = sample_make(5);
    int code = sample_write(&sample, scratch_path("x.h5"), &error);
    sample_release(&sample);
    if (!code)
        good = scratch_read(scratch_path("x.h5"), &good_bytes);
    return code;
}

static int stop(void **state) {
    free(good);
    return scratch_remove(state);
}

/* Opens x.h5 and reads all that a run saves. */
static int read_all(struct Error *error) {
    struct Checkpoint *checkpoint;
    int code = checkpoint_open(&checkpoint, scratch_path("x.h5"), error);
    if (code)
        assert_null(checkpoint);
    else
        code = saved_state_check(checkpoint, error);
    if (!code)
        code = callbacks__check(callback_table, checkpoint, error);
    checkpoint_close(checkpoint);
    return code;
}

static void expect_refusal(const char *words) {
    struct Error error = {0};
    assert_int_equal(read_all(&error), ERROR_CHECKPOINT);
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
    seal__write(bytes + length, length, XXH3_128bits(bytes, length));
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
    struct Sample sample = sample_make(5);
    struct Preprocess *preprocess = &sample.saved.preprocess;
    struct Error error = {0};
    preprocess->factor[1] = INFINITY;
    assert_int_equal(sample_write(&sample, scratch_path("y.h5"), &error), ERROR_NUMERIC);
    assert_non_null(strstr(error.text, "y.h5 is not written: preprocessing/factor[1] is inf"));
    preprocess->factor[1] = 1;
    preprocess->matrix_rows = preprocess->matrix_columns = 2;
    preprocess->matrix = memory_array(float, 4, "a matrix");
    preprocess->matrix[3] = NAN;
    assert_int_equal(sample_write(&sample, scratch_path("y.h5"), &error), ERROR_NUMERIC);
    assert_non_null(strstr(error.text, "preprocessing/matrix[3] is nan"));
    sample_release(&sample);
}

static void nan_is_named(void **state) {
    (void)state;
    struct Error error;
    float value = sample_value(4, 100, 5); /* the linear layer's weight */
    reseal_with(value, 17.25f);
    assert_int_equal(read_all(&error), OK);
    reseal_with(value, NAN);
    expect_refusal("x.h5:/model/4.weight[100]: is nan");
    reseal_with(value, -INFINITY);
    expect_refusal("x.h5:/model/4.weight[100]: is -inf");
}

/* --- whole files whose pieces do not fit ------------------------------------------------------ */

/* A run with all that came later: an average, a matrix, targets that are values. */
static struct Sample rich_sample(void) {
    static const char *const names[] = {"target 0", "target 1"};
    static const double mean[] = {0, 0}, deviation[] = {1, 2};
    struct Sample sample = sample_make(5);
    struct SavedState *saved = &sample.saved;
    sample.average =
        sample_values(&sample.average_rows, arena_state_elements(&sample.average_rows), 77);
    saved->schedule.scale = 0.1;
    saved->preprocess.matrix_rows = 7;
    saved->preprocess.matrix_columns = 50;
    saved->preprocess.matrix = memory_array(float, 7 * 50, "a matrix");
    saved->preprocess.out_height = saved->preprocess.out_width = 1;
    saved->preprocess.out_channels = 7;
    targets_release(&saved->targets);
    saved->targets = targets_copy(TARGET_VALUES, names, 2);
    saved->scale = (struct TargetScale){.count = 2,
                                        .mean = memory_copy_array(mean, 2, "a scale"),
                                        .deviation = memory_copy_array(deviation, 2, "a scale")};
    return sample;
}

static struct ArenaRow *row_called(struct Arena *arena, const char *name) {
    int row = arena_find(arena, name);
    assert_true(row >= 0);
    return &arena->rows[row];
}

static void rename_row(struct Arena *arena, const char *old, const char *name) {
    struct ArenaRow *row = row_called(arena, old);
    memory_release(row->name);
    row->name = memory_copy_text(name);
}

#define DAMAGE(name, change)                                                                       \
    static void name(struct Sample *sample) {                                                      \
        struct SavedState *saved = &sample->saved;                                                 \
        (void)saved;                                                                               \
        change;                                                                                    \
    }
DAMAGE(nothing, )
DAMAGE(narrow_matrix, saved->preprocess.matrix_columns = 49)
DAMAGE(wrong_shape, saved->preprocess.out_channels = 8)
DAMAGE(no_out_shape, saved->preprocess.out_height = -1)
DAMAGE(flat_target, saved->scale.deviation[1] = 0)
DAMAGE(negative_target, saved->scale.deviation[0] = -1)
DAMAGE(nan_target, saved->scale.mean[1] = NAN)
DAMAGE(few_targets, saved->scale.count = 1)
DAMAGE(no_step, saved->progress.step = -1)
DAMAGE(no_shards, saved->provenance.shards = 0)
DAMAGE(nan_scale, saved->schedule.scale = NAN)
DAMAGE(large_scale, saved->schedule.scale = 1e9)
DAMAGE(no_cooldown, saved->schedule.cooldown = -1)
DAMAGE(no_patience, sample->stopping.waited = INT64_MIN)
DAMAGE(average_lacks, rename_row(&sample->average_rows, "1.running_var", "9.bias"))
DAMAGE(average_strange, rename_row(&sample->model_rows, "1.running_var", "9.bias"))
DAMAGE(average_flat, row_called(&sample->average_rows, "4.weight")->file_size[1] = 18;
       row_called(&sample->average_rows, "4.weight")->file_size[0] = 10)
DAMAGE(slot_lacks, rename_row(&sample->slot_rows, "4.bias", "x"))
#undef DAMAGE

static void pieces_that_do_not_fit(void **state) {
    (void)state;
    static const struct {
        void (*damage)(struct Sample *sample);
        const char *words; /* NULL: nothing is refused */
    } cases[] = {
        {nothing, NULL},
        {narrow_matrix, "matrix: is (7,49), which does not fit images of (5,5,2)"},
        {wrong_shape, "out_shape: is (1,1,8), which a matrix of (7,50) does not make"},
        {no_out_shape, "out_shape: is (-1,1,7), which a matrix of (7,50) does not make"},
        {flat_target, "target_deviation[1]: is 0"},
        {negative_target, "target_deviation[0]: is -1"},
        {nan_target, "target_mean[1]: is nan"},
        {few_targets, "target_mean: has shape (1), expected (2)"},
        {no_step, "x.h5:/run: step -1, epoch 3, step_in_epoch 7"},
        {no_shards, "shards 0"},
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
        struct Sample sample = rich_sample();
        struct Checkpoint *checkpoint = NULL;
        cases[i].damage(&sample);
        assert_int_equal(sample_write(&sample, scratch_path("x.h5"), &error), OK);
        sample_release(&sample);
        int code = read_all(&error);
        if (!code)
            code = checkpoint_open(&checkpoint, scratch_path("x.h5"), &error);
        if (!code) /* in the order of a resume */
            code = checkpoint_get_average(checkpoint, &arena, values, &error);
        if (!code)
            code = checkpoint_get_state(checkpoint, &arena, values, &error);
        if (!code)
            code = checkpoint_get_slot(checkpoint, &arena, "momentum", values, &error);
        assert_int_equal(code, cases[i].words ? ERROR_CHECKPOINT : OK);
        assert_null(strchr(error.text, '\n'));
        if (cases[i].words && !strstr(error.text, cases[i].words))
            fail_msg("\"%s\" does not say \"%s\"", error.text, cases[i].words);
        checkpoint_close(checkpoint);
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
        unlink(scratch_path("x.h5")); /* writing over a file waits for the disk on some systems */
        scratch_write(scratch_path("x.h5"), bytes, length);
        int code = read_all(&error);
        if (same && code)
            fail_msg("mutant %d changed nothing: %s", (int)mutant, error.text);
        if (!same && !code)
            fail_msg("mutant %d was read", (int)mutant);
        if (code)
            assert_int_equal(code, ERROR_CHECKPOINT);
        refused += code != OK;
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
