/* Which processors the ranks may run on, and whether their threads have to share them. */
#ifndef TRAINER_COMM_PLACEMENT_H
#define TRAINER_COMM_PLACEMENT_H

#include "comm/ranks.h"

/* The most crowded processors of the job. */
struct Crowd {
    int rank;            /* the lowest of the ranks that share them */
    int ranks, threads;  /* how many share: ranks, and the threads of all of these */
    int processors;      /* that they may run on; 0: not known */
    int node_processors; /* of the host */
    int node_threads;    /* of all ranks on the host */
};

/* Finds ranks that were bound to the same processors (mpirun, srun, taskset), and counts their
 * threads. Returns whether there are more threads than processors somewhere. Collective; the same
 * result on every rank. */
bool ranks_crowd(struct Ranks *ranks, int threads, struct Crowd *worst);

#endif
