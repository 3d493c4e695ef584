/* Tables: what their columns become, by which rules, and what is refused; and tables that are read
 * by the encoding of another one. */
#include "sources/opened.h"

#include <math.h>

#include "base/text.h"
#include "sources/mutate.h"
#include "sources/number.h"
#include "sources/records.h"
#include "sources/table_rows.h"

static const char *write_table(const char *name, const char *text) {
    unlink(scratch_path(name)); /* overwriting a file waits for the disk on some systems */
    scratch_write(scratch_path(name), text, strlen(text));
    return scratch_path(name);
}

static struct SourceOptions options_with(const char *text, const struct TableOptions *table) {
    struct SourceOptions options = options_of("table", write_table("t.csv", text));
    options.table = table;
    options.label = "y";
    return options;
}

/* A table, how it is read, and the features that come out, as "name,name;1,2;3,4". */
struct Case {
    const char *text, *features, *labels; /* labels: "a b a" */
    struct TableOptions table;
};
static const char *const list_n[] = {"n"};
static const char *const list_note[] = {"note"};
static const char *const list_mark[] = {"?"};
static const char *const list_na[] = {"NA"};
static const char *const list_other[] = {"other"};
static const char *const list_y[] = {"y"};
static const char *const list_name[] = {"name"};
#define PLAIN .separator = SEPARATOR_AUTO, .decimal = '.'
#define LIST(...)                                                                                  \
    (const char *const[]) {                                                                        \
        __VA_ARGS__                                                                                \
    }
static const struct TableRule rules[] = {{NULL, MISSING_REFUSE},
                                         {NULL, MISSING_DROP},
                                         {NULL, MISSING_MEAN},
                                         {NULL, MISSING_MEDIAN},
                                         {NULL, MISSING_INDICATOR}};
static const struct TableRule mean_label = {"y", MISSING_MEAN};
#define RULE(rule) .rules = &rules[rule], .rule_count = 1

static char *features_text(const struct TableEncoding *encoding, int64_t rows,
                           const float *values) {
    struct Text text = {0};
    int64_t count = table_encoding_features(encoding);
    char **names = table_encoding_feature_names(encoding);
    for (int64_t i = 0; i < count; i++) {
        text_add(&text, "%s%s", i ? "," : "", names[i]);
        memory_release(names[i]);
    }
    memory_release(names);
    for (int64_t i = 0; i < rows * count; i++)
        text_add(&text, "%c%.9g", i % count ? ',' : ';', (double)values[i]);
    return text.data;
}

static float *read_split(struct Source *source, const struct SourceSplit *split) {
    struct Error error = {0};
    float *values = memory_array(float, split->count * source->channels, "samples");
    if (source_read(source, split->items, split->count, values, &error) != OK)
        fail_msg("%s", error.text);
    return values;
}

static void assert_case(const struct Case *tried) {
    struct SourceOptions options = options_with(tried->text, &tried->table);
    struct Source source = open_source(&options);
    struct Error error = {0};
    assert_int_equal(source_settle(&source, &error), OK);
    const struct SourceSplit *train = split_of(&source, "train");
    float *values = read_split(&source, train);
    char *found = features_text(&source.encoding, train->count, values);
    struct Text labels = {0};
    for (int64_t i = 0; i < train->count; i++)
        text_add(&labels, "%s%s", i ? " " : "", source.targets.names[train->labels[i]]);
    if (strcmp(found, tried->features) || strcmp(labels.data, tried->labels))
        fail_msg("\"%s\" became \"%s\", labels \"%s\"", tried->text, found, labels.data);
    text_release(&labels);
    memory_release(found);
    memory_release(values);
    source_release(&source);
}

static const struct Case cases[] = {
    {"a,b,y\n1,2,u\n3,4,v\n", "a,b;1,2;3,4", "u v", {PLAIN}},
    {"a,y,b\r\n1e3,v,-.5\r\n\r\n\"2\",u, 7 \r\n", "a,b;1000,-0.5;2,7", "v u", {PLAIN}},
    {"a,y\r1,u\r2,v\r", "a;1;2", "u v", {PLAIN}},
    {"a;y\n1,5;u\n2.000,25;v\n",
     "a;1.5;2000.25",
     "u v",
     {.separator = SEPARATOR_AUTO, .decimal = ',', .thousands = '.'}},
    {"a|y\n1|u\n", "a;1", "u", {.separator = '|', .decimal = '.'}},
    {"  a \ty \n 1  u\n2\t\t v  \n", "a;1;2", "u v", {.separator = 0, .decimal = '.'}},
    {"city,y\nRome,u\n Paris ,u\nRome,u\n", "city=Paris,city=Rome;0,1;1,0;0,1", "u u u", {PLAIN}},
    {"flag,y\nTrue,u\nfalse,v\n", "flag;1;0", "u v", {PLAIN}},
    {"flag,y\nTrue,u\nmaybe,v\n", "flag=True,flag=maybe;1,0;0,1", "u v", {PLAIN}},
    {"n,y\n10,u\n9,u\n10.0,v\n",
     "n=9,n=10;0,1;1,0;0,1",
     "u u v",
     {PLAIN, .categories = list_n, .category_count = 1}},
    {"a,note,y\n1,x,u\n2,,v\n", "a;1;2", "u v", {PLAIN, .ignored = list_note, .ignored_count = 1}},
    {"a,y\n1,u\n?,v\n3,u\n",
     "a;1;3",
     "u u",
     {PLAIN, .missing = list_mark, .missing_count = 1, RULE(MISSING_DROP)}},
    {"a,y\n1,u\nNA,v\n4,u\n4,u\n", "a;1;3;4;4", "u v u u", {PLAIN, RULE(MISSING_MEAN)}},
    {"a,y\n1,u\n,v\n4,u\n9,u\n2,v\n", "a;1;3;4;9;2", "u v u u v", {PLAIN, RULE(MISSING_MEDIAN)}},
    {"a,b,y\n1,5,u\nnan,6,v\n3,7,u\n",
     "a,a missing,b;1,0,5;2,1,6;3,0,7",
     "u v u",
     {PLAIN, RULE(MISSING_INDICATOR)}},
    {"c,y\nr,u\n,v\nr,u\ng,u\n", "c=g,c=r;0,1;0,1;0,1;1,0", "u v u u", {PLAIN, RULE(MISSING_MEAN)}},
    {"c,y\nr,u\n,v\n", "c=r,c missing;1,0;0,1", "u v", {PLAIN, RULE(MISSING_INDICATOR)}},
    {"a,y\n1,u\n2,\n", "a;1", "u", {PLAIN, RULE(MISSING_DROP)}},
    {"a,y\n1,NA\n2,DE\n", "a;1;2", "NA DE", {PLAIN, .present = list_na, .present_count = 1}},
    {"a,y\n1,10\n2,9\n3,10\n", "a;1;2;3", "10 9 10", {PLAIN}},
    {"a,y\n1,1.0\n2,2\n3,1\n", "a;1;2;3", "1.0 2 1.0", {PLAIN}},
    {",a,y\n0,5,u\n1,6,v\n", "a;5;6", "u v", {PLAIN}},
    {"Unnamed: 0,a,y\n0,5,u\n1,6,v\n", "a;5;6", "u v", {PLAIN}},
    {"a,y\nr1,5,u\nr2,6,v\n", "a;5;6", "u v", {PLAIN}},
    {"a,y\n5,u\na,y\n6,v\n", "a;5;6", "u v", {PLAIN}},
    {"a,a,y,a,a.1\n1,2,u,3,4\n", "a,a.2,a.3,a.1;1,2,3,4", "u", {PLAIN}},
    {"\"a\n(cm)\",b,y\n1,\"r\ts\",\"u\nv\"\n", "a\n(cm),b=r\ts;1,1", "u\nv", {PLAIN}},
};

static void columns_become_features(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        assert_case(&cases[i]);
}

/* Classes are in the order of their numbers, or of their bytes. */
static void classes_are_sorted(void **state) {
    (void)state;
    static const struct {
        const char *text, *names[3];
    } tried[] = {
        {"a,y\n1,10\n2,9\n3,-1\n", {"-1", "9", "10"}},
        {"a,y\n1,b\n2,10\n3,9\n", {"10", "9", "b"}},
        {"a,y\n1,\xC3\xA9\n2,Z\n3,a\n", {"Z", "a", "\xC3\xA9"}},
        {"a,y\n1,9007199254740993\n2,9007199254740992\n3,1\n",
         {"1", "9007199254740992", "9007199254740993"}},
    };
    for (size_t i = 0; i < sizeof tried / sizeof *tried; i++) {
        struct SourceOptions options = options_with(tried[i].text, NULL);
        struct Source source = open_source(&options);
        assert_int_equal(source.targets.count, 3);
        for (int k = 0; k < 3; k++)
            assert_string_equal(source.targets.names[k], tried[i].names[k]);
        source_release(&source);
    }
}

/* Without a head columns are called by their numbers. */
static void tables_without_a_head(void **state) {
    (void)state;
    const struct TableOptions table = {PLAIN, .no_head = true};
    struct SourceOptions options = options_with("5,6,u\n7,8,v\n", &table);
    options.label = "2";
    struct Source source = open_source(&options);
    struct Error error = {0};
    assert_int_equal(source_settle(&source, &error), OK);
    float *values = read_split(&source, split_of(&source, "train"));
    char *found = features_text(&source.encoding, 2, values);
    assert_string_equal(found, "0,1;5,6;7,8");
    memory_release(found);
    memory_release(values);
    source_release(&source);
}

static void refused_tables(void **state) {
    (void)state;
    static const struct {
        const char *text, *words, *more;
        struct TableOptions table;
        int code; /* 0: ERROR_DATA */
    } tried[] = {
        {"a,y\n1,u\nx,v\n", "t.csv:3: column 'a' is 'x', expected a number", "", {PLAIN}, 0},
        {"a,y\nx,u\n1,v\n", "t.csv:2: column 'a' is 'x', expected a number", "", {PLAIN}, 0},
        {"a,b,y\n1,,u\n,2,v\n", "t.csv:2: column 'b' is ''", "1 row has no value", {PLAIN}, 0},
        {"a,y\n1,u\n2,\n", "t.csv:3: column 'y' is '', expected a class", "", {PLAIN}, 0},
        {"a,y\n1,u\n2,v\n",
         "column 'y' is a label, which mean cannot",
         "",
         {PLAIN, .rules = &mean_label, .rule_count = 1},
         ERROR_USAGE},
        {"a,y\n1,u\n",
         "has no column 'other'; it has a, y",
         "",
         {PLAIN, .ignored = list_other, .ignored_count = 1},
         0},
        {"a,y\n1,u\n",
         "column 'y' cannot be of two kinds, label and ignored",
         "",
         {PLAIN, .ignored = list_y, .ignored_count = 1},
         ERROR_USAGE},
        {"a,y\n,u\nNA,v\n",
         "column 'a' has no value in any row",
         "",
         {PLAIN, RULE(MISSING_MEAN)},
         0},
        {"a,y\n,u\nNA,v\n", "no row is left", "", {PLAIN, RULE(MISSING_DROP)}, 0},
        {"a,y\n1,u\n",
         "is the separator, too",
         "",
         {.separator = ',', .decimal = ','},
         ERROR_USAGE},
        {"a,c,y\n1,caf\xE9,u\n",
         "holds the byte 0xe9, expected UTF-8 text; if it is Latin-1, iconv",
         "'c'",
         {PLAIN},
         0},
        {"a,b\x01,y\n1,2,u\n", "column 2 holds the byte 0x01, expected UTF-8 text", "", {PLAIN}, 0},
        {"0.5,1.5,setosa\n2,3,u\n", "has no column 'y'; it has 0.5, 1.5, setosa", "", {PLAIN}, 0},
        {"a,y\n1e39,u\n", "is '1e39', expected a number that a float can hold", "", {PLAIN}, 0},
    };
    for (size_t i = 0; i < sizeof tried / sizeof *tried; i++) {
        struct SourceOptions options = options_with(tried[i].text, &tried[i].table);
        expect_refusal(&options, tried[i].code ? tried[i].code : ERROR_DATA, tried[i].words,
                       tried[i].more);
    }
}

/* Names, addresses and dates are no categories, unless somebody says so. */
static void texts_that_never_repeat(void **state) {
    (void)state;
    struct Text text = {0};
    text_add(&text, "name,y\n");
    for (int i = 0; i < 30; i++)
        text_add(&text, "n%d,u\n", i);
    struct SourceOptions options = options_with(text.data, NULL);
    expect_refusal(&options, ERROR_DATA, "column 'name' has 30 different texts in 30 rows", "many");
    const struct TableOptions table = {PLAIN, .categories = list_name, .category_count = 1};
    options = options_with(text.data, &table);
    struct Source source = open_source(&options);
    assert_int_equal(source.channels, 30);
    source_release(&source);
    text_release(&text);
}

/* ---- Tables that are read by the encoding of another one ---- */

static struct TableEncoding encoding_of(const char *text, const struct TableOptions *table) {
    struct SourceOptions options = options_with(text, table);
    struct Source source = open_source(&options);
    struct Error error = {0};
    assert_int_equal(source_settle(&source, &error), OK);
    struct TableEncoding encoding = source.encoding;
    source.encoding = (struct TableEncoding){0};
    source_release(&source);
    return encoding;
}

static const char training[] = "a,city,ok,y\n1,Rome,true,u\n2,Paris,false,v\n4,Rome,true,u\n";

static void assert_encoded(const struct TableEncoding *encoding, const char *text,
                           const char *features, int notes) {
    struct TableRows rows;
    struct Error error = {0};
    if (table_encode(&rows, write_table("new.csv", text), encoding, &error) != OK)
        fail_msg("%s", error.text);
    char *found = features_text(encoding, rows.count, rows.values);
    if (strcmp(found, features))
        fail_msg("\"%s\" became \"%s\"", text, found);
    assert_int_equal(rows.note_count, notes);
    memory_release(found);
    table_rows_release(&rows);
}

static void later_tables(void **state) {
    (void)state;
    const struct TableOptions table = {PLAIN, RULE(MISSING_MEDIAN)};
    struct TableEncoding encoding = encoding_of(training, &table);
#define NAMES "a,city=Paris,city=Rome,ok;"
    assert_encoded(&encoding, "a,city,ok,y\n5,Paris,false,u\n", NAMES "5,1,0,0", 0);
    assert_encoded(&encoding, "ok,a,city\nTRUE,5,Rome\n", NAMES "5,0,1,1", 0);
    assert_encoded(&encoding, "city,more,ok,a\nRome,x,0,\n", NAMES "2,0,1,0", 1);
    assert_encoded(&encoding, "a,city,ok\n5,Oslo,1\n6,Bonn,1\n", NAMES "5,0,0,1;6,0,0,1", 1);
#undef NAMES
    struct TableRows rows;
    struct Error error = {0};
    assert_int_equal(
        table_encode(&rows, write_table("new.csv", "a,city\n1,Rome\n"), &encoding, &error),
        ERROR_DATA);
    assert_non_null(strstr(error.text, "new.csv:1: has no column 'ok'; it has a, city"));
    table_rows_release(&rows);
    table_encoding_release(&encoding);
}

/* A note names the categories; the labels that are not known count as none. */
static void what_is_not_known(void **state) {
    (void)state;
    struct TableEncoding encoding = encoding_of(training, NULL);
    struct TableRows rows;
    struct Error error = {0};
    const char *path = write_table("new.csv", "a,city,ok,y\n5,Oslo,1,v\n6,Rome,1,w\n7,Rome,1,\n");
    assert_int_equal(table_encode(&rows, path, &encoding, &error), OK);
    static const int32_t labels[] = {1, -1, -1};
    assert_memory_equal(rows.labels, labels, sizeof labels);
    assert_null(rows.targets);
    assert_int_equal(rows.note_count, 2);
    assert_non_null(strstr(rows.notes[1],
                           "column 'city': 1 row has a category that the training "
                           "split does not have, so that all its features are 0: 'Oslo'"));
    table_rows_release(&rows);
    path = write_table("new.csv", "a,city,ok,y\n,Rome,1,v\n");
    assert_int_equal(table_encode(&rows, path, &encoding, &error), ERROR_DATA);
    assert_non_null(strstr(error.text, "new.csv:2: column 'a' is '', expected a number"));
    table_rows_release(&rows);
    table_encoding_release(&encoding);
}

/* The rows that are left keep their numbers in the file. */
static void rows_that_are_dropped(void **state) {
    (void)state;
    const struct TableOptions table = {PLAIN, RULE(MISSING_DROP)};
    struct TableEncoding encoding = encoding_of(training, &table);
    struct TableRows rows;
    struct Error error = {0};
    const char *path = write_table("new.csv", "a,city,ok\n,Rome,1\n6,Rome,1\n7,,1\n8,Rome,0\n");
    assert_int_equal(table_encode(&rows, path, &encoding, &error), OK);
    static const int64_t numbers[] = {1, 3};
    assert_int_equal(rows.count, 2);
    assert_memory_equal(rows.numbers, numbers, sizeof numbers);
    assert_null(rows.labels);
    assert_int_equal(rows.dropped, 2);
    table_rows_release(&rows);
    table_encoding_release(&encoding);
}

/* Without a head the places count, and the label may be missing. */
static void later_tables_without_a_head(void **state) {
    (void)state;
    const struct TableOptions table = {PLAIN, .no_head = true};
    struct SourceOptions options = options_with("5,u,6\n7,v,8\n", &table);
    options.label = "1";
    struct Source source = open_source(&options);
    assert_encoded(&source.encoding, "1,u,2\n", "0,2;1,2", 0);
    assert_encoded(&source.encoding, "1,2\n", "0,2;1,2", 0);
    struct TableRows rows;
    struct Error error = {0};
    assert_int_equal(table_encode(&rows, write_table("new.csv", "1\n"), &source.encoding, &error),
                     ERROR_DATA);
    assert_non_null(strstr(error.text, "new.csv:1: has 1 fields, expected 3"));
    source_release(&source);
}

/* ---- Numbers and records ---- */

static void numbers_are_the_librarys(void **state) {
    (void)state;
    static const struct NumberFormat format = {'.', 0}, german = {',', '.'};
    char text[64];
    double value;
    bool is_whole;
    for (uint64_t i = 0; i < 20000; i++) {
        uint64_t bits = (i + 1) * 0x9E3779B97F4A7C15u;
        int digits = (int)(bits % 20), exponent = (int)(bits / 64 % 60) - 30;
        snprintf(text, sizeof text, i % 3 ? "%.*e" : "%.*f", digits,
                 (double)(int64_t)(bits >> (bits % 50)) * pow(10, i % 2 ? exponent : 0));
        text[sizeof text - 1] = 0;
        assert_true(number__read(text, &format, &value, &is_whole));
        double expected = strtod(text, NULL);
        assert_memory_equal(&value, &expected, sizeof value);
    }
    assert_true(number__read(" -1.234.567,5 ", &german, &value, &is_whole));
    assert_true(value == -1234567.5 && !is_whole);
    assert_true(number__read("+12", &format, &value, &is_whole));
    assert_true(value == 12 && is_whole);
    static const char *const others[] = {"",      " ",    ".",     "e5",  "1e",
                                         "1e+",   "0x10", "inf",   "nan", "1 2",
                                         "1,000", "--1",  "1.2.3", "1d3", "1_000"};
    for (size_t i = 0; i < sizeof others / sizeof *others; i++)
        assert_false(number__read(others[i], &format, &value, &is_whole));
}

/* A record is the same wherever the bytes that are read at a time end within it. */
static void records_across_the_buffer(void **state) {
    (void)state;
    enum { CHUNK = 1 << 18 };
    static const char tail[] = "\"x\"\"y\nz\"w,\"\"\r\n\r\n# \"no row\r\n  \n1,2\r3,4\n #";
    char *text = memory_array(char, CHUNK + 100, "a table");
    for (int shift = 0; shift < (int)sizeof tail + 2; shift++) {
        size_t padding = CHUNK - (size_t)shift;
        memset(text, 'a', padding);
        memcpy(text + padding - 3, ",b\n", 3);
        memcpy(text + padding, tail, sizeof tail);
        struct Records *records;
        struct Record record;
        struct Error error = {0};
        static const char *const fields[3][2] = {{"x\"y\nzw", ""}, {"1", "2"}, {"3", "4"}};
        static const int64_t lines[] = {2, 7, 8};
        const struct RecordForm form = {.separator = ',', .comment = '#'};
        assert_int_equal(records__open(&records, write_table("long.csv", text), &form, &error), OK);
        assert_int_equal(records__next(records, &record, &error), OK);
        for (int i = 0; i < 3; i++) {
            assert_int_equal(records__next(records, &record, &error), OK);
            assert_int_equal(record.count, 2);
            assert_int_equal(record.line, lines[i]);
            assert_string_equal(record.fields[0], fields[i][0]);
            assert_string_equal(record.fields[1], fields[i][1]);
        }
        assert_int_equal(records__next(records, &record, &error), OK);
        assert_int_equal(record.count, 0);
        records__close(records);
    }
    memory_release(text);
}

/* Random edits of a good table are refused in one line, or read twice with the same result: as a
 * source, and by the encoding that was made of it. */
static void mutants(void **state) {
    (void)state;
    static const char good[] =
        "id,\"a \"\"x\"\"\",city,ok,y\r\n1,1.5,Rome,true,u\n2,NA,Paris,false,v\n"
        "3,-2e3,,TRUE,u\n\n4,7,\"Oslo\",False,v\n";
    const struct TableOptions table = {PLAIN, RULE(MISSING_INDICATOR)};
    int refused = 0, whole = 0;
    char text[MUTANT_ROOM];
    for (uint64_t mutant = 0; mutant < 3000; mutant++) {
        memcpy(text, good, sizeof good);
        size_t length = mutate(text, sizeof good - 1, mutant);
        unlink(scratch_path("m.csv"));
        scratch_write(scratch_path("m.csv"), text, length);
        struct SourceOptions options = options_of("table", scratch_path("m.csv"));
        options.table = &table;
        options.label = "y";
        struct Source source;
        struct TableRows rows;
        struct Error error = {0};
        if (source_open(&source, &options, NULL, &error) != OK) {
            assert_null(strchr(error.text, '\n'));
            refused++;
            continue;
        }
        assert_int_equal(source_settle(&source, &error), OK);
        const struct SourceSplit *train = split_of(&source, "train");
        float *values = read_split(&source, train);
        assert_int_equal(table_encode(&rows, scratch_path("m.csv"), &source.encoding, &error), OK);
        assert_int_equal(rows.count, train->count);
        assert_memory_equal(rows.values, values,
                            (size_t)(rows.count * rows.features) * sizeof *values);
        assert_memory_equal(rows.labels, train->labels, (size_t)rows.count * sizeof *rows.labels);
        whole++;
        memory_release(values);
        table_rows_release(&rows);
        source_release(&source);
    }
    assert_true(refused > 300 && whole > 100);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(columns_become_features),     cmocka_unit_test(classes_are_sorted),
        cmocka_unit_test(tables_without_a_head),       cmocka_unit_test(refused_tables),
        cmocka_unit_test(texts_that_never_repeat),     cmocka_unit_test(later_tables),
        cmocka_unit_test(what_is_not_known),           cmocka_unit_test(rows_that_are_dropped),
        cmocka_unit_test(later_tables_without_a_head), cmocka_unit_test(numbers_are_the_librarys),
        cmocka_unit_test(records_across_the_buffer),   cmocka_unit_test(mutants),
    };
    return cmocka_run_group_tests_name("table", tests, scratch_make, scratch_remove);
}
