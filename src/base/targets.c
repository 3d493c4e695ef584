#include "base/targets.h"

#include <inttypes.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/text.h"

struct Targets targets_copy(enum TargetKind kind, const char *const *names, int64_t count) {
    struct Targets targets = {
        .kind = kind, .count = count, .names = memory_array(char *, count, "names of targets")};
    for (int64_t i = 0; i < count; i++)
        targets.names[i] = memory_copy_text(names[i]);
    return targets;
}

struct Targets targets_number(enum TargetKind kind, const char *word, int64_t count) {
    struct Targets targets = {
        .kind = kind, .count = count, .names = memory_array(char *, count, "names of targets")};
    for (int64_t i = 0; i < count; i++)
        targets.names[i] = memory_print("%s%" PRId64, word, i);
    return targets;
}

void targets_release(struct Targets *targets) {
    memory_release_texts(targets->names, targets->count);
    *targets = (struct Targets){0};
}

const char *targets_repeated(const struct Targets *targets) {
    int64_t count = targets->count;
    if (count < 2)
        return NULL;
    char **sorted = memory_array(char *, count, "names of targets");
    memcpy(sorted, targets->names, (size_t)count * sizeof *sorted);
    qsort(sorted, (size_t)count, sizeof *sorted, text_compare);
    const char *repeated = NULL;
    for (int64_t i = 1; i < count && !repeated; i++)
        if (!strcmp(sorted[i - 1], sorted[i]))
            repeated = sorted[i];
    memory_release(sorted);
    return repeated;
}

const char *targets_word(const struct Targets *targets) {
    return targets_are_values(targets) ? "target" : "class";
}

const char *targets_words(const struct Targets *targets) {
    return targets_are_values(targets) ? "targets" : "classes";
}
