#include "data/dataset/block_order.h"

#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/random.h"
#include "data/dataset/blocks.h"
#include "data/order.h"

/* The streams of RANDOM_SHUFFLE. Stream 0 shuffles a whole split; data/order.c uses the first ones,
 * for balanced epochs. */
enum {
    INSTANCE_BLOCKS = 1,
    INSTANCE_WINDOW = 2,
    INSTANCE_BALANCED_BLOCKS = (1 << 20) - 2,
    INSTANCE_BALANCED_WINDOW = (1 << 20) - 1
};

/* The blocks in the order of an epoch. Each block is visited once, or, in a balanced epoch, any
 * number of times. */
struct Table {
    int64_t epoch;  /* −1: none yet */
    int64_t visits; /* the blocks, unless the epoch is balanced */
    int64_t *order; /* (visits) */
    int64_t *first; /* (visits + 1): where each visit begins in the sequence */
    /* If epochs are balanced: */
    int64_t *begin; /* (visits + 1): where each visit begins in `drawn` */
    /* (samples): places in `sorted`, visit by visit; −1 − place if the place was drawn before */
    int64_t *drawn;
};

struct BlockOrder {
    const struct Split *split;
    struct StreamCut cut;
    /* (samples): the samples in the order of their rows; NULL: they are in that order already */
    int64_t *sorted;
    /* Shuffled: */
    int64_t blocks;        /* blocks that contain samples of the split */
    int64_t *block_begin;  /* (blocks + 1): where each block begins in `sorted` */
    int64_t block;         /* samples of the largest block */
    int64_t window_blocks; /* blocks in a window of one lane */
    int64_t most;
    struct Table tables[2];
    struct Order *balanced; /* NULL: each sample occurs once in an epoch */
    int64_t *times;         /* (samples): how often each occurs in a balanced epoch */
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

/* Returns the number of blocks. Sets begin[] unless it is NULL. */
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

static void prepare_balanced(struct BlockOrder *order) {
    const struct OrderRequest request = {.seed = order->cut.seed,
                                         .count = order->split->count,
                                         .labels = order->split->labels,
                                         .classes = order->cut.classes};
    order->balanced = order__create(&request);
    order->times = memory_array(int64_t, order->split->count, "the order of a split");
}

static void prepare_shuffled(struct BlockOrder *order) {
    static const char what[] = "the order of a split";
    const struct Split *split = order->split;
    int64_t block = block_order__block(split), lanes = order->cut.shards;
    order->block = block;
    sort_samples(order);
    order->blocks = list_blocks(order, NULL);
    order->block_begin = memory_array(int64_t, order->blocks + 1, what);
    list_blocks(order, order->block_begin);
    order->window_blocks = order->cut.window / lanes / block;
    if (order->window_blocks < 1)
        order->window_blocks = 1;
    order->most = order->window_blocks * block;
    bool balanced = order->cut.classes > 0;
    int64_t visits = order->blocks + (balanced ? split->count / block : 0);
    for (int i = 0; i < 2; i++)
        order->tables[i] =
            (struct Table){.epoch = -1,
                           .visits = order->blocks,
                           .order = memory_array(int64_t, visits, what),
                           .first = memory_array(int64_t, visits + 1, what),
                           .begin = balanced ? memory_array(int64_t, visits + 1, what) : NULL,
                           .drawn = balanced ? memory_array(int64_t, split->count, what) : NULL};
    if (balanced)
        prepare_balanced(order);
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
        memory_release(order->tables[i].begin);
        memory_release(order->tables[i].drawn);
    }
    order__release(order->balanced);
    memory_release(order->times);
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

/* Returns where shard k begins in a batch of n samples, in the same way as a step is cut. */
static int64_t cut_first(const struct StreamCut *cut, int64_t n, int64_t shard) {
    return shard * n / cut->shards;
}

/* Returns where the lane of a shard begins in the sequence: after all samples that the earlier
 * shards have in the whole batches and in the last one. */
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
    int64_t shard = at * cut->shards / n; /* an estimate, corrected below */
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

/* Returns the position of an index in a split that is not shuffled. */
static int64_t position_of(const struct BlockOrder *order, int64_t index) {
    const struct StreamCut *cut = &order->cut;
    if (!cut->parts)
        return index;
    return index / cut->run * cut->run * cut->parts + cut->part * cut->run + index % cut->run;
}

/* ---- Windows ---- */

/* Returns where visit v begins if `total` samples are dealt to `visits` visits. */
static int64_t dealt_first(int64_t total, int64_t visits, int64_t v) {
    int64_t more = total % visits;
    return v * (total / visits) + (v < more ? v : more);
}

/* A block that must supply more samples than the largest block holds is visited several times. Its
 * samples are dealt to the visits in turn, so that repetitions of a sample are in different
 * visits. */
static void add_visits(const struct BlockOrder *order, struct Table *table, int64_t block) {
    int64_t total = 0, begin = table->begin[table->visits], dealt = 0;
    for (int64_t at = order->block_begin[block]; at < order->block_begin[block + 1]; at++)
        total += order->times[sample_at(order, at)];
    int64_t visits = (total + order->block - 1) / order->block;
    for (int64_t v = 0; v < visits; v++)
        table->begin[table->visits + v + 1] = begin + dealt_first(total, visits, v + 1);
    for (int64_t at = order->block_begin[block]; at < order->block_begin[block + 1]; at++)
        for (int64_t k = 0; k < order->times[sample_at(order, at)]; k++, dealt++)
            table->drawn[begin + dealt_first(total, visits, dealt % visits) + dealt / visits] =
                k ? -1 - at : at;
    table->visits += visits;
}

static void balance(struct BlockOrder *order, struct Table *table, int64_t epoch) {
    int64_t count = order->split->count;
    order__set_epoch(order->balanced, epoch);
    memset(order->times, 0, (size_t)count * sizeof *order->times);
    for (int64_t i = 0; i < count; i++)
        order->times[order__sample(order->balanced, order__draw(order->balanced, i))]++;
    table->visits = 0;
    for (int64_t block = 0; block < order->blocks; block++)
        add_visits(order, table, block);
}

static const struct Table *table_of(struct BlockOrder *order, int64_t epoch) {
    struct Table *table = &order->tables[epoch % 2];
    if (table->epoch == epoch)
        return table;
    if (order->balanced)
        balance(order, table, epoch);
    const int64_t *begin = order->balanced ? table->begin : order->block_begin;
    struct RandomStream stream = random_stream(
        order->cut.seed, RANDOM_SHUFFLE,
        order->balanced ? INSTANCE_BALANCED_BLOCKS : INSTANCE_BLOCKS, (uint64_t)epoch, 0);
    random_permutation(&stream, table->visits, table->order);
    for (int64_t i = 0; i < table->visits; i++) {
        int64_t visit = table->order[i];
        table->first[i + 1] = table->first[i] + begin[visit + 1] - begin[visit];
    }
    table->epoch = epoch;
    return table;
}

/* Returns the visit that a place of the sequence belongs to. */
static int64_t block_at(const struct Table *table, int64_t place) {
    int64_t low = 0, high = table->visits - 1;
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
    int64_t origin = block_at(table, begin), blocks = order->window_blocks;
    window.number = (block_at(table, begin + place.index) - origin) / blocks;
    int64_t from = origin + window.number * blocks, to = least(from + blocks, table->visits);
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
        entries[i] = (struct OrderEntry){row_of(order->split, sample), sample, sample, i};
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
    struct RandomStream stream =
        random_stream(order->cut.seed, RANDOM_SHUFFLE,
                      order->balanced ? INSTANCE_BALANCED_WINDOW : INSTANCE_WINDOW,
                      (uint64_t)window->epoch, (uint64_t)at);
    random_permutation(&stream, window->count, scratch);
    const int64_t *begin = order->balanced ? table->begin : order->block_begin;
    int64_t number = block_at(table, at);
    for (int64_t i = 0; i < window->count; i++, at++) {
        while (table->first[number + 1] <= at)
            number++;
        int64_t place = begin[table->order[number]] + at - table->first[number];
        int64_t found = order->balanced ? table->drawn[place] : place;
        int64_t sample = sample_at(order, found < 0 ? -1 - found : found);
        entries[i] = (struct OrderEntry){row_of(order->split, sample), sample,
                                         found < 0 ? order->split->count + at : sample, scratch[i]};
    }
}
