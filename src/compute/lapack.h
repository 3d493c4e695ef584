/* Dense factorisations in double precision, by the LAPACK that OpenBLAS brings along. They are for
 * preparation (statistics, initialisation), not for steps: they allocate. Each runs on one thread,
 * or cuts its work in a way that does not depend on the threads, so that on one kind of CPU the
 * bits are the same with any number of them. Not collective. */
#ifndef TRAINER_COMPUTE_LAPACK_H
#define TRAINER_COMPUTE_LAPACK_H

#include <stdint.h>

#include "base/error.h"

/* The lower triangle of sum (n,n), row-major, += Xᵀ·X for X (rows,n): what a covariance is summed
 * from, block of rows after block of rows. Uses the run's OpenMP threads. */
void lapack_add_scatter(int64_t rows, int64_t n, const double *x, double *sum);

/* The largest order that LAPACK's counts, which are int, allow. */
#define LAPACK_EIGEN_MOST ((int64_t)32766)
/* Bytes that lapack_symmetric_eigen takes beside its arguments. */
int64_t lapack_symmetric_eigen_bytes(int64_t n);

/* Eigenvalues and eigenvectors of a symmetric matrix (n,n), of which the lower triangle is read.
 * `values` (n) in descending order; the matrix is overwritten: row i becomes the unit eigenvector
 * of values[i], with the sign that makes its element of largest magnitude (the first of equals)
 * positive. n is at most LAPACK_EIGEN_MOST. ERROR_NUMERIC where an element is not finite. By divide
 * and conquer (dsyevd). */
int lapack_symmetric_eigen(int64_t n, double *matrix, double *values, struct Error *error);

/* QR factorisation by Householder reflections of `count` vectors of `length` elements, one after
 * another, count ≤ length: vector j becomes the j-th orthonormal one, diagonal[j] (count) = R(j,j),
 * of either sign. In other words, the rows of a row-major matrix (count,length) are made
 * orthonormal. Multiplying vector j by the sign of diagonal[j] makes the factorisation unique, and
 * Q uniformly distributed (Haar) where the elements were normal (Mezzadri 2007). */
void lapack_orthonormalise(int64_t count, int64_t length, double *vectors, double *diagonal);

#endif
