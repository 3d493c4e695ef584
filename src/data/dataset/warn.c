#include <inttypes.h>

#include "base/log.h"
#include "base/memory.h"
#include "base/text.h"
#include "data/dataset/dataset.h"

#define NAMES_SHOWN 5

/* How many samples each class has. */
static int64_t *count_classes(const struct Dataset *dataset, const struct Split *split) {
    int64_t *counts = memory_array(int64_t, dataset->targets.count, "counts of classes");
    for (int64_t i = 0; i < split->count; i++)
        counts[split->labels[i]]++;
    return counts;
}

static void warn_of_absent(const struct Dataset *dataset, const struct Split *split,
                           const int64_t *counts, int64_t absent) {
    struct Text names = {0};
    int shown = 0;
    for (int64_t c = 0; c < dataset->targets.count && shown < NAMES_SHOWN; c++)
        if (!counts[c])
            text_add(&names, "%s%s", shown++ ? ", " : "", dataset->targets.names[c]);
    if (absent > shown)
        text_add(&names, " and %" PRId64 " more", absent - shown);
    log_warning("%s, split %s: no sample of %" PRId64 " of the %" PRId64 " classes: %s",
                dataset->path, split->name, absent, dataset->targets.count, names.data);
    text_release(&names);
}

void dataset_warn_of_classes(const struct Dataset *dataset, const struct Split *split) {
    int64_t classes = targets_classes(&dataset->targets), present = 0;
    if (!classes || !split->labels || !split->count || split->targets)
        return;
    int64_t *counts = count_classes(dataset, split);
    for (int64_t c = 0; c < classes; c++)
        present += counts[c] > 0;
    if (present == 1)
        log_warning("%s, split %s: all %" PRId64 " samples are of one class, '%s': there is "
                    "nothing to learn or to measure",
                    dataset->path, split->name, split->count,
                    dataset->targets.names[split->labels[0]]);
    else if (present < classes)
        warn_of_absent(dataset, split, counts, classes - present);
    memory_release(counts);
}
