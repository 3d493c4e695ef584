#include "evaluate/rank_share.h"

#include "base/memory.h"

void share_checkpoint(struct Ranks *ranks, struct Checkpoint **checkpoint) {
    int64_t bytes = 0;
    void *packed = NULL;
    if (ranks_size(ranks) == 1)
        return;
    if (ranks_rank(ranks) == 0 && *checkpoint)
        packed = checkpoint_pack(*checkpoint, &bytes);
    ranks_broadcast(ranks, &bytes, sizeof bytes);
    if (bytes && ranks_rank(ranks) != 0)
        packed = memory_allocate((size_t)bytes, "a checkpoint");
    if (bytes)
        ranks_broadcast(ranks, packed, bytes);
    if (ranks_rank(ranks) != 0)
        *checkpoint = bytes ? checkpoint_unpack(packed, bytes) : NULL;
    memory_release(packed);
}
