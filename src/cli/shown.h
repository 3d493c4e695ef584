/* Text from files in a form that is safe for a terminal or for JSON. */
#ifndef TRAINER_CLI_SHOWN_H
#define TRAINER_CLI_SHOWN_H

#include <jansson.h>

#include "base/text.h"

/* `text` with "?" in place of each control character, for printing names, digests and other text
 * from a file. The result is static, and valid until the sixteenth call after this one. NULL gives
 * NULL. */
const char *shown(const char *text);

/* Adds `word` as a word of a command that can be pasted into a shell: between quotes, if it has
 * characters that mean something there. */
void shown_add_word(struct Text *text, const char *word);

/* A new JSON string of text_as_utf8(text), for names and paths. NULL gives JSON's null. */
json_t *shown_json(const char *text);
/* Adds a member with such a name to an object, and takes ownership of `value`. */
void shown_json_member(json_t *object, const char *name, json_t *value);

#endif
