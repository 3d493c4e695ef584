#include "data/order.h"

#include "base/error.h"
#include "base/memory.h"
#include "base/random.h"

/* The streams of RANDOM_SHUFFLE: the order of an epoch's places, the classes in the order in which
 * they get the places that are left over, and, from INSTANCE_CLASSES on, each class's samples. */
enum { INSTANCE_PLACES, INSTANCE_LEFT_OVER, INSTANCE_CLASSES };

struct Order {
    struct OrderRequest request;
    int64_t epoch;   /* −1: none yet */
    int64_t *places; /* (count): the sample, or −1 − sample where it repeats an earlier one */
    /* What balanced epochs need: */
    int64_t present;           /* classes that have samples */
    int64_t *starts;           /* (present + 1): into members */
    int64_t *labels;           /* (present): their numbers */
    int64_t *members;          /* (count): samples, class by class */
    int64_t *drawn, *shuffled; /* (count): places before they are shuffled; scratch */
};

/* Lists the samples of each class that has any. */
static void list_members(struct Order *order) {
    const struct OrderRequest *request = &order->request;
    int64_t *at = memory_array(int64_t, request->classes + 1, "the order of an epoch");
    for (int64_t i = 0; i < request->count; i++)
        at[request->labels[i] + 1]++;
    for (int64_t c = 0; c < request->classes; c++) {
        if (at[c + 1]) {
            order->labels[order->present] = c;
            order->starts[order->present++] = at[c];
        }
        at[c + 1] += at[c];
    }
    order->starts[order->present] = request->count;
    for (int64_t i = 0; i < request->count; i++)
        order->members[at[request->labels[i]]++] = i;
    memory_release(at);
}

struct Order *order__create(const struct OrderRequest *request) {
    static const char what[] = "the order of an epoch";
    struct Order *order = memory_allocate(sizeof *order, what);
    *order = (struct Order){.request = *request, .epoch = -1};
    order->places = memory_array(int64_t, request->count, what);
    if (!request->labels)
        return order;
    order->starts = memory_array(int64_t, request->classes + 1, what);
    order->labels = memory_array(int64_t, request->classes, what);
    order->members = memory_array(int64_t, request->count, what);
    order->drawn = memory_array(int64_t, request->count, what);
    order->shuffled = memory_array(int64_t, request->count, what);
    list_members(order);
    return order;
}

void order__release(struct Order *order) {
    if (!order)
        return;
    memory_release(order->places);
    memory_release(order->starts);
    memory_release(order->labels);
    memory_release(order->members);
    memory_release(order->drawn);
    memory_release(order->shuffled);
    memory_release(order);
}

static struct RandomStream stream_of(const struct Order *order, int64_t instance, int64_t item) {
    return random_stream(order->request.seed, RANDOM_SHUFFLE, (uint32_t)instance,
                         (uint64_t)order->epoch, (uint64_t)item);
}

/* `quota` places for a class: its samples in one random order after another. */
static void draw_class(struct Order *order, int64_t class, int64_t quota, int64_t *places) {
    const int64_t *members = order->members + order->starts[class];
    int64_t count = order->starts[class + 1] - order->starts[class];
    for (int64_t i = 0; i < quota; i++) {
        if (i % count == 0) {
            struct RandomStream stream =
                stream_of(order, INSTANCE_CLASSES + order->labels[class], i / count);
            random_permutation(&stream, count, order->shuffled);
        }
        int64_t sample = members[order->shuffled[i % count]];
        places[i] = i < count ? sample : -1 - sample;
    }
}

static void balance(struct Order *order) {
    int64_t count = order->request.count, present = order->present;
    int64_t least = count / present, more = count % present, at = 0;
    struct RandomStream stream = stream_of(order, INSTANCE_LEFT_OVER, 0);
    random_permutation(&stream, present, order->places); /* scratch so far */
    for (int64_t k = 0; k < present; k++) {
        int64_t quota = least + (k < more);
        draw_class(order, order->places[k], quota, order->drawn + at);
        at += quota;
    }
    stream = stream_of(order, INSTANCE_PLACES, 0);
    random_permutation(&stream, count, order->shuffled);
    for (int64_t i = 0; i < count; i++)
        order->places[i] = order->drawn[order->shuffled[i]];
}

void order__set_epoch(struct Order *order, int64_t epoch) {
    if (order->epoch == epoch)
        return;
    order->epoch = epoch;
    if (order->request.labels) {
        balance(order);
        return;
    }
    struct RandomStream stream = stream_of(order, INSTANCE_PLACES, 0);
    random_permutation(&stream, order->request.count, order->places);
}

int64_t order__draw(const struct Order *order, int64_t place) {
    int64_t sample = order->places[place];
    return sample >= 0 ? sample : order->request.count + place;
}

int64_t order__sample(const struct Order *order, int64_t draw) {
    int64_t count = order->request.count;
    return draw < count ? draw : -1 - order->places[draw - count];
}
