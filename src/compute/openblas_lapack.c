#include "compute/lapack.h"

#include <cblas.h>
#include <inttypes.h>
#include <math.h>
#include <omp.h>
#include <stddef.h>
#include <string.h>

#include "base/memory.h"

/* LAPACK's functions as Fortran has them: arguments by address, matrices by columns, the lengths of
 * strings at the end. */
void dsyevd_(const char *job, const char *triangle, const int *n, double *a, const int *lda,
             double *values, double *work, const int *work_size, int *iwork, const int *iwork_size,
             int *info, size_t job_length, size_t triangle_length);
void dgeqrf_(const int *m, const int *n, double *a, const int *lda, double *tau, double *work,
             const int *work_size, int *info);
void dorgqr_(const int *m, const int *n, const int *k, double *a, const int *lda, const double *tau,
             double *work, const int *work_size, int *info);

#define TILE ((int64_t)256)       /* columns of a tile of the scatter matrix */
#define BLOCK_COLUMNS (int64_t)64 /* work space of the blocked QR */

/* The numbers of threads before OpenBLAS was set to one, which fixes the order of its sums. */
struct Threads {
    int openmp, openblas;
};

static struct Threads one_thread(void) {
    struct Threads before = {omp_get_max_threads(), openblas_get_num_threads()};
    openblas_set_num_threads(1);
    omp_set_num_threads(1);
    return before;
}

static void give_back(struct Threads before) {
    openblas_set_num_threads(before.openblas);
    omp_set_num_threads(before.openmp);
}

void lapack_add_scatter(int64_t rows, int64_t n, const double *x, double *sum) {
    int64_t tiles = (n + TILE - 1) / TILE;
    struct Threads before = one_thread();
#pragma omp parallel for schedule(dynamic) num_threads(before.openmp)
    for (int64_t tile = 0; tile < tiles * tiles; tile++) {
        int64_t i = tile / tiles * TILE, j = tile % tiles * TILE;
        int64_t height = n - i < TILE ? n - i : TILE, width = n - j < TILE ? n - j : TILE;
        if (j <= i)
            cblas_dgemm(CblasRowMajor, CblasTrans, CblasNoTrans, narrow_int(height),
                        narrow_int(width), narrow_int(rows), 1, x + i, narrow_int(n), x + j,
                        narrow_int(n), 1, sum + i * n + j, narrow_int(n));
    }
    give_back(before);
}

int64_t lapack_symmetric_eigen_bytes(int64_t n) {
    return (1 + 6 * n + 2 * n * n) * (int64_t)sizeof(double) + (3 + 5 * n) * (int64_t)sizeof(int);
}

static int check_finite(int64_t n, const double *matrix, struct Error *error) {
    for (int64_t i = 0; i < n; i++)
        for (int64_t j = 0; j <= i; j++)
            if (!isfinite(matrix[i * n + j]))
                return fail(error, ERROR_NUMERIC,
                            "element (%" PRId64 ",%" PRId64
                            ") of a symmetric matrix is %g, expected a number",
                            i, j, matrix[i * n + j]);
    return OK;
}

static void fix_sign(int64_t n, double *vector) {
    int64_t largest = 0;
    for (int64_t i = 1; i < n; i++)
        if (fabs(vector[i]) > fabs(vector[largest]))
            largest = i;
    if (vector[largest] < 0)
        for (int64_t i = 0; i < n; i++)
            vector[i] = -vector[i];
}

/* LAPACK's order is ascending. */
static void reverse(int64_t n, double *vectors, double *values) {
    for (int64_t i = 0, j = n - 1; i < j; i++, j--) {
        double value = values[i];
        values[i] = values[j];
        values[j] = value;
        for (int64_t k = 0; k < n; k++) {
            double element = vectors[i * n + k];
            vectors[i * n + k] = vectors[j * n + k];
            vectors[j * n + k] = element;
        }
    }
}

int lapack_symmetric_eigen(int64_t n, double *matrix, double *values, struct Error *error) {
    int code = check_finite(n, matrix, error);
    if (code)
        return code;
    int order = narrow_int(n), info;
    int work_size = narrow_int(1 + 6 * n + 2 * n * n), iwork_size = narrow_int(3 + 5 * n);
    double *work = memory_array(double, work_size, "eigenvectors");
    int *iwork = memory_array(int, iwork_size, "eigenvectors");
    struct Threads before = one_thread();
    /* The lower triangle of a row-major matrix is Fortran's upper one;
     * its column i is our row i. */
    dsyevd_("V", "U", &order, matrix, &order, values, work, &work_size, iwork, &iwork_size, &info,
            1, 1);
    give_back(before);
    memory_release(work);
    memory_release(iwork);
    CHECK(info >= 0);
    if (info > 0)
        return fail(error, ERROR_NUMERIC,
                    "the eigenvalues of a symmetric matrix of order %" PRId64 " did not converge",
                    n);
    reverse(n, matrix, values);
    for (int64_t i = 0; i < n; i++)
        fix_sign(n, matrix + i * n);
    return OK;
}

void lapack_orthonormalise(int64_t count, int64_t length, double *vectors, double *diagonal) {
    CHECK(count >= 0 && count <= length);
    if (count == 0)
        return;
    int m = narrow_int(length), n = narrow_int(count), info;
    int work_size = narrow_int(BLOCK_COLUMNS * count);
    double *tau = memory_array(double, count, "orthogonal vectors");
    double *work = memory_array(double, work_size, "orthogonal vectors");
    struct Threads before = one_thread();
    dgeqrf_(&m, &n, vectors, &m, tau, work, &work_size, &info);
    CHECK(info == 0);
    for (int64_t j = 0; j < count; j++)
        diagonal[j] = vectors[j * length + j];
    dorgqr_(&m, &n, &n, vectors, &m, tau, work, &work_size, &info);
    CHECK(info == 0);
    give_back(before);
    memory_release(tau);
    memory_release(work);
}
