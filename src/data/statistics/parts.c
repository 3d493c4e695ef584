#include "data/statistics/parts.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>

#include "base/memory.h"
#include "base/random.h"
#include "base/sort.h"
#include "data/statistics/merge.h"

/* How many of the workers take part: a power of two, so that each has a whole branch of the tree.
 */
static int active(const struct Workers *workers, int parts) {
    int count = 1;
    while (2 * count <= workers->count && 2 * count <= parts)
        count *= 2;
    return count;
}

static const void *image_of(const struct StatisticsSamples *samples, int64_t i) {
    return dataset_image(samples->dataset, samples->split, samples->items ? samples->items[i] : i);
}

/* Sums runs [first, first + count) of all; count is a power of two. */
static void sum_runs(struct Statistics *sum, const struct StatisticsSamples *samples, int first,
                     int count) {
    const struct Dataset *dataset = samples->dataset;
    if (count > 1) {
        struct Statistics right;
        statistics_start(&right, dataset->height, dataset->width, dataset->channels);
        sum_runs(sum, samples, first, count / 2);
        sum_runs(&right, samples, first + count / 2, count / 2);
        statistics__merge(sum, &right);
        statistics_release(&right);
        return;
    }
    int64_t from = samples->count * first / PARTS_OF_STATISTICS;
    int64_t to = samples->count * (first + 1) / PARTS_OF_STATISTICS;
    for (int64_t i = from; i < to; i++)
        statistics_add(sum, samples->split->bytes, image_of(samples, i), 1);
}

/* Worker 0: adds the branches [first, first + count) of the workers. */
static void add_branches(struct Statistics *sum, const struct Dataset *dataset, const char *all,
                         int64_t bytes, int first, int count) {
    if (count == 1) {
        statistics__unpack(sum, all + first * bytes);
        return;
    }
    struct Statistics right;
    statistics_start(&right, dataset->height, dataset->width, dataset->channels);
    add_branches(sum, dataset, all, bytes, first, count / 2);
    add_branches(&right, dataset, all, bytes, first + count / 2, count / 2);
    statistics__merge(sum, &right);
    statistics_release(&right);
}

static void combine(struct Statistics *sum, const struct Dataset *dataset,
                    const struct Workers *workers, int branches) {
    int64_t bytes;
    const void *mine = statistics__pack(sum, &bytes);
    char *all = workers->worker == 0
                    ? memory_allocate_array(workers->count, (size_t)bytes, "statistics")
                    : NULL;
    workers->gather(workers->context, mine, bytes, all);
    if (all)
        add_branches(sum, dataset, all, bytes, 0, branches);
    memory_release(all);
    void *words = memory_copy(statistics__pack(sum, &bytes), (size_t)bytes, "statistics");
    workers->share(workers->context, words, bytes);
    statistics__unpack(sum, words);
    memory_release(words);
}

static int check_finite(const struct StatisticsSamples *samples,
                        const struct StatisticValues *values, struct Error *error) {
    const struct Dataset *dataset = samples->dataset;
    for (int64_t c = 0; c < dataset->channels; c++)
        if (!isfinite(values->channel_mean[c]) || !isfinite(values->channel_std[c])) {
            fail(error, ERROR_DATA,
                 "%s: channel %" PRId64
                 " of split '%s' holds a value that is not finite (NaN or Inf), so that it has no "
                 "mean",
                 dataset->path, c, samples->split->name);
            return error_advise(error, ADVICE_VERIFY, dataset->path, NULL, 0);
        }
    return OK;
}

int statistics_measure(struct StatisticValues *values, const struct StatisticsSamples *samples,
                       const struct Workers *workers, struct Error *error) {
    const struct Dataset *dataset = samples->dataset;
    struct Statistics sum;
    int branches = active(workers, PARTS_OF_STATISTICS), runs = PARTS_OF_STATISTICS / branches;
    statistics_start(&sum, dataset->height, dataset->width, dataset->channels);
    if (workers->worker < branches)
        sum_runs(&sum, samples, workers->worker * runs, runs);
    if (workers->count > 1)
        combine(&sum, dataset, workers, branches);
    statistics_result(&sum, values);
    statistics_release(&sum);
    int code = check_finite(samples, values, error);
    if (code)
        statistic_values_release(values);
    return code;
}

void statistics_sample(int64_t *items, int64_t count, const struct Split *split, uint64_t seed) {
    int64_t *order = memory_array(int64_t, split->count, "a sample of a split");
    struct RandomStream stream = random_stream(seed, RANDOM_STATISTICS, 0, 0, 0);
    random_permutation(&stream, split->count, order);
    for (int64_t i = 0; i < count; i++)
        items[i] = order[i];
    memory_release(order);
    qsort(items, (size_t)count, sizeof *items, sort_integers);
}
