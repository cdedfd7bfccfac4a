"""Valid answers pass, in whatever style they are written: lessons 00 to 04, and 16."""

import math

import numpy as np
import pytest
import torch
from scipy import ndimage
from torch.nn import functional

from vos_lab.exercises.check import judge, registered
from vos_lab.flow.classical import derivatives, neighbour_mean, window_sum
from vos_lab.flow.colour import HUES
from vos_lab.flow.warp import lands_inside, warp
from vos_lab.methods.mots_tracker import greedy_pairs
from vos_lab.metrics.masks import mask_boundary
from vos_lab.video import OBJECT_COLOURS

STYLES = []


def style(function):
    """An answer to the exercise whose name comes before the two underscores."""
    STYLES.append(function)
    return function


@pytest.mark.parametrize("answer", STYLES, ids=lambda answer: answer.__name__)
@pytest.mark.parametrize("seed", [0, 7])
def test_it_passes(answer, seed):
    item = registered()[answer.__name__.partition("__")[0]]
    try:
        verdict = judge(answer, item, seed)
    finally:
        item.exercise.restore()
    assert verdict.outcome == "passed", verdict.text


@style
def overlay__loops(frame, mask, opacity=0.5, colours=OBJECT_COLOURS):
    result = frame.copy()
    for y, x in zip(*np.nonzero(mask), strict=True):
        for c in range(3):
            mixed = (1 - opacity) * int(frame[y, x, c]) + opacity * int(colours[mask[y, x], c])
            result[y, x, c] = round(mixed)
    return result


@style
def overlay__in_place_on_a_copy(frame, mask, opacity=0.5, colours=OBJECT_COLOURS):
    result, inside = frame.copy(), mask > 0
    result[inside] = np.floor(
        (1 - opacity) * frame[inside] + opacity * colours[mask[inside]] + 0.5
    ).astype(np.uint8)
    return result


@style
def first_mask_everywhere__loop(first_mask, frames):
    masks = []
    for _ in range(len(frames)):
        masks.append(np.array(first_mask))
    return masks


@style
def jaccard__loops(prediction, truth, void=None):
    if prediction.ndim == 3:
        return np.array(
            [
                jaccard__loops(prediction[t], truth[t], None if void is None else void[t])
                for t in range(len(truth))
            ]
        )
    both = either = 0
    for y in range(truth.shape[0]):
        for x in range(truth.shape[1]):
            if void is not None and void[y, x]:
                continue
            both += prediction[y, x] and truth[y, x]
            either += prediction[y, x] or truth[y, x]
    return 1.0 if either == 0 else both / either


@style
def jaccard__vectorised(prediction, truth, void=None):
    known = np.ones_like(truth) if void is None else ~void
    both = (prediction & truth & known).sum(axis=(-2, -1))
    either = ((prediction | truth) & known).sum(axis=(-2, -1))
    return np.where(either == 0, np.float32(1), both / np.maximum(either, 1))[()]


@style
def mask_boundary__padded(mask):
    padded = np.pad(mask, [(0, 0)] * (mask.ndim - 2) + [(0, 1), (0, 1)], mode="edge")
    others = (padded[..., :-1, 1:], padded[..., 1:, :-1], padded[..., 1:, 1:])
    return np.any([mask != other for other in others], axis=0)


@style
def mask_boundary__in_place_on_a_copy(mask):
    result = np.zeros_like(mask)
    result[..., :, :-1] |= mask[..., :, :-1] ^ mask[..., :, 1:]
    result[..., :-1, :] |= mask[..., :-1, :] ^ mask[..., 1:, :]
    result[..., :-1, :-1] |= mask[..., :-1, :-1] ^ mask[..., 1:, 1:]
    return result


@style
def boundary_f__distances(prediction, truth, void=None, tolerance=0.008):
    if prediction.ndim == 3:
        voids = [None] * len(truth) if void is None else void
        frames = zip(prediction, truth, voids, strict=True)
        return np.array([boundary_f__distances(*frame, tolerance) for frame in frames])
    if void is not None:
        prediction, truth = prediction & ~void, truth & ~void
    a, b = mask_boundary(prediction), mask_boundary(truth)
    if not a.any() or not b.any():
        return float(a.any() == b.any())
    radius = tolerance if tolerance >= 1 else np.ceil(tolerance * np.hypot(*truth.shape))
    precision = (ndimage.distance_transform_edt(~b)[a] <= radius).mean()
    recall = (ndimage.distance_transform_edt(~a)[b] <= radius).mean()
    return 0.0 if precision + recall == 0 else 2 * precision * recall / (precision + recall)


@style
def decay__lists(values):
    last = len(values)
    edges = [math.floor(1 + (last - 1) * k / 4 + 0.5) - 1 for k in range(5)]
    first, end = list(values[: edges[1] + 1]), list(values[edges[3] :])
    return sum(first) / len(first) - sum(end) / len(end)


@style
def flow_to_rgb__double_at_once(flow, max_flow=None):
    unknown = np.isnan(flow).any(-1)
    dx, dy = np.nan_to_num(flow.astype(np.float64)).transpose(2, 0, 1)
    length, angle = np.hypot(dx, dy), np.arctan2(dy, dx) % (2 * np.pi)
    position = (angle / (2 * np.pi) * (HUES.shape[1] - 1)).astype(int)
    hue = HUES[:, position].transpose(1, 2, 0)
    share = (length / (max_flow or length.max() or 1.0))[..., None]
    colour = np.where(share <= 1 + 1e-6, 255 + share * (hue - 255), 0.75 * hue)
    colour[unknown] = 0
    return np.clip(colour, 0, 255).astype(np.uint8)


@style
def warp__map_coordinates(image, flow):
    rows, columns = np.mgrid[: flow.shape[0], : flow.shape[1]].astype(np.float64)
    places = [rows + flow[..., 1], columns + flow[..., 0]]
    channels = np.atleast_3d(image).astype(np.float64)
    mixed = np.dstack(
        [
            ndimage.map_coordinates(c, places, order=1, mode="nearest")
            for c in np.moveaxis(channels, -1, 0)
        ]
    ).reshape(image.shape)
    return (np.rint(mixed) if image.dtype == np.uint8 else mixed).astype(image.dtype)


@style
def warp__torch(image, flow):
    height, width = flow.shape[:2]
    rows, columns = np.mgrid[:height, :width]
    x = 2 * (columns + flow[..., 0]) / max(width - 1, 1) - (0 if width > 1 else 1)
    y = 2 * (rows + flow[..., 1]) / max(height - 1, 1) - (0 if height > 1 else 1)
    grid = torch.from_numpy(np.stack([x - (width > 1), y - (height > 1)], -1))[None].double()
    source = torch.from_numpy(np.atleast_3d(image).transpose(2, 0, 1)[None].astype(np.float64))
    found = functional.grid_sample(source, grid, padding_mode="border", align_corners=True)
    mixed = found[0].permute(1, 2, 0).numpy().reshape(image.shape)
    return (np.rint(mixed) if image.dtype == np.uint8 else mixed).astype(image.dtype)


@style
def lucas_kanade__solver(first, second, start, window=3.0, ridge=1.0):
    ix, iy, it = (d.astype(np.float64) for d in derivatives(first, warp(second, start), start))
    xx, xy, yy, xt, yt = (
        window_sum(product, window) for product in (ix * ix, ix * iy, iy * iy, ix * it, iy * it)
    )
    matrix = np.stack([xx + ridge, xy, xy, yy + ridge], -1).reshape(*xx.shape, 2, 2)
    return start + np.linalg.solve(matrix, -np.stack([xt, yt], -1)[..., None])[..., 0]


@style
def horn_schunck__double(first, second, start, smoothness=10.0, iterations=60):
    ix, iy, it = (d.astype(np.float64) for d in derivatives(first, warp(second, start), start))
    flow = start.astype(np.float64)
    for _ in range(iterations):
        mean = neighbour_mean(flow)
        rest = it + ix * (mean[..., 0] - start[..., 0]) + iy * (mean[..., 1] - start[..., 1])
        share = rest / (smoothness * smoothness + ix * ix + iy * iy)
        flow = mean.copy()
        flow[..., 0] -= ix * share
        flow[..., 1] -= iy * share
    return flow


@style
def endpoint_error__hypot(flow, truth):
    return np.hypot(*np.moveaxis(flow.astype(np.float64) - truth, -1, 0))


@style
def correlation__loops(first, second, reach):
    height, width = first.shape[2:]
    padded = functional.pad(second, [reach] * 4)
    found = []
    for dy in range(2 * reach + 1):
        for dx in range(2 * reach + 1):
            found.append((first * padded[:, :, dy : dy + height, dx : dx + width]).mean(1))
    return torch.stack(found, 1)


@style
def refine__modules(deep, flow, skip, weight, bias):
    up = functional.conv_transpose2d(deep, weight, stride=2, padding=1) + bias[:, None, None]
    up = torch.maximum(up, 0.1 * up)
    size = (skip.shape[2], skip.shape[3])
    finer = functional.interpolate(flow, size=size, mode="bilinear", align_corners=False)
    return torch.cat((skip, up, finer), 1)


@style
def multiscale_epe__norm(flows, truth, weights):
    total = 0
    for flow, weight in zip(flows, weights, strict=True):
        step = truth.shape[2] // flow.shape[2], truth.shape[3] // flow.shape[3]
        small = functional.avg_pool2d(truth, step)
        total = total + weight * torch.linalg.vector_norm(flow - small, dim=1).mean()
    return total


@style
def multiscale_epe__a_larger_little(flows, truth, weights):
    losses = []
    for k in range(len(flows)):
        small = functional.interpolate(truth.double(), flows[k].shape[2:], mode="area")
        dx, dy = (flows[k] - small).unbind(1)
        losses.append(weights[k] * torch.sqrt(dx * dx + dy * dy + 1e-6).mean())
    return sum(losses)


@style
def propagate_mask__in_place_on_a_copy(mask, flow):
    result = warp(mask, flow).copy()
    result[~lands_inside(flow)] = 0
    return result


@style
def consistency_mask__norms(flow, back, share=0.01, slack=0.5):
    there = warp(back, flow)
    dx, dy = flow[..., 0] + there[..., 0], flow[..., 1] + there[..., 1]
    lengths = np.square(flow).sum(-1) + np.square(there).sum(-1)
    return np.logical_and(dx * dx + dy * dy <= share * lengths + slack, lands_inside(flow))


@style
def fuse_streams__maximum(appearance, motion, weight, bias):
    a, m = appearance.clamp(min=0), motion.clamp(min=0)
    first, second, third = (o * weight[k] + bias[k] for k, o in enumerate((a, m, torch.mul(a, m))))
    return torch.maximum(torch.maximum(first, second), third)


@style
def rle_encode__loop(mask):
    lengths, value = [0], False
    for pixel in mask.flatten(order="F"):
        if bool(pixel) != value:
            lengths.append(0)
            value = bool(pixel)
        lengths[-1] += 1
    return np.array(lengths)


@style
def match_masks__loops(shared, truth_area, result_area):
    found = []
    for i, a in enumerate(truth_area):
        for j, b in enumerate(result_area):
            iou = shared[i, j] / (a + b - shared[i, j]) if a + b > shared[i, j] else 0.0
            if iou > 0.5:
                found.append((i, j, iou))
    rows, columns, ious = zip(*found, strict=True) if found else ((), (), ())
    return np.array(rows, int), np.array(columns, int), np.array(ious, float)


@style
def smotsa__python(ious, false_positives, id_switches, truth_masks):
    if truth_masks == 0:
        return float("-inf")
    return np.float32((sum(ious) - false_positives - id_switches) / truth_masks)


@style
def associate__greedy_and_cost(overlap, likeness, appearance_weight=0.5, least=0.3, greedy=False):
    from scipy.optimize import linear_sum_assignment

    score = (1 - appearance_weight) * overlap + appearance_weight * likeness
    score[(overlap == 0) | (score < least)] = 0
    pairs = greedy_pairs(score) if greedy else linear_sum_assignment(-score)
    result = -np.ones(len(overlap), int)
    rows, columns = (np.asarray(part, int) for part in pairs)
    good = score[rows, columns] > 0
    result[rows[good]] = columns[good]
    return result
