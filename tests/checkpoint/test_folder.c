/* The folder of checkpoints: links, pruning, resuming, killed writers, full disks. */
#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "checkpoint/sample.h"
#include "store/scratch.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h> /* last: it takes the name of fail() */

static int empty(void **state) {
    (void)state;
    scratch_empty();
    return 0;
}

static int write_step(int64_t step, struct Error *error) {
    struct Sample sample = sample_make(step);
    char *path = checkpoint_name(scratch, step);
    int code = sample_write(&sample, path, error);
    memory_release(path);
    sample_release(&sample);
    return code;
}

static void link_step(const char *name, int64_t step) {
    struct Error error = {0};
    char *path = checkpoint_name(scratch, step);
    assert_int_equal(checkpoint_link(scratch, name, path, &error), OK);
    memory_release(path);
}

static bool has_step(int64_t step) {
    char *path = checkpoint_name(scratch, step);
    bool has = access(path, F_OK) == 0;
    memory_release(path);
    return has;
}

/* The step that resuming would take, or −1. */
static int64_t newest(char **skipped) {
    struct Error error = {0};
    struct Checkpoint *checkpoint;
    struct SavedState saved = {.progress.step = -1};
    assert_int_equal(
        checkpoint_newest_valid(scratch, saved_state_check, &checkpoint, skipped, &error), OK);
    if (checkpoint)
        assert_int_equal(saved_state_resume(&saved, checkpoint, &error), OK);
    checkpoint_close(checkpoint);
    return saved.progress.step;
}

static void order(void **state) {
    (void)state;
    struct Error error = {0};
    const int64_t steps[] = {0, 999999999, 12, 1000000000, 7};
    char **paths;
    int count;
    for (size_t i = 0; i < 5; i++) {
        char *path = checkpoint_name(scratch, steps[i]);
        scratch_write(path, "x", 1);
        memory_release(path);
    }
    scratch_write(scratch_path("step-12.h5"), "x", 1);
    scratch_write(scratch_path("step-000000013.h5.bak"), "x", 1);
    assert_int_equal(checkpoint_list(scratch, &paths, &count, &error), OK);
    assert_int_equal(count, 5);
    const int64_t sorted[] = {1000000000, 999999999, 12, 7, 0};
    for (int i = 0; i < 5; i++) {
        char *want = checkpoint_name(scratch, sorted[i]);
        assert_string_equal(paths[i], want);
        memory_release(want);
        memory_release(paths[i]);
    }
    memory_release(paths);
    assert_int_equal(checkpoint_list("/nowhere/at/all", &paths, &count, &error), OK);
    assert_int_equal(count, 0);
}

static void links(void **state) {
    (void)state;
    struct Error error = {0};
    char target[100];
    for (int64_t step = 1; step <= 2; step++) {
        assert_int_equal(write_step(step, &error), OK);
        link_step("latest.h5", step);
        ssize_t length = readlink(scratch_path("latest.h5"), target, sizeof target - 1);
        assert_true(length > 0);
        target[length] = 0; /* relative: the folder may move */
        assert_string_equal(target, step == 1 ? "step-000000001.h5" : "step-000000002.h5");
    }
    assert_int_equal(scratch_count(), 3);
    assert_int_equal(checkpoint_link("/nowhere", "latest.h5", "x", &error), ERROR_SYSTEM);
}

static void pruning(void **state) {
    (void)state;
    struct Error error = {0};
    for (int64_t step = 1; step <= 6; step++)
        assert_int_equal(write_step(step, &error), OK);
    link_step("best.h5", 2);
    link_step("latest.h5", 6);
    scratch_write(scratch_path("step-000000001.h5.bak"), "x", 1);
    assert_int_equal(checkpoint_prune(scratch, 0, NULL, 0, &error), OK);
    assert_int_equal(scratch_count(), 6 + 2 + 1);
    const int64_t also[] = {3, 99};
    assert_int_equal(checkpoint_prune(scratch, 2, also, 2, &error), OK);
    for (int64_t step = 1; step <= 6; step++)
        assert_int_equal(has_step(step), step == 2 || step == 3 || step >= 5);
    assert_int_equal(scratch_count(), 4 + 2 + 1);
}

/* A folder under a checkpoint's name stands for a file that cannot be removed, as root can remove
 * any. */
static void pruning_goes_on_after_a_failure(void **state) {
    (void)state;
    struct Error error = {0};
    for (int64_t step = 1; step <= 4; step += step == 1 ? 2 : 1)
        assert_int_equal(write_step(step, &error), OK);
    assert_int_equal(mkdir(scratch_path("step-000000002.h5"), 0777), 0);
    assert_int_equal(checkpoint_prune(scratch, 1, NULL, 0, &error), ERROR_SYSTEM);
    assert_non_null(strstr(error.text, "step-000000002.h5: cannot be removed: "));
    assert_true(!has_step(1) && has_step(2) && !has_step(3) && has_step(4));
    assert_int_equal(rmdir(scratch_path("step-000000002.h5")), 0);
}

static void cleaning(void **state) {
    (void)state;
    const char *const strangers[] = {"notes.tmp-1",           "notes.h5.tmp-4711-0",
                                     "step-000000001.h5.bak", "step-000000009.h5.tmp-",
                                     "metrics.jsonl",         "notes.tmp-trainer-0123456789abcdef"};
    const char *const left[] = {"step-000000009.h5.tmp-4711-0", "latest.h5.tmp-link",
                                "step-000000010.h5.tmp-trainer-0123456789abcdef",
                                "best.h5.tmp-trainer-0123456789abcdef",
                                "snapshot-001.h5.tmp-trainer-0123456789abcdef"};
    for (int i = 0; i < 6; i++)
        scratch_write(scratch_path(strangers[i]), "x", 1);
    for (int i = 0; i < 3; i++)
        scratch_write(scratch_path(left[i]), "x", 1);
    for (int i = 3; i < 5; i++)
        assert_int_equal(symlink("step-000000001.h5", scratch_path(left[i])), 0);
    checkpoint_clean(scratch);
    assert_int_equal(scratch_count(), 6);
    for (int i = 0; i < 6; i++)
        assert_int_equal(access(scratch_path(strangers[i]), F_OK), 0);
    checkpoint_clean("/nowhere/at/all");
}

static void damaged_are_skipped(void **state) {
    (void)state;
    struct Error error = {0};
    char *skipped, *path;
    assert_int_equal(newest(&skipped), -1);
    assert_string_equal(skipped, "");
    memory_release(skipped);
    for (int64_t step = 1; step <= 3; step++)
        assert_int_equal(write_step(step, &error), OK);
    path = checkpoint_name(scratch, 3);
    assert_int_equal(truncate(path, 1000), 0);
    memory_release(path);
    path = checkpoint_name(scratch, 4);
    scratch_write(path, "", 0);
    memory_release(path);
    struct Sample sample = sample_make(5);
    sample.saved.schedule.cooldown = -1;
    path = checkpoint_name(scratch, 5);
    assert_int_equal(sample_write(&sample, path, &error), OK);
    memory_release(path);
    sample_release(&sample);
    assert_int_equal(newest(&skipped), 2);
    assert_non_null(strstr(skipped, "step-000000005.h5:/run: schedule_scale 1"));
    const char *first = strstr(skipped, "step-000000004.h5: is empty");
    const char *second = strstr(skipped, "step-000000003.h5: ");
    assert_true(first && second && first < second);
    memory_release(skipped);
}

/* Writes checkpoints until it is killed. */
static _Noreturn void keep_writing(int64_t step) {
    struct Error error;
    for (;; step++) {
        char *path = checkpoint_name(scratch, step);
        if (write_step(step, &error) || checkpoint_link(scratch, "latest.h5", path, &error) ||
            checkpoint_prune(scratch, 3, NULL, 0, &error))
            _exit(1);
        memory_release(path);
    }
}

static void assert_all_good(void) {
    struct Error error = {0};
    struct Checkpoint *checkpoint;
    char **paths;
    int count;
    assert_int_equal(checkpoint_list(scratch, &paths, &count, &error), OK);
    for (int i = 0; i < count; i++) {
        checkpoint_open(&checkpoint, paths[i], &error);
        assert_string_equal(error.text, "");
        checkpoint_close(checkpoint);
        memory_release(paths[i]);
    }
    memory_release(paths);
    if (access(scratch_path("latest.h5"), F_OK) == 0) {
        checkpoint_open(&checkpoint, scratch_path("latest.h5"), &error);
        assert_string_equal(error.text, "");
        checkpoint_close(checkpoint);
    }
}

/* Waits, a minute at most, until there is a checkpoint after `step`. */
static void wait_for_step_after(int64_t step) {
    int64_t found = -1;
    for (int i = 0; i < 60000 && found <= step; i++) {
        char *skipped;
        usleep(1000);
        found = newest(&skipped);
        memory_release(skipped);
    }
}

static void killed_while_writing(void **state) {
    (void)state;
    struct Error error = {0};
    int64_t last = 0;
    assert_int_equal(write_step(0, &error), OK);
    for (int trial = 0; trial < 30; trial++) {
        pid_t child = fork();
        if (child == 0)
            keep_writing(last + 1);
        if (trial % 3 == 2) /* on a slow machine the time alone may be too short to write one */
            wait_for_step_after(last);
        usleep((useconds_t)(3000 + 5371 * trial));
        kill(child, SIGKILL);
        int status;
        waitpid(child, &status, 0);
        assert_true(WIFSIGNALED(status)); /* it did not fail by itself */
        assert_all_good();
        char *skipped;
        int64_t step = newest(&skipped);
        assert_string_equal(skipped, "");
        memory_release(skipped);
        assert_true(step >= last);
        last = step;
    }
    assert_true(last > 5); /* the children did write */
    checkpoint_clean(scratch);
    assert_int_equal(checkpoint_prune(scratch, 3, NULL, 0, &error), OK);
    assert_int_equal(scratch_count(), 3 + 1); /* three files and latest.h5: no debris */
}

/* A limit on file sizes stands for a full disk: write(2) fails in the middle of the file. */
static void disk_full(void **state) {
    (void)state;
    struct Error error = {0};
    assert_int_equal(write_step(1, &error), OK);
    for (rlim_t limit = 0; limit < 6000; limit += 1500) {
        pid_t child = fork();
        if (child == 0) {
            struct rlimit rlimit = {limit, limit};
            signal(SIGXFSZ, SIG_IGN);
            setrlimit(RLIMIT_FSIZE, &rlimit);
            int code = write_step(2, &error);
            _exit(code == ERROR_SYSTEM && strstr(error.text, "step-000000002.h5") &&
                          strstr(error.text, "File too large")
                      ? 0
                      : 1);
        }
        int status;
        waitpid(child, &status, 0);
        assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
        assert_int_equal(scratch_count(), 1);
        assert_all_good();
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(order, empty),
        cmocka_unit_test_teardown(links, empty),
        cmocka_unit_test_teardown(pruning, empty),
        cmocka_unit_test_teardown(pruning_goes_on_after_a_failure, empty),
        cmocka_unit_test_teardown(cleaning, empty),
        cmocka_unit_test_teardown(damaged_are_skipped, empty),
        cmocka_unit_test_teardown(killed_while_writing, empty),
        cmocka_unit_test_teardown(disk_full, empty),
    };
    return cmocka_run_group_tests(tests, scratch_make, scratch_remove);
}
