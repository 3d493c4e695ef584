#include "cli/error_line.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/wrapped.h"

/* {file}, {detail} and {count} are replaced by those of the advice. */
static const char *const words[] = {
    [ADVICE_NONE] = "",
    [ADVICE_STATISTICS] = "; run: trainer dataset statistics {file}",
    [ADVICE_COMPONENTS] = "; run: trainer dataset statistics {file} --pca --scale {detail}",
    [ADVICE_DRAW] = "; trainer dataset statistics --draw shows what they are of",
    [ADVICE_IMAGE_SIZE] = "; --size WIDTHxHEIGHT brings all images to one size",
    [ADVICE_CHANNELS] = "; --channels {count} takes them all",
    [ADVICE_SKIP_BAD] = "; --skip-bad leaves it out",
    [ADVICE_DEPTH] = "; --depth float keeps them",
    [ADVICE_SPLIT] =
        "; --split train={file} takes it as one split, and --split-validation 0.1 cuts "
        "another off",
    [ADVICE_PAIR] = "; --split train={file} takes the first as images and the second as labels",
    [ADVICE_UNLABELLED] = "; without its labels: trainer predict RUN {file} -o FILE.csv",
    [ADVICE_PREDICT] = "; pictures without classes: trainer predict RUN {file} -o FILE.csv",
    [ADVICE_VERIFY] = "; trainer dataset verify {file} checks it",
    [ADVICE_INSPECT] = " (trainer inspect shows the donor's)",
    [ADVICE_DATA] = "; --data FILE says where the data set is now",
    [ADVICE_NEWER] = "; a newer HDF5 rewrites it: h5repack --low=0 --high=2 {file} NEW.h5",
    [ADVICE_CONTENTS] = "; trainer dataset info {file} lists the arrays and proposes the lines",
    [ADVICE_CONTINUE_RUN] = "; --resume continues it, another --out starts a new one",
    [ADVICE_RESUME] = "; --resume goes on from it",
    [ADVICE_OTHER_FOLDER] = "; wait for its end, or give another --out",
    [ADVICE_IN_TEXT] = "",
    [ADVICE_MEND_FOLDER] = "; make {file} writable and free some space, then --resume goes on",
    [ADVICE_GO_ON] = "; --resume goes on",
    [ADVICE_UNKNOWN_KEY] = "",
    [ADVICE_RUN_FILE] = "; this is a run file: a space file names it as its key run",
    [ADVICE_SPACE_FILE] = "; this is a space file: trainer search takes it",
    [ADVICE_SEPARATOR] = "; --separator says what stands between columns",
    [ADVICE_COMMENT] = "; --comment '#' passes over lines that begin with it",
    [ADVICE_NO_HEAD] = "; --no-header says that the first line is a row",
    [ADVICE_MISSING] = "; --missing-rule '{file}=RULE' says what to do with rows without a value: "
                       "drop, mean, median or indicator",
    [ADVICE_MISSING_TRUTH] = "; --missing-rule '{file}=drop' leaves such rows out",
    [ADVICE_COLUMN] = "; --ignore '{file}' leaves the column out, --categories '{file}' makes an "
                      "input of each text, --missing '{detail}' says that it stands for no value",
    [ADVICE_MANY] = "; --ignore '{file}' leaves the column out, --categories '{file}' takes it all "
                    "the same",
    [ADVICE_IGNORE] = "; --ignore '{file}' leaves the column out",
    [ADVICE_LABEL] = "; --label '{file}' takes the column as classes",
    [ADVICE_TARGET] = "; --target '{file}' takes the column as values to predict"};

static void add_advice(struct Text *line, const struct Advice *advice) {
    for (const char *at = words[advice->kind]; *at;) {
        size_t length = strcspn(at, "{");
        text_add(line, "%.*s", (int)length, at);
        at += length;
        if (*at == '{') {
            if (at[1] == 'c')
                text_add(line, "%" PRId64, advice->count);
            else
                text_add(line, "%s", at[1] == 'f' ? advice->file : advice->detail);
            at = strchr(at, '}') + 1;
        }
    }
    if (advice->kind == ADVICE_COMPONENTS && advice->count)
        text_add(line, " --components %" PRId64, advice->count);
}

void error_line(const struct Error *error, struct Text *line) {
    const struct BlamedOption *option = &error->option;
    if (*option->name)
        text_add(line, "--%s%s%s: ", option->name, *option->value ? " " : "", option->value);
    text_add(line, "%s", error->text);
    add_advice(line, &error->advice);
}

void error_print(const struct Error *error) {
    struct Text line = {0};
    text_add(&line, "trainer: ");
    error_line(error, &line);
    wrapped_message(stderr, line.data);
    text_release(&line);
}
