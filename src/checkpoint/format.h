/* What marks a file as a checkpoint. */
#ifndef TRAINER_CHECKPOINT_FORMAT_H
#define TRAINER_CHECKPOINT_FORMAT_H

#define CHECKPOINT_FORMAT "trainer checkpoint"
#define CHECKPOINT_VERSION 1

#endif
