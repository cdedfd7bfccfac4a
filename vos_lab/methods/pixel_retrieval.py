"""Pixel retrieval: each pixel asks the annotated pixels that look most like it.

Chen, Pont-Tuset, Montes and Van Gool, "Blazingly Fast Video Object Segmentation with Pixel-Wise
Metric Learning", CVPR 2018. A network gives each pixel an **embedding**, a point in a space in
which pixels of one object lie close together. To segment a video is then to retrieve: a new pixel
takes the labels of its nearest neighbours among the reference pixels. These are at first the pixels
of the annotated frame, and then more and more, as frames are segmented.

Nothing is learned at test time. Another object, another click: other labels, the same embeddings.
"""

from typing import Any, NamedTuple

import cv2
import numpy as np
import torch
from torch import nn
from torch.nn import functional

from vos_lab import weights
from vos_lab.exercise import exercise
from vos_lab.methods.networks import SmallBackbone, as_input, convolution, mixed_precision
from vos_lab.methods.resolution import PIXELS, label_map, resized, soft_masks, working_size
from vos_lab.methods.segmenter import check_mask
from vos_lab.video import VOID

STRIDE = 4
"""Pixels: there is an embedding for each square of this side."""

DIMENSIONS = 32
COLOUR_WEIGHT = 16.0
"""How much the colour of a cell counts beside what the network says of it."""

MAX_TIME = 24
"""The network knows the time up to this frame; later ones look alike to it."""


class EmbeddingNetwork(nn.Module):
    """An embedding for each pixel (Chen et al., Section 3.3): an encoder, and a head.

    The head sees what the encoder saw at three sizes and, as in the paper, where a pixel is and at
    what time. Beside its answer stands the colour of the pixel, which is not in the paper, but was
    better on validation videos.

    Input ``(N, 3, H, W)`` float32, 0 to 1, and the numbers of the frames, ``(N,)``. Output
    ``(N, DIMENSIONS + 3, ceil(H / 4), ceil(W / 4))`` float32.
    """

    def __init__(self) -> None:
        super().__init__()
        self.backbone = SmallBackbone()
        _, _, *channels = self.backbone.channels
        self.across = nn.ModuleList(nn.Conv2d(c, 64, 1) for c in channels)
        self.mix = convolution(64, 64)
        self.head = nn.Sequential(
            nn.Conv2d(64 + 3, 64, 1), nn.ReLU(inplace=True), nn.Conv2d(64, DIMENSIONS, 1)
        )

    def forward(
        self, x: torch.Tensor, time: torch.Tensor, places: torch.Tensor | None = None
    ) -> torch.Tensor:
        """Embed.

        Args:
            x: the images.
            time: of each, number of the frame.
            places: ``(N, 2, h, w)``, where each pixel is, -1 to 1; by default the image is a whole
                frame.
        """
        seen = self.backbone((x - 0.5).contiguous(memory_format=torch.channels_last))[2:]
        size = seen[0].shape[-2:]
        joined = [
            functional.interpolate(across(each), size, mode="bilinear")
            for across, each in zip(self.across, seen, strict=True)
        ]
        features = self.mix(torch.stack(joined).sum(dim=0))
        if places is None:
            places = places_of(size)[None].to(x.device).expand(len(x), -1, -1, -1)
        share = (time.clamp(max=MAX_TIME) / MAX_TIME)[:, None, None, None].expand(-1, 1, *size)
        learned = self.head(torch.cat([features, places, share], dim=1)).float()
        return torch.cat([learned, COLOUR_WEIGHT * mean_colours(x)], dim=1)


def mean_colours(x: torch.Tensor) -> torch.Tensor:
    """The mean colour of each cell, in CIELAB: how far apart two are is how different they look.

    Args:
        x: images ``(N, 3, H, W)`` float32, 0 to 1.

    Returns:
        ``(N, 3, ceil(H / 4), ceil(W / 4))`` float32, hundredths of the usual numbers.
    """
    size = [-(-side // STRIDE) for side in x.shape[-2:]]
    cells = functional.interpolate(x, size, mode="area").permute(0, 2, 3, 1)
    maps = [cv2.cvtColor(each, cv2.COLOR_RGB2LAB) / 100 for each in cells.cpu().numpy()]
    return torch.from_numpy(np.stack(maps)).permute(0, 3, 1, 2).to(x.device)


def places_of(size: tuple[int, int]) -> torch.Tensor:
    """Where the pixels of a frame are: ``(2, h, w)`` float32, row and column from -1 to 1."""
    rows, columns = (2 * (torch.arange(n) + 0.5) / n - 1 for n in size)
    return torch.stack(torch.meshgrid(rows, columns, indexing="ij"))


@exercise(minutes=20, difficulty=3, importance=5)
def pixel_triplet_loss(
    anchors: torch.Tensor, same: torch.Tensor, other: torch.Tensor, margin: float
) -> torch.Tensor:
    """The triplet loss over pools (Chen et al., Equation 4).

    An anchor gets the label of its nearest neighbour. So it does not have to be close to all pixels
    of its kind: the nearest of its kind only has to be nearer than the nearest of the other kind.

    Args:
        anchors: embeddings ``(A, C)`` float32, all of one kind (object, or background).
        same: the pool of that kind, from other frames, ``(P, C)`` float32.
        other: the pool of the other kind, from the same frames as ``same``, ``(N, C)`` float32.
        margin: how much nearer it must be, in squared distance; above 0.

    Returns:
        One number: the mean over the anchors of max(0, d_same - d_other + margin), where d are
        squared Euclidean distances.

    Example:
        >>> anchors = torch.tensor([[0.0, 0.0]])
        >>> same = torch.tensor([[1.0, 0.0], [9.0, 0.0]])  # one is near, and one is enough
        >>> pixel_triplet_loss(anchors, same, torch.tensor([[0.0, 2.0]]), margin=4.0)
        tensor(1.)
    """
    # Step 1: squared distances of each anchor to each pixel of both pools, (A, P) and (A, N).
    to_same = squared_distances(anchors, same)
    to_other = squared_distances(anchors, other)
    # Step 2: to the nearest of its kind, and to the nearest of the other kind.
    nearest_same = to_same.min(dim=1).values
    nearest_other = to_other.min(dim=1).values
    # Step 3: how much is missing to the margin. An anchor with the whole margin costs nothing.
    return (nearest_same - nearest_other + margin).clamp(min=0).mean()


def plain_triplet_loss(
    anchors: torch.Tensor,
    same: torch.Tensor,
    other: torch.Tensor,
    margin: float,
    generator: torch.Generator,
) -> torch.Tensor:
    """The triplet loss without pools, for comparison: any pixel of a kind shall be near.

    Args:
        anchors: as for :func:`pixel_triplet_loss`.
        same: the same.
        other: the same.
        margin: the same.
        generator: draws one pixel of each kind for each anchor.

    Returns:
        One number.
    """
    to_same, to_other = (
        (anchors - pool[torch.randint(len(pool), (len(anchors),), generator=generator)])
        .square()
        .sum(dim=1)
        for pool in (same, other)
    )
    return (to_same - to_other + margin).clamp(min=0).mean()


def squared_distances(a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
    """Squared Euclidean distances of all rows of ``(A, C)`` to all of ``(B, C)``: ``(A, B)``."""
    # |a - b|² = |a|² + |b|² - 2ab: a product of matrices, which processors are best at.
    distances = torch.addmm((b * b).sum(dim=1), a, b.T, alpha=-2)
    distances += (a * a).sum(dim=1, keepdim=True)  # in place: the matrix is large
    return distances.clamp_(min=0)  # rounding must not make one negative


@exercise(minutes=15, difficulty=2, importance=5)
def nearest_neighbour_labels(
    queries: torch.Tensor,
    references: torch.Tensor,
    labels: torch.Tensor,
    neighbours: int,
    most: int,
) -> torch.Tensor:
    """Each pixel takes the labels of the reference pixels that look most like it (Section 3.4).

    Args:
        queries: embeddings of the pixels to label, ``(Q, C)`` float32.
        references: embeddings of the pixels whose labels are known, ``(R, C)`` float32, R > 0.
        labels: how much of each of the K objects they are, ``(R, K)`` float32, 0 to 1.
        neighbours: how many of the nearest count; all of them, if there are fewer.
        most: numbers that a matrix of distances may have. A row, R numbers, is always allowed.

    Returns:
        ``(Q, K)`` float32: the mean of the labels of the nearest. (The paper counts votes.)

    Example:
        >>> references = torch.tensor([[0.0], [1.0], [10.0]])
        >>> labels = torch.tensor([[1.0], [1.0], [0.0]])
        >>> nearest_neighbour_labels(torch.tensor([[2.0], [9.0]]), references, labels, 2, 100)
        tensor([[1.0000],
                [0.5000]])
    """
    # Step 1: all pixels at once would need Q * R distances. How many rows may a part have?
    rows = max(1, most // len(references))
    found = []
    for part in queries.split(rows):
        # Step 2: the distances of this part to all references. Squared ones have the same order.
        distances = squared_distances(part, references)
        # Step 3: which references are nearest? (torch.topk, with largest=False)
        nearest = distances.topk(min(neighbours, len(references)), largest=False).indices
        # Step 4: the mean of their labels.
        found.append(labels[nearest].mean(dim=1))
    return torch.cat(found)


@exercise(minutes=15, difficulty=2, importance=4)
def grow_reference(
    given: int, added: int, labels: torch.Tensor, sure: float, most: int
) -> torch.Tensor:
    """Which pixels are the reference for the next frame (Section 3.5)?

    The reference is a list of pixels. First come those that somebody has annotated, then those that
    were added, the oldest first. The pixels of a new frame come after them, and the sure
    ones among these are added, too.

    Args:
        given: how many pixels are annotated.
        added: how many were added so far.
        labels: how much of each of the K objects the pixels of the new frame are, ``(N, K)``
            float32, 0 to 1; the rest to 1 is background.
        sure: a pixel is added where one answer, an object or the background, has at least this.
        most: how many added pixels are kept, the newest ones. Annotated pixels are always kept.

    Returns:
        ``(R,)`` int64: the numbers of the pixels to keep, in order; the first annotated one is 0,
        the first of the new frame ``given + added``.

    Example:
        >>> labels = torch.tensor([[0.9], [0.5], [0.0]])  # an object, who knows, background
        >>> grow_reference(given=1, added=2, labels=labels, sure=0.8, most=3)
        tensor([0, 2, 3, 5])
    """
    # Step 1: the share of the background is 1 minus that of all objects.
    background = 1 - labels.sum(dim=1, keepdim=True)
    # Step 2: a pixel is sure if its neighbours agree: one answer has a large share.
    agreed = torch.cat([background, labels], dim=1).max(dim=1).values >= sure
    # Step 3: the numbers of the pixels added so far, and after them those of the sure new ones.
    before = torch.arange(given, given + added)
    numbers = torch.cat([before, given + added + agreed.cpu().nonzero()[:, 0]])
    # Step 4: keep the newest of them, and put all annotated pixels in front. (With most = 0, [-0:]
    # would be everything.)
    newest = numbers[max(0, len(numbers) - most) :]
    return torch.cat([torch.arange(given), newest])


class Reference(NamedTuple):
    """Pixels whose labels are known: first those that somebody has annotated, then those added.

    Attributes:
        embeddings: ``(R, C)`` float32.
        labels: how much of each object they are, ``(R, K)`` float32, 0 to 1.
        places: row and column in the map of embeddings, ``(R, 2)`` int64.
        given: so many of them are annotated.
    """

    embeddings: torch.Tensor
    labels: torch.Tensor
    places: torch.Tensor
    given: int

    def joined(self, other: "Reference", keep: torch.Tensor | None = None) -> "Reference":
        """These pixels and behind them others; of all those only some, by their numbers."""
        parts = [torch.cat(pair) for pair in zip(self[:3], other[:3], strict=True)]
        if keep is not None:
            parts = [part[keep] for part in parts]
        return Reference(parts[0], parts[1], parts[2], self.given)


# --- the method -------------------------------------------------------------------------------

TILE = 12
"""Cells: the pixels of a square of this side are looked up together."""

MAX_DISTANCES = 4_000_000
"""Numbers in a matrix of distances: 16 MB."""


WEIGHTS = {"learned": "pixel-embedding", "plain": "pixel-embedding-plain"}


class ColourEmbedding(nn.Module):
    """The mean colour of each cell for an embedding. To compare."""

    def forward(self, x: torch.Tensor, time: torch.Tensor) -> torch.Tensor:
        """``(N, 3, H, W)`` float32, 0 to 1, to ``(N, 3, ceil(H / 4), ceil(W / 4))``."""
        return mean_colours(x)


def embedding_network(name: str | nn.Module = "learned", seed: int = 0) -> nn.Module:
    """What embeds.

    Args:
        name: "learned", with the shipped weights; "plain", with those that learned from the plain
            loss; "random", the same network before it has learned anything; "colour"; or a network
            that embeds.
        seed: of the random one.

    Returns:
        The network.

    Raises:
        ValueError: there is no such embedding.
        FileNotFoundError: the weights are missing.
    """
    if isinstance(name, nn.Module):
        return name.eval()
    if name == "colour":
        return ColourEmbedding()
    if name not in ("random", *WEIGHTS):
        known = ", ".join([*WEIGHTS, "random", "colour"])
        raise ValueError(f"there is no embedding {name!r}; there are: {known}")
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        network = EmbeddingNetwork().eval()
    return weights.load_into(network, WEIGHTS[name]) if name in WEIGHTS else network


def embed(network: nn.Module, image: np.ndarray, time: int, device: str = "cpu") -> torch.Tensor:
    """The embeddings of an image.

    Args:
        network: an :class:`EmbeddingNetwork`, or another that embeds.
        image: ``(H, W, 3)`` uint8.
        time: number of the frame.
        device: where the network is.

    Returns:
        ``(ceil(H / 4), ceil(W / 4), C)`` float32.
    """
    with torch.inference_mode(), mixed_precision(device):
        found = network(as_input(image).to(device), torch.tensor([float(time)], device=device))
    return found[0].float().permute(1, 2, 0).contiguous()


class PixelRetrieval:
    """Pixel retrieval as a Segmenter.

    What it keeps is bounded: the annotated pixels, and so many added ones.

    Args:
        embedding: "learned", "plain", "random", "colour", or a network; see
            :func:`embedding_network`.
        neighbours: how many reference pixels each pixel asks.
        radius: cells; a pixel asks only references that are so near: objects do not jump. None
            asks all, as the paper does, where the network has to find that out from the places.
        first_radius: the same for the annotated pixels, which may be long ago.
        frames: so many frames' worth of added pixels is kept; with 0 the reference never grows.
        sure: a pixel is added where its neighbours agree so much.
        pixels: how many of a frame the network looks at.
        device: where to compute, "cpu" or "cuda".
        seed: of the random network.

    Raises:
        ValueError: there is no such embedding.
        FileNotFoundError: weights are missing.
    """

    name = "pixel-retrieval"

    def __init__(
        self,
        embedding: str | nn.Module = "learned",
        neighbours: int = 8,
        radius: int | None = 8,
        first_radius: int | None = 8,
        frames: int = 4,
        sure: float = 0.0,
        pixels: int = PIXELS,
        device: str = "cpu",
        seed: int = 0,
    ) -> None:
        self.neighbours, self.radius, self.first_radius = neighbours, radius, first_radius
        self.frames, self.sure, self.pixels, self.device = frames, sure, pixels, device
        self.network = embedding_network(embedding, seed).to(device)

    def start(self, frame: np.ndarray, mask: np.ndarray | None = None) -> None:
        """Embed the first frame: its pixels are the first references."""
        mask = check_mask(self.name, frame, mask)
        self.size, self.time = working_size(frame.shape, self.pixels), 0
        embedded = self._embed(frame)
        self.grid = (embedded.shape[0], embedded.shape[1])
        axes = [torch.arange(side, device=self.device) for side in self.grid]
        self.places = torch.cartesian_prod(*axes)
        self.labels, shares = self._shares(mask)
        self.reference = Reference(embedded.flatten(0, 1), shares, self.places, len(self.places))

    def add(self, frame: np.ndarray, mask: np.ndarray) -> None:
        """Take up objects that appear later: their pixels are references, too."""
        check_mask(self.name, frame, mask)
        embedded = self._embed(frame, self.time + 1).flatten(0, 1)
        there, shares = self._shares(mask)
        old, known = self.labels, self.reference
        self.labels = sorted({*old, *there})
        # Of the rest of this frame nothing is known: only what is object becomes a reference. And
        # what was added before was labelled when nobody knew of this object: that is forgotten.
        covered = shares.sum(dim=1)
        chosen = covered > 0.5 * covered.max()
        new = Reference(
            embedded[chosen], self._widened(shares[chosen], there), self.places[chosen], 0
        )
        wide = known._replace(labels=self._widened(known.labels, old))
        given, total = known.given, len(known.places)
        keep = torch.cat([torch.arange(given), torch.arange(total, total + len(new.places))])
        self.reference = wide.joined(new, keep.to(self.device))._replace(given=len(keep))

    def step(self, frame: np.ndarray) -> np.ndarray:
        """Segment one frame, and let the reference grow."""
        return label_map(self.soft(frame), frame.shape[:2])

    def soft(self, frame: np.ndarray) -> dict[int, np.ndarray]:
        """What :meth:`step` does, with how much of each cell an object is for an answer.

        Args:
            frame: the next frame, ``(H, W, 3)`` uint8.

        Returns:
            ``(h, w)`` float32, 0 to 1, by label.
        """
        self.time += 1
        embedded = self._embed(frame).flatten(0, 1)
        found = self.retrieve(embedded)
        given, size = self.reference.given, len(self.places)
        added = len(self.reference.places) - given
        keep = grow_reference(given, added, found, self.sure, self.frames * size)
        new = Reference(embedded, found, self.places, 0)
        self.reference = self.reference.joined(new, keep.to(self.device))
        shares = found.T.reshape(-1, *self.grid).cpu().numpy()
        return dict(zip(self.labels, shares, strict=True))

    def retrieve(self, embedded: torch.Tensor) -> torch.Tensor:
        """The labels of the pixels of a frame, from those of its references.

        Args:
            embedded: ``(h * w, C)`` float32.

        Returns:
            How much of each object they are, ``(h * w, K)`` float32.
        """
        reference, radius = self.reference, self._radius()
        found = embedded.new_zeros(len(embedded), len(self.labels))
        if not self.labels:
            return found  # an empty mask: there is nothing to find
        rows, columns = self.places.T
        for top in range(0, self.grid[0], TILE):
            strip = _near(reference.places[:, 0], top, radius)
            for left in range(0, self.grid[1], TILE):
                near = strip[_near(reference.places[strip, 1], left, radius[strip])]
                here = (rows // TILE == top // TILE) & (columns // TILE == left // TILE)
                found[here] = nearest_neighbour_labels(
                    embedded[here],
                    reference.embeddings[near],
                    reference.labels[near],
                    self.neighbours,
                    MAX_DISTANCES,
                )
        return found

    def _radius(self) -> torch.Tensor:
        """How far each reference pixel is seen, ``(R,)``."""
        everywhere = max(self.grid)
        first, later = (everywhere if r is None else r for r in (self.first_radius, self.radius))
        radius = torch.full((len(self.reference.places),), later, device=self.device)
        radius[: self.reference.given] = first
        return radius

    def _embed(self, frame: np.ndarray, time: int | None = None) -> torch.Tensor:
        time = self.time if time is None else time
        return embed(self.network, resized(frame, self.size), time, self.device)

    def _shares(self, mask: np.ndarray) -> tuple[list[int], torch.Tensor]:
        """The objects of a mask, and how much of each cell they are, ``(h * w, K)`` float32."""
        soft = soft_masks(np.where(mask == VOID, 0, mask), self.grid)
        maps = [torch.from_numpy(each).flatten() for each in soft.values()]
        shares = torch.stack(maps, dim=1) if maps else torch.zeros(len(self.places), 0)
        return list(soft), shares.to(self.device)

    def _widened(self, shares: torch.Tensor, labels: list[int]) -> torch.Tensor:
        """Shares of some objects as shares of all."""
        wide = shares.new_zeros(len(shares), len(self.labels))
        for i, label in enumerate(labels):
            wide[:, self.labels.index(label)] = shares[:, i]
        return wide


ABLATIONS: dict[str, dict[str, Any]] = {
    "pixel-retrieval-colour": {"embedding": "colour"},
    "pixel-retrieval-random": {"embedding": "random"},
    "pixel-retrieval-plain-loss": {"embedding": "plain"},
    "pixel-retrieval-first-frame": {"frames": 0},
    "pixel-retrieval-without-window": {"radius": None, "first_radius": None},
}


def _near(places: torch.Tensor, begin: int, radius: torch.Tensor) -> torch.Tensor:
    """Which places, along one axis, are near a tile that begins there."""
    return ((places >= begin - radius) & (places < begin + TILE + radius)).nonzero()[:, 0]
