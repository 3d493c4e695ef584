/* Messages between the watchdogs of several nodes: UDP, which works while MPI is stuck. The first
 * ranks of each node, its deputies, have a socket each. Inside watch/ only. */
#ifndef TRAINER_WATCH_CHANNEL_H
#define TRAINER_WATCH_CHANNEL_H

#include <stddef.h>

#include "comm/ranks.h"
#include "watch/sight.h"

#define CHANNEL_DEPUTIES 4
#define CHANNEL_WORDS 6    /* of the report on a rank */
#define CHANNEL_REPORTS 24 /* in one message: it fits into the frame of an Ethernet */

struct Report {
    int32_t rank, unused;
    uint64_t words[CHANNEL_WORDS];
};

/* A report and what it says; `busy` as in struct Beat. Node and unheard are not in it. */
void report__pack(struct Report *report, int rank, const struct Sight *sight, uint64_t busy);
void report__unpack(const uint64_t words[CHANNEL_WORDS], struct Sight *sight, uint64_t *busy);

struct Channel;

/* Makes the channel and tries every way between the nodes; all of a host's addresses are tried. On
 * one node there is none, and *channel is NULL. It is NULL with a failure, the same on every rank,
 * if a node does not hear another: a firewall drops the messages. Takes about a second then.
 * Collective. */
int channel__create(struct Channel **channel, struct Ranks *ranks, struct Error *error);
void channel__release(struct Channel *channel); /* NULL is allowed. */

/* To wait for messages on with poll(); -1: this rank has none. NULL is allowed. */
int channel__descriptor(const struct Channel *channel);

/* Sends to all other nodes. What is lost is lost. Only deputies can send. */
void channel__send_reports(struct Channel *channel, const struct Report *reports, int count);
void channel__send_ending(struct Channel *channel, const char *words);

/* What came in; takes all messages that wait. */
struct ChannelReceiver {
    void *context;
    void (*report)(void *context, int node, const struct Report *report);
    void (*ending)(void *context, int node); /* another node has said why the job ends */
    /* The host of a deputy refuses messages to it: its process has ended. */
    void (*refused)(void *context, int rank);
};
void channel__receive(struct Channel *channel, const struct ChannelReceiver *receiver);

#endif
