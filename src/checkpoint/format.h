/* The names and versions that mark a file as a checkpoint or an ensemble. */
#ifndef TRAINER_CHECKPOINT_FORMAT_H
#define TRAINER_CHECKPOINT_FORMAT_H

#define CHECKPOINT_FORMAT "trainer checkpoint"
#define CHECKPOINT_VERSION 1
#define ENSEMBLE_FORMAT "trainer checkpoint ensemble"
#define ENSEMBLE_VERSION 1
#define ENSEMBLE_MEMBERS "members/" /* the group of the members, which are called 0, 1, ... */

#endif
