#include "nn/layout.h"

#include "base/error.h"
#include "base/memory.h"

struct LayoutRow layout_row(const struct Layout *layout, int row) {
    return (struct LayoutRow){&layout->arena.rows[row], &layout->rows[row]};
}

void layout_reserve(struct Layout *layout) {
    int needed = layout->arena.row_count + NODE_ROWS;
    if (needed <= layout->row_capacity)
        return;
    size_t old = (size_t)layout->row_capacity, new = 2 * (size_t)needed;
    layout->arena.rows = memory_resize(layout->arena.rows, old * sizeof *layout->arena.rows,
                                       new * sizeof *layout->arena.rows, "the model's layout");
    layout->rows = memory_resize(layout->rows, old * sizeof *layout->rows,
                                 new * sizeof *layout->rows, "the model's layout");
    layout->row_capacity = (int)new;
}

struct LayoutRow layout_append(struct Layout *layout) {
    CHECK(layout->arena.row_count < layout->row_capacity);
    struct LayoutRow row = layout_row(layout, layout->arena.row_count++);
    *row.arena = (struct ArenaRow){0};
    *row.model = (struct ModelRow){0};
    return row;
}

void layout_finish(struct Layout *layout) {
    struct Arena *arena = &layout->arena;
    int64_t offset = 0;
    for (int statistics = 0; statistics < 2; statistics++) {
        for (int i = 0; i < arena->row_count; i++) {
            struct ArenaRow *row = &arena->rows[i];
            if ((row->role == ROLE_STATISTIC) != statistics)
                continue;
            row->offset = offset;
            offset += (row->count + ARENA_ALIGNMENT - 1) / ARENA_ALIGNMENT * ARENA_ALIGNMENT;
            if (!statistics)
                arena->trained += row->count;
        }
        if (!statistics)
            arena->parameters = offset;
    }
    arena->statistics = offset - arena->parameters;
}

void layout_release(struct Layout *layout) {
    memory_release(layout->rows);
    arena_release(&layout->arena);
    *layout = (struct Layout){0};
}
