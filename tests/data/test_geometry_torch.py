"""Affine maps against PyTorch's affine_grid and grid_sample, resampling against its interpolate, to 1e-5."""
import math
import random
import subprocess

import pytest

torch = pytest.importorskip("torch")
import torch.nn.functional as F

from support.program import built

TOLERANCE = 1e-5
TURN, SLOPE = math.radians(23), math.tan(math.radians(12))
MAPS = {
    "identity": [1, 0, 0, 0, 1, 0],
    "translation": [1, 0, 2.25, 0, 1, -1.7],
    "rotation": [math.cos(TURN), -math.sin(TURN), 0, math.sin(TURN), math.cos(TURN), 0],
    "shear": [1, SLOPE, 0, -SLOPE, 1, 0],
    **{f"random map {number}": None for number in range(5)},
}
BOXES = [  # size of the image; top, left, height, width of the box; size that comes out
    ((32, 32, 3), (3, 5, 20, 11), (32, 32)),
    ((32, 32, 3), (0, 0, 32, 32), (13, 9)),
    ((40, 30, 1), (7, 0, 33, 29), (8, 64)),
    ((64, 48, 3), (1, 2, 60, 45), (10, 10)),
    ((5, 9, 2), (0, 0, 5, 9), (5, 9)),
    ((6, 6, 3), (2, 3, 1, 2), (7, 5)),
    ((300, 7, 1), (0, 0, 300, 7), (1, 1)),
]


@pytest.fixture
def draw_image(request, seed):
    """A function that draws an image, which depends on the seed and on the test's name."""
    generator = torch.Generator().manual_seed(random.Random(f"{seed} {request.node.name}").getrandbits(32))
    return lambda size: torch.rand(size, generator=generator)


def ours(words, image, size):
    """`image` is (height, width, channels)."""
    words = [built("data/move_pixels"), *words, *image.shape]
    found = subprocess.run([str(word) for word in words], input=image.numpy().tobytes(), check=True,
                           capture_output=True).stdout
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


def largest_difference(found, expected):
    assert found.shape == expected.shape
    return (found.double() - expected).abs().max().item()


@pytest.mark.parametrize("fill, padding", ((0, "zeros"), (1, "border")))
@pytest.mark.parametrize("size", ((32, 32, 3), (7, 12, 1), (9, 5, 4)), ids=str)
@pytest.mark.parametrize("name", MAPS)
def test_affine_maps_are_pytorchs(draw_image, rng, name, size, fill, padding):
    m = MAPS[name] or [diagonal + 0.4 * rng.gauss(0, 1) for diagonal in MAPS["identity"]]
    image = draw_image(size)
    found = ours(["affine", fill, *(f"{value:.17g}" for value in m)], image, size[:2])
    assert largest_difference(found, affine(image, m, padding)) <= TOLERANCE


@pytest.mark.parametrize("size, box, out", BOXES, ids=[f"{box[2]}x{box[3]} of {size} as {out}"
                                                      for size, box, out in BOXES])
def test_resampling_a_box_is_pytorchs(draw_image, size, box, out):
    image = draw_image(size)
    top, left, height, width = box
    crop = batch(image)[:, :, top:top + height, left:left + width]
    expected = unbatch(F.interpolate(crop, size=out, mode="bilinear", align_corners=False, antialias=True))
    assert largest_difference(ours(["resample", *box, *out], image, out), expected) <= TOLERANCE
