/* A power cut finds a link that points at the old checkpoint or at the new one. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include "checkpoint/checkpoint.h"
#include "store/recorded_calls.h"
#include "store/scratch.h"

#include <cmocka.h>

static struct Error error;

static int prepare(void **state) {
    (void)state;
    scratch_empty();
    calls_forget();
    return symlink("step-000000001.h5", scratch_path("latest.h5"));
}

static int link_to_step_2(void) {
    return checkpoint_link(scratch, "latest.h5", scratch_path("step-000000002.h5"), &error);
}

static void points_at(const char *expected) {
    char target[100] = "";
    assert_true(readlink(scratch_path("latest.h5"), target, sizeof target - 1) > 0);
    assert_string_equal(target, expected);
    assert_int_equal(scratch_count(), 1); /* no temporary link */
}

static void order(void **unused) {
    (void)unused;
    assert_int_equal(link_to_step_2(), OK);
    assert_string_equal(calls, "rd");
    points_at("step-000000002.h5");
}

static void cannot_be_renamed(void **unused) {
    (void)unused;
    broken[CALL_RENAME] = EACCES;
    assert_int_equal(link_to_step_2(), ERROR_SYSTEM);
    points_at("step-000000001.h5");
}

static void folder_cannot_be_synchronised(void **unused) {
    (void)unused;
    broken[CALL_SYNC_FOLDER] = EIO;
    assert_int_equal(link_to_step_2(), ERROR_SYSTEM);
    points_at("step-000000002.h5");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(order, prepare),
        cmocka_unit_test_setup(cannot_be_renamed, prepare),
        cmocka_unit_test_setup(folder_cannot_be_synchronised, prepare),
    };
    return cmocka_run_group_tests(tests, scratch_make, scratch_remove);
}
