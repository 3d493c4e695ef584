/* Writes an options struct as YAML, with every default. Sections and lists of kinds are written in
 * block form; the keys of a kind follow its name on the same line if they fit. */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "runfile/parse.h"
#include "runfile/runfile.h"

#define COLUMNS 120

/* Whether every YAML reader reads the word as text without quotes. */
static bool plain_is_safe(const char *text) {
    static const char *const words[] = {"true", "false", "yes", "no",  "on", "off",
                                        "null", "y",     "n",   "inf", "nan"};
    static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_/";
    if (!*text || !strchr(letters, *text))
        return false;
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (strcasecmp(text, words[i]) == 0)
            return false;
    size_t span = 0;
    while (text[span] && (strchr(letters, text[span]) || strchr("0123456789.-+", text[span])))
        span++;
    return !text[span];
}

/* Decodes the UTF-8 character at `at`, and returns its length in bytes. */
static size_t decode(const char *at, uint32_t *code) {
    unsigned char c = (unsigned char)at[0];
    size_t bytes = c < 0x80 ? 1 : c < 0xE0 ? 2 : c < 0xF0 ? 3 : 4;
    *code = bytes == 1 ? c : c & (0x7Fu >> bytes);
    for (size_t i = 1; i < bytes; i++) {
        if (!at[i])
            return i;
        *code = *code << 6 | ((unsigned char)at[i] & 0x3Fu);
    }
    return bytes;
}

static void emit_string(struct Text *text, const char *string) {
    if (plain_is_safe(string)) {
        text_add(text, "%s", string);
        return;
    }
    text_add(text, "\"");
    for (size_t bytes; *string; string += bytes) {
        uint32_t code;
        bytes = decode(string, &code);
        bool printable =
            (code >= 0x20 && code < 0x7F) || (code >= 0xA0 && code < 0xFFFE) || code >= 0x10000;
        bool breaks = code == 0x2028 || code == 0x2029 || code == 0xFEFF;
        if (code == '"' || code == '\\')
            text_add(text, "\\%c", (char)code);
        else if (printable && !breaks)
            text_add(text, "%.*s", (int)bytes, string);
        else
            text_add(text, "\\u%04" PRIX32, code);
    }
    text_add(text, "\"");
}

static void emit_span(struct Text *text, const void *value) {
    const struct Span *span = value;
    char buffer[NUMBER_BYTES];
    if (span->epochs)
        text_add(text, "%s epoch%s", number__print(span->value, buffer),
                 span->value == 1 ? "" : "s");
    else
        text_add(text, "%.0f step%s", span->value, span->value == 1 ? "" : "s");
}

static void emit_interval(struct Text *text, const void *value) {
    const struct Interval *interval = value;
    if (interval->seconds > 0)
        time__print(text, interval->seconds);
    else
        emit_span(text, &interval->span);
}

static void emit_time(struct Text *text, const void *value) {
    time__print(text, *(const double *)value);
}

static bool takes_keys(const struct Kind *kind) {
    return kind->keys && kind->keys->name;
}

static bool is_absent(const struct Key *key, const void *field) {
    if (!key->optional)
        return false;
    switch (key->type) {
    case KEY_CHOICE:
        return !((const struct Choice *)field)->kind;
    case KEY_STRING:
        return !*(const char *const *)field;
    case KEY_REAL:
        return isnan(*(const double *)field);
    case KEY_TIME:
        return *(const double *)field == 0;
    case KEY_ENUM:
        return *(const int *)field == -1;
    default:
        return false;
    }
}

/* Whether a value is not written: it is absent, and that is the default. */
static bool is_left_out(const struct Key *key, const void *field) {
    return !key->fallback && is_absent(key, field);
}

static void emit_flow(struct Text *text, const struct Key *keys, const void *options);

static void emit_choice_flow(struct Text *text, const void *value) {
    const struct Choice *choice = value;
    if (!takes_keys(choice->kind)) {
        text_add(text, "%s", choice->kind->name);
    } else {
        text_add(text, "{%s: ", choice->kind->name);
        emit_flow(text, choice->kind->keys, choice->options);
        text_add(text, "}");
    }
}

/* Writes what precedes item i of a list or of keys on one line. */
static void emit_separator(struct Text *text, int i) {
    text_add(text, "%s", i ? ", " : "");
}

static void emit_choices_flow(struct Text *text, const void *value) {
    const struct ChoiceList *list = value;
    text_add(text, "[");
    for (int i = 0; i < list->count; i++) {
        emit_separator(text, i);
        emit_choice_flow(text, &list->items[i]);
    }
    text_add(text, "]");
}

static void emit_named_flow(struct Text *text, const struct Key *key, const void *field) {
    const struct Named *named = field;
    text_add(text, "{");
    for (int i = 0; i < named->count; i++) {
        emit_separator(text, i);
        emit_string(text, named->items[i].name);
        text_add(text, ": ");
        emit_flow(text, key->keys, named->items[i].options);
    }
    text_add(text, "}");
}

static void emit_int(struct Text *text, const void *value) {
    text_add(text, "%" PRId64, *(const int64_t *)value);
}

static void emit_real(struct Text *text, const void *value) {
    char buffer[NUMBER_BYTES];
    text_add(text, "%s", number__print(*(const double *)value, buffer));
}

static void emit_text(struct Text *text, const void *value) {
    emit_string(text, *(const char *const *)value);
}

/* How a value or an element of a list is written, for the types that determine it. */
static const struct {
    void (*emit)(struct Text *text, const void *value);
    size_t size; /* of an element of a list; 0: the type is no list */
} writers[] = {[KEY_INT] = {emit_int, 0},
               [KEY_REAL] = {emit_real, 0},
               [KEY_STRING] = {emit_text, 0},
               [KEY_SPAN] = {emit_span, 0},
               [KEY_INTERVAL] = {emit_interval, 0},
               [KEY_TIME] = {emit_time, 0},
               [KEY_REALS] = {emit_real, sizeof(double)},
               [KEY_INTS] = {emit_int, sizeof(int64_t)},
               [KEY_STRINGS] = {emit_text, sizeof(char *)},
               [KEY_SPANS] = {emit_span, sizeof(struct Span)},
               [KEY_CHOICE] = {emit_choice_flow, 0},
               [KEY_CHOICES] = {emit_choices_flow, 0},
               [KEY_CHOICE_LISTS] = {emit_choices_flow, sizeof(struct ChoiceList)},
               [KEY_NAMED] = {NULL, 0}};

static void emit_list(struct Text *text, enum KeyType type, const void *field) {
    const void *values;
    int count = list__get(field, &values);
    text_add(text, "[");
    for (int i = 0; i < count; i++) {
        emit_separator(text, i);
        writers[type].emit(text, (const char *)values + (size_t)i * writers[type].size);
    }
    text_add(text, "]");
}

static void emit_keyed(struct Text *text, const struct Key *key, const void *field) {
    switch (key->type) {
    case KEY_COUNT:
        if (*(const int64_t *)field == -1)
            text_add(text, "%s", key->names[0]);
        else
            emit_int(text, field);
        return;
    case KEY_SIZE:
        if (*(const int64_t *)field == -1)
            text_add(text, "%s", key->names[0]);
        else
            size__print(text, *(const int64_t *)field);
        return;
    case KEY_BOOL:
        text_add(text, "%s", *(const bool *)field ? "true" : "false");
        return;
    case KEY_ENUM:
        text_add(text, "%s", key->names[*(const int *)field]);
        return;
    case KEY_SECTION:
        emit_flow(text, key->keys, field);
        return;
    case KEY_NAMED:
        emit_named_flow(text, key, field);
        return;
    default:
        CHECK(!"a key of no type");
    }
}

void emit__value(struct Text *text, const struct Key *key, const void *field) {
    if (is_absent(key, field))
        text_add(text, "null");
    else if (!writers[key->type].emit)
        emit_keyed(text, key, field);
    else if (writers[key->type].size)
        emit_list(text, key->type, field);
    else
        writers[key->type].emit(text, field);
}

/* Writes keys in flow form: "{out: 16, kernel: 3}". */
static void emit_flow(struct Text *text, const struct Key *keys, const void *options) {
    int count = 0;
    text_add(text, "{");
    for (const struct Key *key = keys; key->name; key++) {
        const void *field = (const char *)options + key->offset;
        if (is_left_out(key, field))
            continue;
        emit_separator(text, count++);
        text_add(text, "%s: ", key->name);
        emit__value(text, key, field);
    }
    text_add(text, "}");
}

/* Whether a list of kinds anywhere below has items; such a struct is written in block form. */
static bool holds_choices(const struct Key *keys, const void *options) {
    for (const struct Key *key = keys; key->name; key++) {
        const void *field = (const char *)options + key->offset;
        if (key->type == KEY_CHOICES && ((const struct ChoiceList *)field)->count > 0)
            return true;
        if (key->type == KEY_CHOICE_LISTS && ((const struct ChoiceLists *)field)->count > 0)
            return true;
        if (key->type == KEY_SECTION && holds_choices(key->keys, field))
            return true;
        const struct Choice *choice = field;
        if (key->type == KEY_CHOICE && choice->kind && takes_keys(choice->kind) &&
            holds_choices(choice->kind->keys, choice->options))
            return true;
    }
    return false;
}

static void emit_block(struct Text *text, const struct Key *keys, const void *options, int indent);

/* Writes "conv: {out: 16}" and a newline; the column of the name is `indent`. */
static void emit_choice_block(struct Text *text, const struct Choice *choice, int indent) {
    const struct Kind *kind = choice->kind;
    if (!takes_keys(kind)) {
        text_add(text, "%s\n", kind->name);
        return;
    }
    if (!holds_choices(kind->keys, choice->options)) {
        struct Text line = {0};
        emit_flow(&line, kind->keys, choice->options);
        bool fits = (size_t)indent + strlen(kind->name) + 2 + line.length <= COLUMNS;
        if (fits)
            text_add(text, "%s: %s\n", kind->name, line.data);
        text_release(&line);
        if (fits)
            return;
    }
    text_add(text, "%s:\n", kind->name);
    emit_block(text, kind->keys, choice->options, indent + 2);
}

/* Writes a list of kinds; the column of the dashes is `indent`. */
static void emit_choices_block(struct Text *text, const struct ChoiceList *list, int indent) {
    for (int i = 0; i < list->count; i++) {
        text_add(text, "%*s- ", indent, "");
        emit_choice_block(text, &list->items[i], indent + 2);
    }
}

/* Writes named items; the column of the names is `indent`. */
static void emit_named_block(struct Text *text, const struct Key *key, const struct Named *named,
                             int indent) {
    for (int i = 0; i < named->count; i++) {
        struct Text line = {0};
        text_add(text, "%*s", indent, "");
        emit_string(text, named->items[i].name);
        emit_flow(&line, key->keys, named->items[i].options);
        if ((size_t)indent + strlen(named->items[i].name) + 4 + line.length <= COLUMNS) {
            text_add(text, ": %s\n", line.data);
        } else {
            text_add(text, ":\n");
            emit_block(text, key->keys, named->items[i].options, indent + 2);
        }
        text_release(&line);
    }
}

static void emit_block_value(struct Text *text, const struct Key *key, const void *field,
                             int indent) {
    const struct Choice *choice = field;
    const struct ChoiceList *list = field;
    const struct ChoiceLists *lists = field;
    if (key->type == KEY_NAMED && ((const struct Named *)field)->count > 0) {
        text_add(text, "\n");
        emit_named_block(text, key, field, indent + 2);
    } else if (key->type == KEY_SECTION && key->keys->name) {
        text_add(text, "\n");
        emit_block(text, key->keys, field, indent + 2);
    } else if (key->type == KEY_CHOICE && choice->kind && takes_keys(choice->kind)) {
        text_add(text, "\n%*s", indent + 2, "");
        emit_choice_block(text, choice, indent + 2);
    } else if (key->type == KEY_CHOICES && list->count > 0) {
        text_add(text, "\n");
        emit_choices_block(text, list, indent + 2);
    } else if (key->type == KEY_CHOICE_LISTS && lists->count > 0) {
        text_add(text, "\n");
        for (int i = 0; i < lists->count; i++) {
            text_add(text, "%*s-%s\n", indent + 2, "", lists->items[i].count ? "" : " []");
            emit_choices_block(text, &lists->items[i], indent + 4);
        }
    } else {
        text_add(text, " ");
        emit__value(text, key, field);
        text_add(text, "\n");
    }
}

static void emit_block(struct Text *text, const struct Key *keys, const void *options, int indent) {
    for (const struct Key *key = keys; key->name; key++) {
        const void *field = (const char *)options + key->offset;
        if (is_left_out(key, field))
            continue;
        text_add(text, "%*s%s:", indent, "", key->name);
        emit_block_value(text, key, field, indent);
    }
}

char *runfile_emit(const struct Key *keys, const void *options) {
    struct Text text = {0};
    text_add(&text, "%s", "");
    emit_block(&text, keys, options, 0);
    return text.data;
}
