#include <jansson.h>
#include <math.h>

#include "base/memory.h"
#include "cli/command.h"
#include "run/options.h"

/* ---- As JSON: the tables themselves, for editors, forms and generators of run files ---- */

#define TABLES 64

/* The tables of kinds in the order in which they were found. */
struct TableList {
    const struct KindTable *tables[TABLES];
    int count;
};

static void note_table(struct TableList *found, const struct KindTable *table) {
    for (int i = 0; i < found->count; i++)
        if (found->tables[i] == table)
            return;
    CHECK(found->count < TABLES);
    found->tables[found->count++] = table;
}

static const char *type_name(enum KeyType type) {
    static const char *const names[] = {[KEY_INT] = "integer",
                                        [KEY_REAL] = "number",
                                        [KEY_BOOL] = "boolean",
                                        [KEY_ENUM] = "word",
                                        [KEY_STRING] = "text",
                                        [KEY_SPAN] = "span",
                                        [KEY_COUNT] = "count",
                                        [KEY_SIZE] = "size",
                                        [KEY_REALS] = "numbers",
                                        [KEY_INTS] = "integers",
                                        [KEY_STRINGS] = "texts",
                                        [KEY_TIME] = "time",
                                        [KEY_INTERVAL] = "interval",
                                        [KEY_SPANS] = "spans",
                                        [KEY_CHOICE] = "choice",
                                        [KEY_CHOICES] = "choices",
                                        [KEY_CHOICE_LISTS] = "choice lists",
                                        [KEY_SECTION] = "section",
                                        [KEY_NAMED] = "named sections"};
    CHECK((size_t)type < sizeof names / sizeof *names && names[type]);
    return names[type];
}

/* As in schema.h, there are no bounds if both are 0, and no maximum if it is below the minimum. */
static void add_bounds(json_t *object, const struct Key *key) {
    if (key->minimum == 0 && key->maximum == 0)
        return;
    if (isfinite(key->minimum))
        json_object_set_new(object, key->above_minimum ? "above" : "minimum",
                            json_real(key->minimum));
    if (isfinite(key->maximum) && key->maximum >= key->minimum)
        json_object_set_new(object, key->below_maximum ? "below" : "maximum",
                            json_real(key->maximum));
}

static json_t *keys_json(struct TableList *found, const struct Key *keys) {
    json_t *list = json_array();
    for (const struct Key *key = keys; key && key->name; key++) {
        json_t *object = json_pack("{s:s, s:s, s:b}", "name", key->name, "type",
                                   type_name(key->type), "required", schema_required(key) != NULL);
        if (key->fallback)
            json_object_set_new(object, "default", json_string(key->fallback));
        if (key->help)
            json_object_set_new(object, "help", json_string(key->help));
        if (key->unit)
            json_object_set_new(object, "unit", json_string(key->unit));
        add_bounds(object, key);
        if (key->names) {
            json_t *words = json_array();
            for (const char *const *word = key->names; *word; word++)
                json_array_append_new(words, json_string(*word));
            json_object_set_new(object, "words", words);
        }
        if (key->keys)
            json_object_set_new(object, "keys", keys_json(found, key->keys));
        if (key->kinds) {
            json_object_set_new(object, "kinds", json_string(key->kinds->what));
            note_table(found, key->kinds);
        }
        json_array_append_new(list, object);
    }
    return list;
}

static json_t *kinds_json(struct TableList *found, const struct KindTable *table) {
    json_t *list = json_array();
    for (int i = 0; table->kinds[i]; i++) {
        const struct Kind *kind = table->kinds[i];
        json_array_append_new(list, json_pack("{s:s, s:s, s:o}", "name", kind->name, "summary",
                                              kind->summary ? kind->summary : "", "keys",
                                              keys_json(found, kind->keys)));
    }
    return list;
}

static void print_json(void) {
    struct TableList found = {0};
    json_t *keys = keys_json(&found, run_keys), *kinds = json_object();
    for (int i = 0; i < found.count; i++) /* the count grows as kinds refer to further kinds */
        json_object_set_new(kinds, found.tables[i]->what, kinds_json(&found, found.tables[i]));
    json_t *object = json_pack("{s:o, s:o}", "keys", keys, "kinds", kinds);
    json_dumpf(object, stdout, JSON_ENSURE_ASCII | JSON_INDENT(1) | JSON_REAL_PRECISION(17));
    fputc('\n', stdout);
    json_decref(object);
}

/* ---- docs/run-file.md ---- */

static const char introduction[] =
    "# The run file\n\n"
    "The program writes this page from the tables that it parses run files with; do not edit it "
    "by\n"
    "hand.\n\n"
    "A run file is YAML, read strictly. Unknown, missing, duplicate and out-of-range keys are "
    "refused\n"
    "with the line, and so are anchors, aliases, tags, several documents, and numbers that are "
    "not\n"
    "plain decimals (`010`, `0x10`, `.inf`, `nan`) or that float32 cannot hold (`1e-40`, `1e39`).\n"
    "A number in quotes is text.\n"
    "\n"
    "- A choice (a layer, an optimizer, ...) is written as its name, `relu`, or with keys,\n"
    "  `conv: {out: 16}`.\n"
    "- A span is `2 epochs` or `500 steps`; `0` alone is none.\n"
    "- A length of time is `3 h 50 min` or `90 s`; the units are d, h, min and s.\n"
    "- `--set key.sub=value` on the command line overrides a value. Items of a list are numbered "
    "from\n"
    "  0, and the name of a choice may be left out: `--set optimizer.rate=0.1`,\n"
    "  `--set model.0.out=32`, `--set schedule=cosine`.\n"
    "- A section whose keys all have defaults may be left out. An empty value restores the default "
    "of\n"
    "  a key, a section or a list: `--set augment=`, `--set lookahead=`. It removes what may be\n"
    "  absent: `--set average=`. An empty value of a key without a default is refused.\n"
    "\n";

static int run(const struct Command *command, const struct Arguments *arguments,
               struct Ranks *ranks, struct Error *error) {
    (void)command;
    (void)ranks;
    (void)error;
    if (argument_given(arguments, "json")) {
        print_json();
        return OK;
    }
    char *text = runfile_document(run_keys, introduction);
    fputs(text, stdout);
    memory_release(text);
    return OK;
}

static const struct Flag flags[] = {
    {.name = "json", .help = "the tables as one JSON object, for programs"}, {0}};

const struct Command command_keys = {
    .name = "keys",
    .operands = "",
    .summary = "print every key of the run file, with type, range, default and meaning",
    .help = "Prints, as Markdown, the tables by which run files are parsed: all sections, "
            "layers, losses, optimisers, schedules and augmentations. docs/run-file.md is this "
            "output. With --json the object has two members. `keys` is a list, in which a "
            "section has `keys` of its own and a choice names its table; `kinds` holds these "
            "tables. A key without a `default` is either `required` or may be absent. A section "
            "is required if one of its keys is.\n"
            "\n"
            "Examples:\n"
            "  trainer keys | less\n"
            "  trainer keys --json | jq '.kinds.layer[].name'\n",
    .flags = flags,
    .run = run,
};
