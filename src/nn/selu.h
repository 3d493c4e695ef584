/* The constants of SELU, for which activations of mean 0 and variance 1 are a fixed point
 * (Klambauer et al. 2017, "Self-normalizing neural networks"). Inside nn/ only. */
#ifndef TRAINER_NN_SELU_H
#define TRAINER_NN_SELU_H

#define SELU_SCALE 1.0507009873554804934193349852946
#define SELU_ALPHA 1.6732632423543772848170429916717

#endif
