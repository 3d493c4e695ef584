/* Checks whether each thread has a processor of its own. */
#include <stdio.h>

#include "base/text.h"
#include "cli/doctor/doctor.h"
#include "comm/placement.h"
#include "compute/backend.h"

/* The number of processors whose time a container may use (cgroup v2); 0: there is no limit. */
static double processor_quota(void) {
    double quota = 0, period = 0;
    FILE *file = fopen("/sys/fs/cgroup/cpu.max", "re");
    if (!file)
        return 0;
    if (fscanf(file, "%lf %lf", &quota, &period) != 2)
        quota = 0;
    fclose(file);
    return period > 0 ? quota / period : 0;
}

void check_processors(struct Doctor *doctor) {
    struct Crowd crowd;
    struct Report *report = &doctor->report;
    bool crowded = ranks_crowd(doctor->ranks, doctor->threads, &crowd);
    double quota = processor_quota();
    char advice[160];
    if (!crowd.processors)
        report_add(report, VERDICT_NOTE, "processors", "compare --report-bindings of mpirun",
                   "where the ranks may run is not known");
    else if (crowded && crowd.node_threads > crowd.node_processors)
        report_add(report, VERDICT_NOTE, "processors", "start fewer ranks or threads",
                   "%s has %d processor%s for %d threads of its ranks",
                   ranks_host(doctor->ranks, crowd.rank), crowd.node_processors,
                   crowd.node_processors == 1 ? "" : "s", crowd.node_threads);
    else if (crowded) {
        snprintf(advice, sizeof advice,
                 "mpirun's --map-by slot:PE=%d gives each rank as many as it has threads",
                 doctor->threads);
        report_add(report, VERDICT_NOTE, "processors", advice,
                   "%d threads of %d rank%s are bound to %d processor%s of %s, which has %d",
                   crowd.threads, crowd.ranks, crowd.ranks == 1 ? "" : "s", crowd.processors,
                   crowd.processors == 1 ? "" : "s", ranks_host(doctor->ranks, crowd.rank),
                   crowd.node_processors);
    } else if (quota > 0 && quota < crowd.node_threads)
        report_add(report, VERDICT_NOTE, "processors",
                   "start fewer ranks or threads, or give the container more",
                   "this container may use %.2g processors' time, for %d threads", quota,
                   crowd.node_threads);
    else
        report_add(report, VERDICT_OK, "processors", NULL,
                   "%d rank%s x %d thread%s; %s has %d processor%s for %d of these threads",
                   ranks_size(doctor->ranks), ranks_size(doctor->ranks) == 1 ? "" : "s",
                   doctor->threads, doctor->threads == 1 ? "" : "s",
                   ranks_host(doctor->ranks, crowd.rank), crowd.node_processors,
                   crowd.node_processors == 1 ? "" : "s", crowd.node_threads);
}

void check_threads(struct Doctor *doctor) {
    int64_t threads = backend_threads();
    ranks_minimum(doctor->ranks, &threads, 1);
    if (threads < doctor->threads)
        report_add(&doctor->report, VERDICT_PROBLEM, "threads",
                   "unset OMP_THREAD_LIMIT and OMP_DYNAMIC",
                   "a rank asks for %d threads and gets %d", doctor->threads, (int)threads);
    else
        report_add(&doctor->report, VERDICT_OK, "threads", NULL, "%d OpenMP thread%s a rank",
                   (int)threads, threads == 1 ? "" : "s");
}
