/* Rules by kind and name: what holds for which row in the end, and which rules are refused. */
#include "arena.h"
#include "base/memory.h"
#include "choices.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static int settings_of(const char *text, struct RowSettings settings[ROWS], struct Error *error) {
    struct RunFile *file;
    struct Choices choices;
    int code = choices_parse(&file, text, &choices, error);
    if (code)
        return code;
    code = rules_apply(&choices.parameters, choices.optimizer.options, &arena, settings, error);
    runfile_release(file);
    return code;
}

static void expect(const char *text, const struct RowSettings expected[ROWS]) {
    struct RowSettings found[ROWS];
    struct Error error = {0};
    if (settings_of(text, found, &error))
        fail_msg("%s: %s", text, error.text);
    for (int i = 0; i < ROWS; i++)
        if (found[i].frozen != expected[i].frozen || found[i].rate != expected[i].rate ||
            found[i].weight_decay != expected[i].weight_decay || found[i].l1 != expected[i].l1 ||
            found[i].max_norm != expected[i].max_norm)
            fail_msg("%s: row %s: frozen %d rate %g weight_decay %g l1 %g max_norm %g", text,
                     row_names[i], found[i].frozen, found[i].rate, found[i].weight_decay,
                     found[i].l1, found[i].max_norm);
}

/* frozen, rate, weight_decay, l1, max_norm */
#define STILL                                                                                      \
    { true, 1, 0, 0, 0 }
#define PLAIN                                                                                      \
    { false, 1, 0, 0, 0 }

static void test_settings(void **state) {
    (void)state;
    expect("optimizer: {sgd: {rate: 1}}",
           (struct RowSettings[]){PLAIN, PLAIN, PLAIN, PLAIN, PLAIN, PLAIN, STILL});
    expect("optimizer: {sgd: {rate: 1, weight_decay: 0.5}}",
           (struct RowSettings[]){{false, 1, 0.5, 0, 0},
                                  PLAIN,
                                  PLAIN,
                                  {false, 1, 0.5, 0, 0},
                                  PLAIN,
                                  {false, 1, 0.5, 0, 0},
                                  STILL});
    expect("optimizer: {sgd: {rate: 1}}\n"
           "parameters: [weights: {l1: 2, max_norm: 3}, biases: {rate: 4}, normalisations: "
           "{weight_decay: 5}]",
           (struct RowSettings[]){{false, 1, 0, 2, 3},
                                  {false, 1, 5, 0, 0},
                                  {false, 1, 5, 0, 0},
                                  {false, 1, 0, 2, 3},
                                  {false, 4, 0, 0, 0},
                                  {false, 1, 0, 2, 3},
                                  STILL});
    expect("parameters: [all: {rate: 0.5, max_norm: 1, weight_decay: 0.25}]",
           (struct RowSettings[]){{false, 0.5, 0.25, 0, 1},
                                  {false, 0.5, 0.25, 0, 0},
                                  {false, 0.5, 0.25, 0, 0},
                                  {false, 0.5, 0.25, 0, 1},
                                  {false, 0.5, 0.25, 0, 0},
                                  {false, 0.5, 0.25, 0, 1},
                                  STILL});
}

/* The later rule wins, but only where it says something. */
static void test_later_wins(void **state) {
    (void)state;
    expect("optimizer: {sgd: {rate: 1, weight_decay: 0.5, decay: all}}\n"
           "parameters:\n"
           "  - all: {rate: 2, l1: 7}\n"
           "  - all: {frozen: true}\n"
           "  - all: {name: '3.*', frozen: false, weight_decay: 0}\n"
           "  - weights: {name: '3.body.?.weight', rate: 3}\n"
           "  - biases: {name: '*.bias', l1: 0}\n",
           (struct RowSettings[]){{true, 2, 0.5, 7, 0},
                                  {true, 2, 0.5, 7, 0},
                                  {true, 2, 0.5, 7, 0},
                                  {false, 3, 0, 7, 0},
                                  {false, 2, 0, 0, 0},
                                  {true, 2, 0.5, 7, 0},
                                  STILL});
    expect("parameters: [weights: {max_norm: 3}, weights: {name: 5.weight, max_norm: 0}]",
           (struct RowSettings[]){
               {false, 1, 0, 0, 3}, PLAIN, PLAIN, {false, 1, 0, 0, 3}, PLAIN, PLAIN, STILL});
}

static void refused(const char *text, const char *message) {
    struct RowSettings settings[ROWS];
    struct Error error = {0};
    assert_int_equal(settings_of(text, settings, &error), ERROR_RUN_FILE);
    assert_string_equal(error.text, message);
}

static void test_refusals(void **state) {
    (void)state;
    refused("parameters:\n  - all: {rate: 1}\n  - all: {name: 3.boby.*, rate: 1}",
            "run.yaml:3: parameters.1.all.name: '3.boby.*' matches none of the model's parameters; "
            "nearest is '3.body.0.weight'");
    refused("parameters:\n  - weights: {name: '*.bias', rate: 1}",
            "run.yaml:2: parameters.0.weights.name: '*.bias' matches none of the model's weights; "
            "nearest is '0.weight'");
    refused("parameters: [all: {name: '*.running_mean', frozen: true}]",
            "run.yaml:1: parameters.0.all.name: '*.running_mean' matches none of the model's "
            "parameters; nearest is '0.weight'");
    refused("parameters:\n  - weights: {frozen: true}\n  - all: {frozen: true}\n",
            "run.yaml:3: parameters.1.all.frozen: nothing is left to train: the rules freeze every "
            "parameter");
    refused("parameters:\n  - all: {l1: 1}\n  - weights: {name: '0.*'}\n",
            "run.yaml:3: parameters.1.weights: sets nothing; expected frozen, rate, weight_decay, "
            "l1 or max_norm");
    refused("parameters: [biases: {}]", "run.yaml:1: parameters.0.biases: sets nothing; expected "
                                        "frozen, rate, weight_decay or l1");
    refused("parameters:\n  - biases: {frozen: true, rate: 0.1}",
            "run.yaml:2: parameters.0.biases.rate: 0.1 beside frozen: true, which leaves nothing "
            "to update; expected frozen alone");
    refused("parameters:\n  - weights: {name: '0.*', max_norm: 0, frozen: true}",
            "run.yaml:2: parameters.0.weights.max_norm: 0 beside frozen: true, which leaves "
            "nothing to update; expected frozen alone");
    refused("parameters: [weight: {rate: 1}]",
            "run.yaml:1: parameters.0: unknown parameter rule 'weight'; did you mean 'weights'? "
            "(there are weights, biases, normalisations, slopes, all)");
    refused("parameters: [weights: {rat: 1}]",
            "run.yaml:1: parameters.0.weights.rat: unknown key; did you mean 'rate'? (weights "
            "takes name, frozen, rate, weight_decay, l1, max_norm)");
    refused("parameters: [weights: {rate: -1}]", "run.yaml:1: parameters.0.weights.rate: expected "
                                                 "a number from 0 to 1000000, found '-1'");
    refused("parameters: [all: {frozen: yes}]", "run.yaml:1: parameters.0.all.frozen: expected one "
                                                "of false, true, found 'yes'");
    refused("parameters: [biases: {max_norm: 1}]",
            "run.yaml:1: parameters.0.biases.max_norm: unknown key (biases takes name, frozen, "
            "rate, weight_decay, l1)");
    refused("parameters: {weights: {rate: 1}}",
            "run.yaml:1: parameters: expected a list, each item a parameter rule, found keys");

    struct ArenaRow convolution = rows[CONV];
    const struct Arena bare = {.rows = &convolution, .row_count = 1, .parameters = 192};
    struct RunFile *file;
    struct Choices choices;
    struct RowSettings settings;
    struct Error error = {0};
    choices_parse(&file, "parameters: [normalisations: {rate: 1}]", &choices, &error);
    assert_int_equal(
        rules_apply(&choices.parameters, choices.optimizer.options, &bare, &settings, &error),
        ERROR_RUN_FILE);
    assert_string_equal(error.text,
                        "run.yaml:1: parameters.0.normalisations: the model has no normalisations");
    runfile_release(file);
}

/* --set reaches into the rules, and what is saved reads back. */
static void test_overrides(void **state) {
    (void)state;
    const char *const sets[] = {"parameters.0.rate=0.5", "parameters.1=biases",
                                "parameters.1.frozen=true"};
    struct Choices choices = {0}, again = {0};
    struct RunFile *file, *file_again;
    struct Error error = {0};
    if (runfile_parse(&file, "run.yaml",
                      "parameters: [weights: {name: '0.*', l1: 2}, all: {frozen: false}]", sets, 3,
                      choice_keys, &choices, &error))
        fail_msg("%s", error.text);
    char *saved = runfile_emit(choice_keys, &choices);
    if (!strstr(saved, "parameters:\n  - weights: {name: \"0.*\", rate: 0.5, l1: 2}\n"
                       "  - biases: {name: \"*\", frozen: true}\n"))
        fail_msg("%s", saved);
    assert_int_equal(
        runfile_parse(&file_again, "again.yaml", saved, NULL, 0, choice_keys, &again, &error), OK);
    const struct RuleOptions *rule = again.parameters.items[0].options;
    assert_true(rule->frozen == -1 && rule->rate == 0.5 && isnan(rule->weight_decay) &&
                rule->l1 == 2 && isnan(rule->max_norm));
    runfile_release(file);
    runfile_release(file_again);
    memory_release(saved);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_settings),
        cmocka_unit_test(test_later_wins),
        cmocka_unit_test(test_refusals),
        cmocka_unit_test(test_overrides),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
