/* The memory in which the ranks of one node and their watchdogs see one another. It has no name in
 * any file system, so that it vanishes with its processes, however they end. Internal to watch/. */
#ifndef TRAINER_WATCH_SEGMENT_H
#define TRAINER_WATCH_SEGMENT_H

#include <stddef.h>

#include "base/error.h"
#include "comm/beat.h"

enum SeatState { SEAT_EMPTY, SEAT_TAKEN, SEAT_LEFT };

/* A rank of this node. */
struct Seat {
    struct Beat beat;
    _Alignas(64) _Atomic uint64_t ticks; /* the looks that its watchdog has made */
    _Atomic int state;                   /* enum SeatState */
    _Atomic int pid;
    _Atomic uint64_t processes; /* identifies the name space of the pid; 0 if it is not known */
};

/* The latest report on a rank of another node. */
#define FAR_WORDS 6
struct Far {
    _Alignas(64) _Atomic uint64_t words[FAR_WORDS];
    _Atomic int refused; /* 1: its host refuses messages to it, so its process is gone */
};

struct Segment {
    _Alignas(64) _Atomic int speaker; /* 1: a process of this node has printed why the job ends */
    _Atomic int ending;               /* 1: every process of this node is to end */
};

/* One process's mapping of the segment. */
struct Sharing {
    int file, seats, nodes, ranks, own_seat;
    size_t bytes;
    struct Segment *segment;
    struct Seat *seat;       /* (seats) */
    _Atomic uint64_t *heard; /* (nodes): how many reports came from each */
    struct Far *far;         /* (ranks): those of all nodes */
};

/* The first process of a node creates the memory; the others open it by the number of that process
 * and of its file descriptor. Then each takes its seat. ERROR_SYSTEM. Not collective. */
int sharing__create(struct Sharing *sharing, int seats, int nodes, int ranks, struct Error *error);
int sharing__open(struct Sharing *sharing, int pid, int file, int seats, int nodes, int ranks,
                  struct Error *error);
/* Takes a seat for this process, which keeps it until it ends. ERROR_SYSTEM. */
int sharing__take_seat(struct Sharing *sharing, int seat, struct Error *error);
void sharing__release(struct Sharing *sharing);

/* Whether the process that took the seat is gone. The own seat is never vacant. */
bool sharing__is_vacant(const struct Sharing *sharing, int seat);
/* The number of the process on a seat if it is valid in this process's name space, so that signals
 * can be sent; else 0. */
int sharing__process(const struct Sharing *sharing, int seat);

#endif
