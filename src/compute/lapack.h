/* Dense factorisations in double precision, by the LAPACK in OpenBLAS. They are for preparation
 * (statistics, initialisation), not for steps: they allocate. Each runs on one thread, or divides
 * its work in a way that does not depend on the number of threads, so that on one kind of CPU the
 * bits are the same with any number. Not collective. */
#ifndef TRAINER_COMPUTE_LAPACK_H
#define TRAINER_COMPUTE_LAPACK_H

#include <stdint.h>

#include "base/error.h"

/* The lower triangle of sum (n,n), row-major, += Xᵀ·X for X (rows,n). Covariances are summed this
 * way, one block of rows after another. Uses the run's OpenMP threads. */
void lapack_add_scatter(int64_t rows, int64_t n, const double *x, double *sum);

/* The largest order that LAPACK's counts, which are int, allow. */
#define LAPACK_EIGEN_MOST ((int64_t)32766)
/* Bytes that lapack_symmetric_eigen allocates. */
int64_t lapack_symmetric_eigen_bytes(int64_t n);

/* Eigenvalues and eigenvectors of a symmetric matrix (n,n), of which the lower triangle is read.
 * `values` (n) in descending order; the matrix is overwritten: row i becomes the unit eigenvector
 * of values[i], with the sign that makes its element of largest magnitude (the first of equals)
 * positive. n is at most LAPACK_EIGEN_MOST. Fails (ERROR_NUMERIC) if an element is not finite.
 * The algorithm is divide and conquer (dsyevd). */
int lapack_symmetric_eigen(int64_t n, double *matrix, double *values, struct Error *error);

/* Makes the rows of a row-major matrix (count,length), count ≤ length, orthonormal: the QR
 * factorisation of its transpose by Householder reflections. Row j becomes the j-th orthonormal
 * vector; diagonal[j] becomes R(j,j), of either sign. Multiplying row j by the sign of diagonal[j]
 * makes the factorisation unique, and Q uniformly distributed (Haar) if the elements were normal
 * (Mezzadri 2007, "How to generate random matrices from the classical compact groups"). */
void lapack_orthonormalise(int64_t count, int64_t length, double *vectors, double *diagonal);

#endif
