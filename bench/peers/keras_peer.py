#!/usr/bin/env python3
"""Keras on TensorFlow for compare.py: one process with several threads, which is the fastest way that Keras has on one
machine; in bf16 with the policy mixed_bfloat16. Random bytes are normalised in every step, as a real run does.

    keras_peer.py MODEL --work train --type fp32 --threads 2 --batch 256

window.py says how it is spoken to: `echo 5 | keras_peer.py mlp` runs a window of 5 seconds."""
import os

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import numpy as np  # noqa: E402 (after the environment is set)
import tensorflow as tf  # noqa: E402
from tensorflow import keras  # noqa: E402

import window  # noqa: E402

layers = keras.layers
BATCHES = 4  # of different images


def conv(x, outputs, kernel=3, stride=1):
    """A convolution; with a stride PyTorch and the trainer pad both sides alike, which "same" does not."""
    padding = "same"
    if stride > 1 and kernel > 1:
        x, padding = layers.ZeroPadding2D(kernel // 2)(x), "valid"
    return layers.Conv2D(outputs, kernel, stride, padding, use_bias=False)(x)


def norm(x):
    return layers.BatchNormalization(momentum=0.9, epsilon=1e-5)(x)


def conv_norm(x, *shape):
    return norm(conv(x, *shape))


def conv_norm_relu(x, *shape):
    return layers.ReLU()(conv_norm(x, *shape))


def pad_shortcut(x, channels):
    x = layers.AveragePooling2D(1, 2)(x)
    zeros = keras.ops.zeros_like(x[..., :channels // 2])
    return layers.Concatenate()([zeros, x, zeros])


def resnet20(x):
    x, inputs = conv_norm_relu(x, 16), 16
    for width in (16, 32, 64):
        for _ in range(3):
            stride = 1 if width == inputs else 2
            body = conv_norm(conv_norm_relu(x, width, 3, stride), width)
            shortcut = pad_shortcut(x, width - inputs) if stride == 2 else x
            x, inputs = layers.ReLU()(layers.Add()([body, shortcut])), width
    return layers.Dense(10)(layers.GlobalAveragePooling2D()(x))


def smallcnn(x):
    for width in (64, 128, 256):
        x = layers.MaxPooling2D()(conv_norm_relu(conv_norm_relu(x, width), width))
    return layers.Dense(10)(layers.Dropout(0.5)(layers.Flatten()(x)))


def mlp(x):
    x = layers.Flatten()(x)
    for _ in range(3):
        x = layers.Dropout(0.5)(layers.ReLU()(norm(layers.Dense(1024, use_bias=False)(x))))
    return layers.Dense(10)(x)


def vgg11(x):
    for widths in ((64,), (128,), (256, 256), (512, 512), (512, 512)):
        for width in widths:
            x = conv_norm_relu(x, width)
        x = layers.MaxPooling2D()(x)
    x = layers.Dropout(0.5)(layers.Dense(1024, activation="relu")(layers.Flatten()(x)))
    return layers.Dense(200)(x)


def wrn16_4(x):
    x = conv(x, 16)
    for width, stride in ((64, 1), (128, 2), (256, 2)):
        x = layers.ReLU()(norm(x))
        x = layers.Add()([conv(conv_norm_relu(x, width, 3, stride), width), conv(x, width, 1, stride)])
        body = conv_norm_relu(layers.ReLU()(norm(x)), width)
        x = layers.Add()([conv(body, width), x])
    return layers.Dense(10)(layers.GlobalAveragePooling2D()(layers.ReLU()(norm(x))))


def resnet50(x):
    x = layers.MaxPooling2D(3, 2)(layers.ZeroPadding2D(1)(conv_norm_relu(x, 64, 7, 2)))
    for width, blocks in ((64, 3), (128, 4), (256, 6), (512, 3)):
        for block in range(blocks):
            stride = 2 if block == 0 and width > 64 else 1
            body = conv_norm_relu(conv_norm_relu(x, width, 1), width, 3, stride)
            shortcut = conv_norm(x, 4 * width, 1, stride) if block == 0 else x
            x = layers.ReLU()(layers.Add()([conv_norm(body, 4 * width, 1), shortcut]))
    return layers.Dense(1000)(layers.GlobalAveragePooling2D()(x))


MODELS = dict(resnet20=(resnet20, 32, 10), smallcnn=(smallcnn, 32, 10), mlp=(mlp, 32, 10), vgg11=(vgg11, 64, 200),
              wrn16_4=(wrn16_4, 32, 10), resnet50=(resnet50, 224, 1000))


def make_step(arguments):
    """The function that makes one step."""
    create, side, classes = MODELS[arguments.model]
    image = keras.Input((side, side, 3))
    model = keras.Model(image, create(image))
    optimizer = keras.optimizers.SGD(0.01, momentum=0.9, nesterov=True)
    loss_of = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    images = np.random.randint(0, 256, (BATCHES, arguments.batch, side, side, 3), np.uint8)
    labels = np.random.randint(0, classes, (BATCHES, arguments.batch))
    images, labels = [tf.constant(one) for one in images], [tf.constant(one) for one in labels]

    def normalised(batch):
        return (tf.cast(batch, tf.float32) - 120.0) * (1 / 64.0)

    @tf.function
    def train(batch, label):
        with tf.GradientTape() as tape:
            loss = loss_of(label, tf.cast(model(normalised(batch), training=True), tf.float32))
        weights = model.trainable_variables
        optimizer.apply_gradients(zip(tape.gradient(loss, weights), weights))
        return loss

    @tf.function
    def predict(batch, label):
        del label
        return model(normalised(batch), training=False)

    call, turn = train if arguments.work == "train" else predict, 0

    def step():
        nonlocal turn
        turn = (turn + 1) % BATCHES
        call(images[turn], labels[turn]).numpy()

    return step


def main():
    arguments = window.parser_of(__doc__, MODELS, threads=2, batch=256).parse_args()
    tf.config.threading.set_intra_op_parallelism_threads(arguments.threads)
    tf.config.threading.set_inter_op_parallelism_threads(1)
    if arguments.type == "bf16":
        keras.mixed_precision.set_global_policy("mixed_bfloat16")
    window.serve(make_step(arguments), arguments.batch, f"TensorFlow {tf.__version__}", arguments.warm_up)


if __name__ == "__main__":
    main()
