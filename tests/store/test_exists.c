/* Whether something exists has three answers, and an I/O error is no damage. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/memory.h"
#include "store/h5.h"
#include "store/scratch.h"

#include <cmocka.h>

static const char *const there[] = {"train/images", "train/labels", "a/b/c", "classes"};
static const char *const not_there[] = {"test", "train/targets", "a/b/c/d", "a/x/y"};
enum { NAMES = 4 };

static struct Error error;
static long calls, failing; /* of pread; 0: none fails */

ssize_t __real_pread(int file, void *buffer, size_t bytes, off_t offset);
ssize_t __wrap_pread(int file, void *buffer, size_t bytes, off_t offset);

ssize_t __wrap_pread(int file, void *buffer, size_t bytes, off_t offset) {
    if (++calls != failing)
        return __real_pread(file, buffer, bytes, offset);
    errno = EIO;
    return -1;
}

static void ok(int code) {
    if (code != OK)
        fail_msg("%d: %s", code, error.text);
}

static void make(const char *path,
                 int (*create)(struct H5Writer **, const char *, struct Error *)) {
    struct H5Writer *writer;
    const int64_t one = 1;
    ok(create(&writer, path, &error));
    for (int i = 0; i < NAMES; i++)
        ok(h5_write(writer, there[i], H5_INT32, 1, &one, (int32_t[]){7}, &error));
    ok(h5_write_attribute(writer, "train", "digest", H5_TEXT, "0123", &error));
    ok(h5_commit(writer, &error));
}

/* Asks for everything: a "no" to what is there counts only if h5_check fails then. */
static void ask(struct H5File *file, int *doubts) {
    bool all = h5_has_attribute(file, "train", "digest");
    for (int i = 0; i < NAMES; i++) {
        all &= h5_exists(file, there[i]);
        assert_false(h5_exists(file, not_there[i]));
    }
    assert_false(h5_has_attribute(file, "classes", "digest"));
    int code = h5_check(file, &error);
    if (!all)
        assert_int_equal(code, ERROR_DATA);
    *doubts += code != OK;
}

static void damage_is_no_absence(void **state) {
    (void)state;
    static const char *const signatures[] = {"SNOD", "TREE", "HEAP"};
    const char *path = scratch_path("a.h5");
    make(path, h5_create_in_memory); /* which has no guard */
    size_t bytes;
    unsigned char *good = scratch_read(path, &bytes), *bad = malloc(bytes);
    int doubts = 0, tried = 0;
    for (int s = 0; s < 3; s++)
        for (size_t at = 0; at + 512 < bytes; at++) {
            if (memcmp(good + at, signatures[s], 4))
                continue;
            memcpy(bad, good, bytes);
            memset(bad + at, 0, 16);
            scratch_write(scratch_path("b.h5"), bad, bytes);
            struct H5File *file;
            if (h5_open(&file, scratch_path("b.h5"), ERROR_DATA, &error) == OK) {
                ask(file, &doubts);
                tried++;
                h5_close(file);
            }
        }
    assert_true(tried > 5 && doubts > 5);
    free(good);
    free(bad);
}

/* Opens, asks and reads; the code of the first failure. */
static int read_through(const char *path) {
    struct H5File *file;
    int32_t value = 0;
    char *digest = NULL;
    const int64_t one = 1;
    int code = h5_open(&file, path, ERROR_DATA, &error);
    if (code != OK)
        return code;
    bool all = true;
    for (int i = 0; i < NAMES && code == OK; i++) {
        all &= h5_exists(file, there[i]);
        code = h5_read(file, there[i], H5_INT32, 1, &one, &value, &error);
    }
    if (code == OK)
        code = h5_read_attribute(file, "train", "digest", H5_TEXT, &digest, &error);
    memory_release(digest);
    if (code == OK)
        code = h5_check(file, &error);
    if (code == OK)
        assert_true(all && value == 7);
    h5_close(file);
    return code;
}

static void an_io_error_is_no_damage(void **state) {
    (void)state;
    const char *path = scratch_path("c.h5");
    make(path, h5_create);
    calls = failing = 0;
    ok(read_through(path));
    long all = calls;
    assert_true(all > 10);
    for (long number = 1; number <= all; number++) {
        calls = 0;
        failing = number;
        assert_int_equal(read_through(path), ERROR_DATA);
        if (!strstr(error.text, "cannot be read: Input/output error") ||
            !strstr(error.text, "c.h5"))
            fail_msg("read %ld failed: %s", number, error.text);
    }
    failing = 0;
}

/* Changes a file; the code of the first failure. */
static int change(const char *path) {
    struct H5Writer *writer;
    int code = h5_update(&writer, path, ERROR_DATA, &error);
    if (code != OK)
        return code;
    code = h5_write_attribute(writer, "/", "changed", H5_INT32, (int32_t[]){1}, &error);
    if (code == OK)
        return h5_commit(writer, &error);
    h5_abandon(writer);
    return code;
}

/* Without the checksum the next damage would not be noticed. */
static void an_io_error_never_costs_the_guard(void **state) {
    (void)state;
    const char *path = scratch_path("d.h5");
    make(path, h5_create);
    calls = failing = 0;
    ok(change(path));
    long all = calls;
    int refused = 0;
    assert_true(all > 3);
    for (long number = 1; number <= all; number++) {
        struct H5File *file;
        calls = 0;
        failing = number;
        refused += change(path) != OK;
        failing = 0;
        ok(h5_open(&file, path, ERROR_DATA, &error));
        if (!h5_is_guarded(file))
            fail_msg("read %ld cost the guard", number);
        h5_close(file);
    }
    assert_int_equal(refused, all);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(damage_is_no_absence),
        cmocka_unit_test(an_io_error_is_no_damage),
        cmocka_unit_test(an_io_error_never_costs_the_guard),
    };
    return cmocka_run_group_tests(tests, scratch_make, scratch_remove);
}
