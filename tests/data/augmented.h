/* Lists of augmentations and mixes for tests, from the text of a run file. */
#ifndef TESTS_DATA_AUGMENTED_H
#define TESTS_DATA_AUGMENTED_H

#include <string.h>

#include "data/augment.h"
#include "data/mix.h"
#include "runfile/runfile.h"

struct Augmented {
    struct RunFile *file;
    struct ChoiceList list, mix;
};

static const struct Key augmented_keys[] = {{.name = "augment",
                                             .type = KEY_CHOICES,
                                             .offset = offsetof(struct Augmented, list),
                                             .fallback = "[]",
                                             .kinds = &augment_kinds,
                                             .help = "for tests"},
                                            {.name = "mix",
                                             .type = KEY_CHOICES,
                                             .offset = offsetof(struct Augmented, mix),
                                             .fallback = "[]",
                                             .kinds = &mix_kinds,
                                             .help = "for tests"},
                                            KEY_END};

static inline int augmented_parse(struct Augmented *augmented, const char *text,
                                  struct Error *error) {
    memset(augmented, 0, sizeof *augmented);
    struct RunFile *file = NULL;
    int code = runfile_parse(&file, "test.yaml", text, NULL, 0, augmented_keys, augmented, error);
    augmented->file = file;
    return code;
}

#endif
