/* Words for messages, sizes that overflow, digests, variants. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include "base/cpu.h"
#include "base/digest.h"
#include "base/error.h"
#include "base/file_kind.h"
#include "base/kernel.h"
#include "base/memory.h"
#include "base/path.h"
#include "base/table.h"
#include "base/text.h"

#include <cmocka.h>
#include <stdio.h>
#include <string.h>
#include <xxhash.h>

/* Columns are as wide as their content, counted in characters; rows without cells stay. */
static void test_table(void **unused) {
    (void)unused;
    struct Text rows = {0};
    text_add(&rows, "name\tnumber\tnote\n\nlonger\t1\t\n\t\tlate\nZ\u00fcrich\t12345678");
    table_align(&rows, "l  r l");
    assert_string_equal(rows.data, "name      number note\n"
                                   "\n"
                                   "longer         1\n"
                                   "                 late\n"
                                   "Z\u00fcrich  12345678\n");
    text_release(&rows);
    table_align(&rows, "l");
    assert_null(rows.data);
}

static void test_nearest(void **unused) {
    (void)unused;
    static const char *const names[] = {"momentum", "nesterov", "weight_decay", "relu",
                                        "batchnorm"};
    static const struct {
        const char *word, *nearest;
    } pairs[] = {{"momentun", "momentum"},
                 {"MOMENTUM", "momentum"},
                 {"nestreov", "nesterov"},
                 {"rleu", "relu"},
                 {"weigth_decay", "weight_decay"},
                 {"norm", "batchnorm"},
                 {"use_nesterov_form", "nesterov"},
                 {"relu_with_weight_decay", "weight_decay"},
                 {"unrelued", NULL},
                 {"quaternion", NULL},
                 {"", NULL},
                 {"xy", NULL}};
    for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++) {
        const char *found = text_nearest(pairs[i].word, names, 5);
        if (!pairs[i].nearest)
            assert_null(found);
        else {
            assert_non_null(found);
            assert_string_equal(found, pairs[i].nearest);
        }
    }
    assert_null(text_nearest("relu", names, 0));
    char longer[500];
    memset(longer, 'x', sizeof longer - 1);
    longer[sizeof longer - 1] = 0;
    assert_null(text_nearest(longer, names, 5));
}

static void test_places_of_words(void **unused) {
    (void)unused;
    static const char *const names[] = {"relu", "elu", "tanh", NULL};
    assert_int_equal(text_index("tanh", names, -1), 2);
    assert_int_equal(text_index("tanh", names, 3), 2);
    assert_int_equal(text_index("tanh", names, 2), -1);
    assert_int_equal(text_index("Relu", names, -1), -1);
    assert_int_equal(text_index("", names, -1), -1);
}

static void test_values_have_their_digits(void **unused) {
    static const struct {
        double value;
        const char *text;
    } cases[] = {
        {0, "0"},          {0.123456, "0.1235"},   {-12.3456, "-12.35"},   {9999.4, "9999"},
        {9999.5, "10000"}, {-184395.4, "-184395"}, {99999999, "99999999"}, {1.5e8, "1.5e+08"},
        {1e-9, "1e-09"}};
    char text[32];
    (void)unused;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        assert_string_equal(text_value(cases[i].value, text), cases[i].text);
}

static void test_numbers_in_names_have_their_order(void **unused) {
    static const char *const sorted[] = {
        "",          "0.bias",   "0.weight", "2.weight", "2.x", "10.body.2.x", "10.body.10.x",
        "10.weight", "100.bias", "a007",     "a07",      "a7",  "a8",          "b"};
    enum { COUNT = sizeof sorted / sizeof *sorted };
    (void)unused;
    for (int a = 0; a < COUNT; a++)
        for (int b = 0; b < COUNT; b++) {
            int order = text_compare_natural(&sorted[a], &sorted[b]);
            assert_int_equal((order > 0) - (order < 0), (a > b) - (a < b));
        }
}

static void test_text_that_is_shown_has_no_controls(void **unused) {
    (void)unused;
    static const char *const pairs[][2] = {
        {"plain, naïve, 猫", "plain, naïve, 猫"},
        {"a\x1b[31mb\r\nc\td\x7f", "a?[31mb??c?d?"},
        {"a\xc2\x9b\x31mb", "a?1mb"},                   /* U+009B, the C1 way to begin a sequence */
        {"a\x9b\x31mb", "a?1mb"},                       /* the same as one byte */
        {"a\u2028b\u202ec\u2066d\u200fe", "a?b?c?d?e"}, /* a line's end, turns of direction */
        {"caf\xe9", "caf\xe9"},
        {"\xe2\x80", "\xe2?"},
        {"\u2013\u2060", "\u2013\u2060"},
        {"", ""}};
    for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++) {
        char text[64];
        strcpy(text, pairs[i][0]);
        assert_ptr_equal(text_hide_controls(text), text);
        assert_string_equal(text, pairs[i][1]);
    }
}

static void test_text_for_json_is_utf8(void **unused) {
    (void)unused;
    static const char *const pairs[][2] = {{"", ""},
                                           {"plain, naïve, 猫", "plain, naïve, 猫"},
                                           {"caf\xe9", "caf\\xE9"},
                                           {"\xff\xfe", "\\xFF\\xFE"},
                                           {"\xe2\x80", "\\xE2\\x80"},
                                           {"a\x7f\x1b", "a\\x7F\x1b"}};
    for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++) {
        char *text = text_as_utf8(pairs[i][0]);
        assert_string_equal(text, pairs[i][1]);
        memory_release(text);
    }
}

static void test_numbers_for_people(void **unused) {
    (void)unused;
    char text[32];
    assert_string_equal(text_bytes(0, text), "0 B");
    assert_string_equal(text_bytes(1023, text), "1023 B");
    assert_string_equal(text_bytes(1024, text), "1.0 KiB");
    assert_string_equal(text_bytes(1.5 * 1048576, text), "1.5 MiB");
    assert_string_equal(text_bytes(0x1p62, text), "4096.0 PiB");
    assert_string_equal(text_count(999, text), "999");
    assert_string_equal(text_count(1500, text), "1.50 k");
    assert_string_equal(text_count(2.5e9, text), "2.50 G");
    assert_string_equal(text_figure(-0.25, text), "-0.2500");
    assert_string_equal(text_figure(-3.096114149e28, text), "-3.09611e+28");
    assert_string_equal(text_figure(NAN, text), "nan");
}

static void test_text_grows(void **unused) {
    (void)unused;
    struct Text text = {0};
    for (int i = 0; i < 1000; i++)
        text_add(&text, "%03d,", i);
    assert_int_equal(text.length, 4000);
    assert_int_equal(strlen(text.data), 4000);
    assert_memory_equal(text.data + 3996, "999,", 5);
    text_release(&text);
    assert_null(text.data);
}

static void test_product(void **unused) {
    (void)unused;
    assert_int_equal(memory_product((const int64_t[]){3, 4, 5}, 3), 60);
    assert_int_equal(memory_product(NULL, 0), 1);
    assert_int_equal(memory_product((const int64_t[]){7, 0, 5}, 3), 0);
    assert_int_equal(memory_product((const int64_t[]){INT64_MAX, 1}, 2), INT64_MAX);
    assert_int_equal(memory_product((const int64_t[]){INT64_C(1) << 32, INT64_C(1) << 31}, 2), -1);
    assert_int_equal(memory_product((const int64_t[]){INT64_MAX, 2}, 2), -1);
    assert_int_equal(memory_product((const int64_t[]){3, -1}, 2), -1);
    assert_int_equal(memory_product((const int64_t[]){-3, -1}, 2), -1);
    assert_true(memory_can_hold(1));
    assert_false(memory_can_hold(UINT64_C(1) << 60));
}

static void test_memory(void **unused) {
    (void)unused;
    static const size_t sizes[] = {0, 1, 100, (size_t)5 << 20};
    for (int i = 0; i < 4; i++) {
        char *data = memory_allocate(sizes[i], "test");
        assert_int_equal((uintptr_t)data % MEMORY_ALIGNMENT, 0);
        for (size_t j = 0; j < sizes[i]; j++)
            if (data[j])
                fail_msg("byte %zu is not zero", j);
        memory_release(data);
    }
    char *data = memory_resize(memory_copy_text("abc"), 4, 8, "test");
    assert_memory_equal(data, "abc\0\0\0\0", 8);
    memory_release(data);
}

static void test_growing_array(void **unused) {
    (void)unused;
    struct Item {
        int64_t number, untouched;
    } *items = NULL;
    for (int64_t count = 0; count < 1000; count++) {
        struct Item *before = items;
        items = memory_room(items, count, "test");
        assert_true(items == before || (count & (count - 1)) == 0);
        items[count].number = count;
    }
    for (int64_t i = 0; i < 1000; i++)
        assert_true(items[i].number == i && items[i].untouched == 0);
    memory_release(items);
}

static void test_digest(void **unused) {
    (void)unused;
    const char *words = "The quick brown fox jumps over the lazy dog";
    char text[DIGEST_TEXT], expected[DIGEST_TEXT];
    XXH128_canonical_t canonical;
    for (size_t length = 0; length <= strlen(words); length++) {
        XXH128_canonicalFromHash(&canonical, XXH3_128bits(words, length));
        for (int i = 0; i < 16; i++)
            snprintf(expected + 2 * i, 3, "%02x", canonical.digest[i]);
        assert_string_equal(digest_text(digest_bytes(words, length), text), expected);
    }
    /* of nothing, as xxHash publishes it */
    assert_string_equal(digest_text(digest_bytes(words, 0), text),
                        "99aa06d3014798d86001c324468d497f");
}

static void test_variants(void **unused) {
    (void)unused;
    for (int i = 0; i < VARIANT_COUNT; i++) {
        enum Variant variant = (enum Variant)i;
        assert_int_equal(variant_by_name(variant_name(variant)), i);
        if (variant != VARIANT_F64) {
            enum Variant best = variant_best(variant);
            assert_true(best != VARIANT_F64 && best <= variant && variant_available(best));
        }
    }
    assert_int_equal(variant_by_name("avx3"), -1);
    assert_true(variant_available(VARIANT_F64) && variant_available(VARIANT_F32));
#if defined __x86_64__ && !defined __clang__ /* gcc knows the levels */
    assert_int_equal(cpu_has_v3(), !!__builtin_cpu_supports("x86-64-v3"));
    assert_int_equal(cpu_has_v4(), !!__builtin_cpu_supports("x86-64-v4"));
#endif
    assert_int_equal(variant_bytes(VARIANT_F64), 8);
    assert_int_equal(variant_bytes(VARIANT_F32_V4), 4);
}

/* What a file is called and what is wrong with it are seen, however long its name is. */
static void test_long_lines(void **state) {
    (void)state;
    char name[4000];
    struct Error error;
    memset(name, 'n', sizeof name - 1);
    name[sizeof name - 1] = 0;
    (fail)(&error, ERROR_DATA, "FILE:/%s: is missing", name);
    error_append(&error, "; it holds %s", "images");
    assert_int_equal(strncmp(error.text, "FILE:/nnn", 9), 0);
    assert_non_null(strstr(error.text, "n ... n"));
    assert_non_null(strstr(error.text, "nnn: is missing; it holds images"));
    for (size_t i = 0; i + 2 < sizeof name; i += 2)
        memcpy(name + i, "\xC3\xA4", 2); /* two bytes a letter */
    name[sizeof name - 2] = 0;
    (fail)(&error, ERROR_DATA, "%s: is missing", name);
    for (size_t at = 0, bytes; error.text[at]; at += bytes) {
        uint32_t code;
        bytes = text_character(error.text + at, strlen(error.text + at), &code);
        assert_true(bytes > 0);
    }
}

static void test_kinds_of_files(void **state) {
    (void)state;
    assert_non_null(strstr(file_kind("MATLAB 5.0 MAT-file", 19), "format matlab"));
    assert_non_null(strstr(file_kind("\x1f\x8b\x08", 3), "gunzip"));
    assert_non_null(strstr(file_kind("\x80\x02}q", 4), "pickle"));
    assert_non_null(
        strstr(file_kind("version https://git-lfs.github.com/spec/v1", 42), "lfs pull"));
    assert_non_null(strstr(file_kind("<!DOCTYPE html>", 15), "web page"));
    assert_null(file_kind("a,b,c", 5));
    assert_null(file_kind("MATLAB", 6));
    assert_non_null(strstr(file_kind("MATLAB 7.3 MAT-file", 19), "needs no import"));
    assert_non_null(strstr(file_utf16("\xFF\xFE", 2), "-f UTF-16 "));
    assert_non_null(strstr(file_utf16("a\0b", 4), "-f UTF-16LE "));
    assert_non_null(strstr(file_utf16("\0a\0b", 4), "-f UTF-16BE "));
    assert_null(file_utf16("\0\0\0\0", 4));
    assert_null(file_utf16("ab", 2));
    assert_null(file_utf16("a", 1));
    assert_null(file_kind("", 0));
}

static void test_paths(void **unused) {
    (void)unused;
    static const struct {
        const char *file, *name, *beside, *folder;
    } cases[] = {{"lists/a.csv", "1.png", "lists/1.png", "lists"},
                 {"a.csv", "in/1.png", "in/1.png", "."},
                 {"/a.csv", "1.png", "/1.png", "/"},
                 {"lists/a.csv", "/1.png", "/1.png", "lists"}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char *beside = path_beside(cases[i].file, cases[i].name);
        char *folder = path_folder(cases[i].file);
        assert_string_equal(beside, cases[i].beside);
        assert_string_equal(folder, cases[i].folder);
        memory_release(beside);
        memory_release(folder);
    }
    assert_true(path_is_folder("/"));
    assert_false(path_is_folder("/dev/null") || path_is_folder("/no/such/place"));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_table),
        cmocka_unit_test(test_nearest),
        cmocka_unit_test(test_places_of_words),
        cmocka_unit_test(test_values_have_their_digits),
        cmocka_unit_test(test_numbers_in_names_have_their_order),
        cmocka_unit_test(test_text_that_is_shown_has_no_controls),
        cmocka_unit_test(test_text_for_json_is_utf8),
        cmocka_unit_test(test_numbers_for_people),
        cmocka_unit_test(test_text_grows),
        cmocka_unit_test(test_long_lines),
        cmocka_unit_test(test_kinds_of_files),
        cmocka_unit_test(test_paths),
        cmocka_unit_test(test_product),
        cmocka_unit_test(test_memory),
        cmocka_unit_test(test_growing_array),
        cmocka_unit_test(test_digest),
        cmocka_unit_test(test_variants),
    };
    return cmocka_run_group_tests_name("base", tests, NULL, NULL);
}
