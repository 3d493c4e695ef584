/* The encoding of a table in data set files and checkpoints: the group /encoding.
 *
 *     names (columns), roles (columns), missing_rules (columns)   texts, as table_encoding.h names
 *     targets (columns)                     which of the targets a column is
 *     fill (columns)                        what takes the place of a missing value
 *     categories/NUMBER                     texts: those of column NUMBER, as far as it has any
 *     features (features)                   texts: what each feature is, for people
 *     missing                               texts that stand for no value
 *     attributes separator (" \t": runs of blanks and tabs), decimal, thousands, comment ("":
 * none), and has_head; numeric (columns): 1 if categories are compared as numbers
 *
 * Not collective. */
#ifndef TRAINER_DATA_DATASET_SAVED_ENCODING_H
#define TRAINER_DATA_DATASET_SAVED_ENCODING_H

#include "base/targets.h"
#include "sources/table_encoding.h"
#include "sources/table_rows.h"
#include "store/saved.h"

/* A struct TableEncoding; nothing if it has no columns. Loading fails if the parts are not
 * consistent. */
extern const struct SavedGroup encoding_saved;

/* Returns whether /encoding/NAME is an array that an encoding has. */
bool encoding_has(const struct TableEncoding *encoding, const char *name);

/* Returns whether an encoding makes this number of inputs, and labels or targets of this kind and
 * number. */
bool encoding_fits(const struct TableEncoding *encoding, int64_t inputs,
                   const struct Targets *targets);

#endif
