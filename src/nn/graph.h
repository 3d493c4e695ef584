/* The graph of a model, for the containers that build it and the plan: nodes in running order
 * between tensors, and the layout of their parameters. Inside nn/ only. */
#ifndef TRAINER_NN_GRAPH_H
#define TRAINER_NN_GRAPH_H

#include "nn/initialise.h"
#include "nn/layout.h"
#include "nn/node.h"

#define GRAPH_NODES                                                                                \
    10000 /* most layers of a model: the time of planning grows with their square                  \
           */

struct Graph {
    struct InitialiseOptions initialise;
    struct Node **nodes;
    int node_count;
    struct Shape *tensors; /* tensor 0 is the model's input */
    int tensor_count;
    int output; /* tensor */
    int residual_blocks;
    int recomputed_blocks;
    struct Layout layout;
    void **memory; /* the blocks of graph__memory */
    int memory_count;
};

/* Builds nodes and rows from the list and lays out the arena. `initialise` as for model_create. */
int graph__build(struct Graph *graph, const struct ChoiceList *layers,
                 const struct InitialiseOptions *initialise, struct Shape input,
                 struct Error *error);
void graph__release(struct Graph *graph);

/* For a container's expand: adds a node. Only `layer`, `choice`, `path`, `inputs` and `input_count`
 * must be set. */
struct NewNode {
    const struct Layer *layer; /* LAYER_IDENTITY(name) */
    const void *options;       /* live as long as the graph */
    const struct Choice *choice;
    const char *path;  /* copied */
    const int *inputs; /* tensors */
    int input_count;
};
int graph__add(struct Graph *graph, const struct NewNode *new, int *output, struct Error *error);
/* Adds the layers of a list one after the other, named "path.0", "path.1", …. */
int graph__add_list(struct Graph *graph, const struct ChoiceList *list, const char *path, int input,
                    int *output, struct Error *error);
/* The nodes from `first` on are a block whose results are computed again for backward. */
void graph__recompute(struct Graph *graph, int first);
struct Shape graph__shape(const struct Graph *graph, int tensor);
/* Zeroed memory that lives as long as the graph: options of inner nodes. */
void *graph__memory(struct Graph *graph, size_t bytes);

#endif
