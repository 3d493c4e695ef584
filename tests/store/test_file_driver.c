/* What the file driver tells HDF5. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>

#include "store/file_driver.h"

#include <cmocka.h>

#if H5_VERSION_GE(1, 13, 0)
#include <H5FDdevelop.h>
#endif

static bool accumulates(struct FileDriver driver) {
    driver.registered = -1;
    driver.path = "any";
    hid_t access = file_driver__access(&driver);
    assert_true(access >= 0);
    H5FD_t *file = H5FDopen("any", H5F_ACC_RDONLY, access, HADDR_UNDEF);
    assert_non_null(file);
    unsigned long flags = 0;
    assert_true(H5FDquery(file, &flags) >= 0);
    H5FDclose(file);
    H5Pclose(access);
    file_driver__release(&driver);
    return flags & H5FD_FEAT_ACCUMULATE_METADATA;
}

/* HDF5's accumulator of metadata crashes on damaged files. */
static void only_new_files_accumulate(void **state) {
    (void)state;
    assert_false(accumulates((struct FileDriver){.fd = -1}));
    assert_false(accumulates((struct FileDriver){.fd = -1, .writing = true, .base = 1}));
    assert_true(accumulates((struct FileDriver){.fd = -1, .writing = true}));
}

static void no_plug_ins(void **state) {
    (void)state;
    struct FileDriver driver = {.fd = -1, .registered = -1};
    hid_t access = file_driver__access(&driver);
    unsigned kinds = H5PL_ALL_PLUGIN;
    assert_true(H5PLget_loading_state(&kinds) >= 0);
    assert_int_equal(kinds, 0);
    H5Pclose(access);
    file_driver__release(&driver);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(only_new_files_accumulate),
        cmocka_unit_test(no_plug_ins),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
