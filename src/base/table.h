/* Tables of text with columns as wide as their content. */
#ifndef TRAINER_BASE_TABLE_H
#define TRAINER_BASE_TABLE_H

#include <stdio.h>

#include "base/text.h"

/* Pads the cells of `rows`, in place. A tab separates the cells of a row, "\n" ends a row; a row
 * without a tab stays as it is. `columns` has a letter for each column, l (left) or r (right), and
 * between two letters the blanks that separate them: "l  l  r r". A row has at most as many cells.
 * A column is as wide as its longest cell, in characters of UTF-8. No row ends in blanks. */
void table_align(struct Text *rows, const char *columns);
/* Prints the aligned rows and releases them. */
void table_print(FILE *out, struct Text *rows, const char *columns);

#endif
