/* A feed: which blocks it makes, in which order, and what becomes of failures. */
#include "data/feed.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#define COUNT 23
#define BLOCK 4

struct Reader {
    int calls, bad; /* the sample that cannot be read; −1: none */
};

static int read_samples(void *context, int64_t first, int64_t count, void *samples,
                        struct Error *error) {
    struct Reader *reader = context;
    uint8_t *bytes = samples;
    reader->calls++;
    for (int64_t i = 0; i < count; i++) {
        if (first + i == reader->bad)
            return (fail)(error, ERROR_DATA, "sample %d", reader->bad);
        memset(bytes + 3 * i, (int)(first + i), 3);
    }
    return OK;
}

static struct Feed *make(struct Reader *reader, int64_t first_block, int64_t stride) {
    char first[] = "a", second[] = "b", *names[] = {first, second};
    struct Targets targets = {.count = 2, .names = names};
    const struct FeedRequest request = {.path = "pictures",
                                        .split = "all",
                                        .count = COUNT,
                                        .height = 1,
                                        .width = 1,
                                        .channels = 3,
                                        .targets = &targets,
                                        .block = BLOCK,
                                        .first_block = first_block,
                                        .stride = stride,
                                        .read = read_samples,
                                        .context = reader};
    struct Feed *feed;
    feed_create(&feed, &request);
    return feed;
}

static void check_block(struct Feed *feed, int64_t first) {
    struct Error error;
    struct Dataset *dataset = feed_dataset(feed);
    int64_t count = COUNT - first < BLOCK ? COUNT - first : BLOCK;
    assert_int_equal(feed_take(feed, first, count, &error), OK);
    for (int64_t i = first; i < first + count; i++) {
        const uint8_t *pixels = dataset_image(dataset, &dataset->splits[0], i);
        for (int c = 0; c < 3; c++)
            assert_int_equal(pixels[c], i);
    }
}

static void each_block_is_made_once(void **state) {
    (void)state;
    struct Reader reader = {.bad = -1};
    struct Feed *feed = make(&reader, 1, 2);
    for (int64_t block = 1; block * BLOCK < COUNT; block += 2)
        check_block(feed, block * BLOCK);
    feed_release(feed);
    assert_int_equal(reader.calls, 3);
}

static void blocks_in_another_order_are_made_when_asked_for(void **state) {
    (void)state;
    struct Reader reader = {.bad = -1};
    struct Feed *feed = make(&reader, 0, 1);
    static const int64_t blocks[] = {3, 0, 5, 5, 1};
    for (size_t i = 0; i < sizeof blocks / sizeof *blocks; i++)
        check_block(feed, blocks[i] * BLOCK);
    feed_release(feed);
}

static void a_failure_is_told_with_its_block_and_not_before(void **state) {
    (void)state;
    struct Error error;
    struct Reader reader = {.bad = 6};
    struct Feed *feed = make(&reader, 0, 1);
    check_block(feed, 0);
    assert_int_equal(feed_take(feed, BLOCK, BLOCK, &error), ERROR_DATA);
    assert_string_equal(error.text, "sample 6");
    feed_release(feed);
}

static void its_split_has_no_truth(void **state) {
    (void)state;
    struct Reader reader = {.bad = -1};
    struct Feed *feed = make(&reader, 0, 1);
    const struct Dataset *dataset = feed_dataset(feed);
    assert_false(split_has_truth(&dataset->splits[0]));
    assert_string_equal(dataset->targets.names[1], "b");
    feed_release(feed); /* while the first block is being made */
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_block_is_made_once),
        cmocka_unit_test(blocks_in_another_order_are_made_when_asked_for),
        cmocka_unit_test(a_failure_is_told_with_its_block_and_not_before),
        cmocka_unit_test(its_split_has_no_truth),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
