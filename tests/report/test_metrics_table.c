/* metrics.jsonl read back: columns, gaps, torn and foreign lines. */
#include "report/metrics_table.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h> /* after error.h: it has a macro called fail */

#include "base/memory.h"
#include "base/text.h"
#include "store/scratch.h"

static struct Error error;
static struct MetricsTable table;

static int read_text(const char *text) {
    const char *path = scratch_path("metrics.jsonl");
    FILE *file = fopen(path, "w");
    fputs(text, file);
    fclose(file);
    int code = metrics_table_read(&table, path, &error);
    unlink(path);
    return code;
}

static void test_lines_become_columns(void **state) {
    (void)state;
    assert_int_equal(read_text("{\"kind\":\"step\",\"step\":1,\"loss\":2.5}\n"
                               "{\"kind\":\"step\",\"step\":2,\"loss\":null}\n"
                               "{\"kind\":\"epoch\",\"step\":2,\"validation_loss\":1.5}\n"
                               "{\"kind\":\"step\",\"step\":3,\"loss\":0.5}\n"
                               "{\"kind\":\"step\",\"st"),
                     OK);
    assert_int_equal(table.rows, 4);
    const double *loss = metrics_table_column(&table, "loss");
    assert_true(loss[0] == 2.5 && isnan(loss[1]) && isnan(loss[2]) && loss[3] == 0.5);
    assert_true(isnan(metrics_table_column(&table, "kind")[0])); /* no number */
    double *x, *y;
    assert_int_equal(metrics_table_points(&table, "step", "loss", &x, &y), 2);
    assert_true(x[0] == 1 && y[0] == 2.5 && x[1] == 3 && y[1] == 0.5);
    memory_release(x);
    memory_release(y);
    assert_int_equal(metrics_table_points(&table, "step", "accuracy", &x, &y), 0);
    memory_release(x);
    memory_release(y);
    metrics_table_release(&table);
}

static void test_rows_of_a_name(void **state) {
    (void)state;
    assert_int_equal(read_text("{\"kind\":\"layer\",\"step\":1,\"layer\":\"0\",\"std\":2,"
                               "\"type\":\"conv\"}\n"
                               "{\"kind\":\"layer\",\"step\":1,\"layer\":\"1\",\"std\":3}\n"
                               "{\"kind\":\"parameter\",\"step\":1,\"layer\":\"0\",\"std\":9}\n"
                               "{\"kind\":\"layer\",\"step\":5,\"layer\":\"0\",\"std\":4}\n"),
                     OK);
    const char **names;
    double *x, *y;
    assert_int_equal(metrics_table_names(&table, "layer", "layer", &names), 2);
    assert_string_equal(names[0], "0");
    assert_string_equal(names[1], "1");
    memory_release(names);
    assert_int_equal(metrics_table_points_of(&table, "layer", "layer", "0", "step", "std", &x, &y),
                     2);
    assert_true(x[0] == 1 && y[0] == 2 && x[1] == 5 && y[1] == 4);
    assert_string_equal(metrics_table_text(&table, "layer", "layer", "0", "type"), "conv");
    assert_null(metrics_table_text(&table, "layer", "layer", "1", "type"));
    assert_null(metrics_table_text(&table, "parameter", "layer", "0", "type"));
    memory_release(x);
    memory_release(y);
    metrics_table_release(&table);
}

static void test_many_lines(void **state) {
    (void)state;
    struct Text text = {0};
    for (int i = 0; i < 5000; i++)
        text_add(&text, "{\"step\":%d%s}\n", i, i < 3000 ? "" : ",\"late\":7");
    assert_int_equal(read_text(text.data), OK);
    text_release(&text);
    assert_int_equal(table.rows, 5000);
    assert_true(metrics_table_column(&table, "step")[4999] == 4999);
    assert_true(isnan(metrics_table_column(&table, "late")[2999]));
    assert_true(metrics_table_column(&table, "late")[3000] == 7);
    metrics_table_release(&table);
}

static void test_foreign_files_are_refused(void **state) {
    (void)state;
    assert_int_equal(read_text("{\"step\":1}\n[1,2]\n"), ERROR_DATA);
    assert_non_null(strstr(error.text, "metrics.jsonl:2: expected a JSON object"));
    metrics_table_release(&table);
    assert_int_equal(read_text("\x89HDF\r\n\x1a\n"), ERROR_DATA);
    metrics_table_release(&table);
    assert_int_equal(metrics_table_read(&table, scratch_path("none"), &error), ERROR_SYSTEM);
    metrics_table_release(&table);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_lines_become_columns),
        cmocka_unit_test(test_rows_of_a_name),
        cmocka_unit_test(test_many_lines),
        cmocka_unit_test(test_foreign_files_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
