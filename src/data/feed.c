#include "data/feed.h"

#include <string.h>

#include "base/memory.h"
#include "base/worker.h"
#include "data/dataset/opening.h"

struct Slot {
    int64_t first, count; /* count 0: nothing was made */
    int code;
    struct Error error;
    void *samples;
};

struct Feed {
    struct FeedRequest request;
    struct Dataset *dataset;
    struct SampleWindow window;
    struct Slot now, next; /* the window, and what the thread makes */
    struct Worker *worker; /* makes `next`; NULL: samples are made when they are asked for */
};

static void make(struct Feed *feed, struct Slot *slot) {
    slot->code = feed->request.read(feed->request.context, slot->first, slot->count, slot->samples,
                                    &slot->error);
}

static void make_next(void *context) {
    struct Feed *feed = context;
    make(feed, &feed->next);
}

/* Begins with the samples that this process will ask for after those of the window. */
static void read_ahead(struct Feed *feed) {
    const struct FeedRequest *request = &feed->request;
    int64_t first = feed->now.first + request->stride * request->block;
    int64_t left = request->count - first;
    feed->next.first = first;
    feed->next.count = left < 0 || !feed->worker ? 0
                       : left < request->block   ? left
                                                 : request->block;
    if (feed->next.count > 0)
        worker_begin(feed->worker);
}

int feed_take(void *context, int64_t first, int64_t count, struct Error *error) {
    struct Feed *feed = context;
    CHECK(count <= feed->request.block);
    if (feed->worker)
        worker_wait(feed->worker);
    struct Slot spare = feed->now;
    feed->now = feed->next;
    feed->next = spare;
    if (feed->now.first != first || feed->now.count != count) {
        feed->now.first = first;
        feed->now.count = count;
        make(feed, &feed->now);
    }
    feed->window = (struct SampleWindow){first, count, feed->now.samples};
    if (feed->now.code) {
        *error = feed->now.error;
        return feed->now.code;
    }
    read_ahead(feed);
    return OK;
}

static struct Dataset *make_dataset(const struct FeedRequest *request,
                                    const struct SampleWindow *window) {
    struct Dataset *dataset = memory_allocate(sizeof *dataset, "a data set");
    struct Split *split = memory_array(struct Split, 1, "splits");
    *dataset =
        (struct Dataset){.path = memory_copy_text(request->path),
                         .height = request->height,
                         .width = request->width,
                         .channels = request->channels,
                         .targets = targets_copy(request->targets->kind,
                                                 (const char *const *)request->targets->names,
                                                 request->targets->count),
                         .split_count = 1,
                         .splits = split,
                         .source = memory_copy_text(""),
                         .storage = memory_allocate(sizeof *dataset->storage, "a data set")};
    split->name = memory_copy_text(request->split);
    split->count = request->count;
    split->bytes = !request->floats;
    split->window = window;
    split->labels = request->labels;
    split->targets = request->values;
    return dataset;
}

void feed_create(struct Feed **out, const struct FeedRequest *request) {
    struct Feed *feed = memory_allocate(sizeof *feed, "samples to predict");
    feed->request = *request;
    feed->dataset = make_dataset(request, &feed->window);
    int64_t bytes = (int64_t)dataset_image_bytes(feed->dataset, &feed->dataset->splits[0]);
    int64_t most = request->count < request->block ? request->count : request->block;
    feed->now.samples = memory_allocate((size_t)(most * bytes), "a block of samples");
    feed->next.samples = memory_allocate((size_t)(most * bytes), "a block of samples");
    feed->worker = worker_create(make_next, feed);
    feed->now.first = (request->first_block - request->stride) * request->block;
    read_ahead(feed);
    *out = feed;
}

void feed_release(struct Feed *feed) {
    if (!feed)
        return;
    worker_release(feed->worker);
    dataset_close(feed->dataset);
    memory_release(feed->now.samples);
    memory_release(feed->next.samples);
    memory_release(feed);
}

struct Dataset *feed_dataset(struct Feed *feed) {
    return feed->dataset;
}
