#include "sources/table_survey.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "base/log.h"
#include "base/memory.h"
#include "sources/fields.h"

#define MOST_CATEGORIES 65536     /* most categories of a column that is known to hold them */
#define MOST_FOUND 1000           /* most categories of a column that was not named */
#define LONG_COUNT 10             /* consecutive numbers that are not likely to be a coincidence */
#define ALWAYS_FEW 20             /* up to this many categories need not repeat */
#define EXACT ((double)(1 << 24)) /* up to here floats hold all whole numbers */

/* ---- The roles that are given ---- */

/* Returns whether the head is likely to be a row, because a name in it is a number with a
 * decimal. */
static bool head_is_row(const struct Survey *survey) {
    bool found = false, is_whole = false;
    double value;
    for (int64_t i = 0; i < survey->head.count && survey->head.has_head && !found; i++)
        found =
            cells__number(&survey->cells, survey->head.names[i], &value, &is_whole) && !is_whole;
    return found;
}

static int find(const struct Survey *survey, const char *name, int64_t *column,
                struct Error *error) {
    const struct TableHead *head = &survey->head;
    const struct Place place = {survey->path, head->line};
    *column = column_names__find(&place, head->names, head->count, name, error);
    if (*column >= 0)
        return OK;
    return head_is_row(survey) ? error_advise(error, ADVICE_NO_HEAD, NULL, NULL, 0) : error->code;
}

/* Fails if a column of labels, targets or weights shares its name with others. */
static int check_own_name(const struct Survey *survey, int64_t column, struct Error *error) {
    const struct TableHead *head = &survey->head;
    if (!head->is_shared[column])
        return OK;
    return fail(error, ERROR_DATA,
                "%s:%" PRId64 ": several columns are called '%.*s'; expected a name of its own for "
                "a column of labels, targets or weights",
                survey->path, head->line, field__shown(head->names[column]), head->names[column]);
}

static int give_role(struct Survey *survey, const char *name, enum ColumnRole role,
                     struct Error *error) {
    int64_t column;
    int code = find(survey, name, &column, error);
    if (code != OK)
        return code;
    enum ColumnRole before = survey->encoding->columns[column].role;
    if (before != COLUMN_ROLES && before != role)
        return fail(error, ERROR_USAGE, "column '%s' cannot be of two kinds, %s and %s", name,
                    column_role_names[before], column_role_names[role]);
    if (role == COLUMN_LABEL || role == COLUMN_TARGET || role == COLUMN_WEIGHT)
        code = check_own_name(survey, column, error);
    survey->encoding->columns[column].role = role;
    survey->columns[column].is_known = true;
    survey->columns[column].names.most = MOST_CATEGORIES;
    return code;
}

static int give_target(struct Survey *survey, const char *name, int64_t target,
                       struct Error *error) {
    int64_t column;
    int code = give_role(survey, name, COLUMN_TARGET, error);
    if (code == OK)
        code = find(survey, name, &column, error);
    if (code == OK)
        survey->encoding->columns[column].target = target;
    return code;
}

static int give_roles(struct Survey *survey, const struct SourceOptions *options,
                      struct Error *error) {
    const struct TableOptions *table = options->table;
    int code = OK;
    if (options->label)
        code = give_role(survey, options->label, COLUMN_LABEL, error);
    for (int64_t i = 0; i < options->target_count && code == OK; i++)
        code = give_target(survey, options->targets[i], i, error);
    if (table && table->weight && code == OK)
        code = give_role(survey, table->weight, COLUMN_WEIGHT, error);
    for (int64_t i = 0; table && i < table->ignored_count && code == OK; i++)
        code = give_role(survey, table->ignored[i], COLUMN_IGNORED, error);
    for (int64_t i = 0; table && i < table->category_count && code == OK; i++)
        code = give_role(survey, table->categories[i], COLUMN_CATEGORIES, error);
    return code;
}

static bool is_truth(const struct TableColumn *column) {
    return column->role == COLUMN_LABEL || column->role == COLUMN_TARGET ||
           column->role == COLUMN_WEIGHT;
}

/* Applies a rule to all columns. Missing labels, targets and weights are never replaced by a
 * mean. */
static void give_rule_to_all(struct Survey *survey, enum MissingRule rule) {
    struct TableEncoding *encoding = survey->encoding;
    for (int64_t i = 0; i < encoding->column_count; i++)
        if (!is_truth(&encoding->columns[i]) || rule == MISSING_DROP)
            encoding->columns[i].missing = rule;
}

static int give_rule(struct Survey *survey, const struct TableRule *rule, struct Error *error) {
    int64_t at;
    int code = find(survey, rule->column, &at, error);
    if (code != OK)
        return code;
    struct TableColumn *column = &survey->encoding->columns[at];
    if (is_truth(column) && rule->rule > MISSING_DROP)
        return fail(error, ERROR_USAGE,
                    "column '%s' is a %s, which %s cannot replace; expected refuse or drop",
                    column->name, column_role_names[column->role], missing_rule_names[rule->rule]);
    column->missing = rule->rule;
    survey->columns[at].has_own_rule = true;
    return OK;
}

static int give_rules(struct Survey *survey, const struct TableOptions *table,
                      struct Error *error) {
    int code = OK;
    for (int64_t i = 0; table && i < table->rule_count; i++)
        if (!table->rules[i].column)
            give_rule_to_all(survey, table->rules[i].rule);
    for (int64_t i = 0; table && i < table->rule_count && code == OK; i++)
        if (table->rules[i].column)
            code = give_rule(survey, &table->rules[i], error);
    for (int64_t i = 0; i < survey->encoding->column_count; i++)
        survey->drops |= survey->encoding->columns[i].missing == MISSING_DROP;
    return code;
}

/* Leaves out columns without a name, because they cannot be found in another table. */
static void leave_out_nameless(struct Survey *survey) {
    if (survey->head.has_index)
        log_warning("%s: the rows begin with a field more than the head, an index; it is left out",
                    survey->path);
    for (int64_t i = 0; i < survey->head.count; i++) {
        struct TableColumn *column = &survey->encoding->columns[i];
        if (column->role != COLUMN_ROLES || !column_name__is_absent(column->name))
            continue;
        column->role = COLUMN_IGNORED;
        bool like_index = i == 0 || *column->name;
        log_warning("%s: column %" PRId64 " %s%s%s%s", survey->path, i + 1,
                    *column->name ? "is called '" : "has no name", column->name,
                    *column->name ? "'" : "",
                    like_index ? ", as an index of pandas; it is left out" : "; it is left out");
    }
}

static void warn_of_shared_names(const struct Survey *survey) {
    const struct TableHead *head = &survey->head;
    const char *numbered = head->numbered < 0 ? NULL : head->names[head->numbered];
    if (numbered)
        log_warning("%s:%" PRId64 ": several columns share a name; they become '%.*s' and so on",
                    survey->path, head->line, field__shown(numbered), numbered);
}

int survey__open(struct Survey *survey, const char *path, struct Records *records,
                 struct TableEncoding *encoding, const struct SourceOptions *options,
                 struct Error *error) {
    *survey = (struct Survey){.path = path, .encoding = encoding, .records = records};
    survey->cells = cells__of(encoding);
    int code = table_head__read(&survey->head, path, records, encoding, error);
    if (code != OK)
        return code;
    char **names = survey->head.names;
    encoding->column_count = survey->head.count;
    encoding->columns = memory_array(struct TableColumn, survey->head.count, "columns");
    survey->columns = memory_array(struct ColumnSurvey, survey->head.count, "columns");
    for (int64_t i = 0; i < survey->head.count; i++) {
        encoding->columns[i].name = memory_copy_text(names[i]);
        encoding->columns[i].role = COLUMN_ROLES;
        survey->columns[i].names.most = MOST_FOUND + 1;
        survey->columns[i].counts = true;
    }
    code = give_roles(survey, options, error);
    if (code == OK)
        code = give_rules(survey, options->table, error);
    if (code == OK) {
        warn_of_shared_names(survey);
        leave_out_nameless(survey);
    }
    return code;
}

void survey__release(struct Survey *survey) {
    for (int64_t i = 0; survey->columns && i < survey->head.count; i++) {
        struct ColumnSurvey *column = &survey->columns[i];
        struct Sight *sights[] = {&column->number, &column->text,  &column->absent,
                                  &column->large,  &column->rough, &column->code};
        for (size_t k = 0; k < sizeof sights / sizeof *sights; k++)
            memory_release(sights[k]->field);
        name_set__release(&column->names);
    }
    memory_release(survey->columns);
    table_head__release(&survey->head);
    *survey = (struct Survey){0};
}

/* ---- Rows ---- */

static void see(struct Sight *sight, const struct Record *record, const char *field) {
    if (!sight->line)
        *sight = (struct Sight){record->line, memory_copy_text(field)};
}

/* Returns whether a float rounds a whole number. */
static bool is_rounded(double value, bool is_whole) {
    double size = fabs(value);
    return is_whole && size > EXACT && ((double)(float)value != value || size > 0x1p53);
}

/* Returns whether a number is likely to be a code, such as a postal code: 03123. Months and hours
 * have two digits. */
static bool is_code(const char *field) {
    return field[0] == '0' && strspn(field, "0123456789") == strlen(field) && strlen(field) > 3;
}

static void see_number(struct ColumnSurvey *column, const struct Record *record, const char *field,
                       double value, bool is_whole) {
    column->counts &= is_whole && (!column->numbers || value - column->last == 1.0);
    column->last = value;
    column->numbers++;
    see(&column->number, record, field);
    if (!isfinite((float)value))
        see(&column->large, record, field);
    else if (is_rounded(value, is_whole)) {
        column->rounded++;
        see(&column->rough, record, field);
    }
    if (is_whole && is_code(field))
        see(&column->code, record, field);
}

static void see_text(struct ColumnSurvey *column, const struct Record *record, const char *field) {
    if (cells__is_boolean_word(field))
        column->booleans++;
    else
        column->texts++;
    see(&column->text, record, field);
    name_set__add(&column->names, field);
}

/* Returns whether the field holds a value. */
static bool see_field(struct Survey *survey, int64_t index, const struct Record *record,
                      const char *field, float *number) {
    struct ColumnSurvey *column = &survey->columns[index];
    enum ColumnRole role = survey->encoding->columns[index].role;
    double value = 0;
    bool is_whole;
    *number = 0;
    if (cells__is_missing(&survey->cells, field)) {
        column->missing++;
        see(&column->absent, record, field);
        return false;
    }
    if (role == COLUMN_CATEGORIES)
        name_set__add(&column->names, field);
    else if (role != COLUMN_LABEL && cells__number(&survey->cells, field, &value, &is_whole))
        see_number(column, record, field, value, is_whole);
    else if (role != COLUMN_LABEL)
        see_text(column, record, field);
    *number = (float)value;
    return true;
}

static bool is_dropped(const struct Survey *survey, const struct Record *record) {
    const struct TableEncoding *encoding = survey->encoding;
    for (int64_t i = 0; i < encoding->column_count; i++) {
        const struct TableColumn *column = &encoding->columns[i];
        if (column->role != COLUMN_IGNORED && column->missing == MISSING_DROP &&
            cells__is_missing(&survey->cells, record->fields[i]))
            return true;
    }
    return false;
}

void survey__row(struct Survey *survey, const struct Record *record, struct SurveyedRow *row) {
    const struct TableEncoding *encoding = survey->encoding;
    float number = 0;
    row->label = NULL;
    for (int64_t i = 0; i < encoding->column_count; i++)
        record->fields[i] = field__trim(record->fields[i]);
    row->dropped = survey->drops && is_dropped(survey, record);
    if (row->dropped)
        return;
    survey->rows++;
    for (int64_t i = 0; i < encoding->column_count; i++) {
        enum ColumnRole role = encoding->columns[i].role;
        if (role == COLUMN_IGNORED)
            continue;
        bool there = see_field(survey, i, record, record->fields[i], &number);
        if (role == COLUMN_LABEL && there)
            row->label = record->fields[i];
        if (role == COLUMN_TARGET)
            row->targets[encoding->columns[i].target] = number;
    }
}

/* ---- What a column is ---- */

enum Problem {
    PROBLEM_NONE,
    PROBLEM_MISSING,
    PROBLEM_TEXT,     /* a text in a column of numbers */
    PROBLEM_LARGE,    /* a number that is too large for a float */
    PROBLEM_DISTINCT, /* too many categories */
    PROBLEM_EMPTY     /* no value at all */
};

static bool has_too_many(const struct ColumnSurvey *column) {
    int64_t values = column->texts + column->booleans;
    if (column->is_known)
        return column->names.overflows;
    return column->names.count > MOST_FOUND ||
           (column->names.count > ALWAYS_FEW && 2 * column->names.count > values);
}

static enum Problem problem_of(const struct TableColumn *encoded, const struct ColumnSurvey *column,
                               int64_t *line) {
    bool of_numbers =
        encoded->role == COLUMN_TARGET || encoded->role == COLUMN_WEIGHT || column->numbers > 0;
    if (encoded->role == COLUMN_IGNORED)
        return PROBLEM_NONE;
    if (of_numbers && column->text.line && encoded->role != COLUMN_CATEGORIES) {
        *line = column->text.line;
        return PROBLEM_TEXT;
    }
    if (column->large.line) {
        *line = column->large.line;
        return PROBLEM_LARGE;
    }
    if (column->missing && encoded->missing == MISSING_REFUSE) {
        *line = column->absent.line;
        return PROBLEM_MISSING;
    }
    *line = INT64_MAX - 1; /* after all problems that have a line */
    if (encoded->role != COLUMN_LABEL && !column->numbers && !column->names.count)
        return PROBLEM_EMPTY;
    return has_too_many(column) ? PROBLEM_DISTINCT : PROBLEM_NONE;
}

static int refuse_field(const struct Survey *survey, int64_t index, const struct Sight *sight,
                        const char *expected, struct Error *error) {
    return fail(error, ERROR_DATA, "%s:%" PRId64 ": column '%s' is '%.*s', expected %s",
                survey->path, sight->line, survey->encoding->columns[index].name,
                field__shown(sight->field), sight->field, expected);
}

static int refuse_missing(const struct Survey *survey, int64_t index, struct Error *error) {
    const struct ColumnSurvey *column = &survey->columns[index];
    const struct TableColumn *encoded = &survey->encoding->columns[index];
    bool of_texts = encoded->role == COLUMN_CATEGORIES || column->texts + column->booleans > 0;
    const char *expected = encoded->role == COLUMN_LABEL ? "a class"
                           : of_texts                    ? "a category"
                                                         : "a number";
    refuse_field(survey, index, &column->absent, expected, error);
    error_append(error, " (%" PRId64 " row%s no value)", column->missing,
                 column->missing == 1 ? " has" : "s have");
    return error_advise(error, is_truth(encoded) ? ADVICE_MISSING_TRUTH : ADVICE_MISSING,
                        encoded->name, NULL, 0);
}

static int refuse_column(const struct Survey *survey, int64_t index, enum Problem problem,
                         struct Error *error) {
    const struct ColumnSurvey *column = &survey->columns[index];
    const struct TableColumn *encoded = &survey->encoding->columns[index];
    switch (problem) {
    case PROBLEM_MISSING:
        return refuse_missing(survey, index, error);
    case PROBLEM_TEXT:
        refuse_field(survey, index, &column->text, "a number", error);
        if (encoded->role == COLUMN_TARGET)
            return error_advise(error, ADVICE_LABEL, encoded->name, NULL, 0);
        return error_advise(error, ADVICE_COLUMN, encoded->name, column->text.field, 0);
    case PROBLEM_LARGE:
        return refuse_field(survey, index, &column->large, "a number that a float can hold", error);
    case PROBLEM_EMPTY:
        fail(error, ERROR_DATA, "%s: column '%s' has no value in any row", survey->path,
             encoded->name);
        return error_advise(error, ADVICE_IGNORE, encoded->name, NULL, 0);
    default:
        fail(error, ERROR_DATA,
             "%s: column '%s' has %s%" PRId64 " different texts in %" PRId64
             " rows, too many for categories",
             survey->path, encoded->name, column->names.overflows ? "more than " : "",
             column->names.count, survey->rows);
        return error_advise(error, column->is_known ? ADVICE_IGNORE : ADVICE_MANY, encoded->name,
                            NULL, 0);
    }
}

/* Refuses the first field that does not fit. */
static int check(const struct Survey *survey, struct Error *error) {
    int64_t first = -1, first_line = INT64_MAX, line = 0;
    enum Problem first_problem = PROBLEM_NONE;
    for (int64_t i = 0; i < survey->encoding->column_count; i++) {
        enum Problem problem =
            problem_of(&survey->encoding->columns[i], &survey->columns[i], &line);
        if (problem == PROBLEM_NONE || line >= first_line)
            continue;
        first = i;
        first_line = line;
        first_problem = problem;
    }
    return first < 0 ? OK : refuse_column(survey, first, first_problem, error);
}

static bool all_are_numbers(const struct Cells *cells, const struct NameSet *names) {
    double value;
    bool is_whole, all = names->count > 0;
    for (int64_t i = 0; i < names->count && all; i++)
        all = cells__number(cells, names->names[i], &value, &is_whole);
    return all;
}

int categories__fill(struct TableColumn *column, const struct NameSet *names,
                     const struct Cells *cells, const char *path, int32_t *places,
                     struct Error *error) {
    column->numeric = all_are_numbers(cells, names);
    column->categories =
        name_set__sort(names, column->numeric, &cells->format, &column->category_count, places);
    for (int64_t i = 0; i < column->category_count; i++) {
        const char *name = column->categories[i];
        if (!field__is_text(name)) {
            fail(error, ERROR_DATA, "%s: column '%s': a text%s%.*s%s", path, column->name,
                 field__shown(name) ? ", '" : "", field__shown(name), name,
                 field__shown(name) ? "...'," : "");
            field__say_bad_byte(name, error);
            return error->code;
        }
        if (strlen(name) > LONGEST_NAME)
            return fail(error, ERROR_DATA,
                        "%s: column '%s': '%.*s...' has %zu bytes, expected a category of at most "
                        "%d",
                        path, column->name, field__shown(name), name, strlen(name), LONGEST_NAME);
    }
    return OK;
}

static int complete_column(struct Survey *survey, int64_t index, struct Error *error) {
    struct TableColumn *encoded = &survey->encoding->columns[index];
    const struct ColumnSurvey *column = &survey->columns[index];
    if (encoded->role == COLUMN_ROLES && column->numbers)
        encoded->role = COLUMN_NUMBER;
    else if (encoded->role == COLUMN_ROLES)
        encoded->role = column->texts ? COLUMN_CATEGORIES : COLUMN_BOOLEAN;
    if (encoded->missing == MISSING_INDICATOR && !column->missing && !column->has_own_rule)
        encoded->missing = MISSING_MEAN; /* nothing can be learnt from a feature that is always 0 */
    if (encoded->role == COLUMN_IGNORED)
        encoded->missing = MISSING_REFUSE;
    if (encoded->role != COLUMN_CATEGORIES)
        return OK;
    return categories__fill(encoded, &column->names, &survey->cells, survey->path, NULL, error);
}

static void warn_of_rounded(const struct Survey *survey, const struct TableColumn *encoded,
                            const struct ColumnSurvey *column) {
    double value = 0;
    bool is_whole;
    cells__number(&survey->cells, column->rough.field, &value, &is_whole);
    log_warning("%s:%" PRId64 ": column '%s' is %s, a whole number above 2^24, which becomes %.0f "
                "as a float; %" PRId64 " of %" PRId64
                " rows are rounded in this way; leave the column out if it is an id, or use its "
                "numbers as categories",
                survey->path, column->rough.line, encoded->name, column->rough.field,
                (double)(float)value, column->rounded, survey->rows);
}

/* Returns whether a text consists of digits with signs around and between them. It is then likely
 * to be a number in another notation (a percentage, an amount with a currency, thousands with
 * separators, hexadecimal), a date or a time. */
static bool looks_like_number(const char *text) {
    const char *unsigned_text = text + (*text == '+' || *text == '-');
    if (!strcasecmp(unsigned_text, "inf") || !strcasecmp(unsigned_text, "infinity"))
        return true;
    int64_t digits = 0, letters = 0;
    for (const char *at = text; *at; at++) {
        digits += *at >= '0' && *at <= '9';
        letters += (*at >= 'a' && *at <= 'z') || (*at >= 'A' && *at <= 'Z');
    }
    return digits > 0 && (letters == 0 || (text[0] == '0' && (text[1] | 32) == 'x'));
}

/* Warns if all texts of a column that was not named look like numbers or dates. */
static void warn_of_notation(const struct Survey *survey, const struct TableColumn *encoded,
                             const struct ColumnSurvey *column) {
    bool all = !column->is_known && !column->numbers;
    for (int64_t i = 0; i < encoded->category_count && all; i++)
        all = looks_like_number(encoded->categories[i]);
    if (all && encoded->category_count)
        log_warning("%s: column '%s' holds texts such as '%.*s', each of which becomes an input; "
                    "if they are numbers or dates, write them as plain numbers (or say what "
                    "separates decimals and thousands)",
                    survey->path, encoded->name, field__shown(encoded->categories[0]),
                    encoded->categories[0]);
}

static void warn(const struct Survey *survey, int64_t index) {
    const struct TableColumn *encoded = &survey->encoding->columns[index];
    const struct ColumnSurvey *column = &survey->columns[index];
    if (encoded->role == COLUMN_CATEGORIES)
        warn_of_notation(survey, encoded, column);
    if (encoded->role != COLUMN_NUMBER && encoded->role != COLUMN_TARGET)
        return;
    if (column->rounded)
        warn_of_rounded(survey, encoded, column);
    if (column->code.line && encoded->role == COLUMN_NUMBER)
        log_warning("%s:%" PRId64 ": column '%s' is %s, whose zeros at the beginning are lost in a "
                    "number; if it is a code, use its numbers as categories",
                    survey->path, column->code.line, encoded->name, column->code.field);
    if ((index == 0 || index == survey->head.count - 1) && column->counts &&
        column->numbers >= LONG_COUNT && encoded->role == COLUMN_NUMBER)
        log_warning("%s: column '%s' counts the rows, %s and on; leave it out if it is an index",
                    survey->path, encoded->name, column->number.field);
}

int survey__decide(struct Survey *survey, struct Error *error) {
    if (!survey->rows)
        return fail(error, ERROR_DATA, "%s: no row is left: a value is missing in each",
                    survey->path);
    int code = check(survey, error);
    for (int64_t i = 0; i < survey->encoding->column_count && code == OK; i++) {
        code = complete_column(survey, i, error);
        if (code == OK)
            warn(survey, i);
    }
    if (code == OK && table_encoding_features(survey->encoding) == 0)
        code = fail(error, ERROR_DATA,
                    "%s:%" PRId64 ": every column is a target%s; expected features too",
                    survey->path, survey->head.line,
                    table_encoding_count(survey->encoding, COLUMN_IGNORED) ? " or left out" : "");
    return code;
}
