/* A file appears under its name when it is whole, and not before. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include "base/whole_file.h"

#include <cmocka.h>
#include <glob.h>
#include <signal.h>
#include <stdbool.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

static const char path[] = "whole-file.txt";
static struct Error error;

static bool has_temporary(void) {
    glob_t found;
    bool any = glob("whole-file.txt.tmp*", 0, NULL, &found) == 0;
    globfree(&found);
    return any;
}

static const char *content(void) {
    static char text[100];
    FILE *file = fopen(path, "re");
    assert_non_null(file);
    text[fread(text, 1, sizeof text - 1, file)] = '\0';
    fclose(file);
    return text;
}

static void write_old(void) {
    FILE *file = fopen(path, "we");
    assert_non_null(file);
    fputs("old", file);
    fclose(file);
}

static void test_publish(void **unused) {
    (void)unused;
    struct WholeFile file;
    write_old();
    assert_int_equal(whole_file_open(&file, path, &error), OK);
    fputs("new", file.stream);
    assert_string_equal(content(), "old");
    assert_true(has_temporary());
    assert_int_equal(whole_file_publish(&file, &error), OK);
    assert_string_equal(content(), "new");
    assert_false(has_temporary());
    fputs(", and more", file.stream);
    assert_int_equal(whole_file_flush(&file, &error), OK);
    assert_string_equal(content(), "new, and more");
    whole_file_close(&file);
    assert_string_equal(content(), "new, and more");
    unlink(path);
}

static void test_abandon(void **unused) {
    (void)unused;
    struct WholeFile file = {0};
    whole_file_close(&file);
    write_old();
    assert_int_equal(whole_file_open(&file, path, &error), OK);
    fputs("new", file.stream);
    whole_file_close(&file);
    assert_string_equal(content(), "old");
    assert_false(has_temporary());
    unlink(path);
}

static void test_no_room(void **unused) {
    (void)unused;
    struct WholeFile file;
    struct rlimit before, none;
    write_old();
    signal(SIGXFSZ, SIG_IGN);
    getrlimit(RLIMIT_FSIZE, &before);
    none = (struct rlimit){0, before.rlim_max};
    assert_int_equal(whole_file_open(&file, path, &error), OK);
    fputs("new", file.stream);
    setrlimit(RLIMIT_FSIZE, &none);
    int code = whole_file_publish(&file, &error);
    whole_file_close(&file);
    setrlimit(RLIMIT_FSIZE, &before);
    assert_int_equal(code, ERROR_SYSTEM);
    assert_non_null(strstr(error.text, "whole-file.txt: cannot be written: "));
    assert_string_equal(content(), "old");
    assert_false(has_temporary());
    unlink(path);
}

static void test_no_folder(void **unused) {
    (void)unused;
    struct WholeFile file;
    assert_int_equal(whole_file_open(&file, "no-such-folder/x", &error), ERROR_SYSTEM);
    assert_string_equal(error.text,
                        "no-such-folder/x: cannot be written: No such file or directory");
    whole_file_close(&file);
}

/* A link under the file's name is replaced, and the file it points to is not written. */
static void test_link(void **unused) {
    (void)unused;
    struct WholeFile file;
    write_old();
    assert_int_equal(rename(path, "victim.txt"), 0);
    assert_int_equal(symlink("victim.txt", path), 0);
    assert_int_equal(whole_file_open(&file, path, &error), OK);
    fputs("new", file.stream);
    assert_int_equal(whole_file_publish(&file, &error), OK);
    whole_file_close(&file);
    assert_string_equal(content(), "new");
    assert_int_equal(rename("victim.txt", path), 0);
    assert_string_equal(content(), "old");
    unlink(path);
}

/* Neither they, nor a link to them, give way to a file. */
static void test_pipe(void **unused) {
    (void)unused;
    static const char *const names[] = {"pipe", "link-to-pipe"};
    struct stat status;
    assert_int_equal(mkfifo("pipe", 0600), 0);
    assert_int_equal(symlink("pipe", "link-to-pipe"), 0);
    for (size_t i = 0; i < 2; i++) {
        struct WholeFile file;
        assert_int_equal(whole_file_open(&file, names[i], &error), OK);
        assert_int_equal(whole_file_publish(&file, &error), ERROR_SYSTEM);
        whole_file_close(&file);
        assert_non_null(strstr(error.text, "pipe: is a device or a pipe, expected a file"));
        assert_int_equal(stat(names[i], &status), 0);
        assert_true(S_ISFIFO(status.st_mode));
    }
    assert_int_equal(unlink("link-to-pipe"), 0);
    assert_int_equal(unlink("pipe"), 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_publish), cmocka_unit_test(test_abandon),
        cmocka_unit_test(test_no_room), cmocka_unit_test(test_no_folder),
        cmocka_unit_test(test_link),    cmocka_unit_test(test_pipe),
    };
    return cmocka_run_group_tests_name("whole file", tests, NULL, NULL);
}
