/* Checkpoints: what `inspect`, `eval` and a run that resumes read of them. */
#include "base/memory.h"
#include "checkpoint/checkpoint.h"
#include "comm/ranks.h"
#include "evaluate/member.h"
#include "fuzz/target.h"
#include "nn/model.h"
#include "train/saved_state.h"
#include "train/train.h"

static int read_arrays(const struct Checkpoint *checkpoint, XXH3_state_t *answer,
                       struct Error *error) {
    int code = OK;
    for (int i = 0; i < checkpoint->array_count && !code; i++) {
        const struct CheckpointArray *array = &checkpoint->arrays[i];
        float *values = memory_array(float, array->count, "a checkpoint's array");
        code = checkpoint_get_array(checkpoint, array, values, error);
        answer_text(answer, array->name);
        answer_bytes(answer, array->size, (size_t)array->rank * sizeof *array->size);
        answer_bytes(answer, values, (size_t)array->count * sizeof *values);
        memory_release(values);
    }
    return code;
}

static int read_saved(const struct Checkpoint *checkpoint, XXH3_state_t *answer,
                      struct Error *error) {
    struct SavedState saved = {0};
    int code = saved_state_read(&saved, checkpoint, error);
    if (code)
        return code;
    answer_number(answer, saved.progress.step);
    answer_number(answer, saved.progress.epoch);
    answer_number(answer, saved.progress.step_in_epoch);
    answer_number(answer, saved.best.step);
    answer_number(answer, (int64_t)saved.provenance.seed);
    answer_text(answer, saved.provenance.data_digest);
    for (int64_t i = 0; i < saved.targets.count; i++)
        answer_text(answer, saved.targets.names[i]);
    saved_state_release(&saved);
    return OK;
}

static int read_member(const char *path, XXH3_state_t *answer, struct Error *error) {
    struct Ranks *ranks = ranks_alone();
    struct Member member;
    int code = member_open(&member, ranks, path, MEMBER_AUTO, error);
    if (!code)
        answer_bytes(answer, member.state,
                     (size_t)arena_state_elements(model_arena(member.model)) * sizeof(float));
    member_release(&member);
    ranks_release(ranks);
    return code;
}

static int read_checkpoint(const char *path, XXH3_state_t *answer, struct Error *error) {
    struct Checkpoint *checkpoint;
    int code = checkpoint_open(&checkpoint, path, error);
    if (code)
        return code;
    answer_text(answer, checkpoint->run_text);
    code = train_check_checkpoint(checkpoint, error);
    if (!code)
        code = read_saved(checkpoint, answer, error);
    if (!code)
        code = read_arrays(checkpoint, answer, error);
    checkpoint_close(checkpoint);
    return code ? code : read_member(path, answer, error);
}

const struct FuzzTarget fuzz_target = {.hdf5 = true, .read = read_checkpoint};
