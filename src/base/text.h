/* Text for messages: a growing string, numbers in words, the nearest name to a mistyped one. */
#ifndef TRAINER_BASE_TEXT_H
#define TRAINER_BASE_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct Text {   /* start with {0}; release with text_release */
    char *data; /* NULL until something is added; NUL-terminated */
    size_t length, capacity;
};

void text_add(struct Text *text, const char *format, ...) __attribute__((format(printf, 2, 3)));
void text_release(struct Text *text);

/* Adds a shape: "(16,3,3,3)". */
void text_add_shape(struct Text *text, const int64_t *size, int rank);

bool text_ends_with(const char *text, const char *end);
/* For qsort and bsearch of an array of texts, byte by byte. */
int text_compare(const void *one, const void *other);

/* The place of `word` in `names`, which are `count`, or end with NULL if that is −1; −1: it is not
 * among them. */
int text_index(const char *word, const char *const *names, int count);

/* The entry of `names` (`count` of them) nearest to `word` by edit distance (Damerau, ignoring
 * case); NULL if none is near enough to be a likely typo. */
const char *text_nearest(const char *word, const char *const *names, int count);

/* Reads the UTF-8 character at `text`, which has `left` bytes left. Returns its bytes, 0 if it is
 * not valid; the code point in *point. */
size_t text_character(const char *text, size_t left, uint32_t *point);

/* Puts "?" in place of each control character (C0, DEL, C1) and of Unicode's line separators and
 * marks of writing direction, so that text from a file or a command line can neither steer a
 * terminal, nor break a line, nor show it in another order. Returns `text`, which never grows. */
char *text_hide_controls(char *text);

/* A copy that is valid UTF-8, as JSON needs it: a byte that belongs to no character stands as
 * "\xE9", so that different texts stay different; so does DEL, the one control character that JSON
 * does not escape. The caller releases it. */
char *text_as_utf8(const char *text);

/* Bytes as "12.3 MiB", a count as "1.23 G" (decimal); into `buffer`, which is returned. */
char *text_bytes(double bytes, char buffer[32]);
char *text_count(double count, char buffer[32]);

/* A loss or R² as "0.1234", from a million on as "3.09611e+28"; into `buffer`,
 * which is returned. */
char *text_figure(double figure, char buffer[32]);

#endif
