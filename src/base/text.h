/* Words for messages: a growing string, and the nearest valid name for a mistyped one. */
#ifndef TRAINER_BASE_TEXT_H
#define TRAINER_BASE_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct Text {   /* start with {0}; release with text_release */
    char *data; /* always NUL-terminated once something was added */
    size_t length, capacity;
};

void text_add(struct Text *text, const char *format, ...) __attribute__((format(printf, 2, 3)));
void text_release(struct Text *text);

/* "(16,3,3,3)". */
void text_add_shape(struct Text *text, const int64_t *size, int rank);

bool text_ends_with(const char *text, const char *end);

/* The entry of `names` (`count` of them) nearest to `word` by edit distance (Damerau, case
 * ignored), or NULL where none is near enough to be a likely typo. */
const char *text_nearest(const char *word, const char *const *names, int count);

/* The UTF-8 character at `text`, of which `left` bytes are left: its bytes, 0 where it is none; the
 * code point in *code. */
size_t text_character(const char *text, size_t left, uint32_t *code);

/* "12.3 MiB" and "1.23 G" (decimal), into `buffer`, which is returned. */
char *text_bytes(double bytes, char buffer[32]);
char *text_count(double count, char buffer[32]);

/* A loss or R²: "0.1234", from a million on "3.09611e+28". */
char *text_figure(double figure, char buffer[32]);

#endif
