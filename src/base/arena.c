#include "base/arena.h"

#include <string.h>

#include "base/memory.h"

/* Visits the elements of a row in file order. */
struct Walk {
    int rank;
    int64_t size[ARENA_DIMENSIONS], stride[ARENA_DIMENSIONS], index[ARENA_DIMENSIONS];
    int64_t memory;
};

static struct Walk walk_start(const struct ArenaRow *row) {
    struct Walk walk = {.rank = row->rank};
    int64_t stride[ARENA_DIMENSIONS], elements = 1;
    for (int i = row->rank - 1; i >= 0; i--) {
        stride[i] = elements;
        elements *= row->size[i];
    }
    for (int i = 0; i < row->rank; i++) {
        walk.size[i] = row->size[row->order[i]];
        walk.stride[i] = stride[row->order[i]];
    }
    return walk;
}

static void walk_next(struct Walk *walk) {
    for (int i = walk->rank - 1; i >= 0; i--) {
        walk->memory += walk->stride[i];
        if (++walk->index[i] < walk->size[i])
            return;
        walk->memory -= walk->stride[i] * walk->size[i];
        walk->index[i] = 0;
    }
}

void arena_to_file(const struct ArenaRow *row, const float *state, float *file) {
    struct Walk walk = walk_start(row);
    for (int64_t i = 0; i < row->count; i++, walk_next(&walk))
        file[i] = state[row->offset + walk.memory];
}

void arena_from_file(const struct ArenaRow *row, const float *file, float *state) {
    struct Walk walk = walk_start(row);
    for (int64_t i = 0; i < row->count; i++, walk_next(&walk))
        state[row->offset + walk.memory] = file[i];
}

bool arena_keeps_order(const struct ArenaRow *row) {
    for (int i = 0; i < row->rank; i++)
        if (row->order[i] != i)
            return false;
    return true;
}

int arena_find(const struct Arena *arena, const char *name) {
    for (int i = 0; i < arena->row_count; i++)
        if (!strcmp(arena->rows[i].name, name))
            return i;
    return -1;
}

void arena_release(struct Arena *arena) {
    for (int i = 0; i < arena->row_count; i++)
        memory_release(arena->rows[i].name);
    memory_release(arena->rows);
    *arena = (struct Arena){0};
}
