/* Pictures: in colour as bytes, and as floats with all their channels. */
#include "base/memory.h"
#include "fuzz/target.h"
#include "pictures/picture_decode.h"

static int decode(const char *path, const struct PictureForm *form, XXH3_state_t *answer,
                  struct Error *error) {
    struct Picture picture = {0};
    int code = picture_decode_file(path, form, &picture, error);
    if (!code) {
        answer_number(answer, picture.height);
        answer_number(answer, picture.width);
        answer_bytes(answer, picture.values,
                     (size_t)(picture.height * picture.width * picture.channels) *
                         (picture.floats ? sizeof(float) : 1));
    }
    memory_release(picture.values);
    return code;
}

static int read_picture(const char *path, XXH3_state_t *answer, struct Error *error) {
    struct PictureFacts facts;
    struct Error other = {0};
    int code = picture_examine_file(path, &facts, error);
    if (code)
        return code;
    const struct PictureForm colour = {.channels = 3};
    const struct PictureForm floats = {
        .channels = facts.channels, .floats = true, .scale = PICTURE_SCALE_UNIT};
    int first = decode(path, &colour, answer, error),
        second = decode(path, &floats, answer, &other);
    return first && second ? first : OK;
}

const struct FuzzTarget fuzz_target = {.read = read_picture};
