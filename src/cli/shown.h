/* Text from files, as a terminal or JSON may get it. */
#ifndef TRAINER_CLI_SHOWN_H
#define TRAINER_CLI_SHOWN_H

#include <jansson.h>

/* `text`, with "?" in place of each control character. For names, digests, and whatever else a file
 * says, in results for people. Owned by the program, and valid until the sixteenth call from now.
 * NULL gives NULL. */
const char *shown(const char *text);

/* A new JSON string: `text` as JSON can hold it (text_as_utf8). For names and paths. NULL gives
 * JSON's null. */
json_t *shown_json(const char *text);
/* Adds a member with such a name to an object, and takes over `value`. */
void shown_json_member(json_t *object, const char *name, json_t *value);

#endif
