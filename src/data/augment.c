#include "data/augment.h"

/* One row an augmentation: augment_NAME of augment_NAME.c. */
#define AUGMENTS(ROW)                                                                              \
    ROW(flip)                                                                                      \
    ROW(crop)

#define DECLARE(name) extern const struct Augment augment_##name;
AUGMENTS(DECLARE)

#define KIND(name) &augment_##name.kind,
static const struct Kind *const kinds[] = {AUGMENTS(KIND) NULL};

const struct KindTable augment_kinds = {.what = "augmentation", .kinds = kinds};
