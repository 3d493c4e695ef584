#include "train/replicas.h"

#include "base/memory.h"
#include "train/trainer.h"

#define MOST_LINKED_STEPS 4096

void replicas__create(struct Trainer *trainer) {
    struct Replicas *replicas = &trainer->replicas;
    int64_t every = trainer->options.train.check_every;
    *replicas = (struct Replicas){.compared = ranks_size(trainer->ranks) > 1, .checkpoint = -1};
    if (!replicas->compared)
        return;
    replicas->most_links = 2 * (every && every < MOST_LINKED_STEPS ? every : MOST_LINKED_STEPS);
    replicas->links = memory_array(struct Digest, replicas->most_links, "digests of replicas");
    updater_watch(trainer->parts.updater, &replicas->changes);
}

void replicas__release(struct Trainer *trainer) {
    memory_release(trainer->replicas.links);
    memory_release(trainer->replicas.validations);
}

void replicas__start_chain(struct Trainer *trainer, bool has_checkpoint) {
    struct Replicas *replicas = &trainer->replicas;
    checksum_start(&replicas->changes, trainer->variant);
    replicas->link_count = 0;
    if (!replicas->replaying)
        replicas->validation_count = 0;
    replicas->agreed = trainer->saved.progress.step;
    replicas->checkpoint = has_checkpoint ? replicas->agreed : -1;
    replicas->base = (struct Digest){0};
}

struct Digest replicas__begin_save(struct Trainer *trainer) {
    struct Checksum *changes = &trainer->replicas.changes;
    struct Digest last = changes->chain;
    checksum_start(changes, trainer->variant); /* what was noted since is in the checkpoint */
    changes->chain = last;
    return last;
}

void replicas__use_checkpoint(struct Trainer *trainer, int64_t step, struct Digest base) {
    struct Replicas *replicas = &trainer->replicas;
    int kept = 0;
    for (int i = 0; i < replicas->validation_count; i++)
        if (replicas->validations[i] > step)
            replicas->validations[kept++] = replicas->validations[i];
    replicas->validation_count = kept;
    replicas->checkpoint = step;
    replicas->base = base;
}

void replicas__note(struct Trainer *trainer, const void *values, int64_t bytes) {
    if (trainer->replicas.compared)
        checksum_add(&trainer->replicas.changes, values, bytes);
}

void replicas__close_link(struct Trainer *trainer) {
    struct Replicas *replicas = &trainer->replicas;
    if (!replicas->compared)
        return;
    struct Digest link = checksum_link(&replicas->changes);
    if (replicas->link_count < replicas->most_links)
        replicas->links[replicas->link_count++] = link;
}

bool replicas__are_full(const struct Trainer *trainer) {
    const struct Replicas *replicas = &trainer->replicas;
    return replicas->compared && replicas->link_count == replicas->most_links;
}

void replicas__note_validation(struct Trainer *trainer) {
    struct Replicas *replicas = &trainer->replicas;
    if (!replicas->compared || replicas->replaying)
        return;
    replicas->validations =
        memory_room(replicas->validations, replicas->validation_count, "validations by the clock");
    replicas->validations[replicas->validation_count++] = trainer->saved.progress.step;
}

bool replicas__validated(const struct Trainer *trainer, int64_t step) {
    const struct Replicas *replicas = &trainer->replicas;
    for (int i = 0; i < replicas->validation_count; i++)
        if (replicas->validations[i] == step)
            return true;
    return false;
}

static int64_t floats(int64_t count) {
    return count * (int64_t)sizeof(float);
}

/* All of it, in one digest. */
struct Digest replicas__digest(const struct Trainer *trainer) {
    const struct Arena *arena = model_arena(trainer->parts.model);
    struct Updater *updater = trainer->parts.updater;
    const float *average = callbacks__weights(trainer);
    struct Checksum sum;
    checksum_start(&sum, trainer->variant);
    checksum_add(&sum, trainer->state, floats(arena_state_elements(arena)));
    for (int slot = 0; slot < updater_slot_count(updater); slot++)
        checksum_add(&sum, updater_slot(updater, slot), floats(arena->parameters));
    if (average)
        checksum_add(&sum, average, floats(arena_state_elements(arena)));
    return checksum_link(&sum);
}

int replicas__compare(struct Trainer *trainer, bool whole, struct Error *error) {
    struct Replicas *replicas = &trainer->replicas;
    if (!replicas->compared || replicas->replaying)
        return OK;
    struct Digest memory = {0}, chain = replicas->changes.chain;
    if (whole)
        memory = replicas__digest(trainer);
    int64_t least[8] = {(int64_t)memory.high, (int64_t)memory.low, (int64_t)chain.high,
                        (int64_t)chain.low};
    for (int i = 0; i < 4; i++)
        least[4 + i] = ~least[i]; /* its minimum is ~ the maximum */
    ranks_minimum(trainer->ranks, least, 8);
    bool same = true;
    for (int i = 0; i < 4; i++)
        same &= least[i] == ~least[4 + i];
    if (!same) {
        trainer__wait_for_save(trainer, error); /* who is at fault matters more than how it went */
        return replicas__blame(trainer, whole, memory, error);
    }
    replicas->agreed = trainer->saved.progress.step;
    replicas->link_count = 0;
    return OK;
}
