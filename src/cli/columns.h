/* How the columns of a table are encoded (sources/table_encoding.h), in words and in JSON. */
#ifndef TRAINER_CLI_COLUMNS_H
#define TRAINER_CLI_COLUMNS_H

#include <jansson.h>
#include <stdio.h>

#include "sources/table_encoding.h"

/* Prints a line for each column; nothing if the encoding has no columns. */
void columns_print(FILE *out, const struct TableEncoding *encoding);
/* A list with an object for each column: name, role, missing, and categories and fill if it has
 * them. The caller owns it. */
json_t *columns_to_json(const struct TableEncoding *encoding);

#endif
