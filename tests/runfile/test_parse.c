/* What is accepted: every type of key, every way to write it; defaults; what is saved. */
#include "base/memory.h"
#include "runfile/table.h" /* first: cmocka.h makes a macro of fail */

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

struct Parsed {
    struct RunFile *file;
    struct TestOptions options;
};

static void parse(struct Parsed *parsed, const char *text) {
    struct Error error = {0};
    *parsed = (struct Parsed){0};
    int code = runfile_parse(&parsed->file, "run.yaml", text, NULL, 0, test_keys, &parsed->options,
                             &error);
    if (code)
        fail_msg("%s", error.text);
}

static void test_every_type(void **state) {
    (void)state;
    struct Parsed parsed;
    parse(&parsed, plain_file);
    const struct TestOptions *o = &parsed.options;
    assert_string_equal(o->data.file, "pictures.h5");
    assert_null(o->data.note);
    assert_int_equal(o->data.mean.count, 1);
    assert_true(o->data.mean.values[0] == 0.5);
    assert_int_equal(o->data.sizes.count, 0);
    assert_int_equal(o->model.count, 5);

    const struct ConvOptions *conv = o->model.items[0].options;
    assert_ptr_equal(o->model.items[0].kind, &layer_conv);
    assert_int_equal(conv->out, 16);
    assert_int_equal(conv->kernel, 5);
    assert_int_equal(conv->stride, 1);
    assert_true(conv->bias);
    assert_ptr_equal(conv->init.kind, &init_kaiming);
    assert_int_equal(((struct KaimingOptions *)conv->init.options)->mode, 0);
    assert_ptr_equal(o->model.items[1].kind, &layer_relu);
    assert_true(((struct DropoutOptions *)o->model.items[2].options)->rate == 0.25);

    const struct ResidualOptions *residual = o->model.items[3].options;
    assert_int_equal(residual->shortcut, 1);
    assert_int_equal(residual->body.count, 2);
    assert_int_equal(((struct ConvOptions *)residual->body.items[0].options)->out, 8);
    assert_ptr_equal(residual->body.items[1].kind, &layer_relu);
    assert_true(((struct ScaleOptions *)o->model.items[4].options)->affine.factor == 1);

    const struct OptimizerOptions *optimizer = o->optimizer.options;
    assert_ptr_equal(o->optimizer.kind, &optimizer_nesterov);
    assert_true(optimizer->rate == 5e-4 && optimizer->momentum == 0.9);
    assert_null(o->loss.kind);
    assert_int_equal(o->train.batch, 128);
    assert_int_equal(o->train.shards, -1);
    assert_int_equal(o->train.seed, -3);
    assert_true(o->train.length.epochs && o->train.length.value == 2);
    assert_true(!o->train.warmup.epochs && o->train.warmup.value == 500);
    assert_int_equal(o->train.times.count, 0);
    assert_true(o->train.shuffle);
    assert_int_equal(o->train.last_batch, 1);
    assert_true(o->train.clip.norm == 1);
    assert_int_equal(o->train.clip.every, 1);
    runfile_release(parsed.file);
}

static void test_odd_forms(void **state) {
    (void)state;
    struct Parsed parsed;
    parse(&parsed, odd_file);
    const struct TestOptions *o = &parsed.options;
    assert_string_equal(o->data.file, "a \"b\" \xE2\x80\xA8 \x01 \xF0\x9F\x98\x80");
    assert_string_equal(o->data.note, "null");
    assert_true(o->data.mean.count == 3 && o->data.mean.values[2] == 20);
    assert_true(o->data.sizes.count == 2 && o->data.sizes.values[1] == 1000000);
    assert_int_equal(o->data.names.count, 5);
    assert_string_equal(o->data.names.values[0], "true");
    assert_string_equal(o->data.names.values[2], "");
    assert_ptr_equal(o->model.items[0].kind, &layer_relu);
    const struct ConvOptions *conv = o->model.items[1].options;
    assert_true(conv->out == INT64_MAX);
    assert_true(signbit(((struct ConstantOptions *)conv->init.options)->value));
    const struct ScaleOptions *scale = o->model.items[3].options;
    assert_true(scale->affine.factor == 1e-30 && scale->affine.offsets.values[0] == 0.5);
    assert_ptr_equal(o->loss.kind, &init_kaiming);
    assert_true(o->train.seed == INT64_MIN);
    assert_int_equal(o->train.shards, 4);
    assert_true(o->train.length.epochs && o->train.length.value == 0.5);
    assert_int_equal(o->train.times.count, 3);
    assert_true(o->train.times.values[1].epochs && o->train.times.values[1].value == 2.5);
    assert_true(!o->train.times.values[2].epochs && o->train.times.values[2].value == 300);
    assert_false(o->train.shuffle);
    runfile_release(parsed.file);
}

static void test_default_of_a_choice(void **state) {
    (void)state;
    struct Parsed parsed;
    parse(&parsed, short_file);
    const struct OptimizerOptions *optimizer = parsed.options.optimizer.options;
    assert_ptr_equal(parsed.options.optimizer.kind, &optimizer_sgd);
    assert_true(optimizer->rate == 0.25);
    runfile_release(parsed.file);
}

/* As editors on Windows write it. */
static void test_byte_order_mark(void **state) {
    (void)state;
    struct Parsed parsed;
    char text[4096];
    snprintf(text, sizeof text, "\xEF\xBB\xBF%s", short_file);
    parse(&parsed, text);
    assert_ptr_equal(parsed.options.optimizer.kind, &optimizer_sgd);
    runfile_release(parsed.file);
}

/* A number or a word that may be absent: left out or null, saved as it was, set from outside. */
static void test_optional_values(void **state) {
    (void)state;
    static const char head[] = "data: {file: a}\nmodel: [relu]\n";
    static const struct {
        const char *clip, *set;
        double value, floor; /* −1: absent */
        int by;
        const char *saved;
    } cases[] = {
        {"{}", NULL, -1, 0.5, -1, "  clip:\n    norm: 0\n    every: 1\n    floor: 0.5\n"},
        {"{value: 2, by: all}", NULL, 2, 0.5, 1, "    value: 2\n    floor: 0.5\n    by: all\n"},
        {"{value: null, floor: ~, by: null}", NULL, -1, -1, -1, "every: 1\n    floor: null\n"},
        {"{floor: 3}", "train.clip.value=4", 4, 3, -1, "    value: 4\n    floor: 3\n"},
        {"{value: 3, by: layer}", "train.clip.by=null", 3, 0.5, -1, "    value: 3\n    floor: 0.5"},
        {"{value: 3, by: layer}", "train.clip.value=", -1, 0.5, 0, "floor: 0.5\n    by: layer\n"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char text[300];
        struct Error error = {0};
        struct Parsed parsed = {0}, again;
        snprintf(text, sizeof text, "%strain: {batch: 1, length: 1 step, clip: %s}", head,
                 cases[i].clip);
        if (runfile_parse(&parsed.file, "run.yaml", text, &cases[i].set, cases[i].set != NULL,
                          test_keys, &parsed.options, &error))
            fail_msg("%s", error.text);
        char *saved = runfile_emit(test_keys, &parsed.options);
        if (!strstr(saved, cases[i].saved))
            fail_msg("%s", saved);
        parse(&again, saved);
        for (int round = 0; round < 2; round++) {
            const struct TestOptions *o = round ? &again.options : &parsed.options;
            double value = o->train.clip.value, least = o->train.clip.floor;
            assert_true(cases[i].value < 0 ? isnan(value) : value == cases[i].value);
            assert_true(cases[i].floor < 0 ? isnan(least) : least == cases[i].floor);
            assert_int_equal(o->train.clip.by, cases[i].by);
        }
        memory_release(saved);
        runfile_release(parsed.file);
        runfile_release(again.file);
    }
}

static void test_emitted_text(void **state) {
    (void)state;
    struct Parsed parsed;
    parse(&parsed, plain_file);
    char *text = runfile_emit(test_keys, &parsed.options);
    assert_non_null(strstr(text,
                           "data:\n  file: pictures.h5\n  title: untitled\n  mean: [0.5]\n"
                           "  sizes: []\n  names: []\naugment: []\nmodel:\n"
                           "  - conv: {out: 16, kernel: 5, stride: 1, padding: 0, bias: true, "
                           "init: {kaiming: {mode: fan_in}}}\n"
                           "  - relu\n  - dropout: {rate: 0.25}\n  - residual:\n      body:\n"
                           "        - conv: {out: 8, "));
    assert_non_null(strstr(text, "        - relu\n      shortcut: pad\n"
                                 "  - scale: {affine: {factor: 1, offsets: []}}\n"
                                 "optimizer:\n  nesterov: {rate: 0.0005, momentum: 0.9}\n"
                                 "train:\n  batch: 128\n  shards: auto\n  seed: -3\n"));
    assert_non_null(strstr(text, "  length: 2 epochs\n  warmup: 500 steps\n"
                                 "  times: []\n"));
    assert_non_null(strstr(text, "  clip:\n    norm: 1\n    every: 1\n    floor: 0.5\n"));
    memory_release(text);
    runfile_release(parsed.file);
}

/* A list of lists of kinds: read, overridden, saved in block form, refused if it is none. */
static void test_lists_of_lists(void **state) {
    (void)state;
    static const char head[] = "data: {file: a}\ntrain: {batch: 1, length: 1 step}\nmodel:\n";
    static const char *const sets[] = {"model.0.paths.1.0.out=9", "model.0.paths.2=[relu]"};
    struct Error error = {0};
    struct Parsed parsed = {0}, again;
    char text[300];
    snprintf(text, sizeof text, "%s  - branches: {paths: [[], [{conv: {out: 8}}, relu], []]}\n",
             head);
    if (runfile_parse(&parsed.file, "run.yaml", text, sets, 2, test_keys, &parsed.options, &error))
        fail_msg("%s", error.text);
    char *saved = runfile_emit(test_keys, &parsed.options);
    parse(&again, saved);
    for (int round = 0; round < 2; round++) {
        const struct TestOptions *o = round ? &again.options : &parsed.options;
        const struct BranchesOptions *branches = o->model.items[0].options;
        assert_int_equal(branches->paths.count, 3);
        assert_int_equal(branches->paths.items[0].count, 0);
        assert_int_equal(branches->paths.items[1].count, 2);
        assert_int_equal(branches->paths.items[2].count, 1);
        assert_int_equal(((struct ConvOptions *)branches->paths.items[1].items[0].options)->out, 9);
        assert_ptr_equal(branches->paths.items[2].items[0].kind, &layer_relu);
    }
    assert_non_null(
        strstr(saved, "      paths:\n        - []\n        -\n          - conv: {out: 9"));
    memory_release(saved);
    runfile_release(parsed.file);
    runfile_release(again.file);
    static const struct {
        const char *paths, *said;
    } refused[] = {
        {"relu", "run.yaml:4: model.0.branches.paths: expected a list of lists"},
        {"[relu]", "run.yaml:4: model.0.branches.paths.0: expected"},
        {"[[rellu]]", "did you mean 'relu'"},
        {"[[conv: {out: 0}]]", "model.0.branches.paths.0.0.conv.out"},
    };
    for (size_t i = 0; i < sizeof refused / sizeof *refused; i++) {
        snprintf(text, sizeof text, "%s  - branches: {paths: %s}\n", head, refused[i].paths);
        assert_int_equal(runfile_parse(&parsed.file, "run.yaml", text, NULL, 0, test_keys,
                                       &parsed.options, &error),
                         ERROR_RUN_FILE);
        if (!strstr(error.text, refused[i].said))
            fail_msg("\"%s\" does not say \"%s\"", error.text, refused[i].said);
    }
}

static void test_emit_reads_back(void **state) {
    (void)state;
    const char *const files[] = {plain_file, odd_file, short_file};
    for (int i = 0; i < 3; i++) {
        struct Parsed first, second;
        parse(&first, files[i]);
        char *once = runfile_emit(test_keys, &first.options);
        parse(&second, once);
        char *twice = runfile_emit(test_keys, &second.options);
        assert_string_equal(once, twice);
        if (i == 1) {
            assert_string_equal(first.options.data.file, second.options.data.file);
            assert_string_equal(second.options.data.note, "null");
            assert_null(second.options.data.title); /* null, although it has a default */
            const struct OptimizerOptions *optimizer = second.options.optimizer.options;
            assert_true(optimizer->rate == 0.30000000000000004);
        }
        memory_release(once);
        memory_release(twice);
        runfile_release(first.file);
        runfile_release(second.file);
    }
}

/* Two files that differ in what stands after PATH: its place, and both values. */
static void check_difference(const char *const sets[2], const char *path, const char *first,
                             const char *second) {
    struct Parsed parsed[2];
    struct Error error = {0};
    struct Difference difference;
    for (int i = 0; i < 2; i++) {
        parsed[i] = (struct Parsed){0};
        int code = runfile_parse(&parsed[i].file, "run.yaml", plain_file, &sets[i], sets[i] != NULL,
                                 test_keys, &parsed[i].options, &error);
        if (code)
            fail_msg("%s", error.text);
    }
    assert_true(runfile_difference(test_keys, &parsed[0].options, &parsed[1].options, &difference));
    assert_string_equal(difference.path.data, path);
    assert_string_equal(difference.first.data, first);
    assert_string_equal(difference.second.data, second);
    difference_release(&difference);
    assert_false(
        runfile_difference(test_keys, &parsed[0].options, &parsed[0].options, &difference));
    difference_release(&difference);
    for (int i = 0; i < 2; i++)
        runfile_release(parsed[i].file);
}

struct FreeInner {
    int64_t count;
    const char *name;
};
struct FreeOptions {
    struct Span length;
    double rate;
    struct FreeInner some, all;
};

/* What a run may change when it resumes: single keys, and whole sections. */
static void test_free_keys(void **state) {
    (void)state;
    static const struct Key inner[] = {
        {.name = "count", .type = KEY_INT, .offset = offsetof(struct FreeInner, count)},
        {.name = "name",
         .type = KEY_STRING,
         .offset = offsetof(struct FreeInner, name),
         .free_on_resume = true},
        KEY_END};
    static const struct Key keys[] = {
        {.name = "length",
         .type = KEY_SPAN,
         .offset = offsetof(struct FreeOptions, length),
         .free_on_resume = true},
        {.name = "rate", .type = KEY_REAL, .offset = offsetof(struct FreeOptions, rate)},
        {.name = "some",
         .type = KEY_SECTION,
         .offset = offsetof(struct FreeOptions, some),
         .keys = inner},
        {.name = "all",
         .type = KEY_SECTION,
         .offset = offsetof(struct FreeOptions, all),
         .keys = inner,
         .free_on_resume = true},
        KEY_END};
    const struct FreeOptions from = {{2, true}, 0.5, {3, "a"}, {4, "b"}};
    struct FreeOptions options = {{7, false}, 0.25, {8, "c"}, {9, "d"}};
    runfile_copy_free_keys(keys, &options, &from);
    assert_true(options.length.value == 2 && options.length.epochs);
    assert_true(options.rate == 0.25);
    assert_int_equal(options.some.count, 8);
    assert_string_equal(options.some.name, "a");
    assert_int_equal(options.all.count, 4);
    assert_string_equal(options.all.name, "b");
}

struct TimeOptions {
    double limit;
};

/* As people write it, and as it is written into the saved run file: the same number again. */
static void test_lengths_of_time(void **state) {
    (void)state;
    static const struct Key keys[] = {{.name = "limit",
                                       .type = KEY_TIME,
                                       .offset = offsetof(struct TimeOptions, limit),
                                       .optional = true,
                                       .above_minimum = true},
                                      KEY_END};
    const struct {
        const char *read, *written;
        double seconds;
    } rows[] = {{"3 h 50 min", "3 h 50 min", 13800},
                {"90 s", "1 min 30 s", 90},
                {"1.5 h", "1 h 30 min", 5400},
                {"2d 1s", "2 d 1 s", 172801},
                {"1 day 2 hours 1 minute 3 seconds", "1 d 2 h 1 min 3 s", 93663},
                {"0.25 s", "0.25 s", 0.25},
                {"100 h", "4 d 4 h", 360000}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char *text = memory_print("limit: %s\n", rows[i].read);
        char *written = memory_print("limit: %s\n", rows[i].written);
        for (int again = 0; again < 2; again++) {
            struct TimeOptions options;
            struct RunFile *file;
            struct Error error;
            assert_int_equal(runfile_parse(&file, "demo.yaml", again ? written : text, NULL, 0,
                                           keys, &options, &error),
                             OK);
            assert_true(options.limit == rows[i].seconds);
            char *emitted = runfile_emit(keys, &options);
            assert_string_equal(emitted, written);
            memory_release(emitted);
            runfile_release(file);
        }
        memory_release(text);
        memory_release(written);
    }
}

/* A span or a length of time: the same again. */
static void test_intervals(void **state) {
    (void)state;
    static const struct Key keys[] = {{.name = "every", .type = KEY_INTERVAL, .maximum = 1e12},
                                      KEY_END};
    const struct {
        const char *read, *written;
        double value, seconds;
    } rows[] = {{"2 epochs", "2 epochs", 2, 0},
                {"500 steps", "500 steps", 500, 0},
                {"0", "0 steps", 0, 0},
                {"10 minutes", "10 min", 0, 600},
                {"1 h 30 min", "1 h 30 min", 0, 5400},
                {"0.5 epochs", "0.5 epochs", 0.5, 0},
                {"90 s", "1 min 30 s", 0, 90},
                {"0.000001 s", "1.0e-06 s", 0, 1e-6},
                {"1.0e-06 s", "1.0e-06 s", 0, 1e-6}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct Interval interval = {0};
        struct RunFile *file;
        struct Error error;
        char *text = memory_print("every: %s\n", rows[i].read);
        assert_int_equal(runfile_parse(&file, "demo.yaml", text, NULL, 0, keys, &interval, &error),
                         OK);
        assert_true(interval.span.value == rows[i].value && interval.seconds == rows[i].seconds);
        char *emitted = runfile_emit(keys, &interval);
        assert_int_equal(strncmp(emitted + 7, rows[i].written, strlen(rows[i].written)), 0);
        memory_release(emitted);
        memory_release(text);
        runfile_release(file);
    }
    static const char *const refused[] = {"10 mins", "3 weeks", "1.5 steps",  "-1 epoch", "soon",
                                          "10",      "[1]",     "1e13 steps", "1e s",     "1ee2 s"};
    for (size_t i = 0; i < sizeof refused / sizeof *refused; i++) {
        struct Interval interval = {0};
        struct RunFile *file;
        struct Error error;
        char *text = memory_print("every: %s\n", refused[i]);
        assert_int_equal(runfile_parse(&file, "demo.yaml", text, NULL, 0, keys, &interval, &error),
                         ERROR_RUN_FILE);
        assert_non_null(strstr(error.text, "length of time such as"));
        memory_release(text);
    }
}

static void test_differences(void **state) {
    (void)state;
    const struct {
        const char *sets[2], *path, *first, *second;
    } rows[] = {
        {{"train.clip.every=5", NULL}, "train.clip.every", "5", "1"},
        {{NULL, "train.clip.value=2"}, "train.clip.value", "nothing", "2"},
        {{"train.times=[1 epoch]", NULL}, "train.times", "[1 epoch]", "[]"},
        {{"optimizer.rate=0.5", NULL}, "optimizer.rate", "0.5", "0.0005"},
        {{"optimizer={sgd: {rate: 1}}", NULL}, "optimizer", "sgd", "nesterov"},
        {{NULL, "loss=zeros"}, "loss", "nothing", "zeros"},
        {{"augment=[relu]", NULL}, "augment", "[relu]", "[]"},
        {{"model.2.rate=0.5", NULL}, "model.2.dropout.rate", "0.5", "0.25"},
        {{"model.1=dropout", NULL}, "model.1", "dropout", "relu"},
        {{"model.3.body.0.out=9", NULL}, "model.3.residual.body.0.conv.out", "9", "8"},
        {{"model.4.affine.factor=3", NULL}, "model.4.scale.affine.factor", "3", "1"},
        {{"model=[relu]", NULL}, "model", "[relu]", "a list of 5"},
        {{"model.1={branches: {paths: [[relu], [relu]]}}",
          "model.1={branches: {paths: [[relu], [dropout]]}}"},
         "model.1.branches.paths.1.0",
         "relu",
         "dropout"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        check_difference(rows[i].sets, rows[i].path, rows[i].first, rows[i].second);
}

static void test_reals_keep_their_bits(void **state) {
    (void)state;
    const double values[] = {0.0,
                             -0.0,
                             0.1,
                             1.0 / 3,
                             1.17549435082228751e-38,
                             3.4028234663852886e38,
                             1e22,
                             100.0,
                             1e6,
                             123456789.0,
                             2e-5,
                             9007199254740993.0,
                             -2.5,
                             1e-7,
                             1e21,
                             0.00012345678901234567};
    struct Parsed parsed;
    parse(&parsed, short_file);
    for (size_t i = 0; i < sizeof values / sizeof *values; i++) {
        struct Parsed again;
        parsed.options.train.rate = values[i];
        char *text = runfile_emit(test_keys, &parsed.options);
        parse(&again, text);
        assert_memory_equal(&again.options.train.rate, &values[i], sizeof(double));
        memory_release(text);
        runfile_release(again.file);
    }
    runfile_release(parsed.file);
}

static void test_file_on_disk(void **state) {
    (void)state;
    struct Error error = {0};
    struct Parsed parsed = {0};
    char path[] = "/tmp/runfile-XXXXXX";
    int descriptor = mkstemp(path);
    assert_true(descriptor >= 0);
    FILE *stream = fdopen(descriptor, "wb");
    fputs(plain_file, stream);
    fclose(stream);
    assert_int_equal(
        runfile_parse(&parsed.file, path, NULL, NULL, 0, test_keys, &parsed.options, &error), OK);
    assert_int_equal(parsed.options.train.batch, 128);
    runfile_release(parsed.file);
    unlink(path);

    assert_int_equal(
        runfile_parse(&parsed.file, path, NULL, NULL, 0, test_keys, &parsed.options, &error),
        ERROR_SYSTEM);
    assert_null(parsed.file);
    assert_non_null(strstr(error.text, path));
    assert_non_null(strstr(error.text, "No such file"));
    assert_int_equal(
        runfile_parse(&parsed.file, "/", NULL, NULL, 0, test_keys, &parsed.options, &error),
        ERROR_SYSTEM);
    assert_non_null(strstr(error.text, "/: cannot read: Is a directory"));
}

/* The fewest digits; and with a point, so that YAML 1.1 readers take them for numbers, too. */
static void test_how_reals_are_written(void **state) {
    (void)state;
    static const struct {
        double value;
        const char *text;
    } cases[] = {{100, "\n  rate: 100\n"},      {5e-4, "\n  rate: 0.0005\n"},
                 {1e-5, "\n  rate: 1.0e-05\n"}, {2.5e-7, "\n  rate: 2.5e-07\n"},
                 {1e22, "\n  rate: 1.0e+22\n"}, {0.1, "\n  rate: 0.1\n"},
                 {1e6, "\n  rate: 1000000\n"},  {0.1 + 0.2, "\n  rate: 0.30000000000000004\n"}};
    struct Parsed parsed;
    parse(&parsed, short_file);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        parsed.options.train.rate = cases[i].value;
        char *text = runfile_emit(test_keys, &parsed.options);
        assert_non_null(strstr(text, cases[i].text));
        memory_release(text);
    }
    runfile_release(parsed.file);
}

/* A later check names the line of the key it complains about. */
static void test_later_checks(void **state) {
    char line[ERROR_LINE];
    (void)state;
    struct Error error = {0};
    struct Parsed parsed;
    parse(&parsed, plain_file);
    const struct TestOptions *o = &parsed.options;
    assert_int_equal(schema_fail(&error, &o->model.items[2], "rate", "too %s", "high"),
                     ERROR_RUN_FILE);
    assert_string_equal(error.text, "run.yaml:7: model.2.dropout.rate: too high");
    schema_fail(&error, &o->model.items[2], NULL, "no");
    assert_string_equal(error.text, "run.yaml:6: model.2.dropout: no");
    schema_fail(&error, &o->model.items[1], NULL, "no");
    assert_string_equal(error.text, "run.yaml:5: model.1.relu: no");
    schema_fail(&error, &o->model.items[0], "stride", "no"); /* a default */
    assert_string_equal(error.text, "run.yaml:4: model.0.conv.stride: no");
    const struct ResidualOptions *residual = o->model.items[3].options;
    schema_fail(&error, &residual->body.items[0], "out", "no");
    assert_string_equal(error.text, "run.yaml:10: model.3.residual.body.0.conv.out: no");
    schema_fail(&error, &o->optimizer, "rate", "no");
    assert_string_equal(error.text, "run.yaml:16: optimizer.nesterov.rate: no");
    struct Choice homeless = {.kind = &layer_conv};
    schema_fail(&error, &homeless, "out", "no");
    assert_string_equal(error.text, "conv.out: no");

    assert_int_equal(runfile_fail(parsed.file, &error, ERROR_DATA, "train.batch", "is %d", 3),
                     ERROR_DATA);
    assert_string_equal(error.text, "run.yaml:18: train.batch: is 3");
    runfile_fail(parsed.file, &error, ERROR_RUN_FILE, "train.shards", "no");
    assert_string_equal(error.text, "run.yaml:17: train.shards: no");
    runfile_fail(parsed.file, &error, ERROR_RUN_FILE, "model.2.rate", "no");
    assert_string_equal(error.text, "run.yaml:7: model.2.rate: no");
    runfile_release(parsed.file);

    struct TestOptions options = {0};
    const char *const overrides[] = {"optimizer=nesterov", "optimizer.rate=3", "train.seed=1",
                                     "model.2.rate=1"};
    assert_int_equal(runfile_parse(&parsed.file, "run.yaml", plain_file, overrides, 4, test_keys,
                                   &options, &error),
                     OK);
    schema_fail(&error, &options.optimizer, "rate", "no");
    assert_string_equal(error_line(&error, line),
                        "--set optimizer.rate=3: optimizer.nesterov.rate: no");
    schema_fail(&error, &options.optimizer, "momentum", "no");
    assert_string_equal(error_line(&error, line),
                        "--set optimizer=nesterov: optimizer.nesterov.momentum: no");
    schema_fail(&error, &options.model.items[2], "rate", "no");
    assert_string_equal(error_line(&error, line), "--set model.2.rate=1: model.2.dropout.rate: no");
    runfile_fail(parsed.file, &error, ERROR_RUN_FILE, "train.seed", "no");
    assert_string_equal(error_line(&error, line), "--set train.seed=1: no");
    runfile_release(parsed.file);
}

static int occurrences(const char *text, const char *word) {
    int count = 0;
    for (; (text = strstr(text, word)) != NULL; text += strlen(word))
        count++;
    return count;
}

static void test_document(void **state) {
    (void)state;
    char *text = runfile_document(test_keys, "");
    assert_non_null(strstr(text, "## `train`\n"));
    assert_non_null(strstr(text, "## `train.clip`\n\ngradient clipping\n"));
    assert_non_null(
        strstr(text, "| `batch` | integer from 1, samples | required | global mini-batch |"));
    assert_non_null(strstr(text, "| `bias` | true or false | `true` | on \\| off |"));
    assert_non_null(strstr(text, "| `model` | list of [layers](#layers) | required |"));
    assert_non_null(strstr(text, "| `note` | text | absent |"));
    assert_non_null(strstr(text, "| `value` | number from 0 to 9 | absent | of each |"));
    assert_non_null(strstr(text, "| `rate` | number above 0 up to 10 | required |"));
    assert_non_null(strstr(text, "| `smoothing` | number from 0 and below 1 | `0` |"));
    assert_non_null(strstr(text, "Below `affine`:\n\n| key |"));
    assert_int_equal(occurrences(text, "\n## Layers\n"), 1);
    assert_int_equal(occurrences(text, "\n### `residual`\n"), 1);
    assert_int_equal(occurrences(text, "\n## Initialisers\n"), 1);
    assert_int_equal(occurrences(text, "\n### `relu`\n\nCheap; can die.\n\nNo keys.\n"), 1);
    memory_release(text);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_type),
        cmocka_unit_test(test_odd_forms),
        cmocka_unit_test(test_default_of_a_choice),
        cmocka_unit_test(test_byte_order_mark),
        cmocka_unit_test(test_optional_values),
        cmocka_unit_test(test_emitted_text),
        cmocka_unit_test(test_lists_of_lists),
        cmocka_unit_test(test_emit_reads_back),
        cmocka_unit_test(test_free_keys),
        cmocka_unit_test(test_lengths_of_time),
        cmocka_unit_test(test_intervals),
        cmocka_unit_test(test_differences),
        cmocka_unit_test(test_reals_keep_their_bits),
        cmocka_unit_test(test_file_on_disk),
        cmocka_unit_test(test_later_checks),
        cmocka_unit_test(test_document),
        cmocka_unit_test(test_how_reals_are_written),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
