/* Memory that the ranks of one node share. */
#ifndef TRAINER_COMM_NODE_MEMORY_H
#define TRAINER_COMM_NODE_MEMORY_H

#include "comm/ranks.h"

struct NodeMemory;

/* Zeroed memory of `bytes` bytes, the same on every rank, once for each node. If the ranks of some
 * node cannot share it, each of them gets its own, and all are told: see node_memory_sharers. It is
 * also freed when the process ends. Collective. */
struct NodeMemory *node_memory_create(struct Ranks *ranks, int64_t bytes, const char *purpose);
void node_memory_release(struct NodeMemory *memory); /* NULL is allowed. Not collective. */

void *node_memory_data(const struct NodeMemory *memory);
/* Among how many ranks this memory is shared, and which of them this one is. */
int node_memory_sharers(const struct NodeMemory *memory);
int node_memory_place(const struct NodeMemory *memory);

#endif
