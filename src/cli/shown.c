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
