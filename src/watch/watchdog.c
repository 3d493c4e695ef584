#include "watch/watchdog.h"

#include <math.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/thread.h"

#define TICK 0.1 /* seconds between two looks */
/* Seconds between two reports to other nodes, so that many nodes do not send too many. */
#define LEAST_REPORT 0.25
#define MOST_REPORT 2.0
#define MESSAGES_A_SECOND 400
/* A process whose host refuses messages counts as dead if it does not announce within so many
 * seconds that it leaves. */
#define REFUSED_SECONDS 0.4
/* The seconds for which a node waits for a lower-numbered node to report what both see: COURTESY
 * and MORE_COURTESY times its own number, but at most MOST_COURTESY. */
#define COURTESY 0.8
#define MORE_COURTESY 0.2
#define MOST_COURTESY 1.6
/* Paces are compared over windows of half the limit, within these bounds. */
#define LEAST_WINDOW 1.0
#define MOST_WINDOW 30.0

static double seconds_of(const struct Watch *watch) {
    return (double)atomic_load_explicit(&watch->limit, memory_order_relaxed) * 1e-3;
}

static double now(const struct Watch *watch) {
    return watch->observer.clock.seconds;
}

static int own_node(const struct Watch *watch) {
    return watch->job.node[watch->job.rank];
}

/* Whether anything can be seen of a rank. */
static bool is_seen(const struct Watch *watch, int rank) {
    return watch->channel || watch->job.node[rank] == own_node(watch);
}

/* ---- Looking ---- */

static void look_at_nodes(struct Watch *watch) {
    for (int node = 0; node < watch->job.nodes; node++) {
        struct Heard *heard = &watch->heard[node];
        uint64_t reports = atomic_load_explicit(&watch->sharing.heard[node], memory_order_relaxed);
        if (reports != heard->reports)
            *heard = (struct Heard){.reports = reports, .at = now(watch)};
    }
}

static uint64_t look_far(const struct Watch *watch, int rank, struct Sight *sight) {
    uint64_t words[CHANNEL_WORDS], busy = 0;
    if (!watch->channel) {
        *sight = (struct Sight){.state = SIGHT_FAR};
        return 0;
    }
    for (int i = 0; i < CHANNEL_WORDS; i++)
        words[i] = atomic_load_explicit(&watch->sharing.far[rank].words[i], memory_order_relaxed);
    report__unpack(words, sight, &busy);
    sight->unheard = now(watch) - watch->heard[watch->job.node[rank]].at;
    if (!atomic_load_explicit(&watch->sharing.far[rank].refused, memory_order_relaxed))
        watch->refused[rank] = -1;
    else if (watch->refused[rank] < 0)
        watch->refused[rank] = now(watch);
    if (sight->state == SIGHT_RUNS && watch->refused[rank] >= 0 &&
        now(watch) - watch->refused[rank] >= REFUSED_SECONDS)
        sight->state = SIGHT_DIED;
    return busy;
}

/* Fills sights, paces and the reports on this node's ranks. */
static void look(struct Watch *watch) {
    int seen = 0, seat = 0;
    look_at_nodes(watch);
    for (int rank = 0; rank < watch->job.ranks; rank++) {
        struct Sight *sight = &watch->sights[rank];
        uint64_t busy;
        if (watch->job.node[rank] == own_node(watch)) {
            observer__sight(&watch->observer, seat, sight);
            busy = atomic_load_explicit(&watch->sharing.seat[seat].beat.busy, memory_order_relaxed);
            report__pack(&watch->reports[seat], rank, sight, busy);
            seat++;
        } else {
            busy = look_far(watch, rank, sight);
        }
        sight->node = watch->job.node[rank];
        if (is_seen(watch, rank))
            watch->paces[seen++] = (struct Pace){.step = sight->step, .busy = busy};
    }
}

/* ---- Speaking ---- */

/* Whether there is a lower-numbered node, which sees the same. */
static bool leaves_it_to_others(const struct Watch *watch) {
    for (int node = 0; watch->channel && node < own_node(watch); node++)
        if (now(watch) - watch->heard[node].at < MOST_REPORT + LEAST_REPORT)
            return true;
    return false;
}

/* Ends this process and, with `all`, those of its node that do not end by themselves. */
static void end(struct Watch *watch, bool all) {
    int *stuck = memory_array(int, watch->job.seats, "the processes of this host");
    int count = 0;
    for (int seat = 0; all && seat < watch->job.seats; seat++) {
        int pid = sharing__process(&watch->sharing, seat);
        if (pid && seat != watch->sharing.own_seat && !sharing__is_vacant(&watch->sharing, seat))
            stuck[count++] = pid;
    }
    watch->actions.end(watch->actions.context, all ? stuck : NULL, count);
    memory_release(stuck); /* only the action of a test returns */
}

bool watch_may_speak(struct Watch *watch) {
    int nobody = 0;
    return !watch || atomic_compare_exchange_strong(&watch->sharing.segment->speaker, &nobody, 1);
}

/* Reports why the job ends, unless another process of this node has, and ends the job. */
static void end_job(struct Watch *watch, const char *words) {
    if (watch_may_speak(watch))
        watch->actions.say(watch->actions.context, true, words);
    if (watch->channel)
        channel__send_ending(watch->channel, words);
    atomic_store(&watch->sharing.segment->ending, 1);
    end(watch, true);
}

static void judge_ranks(struct Watch *watch) {
    struct Limits limits = {.seconds = seconds_of(watch), .own_node = own_node(watch)};
    memcpy(limits.longest, watch->observer.longest, sizeof limits.longest);
    struct Judgement judgement = judge__ranks(watch->sights, watch->job.ranks, &limits);
    if (!judgement.finding) {
        watch->found = -1;
        return;
    }
    if (watch->found < 0)
        watch->found = now(watch);
    double courtesy = fmin(COURTESY + own_node(watch) * MORE_COURTESY, MOST_COURTESY);
    if (leaves_it_to_others(watch) && now(watch) - watch->found < courtesy)
        return;
    char words[WORDS_LENGTH];
    judgement__words(&judgement, watch->sights, watch->job.ranks,
                     (const char *const *)watch->job.host, words);
    end_job(watch, words);
}

/* The rank that pace number `place` belongs to. */
static int rank_of_pace(const struct Watch *watch, int place) {
    for (int rank = 0; rank < watch->job.ranks; rank++)
        if (is_seen(watch, rank) && place-- == 0)
            return rank;
    return 0;
}

static void name_slow_rank(struct Watch *watch) {
    struct SlowRank found;
    char words[WORDS_LENGTH];
    watch->slow.window = fmax(fmin(seconds_of(watch) / 2, MOST_WINDOW), LEAST_WINDOW);
    if (seconds_of(watch) <= 0)
        watch->slow.window = MOST_WINDOW;
    if (!slow_ranks__observe(&watch->slow, &watch->observer.clock, watch->paces, &found))
        return;
    int rank = rank_of_pace(watch, found.rank);
    snprintf(words, sizeof words,
             "rank %d on %s takes %.1f times as long as the median of the ranks: it computes "
             "%.3g ms a step, the median is %.3g ms",
             rank, watch->job.host[rank], found.times, found.seconds * 1e3, found.median * 1e3);
    watch->actions.say(watch->actions.context, false, words);
}

/* ---- The thread ---- */

static void take_report(void *context, int node, const struct Report *report) {
    struct Watch *watch = context;
    for (int i = 0; i < CHANNEL_WORDS; i++)
        atomic_store_explicit(&watch->sharing.far[report->rank].words[i], report->words[i],
                              memory_order_relaxed);
    atomic_fetch_add_explicit(&watch->sharing.heard[node], 1, memory_order_relaxed);
}

static void take_ending(void *context, int node) {
    struct Watch *watch = context;
    (void)node;
    atomic_store(&watch->sharing.segment->speaker, 1);
    atomic_store(&watch->sharing.segment->ending, 1);
}

static void take_refusal(void *context, int rank) {
    struct Watch *watch = context;
    atomic_store_explicit(&watch->sharing.far[rank].refused, 1, memory_order_relaxed);
}

static bool has_news(const struct Watch *watch) {
    for (int rank = 0; rank < watch->job.ranks; rank++)
        if (watch->sights[rank].node == own_node(watch) && watch->sights[rank].state == SIGHT_DIED)
            return true;
    return false;
}

static void send_reports(struct Watch *watch, bool at_once) {
    double pause = (double)watch->job.nodes * CHANNEL_DEPUTIES / MESSAGES_A_SECOND;
    pause = fmax(fmin(pause, MOST_REPORT), LEAST_REPORT);
    if (!watch->channel || (!at_once && now(watch) - watch->reported < pause))
        return;
    channel__send_reports(watch->channel, watch->reports, watch->job.seats);
    watch->reported = now(watch);
}

static void tick(struct Watch *watch) {
    const struct WatchActions *actions = &watch->actions;
    atomic_fetch_add_explicit(&watch->sharing.seat[watch->sharing.own_seat].ticks, 1,
                              memory_order_relaxed);
    observer__look(&watch->observer, clock_seconds());
    if (atomic_load(&watch->sharing.segment->ending)) {
        end(watch, observer__leads(&watch->observer));
        return;
    }
    if (!observer__leads(&watch->observer))
        return;
    if (actions->launcher_lives && !actions->launcher_lives(actions->context)) {
        end_job(watch, "what started the ranks (mpirun, srun) is gone");
        return;
    }
    look(watch);
    send_reports(watch, has_news(watch));
    judge_ranks(watch);
    if (!leaves_it_to_others(watch))
        name_slow_rank(watch);
}

/* Tells the other nodes twice that this rank leaves, because a message may be lost. */
static void take_leave(struct Watch *watch) {
    if (!watch->channel)
        return;
    observer__look(&watch->observer, clock_seconds());
    look(watch);
    send_reports(watch, true);
    send_reports(watch, true);
}

static void *run(void *context) {
    struct Watch *watch = context;
    struct ChannelReceiver receiver = {
        .context = watch, .report = take_report, .ending = take_ending, .refused = take_refusal};
    struct pollfd events[2] = {{.fd = watch->wake, .events = POLLIN},
                               {.fd = channel__descriptor(watch->channel), .events = POLLIN}};
    double next = clock_seconds();
    for (;;) {
        double left = next - clock_seconds();
        poll(events, 2, left > 0 ? (int)(left * 1e3) + 1 : 0);
        if (events[0].revents)
            break;
        if (watch->channel)
            channel__receive(watch->channel, &receiver);
        if (clock_seconds() < next)
            continue;
        tick(watch);
        next = clock_seconds() + TICK;
    }
    take_leave(watch);
    return NULL;
}

static void release(struct Watch *watch) {
    if (watch->wake >= 0)
        close(watch->wake);
    observer__release(&watch->observer);
    slow_ranks__release(&watch->slow);
    channel__release(watch->channel);
    sharing__release(&watch->sharing);
    memory_release(watch->heard);
    memory_release(watch->sights);
    memory_release(watch->refused);
    memory_release(watch->paces);
    memory_release(watch->reports);
    job__release(&watch->job);
    memory_release(watch);
}

struct Watch *watchdog__start(struct Job job, struct Sharing sharing, struct Channel *channel,
                              const struct WatchActions *actions, double seconds) {
    struct Watch *watch = memory_array(struct Watch, 1, "the watchdog");
    *watch = (struct Watch){.job = job,
                            .actions = *actions,
                            .sharing = sharing,
                            .channel = channel,
                            .found = -1,
                            .wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)};
    watch_set_limit(watch, seconds);
    observer__create(&watch->observer, &watch->sharing);
    watch->heard = memory_array(struct Heard, job.nodes, "the watchdog");
    watch->sights = memory_array(struct Sight, job.ranks, "the watchdog");
    watch->refused = memory_array(double, job.ranks, "the watchdog");
    watch->paces = memory_array(struct Pace, job.ranks, "the watchdog");
    watch->reports = memory_array(struct Report, job.seats, "the watchdog");
    slow_ranks__create(&watch->slow, channel ? job.ranks : job.seats, MOST_WINDOW);
    if (watch->wake >= 0 && thread_start(&watch->thread, run, watch))
        return watch;
    log_warning("rank %d has no watchdog: no thread can be started", job.rank);
    atomic_store(&watch->sharing.seat[watch->sharing.own_seat].state, SEAT_LEFT);
    watch->actions = (struct WatchActions){0};
    return watch;
}

void job__release(struct Job *job) {
    for (int rank = 0; job->host && rank < job->ranks; rank++)
        memory_release(job->host[rank]);
    memory_release(job->host);
    memory_release(job->node);
    memory_release(job->seated);
}

void watch_set_limit(struct Watch *watch, double seconds) {
    if (watch)
        atomic_store_explicit(&watch->limit, (int64_t)(seconds * 1e3), memory_order_relaxed);
}

void watch_leave(struct Watch *watch) {
    if (watch)
        atomic_store(&watch->sharing.seat[watch->sharing.own_seat].state, SEAT_LEFT);
}

void watch_stop(struct Watch *watch) {
    if (!watch)
        return;
    watch_leave(watch);
    uint64_t one = 1;
    if (watch->actions.end) { /* then the thread was started */
        (void)!write(watch->wake, &one, sizeof one);
        pthread_join(watch->thread, NULL);
    }
    release(watch);
}
