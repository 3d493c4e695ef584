#include "cli/outside.h"

#include <math.h>
#include <stddef.h>

#include "base/clock.h"
#include "cli/about.h"
#include "cli/job_limit.h"
#include "cli/signals.h"

struct Outside outside_now(const struct Ranks *ranks) {
    double start = clock_seconds();
    bool looks = ranks_rank(ranks) == 0;
    return (struct Outside){.pending = signals_pending,
                            .forget = signals_forget,
                            .start = start,
                            .job_end = looks ? start + job_limit_seconds() : INFINITY,
                            .grace = signals_grace(),
                            .facts = looks ? about_facts(ranks) : NULL};
}
