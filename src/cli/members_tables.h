/* Tables that members predict. Rank 0 reads them by the encoding of the first member. */
#ifndef TRAINER_CLI_MEMBERS_TABLES_H
#define TRAINER_CLI_MEMBERS_TABLES_H

#include <stdint.h>

#include "base/error.h"
#include "comm/ranks.h"
#include "sources/table_encoding.h"

/* The rows of all tables, one after the other. */
struct MembersRows { /* initialise with {0} */
    int64_t count, features, outputs;
    float *values;    /* (count, features) */
    int64_t *numbers; /* (count): the number of the row in its table, from 0 */
    int32_t *tables;  /* (count): the number of its source */
    int32_t *labels;  /* (count), or NULL if a class is not known */
    float *targets;   /* (count, outputs), or NULL if a value is not known */
};

/* Adds a table, which is source `number`. Prints notes about it, in which it is called `name`, on
 * stderr. Fails as table_encode. Not collective. */
int members_rows_add(struct MembersRows *rows, const char *path, const char *name, int number,
                     const struct TableEncoding *encoding, struct Error *error);
/* Gives every rank the rows of rank 0. Collective. */
void members_rows_share(struct MembersRows *rows, struct Ranks *ranks);
void members_rows_release(struct MembersRows *rows);

#endif
