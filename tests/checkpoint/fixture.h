/* What tests of whole checkpoints begin and end with: sample.h's arena and a scratch folder. For
 * after <cmocka.h>. */
#ifndef TESTS_CHECKPOINT_FIXTURE_H
#define TESTS_CHECKPOINT_FIXTURE_H

#include "checkpoint/sample.h"
#include "store/scratch.h"

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
    int code = checkpoint_open(&checkpoint, path, &error);
    assert_string_equal(error.text, "");
    assert_int_equal(code, OK);
    return checkpoint;
}

#endif
