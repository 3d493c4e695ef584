/* The matrix that decorrelates: for preprocess.c alone. With eigenvectors e_i and eigenvalues λ_i
 * of the covariance, k of them kept, it is for
 *
 *   pca:         rows e_i                               (k, n)
 *   pca_whiten:  rows e_i / √(λ_i + ε)                  (k, n)
 *   zca:         Σ_i e_i·e_iᵀ / √(λ_i + ε)              (n, n), symmetric
 *
 * (Bell and Sejnowski 1997, "The independent components of natural scenes are edge filters"). */
#ifndef TRAINER_DATA_PREPROCESSING_DECORRELATE_H
#define TRAINER_DATA_PREPROCESSING_DECORRELATE_H

#include "data/preprocessing/preprocess.h"

/* Fills the preprocessing's matrix; its divisors are those of the options' scale. */
int decorrelate_create(struct Preprocess *preprocess, const struct PreprocessOptions *options,
                       const struct RunFile *file, const struct Dataset *dataset,
                       struct Error *error);

#endif
