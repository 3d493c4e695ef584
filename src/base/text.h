/* Text for messages: growing strings, formatted numbers, and the name nearest to a mistyped one. */
#ifndef TRAINER_BASE_TEXT_H
#define TRAINER_BASE_TEXT_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct Text {   /* initialise with {0}; release with text_release */
    char *data; /* NUL-terminated; NULL until something is added */
    size_t length, capacity;
};

void text_add(struct Text *text, const char *format, ...) __attribute__((format(printf, 2, 3)));
void text_add_list(struct Text *text, const char *format, va_list arguments)
    __attribute__((format(printf, 2, 0)));
void text_release(struct Text *text);

/* Adds a shape: "(16,3,3,3)". */
void text_add_shape(struct Text *text, const int64_t *size, int rank);

bool text_ends_with(const char *text, const char *end);
/* Compares two elements of an array of texts byte by byte, for qsort and bsearch. */
int text_compare(const void *one, const void *other);

/* The same, but runs of digits count as numbers: "2.weight" comes before "10.weight". */
int text_compare_natural(const void *one, const void *other);

/* The index of `word` in `names`; −1 if it is not there. There are `count` names; if `count` is −1,
 * NULL ends them. */
int text_index(const char *word, const char *const *names, int count);

/* The name, of `count`, that is nearest to `word` by edit distance (optimal string alignment, which
 * ignores case here), or else one that has `word` in it or is a part of `word`, as "batch" is of
 * "batch_size"; NULL if `word` is not likely to mean any. */
const char *text_nearest(const char *word, const char *const *names, int count);

/* Reads the UTF-8 character at `text`, of which `left` bytes may be read. Returns its length in
 * bytes, or 0 if it is not valid; *point gets the code point. */
size_t text_character(const char *text, size_t left, uint32_t *point);

/* Replaces each control character (C0, DEL, C1), Unicode line separator and mark of writing
 * direction by "?", so that text from a file or a command line can neither control a terminal, nor
 * break a line, nor reverse its order. Works in place, never lengthens the text, and returns it. */
char *text_hide_controls(char *text);

/* A copy that is valid UTF-8, as JSON requires; the caller releases it. A byte that belongs to no
 * character becomes the four characters "\xE9", so that different texts stay different. So does
 * DEL, the only control character that JSON does not escape. */
char *text_as_utf8(const char *text);

/* Write bytes as "12.3 MiB", and a count as "1.23 G" (decimal), to `buffer`, and return it. */
char *text_bytes(double bytes, char buffer[32]);
char *text_count(double count, char buffer[32]);

/* Writes a number in units of its own with four digits, or with all of those before the point up to
 * a hundred million, "0.1235", "184395", "1.844e+09", to `buffer`, and returns it. */
char *text_value(double value, char buffer[32]);

/* Writes a loss or R² as "0.1234", or as "3.09611e+28" from a million on, to `buffer`, and returns
 * it. */
char *text_figure(double figure, char buffer[32]);

#endif
