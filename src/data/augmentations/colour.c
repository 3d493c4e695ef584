#include "data/augmentations/colour.h"

const struct Key colour_keys[] = {
    {.name = "amount",
     .type = KEY_REAL,
     .offset = offsetof(struct ColourOptions, amount),
     .fallback = "0.4",
     .minimum = 0,
     .maximum = 10,
     .help = "the factor is uniform between max(0, 1 - amount) and 1 + amount"},
    KEY_END};

float colour__factor(const struct ColourOptions *options, const struct AugmentPlace *at) {
    struct RandomStream stream = augment_stream(at);
    double least = fmax(0, 1 - options->amount), most = 1 + options->amount;
    return (float)(least + (most - least) * (double)random_uniform(random_word(&stream, 0)));
}
