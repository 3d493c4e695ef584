/* Format table: a file of separated values for each split. The user names the column of classes or
 * those of targets; all others are features. A row becomes an image of 1x1xfeatures. Every file is
 * read twice, first to determine its columns and rows and then for the samples, so that memory
 * holds a few numbers for each row and not the whole table. */
#include <inttypes.h>
#include <math.h>
#include <string.h>
#include <sys/stat.h>

#include "base/log.h"
#include "base/memory.h"
#include "base/text.h"
#include "base/weights.h"
#include "sources/source.h"
#include "sources/table_fill.h"
#include "sources/table_reader.h"
#include "sources/table_survey.h"

/* The rows of one file that were not left out. */
struct Table {
    const char *split;
    char *path;
    int64_t count, room, dropped, first; /* first: the item of the first row */
    int64_t *offsets;                    /* (count): where each row begins in the file */
    int32_t *labels;                     /* (count): numbers in the set of classes; or NULL */
    float *targets;                      /* (count, targets); or NULL */
    struct TableReader reader;           /* open while samples are read */
};

struct TableState {
    int count;
    struct Table *tables;
    struct NameSet classes; /* texts of the label columns of all tables */
};

/* ---- The encoding, as far as it is given ---- */

/* The texts that pandas.read_csv reads as missing. */
static const char *const pandas_missing[] = {
    "#N/A", "#N/A N/A", "#NA", "-1.#IND", "-1.#QNAN", "-NaN", "-nan", "1.#IND", "1.#QNAN",
    "<NA>", "N/A",      "NA",  "NULL",    "NaN",      "None", "n/a",  "nan",    "null"};

static bool is_listed(const char *text, const char *const *list, int64_t count) {
    bool found = false;
    for (int64_t i = 0; i < count && !found; i++)
        found = !strcmp(list[i], text);
    return found;
}

static void list_missing(struct TableEncoding *encoding, const struct TableOptions *options) {
    struct NameSet set = {.most = INT32_MAX};
    for (size_t i = 0; i < sizeof pandas_missing / sizeof *pandas_missing; i++)
        if (!is_listed(pandas_missing[i], options->present, options->present_count))
            name_set__add(&set, pandas_missing[i]);
    for (int64_t i = 0; i < options->missing_count; i++)
        if (*options->missing[i])
            name_set__add(&set, options->missing[i]);
    encoding->missing = name_set__sort(&set, false, NULL, &encoding->missing_count, NULL);
    name_set__release(&set);
}

static char separator_of(const struct TableOptions *options, const char *path) {
    if (options->separator != SEPARATOR_AUTO)
        return (char)options->separator;
    if (text_ends_with(path, ".tsv") || text_ends_with(path, ".tab"))
        return '\t';
    return options->decimal == ',' ? ';' : ',';
}

static int start_encoding(struct TableEncoding *encoding, const struct SourceOptions *options,
                          const char *path, struct Error *error) {
    static const struct TableOptions plain = {.separator = SEPARATOR_AUTO, .decimal = '.'};
    const struct TableOptions *table = options->table ? options->table : &plain;
    *encoding = (struct TableEncoding){.separator = separator_of(table, path),
                                       .decimal = table->decimal,
                                       .thousands = table->thousands,
                                       .comment = table->comment,
                                       .has_head = !table->no_head};
    list_missing(encoding, table);
    if (encoding->decimal == encoding->separator)
        return fail_option(error, "decimal", NULL, "is the separator, too; expected another one");
    if (encoding->thousands && encoding->thousands == encoding->decimal)
        return fail_option(error, "thousands", NULL, "is the decimal, too; expected another one");
    return OK;
}

/* ---- Rows ---- */

static void *grow(void *old, int64_t count, int64_t room, size_t element) {
    return memory_resize(old, (size_t)count * element, (size_t)room * element, "rows of a table");
}

/* Makes room for one more row. */
static void make_room(struct Table *table, const struct Source *source, bool has_label) {
    if (table->count < table->room)
        return;
    int64_t room = 2 * table->room + 256, columns = targets_values(&source->targets);
    table->offsets = grow(table->offsets, table->room, room, sizeof *table->offsets);
    if (has_label)
        table->labels = grow(table->labels, table->room, room, sizeof *table->labels);
    if (columns)
        table->targets =
            grow(table->targets, table->room * columns, room * columns, sizeof *table->targets);
    table->room = room;
}

static float *targets_of(const struct Table *table, const struct Source *source) {
    return table->targets ? table->targets + table->count * source->targets.count : NULL;
}

/* Adds a row, for which there is room. `label` is NULL if there is no label column. */
static int keep(struct Source *source, struct Table *table, const struct Record *record,
                const char *label, struct Error *error) {
    struct TableState *state = source->state;
    if (label && table->labels) {
        int32_t class = name_set__add(&state->classes, label);
        if (class < 0)
            return fail(error, ERROR_DATA,
                        "%s:%" PRId64 ": the label column has more than %" PRId64
                        " different values, too many for classes",
                        table->path, record->line, state->classes.most);
        table->labels[table->count] = class;
    }
    table->offsets[table->count++] = record->offset;
    return OK;
}

static int survey_rows(struct Source *source, struct Table *table, struct Survey *survey,
                       struct Error *error) {
    bool has_label = table_encoding_count(&source->encoding, COLUMN_LABEL) > 0;
    struct Record record;
    int code;
    while (!(code = table_head__next(&survey->head, survey->records, &record, error)) &&
           record.count) {
        make_room(table, source, has_label);
        struct SurveyedRow row = {.targets = targets_of(table, source)};
        survey__row(survey, &record, &row);
        table->dropped += row.dropped;
        if (!row.dropped)
            code = keep(source, table, &record, row.label, error);
        if (code != OK)
            return code;
    }
    return code;
}

static void warn_of_heads(const struct TableHead *head) {
    if (head->repeated)
        log_warning("%s: left out %" PRId64 " rows that repeat the line of names", head->path,
                    head->repeated);
}

/* Refuses pipes and devices, because a table is read twice. */
static int check_regular(const char *path, struct Error *error) {
    struct stat status;
    if (stat(path, &status) || S_ISREG(status.st_mode) || S_ISDIR(status.st_mode))
        return OK; /* otherwise opening it reports why not */
    return fail(error, ERROR_DATA,
                "%s: is a pipe or a device, and a table is read twice; expected a file", path);
}

/* Determines the columns from the table of the training split. */
static int survey_table(struct Source *source, const struct SourceOptions *options,
                        struct Table *table, struct Error *error) {
    struct Records *records = NULL;
    struct Survey survey = {0};
    int code = check_regular(table->path, error);
    if (code == OK)
        code = start_encoding(&source->encoding, options, table->path, error);
    if (code == OK)
        code = table_head__open(&records, table->path, &source->encoding, error);
    if (code == OK)
        source->encoding.separator = records__separator(records);
    if (code == OK)
        code = survey__open(&survey, table->path, records, &source->encoding, options, error);
    if (code == OK)
        code = survey_rows(source, table, &survey, error);
    if (code == OK)
        code = survey__decide(&survey, error);
    if (code == OK)
        warn_of_heads(&survey.head);
    survey__release(&survey);
    records__close(records);
    return code;
}

/* Fails if a row of another table lacks its label or targets. */
static int check_truth(const struct Source *source, const struct Table *table,
                       const struct Record *record, const char *label, bool *dropped,
                       struct Error *error) {
    const struct TableEncoding *encoding = &source->encoding;
    const float *targets = targets_of(table, source);
    int64_t column = label && !*label ? table_reader__column(encoding, COLUMN_LABEL, 0) : -1;
    for (int64_t i = 0; i < encoding->column_count && column < 0; i++)
        if (encoding->columns[i].role == COLUMN_TARGET &&
            isnan(targets[encoding->columns[i].target]))
            column = i;
    *dropped = column >= 0 && encoding->columns[column].missing == MISSING_DROP;
    if (column < 0 || *dropped)
        return OK;
    fail(error, ERROR_DATA, "%s:%" PRId64 ": column '%s' has no value, expected a %s", table->path,
         record->line, encoding->columns[column].name,
         column_role_names[encoding->columns[column].role]);
    return error_advise(error, ADVICE_MISSING_TRUTH, encoding->columns[column].name, NULL, 0);
}

static int read_row(struct Source *source, struct Table *table, const struct Record *record,
                    float *features, struct Error *error) {
    struct TableReader *reader = &table->reader;
    const char *label = table_reader__label(reader, record);
    bool dropped = false, dropped_too = false;
    make_room(table, source, label != NULL);
    int code = table_reader__features(reader, record, features, &dropped, error);
    if (code == OK && !dropped && table->targets)
        code = table_reader__targets(reader, record, targets_of(table, source), error);
    if (code == OK && !dropped)
        code = check_truth(source, table, record, label, &dropped_too, error);
    table->dropped += dropped || dropped_too;
    return code || dropped || dropped_too ? code : keep(source, table, record, label, error);
}

static void log_note(void *context, char *note) {
    (void)context;
    log_warning("%s", note);
    memory_release(note);
}

static int read_table(struct Source *source, struct Table *table, struct Error *error) {
    float *features =
        memory_array(float, table_encoding_features(&source->encoding), "a row of a table");
    struct Record record;
    int code = table_reader__open(&table->reader, table->path, &source->encoding, true, error);
    while (code == OK && !(code = table_reader__next(&table->reader, &record, error)) &&
           record.count)
        code = read_row(source, table, &record, features, error);
    if (code == OK && !table->count)
        code =
            fail(error, ERROR_DATA, "%s: no row is left: a value is missing in each", table->path);
    if (code == OK) {
        table_reader__tell(&table->reader, log_note, NULL);
        warn_of_heads(&table->reader.head);
    }
    if (table->reader.path)
        table_reader__close(&table->reader);
    memory_release(features);
    return code;
}

/* ---- Opening ---- */

static const struct Table *first_table(const struct TableState *state) {
    for (int i = 0; i < state->count; i++)
        if (!strcmp(state->tables[i].split, "train"))
            return &state->tables[i];
    return &state->tables[0];
}

static int read_tables(struct Source *source, const struct SourceOptions *options,
                       struct Error *error) {
    struct TableState *state = source->state;
    struct Table *first = &state->tables[first_table(state) - state->tables];
    int code = survey_table(source, options, first, error);
    for (int i = 0; i < state->count && code == OK; i++) {
        if (&state->tables[i] != first)
            code = read_table(source, &state->tables[i], error);
        if (code == OK && state->tables[i].dropped)
            log_warning("%s: left out %" PRId64 " of %" PRId64 " rows, in which a value is missing",
                        state->tables[i].path, state->tables[i].dropped,
                        state->tables[i].dropped + state->tables[i].count);
    }
    return code;
}

/* Refuses a column of classes that has many different numbers with decimals: these are likely to be
 * values. */
static int check_classes(const struct Source *source, const struct TableColumn *column,
                         struct Error *error) {
    const struct TableState *state = source->state;
    const struct Table *first = first_table(state);
    bool has_decimals = false;
    for (int64_t i = 0; i < column->category_count; i++)
        has_decimals |= strchr(column->categories[i], source->encoding.decimal) != NULL;
    if (!column->numeric || !has_decimals || column->category_count <= 50 ||
        2 * column->category_count < first->count)
        return OK;
    fail(error, ERROR_DATA,
         "%s: column '%s' has %" PRId64 " different numbers with decimals in %" PRId64
         " rows; expected classes",
         first->path, column->name, column->category_count, first->count);
    return error_advise(error, ADVICE_TARGET, column->name, NULL, 0);
}

/* Called after all tables were read: numbers the classes in their order. */
static int number_classes(struct Source *source, struct Error *error) {
    struct TableState *state = source->state;
    int64_t at = table_reader__column(&source->encoding, COLUMN_LABEL, 0);
    if (at < 0)
        return OK;
    struct TableColumn *column = &source->encoding.columns[at];
    const struct Cells cells = cells__of(&source->encoding);
    int32_t *places = memory_array(int32_t, state->classes.count, "classes");
    int code =
        categories__fill(column, &state->classes, &cells, first_table(state)->path, places, error);
    for (int i = 0; i < state->count && code == OK; i++)
        for (int64_t row = 0; row < state->tables[i].count; row++)
            state->tables[i].labels[row] = places[state->tables[i].labels[row]];
    memory_release(places);
    if (code == OK)
        code = check_classes(source, column, error);
    if (code == OK)
        source_set_classes(source, (const char *const *)column->categories, column->category_count);
    return code;
}

static void add_splits(struct Source *source) {
    struct TableState *state = source->state;
    int64_t items = 0, columns = targets_values(&source->targets);
    for (int i = 0; i < state->count; i++) {
        struct Table *table = &state->tables[i];
        struct SourceSplit *split = source_add_split(source, table->split, table->count);
        table->first = items;
        for (int64_t row = 0; row < table->count; row++)
            split->items[row] = items++;
        if (columns)
            memcpy(split->targets, table->targets,
                   (size_t)(table->count * columns) * sizeof *split->targets);
        else
            memcpy(split->labels, table->labels, (size_t)table->count * sizeof *split->labels);
        memory_release(table->targets);
        memory_release(table->labels);
        table->targets = NULL;
        table->labels = NULL;
    }
}

static int check_options(const struct SourceOptions *options, struct Error *error) {
    if ((options->split_count > 0) == (options->path_count > 0) || options->path_count > 1)
        return fail(
            error, ERROR_USAGE,
            "format table: expected one FILE.csv, the split 'train', or NAME=FILE.csv for each "
            "split");
    if (options->target_count == 0 && !options->label)
        return fail_option(error, "label", NULL,
                           "expected the name of the column of classes, or of each target column");
    if (options->target_count && options->label)
        return fail_option(error, "label", options->label,
                           "there are targets, too; expected classes or values");
    if (options->classes && !options->label)
        return fail_option(error, "classes", NULL, "the targets of a table are values");
    return OK;
}

static int open_tables(struct Source *source, const struct SourceOptions *options,
                       const struct Ticker *ticker, struct Error *error) {
    (void)ticker;
    int code = check_options(options, error);
    if (code != OK)
        return code;
    struct TableState *state = memory_allocate(sizeof *state, "a table");
    source->state = state;
    source->height = source->width = 1;
    source->floats = true;
    source_set_targets(source, options->targets, options->target_count);
    state->count = options->path_count ? 1 : options->split_count;
    state->tables = memory_array(struct Table, state->count, "tables");
    state->classes.most = 1 << 16;
    for (int i = 0; i < state->count; i++) {
        bool named = options->split_count > 0;
        state->tables[i].split = named ? options->splits[i].name : "train";
        state->tables[i].path =
            memory_copy_text(named ? options->splits[i].path : options->paths[0]);
    }
    code = read_tables(source, options, error);
    if (code == OK)
        code = number_classes(source, error);
    if (code != OK)
        return code;
    source->channels = table_encoding_features(&source->encoding);
    add_splits(source);
    return OK;
}

/* ---- Samples ---- */

/* Opens the tables for reading samples, after the encoding is complete. */
static int open_readers(struct Source *source, struct Error *error) {
    struct TableState *state = source->state;
    int code = OK;
    for (int i = 0; i < state->count && code == OK; i++)
        if (!state->tables[i].reader.path)
            code = table_reader__open(&state->tables[i].reader, state->tables[i].path,
                                      &source->encoding, true, error);
    return code;
}

static int changed(const struct Table *table, struct Error *error) {
    return fail(error, ERROR_DATA, "%s: was changed while it was read", table->path);
}

/* Reads the record of an item, and sets *table to the table that holds it. */
static int find_record(const struct Source *source, int64_t item, struct Table **table,
                       struct Record *record, struct Error *error) {
    const struct TableState *state = source->state;
    int at = 0;
    while (item >= state->tables[at].first + state->tables[at].count)
        at++;
    *table = &state->tables[at];
    int64_t offset = (*table)->offsets[item - (*table)->first];
    records__seek((*table)->reader.records, offset, 1);
    int code = table_reader__next(&(*table)->reader, record, error);
    return code == OK && record->offset != offset ? changed(*table, error) : code;
}

static int read_samples(const struct Source *source, const int64_t *items, int64_t count,
                        void *samples, struct Error *error) {
    float *features = samples;
    struct Table *table;
    struct Record record;
    bool dropped = false;
    for (int64_t i = 0; i < count; i++, features += source->channels) {
        int code = find_record(source, items[i], &table, &record, error);
        if (code == OK)
            code = table_reader__features(&table->reader, &record, features, &dropped, error);
        if (code == ERROR_DATA || dropped)
            return changed(table, error);
        if (code != OK)
            return code;
    }
    return OK;
}

static int read_weights(const struct Source *source, const struct SourceSplit *split,
                        float *weights, bool *has_any, struct Error *error) {
    int64_t column = table_reader__column(&source->encoding, COLUMN_WEIGHT, 0);
    struct Table *table;
    struct Record record;
    int code = OK;
    for (int64_t i = 0; i < split->count && column >= 0 && code == OK; i++) {
        code = find_record(source, split->items[i], &table, &record, error);
        *has_any = code == OK && table->reader.places[column] >= 0;
        if (code == OK && !*has_any)
            return OK;
        if (code == OK)
            code = table_reader__weight(&table->reader, &record, column, &weights[i], error);
        if (code == OK && !(weights[i] >= 0 && weights[i] <= WEIGHT_MOST))
            code = fail(error, ERROR_DATA,
                        "%s: column '%s': row %" PRId64
                        " of split %s is %g, expected a weight from 0 to %g",
                        table->path, source->encoding.columns[column].name, i, split->name,
                        (double)weights[i], WEIGHT_MOST);
    }
    return code;
}

/* ---- What takes the place of missing values ---- */

static int measure_split(const struct Source *source, const struct SourceSplit *split,
                         struct Fill *fill, struct Error *error) {
    struct Table *table = NULL;
    struct Record record;
    int code = OK;
    for (int64_t i = 0; i < split->count && code == OK; i++) {
        code = find_record(source, split->items[i], &table, &record, error);
        if (code == ERROR_DATA || (code == OK && !fill__add(fill, &table->reader, &record)))
            code = changed(table, error);
    }
    return code;
}

static int settle_tables(struct Source *source, struct Error *error) {
    const struct SourceSplit *train = source_find_split(source, "train");
    struct Fill fill = fill__start(&source->encoding);
    int code = open_readers(source, error);
    if (code == OK && fill.is_needed)
        code = measure_split(source, train ? train : &source->splits[0], &fill, error);
    fill__finish(&fill, &source->encoding);
    return code;
}

static void release_tables(struct Source *source) {
    struct TableState *state = source->state;
    for (int i = 0; state && i < state->count; i++) {
        struct Table *table = &state->tables[i];
        if (table->reader.path)
            table_reader__close(&table->reader);
        memory_release(table->path);
        memory_release(table->offsets);
        memory_release(table->labels);
        memory_release(table->targets);
    }
    if (state) {
        memory_release(state->tables);
        name_set__release(&state->classes);
    }
    memory_release(state);
}

extern const struct SourceFormat source_table;
const struct SourceFormat source_table = {.name = "table",
                                          .takes = SOURCE_TAKES_SPLITS | SOURCE_TAKES_TARGETS |
                                                   SOURCE_TAKES_LABEL | SOURCE_TAKES_TABLE,
                                          .open = open_tables,
                                          .settle = settle_tables,
                                          .read = read_samples,
                                          .weights = read_weights,
                                          .release = release_tables};
