/* Measures over the rows of the training split what replaces missing values. Not collective. */
#ifndef TRAINER_SOURCES_TABLE_FILL_H
#define TRAINER_SOURCES_TABLE_FILL_H

#include "sources/table_reader.h"

struct ColumnFill;
struct Fill {
    bool is_needed; /* a column has a rule that needs it */
    struct ColumnFill *columns;
};

struct Fill fill__start(const struct TableEncoding *encoding);
/* Adds a row. Returns false if a field does not fit the encoding. */
bool fill__add(struct Fill *fill, const struct TableReader *reader, const struct Record *record);
/* Sets `fill` of each column that was measured, and releases what was measured. */
void fill__finish(struct Fill *fill, struct TableEncoding *encoding);

#endif
