#include "train/callback.h"

#include "base/memory.h"
#include "train/trainer.h"

#define CALLBACK(name) extern const struct Callback callback_##name;
#include "train/callbacks.def"
#undef CALLBACK

#define CALLBACK(name) &callback_##name,
const struct Callback *const callback_table[] = {
#include "train/callbacks.def"
    NULL};
#undef CALLBACK

const struct Figures *validation__used(const struct Validation *validation) {
    return figures_any(&validation->average) ? &validation->average : &validation->model;
}

static struct CheckpointPart saved_part(const struct Callback *row, void *state) {
    return (struct CheckpointPart){
        .value = (char *)state + row->saved_offset, .table = row->saved, .prefix = row->prefix};
}

void callbacks__create(struct Callbacks *callbacks, const struct Callback *const *table) {
    *callbacks = (struct Callbacks){.table = table};
    while (table[callbacks->count])
        callbacks->count++;
    callbacks->states = memory_array(void *, callbacks->count, "callbacks");
    for (int i = 0; i < callbacks->count; i++) {
        callbacks->states[i] = memory_allocate(table[i]->state_size, table[i]->name);
        struct CheckpointPart part = saved_part(table[i], callbacks->states[i]);
        if (table[i]->saved)
            checkpoint_start_parts(&part, 1);
    }
}

void callbacks__release(struct Callbacks *callbacks) {
    for (int i = 0; i < callbacks->count; i++) {
        struct CheckpointPart part = saved_part(callbacks->table[i], callbacks->states[i]);
        if (callbacks->table[i]->saved)
            checkpoint_release_parts(&part, 1);
        if (callbacks->table[i]->release)
            callbacks->table[i]->release(callbacks->states[i]);
        memory_release(callbacks->states[i]);
    }
    memory_release(callbacks->states);
    *callbacks = (struct Callbacks){0};
}

int callbacks__resume(struct Callbacks *callbacks, const struct Checkpoint *checkpoint,
                      struct Error *error) {
    int code = OK;
    for (int i = 0; i < callbacks->count && !code; i++) {
        struct CheckpointPart part = saved_part(callbacks->table[i], callbacks->states[i]);
        if (callbacks->table[i]->saved)
            code = checkpoint_get_parts(checkpoint, &part, 1, error);
    }
    return code;
}

int callbacks__check(const struct Callback *const *table, const struct Checkpoint *checkpoint,
                     struct Error *error) {
    struct Callbacks callbacks;
    callbacks__create(&callbacks, table);
    int code = callbacks__resume(&callbacks, checkpoint, error);
    callbacks__release(&callbacks);
    return code;
}

/* `row` and `state` of each callback that has the function `hook`. */
#define FOR_EACH(hook)                                                                             \
    for (int i = 0; i < trainer->callbacks.count; i++)                                             \
        if (trainer->callbacks.table[i]->hook)

#define CALL(hook, ...)                                                                            \
    trainer->callbacks.table[i]->hook(trainer, trainer->callbacks.states[i], __VA_ARGS__)

void callbacks__write(const struct Trainer *trainer, struct CheckpointWriter *writer) {
    FOR_EACH(saved) {
        struct CheckpointPart part =
            saved_part(trainer->callbacks.table[i], trainer->callbacks.states[i]);
        checkpoint_put_part(writer, &part);
    }
    FOR_EACH(write)
    CALL(write, writer);
}

int callbacks__restore(struct Trainer *trainer, const struct Checkpoint *checkpoint,
                       struct Error *error) {
    int code = OK;
    FOR_EACH(restore) {
        code = ranks_agree(trainer->ranks, CALL(restore, checkpoint, error), error);
        if (code)
            break;
    }
    return code;
}

void callbacks__make(struct Trainer *trainer) {
    FOR_EACH(make)
    trainer->callbacks.table[i]->make(trainer, trainer->callbacks.states[i]);
}

int callbacks__on_start(struct Trainer *trainer, struct Error *error) {
    int code = OK;
    FOR_EACH(on_start) {
        code = ranks_agree(trainer->ranks, CALL(on_start, error), error);
        if (code)
            break;
    }
    return code;
}

void callbacks__before_update(struct Trainer *trainer, const struct StepGradient *gradient) {
    FOR_EACH(before_update)
    CALL(before_update, gradient);
}

void callbacks__on_update(struct Trainer *trainer) {
    FOR_EACH(on_update)
    trainer->callbacks.table[i]->on_update(trainer, trainer->callbacks.states[i]);
}

int callbacks__on_step(struct Trainer *trainer, const struct StepReport *report,
                       struct Error *error) {
    int code = OK;
    FOR_EACH(on_step) {
        code = CALL(on_step, report, error);
        if (code)
            break;
    }
    return code;
}

void callbacks__on_nan(struct Trainer *trainer, const struct NanReport *report) {
    FOR_EACH(on_nan)
    CALL(on_nan, report);
}

void callbacks__before_validation(struct Trainer *trainer) {
    FOR_EACH(before_validation)
    trainer->callbacks.table[i]->before_validation(trainer, trainer->callbacks.states[i]);
}

void callbacks__on_validation(struct Trainer *trainer, const struct Validation *validation) {
    FOR_EACH(on_validation)
    CALL(on_validation, validation);
}

void callbacks__on_epoch(struct Trainer *trainer, const struct EpochReport *report) {
    FOR_EACH(on_epoch)
    CALL(on_epoch, report);
}

void callbacks__on_validated(struct Trainer *trainer, const struct EpochReport *report) {
    FOR_EACH(on_validated)
    CALL(on_validated, report);
}

int callbacks__on_save(struct Trainer *trainer, struct Error *error) {
    int code = OK;
    FOR_EACH(on_save) {
        code = ranks_agree(trainer->ranks, CALL(on_save, error), error);
        if (code)
            break;
    }
    return code;
}

int callbacks__synchronise(const struct Trainer *trainer, struct Error *error) {
    struct Error other;
    int first = OK;
    FOR_EACH(synchronise) {
        int code = trainer->callbacks.table[i]->synchronise(trainer->callbacks.states[i], &other);
        if (code && !first)
            *error = other;
        first = first ? first : code;
    }
    return first;
}

void callbacks__on_warning(struct Trainer *trainer, const struct WarningReport *report) {
    FOR_EACH(on_warning)
    CALL(on_warning, report);
}

void callbacks__on_stop(struct Trainer *trainer, const struct StopReport *report) {
    FOR_EACH(on_stop)
    CALL(on_stop, report);
}

bool callbacks__want_stop(const struct Trainer *trainer, struct StopReport *report) {
    FOR_EACH(wants_stop)
    if (CALL(wants_stop, report))
        return true;
    return false;
}

const float *callbacks__weights(const struct Trainer *trainer) {
    FOR_EACH(weights) {
        const float *weights =
            trainer->callbacks.table[i]->weights(trainer, trainer->callbacks.states[i]);
        if (weights)
            return weights;
    }
    return NULL;
}
