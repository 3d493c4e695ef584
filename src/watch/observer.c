#include "watch/observer.h"

#include <math.h>
#include <string.h>

#include "base/memory.h"
#include "base/process.h"

/* The most that one look may add to the clock. After a process was stopped, its
 * next look finds that a long time has passed. */
#define MOST_TICK 1.0
/* A process that has been gone for so long is dead: it had enough time to announce that it ends. */
#define DEATH_SECONDS 0.15
/* After so many seconds of silence the next rank reports for the node. */
#define LEADER_SILENCE 2.0

void watch__clock_tick(struct WatchClock *clock, double monotonic_seconds) {
    double passed = clock->last > 0 ? monotonic_seconds - clock->last : 0;
    clock->seconds += fmin(fmax(passed, 0), MOST_TICK);
    clock->stops += passed > MOST_TICK;
    clock->last = monotonic_seconds;
}

void observer__create(struct Observer *observer, const struct Sharing *sharing) {
    *observer = (struct Observer){.sharing = sharing};
    observer->seen = memory_array(struct Seen, sharing->seats, "the watchdog");
    for (int seat = 0; seat < sharing->seats; seat++)
        observer->seen[seat] = (struct Seen){.vacant = -1};
}

void observer__release(struct Observer *observer) {
    memory_release(observer->seen);
    *observer = (struct Observer){0};
}

static void learn(struct Observer *observer, const struct Seen *seen) {
    double *longest = &observer->longest[beat_phase_of(seen->word)];
    double gap = observer->clock.seconds - seen->moved;
    if (!seen->rested && gap > *longest)
        *longest = gap;
}

static void look_at(struct Observer *observer, int index) {
    const struct Seat *seat = &observer->sharing->seat[index];
    struct Seen *seen = &observer->seen[index];
    double now = observer->clock.seconds;
    uint64_t word = atomic_load_explicit(&seat->beat.word, memory_order_relaxed);
    uint64_t ticks = atomic_load_explicit(&seat->ticks, memory_order_relaxed);
    seen->rested |= now - seen->alive > MOST_TICK;
    if (word != seen->word) {
        learn(observer, seen);
        *seen = (struct Seen){
            .word = word, .ticks = ticks, .moved = now, .alive = now, .vacant = seen->vacant};
    }
    if (ticks != seen->ticks) {
        seen->ticks = ticks;
        seen->alive = now;
    }
    bool vacant =
        atomic_load(&seat->state) == SEAT_TAKEN && sharing__is_vacant(observer->sharing, index);
    if (!vacant)
        seen->vacant = -1;
    else if (seen->vacant < 0)
        seen->vacant = now;
}

void observer__look(struct Observer *observer, double monotonic_seconds) {
    watch__clock_tick(&observer->clock, monotonic_seconds);
    for (int seat = 0; seat < observer->sharing->seats; seat++)
        look_at(observer, seat);
}

static enum SightState state_of(const struct Observer *observer, int seat) {
    const struct Seen *seen = &observer->seen[seat];
    /* `gone` must be read first: a process announces that it leaves before its seat becomes
     * vacant. */
    bool gone = seen->vacant >= 0 && observer->clock.seconds - seen->vacant >= DEATH_SECONDS;
    if (atomic_load(&observer->sharing->seat[seat].state) != SEAT_TAKEN)
        return SIGHT_LEFT;
    return gone ? SIGHT_DIED : SIGHT_RUNS;
}

void observer__sight(const struct Observer *observer, int seat, struct Sight *sight) {
    const struct Seat *of = &observer->sharing->seat[seat];
    const struct Seen *seen = &observer->seen[seat];
    double now = observer->clock.seconds;
    int pid = sharing__process(observer->sharing, seat);
    *sight = (struct Sight){
        .state = state_of(observer, seat),
        .phase = beat_phase_of(seen->word),
        .waits = beat_waits(seen->word),
        .process = pid && now - seen->alive > MOST_TICK ? observer__process_state(pid) : 0,
        .pid = atomic_load(&of->pid),
        .turn = atomic_load_explicit(&of->beat.turn, memory_order_relaxed),
        .step = atomic_load_explicit(&of->beat.step, memory_order_relaxed),
        .still = now - seen->moved,
        .silent = now - seen->alive,
    };
}

bool observer__leads(const struct Observer *observer) {
    for (int seat = 0; seat < observer->sharing->own_seat; seat++)
        if (state_of(observer, seat) == SIGHT_RUNS && observer->seen[seat].vacant < 0 &&
            observer->clock.seconds - observer->seen[seat].alive < LEADER_SILENCE)
            return false;
    return true;
}

char observer__process_state(int pid) {
    struct Process process;
    return process_read(pid, &process) ? process.state : 0;
}
