/* What became of the columns of a table (sources/table_encoding.h), for people and for scripts. */
#ifndef TRAINER_CLI_COLUMNS_H
#define TRAINER_CLI_COLUMNS_H

#include <jansson.h>
#include <stdio.h>

#include "sources/table_encoding.h"

/* A line for each column; nothing if there is no table. */
void columns_print(FILE *out, const struct TableEncoding *encoding);
/* A list with an object for each column: name, role, missing, categories and fill if it has any. */
json_t *columns_to_json(const struct TableEncoding *encoding);

#endif
