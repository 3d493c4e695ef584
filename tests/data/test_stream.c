/* Splits that are streamed: the order is a pure function of seed and epoch, every sample comes once
 * an epoch with its own pixels, whoever draws it, and wherever a run starts. Also built with the
 * thread sanitizer, without HDF5 (STREAM_ALONE). */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include "base/memory.h"
#include "data/dataset/blocks.h"
#include "data/dataset/stream.h"

#include <cmocka.h>

#ifdef STREAM_ALONE
bool h5_allows_threads(void) {
    return true;
}
int h5_storage(struct H5File *file, const char *name, struct H5Storage *storage,
               struct Error *error) {
    (void)file, (void)name, (void)storage;
    return (fail)(error, ERROR_DATA, "is not called");
}
int h5_read(struct H5File *file, const char *name, enum H5Type type, int rank, const int64_t *size,
            void *buffer, struct Error *error) {
    (void)file, (void)name, (void)type, (void)rank, (void)size, (void)buffer;
    return (fail)(error, ERROR_DATA, "is not called");
}
int h5_reader_open(struct H5Reader **reader, struct H5File *file, const char *name,
                   enum H5Type type, int samples, struct Error *error) {
    (void)reader, (void)file, (void)name, (void)type, (void)samples;
    return (fail)(error, ERROR_DATA, "is not called");
}
void h5_reader_close(struct H5Reader *reader) {
    (void)reader;
}
int h5_reader_read(struct H5Reader *reader, int64_t first, int64_t count, void *buffer,
                   struct Error *error) {
    (void)reader, (void)first, (void)count, (void)buffer;
    return (fail)(error, ERROR_DATA, "is not called");
}
int opening__decode_rows(const struct Array *array, const int64_t sizes[AXES], int64_t first,
                         int64_t count, bool together, uint8_t *pixels, struct Error *error) {
    (void)array, (void)sizes, (void)first, (void)count, (void)together, (void)pixels;
    return (fail)(error, ERROR_DATA, "is not called");
}
#endif

enum { ROWS = 1003, FIRST_ARRAY = 400, BLOCK = 7, PIXELS = 5 };

/* A pair of two arrays in memory; pixel p of row r is r · 31 + p. */
struct Fixture {
    uint8_t pixels[ROWS][PIXELS];
    struct Array arrays[2];
    struct ImageRun runs[2];
    struct ImageLayout layouts[2];
    struct Pair pair;
    struct Split split;
    char name[8];
};

static struct Fixture *fixture(void) {
    static struct Fixture f;
    memset(&f, 0, sizeof f);
    for (int r = 0; r < ROWS; r++)
        for (int p = 0; p < PIXELS; p++)
            f.pixels[r][p] = (uint8_t)(r * 31 + p);
    for (int i = 0; i < 2; i++) {
        f.arrays[i].count = i ? ROWS - FIRST_ARRAY : FIRST_ARRAY;
        f.runs[i] = (struct ImageRun){i ? FIRST_ARRAY : 0, f.pixels[i ? FIRST_ARRAY : 0]};
        f.layouts[i] =
            (struct ImageLayout){.sizes = {f.arrays[i].count, 1, 1, PIXELS}, .block = BLOCK};
    }
    strcpy(f.name, "train");
    f.pair = (struct Pair){.images = {2, f.arrays},
                           .count = ROWS,
                           .bytes = true,
                           .runs = f.runs,
                           .layouts = f.layouts};
    f.split = (struct Split){.name = f.name, .count = ROWS, .bytes = true, .pair = &f.pair};
    return &f;
}

static int64_t balanced_classes; /* of the cuts; 0: not balanced */

static struct StreamCut shuffled(int64_t window, int64_t shards, int64_t first, int64_t own) {
    return (struct StreamCut){.window = window,
                              .shuffle = true,
                              .classes = balanced_classes,
                              .seed = 3,
                              .batch = 48,
                              .shards = shards,
                              .first_shard = first,
                              .own_shards = own};
}

static struct Stream *stream_of(const struct Fixture *f, struct StreamCut cut) {
    struct Stream *stream;
    struct Error error;
    assert_int_equal(stream__create(&stream, &f->split, PIXELS, &cut, &error), OK);
    return stream;
}

/* Draws positions [first, end) as loader_fill does; their samples go to `samples`. */
static void draw(struct Stream *stream, const struct Fixture *f, int64_t epoch, int64_t first,
                 int64_t end, int64_t *samples) {
    for (int64_t at = first, run; at < end; at += run) {
        run = stream__run(stream, epoch, at, end - at);
        assert_in_range(run, 1, end - at);
        for (int64_t i = 0; i < run; i++) {
            struct Drawn drawn = stream__draw(stream, at + i);
            int64_t row = f->split.rows ? f->split.rows[drawn.sample] : drawn.sample;
            assert_memory_equal(drawn.pixels, f->pixels[row], PIXELS);
            samples[at + i] = drawn.sample;
        }
    }
}

/* Draws an epoch as the ranks that have `own` shards each would; the ranks one after the other. */
static void draw_epoch(const struct Fixture *f, int64_t window, int64_t shards, int64_t own,
                       int64_t epoch, int64_t *samples) {
    for (int64_t shard = 0; shard < shards; shard += own) {
        struct Stream *stream = stream_of(f, shuffled(window, shards, shard, own));
        for (int64_t at = 0; at < f->split.count; at += 48) {
            int64_t n = f->split.count - at < 48 ? f->split.count - at : 48;
            for (int64_t k = shard; k < shard + own; k++)
                draw(stream, f, epoch, at + k * n / shards, at + (k + 1) * n / shards, samples);
        }
        stream__release(stream);
    }
}

static void check_once(const int64_t *samples, int64_t count) {
    static bool seen[ROWS];
    memset(seen, 0, sizeof seen);
    for (int64_t i = 0; i < count; i++) {
        assert_in_range(samples[i], 0, count - 1);
        assert_false(seen[samples[i]]);
        seen[samples[i]] = true;
    }
}

/* How far neighbours in the order are apart in the file, on average; a third of all if the order is
 * uniform. */
static double distance(const int64_t *samples) {
    double sum = 0;
    for (int64_t i = 1; i < ROWS; i++)
        sum += samples[i] > samples[i - 1] ? (double)(samples[i] - samples[i - 1])
                                           : (double)(samples[i - 1] - samples[i]);
    return sum / ROWS;
}

static void every_sample_once(void **state) {
    (void)state;
    static int64_t one[ROWS], other[ROWS], next[ROWS];
    struct Fixture *f = fixture();
    static const struct {
        int64_t window, shards;
    } cases[] = {{1, 1}, {100, 1}, {100, 4}, {300, 6}, {ROWS, 2}, {5 * ROWS, 48}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        draw_epoch(f, cases[i].window, cases[i].shards, cases[i].shards, 5, one);
        check_once(one, ROWS);
        for (int64_t own = 1; own < cases[i].shards; own *= 2) {
            if (cases[i].shards % own)
                continue;
            draw_epoch(f, cases[i].window, cases[i].shards, own, 5, other);
            assert_memory_equal(one, other, sizeof one);
        }
        draw_epoch(f, cases[i].window, cases[i].shards, cases[i].shards, 6, next);
        check_once(next, ROWS);
        assert_memory_not_equal(one, next, sizeof one);
        assert_true(distance(one) > (cases[i].window > 1 ? 0.25 * ROWS : 10));
    }
}

/* Rows in any order, some of them several times. */
static void parts_of_a_pair(void **state) {
    (void)state;
    static int64_t rows[500], samples[500];
    struct Fixture *f = fixture();
    for (int i = 0; i < 500; i++)
        rows[i] = i * 379 % ROWS / (1 + i % 2);
    f->split.rows = rows;
    f->split.count = 500;
    draw_epoch(f, 90, 3, 3, 0, samples);
    check_once(samples, 500);
}

/* Whether every class comes as often, give or take one, and so do the samples of a class; and every
 * place of the epoch has a draw of its own. */
static void check_balanced(const struct Fixture *f, const int64_t *samples, int classes) {
    int64_t times[ROWS] = {0}, of_class[3] = {0}, least[3] = {ROWS, ROWS, ROWS}, most[3] = {0};
    for (int64_t i = 0; i < f->split.count; i++) {
        times[samples[i]]++;
        of_class[f->split.labels[samples[i]]]++;
    }
    for (int64_t i = 0; i < f->split.count; i++) {
        int32_t class = f->split.labels[i];
        least[class] = times[i] < least[class] ? times[i] : least[class];
        most[class] = times[i] > most[class] ? times[i] : most[class];
    }
    for (int c = 0; c < classes; c++) {
        assert_in_range(of_class[c], f->split.count / classes, f->split.count / classes + 1);
        assert_true(most[c] - least[c] <= 1);
    }
}

/* A rare class, once spread over the file and once at its end: its block comes again and again. */
static void balanced_epochs(void **state) {
    (void)state;
    static int32_t labels[ROWS];
    static int64_t one[ROWS], other[ROWS], next[ROWS];
    struct Fixture *f = fixture();
    f->split.labels = labels;
    balanced_classes = 3;
    for (int sorted = 0; sorted < 2; sorted++) {
        for (int i = 0; i < ROWS; i++)
            labels[i] = sorted ? (i > 600) + (i > 995) : i % 100 == 7 ? 2 : i % 3 == 1;
        for (int64_t window = 1; window < 10 * ROWS; window *= 12) {
            draw_epoch(f, window, 4, 4, 5, one);
            check_balanced(f, one, 3);
            draw_epoch(f, window, 4, 1, 5, other);
            assert_memory_equal(one, other, sizeof one);
            draw_epoch(f, window, 4, 4, 6, next);
            check_balanced(f, next, 3);
            assert_memory_not_equal(one, next, sizeof one);
        }
    }
    balanced_classes = 0;
}

/* What comes again is drawn by another number, so that its augmentation differs. */
static void draws_of_balanced_epochs(void **state) {
    (void)state;
    static int32_t labels[ROWS];
    static bool seen[2 * ROWS];
    struct Fixture *f = fixture();
    labels[500] = 1;
    f->split.labels = labels;
    balanced_classes = 2;
    struct Stream *stream = stream_of(f, shuffled(100, 1, 0, 1));
    for (int64_t at = 0, run; at < ROWS; at += run) {
        run = stream__run(stream, 0, at, ROWS - at);
        for (int64_t i = at; i < at + run; i++) {
            struct Drawn drawn = stream__draw(stream, i);
            assert_in_range(drawn.draw, 0, 2 * ROWS - 1);
            assert_true(drawn.draw >= ROWS || drawn.draw == drawn.sample);
            assert_false(seen[drawn.draw]);
            seen[drawn.draw] = true;
        }
    }
    assert_true(seen[500]);
    stream__release(stream);
    balanced_classes = 0;
}

static void in_the_order_of_the_split(void **state) {
    (void)state;
    static int64_t rows[500], samples[500];
    struct Fixture *f = fixture();
    for (int i = 0; i < 500; i++)
        rows[i] = i * 379 % ROWS;
    f->split.rows = rows;
    f->split.count = 500;
    for (int64_t part = 0; part < 3; part++) {
        struct Stream *stream =
            stream_of(f, (struct StreamCut){.window = 21, .run = 20, .parts = 3, .part = part});
        for (int pass = 0; pass < 2; pass++)
            for (int64_t at = 20 * part; at < 500; at += 60)
                draw(stream, f, 0, at, at + 20 < 500 ? at + 20 : 500, samples);
        stream__release(stream);
    }
    for (int64_t i = 0; i < 500; i++)
        assert_int_equal(samples[i], i);
}

/* A run that resumes, goes back, or looks at a batch again. */
static void from_anywhere(void **state) {
    (void)state;
    static int64_t epochs[3][ROWS], samples[ROWS];
    struct Fixture *f = fixture();
    for (int e = 0; e < 3; e++)
        draw_epoch(f, 60, 1, 1, e, epochs[e]);
    struct Stream *stream = stream_of(f, shuffled(60, 1, 0, 1));
    static const int64_t places[][3] = {{0, 500, 530}, {0, 470, 500}, {2, 990, ROWS},
                                        {1, 0, 200},   {1, 190, 400}, {0, 0, ROWS}};
    for (size_t i = 0; i < sizeof places / sizeof *places; i++) {
        int64_t first = places[i][1], end = places[i][2];
        draw(stream, f, places[i][0], first, end, samples);
        assert_memory_equal(samples + first, epochs[places[i][0]] + first,
                            (size_t)(end - first) * sizeof *samples);
    }
    stream__release(stream);
}

static void partners_are_of_the_window(void **state) {
    (void)state;
    static int64_t samples[ROWS];
    struct Fixture *f = fixture();
    struct Stream *stream = stream_of(f, shuffled(2 * BLOCK, 1, 0, 1));
    bool other = false;
    draw(stream, f, 0, 0, BLOCK, samples);
    for (uint64_t i = 0; i < 64; i++) {
        struct Drawn partner = stream__partner(stream, 0, i << 58);
        assert_memory_equal(partner.pixels, f->pixels[partner.sample], PIXELS);
        other |= partner.sample != samples[0];
    }
    assert_true(other);
    stream__release(stream);
}

/* Row 500 cannot be read. */
static int refuse_row(void *context, int64_t first, int64_t count, const void *pixels,
                      struct Error *error) {
    (void)context, (void)pixels;
    if (first > 500 || first + count <= 500)
        return OK;
    return (fail)(error, ERROR_DATA, "row 500 cannot be read");
}

static void failures(void **state) {
    (void)state;
    static int64_t samples[ROWS];
    struct Fixture *f = fixture();
    struct Error error;
    f->pair.check.seen = refuse_row;
    struct Stream *stream = stream_of(f, shuffled(2 * BLOCK, 1, 0, 1));
    int64_t at = 0;
    while (at < ROWS && stream__failed(stream, &error) == OK) {
        int64_t run = stream__run(stream, 0, at, ROWS - at);
        for (int64_t i = at; i < at + run; i++)
            samples[i] = stream__draw(stream, i).sample;
        at += run;
    }
    assert_int_equal(stream__failed(stream, &error), ERROR_DATA);
    assert_string_equal(error.text, "row 500 cannot be read");
    bool found = false;
    for (int64_t i = at < 3 * BLOCK ? 0 : at - 3 * BLOCK; i < at; i++)
        found |= samples[i] == 500;
    assert_true(found);
    stream__release(stream);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_sample_once),
        cmocka_unit_test(parts_of_a_pair),
        cmocka_unit_test(balanced_epochs),
        cmocka_unit_test(draws_of_balanced_epochs),
        cmocka_unit_test(in_the_order_of_the_split),
        cmocka_unit_test(from_anywhere),
        cmocka_unit_test(partners_are_of_the_window),
        cmocka_unit_test(failures),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
