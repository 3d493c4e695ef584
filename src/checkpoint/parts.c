/* Reading and writing of the parts. */
#include "checkpoint/checkpoint.h"

void checkpoint_start_parts(const struct CheckpointPart *parts, int count) {
    for (int i = 0; i < count; i++)
        if (parts[i].table)
            saved_start(parts[i].table, parts[i].value);
        else
            parts[i].group->release(parts[i].value);
}

void checkpoint_release_parts(const struct CheckpointPart *parts, int count) {
    for (int i = 0; i < count; i++)
        if (parts[i].table)
            saved_release(parts[i].table, parts[i].value);
        else
            parts[i].group->release(parts[i].value);
}

static int get_part(struct H5File *file, const struct CheckpointPart *part, struct Error *error) {
    if (part->table)
        return saved_read(file, "/run", part->prefix, part->table, part->value, error);
    part->group->release(part->value);
    return part->group->load(part->value, file, error);
}

int checkpoint_get_parts(const struct Checkpoint *checkpoint, const struct CheckpointPart *parts,
                         int count, struct Error *error) {
    int code = OK;
    for (int i = 0; !code && i < count; i++)
        code = get_part(checkpoint->file, &parts[i], error);
    if (!code) /* an optional part counts as missing only if the search for it succeeded */
        code = h5_check(checkpoint->file, error);
    if (code)
        checkpoint_release_parts(parts, count);
    return code;
}
