/* Describing a node by its layer. Inside nn/ only. */
#ifndef TRAINER_NN_DESCRIBE_H
#define TRAINER_NN_DESCRIBE_H

#include "nn/layer.h"

/* Calls the layer's describe and checks what it made: the initialisers suit their rows, and output
 * and rows fit the machine's memory. */
int describe__node(struct Describe *describe);

#endif
