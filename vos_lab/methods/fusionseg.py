"""FusionSeg: an appearance stream, a motion stream, and their fusion; no first mask is needed.

Jain, Xiong and Grauman, "FusionSeg: Learning to Combine Motion and Appearance for Fully Automatic
Segmentation of Generic Objects in Videos", CVPR 2017. One network looks at the frame and finds what
looks like an object. Another looks at optical flow, drawn as a colour image, and finds what moves
unlike its surroundings. Each fails where the other does not: a parked car does not move, and a
camouflaged animal does not look like one.

In the paper both streams are ResNet-101, trained on ImageNet and PASCAL; here they are small
encoder-decoders, trained on procedural videos in minutes, because a laptop has to run them.
"""

import numpy as np
import torch
from torch import nn
from torch.nn import functional

from vos_lab import weights
from vos_lab.exercise import exercise
from vos_lab.flow import estimate, flow_to_rgb, longest_flow
from vos_lab.methods.resolution import label_map, resized, working_size

PIXELS = 120 * 216
"""What the streams look at: they learn at this size, and flow of this size is enough for them."""

STILL = 1.5
"""Pixels: flow shorter than this is drawn pale, so that noise does not look like motion."""


class Stream(nn.Module):
    """One stream: a picture in, for each pixel how much it looks like an object out.

    An encoder halves the picture three times, to see more and more of it at once; a decoder goes
    back up, and at each size takes up again what the encoder saw there, for sharp edges.

    Input ``(N, 3, H, W)`` float32, 0 to 1. Output ``(N, 1, H, W)`` float32, log-odds: above 0 for
    the object. Any H and W.
    """

    def __init__(self, channels: tuple[int, ...] = (8, 24, 48, 96)) -> None:
        super().__init__()
        sizes = list(zip((3, *channels), channels, strict=False))
        self.down = nn.ModuleList(
            block(a, b, stride=1 if i == 0 else 2) for i, (a, b) in enumerate(sizes)
        )
        self.up = nn.ModuleList(convolution(a + b, a) for a, b in sizes[:0:-1])
        self.last = nn.Conv2d(channels[0], 1, 1)

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        """Log-odds of being an object."""
        seen = []
        x = image - 0.5
        for layer in self.down:
            x = layer(x)
            seen.append(x)
        for layer, before in zip(self.up, seen[-2::-1], strict=True):
            x = functional.interpolate(x, before.shape[-2:], mode="bilinear")
            x = layer(torch.cat([before, x], dim=1))
        return self.last(x)


def block(inputs: int, outputs: int, stride: int = 1) -> nn.Sequential:
    """Two convolutions; the first may halve the picture."""
    return nn.Sequential(convolution(inputs, outputs, stride), convolution(outputs, outputs))


def convolution(inputs: int, outputs: int, stride: int = 1) -> nn.Sequential:
    """A 3 x 3 convolution, normalised, and what is below 0 set to 0."""
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, 3, stride, padding=1, bias=False),
        nn.BatchNorm2d(outputs),
        nn.ReLU(inplace=True),
    )


@exercise(minutes=15, difficulty=2, importance=5)
def fuse_streams(
    appearance: torch.Tensor, motion: torch.Tensor, weight: torch.Tensor, bias: torch.Tensor
) -> torch.Tensor:
    """Combine two streams: either is sure, or both agree (Jain et al., CVPR 2017, Section 3.3).

    Args:
        appearance: ``(N, 1, H, W)`` float32, log-odds of the appearance stream.
        motion: the same of the motion stream.
        weight: ``(3,)`` float32, learned: how much to trust appearance, motion, their agreement.
        bias: ``(3,)`` float32, learned: what is added to each; the lower, the surer it must be.

    Returns:
        ``(N, 1, H, W)`` float32, log-odds of being the object.

    Example:
        >>> appearance, motion = torch.tensor([[[[4.0, 4.0]]]]), torch.tensor([[[[-3.0, 2.0]]]])
        >>> fuse_streams(appearance, motion, torch.ones(3), torch.tensor([-5.0, -5.0, -4.0]))
        tensor([[[[-1.,  4.]]]])
    """
    # Step 1: keep what speaks *for* an object; what speaks against it becomes 0.
    appearance, motion = appearance.relu(), motion.relu()
    # Step 2: the third opinion is their product. It is large only where both are large.
    opinions = torch.cat([appearance, motion, appearance * motion], dim=1)
    # Step 3: weigh each opinion and add its bias. (The paper: a 1 x 1 convolution of each.)
    opinions = opinions * weight[:, None, None] + bias[:, None, None]
    # Step 4: the strongest opinion wins.
    return opinions.amax(dim=1, keepdim=True)


class Fusion(nn.Module):
    """The six numbers that are learned once both streams are finished."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.tensor([1.0, 1.0, 0.5]))
        self.bias = nn.Parameter(torch.tensor([-2.0, -2.0, -1.0]))

    def forward(self, appearance: torch.Tensor, motion: torch.Tensor) -> torch.Tensor:
        """Log-odds of being the object."""
        return fuse_streams(appearance, motion, self.weight, self.bias)


def motion_image(frame: np.ndarray, last: np.ndarray) -> np.ndarray:
    """What the motion stream sees: how a frame moved since the last one, as colour.

    Args:
        frame: ``(H, W, 3)`` uint8.
        last: the frame before it, the same.

    Returns:
        ``(H, W, 3)`` uint8. The longest vector has the full colour, unless it is shorter than
        ``STILL``.
    """
    backward = estimate(frame, last, "dis")  # from here to where it was: so motion is minus this
    return flow_to_rgb(-backward, max(longest_flow([backward]), STILL))


def as_input(image: np.ndarray) -> torch.Tensor:
    """An image ``(H, W, 3)`` uint8 as ``(1, 3, H, W)`` float32, 0 to 1."""
    return torch.from_numpy(np.ascontiguousarray(image)).permute(2, 0, 1)[None].float() / 255


class FusionSeg:
    """FusionSeg as a zero-shot Segmenter: everything that stands out is object 1.

    Args:
        streams: "both", or only "appearance" or "motion" to see what one is worth alone.
    """

    zero_shot = True

    def __init__(self, streams: str = "both") -> None:
        if streams not in ("both", "appearance", "motion"):
            raise ValueError(f"streams is 'both', 'appearance' or 'motion', not {streams!r}")
        self.name = "fusionseg" if streams == "both" else f"fusionseg ({streams})"
        self.streams = streams
        self.appearance = weights.load_into(Stream(), "fusionseg-appearance")
        self.motion = weights.load_into(Stream(), "fusionseg-motion")
        self.fusion = weights.load_into(Fusion(), "fusionseg-fusion")

    def start(self, frame: np.ndarray, mask: np.ndarray | None = None) -> None:
        """Begin; a mask is not used."""
        self.size = working_size(frame.shape, PIXELS)
        self.last = resized(frame, self.size)
        self.started = False

    def step(self, frame: np.ndarray) -> np.ndarray:
        """Find the object in one more frame."""
        small = resized(frame, self.size)
        with torch.inference_mode():
            score = self._score(small)
        self.last, self.started = small, True
        return label_map({1: score.sigmoid()[0, 0].numpy()}, frame.shape[:2])

    def _score(self, small: np.ndarray) -> torch.Tensor:
        appearance = self.appearance(as_input(small))
        # The first frame has no frame before it, so nothing is known about its motion.
        if self.streams == "appearance" or (self.streams == "both" and not self.started):
            return appearance
        motion = self.motion(as_input(motion_image(small, self.last)))
        return motion if self.streams == "motion" else self.fusion(appearance, motion)
