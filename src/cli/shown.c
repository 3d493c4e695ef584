#include "cli/shown.h"

#include "base/memory.h"
#include "base/text.h"

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
