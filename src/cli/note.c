#include "cli/note.h"

#include <stdarg.h>

#include "base/memory.h"
#include "base/text.h"
#include "base/wrapped.h"

static bool quiet;
static struct Texts {
    int count;
    char **items;
} printed;

void note_open(const struct Arguments *arguments) {
    quiet = argument_given(arguments, "quiet");
}

void note(const char *format, ...) {
    struct Text line = {0};
    va_list arguments;
    if (quiet)
        return;
    va_start(arguments, format);
    text_add_list(&line, format, arguments);
    va_end(arguments);
    if (text_index(line.data, (const char *const *)printed.items, printed.count) < 0) {
        wrapped_message(stderr, line.data);
        printed.items = memory_room(printed.items, printed.count, "notes");
        printed.items[printed.count++] = memory_copy_text(line.data);
    }
    text_release(&line);
}
