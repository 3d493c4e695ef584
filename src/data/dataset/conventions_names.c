#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "data/dataset/conventions_parts.h"

/* The words that say which split an array belongs to, and those that say what it holds. */
static const struct {
    const char *word;
    enum ConventionPart part;
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

static enum ConventionPart part_of(const char *word) {
    for (size_t i = 0; i < sizeof part_words / sizeof *part_words; i++)
        if (!strcmp(part_words[i].word, word))
            return part_words[i].part;
    return PART_OTHER;
}

static void read_word(struct Meaning *meaning, const char *word, bool leaf) {
    if (leaf && (*word == 'x' || *word == 'y') && part_of(word + 1) != PART_OTHER) { /* "Xtrain" */
        read_word(meaning, *word == 'x' ? "x" : "y", true);
        word++;
    }
    enum ConventionPart part = part_of(word);
    if (part != PART_OTHER) {
        meaning->part = part;
        meaning->by_group = !leaf;
    } else if (leaf && text_index(word, image_words, -1) >= 0) {
        meaning->role = ROLE_IMAGES;
        snprintf(meaning->stem, sizeof meaning->stem, "%s", word);
    } else if (leaf && text_index(word, label_words, -1) >= 0) {
        meaning->role = ROLE_LABELS;
        snprintf(meaning->stem, sizeof meaning->stem, "%s", word);
    }
}

/* Copies the word at the beginning of a text in lower case, such as "train" of "trainImages".
 * Returns its length, 0 if there is none. */
static size_t take_word(const char *text, char word[32]) {
    size_t length = 0;
    while (isalpha((unsigned char)text[length]) && length + 1 < 32 &&
           !(length && islower((unsigned char)text[length - 1]) &&
             isupper((unsigned char)text[length]))) {
        word[length] = (char)tolower((unsigned char)text[length]);
        length++;
    }
    word[length] = '\0';
    return length;
}

/* "/images/train" means the same as "/train/images", which is written to `turned`. Returns the path
 * to read. */
static const char *turn_path(const char *path, char turned[200]) {
    const char *leaf = strrchr(path, '/'), *parent = memrchr(path, '/', (size_t)(leaf - path));
    if (!parent || part_of(leaf + 1) == PART_OTHER)
        return path;
    int length = snprintf(turned, 200, "%.*s%s%.*s", (int)(parent - path), path, leaf,
                          (int)(leaf - parent), parent);
    return length < 200 ? turned : path;
}

void conventions__read_path(const char *path, struct Meaning *meaning) {
    char turned[200];
    path = turn_path(path, turned);
    *meaning = (struct Meaning){.part = PART_OTHER};
    const char *leaf = strrchr(path, '/');
    size_t used = 0;
    for (const char *at = path; *at;) {
        char word[32];
        bool in_leaf = at >= leaf;
        size_t length = take_word(at, word);
        at += length;
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

bool conventions__names_classes(const char *path) {
    return text_index(strrchr(path, '/') + 1, name_words, -1) >= 0;
}

const char *conventions__label_attribute(struct H5File *file, const char *path) {
    char *group = memory_copy_span(path, (size_t)(strrchr(path, '/') - path));
    const char *found = NULL;
    for (int i = 0; label_words[i] && !found; i++)
        if (h5_has_attribute(file, path, label_words[i]) ||
            (*group && h5_has_attribute(file, group, label_words[i])))
            found = label_words[i];
    memory_release(group);
    return found;
}

void conventions__add_name(struct Text *text, const char *name) {
    bool plain = true;
    for (const char *at = name; *at; at++)
        plain &= isalnum((unsigned char)*at) || strchr("/._-", *at);
    text_add(text, plain ? "%s" : "\"%s\"", name);
}
