#include <inttypes.h>
#include <string.h>
#include <sys/stat.h>

#include "base/log.h"
#include "base/memory.h"
#include "base/path.h"
#include "data/dataset/contents.h"
#include "data/dataset/listed.h"
#include "data/dataset/opening.h"
#include "data/dataset/saved_encoding.h"

static int read_root(struct Opening *opening, struct Error *error) {
    struct Dataset *dataset = opening->dataset;
    struct H5File *file;
    int64_t version = DATASET_FORMAT_VERSION, sets = 0;
    int code = opening__file(opening, opening->main, &file, error);
    if (code == OK && h5_has_attribute(file, "/", "format_version"))
        code = h5_read_attribute(file, "/", "format_version", H5_INT64, &version, error);
    if (code == OK && version != DATASET_FORMAT_VERSION)
        code = fail(error, ERROR_DATA, "%s: has format_version %" PRId64 ", this program reads %d",
                    dataset->path, version, DATASET_FORMAT_VERSION);
    if (code == OK && h5_has_attribute(file, "/", MULTI_LABEL))
        code = h5_read_attribute(file, "/", MULTI_LABEL, H5_INT64, &sets, error);
    opening->sets |= sets != 0;
    if (code == OK && h5_has_attribute(file, "/", "source"))
        code = h5_read_attribute(file, "/", "source", H5_TEXT, &dataset->source, error);
    return code ? code : picture_rule_read(&dataset->pictures, file, "/", error);
}

static bool uses_own_layout(const struct Opening *opening) {
    const struct DatasetStorage *storage = opening->dataset->storage;
    for (int i = 0; i < storage->pair_count; i++)
        if (!storage->pairs[i].options)
            return true;
    return false;
}

static int find_pairs(struct Opening *opening, struct Error *error) {
    struct Dataset *dataset = opening->dataset;
    int code = OK;
    opening->pair_of = memory_array(int, dataset->split_count, "splits");
    for (int i = 0; i < dataset->split_count && code == OK; i++)
        code = opening__pair(opening, dataset->splits[i].name, &opening->pair_of[i], error);
    return code;
}

static int read_names(struct Opening *opening, struct Error *error) {
    bool own = uses_own_layout(opening);
    opening->sets = opening->request->options && opening->request->options->multi_label;
    int code = own ? read_root(opening, error) : OK;
    if (!opening->dataset->source)
        opening->dataset->source = memory_copy_text("");
    if (code == OK)
        code = opening__class_names(opening, own, error);
    opening->named = opening_has_classes(opening->dataset);
    if (code == OK && own)
        code = opening__target_names(opening, error);
    if (opening->sets && opening->dataset->targets.names)
        opening->dataset->targets.kind = TARGET_SETS;
    return code;
}

/* Gives the data set the expected targets if no split has labels or targets. Names in the file then
 * have no meaning. */
static void take_expected_targets(struct Opening *opening) {
    const struct DatasetStorage *storage = opening->dataset->storage;
    const struct Targets *expected = opening->request->expected;
    for (int i = 0; i < storage->pair_count; i++)
        if (storage->pairs[i].classes || storage->pairs[i].values)
            return;
    if (!opening->request->without_truth || !expected)
        return;
    targets_release(&opening->dataset->targets);
    opening->dataset->targets =
        targets_copy(expected->kind, (const char *const *)expected->names, expected->count);
}

/* Treats labels that are sets of classes as targets: both are rows of numbers. */
static int take_labels_for_targets(struct Pair *pair, struct Error *error) {
    if (pair->targets.count && pair->labels.count)
        return fail(error, ERROR_DATA,
                    "%s:/%s: has labels as well as targets; expected one of them: the rows of 0 "
                    "and 1",
                    pair->labels.items[0].name.file, pair->split);
    if (pair->labels.count) {
        pair->targets = pair->labels;
        pair->labels = (struct Arrays){0};
    }
    return OK;
}

static int open_pairs(struct Opening *opening, struct Error *error) {
    struct DatasetStorage *storage = opening->dataset->storage;
    int code = OK;
    for (int i = 0; i < storage->pair_count && code == OK; i++) {
        struct Pair *pair = &storage->pairs[i];
        code = opening__images(opening, pair, error);
        if (code == OK) {
            opening__attributes(opening, &pair->images);
            opening__attributes(opening, &pair->targets);
        }
        if (code == OK && opening->sets)
            code = take_labels_for_targets(pair, error);
        if (code == OK && pair->labels.count)
            code = opening__labels(opening, pair, error);
        if (code == OK && pair->targets.count)
            code = opening__targets(opening, pair, error);
        if (code == OK && pair->weights.count)
            code = opening__weights(pair, error);
        if (code == OK)
            code = opening__block_digests(opening, pair, error);
    }
    if (code == OK)
        code = opening__classes_of_labels(opening, error);
    for (int i = 0; i < storage->pair_count && code == OK; i++)
        code = opening__number_labels(opening, &storage->pairs[i], error);
    if (code == OK)
        take_expected_targets(opening);
    return code ? code : opening__check_targets(opening, error);
}

static int read_digest(struct Opening *opening, struct Split *split, struct Error *error) {
    struct H5File *file;
    int code = opening__file(opening, opening->main, &file, error);
    if (code != OK || !h5_has_attribute(file, split->name, "digest"))
        return code;
    char *digest;
    code = h5_read_attribute(file, split->name, "digest", H5_TEXT, &digest, error);
    if (code != OK)
        return code;
    if (strlen(digest) == 32 && strspn(digest, "0123456789abcdef") == 32)
        memcpy(split->digest, digest, 33);
    else
        code = fail(error, ERROR_DATA,
                    "%s:/%s, attribute digest: is '%.40s', expected 32 hexadecimal digits",
                    opening->dataset->path, split->name, digest);
    memory_release(digest);
    return code;
}

/* Returns whether a split, apart from a limit, is an unchanged group of the own layout, so that the
 * file's digest and statistics describe it. */
static bool is_as_stored(const struct Opening *opening, int index) {
    const struct DataOptions *options = opening->request->options;
    const struct Split *split = &opening->dataset->splits[index];
    const struct Pair *pair = &opening->dataset->storage->pairs[opening->pair_of[index]];
    bool turned = options && strcmp(options->axes, "auto") && strcmp(options->axes, "NHWC");
    return !pair->options && (!split->rows || split->limited) && !turned;
}

static int complete_splits(struct Opening *opening, struct Error *error) {
    struct Dataset *dataset = opening->dataset;
    int code = OK;
    for (int i = 0; i < dataset->split_count && code == OK; i++) {
        code = opening__rows(opening, i, error);
        bool stored = code == OK && is_as_stored(opening, i);
        dataset->splits[i].limited &= stored;
        dataset->splits[i].as_stored = stored && !dataset->splits[i].limited;
        if (dataset->splits[i].as_stored)
            code = read_digest(opening, &dataset->splits[i], error);
    }
    for (int i = 0; i < dataset->split_count && code == OK; i++)
        if (dataset->splits[i].as_stored || dataset->splits[i].limited)
            code = opening__statistics(opening, &dataset->splits[i], error);
    return code;
}

static int check_names(const struct Opening *opening, struct Error *error) {
    const struct Dataset *dataset = opening->dataset;
    const struct DataOptions *options = opening->request->options;
    const struct Targets *targets = &dataset->targets;
    const char *repeated = targets_repeated(targets);
    if (!repeated)
        return OK;
    if (options && options->classes.count && !targets_are_values(targets))
        return fail_key(error, ERROR_RUN_FILE, "data.classes",
                        "two classes are called '%s'; expected different names", repeated);
    return fail(error, ERROR_DATA, "%s:/%s: two %s are called '%s'; expected different names",
                dataset->path, targets_are_values(targets) ? "target_names" : "classes",
                targets_words(targets), repeated);
}

static void log_opened(const struct Dataset *dataset) {
    log_debug("%s: %d splits, %" PRId64 " %s", dataset->path, dataset->split_count,
              dataset->targets.count, targets_words(&dataset->targets));
    for (int i = 0; i < dataset->split_count; i++)
        log_debug("%s: split %s, %" PRId64 " samples, digest %s", dataset->path,
                  dataset->splits[i].name, dataset->splits[i].count, dataset->splits[i].digest);
}

/* Returns the path of the file of splits in the own layout. The caller releases it. */
static char *find_main(const struct Opening *opening) {
    const struct DatasetRequest *request = opening->request;
    const char *file = request->options ? request->options->file : NULL;
    if (file)
        return opening__place(opening, file);
    bool folder = request->options && request->path && path_is_folder(request->path);
    return request->path && !folder ? memory_copy_text(request->path) : NULL;
}

/* Reads how rows of a table became the images of splits in the own layout. */
static int read_encoding(struct Opening *opening, struct Error *error) {
    struct Dataset *dataset = opening->dataset;
    struct H5File *file = uses_own_layout(opening) ? opening__main(opening) : NULL;
    int code = file ? encoding_saved.load(&dataset->encoding, file, error) : OK;
    if (code == OK && dataset->encoding.column_count &&
        !encoding_fits(&dataset->encoding, dataset_elements(dataset), &dataset->targets))
        code = fail(error, ERROR_DATA, "%s:/encoding: is not that of the images and targets",
                    dataset->path);
    return code;
}

/* Returns whether this opening needs the arrays of a group of the own layout. Groups that are no
 * splits belong to all splits. */
static bool is_needed(void *context, const char *group) {
    const struct Opening *opening = context;
    const struct DatasetStorage *storage = opening->dataset->storage;
    for (int i = 0; i < storage->pair_count; i++)
        if (!storage->pairs[i].options && !strcmp(storage->pairs[i].split, group))
            return !opening->request->without_truth;
    return !*group || !strcmp(group, "statistics") || !strcmp(group, "encoding");
}

static int check_listed(struct Opening *opening, struct Error *error) {
    struct H5File *file = uses_own_layout(opening) ? opening__main(opening) : NULL;
    return file ? listed__check_arrays(file, is_needed, opening, error) : OK;
}

static int open_all(struct Opening *opening, struct Error *error) {
    int code = opening__choose_splits(opening, error);
    if (code == OK)
        code = find_pairs(opening, error);
    if (code == OK)
        code = check_listed(opening, error);
    if (code == OK)
        code = read_names(opening, error);
    if (code == OK)
        code = open_pairs(opening, error);
    if (code == OK)
        code = check_names(opening, error);
    if (code == OK)
        code = read_encoding(opening, error);
    return code ? code : complete_splits(opening, error);
}

/* An object that could not be read may have been taken for a missing one. Its error then replaces
 * that of any other failure. */
static int check_files(const struct Opening *opening, int code, struct Error *error) {
    for (int i = 0; i < opening->file_count; i++)
        if (h5_check(opening->files[i].file, error) != OK)
            return error->code;
    bool explained = code != OK && *error->key;
    if (opening->unopened.code == OK || explained)
        return code;
    *error = opening->unopened;
    return error->code;
}

/* Returns whether files must stay open, because images are read from them in blocks. */
static bool needs_files(const struct DatasetStorage *storage) {
    for (int i = 0; i < storage->pair_count; i++)
        for (int k = 0; k < storage->pairs[i].images.count; k++)
            if (!storage->pairs[i].runs[k].images)
                return true;
    return false;
}

/* Closes the files, or gives them to the data set. */
static void release_files(struct Opening *opening, bool keep) {
    struct DatasetStorage *storage = opening->dataset->storage;
    if (keep)
        storage->files = memory_array(struct H5File *, opening->file_count, "open files");
    for (int i = 0; i < opening->file_count; i++) {
        struct H5File *file = opening->files[i].file;
        if (keep) {
            h5_keep(file);
            storage->files[storage->file_count++] = file;
        } else {
            h5_close(file);
        }
    }
    memory_release(opening->files);
}

static int open_request(struct Dataset **out, const struct DatasetRequest *request,
                        struct Error *error) {
    struct Opening opening = {.request = request};
    struct Dataset *dataset = memory_allocate(sizeof *dataset, "a data set");
    char *main = find_main(&opening);
    opening.main = main;
    opening.dataset = dataset;
    dataset->storage = memory_allocate(sizeof *dataset->storage, "a data set");
    dataset->path = memory_copy_text(main ? main : request->path ? request->path : "the data set");
    int code = open_all(&opening, error);
    code = check_files(&opening, code, error);
    if (code == OK && !main) {
        memory_release(dataset->path);
        dataset->path = memory_copy_text(dataset->storage->pairs[0].images.items[0].name.file);
    }
    release_files(&opening, code == OK && needs_files(dataset->storage));
    memory_release(opening.pair_of);
    memory_release(opening.values);
    memory_release(main);
    if (code != OK) {
        dataset_close(dataset);
        return code;
    }
    *out = dataset;
    log_opened(dataset);
    return OK;
}

/* Splits that were opened one at a time. */
struct Trials {
    struct WantedSplit *good;
    char **bad; /* texts that say why the other splits cannot be used */
    int good_count, bad_count;
};

static void try_split(struct Trials *trials, const struct DatasetRequest *request,
                      const char *name) {
    struct Error own = {0};
    struct Dataset *alone = NULL;
    struct DatasetRequest one = *request;
    struct WantedSplit *wanted = &trials->good[trials->good_count];
    wanted->name = name;
    one.splits = wanted;
    one.split_count = 1;
    if (open_request(&alone, &one, &own) == OK)
        trials->good_count++;
    else
        trials->bad[trials->bad_count++] =
            memory_print("split %s cannot be used: %s", name, own.text);
    dataset_close(alone);
}

/* Gives the notes to the data set, or releases them if it is NULL. Releases the array. */
static void hand_over_notes(struct Dataset *dataset, char **notes, int count) {
    for (int i = 0; i < count; i++) {
        if (dataset)
            dataset__note(dataset, notes[i]);
        else
            memory_release(notes[i]);
    }
    memory_release(notes);
}

/* Lists all splits that a request could be for, as a data set with names and notes only. Fails if
 * the file is too damaged to tell. */
static int name_splits(const struct DatasetRequest *request, struct Dataset *names,
                       struct Error *error) {
    int code = OK;
    struct Opening opening = {.request = request, .dataset = names};
    char *main = find_main(&opening);
    opening.main = main;
    opening__list_splits(&opening);
    for (int i = 0; i < opening.file_count; i++) {
        code = code ? code : h5_check(opening.files[i].file, error);
        h5_close(opening.files[i].file);
    }
    memory_release(opening.files);
    memory_release(main);
    return code;
}

/* Opens the splits that can be opened, and adds a note for each of the others. */
static int open_good(struct Dataset **out, const struct DatasetRequest *request,
                     struct Error *error) {
    struct Dataset names = {0};
    struct Error ignored; /* the splits that were found until then are listed */
    name_splits(request, &names, &ignored);
    struct Trials trials = {.good = memory_array(struct WantedSplit, names.split_count, "splits"),
                            .bad = memory_array(char *, names.split_count, "notes")};
    for (int i = 0; i < names.split_count; i++)
        try_split(&trials, request, names.splits[i].name);
    struct DatasetRequest some = *request;
    some.splits = trials.good;
    some.split_count = trials.good_count;
    int code = trials.good_count ? open_request(out, &some, error) : error->code;
    hand_over_notes(code ? NULL : *out, trials.bad, trials.bad_count);
    hand_over_notes(code ? NULL : *out, names.notes, names.note_count);
    for (int i = 0; i < names.split_count; i++)
        memory_release(names.splits[i].name);
    memory_release(names.splits);
    memory_release(trials.good);
    return code;
}

int dataset_open_request(struct Dataset **out, const struct DatasetRequest *request,
                         struct Error *error) {
    *out = NULL;
    int code = open_request(out, request, error);
    return code && request->skips_bad && !request->splits ? open_good(out, request, error) : code;
}

int dataset_list_splits(const struct DatasetRequest *request, char ***splits, int *count,
                        struct Error *error) {
    struct Dataset names = {0};
    int code = name_splits(request, &names, error);
    char **found = memory_array(char *, names.split_count, "names of splits");
    for (int i = 0; i < names.split_count; i++)
        found[i] = names.splits[i].name;
    *splits = found;
    *count = names.split_count;
    hand_over_notes(NULL, names.notes, names.note_count);
    memory_release(names.splits);
    return code;
}

int dataset_open(struct Dataset **out, const char *path, struct Error *error) {
    const struct DatasetRequest request = {.path = path};
    return dataset_open_request(out, &request, error);
}
