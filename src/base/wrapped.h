/* Sentences on a terminal. */
#ifndef TRAINER_BASE_WRAPPED_H
#define TRAINER_BASE_WRAPPED_H

#include <stdio.h>

#define WRAPPED_COLUMNS 80

/* Prints the first `length` bytes of `text`, broken at its blanks so that no line is longer than
 * WRAPPED_COLUMNS, and the end of the line. Its lines are indented by `indent`; the first begins at
 * `column`, where the cursor is. */
void wrapped_print(FILE *out, const char *text, size_t length, int indent, int column);

/* Prints `head`, which is the indentation of all lines, and then the sentence. */
void wrapped_line(FILE *out, const char *head, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* Prints a message: wrapped if people read `out` on a terminal, and else as one line, for logs and
 * scripts. */
void wrapped_message(FILE *out, const char *text);

#endif
