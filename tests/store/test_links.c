/* What leads out of a file, or round in circles: links, external storage, virtual datasets. Links
 * inside a file are as good as names; whatever leads to another file is refused, or followed inside
 * the file's folder if that was asked for. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <sys/stat.h>

#include <hdf5.h>

#include "store/h5.h"
#include "store/scratch.h"

#include <cmocka.h>

#define COUNT 6

static struct Error error;
static const uint8_t values[COUNT] = {1, 2, 3, 5, 8, 13};

static hid_t space_of(hsize_t count) {
    return H5Screate_simple(1, &count, NULL);
}

static hid_t create_file(const char *name) {
    return H5Fcreate(scratch_path(name), H5F_ACC_TRUNC, H5P_DEFAULT, H5P_DEFAULT);
}

/* A dataset, made with the properties `create`, which are released. */
static void add(hid_t file, const char *name, hid_t create, bool write) {
    hid_t space = space_of(COUNT);
    hid_t made = H5Dcreate2(file, name, H5T_NATIVE_UINT8, space, H5P_DEFAULT, create, H5P_DEFAULT);
    assert_true(made >= 0);
    if (write)
        H5Dwrite(made, H5T_NATIVE_UINT8, H5S_ALL, H5S_ALL, H5P_DEFAULT, values);
    H5Dclose(made);
    H5Sclose(space);
    H5Pclose(create);
}

static hid_t properties(void) {
    return H5Pcreate(H5P_DATASET_CREATE);
}

static void make_source(const char *name) {
    hid_t file = create_file(name);
    add(file, "x", properties(), true);
    H5Fclose(file);
}

static void add_view(hid_t file, const char *name, const char *source, const char *array) {
    hid_t create = properties(), space = space_of(COUNT);
    assert_true(H5Pset_virtual(create, space, source, array, space) >= 0);
    H5Sclose(space);
    add(file, name, create, false);
}

static struct H5File *open_file(const char *name, bool follows) {
    struct H5File *file;
    if (h5_open(&file, scratch_path(name), ERROR_DATA, &error) != OK)
        fail_msg("%s", error.text);
    h5_follow_links(file, follows);
    return file;
}

static void is_read(struct H5File *file, const char *name) {
    uint8_t found[COUNT] = {0};
    if (h5_read(file, name, H5_UINT8, 1, (int64_t[]){COUNT}, found, &error) != OK)
        fail_msg("%s", error.text);
    assert_memory_equal(found, values, COUNT);
}

static void is_refused(struct H5File *file, const char *name, const char *words) {
    uint8_t found[COUNT];
    struct H5Info info;
    assert_int_equal(h5_info(file, name, &info, &error), ERROR_DATA);
    assert_int_equal(h5_read(file, name, H5_UINT8, 1, (int64_t[]){COUNT}, found, &error),
                     ERROR_DATA);
    if (!strstr(error.text, words))
        fail_msg("\"%s\" does not say \"%s\"", error.text, words);
    assert_null(strchr(error.text, '\n'));
}

static void links_inside_are_names(void **state) {
    (void)state;
    hid_t file = create_file("inside.h5");
    add(file, "x", properties(), true);
    H5Lcreate_hard(file, "x", file, "hard", H5P_DEFAULT, H5P_DEFAULT);
    H5Lcreate_soft("/x", file, "soft", H5P_DEFAULT, H5P_DEFAULT);
    H5Lcreate_soft("/nothing", file, "dangling", H5P_DEFAULT, H5P_DEFAULT);
    H5Lcreate_soft("/circle", file, "circle", H5P_DEFAULT, H5P_DEFAULT);
    H5Fclose(file);
    struct H5File *opened = open_file("inside.h5", false);
    is_read(opened, "hard");
    is_read(opened, "soft");
    is_refused(opened, "dangling", "/dangling: is missing (a link that leads to nothing)");
    is_refused(opened, "circle", "/circle: is a link that leads back to itself");
    static const struct {
        const char *name;
        bool exists, named;
    } links[] = {{"soft", true, true},       {"dangling", false, true}, {"circle", false, true},
                 {"circle/x", false, false}, {"nothing", false, false}, {"no/x", false, false}};
    for (size_t i = 0; i < sizeof links / sizeof *links; i++) {
        assert_int_equal(h5_exists(opened, links[i].name), links[i].exists);
        assert_int_equal(h5_is_named(opened, links[i].name), links[i].named);
    }
    assert_int_equal(h5_check(opened, &error), OK); /* nothing of this is damage */
    h5_close(opened);
}

static void links_to_files_are_refused_unless_followed(void **state) {
    (void)state;
    make_source("source.h5");
    hid_t file = create_file("links.h5");
    H5Lcreate_external("source.h5", "/x", file, "link", H5P_DEFAULT, H5P_DEFAULT);
    H5Lcreate_soft("/link", file, "by-way-of", H5P_DEFAULT, H5P_DEFAULT);
    add_view(file, "view", "source.h5", "x");
    H5Fclose(file);
    struct H5File *opened = open_file("links.h5", false);
    is_refused(opened, "link", "is a link to another file, source.h5:/x; links: follow");
    is_refused(opened, "by-way-of", "/by-way-of");
    is_refused(opened, "view", "is a virtual dataset, a view of other files; links: follow");
    assert_false(h5_exists(opened, "link"));
    assert_true(h5_is_named(opened, "link"));
    h5_close(opened);
    opened = open_file("links.h5", true);
    is_read(opened, "link");
    is_read(opened, "by-way-of");
    is_read(opened, "view");
    h5_close(opened);
}

static int refuse_source(const char *path, int failure, struct Error *why) {
    const char *base = strrchr(path, '/') + 1;
    return strcmp(base, "source.h5") ? OK : (fail)(why, failure, "%s: kills its reader", path);
}

static void linked_files_are_examined_first(void **state) {
    (void)state;
    make_source("source.h5");
    hid_t file = create_file("links.h5");
    H5Lcreate_external("source.h5", "/x", file, "link", H5P_DEFAULT, H5P_DEFAULT);
    add_view(file, "view", "source.h5", "x");
    H5Fclose(file);
    static const char *const names[] = {"link", "view"};
    h5_set_examiner(refuse_source);
    for (int i = 0; i < 2; i++) {
        struct H5File *opened = open_file("links.h5", true);
        is_refused(opened, names[i], "source.h5: kills its reader");
        h5_close(opened);
    }
    h5_set_examiner(NULL);
}

static void links_never_leave_the_folder(void **state) {
    (void)state;
    make_source("source.h5");
    mkdir(scratch_path("in"), 0755);
    hid_t file = create_file("in/far.h5");
    H5Lcreate_external("../source.h5", "/x", file, "up", H5P_DEFAULT, H5P_DEFAULT);
    H5Lcreate_external(scratch_path("source.h5"), "/x", file, "whole", H5P_DEFAULT, H5P_DEFAULT);
    H5Lcreate_external("by-name.h5", "/x", file, "by-name", H5P_DEFAULT, H5P_DEFAULT);
    add_view(file, "view", scratch_path("source.h5"), "x");
    H5Fclose(file);
    assert_int_equal(symlink("../source.h5", scratch_path("in/by-name.h5")), 0);
    struct H5File *opened = open_file("in/far.h5", true);
    static const char *const names[] = {"up", "whole", "by-name", "view"};
    for (int i = 0; i < 4; i++)
        is_refused(opened, names[i], "in the folder of the file");
    h5_close(opened);
    unlink(scratch_path("in/by-name.h5"));
    unlink(scratch_path("in/far.h5"));
    rmdir(scratch_path("in"));
}

/* Raw bytes of any file of the machine: never, whoever asks. */
static void external_storage_is_refused(void **state) {
    (void)state;
    scratch_write(scratch_path("raw"), values, COUNT);
    hid_t file = create_file("external.h5"), create = properties();
    H5Pset_external(create, scratch_path("raw"), 0, COUNT);
    add(file, "x", create, false);
    H5Fclose(file);
    for (int follows = 0; follows < 2; follows++) {
        struct H5File *opened = open_file("external.h5", follows);
        is_refused(opened, "x", "keeps its values in other files");
        h5_close(opened);
    }
}

static void views_of_views_are_refused(void **state) {
    (void)state;
    hid_t file = create_file("views.h5");
    add(file, "x", properties(), true);
    add_view(file, "view", ".", "x");
    add_view(file, "itself", ".", "itself");
    add_view(file, "of-view", ".", "view");
    add_view(file, "of-nothing", ".", "nothing");
    add_view(file, "by-name", "views.h5", "by-name");
    H5Fclose(file);
    struct H5File *opened = open_file("views.h5", true);
    is_read(opened, "view");
    is_refused(opened, "itself", "is a view itself");
    is_refused(opened, "of-view", "is a view itself");
    is_refused(opened, "of-nothing", "is missing");
    is_refused(opened, "by-name", "/by-name");
    h5_close(opened);
}

static int count_member(void *context, const char *name, bool is_group, struct Error *unused) {
    (void)name, (void)is_group, (void)unused;
    ++*(int *)context;
    return OK;
}

static void groups_in_circles_end(void **state) {
    (void)state;
    hid_t file = create_file("circle.h5");
    hid_t group = H5Gcreate2(file, "a", H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT);
    H5Lcreate_hard(file, "a", group, "a", H5P_DEFAULT, H5P_DEFAULT);
    H5Gclose(group);
    H5Fclose(file);
    struct H5File *opened = open_file("circle.h5", false);
    int count = 0;
    assert_int_equal(h5_list(opened, "a/a/a", count_member, &count, &error), OK);
    assert_int_equal(count, 1);
    assert_true(h5_walk(opened));
    h5_close(opened);
}

int main(void) {
    H5Eset_auto2(H5E_DEFAULT, NULL, NULL);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(links_inside_are_names),
        cmocka_unit_test(links_to_files_are_refused_unless_followed),
        cmocka_unit_test(linked_files_are_examined_first),
        cmocka_unit_test(links_never_leave_the_folder),
        cmocka_unit_test(external_storage_is_refused),
        cmocka_unit_test(views_of_views_are_refused),
        cmocka_unit_test(groups_in_circles_end),
    };
    return cmocka_run_group_tests(tests, scratch_make, scratch_remove);
}
