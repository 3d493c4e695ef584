#include "watch/watch.h"

#include <unistd.h>

#include "base/log.h"
#include "base/memory.h"
#include "watch/watchdog.h"

static struct Job job_of(const struct Ranks *ranks) {
    struct Job job = {
        .rank = ranks_rank(ranks), .ranks = ranks_size(ranks), .nodes = ranks_nodes(ranks)};
    job.node = memory_array(int, job.ranks, "the watchdog");
    job.host = memory_array(char *, job.ranks, "the watchdog");
    job.seated = memory_array(int, job.ranks, "the watchdog");
    for (int rank = 0; rank < job.ranks; rank++) {
        job.node[rank] = ranks_node(ranks, rank);
        job.host[rank] = memory_copy_text(ranks_host(ranks, rank));
        if (job.node[rank] == ranks_node(ranks, job.rank))
            job.seated[job.seats++] = rank;
    }
    return job;
}

/* The first process of a node and its descriptor of the shared memory. */
struct Place {
    int pid, file;
};

/* Creates or opens the memory of this node. Collective. */
static int share(struct Ranks *ranks, const struct Job *job, struct Sharing *sharing,
                 struct Error *error) {
    struct Place own = {0}, *places = memory_array(struct Place, job->ranks, "the watchdog");
    int code = OK, first = job->seated[0], seat = 0;
    *sharing = (struct Sharing){.file = -1};
    if (job->rank == first) {
        code = sharing__create(sharing, job->seats, job->nodes, job->ranks, error);
        own = (struct Place){.pid = (int)getpid(), .file = sharing->file};
    }
    ranks_gather_all(ranks, &own, sizeof own, places);
    if (job->rank != first)
        code = sharing__open(sharing, places[first].pid, places[first].file, job->seats, job->nodes,
                             job->ranks, error);
    while (job->seated[seat] != job->rank)
        seat++;
    if (!code)
        code = sharing__take_seat(sharing, seat, error);
    memory_release(places);
    return ranks_agree(ranks, code, error);
}

void watch_start(struct Watch **watch, struct Ranks *ranks, const struct WatchActions *actions,
                 double seconds) {
    struct Job job = job_of(ranks);
    struct Sharing sharing;
    struct Channel *channel = NULL;
    struct Error error = {0};
    *watch = NULL;
    if (share(ranks, &job, &sharing, &error)) {
        if (job.rank == 0)
            log_warning("no watchdog: %s; a rank that hangs will not be noticed", error.text);
        sharing__release(&sharing);
        job__release(&job);
        return;
    }
    if (channel__create(&channel, ranks, &error) && job.rank == 0)
        log_warning("watchdog: %s; each host is watched for itself, and a host that is lost is "
                    "noticed later",
                    error.text);
    ranks_use_beat(ranks, &sharing.seat[sharing.own_seat].beat);
    log_debug("watchdog of %d rank%s on this host, %d host%s", job.seats, job.seats == 1 ? "" : "s",
              job.nodes, job.nodes == 1 ? "" : "s");
    *watch = watchdog__start(job, sharing, channel, actions, seconds);
}
