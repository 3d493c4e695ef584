/* Transforms an image with the functions that augmentations use, for test_geometry_torch.py:
 *
 *   move_pixels affine FILL M0 … M5 HEIGHT WIDTH CHANNELS < PIXELS
 *   move_pixels resample TOP LEFT BOX_HEIGHT BOX_WIDTH OUT_HEIGHT OUT_WIDTH HEIGHT WIDTH CHANNELS
 *
 * Pixels are float32, (height, width, channels), on stdin and stdout. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "data/augmentations/affine.h"
#include "data/resample.h"

static float *pixels_of(const struct Image *image) {
    return memory_array(float, image_elements(image), "pixels");
}

int main(int count, char **words) {
    if (count != 12 && count != 11)
        return 2;
    bool affine = !strcmp(words[1], "affine");
    struct Image in = {atoll(words[count - 3]), atoll(words[count - 2]), atoll(words[count - 1]),
                       NULL, 0};
    struct Image out = in;
    if (!affine) {
        out.height = atoll(words[6]);
        out.width = atoll(words[7]);
    }
    in.pixels = pixels_of(&in);
    out.pixels = pixels_of(&out);
    if (fread(in.pixels, sizeof(float), (size_t)image_elements(&in), stdin) !=
        (size_t)image_elements(&in))
        return 2;
    if (affine) {
        double m[6];
        for (int i = 0; i < 6; i++)
            m[i] = atof(words[3 + i]);
        affine__apply(m, (enum AffineFill)atoi(words[2]), &in, &out);
    } else {
        const struct Box box = {atoll(words[2]), atoll(words[3]), atoll(words[4]), atoll(words[5])};
        struct Resampler *resampler = resample__create(&in, &out);
        resample__image(resampler, &in, &box, &out);
        memory_release(resampler);
    }
    fwrite(out.pixels, sizeof(float), (size_t)image_elements(&out), stdout);
    memory_release(in.pixels);
    memory_release(out.pixels);
    return 0;
}
