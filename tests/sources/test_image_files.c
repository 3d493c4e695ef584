/* Folders and lists of pictures: what is found, what is passed over, which classes there are. */
#include "pictures/made_pictures.h"

#include "base/log.h"
#include "base/memory.h"
#include "sources/picture_list.h"
#include "sources/source.h"

static int notices;

static void count_notice(void *context, const char *line) {
    (void)context;
    (void)line;
    notices++;
}

static struct SourceOptions options_of(const char *format, const char *path) {
    static char copy[256];
    static const char *const paths[] = {copy};
    snprintf(copy, sizeof copy, "%s", path);
    return (struct SourceOptions){.format = format, .paths = paths, .path_count = 1};
}

static int try_source(struct Source *source, const struct SourceOptions *options,
                      struct Error *error) {
    const struct Ticker ticker = {.notice = count_notice};
    *error = (struct Error){0};
    notices = 0;
    return source_open(source, options, &ticker, error);
}

static struct Source open_source(const struct SourceOptions *options) {
    struct Source source;
    struct Error error;
    if (try_source(&source, options, &error) != OK)
        stop_test("%s", error.text);
    return source;
}

#define refuse(options, ...)                                                                       \
    do {                                                                                           \
        struct Source refused;                                                                     \
        struct Error error;                                                                        \
        int code = try_source(&refused, options, &error);                                          \
        expect_failure(&error, code, ERROR_DATA, __VA_ARGS__);                                     \
    } while (0)

static void add_picture(const char *name) {
    write_plain_png(place(folder, name), 8, 8, 7);
}

/* The names and labels of a split must be these: "name:label name:label ...". */
static void expect_samples(const struct Source *source, const char *split_name,
                           const char *expected) {
    const struct SourceSplit *split = source_find_split(source, split_name);
    char found[1000] = "";
    assert_non_null(split);
    for (int64_t i = 0; i < split->count; i++) {
        size_t used = strlen(found);
        snprintf(found + used, sizeof found - used, "%s%s:%d", i ? " " : "",
                 source_name(source, split->items[i]), split->labels[i]);
    }
    assert_string_equal(found, expected);
}

static void nested_folders_and_debris(void **state) {
    (void)state;
    static const char *const debris[] = {".DS_Store", "._b.png", "Thumbs.db", "desktop.ini",
                                         "__MACOSX/b.png"};
    add_picture("deep/train/cat/b.png");
    add_picture("deep/train/cat/more/still/a.png");
    add_picture("deep/train/dog/c.png");
    add_picture("deep/test/dog/d.png"); /* no cat */
    for (size_t i = 0; i < sizeof debris / sizeof *debris; i++) {
        char name[100];
        snprintf(name, sizeof name, "deep/train/cat/%s", debris[i]);
        write_bytes(place(folder, name), "no picture", 10);
    }
    write_bytes(place(folder, "deep/train/.DS_Store"), "no class", 8);
    write_bytes(place(folder, "deep/__MACOSX/train/cat/b.png"), "no split", 8);
    struct SourceOptions options = options_of("image-folder", place(folder, "deep"));
    struct Source source = open_source(&options);
    assert_int_equal(source.split_count, 2);
    expect_samples(&source, "train", "cat/b.png:0 cat/more/still/a.png:0 dog/c.png:1");
    expect_samples(&source, "test", "dog/d.png:1");
    assert_int_equal(source.channels, 3);
    source_release(&source);
    write_bytes(place(folder, "deep/train/cat/more/words.txt"), "no picture", 10);
    refuse(&options, "deep/train/cat/more/words.txt", "is not a picture");
}

static char warned[1000];

static void take_warning(enum LogLevel level, const char *file, const char *function,
                         const char *text) {
    (void)level, (void)file, (void)function;
    size_t used = strlen(warned);
    snprintf(warned + used, sizeof warned - used, "%s\n", text);
}

/* They are of no class, and left out, but not in silence; other files are of no interest. */
static void pictures_beside_folders(void **state) {
    (void)state;
    add_picture("loose/train/cat/a.png");
    add_picture("loose/train/b.png");
    add_picture("loose/train/c.png");
    add_picture("loose/d.png");
    write_bytes(place(folder, "loose/train/readme.txt"), "no picture", 10);
    struct SourceOptions options = options_of("image-folder", place(folder, "loose"));
    warned[0] = '\0';
    log_set_handler(LOG_WARNING, take_warning);
    struct Source source = open_source(&options);
    log_set_handler(LOG_ERROR, NULL);
    expect_samples(&source, "train", "cat/a.png:0");
    source_release(&source);
    assert_non_null(
        strstr(warned, "loose: left out 1 picture beside the folders of splits, first 'd.png'"));
    assert_non_null(
        strstr(warned, "train: left out 2 pictures beside the folders of classes, first 'b.png'"));
}

static void links_that_lead_nowhere(void **state) {
    (void)state;
    add_picture("links/train/cat/a.png");
    add_picture("links/train/dog/a.png");
    assert_int_equal(symlink("absent.png", place(folder, "links/train/cat/gone.png")), 0);
    assert_int_equal(symlink("a.png", place(folder, "links/train/cat/good.png")), 0);
    assert_int_equal(symlink("absent", place(folder, "links/train/bird")), 0);
    struct SourceOptions options = options_of("image-folder", place(folder, "links"));
    refuse(&options, "links/train/bird", "is a link that leads nowhere");
    options.pictures.skip_bad = true;
    struct Source source = open_source(&options);
    assert_int_equal(source.skipped, 2);
    assert_int_equal(notices, 2);
    expect_samples(&source, "train", "cat/a.png:0 cat/good.png:0 dog/a.png:1");
    source_release(&source);
    assert_int_equal(symlink("..", place(folder, "links/train/cat/back")), 0);
    source = open_source(&options);
    assert_int_equal(source.skipped, 3);
    expect_samples(&source, "train", "cat/a.png:0 cat/good.png:0 dog/a.png:1");
    source_release(&source);
    assert_int_equal(unlink(place(folder, "links/train/bird")), 0);
    assert_int_equal(unlink(place(folder, "links/train/cat/gone.png")), 0);
    options.pictures.skip_bad = false;
    refuse(&options, "train/cat/back", "is a link to a folder that contains it");
}

/* One picture of 16 bits among others makes all of them floats, unless bytes are asked for. */
static void one_deep_picture(void **state) {
    (void)state;
    uint8_t wide[64 * 2];
    for (int i = 0; i < 64; i++) {
        wide[2 * i] = (uint8_t)(i >> 4);
        wide[2 * i + 1] = (uint8_t)(i << 4);
    }
    add_picture("levels/train/a/1.png");
    write_png(place(folder, "levels/train/a/2.png"), 8, 8, PNG_COLOR_TYPE_GRAY, 16, wide, 16);
    struct SourceOptions options = options_of("image-folder", place(folder, "levels"));
    options.pictures.channels = 1;
    struct Source source = open_source(&options);
    float values[2][64];
    struct Error error;
    assert_true(source.floats);
    assert_int_equal(source_read(&source, source.splits[0].items, 2, values, &error), OK);
    assert_float_equal(values[0][5], 7, 0);
    for (int i = 0; i < 64; i++)
        assert_float_equal(values[1][i], (float)(16 * i) / 257, 0);
    source_release(&source);
    options.pictures.depth = SOURCE_DEPTH_BYTE;
    source = open_source(&options);
    assert_false(source.floats);
    source_release(&source);
}

static void classes_of_lists(void **state) {
    (void)state;
    add_picture("list/1.png");
    add_picture("list/in/2.png");
    const char *train = place(folder, "list/train.csv"), *test = place(folder, "list/test.csv");
    const char texts[] = "path,kind\n1.png,dog\nin/2.png,cat\n1.png,dog\n";
    write_bytes(train, texts, sizeof texts - 1);
    struct SourceOptions options = options_of("image-list", train);
    struct Source source = open_source(&options); /* texts are classes by themselves */
    expect_samples(&source, "train", "1.png:1 in/2.png:0 1.png:1");
    assert_string_equal(source.targets.names[0], "cat");
    source_release(&source);
    static const char *const order[] = {"dog", "cat", "cow"};
    options.classes = order;
    options.class_count = 3;
    source = open_source(&options);
    expect_samples(&source, "train", "1.png:0 in/2.png:1 1.png:0");
    assert_int_equal(source.targets.count, 3);
    source_release(&source);
    const char numbers[] = "path,kind,age\n1.png,10,5\nin/2.png,9,6\n";
    write_bytes(test, numbers, sizeof numbers - 1);
    options = options_of("image-list", test);
    options.label = "kind";
    source = open_source(&options);
    expect_samples(&source, "train", "1.png:1 in/2.png:0"); /* 9 comes before 10 */
    source_release(&source);
    const struct SourceNamedPath splits[] = {{(char *)(uintptr_t) "test", test},
                                             {(char *)(uintptr_t) "train", train}};
    options.path_count = 0;
    options.splits = splits;
    options.split_count = 2;
    refuse(&options, "test.csv:2: column 'kind' is '10', expected a class of the first list");
}

/* With skip_bad, files of a list that are missing are left out. */
static void lists_with_missing_files(void **state) {
    (void)state;
    add_picture("holes/1.png");
    const char *list = place(folder, "holes/train.csv");
    const char texts[] = "path,kind\nabsent.png,dog\n1.png,cat\n";
    write_bytes(list, texts, sizeof texts - 1);
    struct SourceOptions options = options_of("image-list", list);
    options.pictures.skip_bad = true;
    struct Source source = open_source(&options);
    expect_samples(&source, "train", "1.png:0");
    assert_int_equal(source.skipped, 1);
    source_release(&source);
}

/* As Kaggle and GTSRB have them: other separators and names of columns, no endings, a folder. */
static void lists_as_others_write_them(void **state) {
    (void)state;
    add_picture("pool/a.png");
    add_picture("pool/b.png");
    static const char *const texts[] = {"id,kind\na,dog\nb,cat\n",
                                        "Filename;kind\na.png;dog\nb;cat\n",
                                        "image_id\tkind\nb\tcat\na\tdog\n"};
    const char *list = place(folder, "labels.csv");
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        write_bytes(list, texts[i], strlen(texts[i]));
        struct SourceOptions options = options_of("image-list", list);
        options.images = place(folder, "pool");
        struct Source source = open_source(&options);
        expect_samples(&source, "train", i == 2 ? "b.png:0 a.png:1" : "a.png:1 b.png:0");
        source_release(&source);
    }
}

/* A picture that was kept is not read again; one for which there was no room is. */
static void kept_pictures_are_decoded_once(void **state) {
    (void)state;
    struct PictureList list = {0};
    struct PictureShape shape = {.height = 2, .width = 2, .form = {.channels = 1}};
    uint8_t values[4], found[4] = {0};
    bool kept[1];
    struct PictureStore store = {.count = 1, .values = values, .kept = kept};
    int64_t bad[2];
    struct Error error;
    for (int i = 0; i < 2; i++) {
        add_picture(i ? "2.png" : "1.png");
        assert_int_equal(picture_list_add(&list, place(folder, i ? "2.png" : "1.png"),
                                          &(struct PictureListOptions){0}, &error),
                         OK);
    }
    picture_list_check(&list, &shape, 0, 1, &store, bad);
    assert_false(bad[0] || bad[1]);
    picture_list_take(&list, &shape, &store);
    unlink(list.files[0].path);
    unlink(list.files[1].path);
    assert_int_equal(picture_list_read(&list, &shape, 0, 1, found, &error), OK);
    for (int i = 0; i < 4; i++)
        assert_int_equal(found[i], 7);
    assert_int_equal(picture_list_read(&list, &shape, 1, 1, found, &error), ERROR_SYSTEM);
    picture_list_release(&list);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nested_folders_and_debris),
        cmocka_unit_test(pictures_beside_folders),
        cmocka_unit_test(links_that_lead_nowhere),
        cmocka_unit_test(one_deep_picture),
        cmocka_unit_test(classes_of_lists),
        cmocka_unit_test(lists_with_missing_files),
        cmocka_unit_test(kept_pictures_are_decoded_once),
        cmocka_unit_test(lists_as_others_write_them),
    };
    return cmocka_run_group_tests(tests, set_up_folder, tear_down_folder);
}
