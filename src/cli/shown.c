#include "cli/shown.h"

#include "base/memory.h"
#include "base/text.h"

#define AT_ONCE 16

static const char *keep(char *text) {
    static char *copies[AT_ONCE];
    static int next;
    char **copy = &copies[next++ % AT_ONCE];
    memory_release(*copy);
    *copy = text;
    return text;
}

const char *shown(const char *text) {
    return text ? keep(text_hide_controls(memory_copy_text(text))) : NULL;
}

const char *shown_json(const char *text) {
    return text ? keep(text_as_utf8(text)) : NULL;
}
