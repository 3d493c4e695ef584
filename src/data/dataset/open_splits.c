#include <string.h>

#include "base/memory.h"
#include "data/dataset/contents.h"
#include "data/dataset/opening.h"

struct H5File *opening__main(struct Opening *opening) {
    struct H5File *file;
    struct Error ignored;
    if (!opening->main || opening__file(opening, opening->main, &file, &ignored) != OK)
        return NULL;
    return file;
}

static bool has(struct H5File *file, const char *group, const char *name) {
    char *path = memory_print("%s/%s", group, name);
    bool found = h5_exists(file, path);
    memory_release(path);
    return found;
}

/* Returns whether the arrays of a split exist where the options say. */
static bool is_there(struct Opening *opening, const struct SplitOptions *options) {
    bool found = options->images.count > 0;
    for (int i = 0; i < options->images.count && found; i++) {
        struct ArrayName name;
        struct H5File *file;
        struct Error ignored;
        if (array_name_parse(&name, options->images.values[i], opening->request->options->file,
                             &ignored) != OK)
            return true; /* refused later */
        char *place = opening__place(opening, name.file);
        found = opening__file(opening, place, &file, &ignored) == OK && h5_exists(file, name.path);
        memory_release(place);
        array_name_release(&name);
    }
    return found;
}

const struct SplitOptions *opening__options(struct Opening *opening, const char *name) {
    const struct SplitOptions *options = mapping_find(opening->request->options, name);
    if (!options || !opening->request->path)
        return options;
    struct H5File *file = opening__main(opening);
    bool own = file && has(file, name, "images");
    return own && !is_there(opening, options) ? NULL : options;
}

static void add_split(struct Dataset *dataset, const char *name) {
    dataset->splits = memory_room(dataset->splits, dataset->split_count, "splits");
    dataset->splits[dataset->split_count++].name = memory_copy_text(name);
}

/* Returns whether a group has this member, or a link of this name that leads nowhere: opening the
 * split then reports it. */
static bool names(struct H5File *file, const char *group, const char *name) {
    char *path = memory_print("%s/%s", group, name);
    bool found = h5_is_named(file, path);
    memory_release(path);
    return found;
}

/* Adds a split for each group that holds images and labels or targets. */
static void visit_group(void *context, const char *name, enum H5Member member) {
    struct Opening *opening = context;
    struct H5File *file = opening->files[0].file;
    /* Members that cannot be opened are tried, too, so that h5_check reports them. */
    bool possible = member == H5_MEMBER_GROUP || member == H5_MEMBER_UNREADABLE;
    if (!possible || !strcmp(name, "statistics") || !names(file, name, "images"))
        return;
    if (mapping_find(opening->request->options, name))
        return;
    if (opening->request->without_truth || names(file, name, "labels") ||
        names(file, name, "targets"))
        add_split(opening->dataset, name);
    else
        dataset__note(
            opening->dataset,
            memory_print(
                "%s:/%s: has images, but neither labels nor targets; it can only be predicted",
                opening->main, name));
}

void opening__list_splits(struct Opening *opening) {
    const struct DataOptions *options = opening->request->options;
    for (int i = 0; options && i < options->splits.count; i++)
        add_split(opening->dataset, options->splits.items[i].name);
    if (opening__main(opening))
        h5_members(opening__main(opening), "/", visit_group, opening);
}

static int refuse_without_splits(struct Opening *opening, const char *wanted, struct Error *error) {
    struct Dataset *dataset = opening->dataset;
    struct H5File *file = opening__main(opening);
    if (!file) /* sets the error */
        return opening__file(opening, opening->main, &file, error);
    if (h5_exists(file, "predictions"))
        return fail(error, ERROR_DATA, "%s: holds predictions; expected a data set", dataset->path);
    if (dataset->note_count) {
        fail(error, ERROR_DATA, "%s", dataset->notes[0]);
        return error_advise(error, ADVICE_CONTENTS, dataset->path, NULL, 0);
    }
    struct Text held = {0};
    contents__summary(file, NULL, &held);
    fail(error, ERROR_DATA,
         "%s: has no split%s%s%s, a group with images and labels such as /train; it holds %s; "
         "data.splits of a run file names the arrays to use",
         dataset->path, wanted ? " '" : "", wanted ? wanted : "", wanted ? "'" : "", held.data);
    text_release(&held);
    return error_advise(error, ADVICE_CONTENTS, dataset->path, NULL, 0);
}

static int refuse_wanted(struct Opening *opening, const struct WantedSplit *wanted,
                         struct Error *error) {
    struct Dataset *dataset = opening->dataset;
    dataset->split_count = 0;
    opening__list_splits(opening);
    if (!dataset->split_count) {
        refuse_without_splits(opening, wanted->name, error);
        return wanted->key ? error_blame_key(error, wanted->key) : error->code;
    }
    dataset__refuse_split(dataset, wanted, error);
    return wanted->key ? error_blame_key(error, wanted->key) : error->code;
}

/* Adds the requested splits. Each must be in data.splits, or be a group that holds arrays of a
 * split. */
static int choose_wanted(struct Opening *opening, struct Error *error) {
    const struct DatasetRequest *request = opening->request;
    for (int i = 0; i < request->split_count; i++) {
        const struct WantedSplit *wanted = &request->splits[i];
        struct H5File *file = NULL;
        if (opening_held_out_of(opening, wanted->name)) {
            add_split(opening->dataset, wanted->name); /* it takes its rows from another split */
            continue;
        }
        bool described = opening__options(opening, wanted->name) != NULL;
        int code = OK;
        if (!described && opening->main)
            code = opening__file(opening, opening->main, &file, error);
        if (code != OK)
            return code;
        if (!described && !file)
            return fail_key(error, ERROR_RUN_FILE, "data.file",
                            "is missing, and data.splits has no split '%s'", wanted->name);
        if (!described && h5_is_linked(file, wanted->name)) {
            add_split(opening->dataset, wanted->name); /* opening it reports where the link leads */
            continue;
        }
        if (!described && !has(file, wanted->name, "images") &&
            !has(file, wanted->name, "labels") && !has(file, wanted->name, "targets"))
            return refuse_wanted(opening, wanted, error);
        add_split(opening->dataset, wanted->name);
    }
    return OK;
}

int opening__choose_splits(struct Opening *opening, struct Error *error) {
    if (opening->request->splits)
        return choose_wanted(opening, error);
    opening__list_splits(opening);
    return opening->dataset->split_count ? OK : refuse_without_splits(opening, NULL, error);
}
