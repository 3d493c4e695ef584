#include "comm/beat.h"

#include <time.h>

#define WAITS ((uint64_t)1 << 63)
#define COUNT (((uint64_t)1 << 56) - 1)

static uint64_t now(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (uint64_t)time.tv_sec * 1000000000 + (uint64_t)time.tv_nsec;
}

/* Only this thread writes, so that it may load and store instead of adding atomically. */
static uint64_t word_of(const struct Beat *beat) {
    return atomic_load_explicit(&beat->word, memory_order_relaxed);
}

static void put(struct Beat *beat, enum BeatPhase phase, bool waits) {
    uint64_t count = (word_of(beat) + 1) & COUNT;
    atomic_store_explicit(&beat->word, (waits ? WAITS : 0) | (uint64_t)phase << 56 | count,
                          memory_order_relaxed);
}

static void stop_counting(struct Beat *beat) {
    if (!beat->since)
        return;
    uint64_t busy = atomic_load_explicit(&beat->busy, memory_order_relaxed);
    atomic_store_explicit(&beat->busy, busy + now() - beat->since, memory_order_relaxed);
    beat->since = 0;
}

static void count_if_in_step(struct Beat *beat) {
    enum BeatPhase phase = beat_phase_of(word_of(beat));
    if (phase == BEAT_STEP)
        beat->since = now();
}

void beat_move(struct Beat *beat) {
    put(beat, beat_phase_of(word_of(beat)), beat->waits > 0);
}

void beat_enter(struct Beat *beat, enum BeatPhase phase) {
    stop_counting(beat);
    put(beat, phase, beat->waits > 0);
    count_if_in_step(beat);
}

void beat_step(struct Beat *beat, int64_t step, bool first) {
    atomic_store_explicit(&beat->step, step, memory_order_relaxed);
    beat_enter(beat, first ? BEAT_FIRST_STEP : BEAT_STEP);
}

void beat_wait(struct Beat *beat) {
    if (beat->waits++)
        return;
    stop_counting(beat);
    uint64_t turn = atomic_load_explicit(&beat->turn, memory_order_relaxed);
    atomic_store_explicit(&beat->turn, turn + 1, memory_order_relaxed);
    put(beat, beat_phase_of(word_of(beat)), true);
}

void beat_go_on(struct Beat *beat) {
    if (--beat->waits)
        return;
    put(beat, beat_phase_of(word_of(beat)), false);
    count_if_in_step(beat);
}
