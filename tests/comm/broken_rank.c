/* Rank 1 finds a bug while the others wait for it. */
#include "comm/exchange.h"
#include "world.h"

int main(void) {
    struct Ranks *ranks = world_start();
    struct Exchange *exchange;
    struct Error error;
    int code = exchange_create(&exchange, ranks, ranks_size(ranks), 100, EXCHANGE_AUTO,
                               variant_best(VARIANT_F32_V4), &error);
    CHECK(code == OK);
    CHECK(ranks_rank(ranks) != 1);
    exchange_shard_buffer(exchange);
    exchange_shard_done(exchange);
    exchange_finish(exchange);
    return 0;
}
