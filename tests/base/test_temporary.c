/* Temporary files: their names, and what becomes of those that a killed writer leaves. */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "base/memory.h"
#include "base/path.h"
#include "base/temporary.h"
#include "store/scratch.h"

#include <cmocka.h>

#include "base/child.h"

/* The linker hands fcntl to this function: -Wl,--wrap=fcntl. */
static int lock_failure;         /* the errno of every attempt to lock, or 0 */
static const char *taken_before; /* is removed just before the next attempt to lock; or NULL */

int __real_fcntl(int fd, int command, ...);
int __wrap_fcntl(int fd, int command, ...);

int __wrap_fcntl(int fd, int command, ...) {
    va_list arguments;
    va_start(arguments, command);
    void *argument = va_arg(arguments, void *);
    va_end(arguments);
    if (command == F_OFD_SETLK && taken_before) {
        taken_before = NULL;
        scratch_empty();
    }
    if (command == F_OFD_SETLK && lock_failure) {
        errno = lock_failure;
        return -1;
    }
    return __real_fcntl(fd, command, argument);
}

static int prepare(void **state) {
    (void)state;
    lock_failure = 0;
    scratch_empty();
    return 0;
}

static bool exists(const char *path) {
    struct stat status;
    return lstat(path, &status) == 0;
}

/* Creates and closes; the name, which the caller releases. */
static char *create(const char *path) {
    char *name;
    int fd = create_temporary(path, &name);
    assert_true(fd >= 0);
    assert_int_equal(__real_fcntl(fd, F_GETFD) & FD_CLOEXEC, FD_CLOEXEC);
    close(fd);
    return name;
}

static void names_are_random(void **unused) {
    (void)unused;
    char *first = create(scratch_path("a.h5")), *second = create(scratch_path("a.h5"));
    size_t length = strlen(scratch_path("a.h5.tmp-trainer-"));
    assert_int_equal(strncmp(first, scratch_path("a.h5.tmp-trainer-"), length), 0);
    assert_int_equal(strlen(first), length + 16);
    assert_int_equal(strspn(first + length, "0123456789abcdef"), 16);
    int equal = 0;
    for (size_t i = length; i < length + 16; i++)
        equal += first[i] == second[i];
    assert_in_range(equal, 0, 8);
    memory_release(first);
    memory_release(second);
}

static void long_names_are_cut(void **unused) {
    (void)unused;
    char name[256];
    memset(name, 'x', 255);
    name[255] = '\0';
    char *temporary = create(scratch_path(name));
    assert_int_equal(strlen(path_base(temporary)), 255);
    memory_release(temporary);
}

static bool make(const char *path, char says[CHILD_SAYS]) {
    char *made;
    if (create_temporary(path, &made) < 0)
        return false;
    snprintf(says, CHILD_SAYS, "%s", made);
    return true;
}

static void the_next_writer_removes_what_a_dead_one_left(void **unused) {
    (void)unused;
    char left[CHILD_SAYS];
    pid_t writer = start_child(make, scratch_path("killed.h5"), left);
    kill(writer, SIGSTOP);
    memory_release(create(scratch_path("other.h5")));
    assert_true(exists(left)); /* a writer that is stopped lives */
    kill_child(writer);
    assert_true(exists(left));
    char *name = create(scratch_path("other.h5"));
    assert_false(exists(left));
    assert_int_equal(scratch_count(), 1);
    memory_release(name);
}

static void nothing_else_is_removed(void **unused) {
    (void)unused;
    static const char *const strangers[] = {"a.h5",
                                            "a.h5.tmp",
                                            "a.h5.tmp-4711-0",
                                            "a.h5.tmp-trainer-0123456789abcde",
                                            "a.h5.tmp-trainer-0123456789abcdeg",
                                            "a.h5.tmp-trainer-0123456789ABCDEF",
                                            "a.h5.tmp-trainer-0123456789abcdef.bak",
                                            ".tmp-trainer-0123456789abcdef"};
    const int count = (int)(sizeof strangers / sizeof *strangers);
    for (int i = 0; i < count; i++)
        scratch_write(scratch_path(strangers[i]), "x", 1);
    const char *link = scratch_path("b.h5.tmp-trainer-0123456789abcdef");
    const char *folder = scratch_path("c.h5.tmp-trainer-0123456789abcdef");
    assert_int_equal(symlink("a.h5", link), 0);
    assert_int_equal(mkdir(folder, 0777), 0);
    char *name = create(scratch_path("a.h5"));
    assert_int_equal(scratch_count(), count + 3);
    assert_int_equal(rmdir(folder), 0);
    memory_release(name);
}

/* Another writer may find the new file before it is locked, and take it for left over. */
static void a_file_that_is_removed_before_its_lock_is_made_again(void **unused) {
    (void)unused;
    char *name;
    taken_before = scratch;
    int fd = create_temporary(scratch_path("a.h5"), &name);
    assert_true(fd >= 0);
    assert_true(exists(name));
    assert_int_equal(scratch_count(), 1);
    close(fd);
    memory_release(name);
}

static bool is_own(const char *name) {
    return !strcmp(name, "own.h5");
}

static void without_locks(void **unused) {
    (void)unused;
    const char *link = scratch_path("own.h5.tmp-trainer-0123456789abcdef");
    assert_int_equal(symlink("a.h5", link), 0);
    scratch_write(scratch_path("own.h5.tmp-4711-0"), "x", 1);
    scratch_write(scratch_path("own.h5.tmp-4711-x"), "x", 1);
    lock_failure = ENOLCK;
    char *own = create(scratch_path("own.h5")), *other = create(scratch_path("other.h5"));
    assert_int_equal(scratch_count(), 5); /* whether a writer is dead cannot be known */
    remove_temporaries(scratch, is_own);
    assert_false(exists(own));
    assert_true(exists(other));
    assert_true(exists(scratch_path("own.h5.tmp-4711-x")));
    assert_int_equal(scratch_count(), 2);
    memory_release(own);
    memory_release(other);
}

static void own_files_of_a_living_writer_stay(void **unused) {
    (void)unused;
    char name[CHILD_SAYS];
    pid_t writer = start_child(make, scratch_path("own.h5"), name);
    remove_temporaries(scratch, is_own);
    assert_true(exists(name));
    kill_child(writer);
    remove_temporaries(scratch, is_own);
    assert_int_equal(scratch_count(), 0);
}

static void links(void **unused) {
    (void)unused;
    char *name, target[10] = "";
    assert_int_equal(create_temporary_link("a.h5", scratch_path("latest.h5"), &name), 0);
    assert_int_equal(readlink(name, target, sizeof target - 1), 4);
    assert_string_equal(target, "a.h5");
    memory_release(name);
    assert_int_equal(create_temporary_link("a.h5", scratch_path("no/latest.h5"), &name), -1);
    assert_int_equal(errno, ENOENT);
    assert_null(name);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(names_are_random, prepare),
        cmocka_unit_test_setup(long_names_are_cut, prepare),
        cmocka_unit_test_setup(the_next_writer_removes_what_a_dead_one_left, prepare),
        cmocka_unit_test_setup(nothing_else_is_removed, prepare),
        cmocka_unit_test_setup(a_file_that_is_removed_before_its_lock_is_made_again, prepare),
        cmocka_unit_test_setup(without_locks, prepare),
        cmocka_unit_test_setup(own_files_of_a_living_writer_stay, prepare),
        cmocka_unit_test_setup(links, prepare),
    };
    return cmocka_run_group_tests(tests, scratch_make, scratch_remove);
}
