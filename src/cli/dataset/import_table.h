/* The flags of `dataset import --format table`. */
#ifndef TRAINER_CLI_DATASET_IMPORT_TABLE_H
#define TRAINER_CLI_DATASET_IMPORT_TABLE_H

#include "base/text.h"
#include "cli/command.h"
#include "data/import.h"

/* The options, and the arrays to which they point. */
struct ImportTable {
    struct TableOptions options;
    const char **ignored, **categories, **missing, **present, **rule_words;
    struct TableRule *rules;
    char **rule_columns; /* (options.rule_count); NULL for all columns */
};

/* Reads the flags. ERROR_USAGE if a value is invalid. Release with import_table_release, also after
 * a failure. */
int import_table_read(struct ImportTable *table, const struct Arguments *arguments,
                      struct Error *error);
void import_table_release(struct ImportTable *table);
/* Adds the flags that give the same options. */
void import_table_describe(const struct TableOptions *options, struct Text *text);

#define IMPORT_TABLE_FLAGS                                                                         \
    {.name = "weight",                                                                             \
     .argument = "COLUMN",                                                                         \
     .help = "table: the column of the rows' weights in training, each 0 or more"},                \
        {.name = "ignore",                                                                         \
         .argument = "COLUMN",                                                                     \
         .repeated = true,                                                                         \
         .help = "table: a column to leave out; repeat the flag for several"},                     \
        {.name = "categories",                                                                     \
         .argument = "COLUMN",                                                                     \
         .repeated = true,                                                                         \
         .help = "table: a column whose numbers or texts are categories (texts are by default)"},  \
        {.name = "separator",                                                                      \
         .argument = "CHARACTER",                                                                  \
         .help =                                                                                   \
             "table: the separator of columns: a character, or comma, semicolon, tab, bar, "       \
             "space, or whitespace for runs of blanks and tabs (default: comma; tab for .tsv; "    \
             "semicolon with --decimal ,)"},                                                       \
        {.name = "decimal", .argument = "CHARACTER", .help = "table: . or , (default: .)"},        \
        {.name = "thousands",                                                                      \
         .argument = "CHARACTER",                                                                  \
         .help = "table: the separator of thousands, as in 1,000 (default: none)"},                \
        {.name = "comment",                                                                        \
         .argument = "CHARACTER",                                                                  \
         .help = "table: lines that begin with it are ignored (default: none)"},                   \
        {.name = "no-header",                                                                      \
         .help = "table: there is no line of names; columns are named by number, from 0"},         \
        {.name = "missing",                                                                        \
         .argument = "TEXT",                                                                       \
         .repeated = true,                                                                         \
         .help = "table: a text that means a missing value, in addition to empty fields, NA, "     \
                 "NaN, null, ..."},                                                                \
        {.name = "present",                                                                        \
         .argument = "TEXT",                                                                       \
         .repeated = true,                                                                         \
         .help =                                                                                   \
             "table: a word such as NA that pandas reads as missing but that is a value here"},    \
    {                                                                                              \
        .name = "missing-rule", .argument = "[COLUMN=]RULE", .repeated = true,                     \
        .help = "table: what to do with rows without a value in the column, or in any: refuse, "   \
                "drop, mean, median or indicator (default: refuse)"                                \
    }

#endif
