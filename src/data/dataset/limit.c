#include "data/dataset/limit.h"

#include "base/memory.h"
#include "base/random.h"

/* The streams of RANDOM_SPLIT with instance 2 (part.c has instance 0, folds.c instance 1). */
#define INSTANCE 2

/* Samples, sorted into groups: those of each class, or all together. */
struct Groups {
    int64_t count;
    int64_t *starts; /* (count + 1): of the group's members */
    int64_t *members;
};

static bool is_grouped(const struct LimitRequest *request) {
    return request->labels && (request->limit->per_class || request->limit->choose == LIMIT_SPREAD);
}

static struct Groups sort_into_groups(const struct LimitRequest *request) {
    bool grouped = is_grouped(request);
    struct Groups groups = {.count = grouped ? request->classes : 1};
    groups.starts = memory_array(int64_t, groups.count + 1, "a limit on samples");
    groups.members = memory_array(int64_t, request->count, "a limit on samples");
    int64_t *next = memory_array(int64_t, groups.count, "a limit on samples");
    for (int64_t i = 0; i < request->count; i++)
        groups.starts[(grouped ? request->labels[i] : 0) + 1]++;
    for (int64_t g = 0; g < groups.count; g++) {
        groups.starts[g + 1] += groups.starts[g];
        next[g] = groups.starts[g];
    }
    for (int64_t i = 0; i < request->count; i++)
        groups.members[next[grouped ? request->labels[i] : 0]++] = i;
    memory_release(next);
    return groups;
}

/* How many samples each group may have. */
static void set_quotas(const struct LimitRequest *request, const struct Groups *groups,
                       int64_t *quotas) {
    int64_t samples = request->limit->samples;
    if (request->limit->per_class || groups->count == 1) {
        for (int64_t g = 0; g < groups->count; g++)
            quotas[g] = samples;
        return;
    }
    /* Dealt out one at a time, to those groups that have any left. */
    for (int64_t dealt = 1; dealt && samples;) {
        dealt = 0;
        for (int64_t g = 0; g < groups->count && samples; g++)
            if (quotas[g] < groups->starts[g + 1] - groups->starts[g]) {
                quotas[g]++;
                samples--;
                dealt++;
            }
    }
}

/* Marks `quota` of the members of group `g`. */
static int64_t choose(const struct LimitRequest *request, const struct Groups *groups, int64_t g,
                      int64_t quota, bool *chosen) {
    const int64_t *members = groups->members + groups->starts[g];
    int64_t count = groups->starts[g + 1] - groups->starts[g];
    int64_t taken = quota < count ? quota : count;
    int64_t *order = NULL;
    if (request->limit->choose != LIMIT_FIRST) {
        struct RandomStream stream =
            random_stream(request->limit->seed, RANDOM_SPLIT, INSTANCE, 0, (uint64_t)g);
        order = memory_array(int64_t, count, "a limit on samples");
        random_permutation(&stream, count, order);
    }
    for (int64_t i = 0; i < taken; i++)
        chosen[members[order ? order[i] : i]] = true;
    memory_release(order);
    return taken;
}

int64_t limit_choose(const struct LimitRequest *request, bool *chosen) {
    struct Groups groups = sort_into_groups(request);
    int64_t *quotas = memory_array(int64_t, groups.count, "a limit on samples");
    int64_t total = 0;
    set_quotas(request, &groups, quotas);
    for (int64_t g = 0; g < groups.count; g++)
        total += choose(request, &groups, g, quotas[g], chosen);
    memory_release(quotas);
    memory_release(groups.starts);
    memory_release(groups.members);
    return total;
}
