/* The graph: nodes in running order between tensors, and the arena's rows. Inside nn/ only. */
#ifndef TRAINER_NN_GRAPH_H
#define TRAINER_NN_GRAPH_H

#include "nn/initialise.h"
#include "nn/layer.h"

struct Graph {
    struct InitialiseOptions initialise;
    struct Node **nodes;
    int node_count, node_capacity;
    struct Shape *tensors; /* tensor 0 is the model's input */
    int *producer;         /* of each tensor: its node, -1 for the input */
    int tensor_count, tensor_capacity;
    int output; /* tensor */
    int residual_blocks;
    struct Arena arena;
    int row_capacity;
    void **memory; /* graph_memory's blocks */
    int memory_count;
};

/* Builds nodes and rows from the list; lays out the arena. `initialise` as for model_create. */
int graph_build(struct Graph *graph, const struct ChoiceList *layers,
                const struct InitialiseOptions *initialise, struct Shape input,
                struct Error *error);
void graph_release(struct Graph *graph);

#endif
