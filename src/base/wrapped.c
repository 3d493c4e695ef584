#include "base/wrapped.h"

#include <stdarg.h>
#include <string.h>
#include <unistd.h>

#include "base/memory.h"
#include "base/terminal.h"
#include "base/text.h"

/* The columns that a word takes: its characters, in UTF-8. */
static int columns_of(const char *word, size_t length) {
    int columns = 0;
    for (size_t i = 0; i < length; i++)
        columns += ((unsigned char)word[i] & 0xC0) != 0x80;
    return columns;
}

/* Adds lines, of which all but the first, which begins at `column`, are indented. */
static void add_lines(struct Text *lines, const char *text, size_t length, int indent, int column) {
    for (size_t at = 0; at < length;) {
        size_t word = strcspn(text + at, " \n");
        if (word > length - at)
            word = length - at;
        int columns = columns_of(text + at, word);
        if (at && column + 1 + columns > WRAPPED_COLUMNS) {
            text_add(lines, "\n%*s", indent, "");
            column = indent;
        } else if (at) {
            text_add(lines, " ");
            column++;
        }
        text_add(lines, "%.*s", (int)word, text + at);
        column += columns;
        at += word;
        while (at < length && text[at] == ' ')
            at++;
    }
    text_add(lines, "\n");
}

/* Writes once, so that the lines of another thread stand before or after it. */
static void print_lines(FILE *out, struct Text *lines) {
    fputs(lines->data, out);
    text_release(lines);
}

void wrapped_print(FILE *out, const char *text, size_t length, int indent, int column) {
    struct Text lines = {0};
    text_add(&lines, "%*s", indent > column ? indent - column : 0, "");
    add_lines(&lines, text, length, indent, indent > column ? indent : column);
    print_lines(out, &lines);
}

void wrapped_line(FILE *out, const char *head, const char *format, ...) {
    struct Text text = {0};
    va_list arguments;
    va_start(arguments, format);
    text_add_list(&text, format, arguments);
    va_end(arguments);
    int indent = (int)strlen(head);
    fputs(head, out);
    wrapped_print(out, text.data, text.length, indent, indent);
    text_release(&text);
}

#define INDENT 2 /* of the lines after the first */

void wrapped_message(FILE *out, const char *text) {
    int terminal = terminal_open(out);
    struct Text lines = {0};
    if (terminal < 0)
        text_add(&lines, "%s\n", text);
    else
        add_lines(&lines, text, strlen(text), INDENT, 0);
    print_lines(out, &lines);
    fflush(out);
    if (terminal >= 0)
        close(terminal);
}
