/* Writes the reference of the run file from the tables that parse it. */
#include <ctype.h>
#include <string.h>

#include "base/memory.h"
#include "runfile/parse.h"
#include "runfile/runfile.h"

#define TABLES 64

struct Document {
    struct Text text;
    const struct KindTable *tables[TABLES]; /* those found so far; each is printed once */
    int count;
};

/* Escapes bars, which would end the cell of a Markdown table. */
static void add_cell(struct Text *text, const char *words) {
    for (; *words; words++)
        text_add(text, *words == '|' ? "\\|" : "%c", *words);
}

/* The ending of the plural, for headings: "layer" -> "layers", "loss" -> "losses", "mix" ->
 * "mixes". */
static const char *plural(const char *what) {
    return *what && strchr("sx", what[strlen(what) - 1]) ? "es" : "s";
}

/* Describes a key's type; kinds are described by a link to their heading. */
static void add_type(struct Document *document, const struct Key *key) {
    struct Text type = {0};
    if (key->kinds) {
        const char *what = key->kinds->what;
        bool lists = key->type == KEY_CHOICE_LISTS, list = lists || key->type == KEY_CHOICES;
        text_add(&document->text, "%s%s[%s%s](#", lists ? "list of " : "",
                 lists  ? "lists of "
                 : list ? "list of "
                        : "",
                 what, list ? plural(what) : "");
        for (const char *c = what; *c; c++)
            text_add(&document->text, "%c", *c == ' ' ? '-' : tolower((unsigned char)*c));
        text_add(&document->text, "%s)", plural(what));
        return;
    }
    schema__describe(&type, key);
    add_cell(&document->text, type.data);
    text_release(&type);
    if (key->unit)
        text_add(&document->text, ", %s", key->unit);
}

static void note_table(struct Document *document, const struct KindTable *table) {
    for (int i = 0; i < document->count; i++)
        if (document->tables[i] == table)
            return;
    CHECK(document->count < TABLES);
    document->tables[document->count++] = table;
}

static void add_keys(struct Document *document, const struct Key *keys) {
    bool begun = false;
    for (const struct Key *key = keys; key->name; key++) {
        if (key->type == KEY_SECTION || key->type == KEY_NAMED)
            continue;
        if (!begun)
            text_add(&document->text, "| key | type | default | meaning |\n|---|---|---|---|\n");
        begun = true;
        text_add(&document->text, "| `%s` | ", key->name);
        add_type(document, key);
        if (key->fallback) {
            text_add(&document->text, " | `");
            add_cell(&document->text, key->fallback);
            text_add(&document->text, "` | ");
        } else {
            text_add(&document->text, key->optional ? " | absent | " : " | required | ");
        }
        add_cell(&document->text, key->help ? key->help : "");
        text_add(&document->text, " |\n");
        if (key->kinds)
            note_table(document, key->kinds);
    }
    if (begun)
        text_add(&document->text, "\n");
}

/* Adds the sections of a struct, each with its dotted path as heading. */
static void add_sections(struct Document *document, const struct Key *keys, const char *path) {
    for (const struct Key *key = keys; key->name; key++) {
        if (key->type != KEY_SECTION && key->type != KEY_NAMED)
            continue;
        char *inner = memory_print("%s%s%s%s", path, *path ? "." : "", key->name,
                                   key->type == KEY_NAMED ? ".NAME" : "");
        text_add(&document->text, "## `%s`\n\n", inner);
        if (key->help)
            text_add(&document->text, "%s\n\n", key->help);
        add_keys(document, key->keys);
        add_sections(document, key->keys, inner);
        memory_release(inner);
    }
}

/* Adds a table for each section inside a kind, below the table of the kind. */
static void add_kind_sections(struct Document *document, const struct Key *keys) {
    for (const struct Key *key = keys; key->name; key++) {
        if (key->type != KEY_SECTION)
            continue;
        text_add(&document->text, "Below `%s`%s%s:\n\n", key->name, key->help ? ", " : "",
                 key->help ? key->help : "");
        add_keys(document, key->keys);
        add_kind_sections(document, key->keys);
    }
}

static void add_kinds(struct Document *document, const struct KindTable *table) {
    text_add(&document->text, "## %c%s%s\n\n", toupper((unsigned char)table->what[0]),
             table->what + 1, plural(table->what));
    for (int i = 0; table->kinds[i]; i++) {
        const struct Kind *kind = table->kinds[i];
        text_add(&document->text, "### `%s`\n\n", kind->name);
        if (kind->summary)
            text_add(&document->text, "%s\n\n", kind->summary);
        if (kind->keys && kind->keys->name) {
            add_keys(document, kind->keys);
            add_kind_sections(document, kind->keys);
        } else {
            text_add(&document->text, "No keys.\n\n");
        }
    }
}

char *runfile_document(const struct Key *keys, const char *introduction) {
    struct Document document = {0};
    text_add(&document.text, "%s## At the top\n\n", introduction);
    add_keys(&document, keys);
    add_sections(&document, keys, "");
    for (int i = 0; i < document.count; i++) /* the count grows as kinds refer to further kinds */
        add_kinds(&document, document.tables[i]);
    document.text.data[--document.text.length] = '\0'; /* the text ends with one newline */
    return document.text.data;
}
