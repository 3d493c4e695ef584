/* What a file of another kind than expected is, for messages. */
#ifndef TRAINER_BASE_FILE_KIND_H
#define TRAINER_BASE_FILE_KIND_H

#include <stddef.h>

#define FILE_KIND_HEAD 128

/* What a file that begins with these bytes is, and what helps: "is packed by gzip; gunzip unpacks
 * it". NULL if it is of no known kind. FILE_KIND_HEAD bytes suffice. */
const char *file_kind(const void *head, size_t bytes);
/* The same of the file at a path. */
const char *file_kind_at(const char *path);

#endif
