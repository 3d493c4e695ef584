"""The models of compare.py in PyTorch, each with the (channels, height, width) of an image and its number of
classes."""
from torch import nn
from torch.nn import functional


def conv(inputs, outputs, kernel=3, stride=1):
    return nn.Conv2d(inputs, outputs, kernel, stride, kernel // 2, bias=False)


def conv_norm(inputs, outputs, kernel=3, stride=1):
    return [conv(inputs, outputs, kernel, stride), nn.BatchNorm2d(outputs)]


def conv_norm_relu(*shape):
    return [*conv_norm(*shape), nn.ReLU(inplace=True)]


class PadShortcut(nn.Module):
    """Option A of He et al. 2015: every other pixel, and zero channels on both sides."""

    def __init__(self, channels):
        super().__init__()
        self.before = channels // 2
        self.after = channels - self.before

    def forward(self, x):
        return functional.pad(x[:, :, ::2, ::2], (0, 0, 0, 0, self.before, self.after))


class Residual(nn.Module):
    """body(x) + shortcut(x), and a ReLU after it unless the network normalises first."""

    def __init__(self, body, shortcut=None, relu=True):
        super().__init__()
        self.body = nn.Sequential(*body)
        self.shortcut = nn.Sequential(*shortcut) if shortcut else nn.Identity()
        self.after = nn.ReLU(inplace=True) if relu else nn.Identity()

    def forward(self, x):
        return self.after(self.body(x) + self.shortcut(x))


def resnet20():
    layers, inputs = conv_norm_relu(3, 16), 16
    for width in (16, 32, 64):
        for _ in range(3):
            stride = 1 if width == inputs else 2
            body = [*conv_norm_relu(inputs, width, 3, stride), *conv_norm(width, width)]
            layers.append(Residual(body, [PadShortcut(width - inputs)] if stride == 2 else None))
            inputs = width
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(64, 10))


def smallcnn():
    layers, inputs = [], 3
    for width in (64, 128, 256):
        layers += [*conv_norm_relu(inputs, width), *conv_norm_relu(width, width), nn.MaxPool2d(2)]
        inputs = width
    return nn.Sequential(*layers, nn.Flatten(), nn.Dropout(0.5), nn.Linear(4 * 4 * 256, 10))


def mlp():
    layers, inputs = [nn.Flatten()], 3072
    for _ in range(3):
        layers += [nn.Linear(inputs, 1024, bias=False), nn.BatchNorm1d(1024), nn.ReLU(inplace=True), nn.Dropout(0.5)]
        inputs = 1024
    return nn.Sequential(*layers, nn.Linear(inputs, 10))


def vgg11():
    layers, inputs = [], 3
    for widths in ((64,), (128,), (256, 256), (512, 512), (512, 512)):
        for width in widths:
            layers += conv_norm_relu(inputs, width)
            inputs = width
        layers.append(nn.MaxPool2d(2))
    return nn.Sequential(*layers, nn.Flatten(), nn.Linear(2 * 2 * 512, 1024), nn.ReLU(inplace=True), nn.Dropout(0.5),
                         nn.Linear(1024, 200))


def wrn16_4():
    layers, inputs = [conv(3, 16)], 16
    for width, stride in ((64, 1), (128, 2), (256, 2)):
        layers += [nn.BatchNorm2d(inputs), nn.ReLU(inplace=True)]
        layers.append(Residual([*conv_norm_relu(inputs, width, 3, stride), conv(width, width)],
                               [conv(inputs, width, 1, stride)], relu=False))
        layers.append(Residual([nn.BatchNorm2d(width), nn.ReLU(), *conv_norm_relu(width, width), conv(width, width)],
                               relu=False))
        inputs = width
    return nn.Sequential(*layers, nn.BatchNorm2d(inputs), nn.ReLU(inplace=True), nn.AdaptiveAvgPool2d(1), nn.Flatten(),
                         nn.Linear(inputs, 10))


def resnet50():
    layers = [*conv_norm_relu(3, 64, 7, 2), nn.MaxPool2d(3, 2, 1)]
    inputs = 64
    for width, blocks in ((64, 3), (128, 4), (256, 6), (512, 3)):
        for block in range(blocks):
            stride = 2 if block == 0 and width > 64 else 1
            body = [*conv_norm_relu(inputs, width, 1), *conv_norm_relu(width, width, 3, stride),
                    *conv_norm(width, 4 * width, 1)]
            layers.append(Residual(body, conv_norm(inputs, 4 * width, 1, stride) if block == 0 else None))
            inputs = 4 * width
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(inputs, 1000))


MODELS = dict(resnet20=(resnet20, (3, 32, 32), 10), smallcnn=(smallcnn, (3, 32, 32), 10), mlp=(mlp, (3, 32, 32), 10),
              vgg11=(vgg11, (3, 64, 64), 200), wrn16_4=(wrn16_4, (3, 32, 32), 10),
              resnet50=(resnet50, (3, 224, 224), 1000))
