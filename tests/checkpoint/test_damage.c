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
        cmocka_unit_test(not_a_checkpoint),
        cmocka_unit_test(other_files),
        cmocka_unit_test(nan_is_named),
        cmocka_unit_test(mutants),
    };
    return cmocka_run_group_tests(tests, start, stop);
}
