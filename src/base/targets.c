#include "base/targets.h"

#include <inttypes.h>
#include <stddef.h>

#include "base/memory.h"

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
    for (int64_t i = 0; targets->names && i < targets->count; i++)
        memory_release(targets->names[i]);
    memory_release(targets->names);
    *targets = (struct Targets){0};
}

const char *targets_word(const struct Targets *targets) {
    return targets_are_values(targets) ? "target" : "class";
}

const char *targets_words(const struct Targets *targets) {
    return targets_are_values(targets) ? "targets" : "classes";
}
