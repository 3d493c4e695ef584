/* A file appears under its name when it is whole, and not before. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include "base/whole_file.h"

#include <cmocka.h>
#include <signal.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

static const char path[] = "whole-file.txt", temporary[] = "whole-file.txt.new";
static struct Error error;

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
    assert_int_equal(whole_file_publish(&file, &error), OK);
    assert_string_equal(content(), "new");
    assert_int_equal(access(temporary, F_OK), -1);
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
    assert_int_equal(access(temporary, F_OK), -1);
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
    assert_int_equal(access(temporary, F_OK), -1);
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

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_publish),
        cmocka_unit_test(test_abandon),
        cmocka_unit_test(test_no_room),
        cmocka_unit_test(test_no_folder),
    };
    return cmocka_run_group_tests_name("whole file", tests, NULL, NULL);
}
