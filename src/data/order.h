/* The order in which an epoch takes the samples of a split: a pure function of seed and epoch. Not
 * collective. */
#ifndef TRAINER_DATA_ORDER_H
#define TRAINER_DATA_ORDER_H

#include <stdbool.h>
#include <stdint.h>

struct OrderRequest {
    uint64_t seed;
    int64_t count;
    /* NULL: each sample once. Else the labels, (count), of a balanced epoch of `count` places: each
     * class that has samples gets the same number of places, give or take one, and each sample of a
     * class the same number of them, give or take one. */
    const int32_t *labels;
    int64_t classes;
};

struct Order;
struct Order *order__create(const struct OrderRequest *request);
void order__release(struct Order *order); /* NULL is allowed */

/* Moves to another epoch; allocates nothing. */
void order__set_epoch(struct Order *order, int64_t epoch);

/* What is drawn at a place of the epoch: a number that no other place of the epoch has and that
 * random numbers are drawn by. It is the sample's own if this is the only or the first of its
 * places, and else the place + count. */
int64_t order__draw(const struct Order *order, int64_t place);
/* The sample that a draw takes. */
int64_t order__sample(const struct Order *order, int64_t draw);

#endif
