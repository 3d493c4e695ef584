#include "data/dataset/limit.h"

#include "base/memory.h"
#include "base/random.h"

/* The instance of RANDOM_SPLIT; part.c uses 0, folds.c 1, 3 and 4. */
#define INSTANCE 2

/* Samples in groups: one group for each class, or one of all samples. */
struct Groups {
    int64_t count;
    int64_t *starts; /* (count + 1): where each group's members begin */
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

/* Sets how many samples of each group are kept. */
static void set_quotas(const struct LimitRequest *request, const struct Groups *groups,
                       int64_t *quotas) {
    int64_t samples = request->limit->samples;
    if (request->limit->per_class || groups->count == 1) {
        for (int64_t g = 0; g < groups->count; g++)
            quotas[g] = samples;
        return;
    }
    /* One at a time, to each group that has any left. */
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

/* Marks `quota` members of group `g` and returns how many they are, at most all. */
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
