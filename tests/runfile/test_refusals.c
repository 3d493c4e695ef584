/* What is refused, and the words: each message is one line with the place, the key, what was found,
 * what was expected, and the nearest name. */
#include "base/memory.h"
#include "base/text.h"
#include "runfile/table.h" /* first: cmocka.h makes a macro of fail */

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* Parses `text`, which must be refused in the words of `message`. */
static void refused(const char *text, const char *const *overrides, int count, int code,
                    const char *message) {
    struct Error error = {0};
    struct TestOptions options = {0};
    struct RunFile *file = NULL;
    int found =
        runfile_parse(&file, "demo.yaml", text, overrides, count, test_keys, &options, &error);
    if (found == OK) {
        runfile_release(file);
        fail_msg("accepted, instead of: %s", message);
    }
    char line[ERROR_LINE];
    assert_string_equal(error_line(&error, line), message);
    assert_int_equal(found, code);
    assert_null(file);
}

/* plain_file with line `line` (from 1) replaced. */
static char *with_line(int line, const char *replacement) {
    const char *at = plain_file;
    for (int i = 1; i < line; i++)
        at = strchr(at, '\n') + 1;
    const char *rest = strchr(at, '\n') + 1;
    return memory_print("%.*s%s\n%s", (int)(at - plain_file), plain_file, replacement, rest);
}

struct Case {
    int line; /* of plain_file, replaced */
    const char *text, *message;
};

static void run_cases(const struct Case *cases, size_t count) {
    for (size_t i = 0; i < count; i++) {
        char *text = with_line(cases[i].line, cases[i].text);
        refused(text, NULL, 0, ERROR_RUN_FILE, cases[i].message);
        memory_release(text);
    }
}
#define RUN(cases) run_cases(cases, sizeof cases / sizeof *cases)

static void test_keys_and_kinds(void **state) {
    (void)state;
    static const struct Case cases[] = {
        {10, "        - conv: {out: 8, kernal: 3}",
         "demo.yaml:10: model.3.residual.body.0.conv.kernal: unknown key; did you mean 'kernel'? "
         "(conv takes out, kernel, stride, padding, bias, init)"},
        {7, "      ratio: 0.5",
         "demo.yaml:7: model.2.dropout.ratio: unknown key; did you mean 'rate'? (dropout takes "
         "rate)"},
        {3, "modle:",
         "demo.yaml:3: modle: unknown key; did you mean 'model'? (the file takes data, "
         "augment, "
         "model, optimizer, loss, train)"},
        {18, "  num_workers: 4",
         "demo.yaml:18: train.num_workers: unknown key; none is needed: each rank prepares its own "
         "samples (train takes batch, shards, seed, rate, smoothing, length, warmup, times, "
         "shuffle, last_batch, clip)"},
        {18, "  zzzzzz: 1",
         "demo.yaml:18: train.zzzzzz: unknown key (train takes batch, shards, seed, rate, "
         "smoothing, length, warmup, times, shuffle, last_batch, clip)"},
        {23, "    nrm: 1",
         "demo.yaml:23: train.clip.nrm: unknown key; did you mean 'norm'? (clip takes norm, "
         "every, value, floor, by)"},
        {5, "  - relu: {slope: 0.1}",
         "demo.yaml:5: model.1.relu.slope: unknown key (relu takes no keys)"},
        {5, "  - rleu",
         "demo.yaml:5: model.1: unknown layer 'rleu'; did you mean 'relu'? (there are conv, relu, "
         "dropout, scale, residual, branches)"},
        {5, "  - rleu: {}",
         "demo.yaml:5: model.1: unknown layer 'rleu'; did you mean 'relu'? (there are conv, relu, "
         "dropout, scale, residual, branches)"},
        {5, "  - [relu]", "demo.yaml:5: model.1: expected a layer, found a list"},
        {5, "  -", "demo.yaml:5: model.1: expected a layer, found nothing"},
        {5, "  - {relu: {}, conv: {}}",
         "demo.yaml:5: model.1: expected a layer as NAME or NAME: {keys}, found 2 keys side by "
         "side; indent the keys below the name"},
        {5, "  - {}",
         "demo.yaml:5: model.1: expected a layer as NAME or NAME: {keys}, found 0 keys side by "
         "side"},
        {5, "  - relu: 3",
         "demo.yaml:5: model.1.relu: expected keys with values (key: value), found '3'"},
        {5, "  - conv",
         "demo.yaml:5: model.1.conv: missing key 'out' (integer from 1: output channels)"},
        {4, "  - conv: {kernel: 5}",
         "demo.yaml:4: model.0.conv: missing key 'out' (integer from 1: output channels)"},
        {18, "  seed: 3",
         "demo.yaml:17: train: missing key 'batch' (integer from 1, samples: global mini-batch)"},
        {19, "",
         "demo.yaml:17: train: missing key 'length' (span such as '2 epochs' or '500 steps')"},
        {18, "  length: 3 steps",
         "demo.yaml:19: train.length: duplicate key; it stands on line 18 already"},
        {17,
         "train: 3\ntrain:", "demo.yaml:18: train: duplicate key; it stands on line 17 already"},
        {22, "  clip: []\n  rate:", "demo.yaml:23: train.rate: expected a number, found keys"},
        {2, "  - file", "demo.yaml:1: data: expected keys with values (key: value), found a list"},
        {14,
         "optimizer: []\nloss:", "demo.yaml:14: optimizer: expected an optimizer, found a list"},
        {14, "loss:",
         "demo.yaml:15: loss: unknown initialiser 'nesterov'; did you mean 'nesterov' in "
         "'optimizer'? (there are zeros, constant, kaiming)"},
    };
    RUN(cases);
    refused("model: [relu]\ntrain: {batch: 1, length: 1 step}", NULL, 0, ERROR_RUN_FILE,
            "demo.yaml:1: data: missing key 'file' (text: HDF5 data set)");
    refused("data: {file: x}\ntrain: {batch: 1, length: 1 step}", NULL, 0, ERROR_RUN_FILE,
            "demo.yaml:1: missing key 'model' (list, each item a layer)");
}

static void test_values(void **state) {
    (void)state;
    static const struct Case cases[] = {
        {18, "  batch: abc", "demo.yaml:18: train.batch: expected an integer from 1, found 'abc'"},
        {18, "  batch: 0", "demo.yaml:18: train.batch: expected an integer from 1, found '0'"},
        {18, "  batch: 1.5",
         "demo.yaml:18: train.batch: expected an integer from 1, found '1.5' (without point and "
         "exponent)"},
        {18, "  batch: 010",
         "demo.yaml:18: train.batch: expected an integer from 1, found '010' (leading zeros are "
         "not "
         "allowed)"},
        {18, "  batch: 0x10",
         "demo.yaml:18: train.batch: expected an integer from 1, found '0x10' (decimal digits "
         "only)"},
        {18, "  batch: 1_000",
         "demo.yaml:18: train.batch: expected an integer from 1, found '1_000' (no '_' between "
         "digits)"},
        {18, "  batch: 9223372036854775808",
         "demo.yaml:18: train.batch: expected an integer from 1, found '9223372036854775808' "
         "(beyond 64 bits)"},
        {18, "  batch: '12'",
         "demo.yaml:18: train.batch: expected an integer from 1, found '12' (in quotes it is text, "
         "not a number)"},
        {18, "  batch: [1]", "demo.yaml:18: train.batch: expected an integer from 1, found a list"},
        {18, "  batch: {a: 1}",
         "demo.yaml:18: train.batch: expected an integer from 1, found keys"},
        {18, "  batch:", "demo.yaml:18: train.batch: expected an integer from 1, found nothing"},
        {18, "  batch: +4", "demo.yaml:18: train.batch: expected an integer from 1, found '+4'"},
        {18, "  batch: \"a\\nb\\x9b\\u2028c\"",
         "demo.yaml:18: train.batch: expected an integer from 1, found 'a?b??c'"},
        {18,
         "  batch: aaaaaaaaaabbbbbbbbbbccccccccccddddddddddeeeeeeeeeeffffffffffgggggggggghhhhhh",
         "demo.yaml:18: train.batch: expected an integer from 1, found "
         "'aaaaaaaaaabbbbbbbbbbccccccccccddddddddddeeeeeeeeeeffffffffffgggggggggghhhh...'"},
        {4, "  - conv: {out: 1, kernel: 32}",
         "demo.yaml:4: model.0.conv.kernel: expected an integer from 1 to 31, found '32'"},
        {16, "    rate: nan",
         "demo.yaml:16: optimizer.nesterov.rate: expected a number above 0 up to 10, found 'nan' "
         "(it "
         "must be finite)"},
        {16, "    rate: -.inf",
         "demo.yaml:16: optimizer.nesterov.rate: expected a number above 0 up to 10, found '-.inf' "
         "(it must be finite)"},
        {16, "    rate: 1e400",
         "demo.yaml:16: optimizer.nesterov.rate: expected a number above 0 up to 10, found '1e400' "
         "(too large for a double)"},
        {16, "    rate: 1e-400",
         "demo.yaml:16: optimizer.nesterov.rate: expected a number above 0 up to 10, found "
         "'1e-400' "
         "(too small for a double)"},
        {16, "    rate: 1e-38",
         "demo.yaml:16: optimizer.nesterov.rate: expected a number above 0 up to 10, found '1e-38' "
         "(too small for float32)"},
        {16, "    rate: 0",
         "demo.yaml:16: optimizer.nesterov.rate: expected a number above 0 up to 10, found '0'"},
        {16, "    rate: 10.5",
         "demo.yaml:16: optimizer.nesterov.rate: expected a number above 0 up to 10, found '10.5'"},
        {16, "    rate: 0.1.2",
         "demo.yaml:16: optimizer.nesterov.rate: expected a number above 0 up to 10, found "
         "'0.1.2'"},
        {16, "    rate: 1e",
         "demo.yaml:16: optimizer.nesterov.rate: expected a number above 0 up to 10, found '1e'"},
        {16, "    rate: \"0.1\"",
         "demo.yaml:16: optimizer.nesterov.rate: expected a number above 0 up to 10, found '0.1' "
         "(in "
         "quotes it is text, not a number)"},
        {23, "    value: 10",
         "demo.yaml:23: train.clip.value: expected a number from 0 to 9, found '10'"},
        {23, "    by: al",
         "demo.yaml:23: train.clip.by: expected one of layer, all, found 'al'; did you mean "
         "'all'?"},
        {23, "    norm: -1", "demo.yaml:23: train.clip.norm: expected a number from 0, found '-1'"},
        {4, "  - conv: {out: 1, bias: yes}",
         "demo.yaml:4: model.0.conv.bias: expected true or false, found 'yes'"},
        {4, "  - conv: {out: 1, bias: 'true'}",
         "demo.yaml:4: model.0.conv.bias: expected true or false, found 'true' (in quotes it is "
         "text)"},
        {21, "  last_batch: dropp",
         "demo.yaml:21: train.last_batch: expected one of keep, drop, found 'dropp'; did you mean "
         "'drop'?"},
        {21, "  last_batch: [keep]",
         "demo.yaml:21: train.last_batch: expected one of keep, drop, found a list"},
        {2, "  file: null", "demo.yaml:2: data.file: expected text, found nothing"},
        {2, "  file: [a]", "demo.yaml:2: data.file: expected text, found a list"},
        {2, "  file: x\n  note: {}", "demo.yaml:3: data.note: expected text, found keys"},
        {19, "  length: 2",
         "demo.yaml:19: train.length: expected a span such as '2 epochs' or '500 steps', found '2' "
         "(say whether epochs or steps)"},
        {19, "  length: 1.5 steps",
         "demo.yaml:19: train.length: expected a span such as '2 epochs' or '500 steps', found "
         "'1.5 "
         "steps' (steps are whole)"},
        {19, "  length: -1 epochs",
         "demo.yaml:19: train.length: expected a span such as '2 epochs' or '500 steps', found '-1 "
         "epochs'"},
        {19, "  length: 10 epohcs",
         "demo.yaml:19: train.length: expected a span such as '2 epochs' or '500 steps', found '10 "
         "epohcs' (say whether epochs or steps); did you mean 'epochs'?"},
        {19, "  length: 010 epochs",
         "demo.yaml:19: train.length: expected a span such as '2 epochs' or '500 steps', found "
         "'010 "
         "epochs' (leading zeros are not allowed)"},
        {19, "  length: 2 weeks",
         "demo.yaml:19: train.length: expected a span such as '2 epochs' or '500 steps', found '2 "
         "weeks' (say whether epochs or steps)"},
        {19, "  length: 1e300 steps",
         "demo.yaml:19: train.length: expected a span such as '2 epochs' or '500 steps', found "
         "'1e300 steps' (steps are whole)"},
        {19, "  length: {}",
         "demo.yaml:19: train.length: expected a span such as '2 epochs' or '500 steps', found "
         "keys"},
        {19, "  length: 2 steps\n  times: [1 epoch, 3]",
         "demo.yaml:20: train.times.1: expected a span such as '2 epochs' or '500 steps' from 0 to "
         "1000, found '3' (say whether epochs or steps)"},
        {19, "  length: 2 steps\n  times: 1 epoch",
         "demo.yaml:20: train.times: expected a list of spans such as '2 epochs' or '500 steps' "
         "from 0 to 1000, found '1 epoch'"},
        {21, "  shards: 0",
         "demo.yaml:21: train.shards: expected an integer from 1 or 'auto', found '0'"},
        {21, "  shards: -1",
         "demo.yaml:21: train.shards: expected an integer from 1 or 'auto', found '-1'"},
        {21, "  shards: atuo",
         "demo.yaml:21: train.shards: expected an integer from 1 or 'auto', found 'atuo'; did you "
         "mean 'auto'?"},
        {2, "  file: x\n  mean: 0.5",
         "demo.yaml:3: data.mean: expected a list of numbers from 0 to 255, found '0.5'"},
        {2, "  file: x\n  mean: [1,\n    256]",
         "demo.yaml:4: data.mean.1: expected a number from 0 to 255, found '256'"},
        {2, "  file: x\n  sizes: [1, 2.5]",
         "demo.yaml:3: data.sizes.1: expected an integer from 1 to 1000000, found '2.5' (without "
         "point and exponent)"},
        {2, "  file: x\n  names: [a, [b]]",
         "demo.yaml:3: data.names.1: expected text, found a list"},
        {3, "augment: relu\nmodel:",
         "demo.yaml:3: augment: expected a list, each item a layer, found 'relu'"},
    };
    RUN(cases);
}

static void test_yaml(void **state) {
    (void)state;
    static const struct Case cases[] = {
        {18, "  batch: &b 1",
         "demo.yaml:18: train.batch: anchors (&name) are not supported; write the value out"},
        {18, "  &k batch: 1",
         "demo.yaml:18: train: anchors (&name) are not supported; write the value out"},
        {18, "  batch: *b",
         "demo.yaml:18: train.batch: aliases (*name) are not supported; write the value out"},
        {18, "  batch: !!int 1",
         "demo.yaml:18: train.batch: tags (!name) are not supported; remove the tag"},
        {3, "model: !list", "demo.yaml:3: model: tags (!name) are not supported; remove the tag"},
        {17, "train: &t",
         "demo.yaml:17: train: anchors (&name) are not supported; write the value out"},
        {18, "  ? [batch]\n  : 1",
         "demo.yaml:18: train: a key must be a word, not a list or a mapping"},
        {5, "  - conv: {[a]: 1}",
         "demo.yaml:5: model.1.conv: a key must be a word, not a list or a mapping"},
        {5, "  - {[a]: 1}", "demo.yaml:5: model.1: a key must be a word, not a list or a mapping"},
        {18, "\tbatch: 1",
         "demo.yaml:18: not valid YAML: found character that cannot start any token, while "
         "scanning "
         "for the next token that begins on line 18 (indent with spaces, not tabs)"},
        {18, "  batch: [1",
         "demo.yaml:19: not valid YAML: did not find expected ',' or ']', while parsing a flow "
         "sequence that begins on line 18"},
        {18, "  batch: 1\n---", "demo.yaml:19: a second document begins here; one is expected"},
        {1, "%YAML 1.1\n---\ndata:", "demo.yaml:1: directives (%YAML, %TAG) are not supported"},
        {18, "  batch: \"\\0\"",
         "demo.yaml:18: train.batch: text cannot hold the character U+0000"},
        {18, "  batch: \x1b[31m", "demo.yaml:18: character U+001B cannot stand in a run file"},
        {18, "  batch: \xff", "demo.yaml:18: not UTF-8 text (byte 0xff)"},
        {18, "  batch: \xc0\xaf", "demo.yaml:18: not UTF-8 text (byte 0xc0)"},
        {18, "  batch: \xed\xa0\x80", "demo.yaml:18: not UTF-8 text (byte 0xed)"},
        {18, "  batch: \xe2\x82", "demo.yaml:18: not UTF-8 text (byte 0xe2)"},
    };
    RUN(cases);
    const char *const empty[] = {"", "# nothing\n", "---\n", "~"};
    for (int i = 0; i < 4; i++)
        refused(empty[i], NULL, 0, ERROR_RUN_FILE,
                "demo.yaml: empty; expected keys with values (key: value)");
    refused("[1]", NULL, 0, ERROR_RUN_FILE,
            "demo.yaml:1: expected keys with values (key: value), found a list");
}

static void test_size_and_nesting(void **state) {
    (void)state;
    struct Text text = {0};
    text_add(&text, "data: ");
    for (int i = 0; i < 31; i++)
        text_add(&text, "[");
    text_add(&text, "[[\n");
    struct Error error = {0};
    struct TestOptions options = {0};
    struct RunFile *file = NULL;
    assert_int_equal(
        runfile_parse(&file, "demo.yaml", text.data, NULL, 0, test_keys, &options, &error),
        ERROR_RUN_FILE);
    assert_non_null(strstr(error.text, "nested deeper than 32 levels"));
    text_release(&text);

    text_add(&text, "data: {file: x}\ntrain: {batch: 1, length: 0}\nmodel: ");
    for (int i = 0; i < 9; i++) /* each three levels; 28 with the root */
        text_add(&text, "[{residual: {body: ");
    size_t shell = text.length;
    text_add(&text, "[relu]"); /* 29 */
    for (int i = 0; i < 9; i++)
        text_add(&text, "}}]");
    assert_int_equal(
        runfile_parse(&file, "demo.yaml", text.data, NULL, 0, test_keys, &options, &error), OK);
    runfile_release(file);
    text.length = shell; /* a conv's initialiser takes four more, two of them by its default */
    text_add(&text, "[{conv: {out: 1}}]");
    for (int i = 0; i < 9; i++)
        text_add(&text, "}}]");
    assert_int_equal(
        runfile_parse(&file, "demo.yaml", text.data, NULL, 0, test_keys, &options, &error),
        ERROR_RUN_FILE);
    assert_non_null(strstr(error.text, "conv.init.kaiming: nested deeper than 32 levels"));
    text_release(&text);

    char *large = memory_allocate((1 << 20) + 2, "test");
    memset(large, '#', (1 << 20) + 1);
    refused(large, NULL, 0, ERROR_RUN_FILE, "demo.yaml:1: larger than 1048576 bytes");
    memory_release(large);

    text_add(&text, "data: {file: x}\ntrain: {batch: 1, length: 0}\nmodel: [dropout");
    for (int i = 0; i < 80000; i++)
        text_add(&text, ",dropout");
    text_add(&text, "]");
    refused(text.data, NULL, 0, ERROR_RUN_FILE,
            "demo.yaml: larger than 1048576 bytes once every default is written out");
    text_release(&text);

    for (int i = 0; i < 1001; i++)
        text_add(&text, "k%d:\n", i);
    refused(text.data, NULL, 0, ERROR_RUN_FILE,
            "demo.yaml:1: has more than 1000 keys, which is the most that a mapping can have");
    text_release(&text);
}

static void test_overrides_refused(void **state) {
    (void)state;
    static const struct {
        const char *override;
        int code;
        const char *message;
    } cases[] = {
        {"train.batch=abc", ERROR_RUN_FILE,
         "--set train.batch=abc: expected an integer from 1, found 'abc'"},
        {"optimizer.rate=0", ERROR_RUN_FILE,
         "--set optimizer.rate=0: optimizer.nesterov.rate: expected a number above 0 up to 10, "
         "found "
         "'0'"},
        {"optimzer.rate=1", ERROR_RUN_FILE,
         "--set optimzer.rate=1: 'optimzer': unknown key; did you mean 'optimizer'? (the run file "
         "takes data, augment, model, optimizer, loss, train)"},
        {"optimizer.rat=1", ERROR_RUN_FILE,
         "--set optimizer.rat=1: 'rat': unknown key; did you mean 'rate'? (nesterov takes rate, "
         "momentum)"},
        {"optimizer.sgd.rate=1", ERROR_RUN_FILE,
         "--set optimizer.sgd.rate=1: the optimizer here is 'nesterov', not 'sgd'; choose it "
         "first: "
         "optimizer=sgd"},
        {"optimizer=nestrov", ERROR_RUN_FILE,
         "--set optimizer=nestrov: unknown optimizer 'nestrov'; did you mean 'nesterov'? (there "
         "are "
         "sgd, nesterov)"},
        {"optimizer=sgd", ERROR_RUN_FILE,
         "--set optimizer=sgd: optimizer.sgd: missing key 'rate' (number above 0 up to 10: base "
         "learning rate)"},
        {"optimizer={sgd: {rat: 1}}", ERROR_RUN_FILE,
         "--set optimizer={sgd: {rat: 1}}: optimizer.sgd.rat: unknown key; did you mean 'rate'? "
         "(sgd takes rate)"},
        {"model.5.rate=1", ERROR_RUN_FILE,
         "--set model.5.rate=1: no item '5': 'model' has 5 items, numbered 0 to 4"},
        {"model.x=relu", ERROR_RUN_FILE,
         "--set model.x=relu: no item 'x': 'model' has 5 items, numbered 0 to 4"},
        {"model.-1=relu", ERROR_RUN_FILE,
         "--set model.-1=relu: no item '-1': 'model' has 5 items, numbered 0 to 4"},
        {"model.1=relux", ERROR_RUN_FILE,
         "--set model.1=relux: unknown layer 'relux'; did you mean 'relu'? (there are conv, relu, "
         "dropout, scale, residual, branches)"},
        {"model.1={conv: {}}", ERROR_RUN_FILE,
         "--set model.1={conv: {}}: model.1.conv: missing key 'out' (integer from 1: output "
         "channels)"},
        {"augment.0=relu", ERROR_RUN_FILE,
         "--set augment.0=relu: no item '0': 'augment' has 0 items"},
        {"data.mean.1=0", ERROR_RUN_FILE,
         "--set data.mean.1=0: no item '1': 'mean' has 1 item, numbered 0"},
        {"data.mean.0.x=0", ERROR_RUN_FILE,
         "--set data.mean.0.x=0: an item of 'mean' is one value; nothing stands below it"},
        {"model.3.body.0.kernal=1", ERROR_RUN_FILE,
         "--set model.3.body.0.kernal=1: 'kernal': unknown key; did you mean 'kernel'? (conv takes "
         "out, kernel, stride, padding, bias, init)"},
        {"model.1.slope=1", ERROR_RUN_FILE,
         "--set model.1.slope=1: 'slope': unknown key (relu takes no keys)"},
        {"train.batch.size=1", ERROR_RUN_FILE,
         "--set train.batch.size=1: 'batch' is one value (integer from 1); nothing stands below "
         "it"},
        {"loss.value=1", ERROR_RUN_FILE,
         "--set loss.value=1: 'loss' is not set; set it as a whole first"},
        {"train.clip=3", ERROR_RUN_FILE,
         "--set train.clip=3: expected keys with values (key: value), found '3'"},
        {"train.batch=[1", ERROR_RUN_FILE,
         "--set train.batch=[1: not valid YAML: did not find expected ',' or ']'"},
        {"optimizer={sgd: {rate: 1, rate: 2}}", ERROR_RUN_FILE,
         "--set optimizer={sgd: {rate: 1, rate: 2}}: sgd.rate: duplicate key"},
        {"train.batch=*a", ERROR_RUN_FILE,
         "--set train.batch=*a: aliases (*name) are not supported; write the value out"},
        {"train.smoothing=1", ERROR_RUN_FILE,
         "--set train.smoothing=1: expected a number from 0 and below 1, found '1'"},
        {"train.batch=", ERROR_RUN_FILE,
         "--set train.batch=: 'batch' has no default (integer from 1)"},
        {"train=", ERROR_RUN_FILE,
         "--set train=: 'train' has no default, since its key 'batch' has none"},
        {"model=", ERROR_RUN_FILE,
         "--set model=: 'model' has no default (list, each item a layer)"},
        {"model.1=", ERROR_RUN_FILE,
         "--set model.1=: an item of 'model' has no default; expected a value"},
        {"train.clip.bogus=", ERROR_RUN_FILE,
         "--set train.clip.bogus=: 'bogus': unknown key (clip takes norm, every, value, floor, "
         "by)"},
        {"train.batch", ERROR_USAGE, "--set train.batch: expected KEY=VALUE"},
        {"=3", ERROR_USAGE, "--set =3: expected KEY.KEY=VALUE"},
        {"train..batch=3", ERROR_USAGE, "--set train..batch=3: expected KEY.KEY=VALUE"},
        {"train.=3", ERROR_USAGE, "--set train.=3: expected KEY.KEY=VALUE"},
        {"\xff=3", ERROR_RUN_FILE,
         "--set \xff=3: '\xff': unknown key (the run file takes data, augment, model, optimizer, "
         "loss, train)"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        refused(plain_file, &cases[i].override, 1, cases[i].code, cases[i].message);
    /* A fault in the file itself keeps its line. */
    const char *override = "model.0.out=3";
    char *text = with_line(4, "  - konv: {out: 1}");
    refused(
        text, &override, 1, ERROR_RUN_FILE,
        "demo.yaml:4: model.0: unknown layer 'konv'; did you mean 'conv'? (there are conv, relu, "
        "dropout, scale, residual, branches)");
    memory_release(text);
}

static void test_overrides(void **state) {
    (void)state;
    static const char *const overrides[] = {
        "train.batch=64",
        "train.clip.norm=2.5",
        "train.length=7 steps",
        "optimizer.rate=0.5",
        "optimizer.nesterov.momentum=0.8",
        "model.0.conv.out=32",
        "model.0.init=constant",
        "model.0.init.value=3",
        "model.1=dropout",
        "model.1.rate=0.125",
        "model.3.body.0.stride=2",
        "model.4.affine.factor=9",
        "data.mean=[1, 2]",
        "data.mean.1=4",
        "data.file=a=b",
        "augment=[relu]",
        "loss=zeros",
        "train.batch=65",
    };
    struct Error error = {0};
    struct TestOptions o = {0};
    struct RunFile *file = NULL;
    if (runfile_parse(&file, "demo.yaml", plain_file, overrides,
                      sizeof overrides / sizeof *overrides, test_keys, &o, &error))
        fail_msg("%s", error.text);
    assert_int_equal(o.train.batch, 65); /* the last one counts */
    assert_true(o.train.clip.norm == 2.5);
    assert_true(!o.train.length.epochs && o.train.length.value == 7);
    const struct OptimizerOptions *optimizer = o.optimizer.options;
    assert_true(optimizer->rate == 0.5 && optimizer->momentum == 0.8);
    const struct ConvOptions *conv = o.model.items[0].options;
    assert_true(conv->out == 32 && conv->kernel == 5);
    assert_ptr_equal(conv->init.kind, &init_constant);
    assert_true(((struct ConstantOptions *)conv->init.options)->value == 3);
    assert_ptr_equal(o.model.items[1].kind, &layer_dropout);
    assert_true(((struct DropoutOptions *)o.model.items[1].options)->rate == 0.125);
    const struct ResidualOptions *residual = o.model.items[3].options;
    assert_int_equal(((struct ConvOptions *)residual->body.items[0].options)->stride, 2);
    assert_true(((struct ScaleOptions *)o.model.items[4].options)->affine.factor == 9);
    assert_true(o.data.mean.count == 2 && o.data.mean.values[1] == 4);
    assert_string_equal(o.data.file, "a=b");
    assert_int_equal(o.augment.count, 1);
    assert_ptr_equal(o.loss.kind, &init_zeros);
    runfile_release(file);

    /* A default is refined without being written out; a replaced choice forgets the
     * old one's keys. */
    static const char *const more[] = {"optimizer.rate=0.75", "data.mean.0=7",
                                       "train.clip.every=3"};
    o = (struct TestOptions){0};
    assert_int_equal(runfile_parse(&file, "demo.yaml", short_file, more, 3, test_keys, &o, &error),
                     OK);
    assert_ptr_equal(o.optimizer.kind, &optimizer_sgd);
    assert_true(((struct OptimizerOptions *)o.optimizer.options)->rate == 0.75);
    assert_true(o.data.mean.values[0] == 7);
    assert_int_equal(o.train.clip.every, 3);
    runfile_release(file);
}

/* An empty value is the key's default, whatever the key holds; what it leaves empty goes, too. */
static void test_overrides_that_reset(void **state) {
    (void)state;
    static const char *const all[] = {
        "optimizer=", "train.clip=", "train.warmup=", "model.0.kernel=",
        "loss=",      "data.mean=",  "augment="};
    static const char *const inner[] = {
        "train.clip.norm=", "train.last_batch=", "optimizer.momentum=", "data.title="};
    static const char *const again[] = {"train.clip=", "train.clip.every=4",
                                        "optimizer=", "optimizer.rate=0.5"};
    struct Error error = {0};
    struct TestOptions o = {0};
    struct RunFile *file = NULL;
    if (runfile_parse(&file, "demo.yaml", plain_file, all, 7, test_keys, &o, &error))
        fail_msg("%s", error.text);
    assert_ptr_equal(o.optimizer.kind, &optimizer_sgd);
    assert_true(((struct OptimizerOptions *)o.optimizer.options)->rate == 0.25);
    assert_true(o.train.clip.norm == 0 && o.train.clip.every == 1);
    assert_true(o.train.warmup.value == 0);
    assert_int_equal(((struct ConvOptions *)o.model.items[0].options)->kernel, 3);
    assert_int_equal(((struct ConvOptions *)o.model.items[0].options)->out, 16);
    assert_null(o.loss.kind);
    assert_true(o.data.mean.count == 1 && o.data.mean.values[0] == 0.5);
    assert_int_equal(o.augment.count, 0);
    assert_false(runfile_given(file, "train.clip") || runfile_given(file, "optimizer"));
    runfile_release(file);

    const char *const texts[] = {plain_file, short_file};
    for (int t = 0; t < 2; t++) { /* with the section in the file, and without */
        int count = t ? 2 : 4;
        o = (struct TestOptions){0};
        if (runfile_parse(&file, "demo.yaml", texts[t], inner, count, test_keys, &o, &error))
            fail_msg("%s", error.text);
        assert_true(o.train.clip.norm == 0);
        assert_int_equal(o.train.last_batch, 0);
        assert_string_equal(o.data.title, "untitled");
        assert_false(runfile_given(file, "train.clip"));
        runfile_release(file);
    }

    o = (struct TestOptions){0};
    assert_int_equal(runfile_parse(&file, "demo.yaml", plain_file, again, 4, test_keys, &o, &error),
                     OK);
    assert_true(o.train.clip.norm == 0 && o.train.clip.every == 4);
    assert_ptr_equal(o.optimizer.kind, &optimizer_sgd);
    assert_true(((struct OptimizerOptions *)o.optimizer.options)->rate == 0.5);
    runfile_release(file);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_keys_and_kinds),
        cmocka_unit_test(test_values),
        cmocka_unit_test(test_yaml),
        cmocka_unit_test(test_size_and_nesting),
        cmocka_unit_test(test_overrides_refused),
        cmocka_unit_test(test_overrides),
        cmocka_unit_test(test_overrides_that_reset),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
