/* A power cut finds the old file or the new one: what is called, in which order, before and after a
 * file takes its name; and what is left when one of these calls fails. */
#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include "base/whole_file.h"
#include "store/h5.h"
#include "store/recorded_calls.h"
#include "store/scratch.h"

#include <cmocka.h>

static struct Error error;
static const int64_t three = 3;

static int prepare(void **state) {
    (void)state;
    scratch_empty();
    scratch_write(scratch_path("file.h5"), "old", 3);
    calls_forget();
    return 0;
}

typedef int Creator(struct H5Writer **writer, const char *path, struct Error *error);

static int save(Creator *create) {
    struct H5Writer *writer;
    const float values[] = {1, 2, 3};
    assert_int_equal(create(&writer, scratch_path("file.h5"), &error), OK);
    assert_int_equal(h5_write(writer, "values", H5_FLOAT32, 1, &three, values, &error), OK);
    return h5_commit(writer, &error);
}

static bool old_stands(void) {
    size_t bytes;
    char *data = scratch_read(scratch_path("file.h5"), &bytes);
    bool old = bytes == 3 && !memcmp(data, "old", 3);
    free(data);
    return old;
}

static void order(void **creator) {
    assert_int_equal(save((Creator *)*creator), OK);
    assert_string_equal(calls, "wfrd");
    assert_false(old_stands());
    assert_int_equal(scratch_count(), 1);
}

static void order_of_an_update(void **unused) {
    (void)unused;
    struct H5Writer *writer;
    const float values[] = {4, 5, 6};
    assert_int_equal(save(h5_create), OK);
    calls_forget();
    assert_int_equal(h5_update(&writer, scratch_path("file.h5"), ERROR_DATA, &error), OK);
    assert_int_equal(h5_write(writer, "more", H5_FLOAT32, 1, &three, values, &error), OK);
    assert_int_equal(h5_commit(writer, &error), OK);
    assert_string_equal(calls, "wfrd");
}

static void fails_with(enum Call call, int number, Creator *create) {
    broken[call] = number;
    assert_int_equal(save(create), ERROR_SYSTEM);
    assert_non_null(strstr(error.text, strerror(number)));
    assert_int_equal(scratch_count(), 1); /* no temporary file */
    assert_int_equal(old_stands(), call != CALL_SYNC_FOLDER);
}

static void file_cannot_be_synchronised(void **creator) {
    fails_with(CALL_SYNC_FILE, EIO, (Creator *)*creator);
    assert_string_equal(calls, "wf");
}

static void file_cannot_be_renamed(void **creator) {
    fails_with(CALL_RENAME, EACCES, (Creator *)*creator);
    assert_string_equal(calls, "wfr");
}

static void folder_cannot_be_synchronised(void **creator) {
    fails_with(CALL_SYNC_FOLDER, EIO, (Creator *)*creator);
}

static void folder_needs_no_synchronising(void **creator) {
    broken[CALL_SYNC_FOLDER] = EINVAL;
    assert_int_equal(save((Creator *)*creator), OK);
}

static void the_folder_is_the_files_own(void **unused) {
    (void)unused;
    char here[PATH_MAX];
    struct H5Writer *writer;
    const float values[] = {1, 2, 3};
    assert_non_null(getcwd(here, sizeof here));
    assert_int_equal(chdir(scratch), 0);
    assert_int_equal(h5_create_in_memory(&writer, "file.h5", &error), OK);
    assert_int_equal(h5_write(writer, "values", H5_FLOAT32, 1, &three, values, &error), OK);
    int code = h5_commit(writer, &error);
    assert_int_equal(chdir(here), 0);
    assert_int_equal(code, OK);
    assert_string_equal(calls, "wfrd");
}

static void whole_files(void **unused) {
    (void)unused;
    struct WholeFile file;
    assert_int_equal(whole_file_open(&file, scratch_path("file.h5"), &error), OK);
    fputs("new", file.stream);
    assert_int_equal(whole_file_publish(&file, &error), OK);
    whole_file_close(&file);
    assert_string_equal(calls, "fr"); /* the C library's own writes are not seen */
    broken[CALL_RENAME] = EACCES;
    assert_int_equal(whole_file_open(&file, scratch_path("file.h5"), &error), OK);
    assert_int_equal(whole_file_publish(&file, &error), ERROR_SYSTEM);
    whole_file_close(&file);
    assert_int_equal(scratch_count(), 1);
}

int main(void) {
    static Creator *creators[] = {h5_create, h5_create_in_memory};
#define FOR_BOTH(test)                                                                             \
    {#test " (on disk)", test, prepare, NULL, creators[0]}, {                                      \
#test " (in memory)", test, prepare, NULL, creators[1]                                     \
    }
    const struct CMUnitTest tests[] = {
        FOR_BOTH(order),
        FOR_BOTH(file_cannot_be_synchronised),
        FOR_BOTH(file_cannot_be_renamed),
        FOR_BOTH(folder_cannot_be_synchronised),
        FOR_BOTH(folder_needs_no_synchronising),
        cmocka_unit_test_setup(order_of_an_update, prepare),
        cmocka_unit_test_setup(the_folder_is_the_files_own, prepare),
        cmocka_unit_test_setup(whole_files, prepare),
    };
    return cmocka_run_group_tests(tests, scratch_make, scratch_remove);
}
