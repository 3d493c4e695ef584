#include "data/dataset/folds.h"

#include "base/memory.h"
#include "base/random.h"

/* The streams of RANDOM_SPLIT with instance 1 (data/dataset/part.c has instance 0). */
#define INSTANCE 1

/* The classes' samples, each class in a random order, are dealt out one after the other as cards
 * are. */
void folds__assign(const struct FoldsRequest *request, int64_t *fold) {
    int64_t next = 0;
    int64_t *members = memory_array(int64_t, request->count, "folds");
    int64_t *order = memory_array(int64_t, request->count, "folds");
    int64_t *starts = memory_array(int64_t, request->classes + 1, "folds");
    for (int64_t i = 0; i < request->count; i++)
        starts[(request->labels ? request->labels[i] : 0) + 1]++;
    for (int64_t c = 0; c < request->classes; c++)
        starts[c + 1] += starts[c];
    for (int64_t i = 0; i < request->count; i++)
        members[starts[request->labels ? request->labels[i] : 0]++] = i;
    for (int64_t c = 0, begin = 0; c < request->classes; begin = starts[c++]) {
        struct RandomStream stream =
            random_stream(request->seed, RANDOM_SPLIT, INSTANCE, 0, (uint64_t)c);
        random_permutation(&stream, starts[c] - begin, order);
        for (int64_t i = 0; i < starts[c] - begin; i++)
            fold[members[begin + order[i]]] = next++ % request->folds;
    }
    memory_release(starts);
    memory_release(order);
    memory_release(members);
}
