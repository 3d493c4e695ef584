#include "data/dataset/block_order.h"

#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/random.h"
#include "data/dataset/blocks.h"

enum { INSTANCE_BLOCKS = 1, INSTANCE_WINDOW = 2 }; /* of RANDOM_SHUFFLE; 0 is the whole split's */

/* The blocks in the order of an epoch. */
struct Table {
    int64_t epoch;  /* −1: none yet */
    int64_t *order; /* (blocks) */
    int64_t *first; /* (blocks + 1): of the sequence */
};

struct BlockOrder {
    const struct Split *split;
    struct StreamCut cut;
    int64_t *sorted; /* (samples): by their rows; NULL: they are in that order */
    /* Shuffled: */
    int64_t blocks;        /* that have samples of the split */
    int64_t *block_begin;  /* (blocks + 1): of `sorted` */
    int64_t window_blocks; /* of a lane */
    int64_t most;
    struct Table tables[2];
};

static int64_t row_of(const struct Split *split, int64_t sample) {
    return split->rows ? split->rows[sample] : sample;
}

static int64_t sample_at(const struct BlockOrder *order, int64_t place) {
    return order->sorted ? order->sorted[place] : place;
}

static bool is_ascending(const struct Split *split) {
    for (int64_t i = 1; split->rows && i < split->count; i++)
        if (split->rows[i] < split->rows[i - 1])
            return false;
    return true;
}

static int by_row(const void *a, const void *b, void *split) {
    int64_t first = *(const int64_t *)a, second = *(const int64_t *)b;
    int64_t one = row_of(split, first), other = row_of(split, second);
    return one != other ? (one > other) - (one < other) : (first > second) - (first < second);
}

static void sort_samples(struct BlockOrder *order) {
    const struct Split *split = order->split;
    if (is_ascending(split))
        return;
    order->sorted = memory_array(int64_t, split->count, "the order of a split");
    for (int64_t i = 0; i < split->count; i++)
        order->sorted[i] = i;
    qsort_r(order->sorted, (size_t)split->count, sizeof *order->sorted, by_row,
            (void *)(uintptr_t)split);
}

/* Counts the blocks, or, if begin is not NULL, fills it. */
static int64_t list_blocks(const struct BlockOrder *order, int64_t *begin) {
    const struct Split *split = order->split;
    int64_t blocks = 0, first, end = 0;
    for (int64_t i = 0; i < split->count; i++) {
        int64_t row = row_of(split, sample_at(order, i));
        if (i && row < end)
            continue;
        blocks__of(split->pair, row, &first, &end);
        if (begin)
            begin[blocks] = i;
        blocks++;
    }
    if (begin)
        begin[blocks] = split->count;
    return blocks;
}

int64_t block_order__block(const struct Split *split) {
    int64_t most = 0;
    for (int i = 0; i < split->pair->images.count; i++)
        if (split->pair->layouts[i].block > most)
            most = split->pair->layouts[i].block;
    return most;
}

static void prepare_shuffled(struct BlockOrder *order) {
    int64_t block = block_order__block(order->split), lanes = order->cut.shards;
    sort_samples(order);
    order->blocks = list_blocks(order, NULL);
    order->block_begin = memory_array(int64_t, order->blocks + 1, "the order of a split");
    list_blocks(order, order->block_begin);
    order->window_blocks = order->cut.window / lanes / block;
    if (order->window_blocks < 1)
        order->window_blocks = 1;
    order->most = order->window_blocks * block;
    for (int i = 0; i < 2; i++)
        order->tables[i] =
            (struct Table){.epoch = -1,
                           .order = memory_array(int64_t, order->blocks, "the order of a split"),
                           .first = memory_array(int64_t, order->blocks + 1, "its blocks")};
}

struct BlockOrder *block_order__create(const struct Split *split, const struct StreamCut *cut) {
    struct BlockOrder *order = memory_allocate(sizeof *order, "the order of a split");
    *order = (struct BlockOrder){.split = split, .cut = *cut};
    order->most = cut->window < 1 ? 1 : cut->window;
    if (cut->shuffle)
        prepare_shuffled(order);
    if (order->most > split->count)
        order->most = split->count;
    return order;
}

void block_order__release(struct BlockOrder *order) {
    if (!order)
        return;
    for (int i = 0; i < 2; i++) {
        memory_release(order->tables[i].order);
        memory_release(order->tables[i].first);
    }
    memory_release(order->block_begin);
    memory_release(order->sorted);
    memory_release(order);
}

int64_t block_order__lanes(const struct BlockOrder *order) {
    return order->cut.shuffle ? order->cut.own_shards : 1;
}

int64_t block_order__most(const struct BlockOrder *order) {
    return order->most;
}

/* ---- Lanes ---- */

/* Where shard k begins in a batch of n samples; as the shards of a step are cut. */
static int64_t cut_first(const struct StreamCut *cut, int64_t n, int64_t shard) {
    return shard * n / cut->shards;
}

/* Where the lane of a shard begins in the sequence: after all samples of the shards before it, in
 * the whole batches and in the last one. */
static int64_t lane_begin(const struct BlockOrder *order, int64_t shard) {
    const struct StreamCut *cut = &order->cut;
    int64_t batches = order->split->count / cut->batch, rest = order->split->count % cut->batch;
    return batches * cut_first(cut, cut->batch, shard) + cut_first(cut, rest, shard);
}

static int64_t lane_length(const struct BlockOrder *order, int64_t lane) {
    const struct StreamCut *cut = &order->cut;
    int64_t shard = cut->first_shard + lane, cycle = cut->run * cut->parts;
    if (cut->shuffle)
        return lane_begin(order, shard + 1) - lane_begin(order, shard);
    if (!cut->parts)
        return order->split->count;
    int64_t rest = order->split->count % cycle - cut->run * cut->part;
    rest = rest < 0 ? 0 : rest > cut->run ? cut->run : rest;
    return order->split->count / cycle * cut->run + rest;
}

static struct OrderPlace find_shuffled(const struct BlockOrder *order, int64_t position) {
    const struct StreamCut *cut = &order->cut;
    int64_t batch = position / cut->batch, at = position % cut->batch;
    int64_t left = order->split->count - batch * cut->batch;
    int64_t n = left < cut->batch ? left : cut->batch;
    int64_t shard = at * cut->shards / n; /* near enough to be found from there */
    while (cut_first(cut, n, shard + 1) <= at)
        shard++;
    while (cut_first(cut, n, shard) > at)
        shard--;
    int64_t before = cut_first(cut, cut->batch, shard + 1) - cut_first(cut, cut->batch, shard);
    return (struct OrderPlace){shard - cut->first_shard,
                               batch * before + at - cut_first(cut, n, shard)};
}

struct OrderPlace block_order__find(const struct BlockOrder *order, int64_t position) {
    const struct StreamCut *cut = &order->cut;
    struct OrderPlace place = {0, position};
    if (cut->shuffle)
        place = find_shuffled(order, position);
    else if (cut->parts)
        place.index = position / (cut->run * cut->parts) * cut->run + position % cut->run;
    CHECK(place.lane >= 0 && place.lane < block_order__lanes(order));
    return place;
}

/* The position of an index, if the split is not shuffled. */
static int64_t position_of(const struct BlockOrder *order, int64_t index) {
    const struct StreamCut *cut = &order->cut;
    if (!cut->parts)
        return index;
    return index / cut->run * cut->run * cut->parts + cut->part * cut->run + index % cut->run;
}

/* ---- Windows ---- */

static const struct Table *table_of(struct BlockOrder *order, int64_t epoch) {
    struct Table *table = &order->tables[epoch % 2];
    if (table->epoch == epoch)
        return table;
    struct RandomStream stream =
        random_stream(order->cut.seed, RANDOM_SHUFFLE, INSTANCE_BLOCKS, (uint64_t)epoch, 0);
    random_permutation(&stream, order->blocks, table->order);
    for (int64_t i = 0; i < order->blocks; i++) {
        int64_t block = table->order[i];
        table->first[i + 1] =
            table->first[i] + order->block_begin[block + 1] - order->block_begin[block];
    }
    table->epoch = epoch;
    return table;
}

/* The block of the order that a place of the sequence lies in. */
static int64_t block_at(const struct BlockOrder *order, const struct Table *table, int64_t place) {
    int64_t low = 0, high = order->blocks - 1;
    while (low < high) {
        int64_t middle = (low + high + 1) / 2;
        if (table->first[middle] <= place)
            low = middle;
        else
            high = middle - 1;
    }
    return low;
}

static int64_t most(int64_t a, int64_t b) {
    return a > b ? a : b;
}

static int64_t least(int64_t a, int64_t b) {
    return a < b ? a : b;
}

struct OrderWindow block_order__window(struct BlockOrder *order, int64_t epoch,
                                       struct OrderPlace place) {
    struct OrderWindow window = {.epoch = epoch, .lane = place.lane};
    int64_t length = lane_length(order, place.lane);
    if (!order->cut.shuffle) {
        window.number = place.index / order->most;
        window.first = window.number * order->most;
        window.count = least(order->most, length - window.first);
        return window;
    }
    const struct Table *table = table_of(order, epoch);
    int64_t begin = lane_begin(order, order->cut.first_shard + place.lane);
    int64_t origin = block_at(order, table, begin), blocks = order->window_blocks;
    window.number = (block_at(order, table, begin + place.index) - origin) / blocks;
    int64_t from = origin + window.number * blocks, to = least(from + blocks, order->blocks);
    window.first = most(table->first[from], begin) - begin;
    window.count = least(table->first[to], begin + length) - begin - window.first;
    return window;
}

struct OrderWindow block_order__next(struct BlockOrder *order, const struct OrderWindow *window) {
    struct OrderPlace place = {window->lane, window->first + window->count};
    int64_t epoch = window->epoch;
    if (place.index >= lane_length(order, window->lane)) {
        place.index = 0;
        epoch += order->cut.shuffle;
    }
    return block_order__window(order, epoch, place);
}

static int by_rows(const void *a, const void *b) {
    const struct OrderEntry *one = a, *other = b;
    return (one->row > other->row) - (one->row < other->row);
}

static void list_run(const struct BlockOrder *order, const struct OrderWindow *window,
                     struct OrderEntry *entries) {
    bool sorted = true;
    for (int64_t i = 0; i < window->count; i++) {
        int64_t sample = position_of(order, window->first + i);
        entries[i] = (struct OrderEntry){row_of(order->split, sample), sample, i};
        sorted &= !i || entries[i - 1].row <= entries[i].row;
    }
    if (!sorted)
        qsort(entries, (size_t)window->count, sizeof *entries, by_rows);
}

void block_order__list(struct BlockOrder *order, const struct OrderWindow *window,
                       struct OrderEntry *entries, int64_t *scratch) {
    if (!order->cut.shuffle) {
        list_run(order, window, entries);
        return;
    }
    const struct Table *table = table_of(order, window->epoch);
    int64_t at = lane_begin(order, order->cut.first_shard + window->lane) + window->first;
    struct RandomStream stream = random_stream(order->cut.seed, RANDOM_SHUFFLE, INSTANCE_WINDOW,
                                               (uint64_t)window->epoch, (uint64_t)at);
    random_permutation(&stream, window->count, scratch);
    int64_t number = block_at(order, table, at);
    for (int64_t i = 0; i < window->count; i++, at++) {
        while (table->first[number + 1] <= at)
            number++;
        int64_t block = table->order[number];
        int64_t sample = sample_at(order, order->block_begin[block] + at - table->first[number]);
        entries[i] = (struct OrderEntry){row_of(order->split, sample), sample, scratch[i]};
    }
}
