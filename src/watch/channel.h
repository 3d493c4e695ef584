/* Messages between the watchdogs of several nodes, by UDP, which works while MPI is stuck. The
 * first ranks of each node are its deputies: each of them has a socket. Internal to watch/. */
#ifndef TRAINER_WATCH_CHANNEL_H
#define TRAINER_WATCH_CHANNEL_H

#include <stddef.h>

#include "comm/ranks.h"
#include "watch/sight.h"

#define CHANNEL_DEPUTIES 4
#define CHANNEL_WORDS 6    /* of the report on a rank */
#define CHANNEL_REPORTS 24 /* in one message, which fits into an Ethernet frame */

struct Report {
    int32_t rank, unused;
    uint64_t words[CHANNEL_WORDS];
};

/* Convert between a report and a sight. `busy` is that of struct Beat. A report does not contain
 * the sight's node and unheard. */
void report__pack(struct Report *report, int rank, const struct Sight *sight, uint64_t busy);
void report__unpack(const uint64_t words[CHANNEL_WORDS], struct Sight *sight, uint64_t *busy);

struct Channel;

/* Creates the channel, and tries all addresses of each host. On one node *channel is NULL without a
 * failure. If a node does not hear another, because a firewall drops the messages, this fails on
 * every rank with the same error after about a second, and *channel is NULL. Collective. */
int channel__create(struct Channel **channel, struct Ranks *ranks, struct Error *error);
void channel__release(struct Channel *channel); /* NULL is allowed. */

/* The descriptor on which poll() waits for messages; -1 if this rank has none. NULL is allowed. */
int channel__descriptor(const struct Channel *channel);

/* Send to all other nodes. A message may be lost. On ranks that are no deputies these do
 * nothing. */
void channel__send_reports(struct Channel *channel, const struct Report *reports, int count);
void channel__send_ending(struct Channel *channel, const char *words);

/* The functions that channel__receive calls for the messages that have arrived. */
struct ChannelReceiver {
    void *context;
    void (*report)(void *context, int node, const struct Report *report);
    void (*ending)(void *context, int node); /* another node has printed why the job ends */
    /* The host of deputy `rank` refuses messages to it, so its process has ended. */
    void (*refused)(void *context, int rank);
};
void channel__receive(struct Channel *channel, const struct ChannelReceiver *receiver);

#endif
