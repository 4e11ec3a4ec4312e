"""W2 in PyTorch: a map-style Dataset over a uint8 tensor, transforms as callables, a DataLoader that shuffles.

The rectangle becomes float32 first, for F.interpolate blends floats; flip and normalise follow in place where they can.
Run with: pixels, samples, batch size, number of workers.
"""

import math
import random
import sys

import numpy as np
import torch
import torch.nn.functional as F
from torch.utils.data import DataLoader, Dataset

from turns import turns

SIDE, SIZE = 256, 224
SCALE, RATIO = (0.55, 0.61), (1, 1.1)
MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


class RandomResizedCrop:
    def __init__(self, size, scale, ratio):
        self.size = size
        self.scale = scale
        self.ratio = tuple(map(math.log, ratio))

    def __call__(self, image):
        _, rows, columns = image.shape
        area = rows * columns * random.uniform(*self.scale)
        ratio = math.exp(random.uniform(*self.ratio))
        width = min(round(math.sqrt(area * ratio)), columns)
        height = min(round(math.sqrt(area / ratio)), rows)
        top = random.randrange(rows - height + 1)
        left = random.randrange(columns - width + 1)
        crop = image[:, top : top + height, left : left + width].to(torch.float32)
        return F.interpolate(crop[None], size=(self.size, self.size), mode="bilinear", align_corners=False)[0]


class RandomHorizontalFlip:
    def __call__(self, image):
        return image.flip(-1) if random.random() < 0.5 else image


class Normalize:
    """Of bytes as floats, so the division by 255 is part of it."""

    def __init__(self, mean, std):
        self.mean = 255 * torch.tensor(mean).reshape(3, 1, 1)
        self.std = 255 * torch.tensor(std).reshape(3, 1, 1)

    def __call__(self, image):
        return image.sub_(self.mean).div_(self.std)


class Images(Dataset):
    def __init__(self, images, transforms):
        self.images = images
        self.transforms = transforms

    def __len__(self):
        return len(self.images)

    def __getitem__(self, index):
        image = self.images[index]
        for transform in self.transforms:
            image = transform(image)
        return image


HAND_WRITTEN = [RandomResizedCrop(SIZE, SCALE, RATIO), RandomHorizontalFlip(), Normalize(MEAN, STD)]


def main(transforms, path, samples, batch, workers):
    pixels = np.fromfile(path, dtype=np.uint8).reshape(samples, SIDE, SIDE, 3)
    images = torch.from_numpy(pixels).permute(0, 3, 1, 2).contiguous()
    loader = DataLoader(
        Images(images, transforms),
        batch_size=batch,
        shuffle=True,
        num_workers=workers,
        persistent_workers=workers > 0,
    )

    def epoch():
        seen = 0
        for images in loader:
            seen += len(images)
        return seen

    turns(epoch)


if __name__ == "__main__":
    main(HAND_WRITTEN, sys.argv[1], *map(int, sys.argv[2:]))
