#include "watch/early.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/memory.h"
#include "base/thread.h"
#include "watch/observer.h"

#define WATCHERS 2  /* ranks of a host that watch the others */
#define TICK 0.2    /* seconds between two signs of life */
#define REFUSED 0.3 /* seconds without a socket after which a process counts as dead */
#define STOPPED 1.5 /* seconds between two looks that show that this process was stopped */
#define QUIET 5.0   /* seconds for which this process blames nobody after it was stopped */
#define MOST_PEERS 1024
#define WORDS 300

enum LetterKind { LETTER_LIVES, LETTER_LEAVES, LETTER_ENDS };
struct Letter {
    int32_t kind, local_rank, rank, pid;
};

/* Another rank of this host. */
struct Peer {
    bool heard, left;
    int rank, pid;
    double alive;   /* when it was heard of last */
    double refused; /* since when it has had no socket; below 0: it has one */
};

struct EarlyWatch {
    struct EarlyRank own;
    struct WatchActions actions;
    double seconds;
    int socket, wake;
    char job[sizeof((struct sockaddr_un *)0)->sun_path - 16], host[64];
    struct WatchClock clock;
    double quiet;       /* until when this process blames nobody */
    struct Peer *peers; /* by local rank */
    int count;          /* of peers, up to the highest local rank that was heard of */
    bool ended;
    pthread_t thread;
};

/* The name is abstract, so it vanishes with the process. */
static socklen_t name_of(const struct EarlyWatch *early, int local_rank, struct sockaddr_un *name) {
    *name = (struct sockaddr_un){.sun_family = AF_UNIX};
    int length = snprintf(name->sun_path + 1, sizeof name->sun_path - 1, "trainer %s %d",
                          early->job, local_rank);
    return (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + (size_t)length);
}

/* False if no process has a socket of that name. */
static bool send_letter(const struct EarlyWatch *early, enum LetterKind kind, int local_rank) {
    struct sockaddr_un to;
    socklen_t length = name_of(early, local_rank, &to);
    struct Letter letter = {.kind = (int32_t)kind,
                            .local_rank = early->own.local_rank,
                            .rank = early->own.rank,
                            .pid = (int32_t)getpid()};
    return sendto(early->socket, &letter, sizeof letter, MSG_DONTWAIT | MSG_NOSIGNAL,
                  (struct sockaddr *)&to, length) >= 0 ||
           errno != ECONNREFUSED;
}

static void tell_watchers(const struct EarlyWatch *early, enum LetterKind kind) {
    for (int local = 0; local < WATCHERS; local++)
        if (local != early->own.local_rank)
            send_letter(early, kind, local);
}

static void end(struct EarlyWatch *early, const char *words) {
    int *pids = memory_array(int, early->count + 1, "the processes of this host");
    int count = 0;
    if (words)
        early->actions.say(early->actions.context, true, words);
    for (int local = 0; local < early->count; local++) {
        struct Peer *peer = &early->peers[local];
        if (!peer->heard || peer->left || peer->refused >= 0)
            continue;
        send_letter(early, LETTER_ENDS, local);
        pids[count++] = peer->pid;
    }
    early->ended = true;
    early->actions.end(early->actions.context, words ? pids : NULL, count);
    memory_release(pids); /* only the action of a test returns */
}

static void read_letters(struct EarlyWatch *early) {
    struct Letter letter;
    while (recv(early->socket, &letter, sizeof letter, MSG_DONTWAIT) == sizeof letter) {
        if (letter.kind == LETTER_ENDS && !early->ended)
            end(early, NULL);
        if (letter.local_rank < 0 || letter.local_rank >= MOST_PEERS || letter.kind == LETTER_ENDS)
            continue;
        if (letter.local_rank >= early->count)
            early->count = letter.local_rank + 1;
        struct Peer *peer = &early->peers[letter.local_rank];
        *peer = (struct Peer){.heard = true,
                              .left = peer->left || letter.kind == LETTER_LEAVES,
                              .rank = letter.rank,
                              .pid = letter.pid,
                              .alive = early->clock.seconds,
                              .refused = -1};
    }
}

static void end_for_silence(struct EarlyWatch *early, const struct Peer *peer) {
    char words[WORDS];
    snprintf(words, sizeof words,
             "rank %d on %s hangs: %sno sign of life for %.0f s before MPI had started, process %d",
             peer->rank, early->host,
             observer__process_state(peer->pid) == 'T' ? "stopped by a signal, " : "",
             early->clock.seconds - peer->alive, peer->pid);
    end(early, words);
}

static void end_for_death(struct EarlyWatch *early, const struct Peer *peer) {
    char words[WORDS];
    snprintf(words, sizeof words, "rank %d on %s died before MPI had started, process %d",
             peer->rank, early->host, peer->pid);
    end(early, words);
}

static void judge(struct EarlyWatch *early, struct Peer *peer, int local_rank) {
    double now = early->clock.seconds;
    if (peer->heard && send_letter(early, LETTER_LIVES, local_rank))
        peer->refused = -1;
    else if (peer->heard && peer->refused < 0)
        peer->refused = now;
    if (peer->heard && peer->refused >= 0 && now - peer->refused >= REFUSED)
        end_for_death(early, peer);
    else if (now - peer->alive >= early->seconds &&
             (peer->heard || (early->own.find && early->own.find(early->actions.context, local_rank,
                                                                 &peer->rank, &peer->pid))))
        end_for_silence(early, peer);
}

/* The first rank of the host watches all others; the second watches only the first. */
static void watch_peers(struct EarlyWatch *early) {
    int all = early->count > early->own.local_ranks ? early->count : early->own.local_ranks;
    int last = early->own.local_rank == 0 ? all : 1;
    for (int local = 0; local < last && local < MOST_PEERS && !early->ended; local++)
        if (local != early->own.local_rank && !early->peers[local].left)
            judge(early, &early->peers[local], local);
}

/* If this process was stopped, it is itself to blame, or all processes were stopped. So it blames
 * nobody for a while; it may also have lost signs of life that were sent to it. */
static void tick(struct EarlyWatch *early) {
    double now = clock_seconds(), before = early->clock.last;
    watch__clock_tick(&early->clock, now);
    if (before > 0 && now - before > STOPPED)
        early->quiet = early->clock.seconds + QUIET;
    tell_watchers(early, LETTER_LIVES);
    if (early->own.local_rank < WATCHERS && early->clock.seconds >= early->quiet)
        watch_peers(early);
}

static void *run(void *context) {
    struct EarlyWatch *early = context;
    struct pollfd events[2] = {{.fd = early->wake, .events = POLLIN},
                               {.fd = early->socket, .events = POLLIN}};
    double next = 0;
    for (;;) {
        double left = next - clock_seconds();
        poll(events, 2, left > 0 ? (int)(left * 1e3) + 1 : 0);
        if (events[0].revents)
            return NULL;
        read_letters(early);
        if (clock_seconds() < next || early->ended)
            continue;
        tick(early);
        next = clock_seconds() + TICK;
    }
}

static bool open_socket(struct EarlyWatch *early) {
    struct sockaddr_un name;
    socklen_t length = name_of(early, early->own.local_rank, &name);
    early->socket = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    early->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    return early->socket >= 0 && early->wake >= 0 &&
           !bind(early->socket, (struct sockaddr *)&name, length);
}

static void release(struct EarlyWatch *early) {
    if (early->socket >= 0)
        close(early->socket);
    if (early->wake >= 0)
        close(early->wake);
    memory_release(early->peers);
    memory_release(early);
}

struct EarlyWatch *early_watch_start(const struct EarlyRank *own,
                                     const struct WatchActions *actions, double seconds) {
    struct EarlyWatch *early = memory_array(struct EarlyWatch, 1, "the watchdog");
    *early = (struct EarlyWatch){
        .own = *own, .actions = *actions, .seconds = seconds, .socket = -1, .wake = -1};
    snprintf(early->job, sizeof early->job, "%s", own->job);
    snprintf(early->host, sizeof early->host, "%s", own->host);
    early->peers = memory_array(struct Peer, MOST_PEERS, "the watchdog");
    if (open_socket(early) && thread_start(&early->thread, run, early))
        return early;
    release(early);
    return NULL;
}

void early_watch_leave(struct EarlyWatch *early) {
    if (early)
        tell_watchers(early, LETTER_LEAVES);
}

void early_watch_stop(struct EarlyWatch *early) {
    if (!early)
        return;
    uint64_t one = 1;
    early_watch_leave(early);
    (void)!write(early->wake, &one, sizeof one);
    pthread_join(early->thread, NULL);
    early_watch_leave(early); /* after the last sign of life */
    release(early);
}
