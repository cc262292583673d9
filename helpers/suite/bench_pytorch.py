"""The small ResNet of `helpers.network.networks` in PyTorch, to measure both on one machine (`make bench`); PyTorch is optional."""

from collections.abc import Callable

import numpy as np
import torch
from torch import nn

from helpers.base.settings import Profile
from helpers.network.networks import BLOCKS_PER_STAGE, FIRST_STRIDE, STAGES


def step(images: np.ndarray, labels: np.ndarray, *, profile: Profile, channels_last: bool) -> Callable[[], object]:
    """A training step on one batch: forward, backward, clipping, AdamW.

    Parameters
    ----------
    images : np.ndarray [shape=(batch, height, width, 1), dtype=float32]
        From 0 to 255.
    labels : np.ndarray [shape=(batch, classes), dtype=float32]
    profile : Profile
    channels_last : bool
        How the maps lie in memory.
    """
    torch.manual_seed(profile.seed)
    layout = torch.channels_last if channels_last else torch.contiguous_format
    model = SmallResNet(images.shape[1], labels.shape[1], profile.base_channels, profile.dropout).to(memory_format=layout).train()
    pictures = torch.from_numpy(images.transpose(0, 3, 1, 2).copy()).to(memory_format=layout)
    targets = torch.from_numpy(labels)
    optimizer = torch.optim.AdamW(model.parameters(), lr=profile.learning_rate, weight_decay=profile.weight_decay)
    loss_of = nn.CrossEntropyLoss(label_smoothing=profile.label_smoothing)

    def one() -> float:
        optimizer.zero_grad()
        loss = loss_of(model(pictures), targets)
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        return loss.item()

    return one


class SmallResNet(nn.Module):
    """Layer by layer as `networks.build("small_resnet")`."""

    def __init__(self, height: int, classes: int, base_channels: int, dropout: float):
        super().__init__()
        self.bands = nn.BatchNorm1d(height, affine=False)
        self.first = nn.Sequential(convolution(1, base_channels, size=5, stride=FIRST_STRIDE), nn.ReLU(), nn.MaxPool2d(2))
        channels, blocks = base_channels, []
        for stage in range(STAGES):
            for block in range(BLOCKS_PER_STAGE):
                wider = base_channels * 2**stage
                blocks.append(Block(channels, wider, stride=2 if stage > 0 and block == 0 else 1))
                channels = wider
        self.blocks = nn.Sequential(*blocks)
        self.head = nn.Sequential(nn.Dropout(dropout), nn.Linear(channels, classes))

    def forward(self, pictures: torch.Tensor) -> torch.Tensor:
        """Logits [shape=(batch, classes)] of pictures [shape=(batch, 1, height, width), 0 to 255]."""
        x = self.bands(pictures[:, 0] / 255).unsqueeze(1)
        return self.head(self.blocks(self.first(x)).mean((2, 3)))


class Block(nn.Module):
    """A residual block, as `networks.residual_block`."""

    def __init__(self, channels: int, wider: int, *, stride: int):
        super().__init__()
        self.inside = nn.Sequential(convolution(channels, wider, stride=stride), nn.ReLU(), convolution(wider, wider))
        same = stride == 1 and channels == wider
        self.skip = nn.Identity() if same else convolution(channels, wider, size=1, stride=stride)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """The sum of block and skip connection, rectified."""
        return torch.relu(self.inside(x) + self.skip(x))


def convolution(channels: int, wider: int, *, size: int = 3, stride: int | tuple[int, int] = 1) -> nn.Sequential:
    """A convolution and batch normalisation."""
    return nn.Sequential(nn.Conv2d(channels, wider, size, stride, size // 2, bias=False), nn.BatchNorm2d(wider, momentum=0.03))
