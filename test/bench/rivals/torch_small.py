"""W1 as PyTorch's tutorials write it: a map-style Dataset, transforms as callables, a DataLoader that shuffles.

Transforms work on tensors and draw from `random`, which costs less than torch.randint and which DataLoader seeds in
every worker. Workers persist from epoch to epoch. Run with: pixels, samples, batch size, number of workers.
"""

import random
import sys

import numpy as np
import torch
import torch.nn.functional as F
from torch.utils.data import DataLoader, Dataset

from turns import turns

SIDE, PADDING, MEAN, STD = 28, 4, 0.1307, 0.3081


class RandomCrop:
    def __init__(self, size, padding):
        self.size = size
        self.padding = padding

    def __call__(self, image):
        image = F.pad(image, [self.padding] * 4)
        top = random.randrange(image.shape[1] - self.size + 1)
        left = random.randrange(image.shape[2] - self.size + 1)
        return image[:, top : top + self.size, left : left + self.size]


class RandomHorizontalFlip:
    def __call__(self, image):
        return image.flip(-1) if random.random() < 0.5 else image


class ToFloat:
    def __call__(self, image):
        return image.to(torch.float32).div_(255)


class Normalize:
    def __init__(self, mean, std):
        self.mean = mean
        self.std = std

    def __call__(self, image):
        return image.sub_(self.mean).div_(self.std)


class Digits(Dataset):
    def __init__(self, images, labels, transforms):
        self.images = images
        self.labels = labels
        self.transforms = transforms

    def __len__(self):
        return len(self.images)

    def __getitem__(self, index):
        image = self.images[index]
        for transform in self.transforms:
            image = transform(image)
        return image, self.labels[index]


HAND_WRITTEN = [RandomCrop(SIDE, PADDING), RandomHorizontalFlip(), ToFloat(), Normalize(MEAN, STD)]


def main(transforms, path, samples, batch, workers):
    pixels = np.fromfile(path, dtype=np.uint8).reshape(samples, 1, SIDE, SIDE)
    images = torch.from_numpy(pixels)
    labels = [index % 10 for index in range(samples)]
    loader = DataLoader(
        Digits(images, labels, transforms),
        batch_size=batch,
        shuffle=True,
        num_workers=workers,
        persistent_workers=workers > 0,
    )

    def epoch():
        seen = 0
        for images, _ in loader:
            seen += len(images)
        return seen

    turns(epoch)


if __name__ == "__main__":
    main(HAND_WRITTEN, sys.argv[1], *map(int, sys.argv[2:]))
