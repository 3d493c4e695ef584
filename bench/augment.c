/* What each augmentation and each mix costs: microseconds for an image of 32x32x3 in the loader,
 * less those of the loader alone, and the part of a budget that they take. The budget is 5 % of the
 * time that one rank spends on an image of a small network.
 *
 *   bench_augment [IMAGES_PER_SECOND [RANKS]]      the network's speed over all ranks (243 on 2)
 *
 * Each figure is the best of ROUNDS over COUNT images. For a mix, every image is mixed. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/memory.h"
#include "data/augment.h"
#include "data/loader.h"
#include "runfile/runfile.h"

enum { COUNT = 50, ROUNDS = 200, SIDE = 32, CHANNELS = 3, CLASSES = 10 };

struct Lists {
    struct ChoiceList augment, mix;
};
static const struct Key keys[] = {{.name = "augment",
                                   .type = KEY_CHOICES,
                                   .offset = offsetof(struct Lists, augment),
                                   .fallback = "[]",
                                   .kinds = &augment_kinds,
                                   .help = ""},
                                  {.name = "mix",
                                   .type = KEY_CHOICES,
                                   .offset = offsetof(struct Lists, mix),
                                   .fallback = "[]",
                                   .kinds = &mix_kinds,
                                   .help = ""},
                                  KEY_END};

static double best_time(const struct Dataset *dataset, const struct Preprocess *preprocess,
                        const char *text, float *images, float *targets) {
    struct Error error;
    struct RunFile *file;
    struct Lists lists = {0};
    struct Loader *loader;
    struct LoaderRequest request = {.dataset = dataset,
                                    .split = dataset->splits,
                                    .preprocess = preprocess,
                                    .augment = &lists.augment,
                                    .mix = &lists.mix,
                                    .seed = 1,
                                    .shuffle = true};
    if (runfile_parse(&file, "bench", text, NULL, 0, keys, &lists, &error) ||
        loader_create(&loader, &request, &error)) {
        fprintf(stderr, "bench_augment: %s\n", error.text);
        exit(1);
    }
    double best = 1e9;
    for (int round = 0; round < ROUNDS; round++) {
        double start = clock_seconds();
        loader_fill(loader, round, 0, COUNT, images, targets, NULL);
        double seconds = (clock_seconds() - start) / COUNT;
        best = seconds < best ? seconds : best;
    }
    loader_release(loader);
    runfile_release(file);
    return best * 1e6;
}

static void print_kinds(const char *list, const struct KindTable *table,
                        const struct Dataset *dataset, const struct Preprocess *preprocess,
                        float *images, float *targets, double alone, double budget) {
    for (int i = 0; table->kinds[i]; i++) {
        char text[200];
        snprintf(text, sizeof text, "%s: [%s]", list, table->kinds[i]->name);
        double cost = best_time(dataset, preprocess, text, images, targets) - alone;
        printf("%-14s %8.2f us %7.2f %%\n", table->kinds[i]->name, cost, 100 * cost / budget);
    }
}

int main(int count, char **words) {
    double rate = count > 1 ? atof(words[1]) : 243, ranks = count > 2 ? atof(words[2]) : 2;
    double budget = 0.05 * ranks / rate * 1e6;
    int64_t elements = SIDE * SIDE * CHANNELS;
    uint8_t *pixels = memory_array(uint8_t, COUNT * elements, "images");
    int32_t *labels = memory_array(int32_t, COUNT, "labels");
    float *images = memory_array(float, COUNT *elements, "images");
    float *targets = memory_array(float, COUNT *CLASSES, "targets");
    float mean[CHANNELS] = {120, 110, 100}, factor[CHANNELS] = {0.01f, 0.02f, 0.03f};
    struct RandomStream stream = random_stream(1, RANDOM_TEST, 0, 0, 0);
    for (int64_t i = 0; i < COUNT * elements; i++)
        pixels[i] = (uint8_t)random_word(&stream, (uint64_t)i);
    struct Split split = {.count = COUNT, .bytes = true, .images = pixels, .labels = labels};
    struct Dataset dataset = {.height = SIDE,
                              .width = SIDE,
                              .channels = CHANNELS,
                              .targets.count = CLASSES,
                              .split_count = 1,
                              .splits = &split};
    struct Preprocess preprocess = {.height = SIDE,
                                    .width = SIDE,
                                    .channels = CHANNELS,
                                    .mean_count = CHANNELS,
                                    .mean = mean,
                                    .factor = factor};
    double alone = best_time(&dataset, &preprocess, "augment: []", images, targets);
    printf("one image of 32x32x3; budget %.0f us: 5 %% of %.0f ranks at %.0f images/s\n", budget,
           ranks, rate);
    printf("%-14s %8.2f us\n", "loader alone", alone);
    print_kinds("augment", &augment_kinds, &dataset, &preprocess, images, targets, alone, budget);
    print_kinds("mix", &mix_kinds, &dataset, &preprocess, images, targets, alone, budget);
    char all[1000] = "augment: [";
    for (int i = 0; augment_kinds.kinds[i]; i++)
        snprintf(all + strlen(all), sizeof all - strlen(all), "%s%s", i ? ", " : "",
                 augment_kinds.kinds[i]->name);
    strcat(all, "]");
    double together = best_time(&dataset, &preprocess, all, images, targets) - alone;
    printf("%-14s %8.2f us %7.2f %%\n", "all at once", together, 100 * together / budget);
    memory_release(pixels);
    memory_release(labels);
    memory_release(images);
    memory_release(targets);
    return 0;
}
