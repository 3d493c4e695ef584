/* The memory that the ranks of one node share with one another's watchdogs. It has no name in any
 * file system, so that nothing is left of it however its processes end. Inside watch/ only. */
#ifndef TRAINER_WATCH_SEGMENT_H
#define TRAINER_WATCH_SEGMENT_H

#include <stddef.h>

#include "base/error.h"
#include "comm/beat.h"

enum SeatState { SEAT_EMPTY, SEAT_TAKEN, SEAT_LEFT };

/* A rank of this node. */
struct Seat {
    struct Beat beat;
    _Alignas(64) _Atomic uint64_t ticks; /* of its watchdog */
    _Atomic int state;                   /* enum SeatState */
    _Atomic int pid;
    _Atomic uint64_t processes; /* which name space of processes the pid is of */
};

/* What was last heard of a rank on another node: the words of a report. */
#define FAR_WORDS 6
struct Far {
    _Alignas(64) _Atomic uint64_t words[FAR_WORDS];
    _Atomic int refused; /* 1: its process is gone, as its host says */
};

struct Segment {
    _Alignas(64) _Atomic int speaker; /* 1: a process of this node has said why the job ends */
    _Atomic int ending;               /* the job ends: every process of this node does, too */
};

/* One process's view of it. */
struct Sharing {
    int file, seats, nodes, ranks, own_seat;
    size_t bytes;
    struct Segment *segment;
    struct Seat *seat;       /* seats */
    _Atomic uint64_t *heard; /* nodes: reports received of each */
    struct Far *far;         /* ranks, of all nodes */
};

/* The first process of a node creates the memory, the others open it by the number of that process
 * and of its file; all then take their seats. */
int sharing__create(struct Sharing *sharing, int seats, int nodes, int ranks, struct Error *error);
int sharing__open(struct Sharing *sharing, int pid, int file, int seats, int nodes, int ranks,
                  struct Error *error);
/* The seat is this process's until it ends, by sharing_leave or however else. */
int sharing__take_seat(struct Sharing *sharing, int seat, struct Error *error);
void sharing__release(struct Sharing *sharing);

/* Whether the process on a seat that was taken is gone. A process's own seat is never vacant. */
bool sharing__is_vacant(const struct Sharing *sharing, int seat);
/* The process on a seat if this one can send it signals: its number means the same here; else 0. */
int sharing__process(const struct Sharing *sharing, int seat);

#endif
