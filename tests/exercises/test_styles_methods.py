"""Right answers to the exercises of lessons 05, 07 to 11 and 13, each written in several ways."""

import math

import cv2
import numpy as np
import pytest
import torch
from scipy import ndimage
from torch.nn import functional

from vos_lab.exercises.check import find, judge, restore
from vos_lab.flow.warp import warp
from vos_lab.methods.augmentation import deformation
from vos_lab.methods.flow_propagation import propagate_mask
from vos_lab.methods.masktrack import MARGIN
from vos_lab.methods.masktrack import crop_and_zoom as library_window
from vos_lab.methods.networks import as_input
from vos_lab.methods.pixel_retrieval import squared_distances
from vos_lab.methods.resolution import resized

STYLES = []


def style(function):
    """An answer; the name of its exercise ends at the double underscore."""
    STYLES.append(function)
    return function


def check_of(name):
    """The check of the exercise of that name."""

    def function():
        pass

    function.__name__ = name
    return find(function)


@pytest.fixture(autouse=True)
def library_afterwards(capsys):
    yield
    restore()


@pytest.mark.parametrize("answer", STYLES, ids=lambda answer: answer.__name__)
@pytest.mark.parametrize("seed", [0, 1])
def test_a_right_answer_passes_however_it_is_written(answer, seed):
    item = check_of(answer.__name__.partition("__")[0])
    verdict = judge(answer, item, seed)
    assert verdict.outcome == "passed", verdict.text


def test_every_exercise_of_these_lessons_has_two_styles_and_more():
    names = [answer.__name__.partition("__")[0] for answer in STYLES]
    assert len(set(names)) == 21
    assert all(names.count(name) >= 2 for name in names)


# --- class_balanced_loss ----------------------------------------------------------------------


@style
def class_balanced_loss__loops(score, truth):
    pairs = [(s, t) for s, t in zip(score.flatten(), truth.flatten(), strict=True) if t != 255]
    if not pairs:
        return torch.tensor(0.0)
    beta = sum(int(t == 0) for _, t in pairs) / len(pairs)
    total = 0.0
    for s, t in pairs:
        if t == 1:
            total = total + beta * functional.softplus(-s)
        else:
            total = total + (1 - beta) * functional.softplus(s)
    return total / len(pairs)


@style
def class_balanced_loss__chosen_pixels(score, truth):
    on, off = score[truth == 1], score[truth == 0]
    number = max(1, len(on) + len(off))
    beta = 1 - len(on) / number
    losses = beta * functional.softplus(-on).sum() + (1 - beta) * functional.softplus(off).sum()
    return losses / number


@style
def class_balanced_loss__float64(score, truth):
    counts = (truth != 255).double()
    target = (truth == 1).double()
    number = counts.sum().clamp(min=1)
    beta = 1 - target.sum() / number
    log_on = functional.logsigmoid(score.double())
    log_off = functional.logsigmoid(-score.double())
    terms = beta * target * log_on + (1 - beta) * (counts - target) * log_off
    return -terms.sum() / number


@style
def class_balanced_loss__weights_of_the_library_function(score, truth):
    counts = truth != 255
    target = (truth == 1).float()
    number = max(1, int(counts.sum()))
    beta = 1 - float(target.sum()) / number
    weight = (target * beta + (1 - target) * (1 - beta)) * counts
    total = functional.binary_cross_entropy_with_logits(score, target, weight, reduction="sum")
    return total / number


# --- fuse_side_outputs ------------------------------------------------------------------------


@style
def fuse_side_outputs__loop(sides, weight):
    total = torch.zeros_like(sides[0])
    for side, each in zip(sides, weight, strict=True):
        large = functional.interpolate(side, size=sides[0].shape[2:], mode="bilinear")
        total = total + each * large
    return total


@style
def fuse_side_outputs__einsum(sides, weight):
    up = torch.nn.Upsample(sides[0].shape[-2:], mode="bilinear", align_corners=False)
    return torch.einsum("s,snkhw->nkhw", weight, torch.stack([up(side) for side in sides]))


@style
def fuse_side_outputs__float64_and_in_place(sides, weight):
    total = (sides[0].double() * weight[0]).clone()
    for number in range(1, len(sides)):
        side = sides[number].double()
        total += weight[number] * functional.interpolate(side, total.shape[-2:], mode="bilinear")
    return total


# --- fine_tune --------------------------------------------------------------------------------


@style
def fine_tune__item_and_gradients_cleared_last(network, batches, loss, learning_rate, watch=None):
    adam = torch.optim.Adam(params=list(network.parameters()), lr=learning_rate)
    history = []
    for batch in batches:
        value = loss(network(batch[0])[0], batch[1])
        value.backward()
        adam.step()
        adam.zero_grad(set_to_none=False)
        history.append(value.item())
        if watch:
            watch(value.item())
    return history


@style
def fine_tune__inner_function(network, batches, loss, learning_rate, watch=None):
    network.train()
    optimiser = torch.optim.Adam(network.parameters(), lr=learning_rate, foreach=False)

    def step(inputs, truth):
        network.zero_grad()
        fused, _sides = network(inputs)
        value = loss(fused, truth)
        value.backward()
        optimiser.step()
        number = float(value)
        _ = watch(number) if watch is not None else None
        return number

    losses = [step(*batch) for batch in batches]
    network.eval()
    return losses


@style
def fine_tune__detached_tensors(network, batches, loss, learning_rate, watch=None):
    optimiser = torch.optim.Adam(network.parameters(), lr=learning_rate)
    losses = []
    for inputs, truth in batches:
        optimiser.zero_grad()
        value = loss(network(inputs)[0], truth)
        value.backward()
        optimiser.step()
        losses.append(value.detach())
        if watch is not None:
            watch(value.detach())
    return losses


# --- snap_to_contours -------------------------------------------------------------------------


@style
def snap_to_contours__loop(mask, regions):
    snapped = np.zeros(mask.shape, bool)
    for region in np.unique(regions):
        inside = regions == region
        snapped[inside] = mask[inside].mean() > 0.5
    return snapped


@style
def snap_to_contours__ndimage(mask, regions):
    numbers = np.arange(regions.max() + 1)
    shares = ndimage.mean(mask.astype(float), regions, numbers)
    return (shares > 0.5)[regions]


@style
def snap_to_contours__torch(mask, regions):
    places = torch.from_numpy(regions).long().flatten()
    values = torch.from_numpy(mask.astype(np.float64)).flatten()
    count = int(places.max()) + 1
    inside = torch.zeros(count, dtype=torch.float64).index_add(0, places, values)
    pixels = torch.bincount(places, minlength=count)
    return (2 * inside > pixels)[places].reshape(regions.shape).numpy()


# --- select_training_pixels -------------------------------------------------------------------


@style
def select_training_pixels__loops(probability, last_mask, sure, far):
    chosen = np.empty(probability.shape, np.uint8)
    known = np.argwhere(last_mask)
    for y, x in np.ndindex(probability.shape):
        distance = min((math.hypot(y - a, x - b) for a, b in known), default=0)
        if distance > far:
            chosen[y, x] = 0
        else:
            chosen[y, x] = 1 if probability[y, x] >= sure else 255
    return chosen


@style
def select_training_pixels__where(probability, last_mask, sure, far):
    chosen = np.where(probability >= sure, 1, 255)
    if last_mask.any():
        chosen = np.where(ndimage.distance_transform_edt(~last_mask) > far, 0, chosen)
    return chosen.astype(np.uint8)


# --- adapt ------------------------------------------------------------------------------------


@style
def adapt__two_backward_passes(network, current, first, loss, learning_rate, share):
    optimiser = torch.optim.Adam(network.parameters(), lr=learning_rate)
    losses = []
    for batch in first:
        optimiser.zero_grad()
        now = share * loss(network(current[0])[0], current[1])
        now.backward()
        then = loss(network(batch[0])[0], batch[1])
        then.backward()
        optimiser.step()
        losses.append(now.item() + then.item())
    return losses


@style
def adapt__one_batch_of_two(network, current, first, loss, learning_rate, share):
    network.train()
    optimiser = torch.optim.Adam(network.parameters(), learning_rate)
    losses = []
    for inputs, truth in first:
        fused, _ = network(torch.cat([current[0], inputs]))
        value = loss(fused[1:], truth) + share * loss(fused[:1], current[1])
        optimiser.zero_grad()
        value.backward()
        optimiser.step()
        losses.append(float(value))
    network.eval()
    return losses


# --- simulate_previous_mask -------------------------------------------------------------------


@style
def simulate_previous_mask__ndimage(mask, affine, bend, radius):
    moved = propagate_mask(mask, deformation(mask.shape, affine, bend))
    side = 2 * radius + 1
    disk = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (side, side))
    return ndimage.grey_dilation(moved, footprint=disk, mode="nearest")


@style
def simulate_previous_mask__a_disk_of_ones_own(mask, affine, bend, radius):
    moved = propagate_mask(mask, deformation(mask.shape, affine, bend))
    rows, columns = np.mgrid[-radius : radius + 1, -radius : radius + 1]
    disk = (np.hypot(rows, columns) <= radius).astype(np.uint8)
    return cv2.dilate(moved.astype(np.float64), disk)


@style
def simulate_previous_mask__shifts(mask, affine, bend, radius):
    moved = propagate_mask(mask, deformation(mask.shape, affine, bend))
    height, width = moved.shape
    room = np.pad(moved, radius)
    coarse = moved.copy()
    for dy in range(-radius, radius + 1):
        for dx in range(-radius, radius + 1):
            if dy * dy + dx * dx <= radius * radius:
                shifted = room[radius + dy :, radius + dx :][:height, :width]
                np.maximum(coarse, shifted, out=coarse)
    return coarse


# --- refine_mask ------------------------------------------------------------------------------


@style
def refine_mask__numpy_first(network, image, previous):
    stacked = np.dstack([image.astype(np.float32) / 255, previous])
    batch = torch.from_numpy(stacked.transpose(2, 0, 1)[None].copy())
    with torch.no_grad():
        odds = network(batch)[0].squeeze().numpy()
    return 1 / (1 + np.exp(-odds.astype(np.float64)))


@style
def refine_mask__filled_in_place(network, image, previous):
    batch = torch.empty(1, 4, *previous.shape)
    batch[0, :3] = as_input(image)[0]
    batch[0, 3] = torch.as_tensor(previous)
    fused, _ = network(batch)
    return torch.sigmoid(fused).detach().numpy()[0, 0]


# --- crop_and_zoom ----------------------------------------------------------------------------


@style
def crop_and_zoom__projections(mask, margin, least=0.25):
    height, width = mask.shape
    rows, columns = (np.flatnonzero((mask > 0.5).any(axis=axis)) for axis in (1, 0))
    if not len(rows):
        return [0, height, 0, width]
    tall, wide = rows[-1] - rows[0] + 1, columns[-1] - columns[0] + 1
    share = np.clip((1 + 2 * margin) * max(tall / height, wide / width), least, 1)
    found = []
    for first, size, whole in ((rows[0], tall, height), (columns[0], wide, width)):
        window = int(np.ceil(share * whole - 1e-9))
        start = int(np.clip(np.floor(first + size / 2 - window / 2), 0, whole - window))
        found += [start, start + window]
    return np.array(found)


@style
def crop_and_zoom__bounding_box(mask, margin, least=0.25):
    height, width = mask.shape
    left, top, wide, tall = cv2.boundingRect((mask > 0.5).astype(np.uint8))
    if wide == 0:
        return 0, height, 0, width
    share = max(tall / height, wide / width) * (1 + 2 * margin)
    share = max(least, min(1, share))
    h, w = int(share * height + 0.5), int(share * width + 0.5)
    y, x = top + tall // 2 - h // 2, left + wide // 2 - w // 2
    y -= max(0, y + h - height)
    x -= max(0, x + w - width)
    y, x = max(y, 0), max(x, 0)
    return y, y + h, x, x + w


# --- lucid_frame ------------------------------------------------------------------------------


@style
def lucid_frame__channels_in_float64(ground, image, mask, ground_flow, object_flow):
    moved = propagate_mask(mask, object_flow)
    frame = np.empty(image.shape, np.uint8)
    behind, before = warp(ground, ground_flow), warp(image, object_flow)
    for channel in range(3):
        mixed = moved * before[..., channel].astype(float)
        mixed += (1 - moved.astype(float)) * behind[..., channel]
        frame[..., channel] = (mixed + 0.5).astype(np.uint8)
    return frame, moved


@style
def lucid_frame__in_place_on_a_copy(ground, image, mask, ground_flow, object_flow):
    moved = propagate_mask(mask, object_flow)
    frame = warp(ground, ground_flow).astype(np.float32).copy()
    frame += moved[..., None] * (warp(image, object_flow) - frame)
    return [np.round(frame).clip(0, 255).astype(np.uint8), moved.astype(np.float64)]


# --- pixel_triplet_loss -----------------------------------------------------------------------


@style
def pixel_triplet_loss__cdist(anchors, same, other, margin):
    to_same = torch.cdist(anchors, same).min(dim=1)[0] ** 2
    to_other = torch.cdist(anchors, other).min(dim=1)[0] ** 2
    return functional.relu(to_same - to_other + margin).mean()


@style
def pixel_triplet_loss__loops(anchors, same, other, margin):
    losses = []
    for anchor in anchors:
        near = min((((anchor - pixel) ** 2).sum() for pixel in same), key=float)
        far = min((((anchor - pixel) ** 2).sum() for pixel in other), key=float)
        losses.append(torch.clamp(near - far + margin, min=0))
    return sum(losses) / len(losses)


@style
def pixel_triplet_loss__broadcast_in_float64(anchors, same, other, margin):
    a = anchors.double()[:, None]
    to_same = (a - same.double()[None]).square().sum(dim=-1).amin(dim=1)
    to_other = (a - other.double()[None]).square().sum(dim=-1).amin(dim=1)
    gap = to_same - to_other + margin
    return torch.where(gap > 0, gap, torch.zeros_like(gap)).mean()


# --- nearest_neighbour_labels -----------------------------------------------------------------


@style
def nearest_neighbour_labels__one_query_at_a_time(queries, references, labels, neighbours, most):
    found = []
    for query in queries:
        distances = (query - references).square().sum(dim=1)
        found.append(labels[distances.argsort()[:neighbours]].mean(dim=0))
    return torch.stack(found)


@style
def nearest_neighbour_labels__filled_in_place(queries, references, labels, neighbours, most):
    result = torch.empty(len(queries), labels.shape[1])
    rows = most // len(references) or 1
    for start in range(0, len(queries), rows):
        part = squared_distances(queries[start : start + rows], references)
        order = part.sort(dim=1).indices[:, :neighbours]
        result[start : start + rows] = labels[order].mean(dim=1)
    return result


@style
def nearest_neighbour_labels__numpy(queries, references, labels, neighbours, most):
    parts = max(1, math.ceil(len(queries) * len(references) / most))
    found = []
    for part in np.array_split(queries.numpy(), min(parts, len(queries))):
        distances = ((part[:, None] - references.numpy()) ** 2).sum(axis=-1)
        found.append(labels.numpy()[distances.argsort(axis=1)[:, :neighbours]].mean(axis=1))
    return torch.from_numpy(np.concatenate(found))


# --- grow_reference ---------------------------------------------------------------------------


@style
def grow_reference__lists(given, added, labels, sure, most):
    numbers = list(range(given, given + added))
    for number, shares in enumerate(labels.tolist()):
        if max([1 - sum(shares), *shares]) >= sure:
            numbers.append(given + added + number)
    while len(numbers) > most:
        numbers.pop(0)
    return torch.tensor([*range(given), *numbers], dtype=torch.int64)


@style
def grow_reference__numpy(given, added, labels, sure, most):
    shares = labels.numpy()
    agreed = np.maximum(shares.max(axis=1), 1 - shares.sum(axis=1)) >= sure
    kept = np.concatenate([np.ones(added, bool), agreed])
    numbers = given + np.flatnonzero(kept)
    numbers = numbers[len(numbers) - min(most, len(numbers)) :]
    return torch.from_numpy(np.concatenate([np.arange(given), numbers]))


# --- refine_proposals -------------------------------------------------------------------------


@style
def refine_proposals__one_at_a_time(network, image, masks, size):
    refined = []
    for mask in masks:
        top, bottom, left, right = library_window(mask, MARGIN)
        picture = resized(image[top:bottom, left:right], size)
        rough = resized(mask[top:bottom, left:right], size)
        inputs = torch.cat([as_input(picture), torch.from_numpy(rough)[None, None]], dim=1)
        with torch.no_grad():
            answer = torch.sigmoid(network(inputs)[0])[0, 0].numpy()
        back = resized(answer, (bottom - top, right - left))
        room = ((top, image.shape[0] - bottom), (left, image.shape[1] - right))
        refined.append(np.pad(back, room).astype(np.float64))
    return refined


@style
def refine_proposals__batch_made_in_numpy(network, image, masks, size):
    if not len(masks):
        return []
    boxes = [library_window(mask, margin=MARGIN) for mask in masks]
    batch = np.empty((len(masks), 4, *size), np.float32)
    for number, (mask, (t, b, le, r)) in enumerate(zip(masks, boxes, strict=True)):
        batch[number, :3] = resized(image[t:b, le:r], size).transpose(2, 0, 1) / 255
        batch[number, 3] = resized(mask[t:b, le:r], size)
    with torch.inference_mode():
        answers = network(torch.from_numpy(batch))[0].squeeze(1).sigmoid().numpy()
    refined = np.zeros((len(masks), *image.shape[:2]), np.float32)
    for whole, answer, (t, b, le, r) in zip(refined, answers, boxes, strict=True):
        whole[t:b, le:r] = resized(answer, (b - t, r - le))
    return list(refined)


# --- proposal_scores --------------------------------------------------------------------------


@style
def proposal_scores__loops(objectness, reid, flow_iou, weights):
    total = np.zeros(reid.shape)
    for p, k in np.ndindex(reid.shape):
        scores = [objectness[p], reid[p, k], flow_iou[p, k]]
        for table in (reid, flow_iou):
            scores.append(1 - max([*np.delete(table[p], k), 0]))
        total[p, k] = sum(w * s for w, s in zip(weights, scores, strict=True))
    return total


@style
def proposal_scores__float32(objectness, reid, flow_iou, weights):
    def others(table):
        best = np.zeros_like(table)
        for k in range(table.shape[1]):
            if table.shape[1] > 1:
                best[:, k] = np.delete(table, k, axis=1).max(axis=1)
        return best

    objectness, reid, flow_iou = (x.astype(np.float32) for x in (objectness, reid, flow_iou))
    a, b, c, d, e = weights
    scores = a * objectness[:, None] + b * reid + c * flow_iou
    return scores + d * (1 - others(reid)) + e * (1 - others(flow_iou))


@style
def proposal_scores__torch(objectness, reid, flow_iou, weights):
    tables = [torch.from_numpy(table) for table in (reid, flow_iou)]
    columns = reid.shape[1]
    inverse = []
    for table in tables:
        rows = table[:, None, :].repeat(1, columns, 1)
        rows[:, range(columns), range(columns)] = 0
        inverse.append(1 - rows.amax(dim=2))
    parts = [torch.from_numpy(objectness)[:, None].expand(-1, columns), *tables, *inverse]
    return sum(w * part for w, part in zip(weights, parts, strict=True)).numpy()


# --- merge_greedily ---------------------------------------------------------------------------


@style
def merge_greedily__sorted_pairs(masks, scores, least):
    proposals, objects = scores.shape
    chosen = np.full(objects, -1, np.int64)
    owner = np.zeros(masks.shape[1:], np.uint8)
    pairs = [(-scores[p, k], p, k) for p in range(proposals) for k in range(objects)]
    for negative, p, k in sorted(pairs):
        if -negative >= least and chosen[k] < 0 and p not in chosen:
            chosen[k] = p
            owner[np.logical_and(masks[p], owner == 0)] = k + 1
    return chosen, owner


@style
def merge_greedily__painted_backwards(masks, scores, least):
    table, taken = scores.astype(np.float32), []
    while table.size and table.max() >= np.float32(least):
        p, k = divmod(int(table.argmax()), table.shape[1])
        taken.append((p, k))
        table[p, :] = -1e9
        table[:, k] = -1e9
    owner = np.zeros(masks.shape[1:], dtype=np.uint8)
    for p, k in reversed(taken):
        owner = np.where(masks[p], k + 1, owner)
    chosen = [{k: p for p, k in taken}.get(k, -1) for k in range(scores.shape[1])]
    return np.array(chosen, dtype=np.int64), owner.astype(np.uint8)


# --- reid_loss --------------------------------------------------------------------------------


@style
def reid_loss__library_function(embeddings, identities, table, temperature):
    return functional.cross_entropy(embeddings @ table.T / temperature, identities)


@style
def reid_loss__loops_in_float64(embeddings, identities, table, temperature):
    losses = []
    for embedding, identity in zip(embeddings.double(), identities, strict=True):
        scores = torch.stack([embedding.dot(row.double()) for row in table]) / temperature
        losses.append(torch.logsumexp(scores, dim=0) - scores[identity])
    return torch.stack(losses).mean()


@style
def reid_loss__gathered(embeddings, identities, table, temperature):
    cosines = torch.einsum("nd,md->nm", embeddings, table)
    shares = torch.softmax(cosines / temperature, dim=-1)
    return -shares.gather(1, identities[:, None]).log().sum() / len(identities)


# --- recover_lost_objects ---------------------------------------------------------------------


@style
def recover_lost_objects__loops(similarity, lost, threshold):
    found, best = [-1] * len(lost), [threshold] * len(lost)
    for p, row in enumerate(similarity):
        k = max(range(len(row)), key=lambda k: row[k])
        if lost[k] and row[k] > best[k]:
            found[k], best[k] = p, row[k]
    return np.array(found)


@style
def recover_lost_objects__masked_in_place_on_a_copy(similarity, lost, threshold):
    if not len(similarity):
        return np.full(len(lost), -1)
    table = similarity.astype(np.float64)
    owner = similarity.argmax(axis=1)
    table[np.arange(len(lost)) != owner[:, None]] = -np.inf
    table[~(table > threshold)] = -np.inf
    table[:, ~lost] = -np.inf
    return np.where(np.isfinite(table.max(axis=0)), table.argmax(axis=0), -1)


# --- losses from which nothing can be learned -------------------------------------------------


def of_numbers(loss):
    return lambda **inputs: loss(**inputs).item()


def of_cut_inputs(loss):
    def version(**inputs):
        cut = {k: v.detach() if torch.is_tensor(v) else v for k, v in inputs.items()}
        return loss(**cut)

    return version


def of_numpy(loss):
    return lambda **inputs: torch.tensor(float(loss(**inputs)))


def half_cut(loss):
    """Only the last of the inputs is left with a gradient, which is not enough."""

    def version(**inputs):
        names = [k for k, v in inputs.items() if torch.is_tensor(v) and v.requires_grad]
        cut = {k: v.detach() if k in names[:-1] else v for k, v in inputs.items()}
        return loss(**cut)

    return version


@pytest.mark.parametrize("cut", [of_numbers, of_cut_inputs, of_numpy])
@pytest.mark.parametrize("name", ["class_balanced_loss", "pixel_triplet_loss", "reid_loss"])
def test_a_loss_that_teaches_nothing_is_refused(name, cut):
    item = check_of(name)
    verdict = judge(cut(item.exercise.reference), item)
    assert verdict.outcome == "failed"
    assert "nothing can be learned from it" in " ".join(verdict.text.split())
    assert not item.exercise.adopted


@pytest.mark.parametrize("name", ["pixel_triplet_loss", "fuse_side_outputs"])
def test_a_gradient_must_reach_every_input_that_learns(name):
    item = check_of(name)
    if name == "fuse_side_outputs":

        def version(sides, weight):
            return item.exercise.reference(sides, [w.item() for w in weight] and weight.detach())

    else:
        version = half_cut(item.exercise.reference)
    verdict = judge(version, item)
    assert verdict.outcome == "failed"
    assert "no gradient reaches" in " ".join(verdict.text.split())


# --- memory_read ------------------------------------------------------------------------------


@style
def memory_read__einsum(queries, keys, values, temperature=1.0, nearness=None):
    scores = torch.einsum("...qc,...mc->...qm", queries, keys)
    scores = scores / math.sqrt(keys.shape[-1]) / temperature
    if nearness is not None:
        scores = scores + nearness
    return torch.einsum("...qm,...md->...qd", scores.softmax(dim=-1), values)


@style
def memory_read__by_hand(queries, keys, values, temperature=1.0, nearness=None):
    scores = torch.matmul(queries, keys.mT).div(queries.size(-1) ** 0.5 * temperature)
    scores = scores if nearness is None else scores + nearness
    parts = torch.exp(scores - scores.amax(dim=-1, keepdim=True))
    return torch.matmul(parts / parts.sum(dim=-1, keepdim=True), values)


@style
def memory_read__of_the_library(queries, keys, values, temperature=1.0, nearness=None):
    scale = 1 / (queries.shape[-1] ** 0.5 * temperature)
    return functional.scaled_dot_product_attention(
        queries, keys, values, attn_mask=nearness, scale=scale
    )


# --- soft_aggregate ---------------------------------------------------------------------------


@style
def soft_aggregate__loop(objects):
    none = torch.ones_like(objects[0])
    for each in objects:
        none = none * (1 - each)
    odds = []
    for each in [none, *objects]:
        kept = each.clamp(1e-6, 1 - 1e-6)
        odds.append(kept / (1 - kept))
    return torch.stack(odds) / sum(odds)


@style
def soft_aggregate__softmax_of_log_odds(objects):
    every = torch.cat([torch.prod(1 - objects, dim=0)[None], objects], dim=0)
    return torch.logit(every, eps=1e-6).softmax(dim=0)


# --- choose_memory ----------------------------------------------------------------------------


@style
def choose_memory__loop(kept, now, every, most):
    stay = [t for t in kept[1:] if every and (t - kept[0]) % every == 0]
    while len(stay) + 2 > most:
        stay.pop(0)
    return [kept[0], *stay, now]


@style
def choose_memory__set(kept, now, every, most):
    first = kept[0]
    grid = set(range(first + every, now, every)) if every else set()
    between = sorted(grid & set(kept), reverse=True)[: most - 2]
    return sorted({first, now, *between})
