/* A decoded picture in memory, the form in which a caller wants it, and the sizes that are
 * accepted. */
#ifndef TRAINER_PICTURES_PICTURE_H
#define TRAINER_PICTURES_PICTURE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

struct Picture {
    int64_t height, width, channels;
    bool floats;  /* the values are float; else uint8 */
    void *values; /* (height, width, channels); release with memory_release */
};

/* What becomes of values of up to 16 bits when they become floats. Values of 32 bits, with a sign,
 * or with a fraction are never scaled: nothing says what their range is. */
enum PictureScale {
    PICTURE_SCALE_BYTE, /* 0 … 255, whatever the depth: 16 bits are divided by 257 */
    PICTURE_SCALE_UNIT, /* 0 … 1 */
    PICTURE_SCALE_NONE, /* as the file has them */
    PICTURE_SCALES
};
extern const char *const picture_scale_names[PICTURE_SCALES];

struct PictureForm {
    /* 1: grey, 3: RGB, 2 and 4: the same with opacity. Any other number, and any picture whose
     * samples are neither grey nor colours: all that the picture has, which must be that many. */
    int64_t channels;
    bool floats; /* else uint8: 16 bits become 8, rounded */
    enum PictureScale scale;
};

/* What a file says of itself. */
struct PictureFacts {
    const char *format;    /* "JPEG" */
    int64_t height, width; /* as it is shown, after its orientation */
    int64_t channels;      /* 1 or 3; all of them if they are neither grey nor colours */
    bool deep;             /* more than 8 bits a value */
};

/* Larger files and pictures are refused before anything is allocated for them. */
#define PICTURE_MOST_FILE_BYTES ((int64_t)512 << 20)
#define PICTURE_MOST_SIDE 65500
#define PICTURE_MOST_PIXELS ((int64_t)256 << 20)
#define PICTURE_MOST_CHANNELS 1024
#define PICTURE_MOST_BYTES ((int64_t)4 << 30) /* decoded, as stored */

/* ERROR_DATA if a picture that says it has this size is empty, larger than the limits, or too large
 * for this machine's memory. `pixel_bytes`: of a pixel as the file has it. `path` is for the
 * message. */
int picture_check_size(const char *path, int64_t height, int64_t width, int64_t pixel_bytes,
                       struct Error *error);

#endif
