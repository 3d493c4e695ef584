/* Checks whether the hosts' clocks agree, because the times of files, logs and limits come from
 * them. */
#include <stdlib.h>
#include <time.h>

#include "base/memory.h"
#include "cli/doctor/doctor.h"

#define ROUNDS 10
#define TOLERATED 1000000000 /* nanoseconds */

static int64_t now(void) {
    struct timespec time;
    clock_gettime(CLOCK_REALTIME, &time);
    return (int64_t)time.tv_sec * 1000000000 + time.tv_nsec;
}

/* Each rank reads its clock after a barrier. Some ranks leave the barrier later than others, so the
 * smallest difference of several rounds is the most accurate. */
static void find_differences(struct Ranks *ranks, int64_t *differences) {
    int size = ranks_size(ranks);
    int64_t *times = memory_array(int64_t, size, "times");
    for (int round = 0; round < ROUNDS; round++) {
        ranks_barrier(ranks);
        int64_t mine = now();
        ranks_gather_all(ranks, &mine, sizeof mine, times);
        for (int rank = 0; rank < size; rank++) {
            int64_t difference = times[rank] - times[0];
            if (round == 0 || llabs(difference) < llabs(differences[rank]))
                differences[rank] = difference;
        }
    }
    memory_release(times);
}

void check_clocks(struct Doctor *doctor) {
    struct Ranks *ranks = doctor->ranks;
    int64_t *differences = memory_array(int64_t, ranks_size(ranks), "times");
    int worst = 0;
    if (ranks_nodes(ranks) > 1) {
        find_differences(ranks, differences);
        for (int rank = 1; rank < ranks_size(ranks); rank++)
            if (llabs(differences[rank]) > llabs(differences[worst]))
                worst = rank;
        double seconds = 1e-9 * (double)differences[worst];
        if (llabs(differences[worst]) > TOLERATED)
            report_add(&doctor->report, VERDICT_NOTE, "clocks",
                       "set the clocks by NTP (chronyc tracking)",
                       "the clock of %s is %.3g s %s that of %s", ranks_host(ranks, worst),
                       seconds < 0 ? -seconds : seconds, seconds < 0 ? "behind" : "ahead of",
                       ranks_host(ranks, 0));
        else
            report_add(&doctor->report, VERDICT_OK, "clocks", NULL,
                       "the hosts' clocks agree to %.2g s", seconds < 0 ? -seconds : seconds);
    }
    memory_release(differences);
}
