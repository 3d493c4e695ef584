/* Recognises common kinds of files, for messages about a file that is not of the expected kind. */
#ifndef TRAINER_BASE_FILE_KIND_H
#define TRAINER_BASE_FILE_KIND_H

#include <stddef.h>

#define FILE_KIND_HEAD 128

/* What a file that begins with these bytes is, and what can be done with it: "is packed by gzip;
 * gunzip unpacks it". NULL if the kind is not known. FILE_KIND_HEAD bytes suffice. */
const char *file_kind(const void *head, size_t bytes);
/* The same for the file at `path`. NULL also if it cannot be read. */
const char *file_kind_at(const char *path);

/* For a file of text that begins with these bytes: "is UTF-16, which iconv ... converts", or NULL.
 */
const char *file_utf16(const void *head, size_t bytes);

#endif
