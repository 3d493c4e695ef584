#include "data/dataset/part.h"

#include <math.h>

#include "base/memory.h"
#include "base/random.h"

/* Marks `taken` members of a class that the seed chooses. */
static void choose(const int64_t *members, int64_t count, int64_t label, int64_t taken,
                   uint64_t seed, bool *chosen) {
    int64_t *order = memory_array(int64_t, count, "a part of a split");
    struct RandomStream stream = random_stream(seed, RANDOM_SPLIT, 0, 0, (uint64_t)label);
    random_permutation(&stream, count, order);
    for (int64_t i = 0; i < taken; i++)
        chosen[members[order[i]]] = true;
    memory_release(order);
}

int64_t part__choose(const struct PartRequest *request, bool *chosen) {
    int64_t total = 0, *places = memory_array(int64_t, request->count, "a part of a split");
    int64_t *starts = memory_array(int64_t, request->classes + 1, "a part of a split");
    int64_t *counts = memory_array(int64_t, request->classes, "a part of a split");
    for (int64_t i = 0; i < request->count; i++)
        counts[request->labels ? request->labels[i] : 0]++;
    for (int64_t label = 0; label < request->classes; label++)
        starts[label + 1] = starts[label] + counts[label];
    int64_t *left = memory_array(int64_t, request->classes, "a part of a split");
    for (int64_t i = 0; i < request->count; i++) {
        int64_t label = request->labels ? request->labels[i] : 0;
        if (!request->taken || !request->taken[i])
            places[starts[label] + left[label]++] = i;
    }
    for (int64_t label = 0; label < request->classes; label++) {
        int64_t wanted = llround(request->part * (double)counts[label]);
        wanted = wanted < left[label] ? wanted : left[label];
        choose(places + starts[label], left[label], label, wanted, request->seed, chosen);
        total += wanted;
    }
    memory_release(left);
    memory_release(counts);
    memory_release(starts);
    memory_release(places);
    return total;
}
