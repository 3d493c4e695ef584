#include "cli/dataset/import_table.h"

#include <string.h>

#include "base/memory.h"

static const struct {
    const char *word;
    char byte;
} separators[] = {{"comma", ','}, {"semicolon", ';'}, {"tab", '\t'},    {"\\t", '\t'},
                  {"bar", '|'},   {"space", ' '},     {"whitespace", 0}};

static int read_separator(const char *word, int *separator, struct Error *error) {
    for (size_t i = 0; word && i < sizeof separators / sizeof *separators; i++)
        if (!strcmp(separators[i].word, word)) {
            *separator = separators[i].byte;
            return OK;
        }
    *separator = word ? (unsigned char)*word : SEPARATOR_AUTO;
    if (!word || (strlen(word) == 1 && !strchr("\"\r\n", *word) && !(*word & 0x80)))
        return OK;
    return fail(error, ERROR_USAGE,
                "--separator %s: expected one character, or comma, semicolon, tab, bar, space or "
                "whitespace",
                word);
}

/* Reads a flag whose value is one byte of `allowed`. */
static int read_byte(const struct Arguments *arguments, const char *flag, const char *allowed,
                     char fallback, char *byte, struct Error *error) {
    const char *word = argument_value(arguments, flag);
    *byte = word ? *word : fallback;
    if (!word || (strlen(word) == 1 && strchr(allowed, *word)))
        return OK;
    return fail(error, ERROR_USAGE, "--%s %s: expected one of these characters: %s", flag, word,
                allowed);
}

/* Reads "COLUMN=RULE" or "RULE"; the name of a column may contain '='. */
static int read_rule(struct ImportTable *table, int64_t index, struct Error *error) {
    const char *word = table->rule_words[index], *equals = strrchr(word, '=');
    const char *name = equals ? equals + 1 : word;
    int rule = text_index(name, missing_rule_names, -1);
    if (rule < 0)
        return fail(error, ERROR_USAGE,
                    "--missing-rule %s: expected refuse, drop, mean, median or indicator, perhaps "
                    "after COLUMN=",
                    word);
    if (equals)
        table->rule_columns[index] = memory_copy_span(word, (size_t)(equals - word));
    table->rules[index] = (struct TableRule){table->rule_columns[index], (enum MissingRule)rule};
    return OK;
}

int import_table_read(struct ImportTable *table, const struct Arguments *arguments,
                      struct Error *error) {
    struct TableOptions *options = &table->options;
    options->no_head = argument_given(arguments, "no-header");
    options->weight = argument_value(arguments, "weight");
    options->ignored_count = argument_values(arguments, "ignore", &table->ignored);
    options->category_count = argument_values(arguments, "categories", &table->categories);
    options->missing_count = argument_values(arguments, "missing", &table->missing);
    options->present_count = argument_values(arguments, "present", &table->present);
    options->rule_count = argument_values(arguments, "missing-rule", &table->rule_words);
    options->ignored = table->ignored;
    options->categories = table->categories;
    options->missing = table->missing;
    options->present = table->present;
    table->rules = memory_array(struct TableRule, options->rule_count, "rules");
    table->rule_columns = memory_array(char *, options->rule_count, "rules");
    options->rules = table->rules;
    int code = read_separator(argument_value(arguments, "separator"), &options->separator, error);
    if (code == OK)
        code = read_byte(arguments, "decimal", ".,", '.', &options->decimal, error);
    if (code == OK)
        code = read_byte(arguments, "thousands", ",.'_ ", 0, &options->thousands, error);
    if (code == OK)
        code = read_byte(arguments, "comment", "#%;!/*", 0, &options->comment, error);
    for (int64_t i = 0; i < options->rule_count && code == OK; i++)
        code = read_rule(table, i, error);
    return code;
}

void import_table_release(struct ImportTable *table) {
    memory_release_texts(table->rule_columns, table->options.rule_count);
    memory_release(table->rules);
    memory_release(table->ignored);
    memory_release(table->categories);
    memory_release(table->missing);
    memory_release(table->present);
    memory_release(table->rule_words);
    *table = (struct ImportTable){0};
}

static void add_list(struct Text *text, const char *flag, const char *const *words, int64_t count) {
    for (int64_t i = 0; i < count; i++)
        text_add(text, " --%s '%s'", flag, words[i]);
}

void import_table_describe(const struct TableOptions *options, struct Text *text) {
    if (options->separator == 0)
        text_add(text, " --separator whitespace");
    else if (options->separator == '\t')
        text_add(text, " --separator tab");
    else if (options->separator != SEPARATOR_AUTO)
        text_add(text, " --separator '%c'", options->separator);
    if (options->decimal != '.')
        text_add(text, " --decimal '%c'", options->decimal);
    if (options->thousands)
        text_add(text, " --thousands '%c'", options->thousands);
    if (options->comment)
        text_add(text, " --comment '%c'", options->comment);
    if (options->no_head)
        text_add(text, " --no-header");
    if (options->weight)
        text_add(text, " --weight '%s'", options->weight);
    add_list(text, "ignore", options->ignored, options->ignored_count);
    add_list(text, "categories", options->categories, options->category_count);
    add_list(text, "missing", options->missing, options->missing_count);
    add_list(text, "present", options->present, options->present_count);
    for (int64_t i = 0; i < options->rule_count; i++)
        text_add(text, " --missing-rule '%s%s%s'",
                 options->rules[i].column ? options->rules[i].column : "",
                 options->rules[i].column ? "=" : "", missing_rule_names[options->rules[i].rule]);
}
