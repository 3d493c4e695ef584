/* The matrix that decorrelates; only preprocess.c uses it. With eigenvectors e_i and eigenvalues
 * λ_i of the covariance, of which k are kept, it is
 *
 *   pca:         rows e_i                               (k, n)
 *   pca_whiten:  rows e_i / √(λ_i + ε)                  (k, n)
 *   zca:         Σ_i e_i·e_iᵀ / √(λ_i + ε)              (n, n), symmetric
 *
 * (Bell and Sejnowski 1997, "The independent components of natural scenes are edge filters"). */
#ifndef TRAINER_DATA_PREPROCESSING_DECORRELATE_H
#define TRAINER_DATA_PREPROCESSING_DECORRELATE_H

#include "data/preprocessing/preprocess.h"

/* Sets the matrix of a preprocessing whose mean and factor are set. ERROR_DATA if the data set
 * lacks the statistics or components that it needs; ERROR_RUN_FILE, with the key, if the options do
 * not fit them. */
int decorrelate__create(struct Preprocess *preprocess, const struct PreprocessOptions *options,
                        const struct RunFile *file, const struct Dataset *dataset,
                        struct Error *error);

#endif
