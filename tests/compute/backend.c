/* Names, versions, the environment. */
#include <stdlib.h>

#include "each.h"

static void auto_is_there(void **state) {
    (void)state;
    struct Error error = {0};
    for (int variant = 0; variant < VARIANT_COUNT; variant++)
        if (variant_available((enum Variant)variant))
            assert_non_null(backend_find("auto", (enum Variant)variant, &error));
    assert_string_equal(backend_find("auto", VARIANT_F64, &error)->name, "openblas");
}

static void auto_prefers_onednn(void **state) {
    (void)state;
    struct Error error = {0};
    const struct Backend *onednn = backend_find("onednn", VARIANT_F32, &error);
    if (!onednn) {
        print_message("skipped: %s\n", error.text);
        skip();
    }
    assert_ptr_equal(backend_find("auto", VARIANT_F32, &error), onednn);
}

static void unknown_name(void **state) {
    (void)state;
    struct Error error = {0};
    assert_null(backend_find("openblass", VARIANT_F32, &error));
    assert_int_equal(error.code, ERROR_USAGE);
    assert_non_null(strstr(error.text, "did you mean \"openblas\"?"));
    assert_null(backend_find("zzzzzzzz", VARIANT_F32, &error));
    assert_non_null(strstr(error.text, "auto"));
    assert_null(strstr(error.text, "did you mean"));
}

static void no_double_precision(void **state) {
    (void)state;
    struct Error error = {0};
    assert_null(backend_find("onednn", VARIANT_F64, &error));
    assert_non_null(error.text[0] ? error.text : NULL);
    assert_non_null(strstr(error.text, "onednn"));
}

static void versions(void **state) {
    (void)state;
    assert_non_null(strstr(backend_versions((char[BACKEND_VERSIONS]){0}), "OpenBLAS "));
    assert_string_equal(backend_versions((char[BACKEND_VERSIONS]){0}),
                        backend_versions((char[BACKEND_VERSIONS]){0}));
}

/* What is proposed is never what is in use: main() cannot start the program again for nothing. */
static void better_core(void **state) {
    (void)state;
    const char *core = backend_better_openblas_core();
    if (core)
        assert_null(strcasestr(backend_versions((char[BACKEND_VERSIONS]){0}), core));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(auto_is_there), cmocka_unit_test(auto_prefers_onednn),
        cmocka_unit_test(unknown_name),  cmocka_unit_test(no_double_precision),
        cmocka_unit_test(versions),      cmocka_unit_test(better_core)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
