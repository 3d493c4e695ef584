#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/memory.h"
#include "data/dataset/conventions_parts.h"

static const char *const part_names[] = {"train", "validation", "test"};

/* The arrays of a split that were recognised. */
struct Found {
    const struct ContentsItem *images, *labels;
    const char *stem, *label_stem;
    bool by_group; /* the name of a group gives the split */
};

static int64_t largest_size(const struct H5Info *info) {
    int64_t most = 0;
    for (int i = 0; i < info->rank; i++)
        most = info->size[i] > most ? info->size[i] : most;
    return most;
}

static bool can_be(const struct ContentsItem *item, enum ConventionRole role) {
    const struct H5Info *info = &item->storage.info;
    if (item->member != H5_MEMBER_ARRAY || item->problem || info->rank < 1)
        return false;
    if (role == ROLE_IMAGES)
        return info->type == H5_BYTES ? info->rank == 1
                                      : holds_numbers(info) && info->rank >= 2 && info->rank <= 4 &&
                                            largest_size(info) > 1;
    return (holds_numbers(info) || holds_text(info)) && info->rank <= 4;
}

/* Returns the labels that belong to images: of the same split, in the same group, and as many; or
 * NULL. */
static const struct ContentsItem *labels_of(const struct Contents *contents,
                                            const struct ContentsItem *images,
                                            const struct Meaning *meaning, char stem[32]) {
    const struct ContentsItem *found = NULL;
    const struct H5Info *shape = &images->storage.info;
    for (int i = 0; i < contents->count; i++) {
        const struct ContentsItem *item = &contents->items[i];
        const struct H5Info *info = &item->storage.info;
        struct Meaning other;
        conventions__read_path(item->path, &other);
        bool names_classes = holds_text(info) && conventions__names_classes(item->path);
        if (other.role != ROLE_LABELS || other.part != meaning->part || names_classes ||
            !can_be(item, ROLE_LABELS) || strcmp(other.group, meaning->group))
            continue;
        bool fits = info->size[0] == shape->size[0] ||
                    info->size[info->rank - 1] == shape->size[0] ||
                    largest_size(info) == shape->size[shape->rank - 1];
        if (!fits || (found && strcmp(other.stem, "fine")))
            continue;
        found = item;
        snprintf(stem, 32, "%s", other.stem);
    }
    return found;
}

/* ---- What the pair needs ---- */

/* Returns the order of the dimensions, or NULL if it is the usual one. */
static const char *axes_of(const struct Found *found, int64_t samples, bool matlab) {
    const struct H5Info *info = &found->images->storage.info;
    const int64_t *size = info->size;
    if (info->rank == 4 && size[0] == samples && are_channels(size[1]) && !are_channels(size[3]))
        return matlab ? "NCWH" : "NCHW";
    if (info->rank == 4 && size[0] == samples && are_channels(size[1]) && size[2] > 4 &&
        size[3] > 4)
        return matlab ? "NCWH" : "NCHW";
    if (info->rank == 4 && size[3] == samples && size[0] != samples)
        return are_channels(size[0]) ? "CWHN" : are_channels(size[2]) ? "HWCN" : NULL;
    if (info->rank == 3 && size[2] == samples && size[0] != samples)
        return matlab ? "WHN" : "HWN";
    if (info->rank == 3 && matlab)
        return "NWH";
    if (info->rank == 2 && size[1] == samples && size[0] != samples)
        return "FN";
    return NULL;
}

/* Returns the number of samples: the size that images and labels have in common. */
static int64_t samples_of(const struct Found *found) {
    const struct H5Info *images = &found->images->storage.info;
    const struct H5Info *labels = found->labels ? &found->labels->storage.info : NULL;
    if (labels && labels->rank && images->size[images->rank - 1] == largest_size(labels) &&
        images->size[0] != largest_size(labels) && labels->size[0] != images->size[0])
        return images->size[images->rank - 1];
    return images->size[0];
}

#define LOOKED_AT ((int64_t)1 << 20) /* labels that are read at most */

/* What the values of numeric labels show. */
struct Numbers {
    bool values;   /* some are not whole numbers */
    bool from_one; /* classes begin at 1 */
    bool sparse;   /* some are negative, or many numbers between them do not occur */
};

static int by_size(const void *a, const void *b) {
    double first = *(const double *)a, second = *(const double *)b;
    return (first > second) - (first < second);
}

static int64_t count_different(double *numbers, int64_t count) {
    int64_t different = 1;
    qsort(numbers, (size_t)count, sizeof *numbers, by_size);
    for (int64_t i = 1; i < count; i++)
        different += numbers[i] != numbers[i - 1];
    return different;
}

/* Returns whether labels, one number for each sample, seem to be names of classes and not indices.
 * Sorts `numbers`. */
static bool are_sparse(const struct H5Info *info, double *numbers, int64_t count) {
    if (largest_size(info) != count)
        return false; /* several columns */
    int64_t different = count_different(numbers, count);
    double least = numbers[0], classes = numbers[count - 1] + (least == 1 ? 0 : 1);
    return least < 0 || 4 * (classes - (double)different) > classes;
}

static void look_at_labels(struct H5File *file, const struct ContentsItem *labels,
                           struct Numbers *found) {
    struct Error ignored;
    *found = (struct Numbers){0};
    if (!labels)
        return;
    const struct H5Info *info = &labels->storage.info;
    int64_t count = memory_product(info->size, info->rank);
    if (!holds_numbers(info) || count < 1 || count > LOOKED_AT)
        return;
    double *numbers = memory_array(double, count, "labels"), least = INFINITY, most = 0;
    if (h5_read(file, labels->path, H5_FLOAT64, info->rank, info->size, numbers, &ignored) == OK)
        for (int64_t i = 0; i < count; i++) {
            found->values |= rint(numbers[i]) != numbers[i];
            least = fmin(least, numbers[i]);
            most = fmax(most, numbers[i]);
        }
    found->from_one = !found->values && least == 1 && most > 1;
    found->sparse = !found->values && isfinite(least) && are_sparse(info, numbers, count);
    memory_release(numbers);
}

/* Returns the name of the file of labels: PCam keeps them in FILE_y.h5 beside FILE_x.h5. */
static char *sibling_of(const char *path) {
    const char *x = NULL;
    for (const char *at = strstr(path, "_x."); at; at = strstr(at + 1, "_x."))
        x = at;
    if (!x)
        return NULL;
    char *sibling = memory_copy_text(path);
    sibling[x - path + 1] = 'y';
    if (!access(sibling, R_OK))
        return sibling;
    memory_release(sibling);
    return NULL;
}

/* Returns an array that seems to say for each sample which split it belongs to; or NULL. */
static const struct ContentsItem *split_array(const struct Contents *contents, int64_t samples) {
    static const char *const words[] = {"set", "split", "splits", "subset", "partition", NULL};
    for (int i = 0; i < contents->count; i++) {
        const struct ContentsItem *item = &contents->items[i];
        const struct H5Info *info = &item->storage.info;
        if (item->member == H5_MEMBER_ARRAY && !item->problem && info->rank >= 1 &&
            (holds_numbers(info) || info->type == H5_TEXT) && largest_size(info) == samples &&
            memory_product(info->size, info->rank) == samples &&
            text_index(strrchr(item->path, '/') + 1, words, -1) >= 0)
            return item;
    }
    return NULL;
}

/* Returns why no array of labels was recognised. */
static char *why_no_labels(const struct Contents *contents, const struct Found *found) {
    struct Meaning meaning, other;
    conventions__read_path(found->images->path, &meaning);
    for (int i = 0; i < contents->count; i++) {
        const struct ContentsItem *item = &contents->items[i];
        conventions__read_path(item->path, &other);
        if (item->member != H5_MEMBER_ARRAY || other.role != ROLE_LABELS ||
            other.part != meaning.part || strcmp(other.group, meaning.group))
            continue;
        struct Text text = {0};
        text_add(&text, "%s is ", item->path);
        contents_describe(item, &text);
        text_add(&text, ", which are not labels of %s ", found->images->path);
        contents_describe(found->images, &text);
        text_add(&text, ": put the name of an array that fits in the place of FILE.h5:/labels");
        return text.data;
    }
    return memory_copy_text(
        "no array of labels is recognised: put its name in the place of FILE.h5:/labels");
}

static void add_split(struct Proposal *proposal, const struct Contents *contents, struct Text *text,
                      struct H5File *file, const char *path, const struct Found *found,
                      const char *name, const struct Numbers *numbers) {
    bool matlab = h5_has_attribute(file, found->images->path, "MATLAB_class");
    const char *axes = axes_of(found, samples_of(found), matlab);
    text_add(text, "    %s: {images: ", name);
    conventions__add_name(text, found->images->path);
    text_add(text, ", %s: ", numbers->values ? "targets" : "labels");
    if (found->labels) {
        conventions__add_name(text, found->labels->path);
    } else {
        char *sibling = sibling_of(path);
        if (!sibling)
            proposal->missing = why_no_labels(contents, found);
        char *labels =
            memory_print("%s:/%s", sibling ? sibling : "FILE.h5", sibling ? "y" : "labels");
        text_add(text, "\"%s\"", labels);
        memory_release(labels);
        memory_release(sibling);
    }
    if (axes)
        text_add(text, ", axes: %s", axes);
    if (numbers->from_one)
        text_add(text, ", first_label: 1");
    text_add(text, "}\n");
}

/* ---- Whose convention it is ---- */

static const char *recognise(const struct Found *found, bool matlab) {
    const char *images = found->images->path, *stem = found->stem, *labels = found->label_stem;
    static const struct {
        const char *images, *labels, *name;
    } names[] = {{"data", "label", "Caffe (data and label)"},
                 {"features", "targets", "Fuel (features and targets)"},
                 {"images", "ans", "Galaxy10 (images and ans)"},
                 {"image", "label", "TensorFlow Datasets and MNIST (image and label)"}};
    if (matlab)
        return "MATLAB and SVHN (dimensions reversed)";
    if (strstr(images, "set_x"))
        return "train_set_x and train_set_y";
    if (!found->labels && !strcmp(stem, "x"))
        return "PCam (x and y in two files)";
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (!strcmp(stem, names[i].images) && !strcmp(labels, names[i].labels))
            return names[i].name;
    if (!strcmp(stem, "x"))
        return found->by_group ? "a group for each split with x and y (Keras)" : "Keras (x and y)";
    return found->by_group ? "a group for each split" : "arrays named for what they hold";
}

static const struct ContentsItem *class_names(const struct Contents *contents) {
    for (int i = 0; i < contents->count; i++) {
        const struct ContentsItem *item = &contents->items[i];
        if (item->member == H5_MEMBER_ARRAY && !item->problem && holds_text(&item->storage.info) &&
            conventions__names_classes(item->path) &&
            memory_product(item->storage.info.size, item->storage.info.rank) <= 100000)
            return item;
    }
    return NULL;
}

void proposal_release(struct Proposal *proposal) {
    memory_release(proposal->name);
    memory_release(proposal->lines);
    memory_release(proposal->missing);
    *proposal = (struct Proposal){0};
}

/* Finds the arrays of each split. Arrays that name no split are for training. */
static int find_pairs(const struct Contents *contents, struct Found found[PARTS],
                      char stems[PARTS][2][32]) {
    int count = 0;
    for (int i = 0; i < contents->count; i++) {
        const struct ContentsItem *item = &contents->items[i];
        struct Meaning meaning;
        char label_stem[32] = "";
        conventions__read_path(item->path, &meaning);
        if (meaning.role != ROLE_IMAGES || !can_be(item, ROLE_IMAGES))
            continue;
        const struct ContentsItem *labels = labels_of(contents, item, &meaning, label_stem);
        int part = meaning.part == PART_OTHER ? PART_TRAIN : (int)meaning.part;
        struct Found *at = &found[part];
        if (at->images && (at->labels || !labels))
            continue;
        count += !at->images;
        snprintf(stems[part][0], 32, "%s", meaning.stem);
        snprintf(stems[part][1], 32, "%s", label_stem);
        *at = (struct Found){item, labels, stems[part][0], stems[part][1], meaning.by_group};
    }
    return count;
}

/* Examines the labels of all parts. Returns whether their values seem to be names of classes. */
static bool look_at_parts(struct H5File *file, const struct Found found[PARTS], bool named,
                          struct Numbers numbers[PARTS]) {
    bool by_value = false, enumeration = false;
    for (int part = 0; part < PARTS; part++) {
        look_at_labels(file, found[part].labels, &numbers[part]);
        by_value |= !named && numbers[part].sparse;
        enumeration |= found[part].labels &&
                       !strcmp(found[part].labels->storage.info.type_name, "an enumeration");
    }
    by_value &= !enumeration;
    for (int part = 0; part < PARTS; part++)
        numbers[part].from_one &= !by_value && !enumeration;
    return by_value;
}

void proposal_make(struct Proposal *proposal, struct H5File *file, const char *path, bool follows,
                   const struct Contents *contents) {
    struct Found found[PARTS] = {0};
    char stems[PARTS][2][32];
    struct Text text = {0};
    *proposal = (struct Proposal){0};
    if (conventions__many(proposal, file, path, follows, contents) ||
        !find_pairs(contents, found, stems))
        return;
    int first = found[PART_TRAIN].images        ? PART_TRAIN
                : found[PART_VALIDATION].images ? PART_VALIDATION
                                                : PART_TEST;
    bool matlab = h5_has_attribute(file, found[first].images->path, "MATLAB_class");
    proposal->name = memory_copy_text(recognise(&found[first], matlab));
    text_add(&text, "data:\n  file: ");
    conventions__add_name(&text, path);
    const struct ContentsItem *names = class_names(contents);
    struct Numbers numbers[PARTS];
    bool by_value = look_at_parts(file, found, names != NULL, numbers);
    if (follows)
        text_add(&text, "\n  links: follow");
    if (strstr(found[first].images->storage.filters, "(not available)"))
        text_add(&text, "\n  plugins: load");
    if (names)
        text_add(&text, "\n  classes: %s", names->path);
    else if (by_value)
        text_add(&text, "\n  classes: values");
    text_add(&text, "\n  splits:\n");
    for (int part = 0; part < PARTS; part++)
        if (found[part].images)
            add_split(proposal, contents, &text, file, path, &found[part], part_names[part],
                      &numbers[part]);
    const struct ContentsItem *chooses =
        found[PART_TRAIN].images ? split_array(contents, samples_of(&found[PART_TRAIN])) : NULL;
    if (chooses && !proposal->missing && !found[PART_VALIDATION].images)
        proposal->missing = memory_print("%s seems to hold the split of each sample: with indices: "
                                         "\"%s == VALUE\", a split takes its own",
                                         chooses->path, chooses->path);
    if (found[PART_TRAIN].images && !found[PART_VALIDATION].images)
        text_add(&text, "    validation: {fraction_of: train, fraction: 0.1, stratified: true}\n");
    proposal->lines = text.data;
}
