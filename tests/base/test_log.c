/* Messages reach the handler that was set, from its level on, and nobody else. */
#include <stdio.h>
#include <string.h>

#include "base/log.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static char heard[500];

static void hear(enum LogLevel level, const char *file, const char *function, const char *text) {
    const char *slash = strrchr(file, '/');
    size_t used = strlen(heard);
    snprintf(heard + used, sizeof heard - used, "%s %s %s: %s\n", log_level_names[level],
             slash ? slash + 1 : file, function, text);
}

static void say_everything(void) {
    heard[0] = '\0';
    log_error("e %d", 1);
    log_warning("w");
    log_info("i");
    log_debug("d %s", "x");
}

static void levels(void **unused) {
    (void)unused;
    log_set_handler(LOG_WARNING, hear);
    say_everything();
    assert_string_equal(heard, "error test_log.c say_everything: e 1\n"
                               "warning test_log.c say_everything: w\n");
    log_set_handler(LOG_DEBUG, hear);
    say_everything();
    assert_string_equal(heard, "error test_log.c say_everything: e 1\n"
                               "warning test_log.c say_everything: w\n"
                               "info test_log.c say_everything: i\n"
                               "debug test_log.c say_everything: d x\n");
    log_set_handler(LOG_ERROR, hear);
    say_everything();
    assert_string_equal(heard, "error test_log.c say_everything: e 1\n");
}

static void nobody_listens(void **unused) {
    (void)unused;
    log_set_handler(LOG_DEBUG, NULL);
    say_everything();
    assert_string_equal(heard, "");
}

static int evaluations;

static int evaluate(void) {
    return ++evaluations;
}

static void unwanted_arguments_are_not_evaluated(void **unused) {
    (void)unused;
    evaluations = 0;
    log_set_handler(LOG_INFO, hear);
    log_debug("%d", evaluate());
    assert_int_equal(evaluations, 0);
    log_info("%d", evaluate());
    assert_int_equal(evaluations, 1);
}

static void long_messages_are_cut(void **unused) {
    (void)unused;
    static char text[5000];
    memset(text, 'a', sizeof text - 1);
    log_set_handler(LOG_DEBUG, hear);
    heard[0] = '\0';
    log_debug("%s", text);
    assert_int_equal(strlen(heard), sizeof heard - 1);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(levels),
        cmocka_unit_test(nobody_listens),
        cmocka_unit_test(unwanted_arguments_are_not_evaluated),
        cmocka_unit_test(long_messages_are_cut),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
