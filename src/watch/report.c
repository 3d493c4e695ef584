#include <math.h>

#include "watch/channel.h"

#define WAITS_BIT 24

static uint64_t milliseconds(double seconds) {
    return (uint64_t)fmin(fmax(seconds, 0) * 1e3, UINT32_MAX);
}

void report__pack(struct Report *report, int rank, const struct Sight *sight, uint64_t busy) {
    *report = (struct Report){
        .rank = rank,
        .words = {(uint64_t)sight->state | (uint64_t)sight->phase << 8 |
                      (uint64_t)(unsigned char)sight->process << 16 |
                      (uint64_t)sight->waits << WAITS_BIT | (uint64_t)(uint32_t)sight->pid << 32,
                  sight->turn, (uint64_t)sight->step, milliseconds(sight->still),
                  milliseconds(sight->silent), busy}};
}

void report__unpack(const uint64_t words[CHANNEL_WORDS], struct Sight *sight, uint64_t *busy) {
    uint64_t state = words[0] & 0xff, phase = words[0] >> 8 & 0xff;
    *sight = (struct Sight){
        .state = state <= SIGHT_FAR ? (enum SightState)state : SIGHT_FAR,
        .phase = phase < BEAT_PHASES ? (enum BeatPhase)phase : BEAT_STEP,
        .process = (char)(words[0] >> 16 & 0x7f),
        .waits = words[0] >> WAITS_BIT & 1,
        .pid = (int)(words[0] >> 32 & INT32_MAX),
        .turn = words[1],
        .step = (int64_t)words[2],
        .still = (double)words[3] * 1e-3,
        .silent = (double)words[4] * 1e-3,
    };
    *busy = words[5];
}
