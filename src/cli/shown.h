/* Text from files, as a terminal may get it. */
#ifndef TRAINER_CLI_SHOWN_H
#define TRAINER_CLI_SHOWN_H

/* `text`, with "?" in place of each control character. For names, digests, and whatever else a file
 * says, in results for people; JSON escapes them itself. Owned by the program, and valid until the
 * sixteenth call from now. NULL gives NULL. */
const char *shown(const char *text);
/* `text` as JSON can hold it (text_as_utf8). For names and paths; owned and valid as above. */
const char *shown_json(const char *text);

#endif
