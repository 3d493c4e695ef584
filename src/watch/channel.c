#include "watch/channel.h"

#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>
#include <unistd.h>

#include <linux/errqueue.h> /* after time.h, which it needs */

#include "base/clock.h"
#include "base/memory.h"
#include "watch/door.h"

#define KEY_BYTES 16
#define ROUNDS 7         /* in which the ways between the nodes are tried */
#define FIRST_ROUND 0.01 /* seconds; each round takes twice as long as the one before */
#define ENDING_BYTES 600
#define SEND_TRIES 4

static const char magic[8] = "trwatch1";

enum MessageKind { MESSAGE_HELLO, MESSAGE_ANSWER, MESSAGE_REPORTS, MESSAGE_ENDING };

/* The key is the same for all ranks of the job. Messages with another key are ignored. */
struct Head {
    char magic[8];
    uint8_t key[KEY_BYTES];
    int32_t kind, from, to; /* enum MessageKind; ranks */
    int32_t detail;         /* the address used, or the number of reports or bytes that follow */
};

struct Message {
    struct Head head;
    union {
        struct Report reports[CHANNEL_REPORTS];
        char text[ENDING_BYTES];
    };
};

/* The way to a deputy of another node. */
struct Way {
    int rank, node;
    int address; /* the index of the door's address that answered; -1: none has */
};

struct Channel {
    int own, socket, family; /* of addresses: AF_INET6 or AF_INET */
    int ranks, nodes;
    int *node; /* of each rank */
    uint8_t key[KEY_BYTES];
    struct Door *doors; /* of all ranks */
    struct Way *ways;
    int way_count;
    struct Message message; /* being sent or received */
};

static bool is_deputy(const struct Channel *channel, int rank) {
    int before = 0; /* ranks of the same node with lower numbers */
    for (int other = 0; other < rank; other++)
        before += channel->node[other] == channel->node[rank];
    return before < CHANNEL_DEPUTIES;
}

/* ---- Messages ---- */

static void send_to(struct Channel *channel, enum MessageKind kind, int rank, int address,
                    int32_t detail, size_t body) {
    struct sockaddr_storage to;
    struct Message *message = &channel->message;
    socklen_t length = door__address(&channel->doors[rank], channel->family, address, &to);
    memcpy(message->head.magic, magic, sizeof magic);
    memcpy(message->head.key, channel->key, KEY_BYTES);
    message->head.kind = (int32_t)kind;
    message->head.from = channel->own;
    message->head.to = rank;
    message->head.detail = detail;
    /* A send may fail with the error of an earlier send, so it is tried again. A message that
     * cannot be sent counts as lost. */
    for (int i = 0; length && i < SEND_TRIES; i++)
        if (sendto(channel->socket, message, sizeof message->head + body,
                   MSG_DONTWAIT | MSG_NOSIGNAL, (struct sockaddr *)&to, length) >= 0 ||
            errno == EAGAIN)
            return;
}

/* Sends to every deputy of the other nodes that can be reached. */
static void send_to_all(struct Channel *channel, enum MessageKind kind, int32_t detail,
                        size_t body) {
    if (channel->socket < 0)
        return;
    for (int i = 0; i < channel->way_count; i++)
        if (channel->ways[i].address >= 0)
            send_to(channel, kind, channel->ways[i].rank, channel->ways[i].address, detail, body);
}

void channel__send_reports(struct Channel *channel, const struct Report *reports, int count) {
    for (int at = 0; at < count; at += CHANNEL_REPORTS) {
        int some = count - at < CHANNEL_REPORTS ? count - at : CHANNEL_REPORTS;
        size_t bytes = (size_t)some * sizeof *reports;
        memcpy(channel->message.reports, reports + at, bytes);
        send_to_all(channel, MESSAGE_REPORTS, some, bytes);
    }
}

void channel__send_ending(struct Channel *channel, const char *words) {
    size_t length = strnlen(words, ENDING_BYTES);
    memcpy(channel->message.text, words, length);
    send_to_all(channel, MESSAGE_ENDING, (int32_t)length, length);
}

/* The deputy at an address; -1 if there is none. */
static int rank_at(const struct Channel *channel, const struct sockaddr_storage *address) {
    for (int i = 0; i < channel->way_count; i++) {
        const struct Way *way = &channel->ways[i];
        struct sockaddr_storage own;
        if (way->address < 0)
            continue;
        socklen_t length =
            door__address(&channel->doors[way->rank], channel->family, way->address, &own);
        const struct sockaddr_in6 *six = (const struct sockaddr_in6 *)address,
                                  *own_six = (const struct sockaddr_in6 *)&own;
        bool same = channel->family == AF_INET6
                        ? six->sin6_port == own_six->sin6_port &&
                              !memcmp(&six->sin6_addr, &own_six->sin6_addr, 16)
                        : !memcmp(address, &own, length);
        if (same)
            return way->rank;
    }
    return -1;
}

/* Reads the errors of messages that were sent. "Port unreachable" means that the host is up and the
 * process has ended. */
static void take_errors(struct Channel *channel, const struct ChannelReceiver *receiver) {
    struct sockaddr_storage to;
    char control[512];
    for (int i = 0; i < 1000; i++) {
        struct msghdr message = {.msg_name = &to,
                                 .msg_namelen = sizeof to,
                                 .msg_control = control,
                                 .msg_controllen = sizeof control};
        memset(&to, 0, sizeof to);
        if (recvmsg(channel->socket, &message, MSG_ERRQUEUE | MSG_DONTWAIT) < 0)
            return;
        for (struct cmsghdr *part = CMSG_FIRSTHDR(&message); part;
             part = CMSG_NXTHDR(&message, part)) {
            struct sock_extended_err found;
            memcpy(&found, CMSG_DATA(part), sizeof found);
            int rank = found.ee_errno == ECONNREFUSED ? rank_at(channel, &to) : -1;
            if (rank >= 0)
                receiver->refused(receiver->context, rank);
        }
    }
}

/* Receives the next message for this rank. Returns the number of bytes after its head; -1 if there
 * is no message. */
static ssize_t receive(struct Channel *channel) {
    const struct Head *head = &channel->message.head;
    ssize_t length;
    /* Other errors than these belong to messages that were sent. */
    while ((length = recv(channel->socket, &channel->message, sizeof channel->message,
                          MSG_DONTWAIT)) >= 0 ||
           (errno != EAGAIN && errno != EWOULDBLOCK && errno != EBADF && errno != ENOTSOCK)) {
        ssize_t body = length - (ssize_t)sizeof *head;
        if (body >= 0 && !memcmp(head->magic, magic, sizeof magic) &&
            !memcmp(head->key, channel->key, KEY_BYTES) && head->to == channel->own &&
            head->from >= 0 && head->from < channel->ranks &&
            channel->node[head->from] != channel->node[channel->own])
            return body;
    }
    return -1;
}

/* ---- The ways between the nodes ---- */

static void knock(struct Channel *channel) {
    for (int i = 0; channel->socket >= 0 && i < channel->way_count; i++) {
        const struct Way *way = &channel->ways[i];
        for (int a = 0; way->address < 0 && a < channel->doors[way->rank].addresses; a++)
            send_to(channel, MESSAGE_HELLO, way->rank, a, a, 0);
    }
}

/* Answers a hello through each address of its sender, because later messages may use any of
 * them. */
static void answer(struct Channel *channel) {
    const struct Head head = channel->message.head;
    if (head.kind == MESSAGE_HELLO)
        for (int a = 0; a < channel->doors[head.from].addresses; a++)
            send_to(channel, MESSAGE_ANSWER, head.from, a, head.detail, 0);
    for (int i = 0; head.kind == MESSAGE_ANSWER && i < channel->way_count; i++) {
        struct Way *way = &channel->ways[i];
        if (way->rank == head.from && way->address < 0 && head.detail >= 0 &&
            head.detail < channel->doors[way->rank].addresses)
            way->address = head.detail;
    }
}

/* ---- Receiving ---- */

static void take_reports(struct Channel *channel, ssize_t body,
                         const struct ChannelReceiver *receiver) {
    const struct Head *head = &channel->message.head;
    int node = channel->node[head->from];
    int64_t count = body / (ssize_t)sizeof(struct Report);
    for (int i = 0; i < head->detail && i < count && i < CHANNEL_REPORTS; i++) {
        const struct Report *report = &channel->message.reports[i];
        if (report->rank >= 0 && report->rank < channel->ranks &&
            channel->node[report->rank] == node)
            receiver->report(receiver->context, node, report);
    }
}

void channel__receive(struct Channel *channel, const struct ChannelReceiver *receiver) {
    ssize_t body;
    if (channel__descriptor(channel) >= 0)
        take_errors(channel, receiver);
    while (channel__descriptor(channel) >= 0 && (body = receive(channel)) >= 0) {
        const struct Head head = channel->message.head;
        if (head.kind == MESSAGE_REPORTS)
            take_reports(channel, body, receiver);
        else if (head.kind == MESSAGE_ENDING)
            receiver->ending(receiver->context, channel->node[head.from]);
        else
            answer(channel); /* a hello of a rank that started late */
    }
}

static void listen_for(struct Channel *channel, double seconds) {
    double end = clock_seconds() + seconds, left;
    while ((left = end - clock_seconds()) > 0) {
        struct pollfd one = {.fd = channel->socket, .events = POLLIN};
        poll(&one, channel->socket >= 0, (int)(left * 1e3) + 1);
        while (channel->socket >= 0 && receive(channel) >= 0)
            answer(channel);
    }
}

/* Whether every deputy of the other nodes has answered. */
static bool all_answered(const struct Channel *channel) {
    bool all = true;
    for (int i = 0; i < channel->way_count && is_deputy(channel, channel->own); i++)
        all &=
            channel->ways[i].address >= 0 || channel->doors[channel->ways[i].rank].addresses == 0;
    return all;
}

/* The first node from which nothing is heard; -1 if there is none. */
static int missing_node(const struct Channel *channel) {
    for (int node = 0; node < channel->nodes && is_deputy(channel, channel->own); node++) {
        bool answers = node == channel->node[channel->own];
        for (int i = 0; i < channel->way_count; i++)
            answers |= channel->ways[i].node == node && channel->ways[i].address >= 0;
        if (!answers)
            return node;
    }
    return -1;
}

static int lowest_rank(const struct Channel *channel, int64_t node) {
    int rank = 0;
    while (channel->node[rank] != node)
        rank++;
    return rank;
}

/* All ranks send hellos and answer them, in rounds, until every deputy has heard all others. After
 * the last round it is enough that every node has heard all other nodes. Collective. */
static int find_ways(struct Channel *channel, struct Ranks *ranks, struct Error *error) {
    double seconds = FIRST_ROUND;
    int64_t missing = INT64_MAX, done = 0;
    for (int round = 0; round < ROUNDS && !done; round++, seconds *= 2) {
        knock(channel);
        listen_for(channel, seconds);
        int node = missing_node(channel), own = channel->node[channel->own];
        int64_t found[] = {node < 0 ? INT64_MAX : (int64_t)own * channel->nodes + node,
                           all_answered(channel)};
        ranks_minimum(ranks, found, 2);
        missing = found[0];
        done = found[1];
    }
    if (missing == INT64_MAX)
        return OK;
    int from = lowest_rank(channel, missing / channel->nodes);
    int to = lowest_rank(channel, missing % channel->nodes);
    return fail(error, ERROR_SYSTEM, "no UDP messages pass between %s (rank %d) and %s (rank %d)",
                ranks_host(ranks, from), from, ranks_host(ranks, to), to);
}

/* Lists the deputies of the other nodes. */
static void list_ways(struct Channel *channel) {
    channel->ways = memory_array(struct Way, channel->ranks, "the watchdog's channel");
    for (int rank = 0; rank < channel->ranks; rank++)
        if (channel->node[rank] != channel->node[channel->own] && is_deputy(channel, rank))
            channel->ways[channel->way_count++] =
                (struct Way){.rank = rank, .node = channel->node[rank], .address = -1};
}

/* Rank 0 draws the key. Collective. */
static void agree_on_key(struct Channel *channel, struct Ranks *ranks) {
    if (channel->own == 0 && getrandom(channel->key, KEY_BYTES, 0) != KEY_BYTES)
        memset(channel->key, 0x5a, KEY_BYTES);
    ranks_broadcast(ranks, channel->key, KEY_BYTES);
}

int channel__create(struct Channel **result, struct Ranks *ranks, struct Error *error) {
    *result = NULL;
    if (ranks_nodes(ranks) < 2)
        return OK;
    struct Channel *channel = memory_array(struct Channel, 1, "the watchdog's channel");
    struct Door own = {.addresses = 0};
    *channel = (struct Channel){.own = ranks_rank(ranks),
                                .socket = -1,
                                .ranks = ranks_size(ranks),
                                .nodes = ranks_nodes(ranks)};
    channel->node = memory_array(int, channel->ranks, "the watchdog's channel");
    for (int rank = 0; rank < channel->ranks; rank++)
        channel->node[rank] = ranks_node(ranks, rank);
    if (is_deputy(channel, channel->own))
        channel->socket = door__open(&own, &channel->family);
    agree_on_key(channel, ranks);
    channel->doors = memory_array(struct Door, channel->ranks, "the watchdog's channel");
    ranks_gather_all(ranks, &own, sizeof own, channel->doors);
    list_ways(channel);
    int code = find_ways(channel, ranks, error);
    if (code)
        channel__release(channel);
    else
        *result = channel;
    return code;
}

void channel__release(struct Channel *channel) {
    if (!channel)
        return;
    if (channel->socket >= 0)
        close(channel->socket);
    memory_release(channel->node);
    memory_release(channel->doors);
    memory_release(channel->ways);
    memory_release(channel);
}

int channel__descriptor(const struct Channel *channel) {
    return channel ? channel->socket : -1;
}
