#include "cli/wrapped.h"

#include <stdarg.h>
#include <string.h>

#include "base/memory.h"

void wrapped_print(FILE *out, const char *text, size_t length, int indent, int column) {
    fprintf(out, "%*s", indent > column ? indent - column : 0, "");
    column = indent > column ? indent : column;
    for (size_t at = 0; at < length;) {
        size_t word = strcspn(text + at, " \n");
        if (word > length - at)
            word = length - at;
        if (at && column + 1 + (int)word > WRAPPED_COLUMNS) {
            fprintf(out, "\n%*s", indent, "");
            column = indent;
        } else if (at) {
            fputc(' ', out);
            column++;
        }
        fwrite(text + at, 1, word, out);
        column += (int)word;
        at += word;
        while (at < length && text[at] == ' ')
            at++;
    }
    fputc('\n', out);
}

void wrapped_line(const char *head, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    int length = vsnprintf(NULL, 0, format, arguments);
    va_end(arguments);
    char *text = memory_array(char, length + 1, "a line");
    va_start(arguments, format);
    vsnprintf(text, (size_t)length + 1, format, arguments);
    va_end(arguments);
    int indent = (int)strlen(head);
    fputs(head, stdout);
    wrapped_print(stdout, text, (size_t)length, indent, indent);
    memory_release(text);
}
