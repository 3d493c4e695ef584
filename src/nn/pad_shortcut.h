/* Options of the internal layer pad_shortcut, made by the container `residual`. Inside nn/ only. */
#ifndef TRAINER_NN_PAD_SHORTCUT_H
#define TRAINER_NN_PAD_SHORTCUT_H

#include <stdint.h>

struct PadShortcutOptions {
    int64_t stride, channels; /* of the output */
};

#endif
