/* Whether equal rows of a table are copies. Rows of columns with few different values are often
 * equal by chance; rows of a column that hardly has a value twice are not. */
#include <math.h>
#include <stdlib.h>

#include "base/digest.h"
#include "base/memory.h"
#include "base/sort.h"
#include "check/looks_at_data.h"

#define MOST_ROWS 20000 /* spread over the split */
#define MOST_COLUMNS 64 /* spread over the row */
#define LEAST_ROWS 100
#define MOST_SHARED 0.01 /* of the different rows: with a value that another one has, too */
/* Neighbouring values that are as close as one pair in a hundred is, over the median pair: 0.0145
 * if the distances are exponential, as those of numbers drawn from a range are; near 1 if the
 * values are multiples of a step which would make them equal often enough to matter. */
#define CLOSE_PAIRS 0.01
#define MOST_STEP 0.02

static int compare_digests(const void *a, const void *b) {
    const struct Digest *x = a, *y = b;
    if (x->high != y->high)
        return x->high < y->high ? -1 : 1;
    return (x->low > y->low) - (x->low < y->low);
}

static int64_t count_different(struct Digest *digests, int64_t count) {
    int64_t different = 0;
    qsort(digests, (size_t)count, sizeof *digests, compare_digests);
    for (int64_t i = 0; i < count; i++)
        different += i == 0 || compare_digests(&digests[i - 1], &digests[i]) != 0;
    return different;
}

/* Whether a column's `count` values, of a split of `all`, tell rows apart. Sorts them. */
static bool tells_apart(double *values, int64_t count, int64_t all, int64_t different_rows) {
    int64_t gaps = 0;
    qsort(values, (size_t)count, sizeof *values, sort_doubles);
    for (int64_t i = 1; i < count; i++)
        if (values[i] > values[i - 1])
            values[gaps++] = values[i] - values[i - 1];
    if (gaps + 1 < (1 - MOST_SHARED) * (double)different_rows)
        return false;
    double part = (double)count / (double)all, median = sort_median(values, gaps);
    return values[(int64_t)(CLOSE_PAIRS * part * (double)gaps)] <= MOST_STEP * part * median;
}

bool check__rows_are_unique(const struct Dataset *dataset, const struct Split *split,
                            int64_t count) {
    int64_t elements = dataset_elements(dataset), rows = count < MOST_ROWS ? count : MOST_ROWS;
    int64_t columns = elements < MOST_COLUMNS ? elements : MOST_COLUMNS;
    bool unique = false;
    if (split->bytes || rows < LEAST_ROWS)
        return false;
    struct Digest *digests = memory_array(struct Digest, rows, "digests of rows");
    double *values = memory_array(double, columns *rows, "columns of a table");
    float *row = memory_array(float, elements, "a row");
    bool finite = true;
    for (int64_t i = 0; i < rows; i++) {
        dataset_copy_image(dataset, split, i * count / rows, row);
        digests[i] = digest_bytes(row, (size_t)elements * sizeof *row);
        for (int64_t k = 0; k < columns; k++) {
            values[k * rows + i] = (double)row[k * elements / columns];
            finite &= isfinite(values[k * rows + i]);
        }
    }
    int64_t different = count_different(digests, rows);
    for (int64_t k = 0; k < columns && finite && different >= LEAST_ROWS && !unique; k++)
        unique = tells_apart(values + k * rows, rows, count, different);
    memory_release(digests);
    memory_release(values);
    memory_release(row);
    return unique;
}
