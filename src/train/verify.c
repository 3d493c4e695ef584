/* Whether a checkpoint is good, without the data that it was trained on. */
#include "checkpoint/checkpoint.h"
#include "evaluate/member.h"
#include "train/train.h"

static int check_slots(const struct Checkpoint *checkpoint, const struct Member *member,
                       struct Error *error) {
    struct UpdaterRequest updating = run_updater_request(&member->options);
    const struct Arena *arena = model_arena(member->model);
    struct Updater *updater;
    int code = updater_create(&updater, &updating, arena, VARIANT_F32, error);
    for (int i = 0; !code && i < updater_slot_count(updater); i++)
        code = checkpoint_get_slot(checkpoint, arena, updater_slot_name(updater, i),
                                   updater_slot(updater, i), error);
    updater_release(updater);
    return code;
}

static int check_arrays(const struct Checkpoint *checkpoint, struct Ranks *alone,
                        struct Error *error) {
    struct Member member;
    int code = member_open(&member, alone, checkpoint->path, MEMBER_MODEL, error);
    if (!code && checkpoint_has_average(checkpoint))
        code = checkpoint_get_average(checkpoint, model_arena(member.model), member.state, error);
    if (!code)
        code = check_slots(checkpoint, &member, error);
    member_release(&member);
    return code;
}

int train_verify_checkpoint(const char *path, int *arrays, struct Error *error) {
    struct Checkpoint *checkpoint;
    int code = checkpoint_open(&checkpoint, path, error);
    if (code)
        return code;
    code = train_check_checkpoint(checkpoint, error);
    if (!code) {
        struct Ranks *alone = ranks_alone();
        code = check_arrays(checkpoint, alone, error);
        ranks_release(alone);
    }
    *arrays = checkpoint->array_count;
    checkpoint_close(checkpoint);
    return code;
}
