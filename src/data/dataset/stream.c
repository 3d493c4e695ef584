#include "data/dataset/stream.h"

#include <inttypes.h>
#include <pthread.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/thread.h"
#include "data/dataset/blocks.h"

enum SlotState { SLOT_EMPTY, SLOT_WANTED, SLOT_FILLING, SLOT_READY };

/* A window in memory. */
struct Slot {
    enum SlotState state;
    bool failed;
    struct OrderWindow window;
    int64_t *samples; /* (most): the numbers of its samples in the split, in the window's order */
    int64_t *draws;   /* (most): the draw of each sample */
    char *pixels;     /* (most): their images */
};

/* A lane has two slots: samples are drawn from one while the other is filled. */
struct Lane {
    struct Slot slots[2];
    int current; /* the slot that samples are drawn from; −1: none yet */
};

struct Stream {
    struct BlockOrder *order;
    const struct Split *split;
    size_t image_bytes;
    int64_t lane_count;
    struct Lane *lanes;
    double waited;   /* seconds that were spent waiting for windows */
    bool has_failed; /* a window that samples were drawn from could not be read */
    /* Used by the thread that fills slots, or by the drawing thread if there is no other: */
    struct BlockReader *reader;
    char *block; /* the largest block */
    struct OrderEntry *entries;
    int64_t *scratch;
    /* Protected by the mutex: */
    pthread_mutex_t mutex;
    pthread_cond_t wanted, filled;
    pthread_t thread;
    bool has_thread, ends;
    struct Slot *urgent;  /* the slot that is waited for; or NULL */
    struct Error failure; /* the first */
};

/* ---- Filling ---- */

static bool is_ending(struct Stream *stream) {
    pthread_mutex_lock(&stream->mutex);
    bool ends = stream->ends;
    pthread_mutex_unlock(&stream->mutex);
    return ends;
}

/* Reads a range of rows of one block, and copies each sample to its place in the window. */
static int fill_block(struct Stream *stream, struct Slot *slot, const struct OrderEntry *entries,
                      int64_t count, struct Error *error) {
    int64_t first = entries[0].row, rows = entries[count - 1].row - first + 1;
    int code = blocks__read(stream->reader, first, rows, false, stream->block, error);
    for (int64_t i = 0; i < count; i++) {
        char *to = slot->pixels + (size_t)entries[i].place * stream->image_bytes;
        const char *from = stream->block + (size_t)(entries[i].row - first) * stream->image_bytes;
        slot->samples[entries[i].place] = entries[i].sample;
        slot->draws[entries[i].place] = entries[i].draw;
        if (code == OK)
            memcpy(to, from, stream->image_bytes);
        else
            memset(to, 0, stream->image_bytes);
    }
    return code;
}

/* Fills a slot whose entries have been listed. */
static int fill(struct Stream *stream, struct Slot *slot, struct Error *error) {
    const struct OrderEntry *entries = stream->entries;
    int64_t count = slot->window.count;
    int code = OK;
    for (int64_t at = 0, end, first, last; at < count; at = end) {
        struct Error own;
        blocks__of(stream->split->pair, entries[at].row, &first, &last);
        for (end = at + 1;
             end < count && entries[end].row >= entries[end - 1].row && entries[end].row < last;)
            end++;
        if (fill_block(stream, slot, entries + at, end - at, &own) && code == OK) {
            *error = own;
            code = own.code;
        }
        if (stream->has_thread && is_ending(stream))
            break;
    }
    return code;
}

static void list(struct Stream *stream, const struct Slot *slot) {
    block_order__list(stream->order, &slot->window, stream->entries, stream->scratch);
}

/* Marks the slot as ready. The caller holds the mutex. */
static void finish(struct Stream *stream, struct Slot *slot, int code, const struct Error *error) {
    slot->failed = code != OK;
    if (code != OK && stream->failure.code == OK)
        stream->failure = *error;
    slot->state = SLOT_READY;
}

/* Returns the slot to fill next, or NULL. The caller holds the mutex. */
static struct Slot *choose(struct Stream *stream) {
    if (stream->urgent && stream->urgent->state == SLOT_WANTED)
        return stream->urgent;
    for (int64_t i = 0; i < stream->lane_count; i++)
        for (int k = 0; k < 2; k++)
            if (stream->lanes[i].slots[k].state == SLOT_WANTED)
                return &stream->lanes[i].slots[k];
    return NULL;
}

static void *run(void *context) {
    struct Stream *stream = context;
    pthread_mutex_lock(&stream->mutex);
    while (!stream->ends) {
        struct Slot *slot = choose(stream);
        if (!slot) {
            pthread_cond_wait(&stream->wanted, &stream->mutex);
            continue;
        }
        struct Error error;
        slot->state = SLOT_FILLING;
        list(stream, slot);
        pthread_mutex_unlock(&stream->mutex);
        int code = fill(stream, slot, &error);
        pthread_mutex_lock(&stream->mutex);
        finish(stream, slot, code, &error);
        pthread_cond_signal(&stream->filled);
    }
    pthread_mutex_unlock(&stream->mutex);
    return NULL;
}

/* ---- The stream ---- */

static void allocate(struct Stream *stream) {
    int64_t most = block_order__most(stream->order);
    int64_t block = block_order__block(stream->split) * (int64_t)stream->image_bytes;
    int64_t window = most * (int64_t)stream->image_bytes;
    stream->lanes = memory_array(struct Lane, stream->lane_count, "windows of images");
    for (int64_t i = 0; i < stream->lane_count; i++) {
        stream->lanes[i].current = -1;
        for (int k = 0; k < 2; k++) {
            stream->lanes[i].slots[k].samples = memory_array(int64_t, most, "a window of images");
            stream->lanes[i].slots[k].draws = memory_array(int64_t, most, "a window of images");
            stream->lanes[i].slots[k].pixels = memory_array(char, window, "a window of images");
        }
    }
    stream->block = memory_array(char, block, "a block of images");
    stream->entries = memory_array(struct OrderEntry, most, "the order of a window");
    stream->scratch = memory_array(int64_t, most, "the order of a window");
}

int stream__create(struct Stream **out, const struct Split *split, size_t image_bytes,
                   const struct StreamCut *cut, struct Error *error) {
    struct Stream *stream = memory_allocate(sizeof *stream, "a stream of images");
    *out = NULL;
    *stream = (struct Stream){.split = split, .image_bytes = image_bytes};
    int code = blocks__open(&stream->reader, split->pair, error);
    if (code != OK) {
        memory_release(stream);
        return code;
    }
    stream->order = block_order__create(split, cut);
    stream->lane_count = block_order__lanes(stream->order);
    allocate(stream);
    pthread_mutex_init(&stream->mutex, NULL);
    pthread_cond_init(&stream->wanted, NULL);
    pthread_cond_init(&stream->filled, NULL);
    /* Set before the thread starts, because it reads this. */
    stream->has_thread = h5_allows_threads();
    if (stream->has_thread && !thread_start(&stream->thread, run, stream))
        stream->has_thread = false;
    log_debug("split %s is streamed: windows of up to %" PRId64 " samples in %" PRId64 " lanes%s",
              split->name, block_order__most(stream->order), stream->lane_count,
              stream->has_thread ? "" : ", read when they are needed");
    *out = stream;
    return OK;
}

void stream__release(struct Stream *stream) {
    if (!stream)
        return;
    pthread_mutex_lock(&stream->mutex);
    stream->ends = true;
    pthread_cond_signal(&stream->wanted);
    pthread_mutex_unlock(&stream->mutex);
    if (stream->has_thread)
        pthread_join(stream->thread, NULL);
    log_debug("split %s: waited %.3f s for its windows", stream->split->name, stream->waited);
    pthread_mutex_destroy(&stream->mutex);
    pthread_cond_destroy(&stream->wanted);
    pthread_cond_destroy(&stream->filled);
    for (int64_t i = 0; i < stream->lane_count; i++)
        for (int k = 0; k < 2; k++) {
            memory_release(stream->lanes[i].slots[k].samples);
            memory_release(stream->lanes[i].slots[k].draws);
            memory_release(stream->lanes[i].slots[k].pixels);
        }
    memory_release(stream->lanes);
    memory_release(stream->block);
    memory_release(stream->entries);
    memory_release(stream->scratch);
    blocks__close(stream->reader);
    block_order__release(stream->order);
    memory_release(stream);
}

/* ---- Drawing ---- */

static bool is_window(const struct Slot *slot, const struct OrderWindow *window) {
    return slot->state != SLOT_EMPTY && slot->window.epoch == window->epoch &&
           slot->window.number == window->number;
}

/* The caller holds the mutex. */
static void want(struct Stream *stream, struct Slot *slot, const struct OrderWindow *window) {
    slot->window = *window;
    slot->state = SLOT_WANTED;
    pthread_cond_signal(&stream->wanted);
}

/* Waits until the slot is neither being filled nor to be filled. The caller holds the mutex. */
static void wait_for(struct Stream *stream, struct Slot *slot) {
    struct Error error;
    if (!stream->has_thread && slot->state == SLOT_WANTED) {
        list(stream, slot);
        finish(stream, slot, fill(stream, slot, &error), &error);
    }
    stream->urgent = slot;
    while (slot->state == SLOT_WANTED || slot->state == SLOT_FILLING)
        pthread_cond_wait(&stream->filled, &stream->mutex);
    stream->urgent = NULL;
}

/* Makes the window that holds a place the current one of its lane, and requests the next one. */
static void advance(struct Stream *stream, int64_t epoch, struct OrderPlace place) {
    struct Lane *lane = &stream->lanes[place.lane];
    double start = clock_seconds();
    pthread_mutex_lock(&stream->mutex);
    struct OrderWindow window = block_order__window(stream->order, epoch, place);
    int next = lane->current == 0 ? 1 : 0;
    struct Slot *slot = &lane->slots[next], *old = &lane->slots[1 - next];
    if (!is_window(slot, &window)) {
        if (slot->state == SLOT_FILLING) /* of another place: the run went back or was resumed */
            wait_for(stream, slot);
        want(stream, slot, &window);
    }
    wait_for(stream, slot);
    stream->has_failed |= slot->failed;
    lane->current = next;
    if (stream->has_thread) {
        window = block_order__next(stream->order, &window);
        want(stream, old, &window);
    }
    pthread_mutex_unlock(&stream->mutex);
    stream->waited += clock_seconds() - start;
}

static const struct Slot *current(const struct Stream *stream, int64_t lane) {
    const struct Lane *own = &stream->lanes[lane];
    return own->current < 0 ? NULL : &own->slots[own->current];
}

int64_t stream__run(struct Stream *stream, int64_t epoch, int64_t position, int64_t count) {
    struct OrderPlace place = block_order__find(stream->order, position);
    const struct Slot *slot = current(stream, place.lane);
    int64_t at = slot ? place.index - slot->window.first : -1;
    if (!slot || slot->window.epoch != epoch || at < 0 || at >= slot->window.count) {
        advance(stream, epoch, place);
        slot = current(stream, place.lane);
        at = place.index - slot->window.first;
    }
    int64_t run = 1;
    while (run < count && run < slot->window.count - at) {
        struct OrderPlace other = block_order__find(stream->order, position + run);
        if (other.lane != place.lane || other.index != place.index + run)
            break;
        run++;
    }
    return run;
}

static struct Drawn drawn(const struct Stream *stream, const struct Slot *slot, int64_t at) {
    return (struct Drawn){slot->draws[at], slot->samples[at],
                          slot->pixels + (size_t)at * stream->image_bytes};
}

struct Drawn stream__draw(const struct Stream *stream, int64_t position) {
    struct OrderPlace place = block_order__find(stream->order, position);
    const struct Slot *slot = current(stream, place.lane);
    return drawn(stream, slot, place.index - slot->window.first);
}

struct Drawn stream__partner(const struct Stream *stream, int64_t position, uint64_t share) {
    const struct Slot *slot = current(stream, block_order__find(stream->order, position).lane);
    unsigned __int128 wide = (unsigned __int128)share * (uint64_t)slot->window.count;
    return drawn(stream, slot, (int64_t)(wide >> 64));
}

int stream__failed(const struct Stream *stream, struct Error *error) {
    if (!stream->has_failed)
        return OK;
    *error = stream->failure;
    return error->code;
}
