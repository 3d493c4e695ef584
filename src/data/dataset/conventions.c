#include "data/dataset/conventions.h"

#include <ctype.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/memory.h"
#include "data/dataset/opening.h"

enum Role { ROLE_NONE, ROLE_IMAGES, ROLE_LABELS };
enum Part { PART_TRAIN, PART_VALIDATION, PART_TEST, PARTS, PART_OTHER = PARTS };
static const char *const part_names[] = {"train", "validation", "test"};

/* What names are made of: the words that say which split it is, and those that say what it holds.
 */
static const struct {
    const char *word;
    enum Part part;
} part_words[] = {
    {"train", PART_TRAIN},    {"training", PART_TRAIN},   {"tr", PART_TRAIN},
    {"val", PART_VALIDATION}, {"valid", PART_VALIDATION}, {"validation", PART_VALIDATION},
    {"dev", PART_VALIDATION}, {"test", PART_TEST},        {"testing", PART_TEST},
    {"te", PART_TEST},        {"eval", PART_TEST}};
static const char *const image_words[] = {
    "x",      "data",    "images", "image", "img",      "imgs",    "features", "input",
    "inputs", "samples", "pixels", "feats", "pictures", "encoded", "dataset",  NULL};
static const char *const label_words[] = {
    "y",        "label",      "labels", "target", "targets", "ans",     "class",       "lbl",
    "category", "categories", "fine",   "gt",     "output",  "outputs", "annotations", NULL};
static const char *const name_words[] = {"list_classes", "classes", "class_names", "label_names",
                                         "labels_names", "names",   "categories",  NULL};

/* A pair that was found. */
struct Found {
    const struct ContentsItem *images, *labels;
    const char *stem, *label_stem;
    bool by_group; /* the split is a group's name */
};

static bool is_in(const char *const *words, const char *word) {
    for (int i = 0; words[i]; i++)
        if (!strcmp(words[i], word))
            return true;
    return false;
}

static enum Part part_of(const char *word) {
    for (size_t i = 0; i < sizeof part_words / sizeof *part_words; i++)
        if (!strcmp(part_words[i].word, word))
            return part_words[i].part;
    return PART_OTHER;
}

/* Cuts "/train_set_x" into what it says. */
struct Meaning {
    enum Role role;
    enum Part part;
    bool by_group;
    char stem[32];
    char group[200]; /* the path above, with the name of a split taken out */
};

static void read_word(struct Meaning *meaning, const char *word, bool leaf) {
    enum Part part = part_of(word);
    if (part != PART_OTHER) {
        meaning->part = part;
        meaning->by_group = !leaf;
    } else if (leaf && is_in(image_words, word)) {
        meaning->role = ROLE_IMAGES;
        snprintf(meaning->stem, sizeof meaning->stem, "%s", word);
    } else if (leaf && is_in(label_words, word)) {
        meaning->role = ROLE_LABELS;
        snprintf(meaning->stem, sizeof meaning->stem, "%s", word);
    }
}

/* "/images/train" says what "/train/images" says, which is written to `turned`. */
static const char *turn_path(const char *path, char turned[200]) {
    const char *leaf = strrchr(path, '/'), *parent = memrchr(path, '/', (size_t)(leaf - path));
    if (!parent || part_of(leaf + 1) == PART_OTHER)
        return path;
    int length = snprintf(turned, 200, "%.*s%s%.*s", (int)(parent - path), path, leaf,
                          (int)(leaf - parent), parent);
    return length < 200 ? turned : path;
}

static void read_path(const char *path, struct Meaning *meaning) {
    char turned[200];
    path = turn_path(path, turned);
    *meaning = (struct Meaning){.part = PART_OTHER};
    const char *leaf = strrchr(path, '/');
    size_t used = 0;
    for (const char *at = path; *at;) {
        char word[32];
        size_t length = 0;
        bool in_leaf = at >= leaf;
        while (*at && isalpha((unsigned char)*at) && length + 1 < sizeof word)
            word[length++] = (char)tolower((unsigned char)*at++);
        word[length] = '\0';
        if (length)
            read_word(meaning, word, in_leaf);
        if (!in_leaf && length && part_of(word) == PART_OTHER)
            used +=
                (size_t)snprintf(meaning->group + used, sizeof meaning->group - used, "%s/", word);
        if (used >= sizeof meaning->group)
            used = sizeof meaning->group - 1;
        if (*at && !length)
            at++;
        else if (*at && !isalpha((unsigned char)*at))
            at++;
    }
}

static bool is_numeric(const struct H5Info *info) {
    return info->type < H5_TEXT;
}

static bool is_text(const struct H5Info *info) {
    return info->type == H5_TEXT || info->type == H5_CELLS;
}

static int64_t largest_size(const struct H5Info *info) {
    int64_t most = 0;
    for (int i = 0; i < info->rank; i++)
        most = info->size[i] > most ? info->size[i] : most;
    return most;
}

static bool can_be(const struct ContentsItem *item, enum Role role) {
    const struct H5Info *info = &item->storage.info;
    if (item->member != H5_MEMBER_ARRAY || item->problem || info->rank < 1)
        return false;
    if (role == ROLE_IMAGES)
        return info->type == H5_BYTES ? info->rank == 1
                                      : is_numeric(info) && info->rank >= 2 && info->rank <= 4 &&
                                            largest_size(info) > 1;
    return (is_numeric(info) || is_text(info)) && info->rank <= 4;
}

/* The labels that belong to images: the same split, beside them, as many. */
static const struct ContentsItem *labels_of(const struct Contents *contents,
                                            const struct ContentsItem *images,
                                            const struct Meaning *meaning, char stem[32]) {
    const struct ContentsItem *found = NULL;
    const struct H5Info *shape = &images->storage.info;
    for (int i = 0; i < contents->count; i++) {
        const struct ContentsItem *item = &contents->items[i];
        const struct H5Info *info = &item->storage.info;
        struct Meaning other;
        read_path(item->path, &other);
        bool names_classes = is_text(info) && is_in(name_words, strrchr(item->path, '/') + 1);
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

static bool is_few(int64_t channels) {
    return channels == 1 || channels == 3 || channels == 4;
}

/* The order of the dimensions, if it is not the usual one; NULL: it is. */
static const char *axes_of(const struct Found *found, int64_t samples, bool matlab) {
    const struct H5Info *info = &found->images->storage.info;
    const int64_t *size = info->size;
    if (info->rank == 4 && size[0] == samples && is_few(size[1]) && !is_few(size[3]))
        return matlab ? "NCWH" : "NCHW";
    if (info->rank == 4 && size[0] == samples && is_few(size[1]) && size[2] > 4 && size[3] > 4)
        return matlab ? "NCWH" : "NCHW";
    if (info->rank == 4 && size[3] == samples && size[0] != samples)
        return is_few(size[0]) ? "CWHN" : is_few(size[2]) ? "HWCN" : NULL;
    if (info->rank == 3 && size[2] == samples && size[0] != samples)
        return matlab ? "WHN" : "HWN";
    if (info->rank == 3 && matlab)
        return "NWH";
    if (info->rank == 2 && size[1] == samples && size[0] != samples)
        return "FN";
    return NULL;
}

/* The samples of a pair are what images and labels have in common. */
static int64_t samples_of(const struct Found *found) {
    const struct H5Info *images = &found->images->storage.info;
    const struct H5Info *labels = found->labels ? &found->labels->storage.info : NULL;
    if (labels && labels->rank && images->size[images->rank - 1] == largest_size(labels) &&
        images->size[0] != largest_size(labels) && labels->size[0] != images->size[0])
        return images->size[images->rank - 1];
    return images->size[0];
}

#define LOOKED_AT ((int64_t)1 << 20) /* labels that are read at most */

/* What the numbers of labels say. */
struct Numbers {
    bool values;   /* they are not whole */
    bool from_one; /* classes begin at 1 */
    bool sparse;   /* some are negative, or many between them do not occur */
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

/* Labels that are one number a sample: whether their values are names of classes. */
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
    if (!is_numeric(info) || count < 1 || count > LOOKED_AT)
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

/* A name that YAML reads as text. */
static void add_name(struct Text *text, const char *name) {
    bool plain = true;
    for (const char *at = name; *at; at++)
        plain &= isalnum((unsigned char)*at) || strchr("/._-", *at);
    text_add(text, plain ? "%s" : "\"%s\"", name);
}

/* PCam keeps labels in a file of their own, FILE_y.h5 beside FILE_x.h5. */
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

/* An array that says for each sample which split it is in. */
static const struct ContentsItem *split_array(const struct Contents *contents, int64_t samples) {
    static const char *const words[] = {"set", "split", "splits", "subset", "partition", NULL};
    for (int i = 0; i < contents->count; i++) {
        const struct ContentsItem *item = &contents->items[i];
        const struct H5Info *info = &item->storage.info;
        if (item->member == H5_MEMBER_ARRAY && !item->problem && info->rank >= 1 &&
            (is_numeric(info) || info->type == H5_TEXT) && largest_size(info) == samples &&
            memory_product(info->size, info->rank) == samples &&
            is_in(words, strrchr(item->path, '/') + 1))
            return item;
    }
    return NULL;
}

/* What is there instead of an array of labels that fits. */
static char *why_no_labels(const struct Contents *contents, const struct Found *found) {
    struct Meaning meaning, other;
    read_path(found->images->path, &meaning);
    for (int i = 0; i < contents->count; i++) {
        const struct ContentsItem *item = &contents->items[i];
        read_path(item->path, &other);
        if (item->member != H5_MEMBER_ARRAY || other.role != ROLE_LABELS ||
            other.part != meaning.part || strcmp(other.group, meaning.group))
            continue;
        struct Text text = {0};
        text_add(&text, "%s is ", item->path);
        contents_describe(item, &text);
        text_add(&text, ", which are no labels of %s ", found->images->path);
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
    add_name(text, found->images->path);
    text_add(text, ", %s: ", numbers->values ? "targets" : "labels");
    if (found->labels) {
        add_name(text, found->labels->path);
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
        const char *leaf = strrchr(item->path, '/') + 1;
        if (item->member == H5_MEMBER_ARRAY && !item->problem && is_text(&item->storage.info) &&
            is_in(name_words, leaf) &&
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

/* Finds a pair for each split; a pair of no split is for training. */
static int find_pairs(const struct Contents *contents, struct Found found[PARTS],
                      char stems[PARTS][2][32]) {
    int count = 0;
    for (int i = 0; i < contents->count; i++) {
        const struct ContentsItem *item = &contents->items[i];
        struct Meaning meaning;
        char label_stem[32] = "";
        read_path(item->path, &meaning);
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

/* Whether the values of the labels name the classes. */
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

/* ---- An array for each sample, or for each class ---- */

static bool same_shape(const struct H5Info *a, const struct H5Info *b, int from) {
    bool same = a->rank == b->rank;
    for (int i = from; same && i < a->rank; i++)
        same = a->size[i] == b->size[i];
    return same;
}

/* What the arrays of a file have in common if they are all one group deep, or all in the root. */
struct Many {
    int arrays, images, labels, depth;
    const struct ContentsItem *image, *label; /* the first */
    bool encoded;                             /* each image is the bytes of a picture */
    bool one_leaf;                            /* all images have the same name, in groups */
    bool same, alike;                         /* shapes are equal; but for the first dimension */
};

static int depth_of(const char *path) {
    int depth = 0;
    for (const char *at = path; *at; at++)
        depth += *at == '/';
    return depth;
}

/* Whether an array holds the bytes of one picture. */
static bool is_one_picture(struct H5File *file, const struct ContentsItem *item) {
    const struct Array array = {
        .name = {NULL, item->path}, .file = file, .info = item->storage.info};
    return !item->problem && array.info.rank <= 1 && array.info.type != H5_TEXT &&
           opening__is_encoded(&array);
}

static void look_at_item(struct Many *many, struct H5File *file, const struct ContentsItem *item) {
    const struct H5Info *info = &item->storage.info;
    const char *leaf = strrchr(item->path, '/') + 1;
    bool image = !item->problem && is_numeric(info) && info->rank >= 2 && info->rank <= 4;
    bool label = !item->problem && (is_numeric(info) || is_text(info)) &&
                 memory_product(info->size, info->rank) == 1;
    bool encoded = !image && !label && is_one_picture(file, item);
    image |= encoded;
    many->arrays++;
    if (label) {
        many->label = many->label ? many->label : item;
        many->labels += !strcmp(leaf, strrchr(many->label->path, '/') + 1);
    } else if (image && !many->image) {
        *many = (struct Many){.arrays = many->arrays,
                              .images = 1,
                              .labels = many->labels,
                              .depth = depth_of(item->path),
                              .image = item,
                              .label = many->label,
                              .encoded = encoded,
                              .one_leaf = true,
                              .same = true,
                              .alike = true};
    } else if (image && depth_of(item->path) == many->depth) {
        const struct H5Info *first = &many->image->storage.info;
        many->images++;
        many->one_leaf &= !strcmp(leaf, strrchr(many->image->path, '/') + 1);
        many->same &= encoded ? many->encoded : same_shape(first, info, 0);
        many->alike &= same_shape(first, info, 1);
    }
}

/* At least so many arrays look like an array for each sample. */
#define SAMPLES 8

static const char *axes_of_one(const struct Many *many) {
    const struct H5Info *info = &many->image->storage.info;
    return many->encoded                                     ? ""
           : info->rank == 2                                 ? ", axes: HW"
           : is_few(info->size[0]) && !is_few(info->size[2]) ? ", axes: CHW"
                                                             : ", axes: HWC";
}

/* An attribute of an array, or of its group, that is called as labels are; NULL: none. */
static const char *label_attribute(struct H5File *file, const char *path) {
    char *group = memory_copy_span(path, (size_t)(strrchr(path, '/') - path));
    const char *found = NULL;
    for (int i = 0; label_words[i] && !found; i++)
        if (h5_has_attribute(file, path, label_words[i]) ||
            (*group && h5_has_attribute(file, group, label_words[i])))
            found = label_words[i];
    memory_release(group);
    return found;
}

/* Whether the root, or the groups in it, are called as splits are, or arrays as images or labels.
 */
static bool are_named(const struct Contents *contents) {
    for (int i = 0; i < contents->count; i++) {
        struct Meaning meaning;
        read_path(contents->items[i].path, &meaning);
        bool root = depth_of(contents->items[i].path) == 1;
        if (root && (meaning.part != PART_OTHER || meaning.role != ROLE_NONE))
            return true;
    }
    return false;
}

static bool propose_many(struct Proposal *proposal, struct H5File *file, const char *path,
                         bool follows, const struct Contents *contents) {
    struct Many many = {0};
    for (int i = 0; i < contents->count; i++)
        if (contents->items[i].member == H5_MEMBER_ARRAY)
            look_at_item(&many, file, &contents->items[i]);
    if (!many.image || many.depth > 2)
        return false;
    const struct H5Info *info = &many.image->storage.info;
    const char *leaf = strrchr(many.image->path, '/') + 1;
    char *lines = NULL;
    const char *name = NULL, *attribute = NULL;
    bool flat = many.depth == 1, few = info->rank <= 3;
    if (!flat && many.one_leaf && many.same && few && many.images >= SAMPLES && many.label &&
        many.labels >= many.images - contents->is_cut && depth_of(many.label->path) == 2 &&
        many.images + many.labels >= many.arrays - 1) {
        name = "a group for each sample";
        lines = memory_print("{images: \"/*/%s\", labels: \"/*/%s\"%s}", leaf,
                             strrchr(many.label->path, '/') + 1, axes_of_one(&many));
    } else if (many.same && few && many.images == many.arrays && many.images >= SAMPLES &&
               (attribute = label_attribute(file, many.image->path)) != NULL) {
        name = "an array for each sample, its label an attribute";
        lines = memory_print("{images: \"%s%s\", labels: \"@%s\"%s}", flat ? "/" : "/*/",
                             !flat && many.one_leaf ? leaf : "*", attribute, axes_of_one(&many));
    } else if (!flat && !many.one_leaf && many.same && few && many.images == many.arrays &&
               many.images >= SAMPLES && !are_named(contents)) {
        name = "a group for each class, with an array for each sample";
        lines = memory_print("{images: \"/*/*\", labels: group_name%s}", axes_of_one(&many));
    } else if (flat && many.alike && many.images == many.arrays && many.images >= 2 &&
               info->rank >= 3 && !are_named(contents)) {
        name = "an array for each class";
        lines = memory_copy_text("{images: \"/*\", labels: array_name}");
    }
    if (!lines)
        return false;
    struct Text text = {0};
    text_add(&text, "data:\n  file: ");
    add_name(&text, path);
    text_add(&text, "%s\n  splits:\n    train: %s\n", follows ? "\n  links: follow" : "", lines);
    text_add(&text, "    validation: {fraction_of: train, fraction: 0.1, stratified: true}\n");
    proposal->name = memory_copy_text(name);
    proposal->lines = text.data;
    memory_release(lines);
    return true;
}

void proposal_make(struct Proposal *proposal, struct H5File *file, const char *path, bool follows,
                   const struct Contents *contents) {
    struct Found found[PARTS] = {0};
    char stems[PARTS][2][32];
    struct Text text = {0};
    *proposal = (struct Proposal){0};
    if (propose_many(proposal, file, path, follows, contents) ||
        !find_pairs(contents, found, stems))
        return;
    int first = found[PART_TRAIN].images        ? PART_TRAIN
                : found[PART_VALIDATION].images ? PART_VALIDATION
                                                : PART_TEST;
    bool matlab = h5_has_attribute(file, found[first].images->path, "MATLAB_class");
    proposal->name = memory_copy_text(recognise(&found[first], matlab));
    text_add(&text, "data:\n  file: ");
    add_name(&text, path);
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
        proposal->missing = memory_print(
            "%s seems to say the split of each sample: indices: \"%s == VALUE\" takes those of one",
            chooses->path, chooses->path);
    if (found[PART_TRAIN].images && !found[PART_VALIDATION].images)
        text_add(&text, "    validation: {fraction_of: train, fraction: 0.1, stratified: true}\n");
    proposal->lines = text.data;
}
