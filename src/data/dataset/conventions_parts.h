/* The parts of proposal_make (conventions.h), one file each. For dataset/ only. Not collective. */
#ifndef TRAINER_DATA_DATASET_CONVENTIONS_PARTS_H
#define TRAINER_DATA_DATASET_CONVENTIONS_PARTS_H

#include "data/dataset/conventions.h"

enum ConventionRole { ROLE_NONE, ROLE_IMAGES, ROLE_LABELS };
enum ConventionPart { PART_TRAIN, PART_VALIDATION, PART_TEST, PARTS, PART_OTHER = PARTS };

/* conventions_names.c. What the path of an array says: "/train_set_x" means images for training. */
struct Meaning {
    enum ConventionRole role;
    enum ConventionPart part; /* PART_OTHER: the path names none */
    bool by_group;            /* a group's name, not the array's own, gives the part */
    char stem[32];            /* the word that gives the role, in lower case; "": none */
    char group[200];          /* the path above, without the name of a part */
};
void conventions__read_path(const char *path, struct Meaning *meaning);
/* Returns whether the last component of a path is a usual name for a list of class names. */
bool conventions__names_classes(const char *path);
/* Returns the name of an attribute of the array at `path`, or of its group, that usually holds
 * labels; NULL if there is none. The text is static. */
const char *conventions__label_attribute(struct H5File *file, const char *path);
/* Appends a name, in quotes if YAML would not read it as text otherwise. */
void conventions__add_name(struct Text *text, const char *name);

/* conventions_many.c. Does the same as proposal_make for files with one array for each sample or
 * for each class. Returns false if the file is not of this sort. */
bool conventions__many(struct Proposal *proposal, struct H5File *file, const char *path,
                       bool follows, const struct Contents *contents);

static inline bool holds_numbers(const struct H5Info *info) {
    return info->type < H5_TEXT;
}

static inline bool holds_text(const struct H5Info *info) {
    return info->type == H5_TEXT || info->type == H5_CELLS;
}

/* Returns whether `size` is a usual number of channels. */
static inline bool are_channels(int64_t size) {
    return size == 1 || size == 3 || size == 4;
}

#endif
