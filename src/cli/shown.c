#include "cli/shown.h"

#include <string.h>

#include "base/memory.h"

#define AT_ONCE 16

const char *shown(const char *text) {
    static char *copies[AT_ONCE];
    static int next;
    if (!text)
        return NULL;
    char **copy = &copies[next++ % AT_ONCE];
    memory_release(*copy);
    *copy = text_hide_controls(memory_copy_text(text));
    return *copy;
}

void shown_add_word(struct Text *text, const char *word) {
    static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
                                "_-./=:,@%+";
    if (*word && !word[strspn(word, plain)]) {
        text_add(text, "%s", word);
        return;
    }
    text_add(text, "'");
    for (const char *at = word; *at; at++)
        text_add(text, *at == '\'' ? "'\\''" : "%c", *at);
    text_add(text, "'");
}

json_t *shown_json(const char *text) {
    if (!text)
        return json_null();
    char *copy = text_as_utf8(text);
    json_t *string = json_string(copy);
    memory_release(copy);
    return string;
}

void shown_json_member(json_t *object, const char *name, json_t *value) {
    char *copy = text_as_utf8(name);
    json_object_set_new(object, copy, value);
    memory_release(copy);
}
