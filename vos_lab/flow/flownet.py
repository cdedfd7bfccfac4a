"""FlowNet: optical flow learned from examples.

Dosovitskiy, Fischer, Ilg, Häusser, Hazırbaş, Golkov, van der Smagt, Cremers and Brox, "FlowNet:
Learning Optical Flow with Convolutional Networks", ICCV 2015. Both networks of the paper, smaller:
FlowNetS stacks the two images and leaves the rest to learning; FlowNetC looks at each image with
the same branch and compares the two in a correlation layer. Both end in the same refinement.
"""

from collections.abc import Sequence
from functools import cache

import numpy as np
import torch
from torch import nn
from torch.nn import functional

from vos_lab.exercise import exercise
from vos_lab.weights import load_into

# Channels at 1/2, 1/4, 1/8, 1/16 and 1/32 of the size. The paper has 64 to 1024, and 1/64 too.
WIDTHS = (24, 48, 96, 128, 160)
REFINED = (96, 64, 32)  # channels of the up-convolutions to 1/16, 1/8 and 1/4
REACH = 6  # of the correlation layer, in pixels of 1/8 of the size: 48 pixels of the image
SMALLEST = 32  # the sides that the network sees are multiples of this
SLOPE = 0.1  # of the leaky ReLU below 0
UNIT = 20.0  # the network counts in 20 pixels, so that its numbers are about 1


# --- the correlation layer --------------------------------------------------------------------


@exercise(minutes=20, difficulty=4, importance=5)
def correlation(first: torch.Tensor, second: torch.Tensor, reach: int) -> torch.Tensor:
    """How well does each place of the first image match the places around it in the second?

    c(x, d) = 1/C Σ first(x) · second(x + d), for all displacements d of at most ``reach``
    (Dosovitskiy et al., ICCV 2015, Eq. 1, with patches of one pixel and divided by the number of
    channels).

    Args:
        first: features of the first image, ``(N, C, H, W)`` float32.
        second: features of the second image, the same.
        reach: the largest displacement in each direction, pixels of these features.

    Returns:
        ``(N, (2 reach + 1)², H, W)`` float32. Channel ``(dy + reach) (2 reach + 1) + (dx + reach)``
        compares ``first[:, :, y, x]`` with ``second[:, :, y + dy, x + dx]``; 0 where that is
        outside.

    Example:
        >>> features = torch.tensor([[[[0.0, 3.0, 0.0]]]])
        >>> moved_right = torch.tensor([[[[0.0, 0.0, 2.0]]]])
        >>> correlation(features, moved_right, 1)[0, :, 0, 1].reshape(3, 3)
        tensor([[0., 0., 0.],
                [0., 0., 6.],
                [0., 0., 0.]])
    """
    batch, channels, height, width = first.shape
    side = 2 * reach + 1
    # Step 1: put a border of zeros around the second features, so that every place to look at
    # exists.
    padded = functional.pad(second, (reach, reach, reach, reach))
    # Step 2: compare. The score of two places is the mean over the channels of their product. (All
    # places with all places is one matrix product. A loop over the displacements does it too.)
    scores = first.flatten(2).transpose(1, 2) @ padded.flatten(2) / channels
    # Step 3: keep the displacements within reach, with those of the same dy next to each other.
    y, x, step = torch.arange(height), torch.arange(width), torch.arange(side)
    corner = y[:, None] * (width + 2 * reach) + x
    places = corner[..., None, None] + step[:, None] * (width + 2 * reach) + step
    places = places.reshape(1, height * width, side * side).expand(batch, -1, -1)
    return scores.gather(2, places).transpose(1, 2).reshape(batch, side * side, height, width)


# --- the refinement ---------------------------------------------------------------------------


@exercise(minutes=15, difficulty=3, importance=4)
def refine(
    deep: torch.Tensor,
    flow: torch.Tensor,
    skip: torch.Tensor,
    weight: torch.Tensor,
    bias: torch.Tensor,
) -> torch.Tensor:
    """One step of the refinement: what is known at half the size, and what was seen at this one.

    Dosovitskiy et al., ICCV 2015, Fig. 3: the deep features are enlarged by an up-convolution, and
    laid beside the features that the contracting part had at this size and the enlarged coarser
    flow.

    Args:
        deep: features at half the size, ``(N, C, H / 2, W / 2)`` float32.
        flow: the flow predicted there, ``(N, 2, H / 2, W / 2)`` float32, in pixels of the image.
        skip: features of the contracting part at this size, ``(N, S, H, W)`` float32.
        weight: of the up-convolution, ``(C, U, 4, 4)`` float32.
        bias: of the up-convolution, ``(U,)`` float32.

    Returns:
        ``(N, S + U + 2, H, W)`` float32: skip features, enlarged deep features, enlarged flow.

    Example:
        >>> deep, flow, skip = (torch.ones(1, c, s, s) for c, s in ((3, 2), (2, 2), (5, 4)))
        >>> refine(deep, flow, skip, torch.zeros(3, 7, 4, 4), torch.zeros(7)).shape
        torch.Size([1, 14, 4, 4])
    """
    # Step 1: enlarge the deep features: an up-convolution with stride 2 and a padding of 1, then a
    # leaky ReLU with a slope of 0.1.
    enlarged = functional.conv_transpose2d(deep, weight, bias, stride=2, padding=1)
    enlarged = functional.leaky_relu(enlarged, 0.1)
    # Step 2: enlarge the flow, bilinear. Its unit is a pixel of the image, which stays the same.
    finer = functional.interpolate(flow, scale_factor=2.0, mode="bilinear", align_corners=False)
    # Step 3: put all three on one stack, along the channels.
    return torch.cat([skip, enlarged, finer], dim=1)


# --- the loss ---------------------------------------------------------------------------------


@exercise(minutes=15, difficulty=2, importance=4)
def multiscale_epe(
    flows: Sequence[torch.Tensor], truth: torch.Tensor, weights: Sequence[float]
) -> torch.Tensor:
    """The loss of FlowNet: the endpoint error of the flow at every scale.

    L = Σ_s w_s · mean |flow_s - truth_s| (Dosovitskiy et al., ICCV 2015, Section 4 and Fig. 3).

    Args:
        flows: the flow at each scale, ``(N, 2, h, w)`` float32 each, in pixels of the image.
        truth: ``(N, 2, H, W)`` float32, pixels. H and W are multiples of each h and w.
        weights: one for each scale.

    Returns:
        One number, pixels.

    Example:
        >>> truth = torch.zeros(1, 2, 4, 4)
        >>> wrong = torch.tensor([3.0, 4.0]).reshape(1, 2, 1, 1)
        >>> multiscale_epe([truth + wrong, wrong], truth, [1.0, 0.5])
        tensor(7.5000)
    """
    loss = truth.new_zeros(())
    for flow, weight in zip(flows, weights, strict=True):
        # Step 1: shrink the truth to this scale: the mean over each block of pixels.
        small = functional.adaptive_avg_pool2d(truth, (flow.shape[2], flow.shape[3]))
        # Step 2: the endpoint error at each place, its mean, and its weight. (A little under the
        # root keeps the slope finite where the error is 0.)
        error = ((flow - small) ** 2).sum(dim=1).add(1e-12).sqrt()
        loss = loss + weight * error.mean()
    return loss


WEIGHTS = (0.25, 0.25, 0.5, 1.0)
"""Of the scales, from 1/32 to 1/4 of the size, for ``multiscale_epe``."""


# --- the networks -----------------------------------------------------------------------------


class Layer(nn.Conv2d):
    """A convolution that keeps the size (or divides it by the stride) and starts as He et al. do.

    "Delving Deep into Rectifiers", ICCV 2015: so that neither signal nor gradient dies out.
    """

    def __init__(self, inputs: int, outputs: int, kernel: int = 3, stride: int = 1) -> None:
        super().__init__(inputs, outputs, kernel, stride, padding=kernel // 2)
        nn.init.kaiming_normal_(self.weight, SLOPE)
        assert self.bias is not None
        nn.init.zeros_(self.bias)


def rectified(features: torch.Tensor) -> torch.Tensor:
    """The leaky ReLU between all layers."""
    return functional.leaky_relu(features, SLOPE)


class Refinement(nn.Module):
    """The expanding part: from the deepest features to flow at 1/4 of the size."""

    def __init__(self) -> None:
        super().__init__()
        *skips, channels = WIDTHS[1:]
        heads, ups = [self._head(channels)], []
        for width, skip in zip(REFINED, reversed(skips), strict=True):
            ups.append(nn.ConvTranspose2d(channels, width, 4, 2, 1))
            channels = skip + width + 2
            heads.append(self._head(channels))
        self.heads, self.ups = nn.ModuleList(heads), nn.ModuleList(ups)

    @staticmethod
    def _head(channels: int) -> Layer:
        head = Layer(channels, 2)
        nn.init.normal_(head.weight, std=0.01)  # it begins with a flow of nearly zero
        return head

    def forward(self, deep: torch.Tensor, skips: Sequence[torch.Tensor]) -> list[torch.Tensor]:
        """Flow at each scale, the coarsest first, in pixels of the image."""
        flows = [UNIT * self.heads[0](deep).float()]
        for up, head, skip in zip(self.ups, self.heads[1:], skips, strict=True):
            assert isinstance(up, nn.ConvTranspose2d)
            assert up.bias is not None
            deep = refine(deep, flows[-1] / UNIT, skip, up.weight, up.bias)
            flows.append(UNIT * head(deep).float())
        return flows


class FlowNetS(nn.Module):
    """The simple one: both images in one stack of 6 channels; a plain network does the rest."""

    def __init__(self) -> None:
        super().__init__()
        a, b, c, d, e = WIDTHS
        self.conv1, self.conv2 = Layer(6, a, 7, 2), Layer(a, b, 5, 2)
        self.conv3, self.conv3_1 = Layer(b, c, 5, 2), Layer(c, c)
        self.conv4, self.conv4_1 = Layer(c, d, 3, 2), Layer(d, d)
        self.conv5, self.conv5_1 = Layer(d, e, 3, 2), Layer(e, e)
        self.refinement = Refinement()

    def forward(self, first: torch.Tensor, second: torch.Tensor) -> list[torch.Tensor]:
        """Flow at 1/32, 1/16, 1/8 and 1/4 of the size.

        Args:
            first: ``(N, 3, H, W)`` float32 in [0, 1]; H and W are multiples of 32.
            second: the same.

        Returns:
            ``(N, 2, h, w)`` float32 each, the coarsest first, in pixels of the images.
        """
        stack = torch.cat([first, second], dim=1) - 0.5
        at_4 = rectified(self.conv2(rectified(self.conv1(stack))))
        at_8 = rectified(self.conv3_1(rectified(self.conv3(at_4))))
        at_16 = rectified(self.conv4_1(rectified(self.conv4(at_8))))
        at_32 = rectified(self.conv5_1(rectified(self.conv5(at_16))))
        return self.refinement(at_32, (at_16, at_8, at_4))


class FlowNetC(nn.Module):
    """The same branch looks at each image, and a correlation layer compares what they see."""

    def __init__(self) -> None:
        super().__init__()
        a, b, c, d, e = WIDTHS
        self.conv1, self.conv2, self.conv3 = Layer(3, a, 7, 2), Layer(a, b, 5, 2), Layer(b, c, 5, 2)
        self.conv_redir = Layer(c, 24, 1)
        self.conv3_1 = Layer(24 + (2 * REACH + 1) ** 2, c)
        self.conv4, self.conv4_1 = Layer(c, d, 3, 2), Layer(d, d)
        self.conv5, self.conv5_1 = Layer(d, e, 3, 2), Layer(e, e)
        self.refinement = Refinement()

    def features(self, image: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """What a branch sees: features at 1/4 and at 1/8 of the size.

        Args:
            image: ``(N, 3, H, W)`` float32 in [0, 1]; H and W are multiples of 8.
        """
        at_4 = rectified(self.conv2(rectified(self.conv1(image - 0.5))))
        return at_4, self.conv3(at_4)

    def scores(self, first: torch.Tensor, second: torch.Tensor) -> torch.Tensor:
        """The correlation of features of length 1: their cosine, -1 to 1.

        Args:
            first: features at 1/8 of the size, ``(N, C, h, w)``.
            second: the same, of the second image.

        Returns:
            ``(N, (2 REACH + 1)², h, w)`` float32.
        """
        first, second = (functional.normalize(each.float(), dim=1) for each in (first, second))
        return first.shape[1] * correlation(first, second, REACH)

    def forward(self, first: torch.Tensor, second: torch.Tensor) -> list[torch.Tensor]:
        """Flow at 1/32, 1/16, 1/8 and 1/4 of the size, as :meth:`FlowNetS.forward`."""
        at_4, both = self.features(torch.cat([first, second]))
        own, other = both.chunk(2)
        compared = rectified(self.scores(own, other))
        context = rectified(self.conv_redir(rectified(own)))
        at_8 = rectified(self.conv3_1(torch.cat([context, compared], dim=1)))
        at_16 = rectified(self.conv4_1(rectified(self.conv4(at_8))))
        at_32 = rectified(self.conv5_1(rectified(self.conv5(at_16))))
        return self.refinement(at_32, (at_16, at_8, at_4[: len(first)]))


NETWORKS: dict[str, type[FlowNetS] | type[FlowNetC]] = {
    "flownet-s": FlowNetS,
    "flownet-c": FlowNetC,
}


@cache
def flownet(name: str) -> nn.Module:
    """A trained network, with the weights that ship.

    Args:
        name: ``"flownet-s"`` or ``"flownet-c"``.

    Returns:
        The network. It is loaded once and shared: copy it before you train it further.
    """
    return load_into(NETWORKS[name](), name)


def estimate_flow(network: nn.Module, first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Flow between two images of any size.

    Args:
        network: a FlowNet.
        first: image at time t, ``(H, W, 3)`` uint8, or ``(H, W)`` grey uint8.
        second: image at time t + 1, the same.

    Returns:
        ``(H, W, 2)`` float32, pixels, from ``first`` to ``second``.
    """
    height, width = first.shape[:2]
    below, right = -height % SMALLEST, -width % SMALLEST
    pair = [
        functional.pad(as_tensor(image), (0, right, 0, below), mode="replicate")
        for image in (first, second)
    ]
    with torch.inference_mode():
        flow = full_size(network(*pair)[-1])[0, :, :height, :width]
    return np.ascontiguousarray(flow.permute(1, 2, 0).numpy())


def full_size(flow: torch.Tensor) -> torch.Tensor:
    """Flow at 1/4 of the size, ``(N, 2, h, w)`` in pixels of the image, enlarged to all of it."""
    return functional.interpolate(flow, scale_factor=4.0, mode="bilinear", align_corners=False)


def as_tensor(image: np.ndarray) -> torch.Tensor:
    """An image ``(H, W, 3)`` or ``(H, W)`` uint8 as ``(1, 3, H, W)`` float32 in [0, 1]."""
    colour = image if image.ndim == 3 else np.repeat(image[..., None], 3, axis=-1)
    return torch.from_numpy(np.ascontiguousarray(colour)).permute(2, 0, 1)[None].float() / 255
