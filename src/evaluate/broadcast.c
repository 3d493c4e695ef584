#include "evaluate/broadcast.h"

#include <string.h>

#include "base/memory.h"

struct Header {
    uint64_t bytes; /* of the image; 0: there is no checkpoint */
    int64_t path_length;
    bool weights_only;
};

static int open_copy(struct Checkpoint **checkpoint, struct Ranks *ranks,
                     const struct Header *header, struct Error *error) {
    char *path = memory_array(char, header->path_length + 1, "a path");
    void *image = memory_allocate(header->bytes, "a checkpoint's image");
    ranks_broadcast(ranks, path, header->path_length);
    ranks_broadcast(ranks, image, (int64_t)header->bytes);
    int code =
        checkpoint_open_image(checkpoint, path, image, header->bytes, header->weights_only, error);
    memory_release(path);
    return code;
}

int broadcast_checkpoint(struct Ranks *ranks, struct Checkpoint **checkpoint, struct Error *error) {
    struct Header header = {0};
    const void *image = NULL;
    int code = OK;
    bool root = ranks_rank(ranks) == 0;
    if (ranks_size(ranks) == 1)
        return OK;
    if (root && *checkpoint) {
        image = checkpoint_image(*checkpoint, &header.bytes);
        header.path_length = (int64_t)strlen((*checkpoint)->path);
        header.weights_only = (*checkpoint)->weights_only;
    }
    ranks_broadcast(ranks, &header, sizeof header);
    if (!root)
        *checkpoint = NULL;
    if (!header.bytes)
        return OK;
    if (root) {
        ranks_broadcast(ranks, (*checkpoint)->path, header.path_length);
        ranks_broadcast(ranks, (void *)(uintptr_t)image, (int64_t)header.bytes);
    } else {
        code = open_copy(checkpoint, ranks, &header, error);
    }
    code = ranks_agree(ranks, code, error);
    if (code && !root) {
        checkpoint_close(*checkpoint);
        *checkpoint = NULL;
    }
    return code;
}
