#include <jansson.h>
#include <math.h>

#include "base/memory.h"
#include "cli/command.h"
#include "run/options.h"

/* ---- As JSON: the tables themselves, for editors, forms and generators of run files ---- */

#define TABLES 64

/* The tables of kinds met so far, each written once, in the order in which they were met. */
struct Met {
    const struct KindTable *tables[TABLES];
    int count;
};

static void note_table(struct Met *met, const struct KindTable *table) {
    for (int i = 0; i < met->count; i++)
        if (met->tables[i] == table)
            return;
    CHECK(met->count < TABLES);
    met->tables[met->count++] = table;
}

static const char *type_name(enum KeyType type) {
    static const char *const names[] = {
        [KEY_INT] = "integer",     [KEY_REAL] = "number",
        [KEY_BOOL] = "boolean",    [KEY_ENUM] = "word",
        [KEY_STRING] = "text",     [KEY_SPAN] = "span",
        [KEY_COUNT] = "count",     [KEY_REALS] = "numbers",
        [KEY_INTS] = "integers",   [KEY_STRINGS] = "texts",
        [KEY_SPANS] = "spans",     [KEY_CHOICE] = "choice",
        [KEY_CHOICES] = "choices", [KEY_CHOICE_LISTS] = "choice lists",
        [KEY_SECTION] = "section"};
    CHECK((size_t)type < sizeof names / sizeof *names && names[type]);
    return names[type];
}

/* Bounds as schema.h reads them: both 0, or a maximum below the minimum, are none. */
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

static json_t *keys_json(struct Met *met, const struct Key *keys) {
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
            json_object_set_new(object, "keys", keys_json(met, key->keys));
        if (key->kinds) {
            json_object_set_new(object, "kinds", json_string(key->kinds->what));
            note_table(met, key->kinds);
        }
        json_array_append_new(list, object);
    }
    return list;
}

static json_t *kinds_json(struct Met *met, const struct KindTable *table) {
    json_t *list = json_array();
    for (int i = 0; table->kinds[i]; i++) {
        const struct Kind *kind = table->kinds[i];
        json_array_append_new(list, json_pack("{s:s, s:s, s:o}", "name", kind->name, "summary",
                                              kind->summary ? kind->summary : "", "keys",
                                              keys_json(met, kind->keys)));
    }
    return list;
}

static void print_json(void) {
    struct Met met = {0};
    json_t *keys = keys_json(&met, run_keys), *kinds = json_object();
    for (int i = 0; i < met.count; i++) /* grows as kinds lead to further kinds */
        json_object_set_new(kinds, met.tables[i]->what, kinds_json(&met, met.tables[i]));
    json_t *object = json_pack("{s:o, s:o}", "keys", keys, "kinds", kinds);
    json_dumpf(object, stdout, JSON_INDENT(1) | JSON_REAL_PRECISION(17));
    fputc('\n', stdout);
    json_decref(object);
}

/* ---- docs/run-file.md ---- */

static const char introduction[] =
    "# The run file\n\n"
    "Written by the program from the tables that parse it; do not edit it by hand.\n\n"
    "A run file is YAML, read strictly: unknown, missing, duplicate and out-of-range keys are "
    "refused "
    "with\nthe line, as are anchors, aliases, tags, several documents, and numbers that are not "
    "plain "
    "decimals\n(`010`, `0x10`, `.inf`, `nan`). A number in quotes is text.\n\n"
    "- What can be chosen (a layer, an optimizer, ...) is written as its name, `relu`, or with "
    "keys, "
    "`conv: {out: 16}`.\n"
    "- A span is `2 epochs` or `500 steps`; `0` alone is none.\n"
    "- `--set key.sub=value` on the command line overrides a value; items of a list go by number "
    "from "
    "0, and the\n  name of what was chosen may be left out: `--set optimizer.rate=0.1`, `--set "
    "model.0.out=32`,\n  `--set optimizer=nesterov`.\n"
    "- A section whose keys all have defaults may be left out. An empty value stands for a key's "
    "default, also\n  of sections and lists: `--set augment=`, `--set lookahead=`; what may be "
    "absent goes: `--set average=`. What\n  has no default is refused.\n\n";

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
    .help = "Prints, as Markdown, the table that run files are parsed with: all sections, layers, "
            "losses, optimisers, schedules and augmentations. docs/run-file.md is its output. "
            "With --json: `keys`, a list in which a section has `keys` of its own and what can be "
            "chosen names its table, and `kinds`, those tables. A key without a `default` is "
            "`required`, or may be absent, which is none; a section is required where a key of it "
            "is.\n"
            "\n"
            "Examples:\n"
            "  trainer keys | less\n"
            "  trainer keys --json | jq '.kinds.layer[].name'\n",
    .flags = flags,
    .run = run,
};
