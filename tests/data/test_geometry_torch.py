#!/usr/bin/env python3
"""Affine maps against PyTorch's affine_grid and grid_sample, resampling against its interpolate, to 1e-5.

usage: test_geometry_torch.py MOVE_PIXELS      (skips where torch is absent)
"""
import math
import os
import subprocess
import sys

sys.path.append(os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
from torch_python import need

need("torch")
import torch

import torch.nn.functional as F

torch.manual_seed(1)


def ours(words, image, size):
    """`image` is (height, width, channels)."""
    words = [sys.argv[1], *words, *image.shape]
    found = subprocess.run([str(word) for word in words], input=image.numpy().tobytes(), check=True, capture_output=True).stdout
    return torch.frombuffer(bytearray(found), dtype=torch.float32).reshape(*size, image.shape[2])


def batch(image):
    return image.permute(2, 0, 1)[None].double()


def unbatch(images):
    return images[0].permute(1, 2, 0)


def affine(image, m, padding):
    """grid_sample counts in half sides: x of the grid is x in pixels over width / 2."""
    height, width, _ = image.shape
    theta = torch.tensor([[m[0], m[1] * height / width, m[2] * 2 / width],
                          [m[3] * width / height, m[4], m[5] * 2 / height]], dtype=torch.float64)
    images = batch(image)
    grid = F.affine_grid(theta[None], images.shape, align_corners=False)
    return unbatch(F.grid_sample(images, grid, mode="bilinear", padding_mode=padding, align_corners=False))


def maps():
    turn, slope = math.radians(23), math.tan(math.radians(12))
    yield "identity", [1, 0, 0, 0, 1, 0]
    yield "translation", [1, 0, 2.25, 0, 1, -1.7]
    yield "rotation", [math.cos(turn), -math.sin(turn), 0, math.sin(turn), math.cos(turn), 0]
    yield "shear", [1, slope, 0, -slope, 1, 0]
    for i in range(5):
        yield f"random map {i}", (torch.tensor([1, 0, 0, 0, 1, 0]) + 0.4 * torch.randn(6)).tolist()


def main():
    failed = 0

    def judge(what, found, expected):
        nonlocal failed
        error = (found.double() - expected).abs().max().item()
        good = found.shape == expected.shape and error <= 1e-5
        failed += not good
        print("ok  " if good else "FAIL", f"{error:.1e}", what)

    for size in ((32, 32, 3), (7, 12, 1), (9, 5, 4)):
        image = torch.rand(size)
        for name, m in maps():
            for fill, padding in ((0, "zeros"), (1, "border")):
                judge(f"{name}, {padding}, {size}", ours(["affine", fill, *(f"{v:.17g}" for v in m)], image, size[:2]),
                      affine(image, m, padding))
    boxes = [((32, 32, 3), (3, 5, 20, 11), (32, 32)), ((32, 32, 3), (0, 0, 32, 32), (13, 9)), ((40, 30, 1), (7, 0, 33, 29), (8, 64)),
             ((64, 48, 3), (1, 2, 60, 45), (10, 10)), ((5, 9, 2), (0, 0, 5, 9), (5, 9)), ((6, 6, 3), (2, 3, 1, 2), (7, 5)), ((300, 7, 1), (0, 0, 300, 7), (1, 1))]
    for size, (top, left, height, width), out in boxes:
        image = torch.rand(size)
        crop = batch(image)[:, :, top:top + height, left:left + width]
        expected = unbatch(F.interpolate(crop, size=out, mode="bilinear", align_corners=False, antialias=True))
        judge(f"box {height}x{width} of {size} as {out}", ours(["resample", top, left, height, width, *out], image, out), expected)
    return failed > 0


if __name__ == "__main__":
    sys.exit(main())
