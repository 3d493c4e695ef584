#include "cli/overrides.h"

#include "base/memory.h"

static const struct {
    const char *flag, *key;
} shortcuts[OVERRIDE_SHORTCUTS] = {{"backend", "train.backend"},
                                   {"threads", "train.threads"},
                                   {"limit-train", "data.limit.train"},
                                   {"limit-validation", "data.limit.validation"}};

struct Overrides overrides_collect(const struct Arguments *arguments) {
    struct Overrides overrides = {0};
    const char **set = NULL;
    int count = argument_values(arguments, "set", &set);
    overrides.texts = memory_array(const char *, count + OVERRIDE_SHORTCUTS, "overrides");
    for (int i = 0; i < count; i++)
        overrides.texts[overrides.count++] = set[i];
    for (int i = 0; i < OVERRIDE_SHORTCUTS; i++) {
        const char *value = argument_value(arguments, shortcuts[i].flag);
        if (!value)
            continue;
        overrides.made[i] = memory_print("%s=%s", shortcuts[i].key, value);
        overrides.texts[overrides.count++] = overrides.made[i];
    }
    memory_release((void *)set);
    return overrides;
}

void overrides_release(struct Overrides *overrides) {
    for (int i = 0; i < OVERRIDE_SHORTCUTS; i++)
        memory_release(overrides->made[i]);
    memory_release((void *)overrides->texts);
}
