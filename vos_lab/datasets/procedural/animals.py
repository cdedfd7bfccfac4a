"""Animals: four-legged ones, birds and fish, each different for each seed."""

import numpy as np

from vos_lab.datasets.procedural.figures import (
    BLACK,
    WHITE,
    Figure,
    Material,
    clothes_colour,
    hull,
    shade_of,
)
from vos_lab.datasets.procedural.shapes import Cut, Mark, ellipse, limb, ragged, spline
from vos_lab.datasets.procedural.textures import colour

Rng = np.random.Generator


def _coat_colours(rng: Rng) -> tuple[np.ndarray, np.ndarray, str]:
    """Two natural colours of fur and the pattern that goes with them."""
    look = rng.integers(9)
    if look == 0:  # zebra, badger
        return shade_of(WHITE, rng.uniform(0.85, 1)), shade_of(BLACK, 2), "stripes"
    if look == 1:  # giraffe
        return colour(40, 0.3, 0.9), colour(rng.uniform(18, 28), 0.7, 0.5), "cells"
    if look == 2:  # cow, spaniel
        dark = BLACK if rng.random() < 0.5 else colour(rng.uniform(15, 28), 0.7, 0.42)
        return WHITE, dark, "patches"
    if look == 3:  # leopard, dalmatian, fawn
        base = colour(rng.uniform(28, 42), rng.uniform(0.2, 0.6), rng.uniform(0.7, 0.95))
        return base, colour(20, 0.6, rng.uniform(0.1, 0.3)), "spots"
    if look == 4:  # tiger, tabby
        base = colour(rng.uniform(20, 36), rng.uniform(0.3, 0.75), rng.uniform(0.6, 0.9))
        return base, colour(20, 0.5, 0.16), "stripes"
    if look == 5:  # shepherd dog
        base = colour(rng.uniform(25, 35), 0.6, rng.uniform(0.55, 0.75))
        return base, colour(20, 0.4, 0.14), "saddle"
    value = rng.choice([0.16, 0.35, 0.5, 0.65, 0.8])
    saturation = rng.choice([0.08, 0.3, 0.5, 0.65])
    base = colour(rng.uniform(16, 40), saturation, value * rng.uniform(0.85, 1.1))
    return base, shade_of(base, rng.uniform(0.55, 0.8)), "ticked" if look == 6 else "plain"


# Leg length, body length, body depth, neck length, neck angle (degrees above level), head, snout,
# tail length, leg thickness: in units of the height at the shoulder.
_SPECIES: dict[str, tuple[float, ...]] = {
    "dog": (0.55, 1.05, 0.40, 0.30, 50, 0.155, 1.0, 0.55, 0.055),
    "cat": (0.48, 1.15, 0.42, 0.20, 40, 0.165, 0.45, 0.85, 0.055),
    "horse": (0.60, 1.05, 0.42, 0.58, 50, 0.135, 1.7, 0.60, 0.052),
    "camel": (0.60, 1.02, 0.40, 0.60, 28, 0.105, 1.5, 0.35, 0.050),
    "cow": (0.47, 1.25, 0.52, 0.30, 22, 0.165, 1.2, 0.60, 0.062),
    "elephant": (0.48, 1.10, 0.62, 0.16, 15, 0.240, 0.5, 0.35, 0.105),
    "giraffe": (0.66, 0.80, 0.38, 0.98, 62, 0.095, 1.4, 0.40, 0.046),
    "sheep": (0.40, 1.00, 0.55, 0.22, 35, 0.125, 1.0, 0.14, 0.045),
    "deer": (0.62, 0.92, 0.36, 0.50, 58, 0.110, 1.2, 0.12, 0.036),
    "bear": (0.42, 1.20, 0.60, 0.20, 15, 0.190, 0.8, 0.08, 0.095),
    "pig": (0.32, 1.25, 0.58, 0.14, 5, 0.190, 0.8, 0.22, 0.062),
    "fox": (0.45, 1.10, 0.34, 0.24, 38, 0.135, 1.3, 0.80, 0.042),
}


def animal(rng: Rng) -> Figure:
    """A four-legged animal: body, neck, head, ears, tail and four walking legs."""
    species = str(rng.choice(list(_SPECIES)))
    jitter = rng.uniform(0.9, 1.12, 9)
    leg, body, depth, neck, angle, head, snout, tail, thick = np.array(_SPECIES[species]) * jitter
    angle = np.deg2rad(angle)
    back = -(leg + 0.88 * depth)
    belly = -leg + 0.06 * depth
    front, rear = body / 2, -body / 2
    top = back - (0.10 if species == "cow" else 0.03) * depth
    arch = rng.uniform(-0.02, 0.06) * depth
    points = [
        (front + 0.02, back + 0.30 * depth),
        (front - 0.06, back + 0.02 * depth),
        (front - 0.25 * body, top),
        (0.0, back - arch),
        (rear + 0.22 * body, top + 0.03 * depth),
        (rear + 0.02, back + 0.14 * depth),
        (rear - 0.03, back + 0.45 * depth),
        (rear + 0.08, belly - 0.10 * depth),
        (rear + 0.25 * body, belly - 0.16 * depth),
        (0.05 * body, belly + 0.02 * depth),
        (front - 0.18 * body, belly + 0.04 * depth),
        (front - 0.01, belly - 0.22 * depth),
    ]
    if species == "camel":
        hump = rng.uniform(0.35, 0.5) * depth
        points[3:4] = [
            (0.2 * body, back),
            (0.08 * body, back - 0.85 * hump),
            (-0.08 * body, back - 0.85 * hump),
            (-0.2 * body, back),
        ]
    fluff = {"sheep": 0.05, "bear": 0.02}.get(species, 0.006)
    trunk = ragged(spline(points), rng, fluff)

    thigh = 0.52 * leg
    stout = thick > 0.08
    fine = species in ("horse", "deer", "camel", "giraffe", "fox", "dog")
    order = (0.0, np.pi) if rng.random() < 0.5 else (0.5 * np.pi, 1.5 * np.pi)
    swing = rng.uniform(0.38, 0.5)
    cuts: list[Cut] = []

    def add_leg(where: str, x: float, phase: float, near: bool) -> None:
        hip = (x, -leg - 0.02)
        knee = (x + (0.02 if where == "fore" else -0.03) * leg, hip[1] + thigh)
        foot = (x + 0.0, -0.5 * thick)
        shade, side = (1.0, 0.12) if near else (0.62, -0.12)
        name = f"{'near' if near else 'far'} {where}"
        upper = limb(
            hip, knee, thick * (1.35 if stout else 2.0 if where == "hind" else 1.7), thick * 1.05
        )
        paw = ellipse(foot[0] + 0.35 * thick, foot[1] - 0.1 * thick, 1.25 * thick, 0.7 * thick)
        hoof = Mark(paw, BLACK * 2.5, 0.8 if fine else 0.35)
        lower = np.concatenate(
            [limb(knee, (foot[0], foot[1] - 0.2 * thick), thick * 1.02, thick * 0.72), paw]
        )
        lower = hull(lower) if not fine else limb(knee, foot, thick * 0.95, thick * 0.75)
        cuts.append(
            Cut(
                f"{name} shin",
                lower,
                "coat",
                f"{name} thigh",
                knee,
                0.75 * swing,
                phase - (1.5 if where == "fore" else 1.3),
                bend="knee",
                shade=shade,
                side=side,
                marks=[hoof],
            )
        )
        cuts.append(
            Cut(
                f"{name} thigh",
                upper,
                "coat",
                "body",
                hip,
                swing,
                phase,
                shade=shade,
                side=side,
                round=0.6,
            )
        )

    fore_x, hind_x = front - 0.14 * body, rear + 0.13 * body
    add_leg("hind", hind_x + 0.03, order[1], near=False)
    add_leg("fore", fore_x + 0.03, order[0], near=False)

    tail_root = (rear + 0.02, back + 0.16 * depth)
    lift = 0.55 if species in ("dog", "cat", "fox") else -1.1
    tip = (
        tail_root[0] - tail * 0.55 * np.cos(lift),
        tail_root[1] - tail * 0.55 * np.sin(lift),
    )
    end = (tip[0] - 0.4 * tail * np.cos(lift + 0.5), tip[1] - 0.4 * tail * np.sin(lift + 0.5))
    bushy = {"fox": 1.7, "horse": 1.3, "cat": 0.8}.get(species, 0.7) * 0.045
    cuts.append(
        Cut(
            "tail tip",
            ragged(limb(tip, end, bushy * 1.1, bushy * 0.8), rng, 0.01),
            "tail",
            "tail",
            tip,
            0.35,
            1.0,
            rate=0.5,
            round=0.7,
        )
    )
    cuts.append(
        Cut(
            "tail",
            limb(tail_root, tip, bushy * 0.9, bushy),
            "coat",
            "body",
            tail_root,
            0.25,
            0.3,
            rate=0.5,
            round=0.8,
        )
    )

    root = (front - 0.14, back + 0.24 * depth)
    nape = (root[0] + neck * np.cos(angle), root[1] - neck * np.sin(angle))
    wide, narrow = 0.30 * depth + 0.03, head * rng.uniform(0.62, 0.8)
    neck_cut = Cut(
        "neck",
        ragged(limb(root, nape, wide, narrow), rng, fluff * 0.6),
        "coat",
        "body",
        root,
        0.07,
        0.5,
        round=0.75,
    )
    centre = (nape[0] + 0.35 * head, nape[1] - 0.15 * head)
    droop = np.deg2rad(rng.uniform(18, 40))
    reach = head * (0.75 + 0.75 * snout)
    nose = (centre[0] + reach * np.cos(droop), centre[1] + reach * np.sin(droop))
    skull = hull(
        np.concatenate(
            [ellipse(*centre, head, 0.88 * head), ellipse(*nose, 0.5 * head, 0.42 * head)]
        )
    )
    muzzle_end = (nose[0] + 0.3 * head, nose[1] + 0.02)
    eye = (centre[0] + 0.38 * head, centre[1] - 0.18 * head)
    face = [
        Mark(
            ellipse(nose[0] + 0.12 * head, nose[1] + 0.08 * head, 0.5 * head, 0.42 * head),
            BLACK * 4,
            0.5,
        ),
        Mark(ellipse(*muzzle_end, 0.14 * head, 0.1 * head), BLACK, 0.9),
        Mark(ellipse(*eye, 0.135 * head, 0.125 * head), BLACK, 1.0),
        Mark(ellipse(eye[0] + 0.04 * head, eye[1] - 0.05 * head, 0.04 * head, 0.04 * head), WHITE),
    ]
    head_cut = Cut(
        "head", ragged(skull, rng, 0.004), "coat", "neck", nape, 0.09, 1.4, round=0.8, marks=face
    )

    def ear(near: bool) -> Cut:
        base = (centre[0] - (0.28 if near else 0.02) * head, centre[1] - 0.62 * head)
        long = head * {"elephant": 1.5, "cat": 0.75, "dog": 0.95, "fox": 0.9}.get(species, 0.7)
        if species in ("elephant", "cow", "sheep", "pig"):
            tip_at = (base[0] - 0.6 * long, base[1] + 0.75 * long)
            outline = limb(base, tip_at, 0.3 * long, 0.22 * long)
        elif species == "dog" and rng_floppy:
            tip_at = (base[0] - 0.25 * long, base[1] + 0.9 * long)
            outline = limb(base, tip_at, 0.26 * long, 0.2 * long)
        else:
            tip_at = (base[0] - 0.25 * long, base[1] - 0.95 * long)
            outline = limb((base[0], base[1] + 0.1), tip_at, 0.32 * long, 0.06 * long)
        return Cut(
            "near ear" if near else "far ear",
            outline,
            "tail",
            "head",
            base,
            0.14,
            2.0,
            rate=2.0,
            shade=1.0 if near else 0.7,
            round=0.6,
            side=0.03 if near else -0.03,
        )

    rng_floppy = bool(rng.random() < 0.5)
    cuts.append(ear(near=False))
    if species == "deer" or (species == "cow" and rng.random() < 0.6):
        start = (centre[0] - 0.1 * head, centre[1] - 0.7 * head)
        size = 0.42 if species == "deer" else 0.16
        outline = _antler(start, size, branches=species == "deer")
        cuts.append(Cut("horns", outline, "horn", "head", start, round=0.5))
    if species == "elephant":
        start = (nose[0] + 0.1 * head, nose[1])
        middle = (start[0] + 0.15, start[1] + 0.28)
        end_of_trunk = (middle[0] + 0.02, middle[1] + 0.26)
        cuts.append(
            Cut(
                "trunk tip",
                limb(middle, end_of_trunk, 0.06, 0.04),
                "coat",
                "trunk",
                middle,
                0.3,
                0.7,
                rate=0.5,
            )
        )
        cuts.append(
            Cut(
                "trunk",
                limb(start, middle, 0.10, 0.062),
                "coat",
                "head",
                start,
                0.15,
                0.0,
                rate=0.5,
            )
        )
    long_necked = neck > 0.4
    if long_necked:
        cuts.append(neck_cut)
        cuts.append(Cut("body", trunk, "coat"))
        cuts.append(head_cut)
    else:
        cuts.append(Cut("body", trunk, "coat"))
        cuts.append(neck_cut)
        cuts.append(head_cut)
    if species == "horse":
        mane = limb((root[0] - 0.05, root[1] - 0.18), (nape[0] - 0.06, nape[1] - 0.08), 0.07, 0.06)
        cuts.append(
            Cut("mane", ragged(mane, rng, 0.03), "tail", "neck", root, 0.03, 0.5, round=0.5)
        )
    cuts.append(ear(near=True))
    add_leg("hind", hind_x, order[1] + np.pi, near=True)
    add_leg("fore", fore_x, order[0] + np.pi, near=True)
    # Near thighs go over the body: they carry the same coat, so the seam is only a soft shade.

    first, second, kind = _coat_colours(rng)
    if species == "elephant":
        first, kind = colour(25, 0.08, rng.uniform(0.35, 0.6)), "plain"
        second = shade_of(first, 0.8)
    if species == "pig":
        first, kind = (
            colour(10, rng.uniform(0.25, 0.45), 0.85),
            str(rng.choice(["plain", "patches"])),
        )
        second = BLACK * 3
    accent = shade_of(second if kind in ("saddle", "stripes") else first, rng.uniform(0.4, 0.8))
    materials = {
        "coat": Material((first, second), kind, rng.uniform(0.07, 0.15), 0.12),
        "tail": Material((accent, shade_of(accent, 0.7)), "ticked", 0.06, 0.16),
        "horn": Material((colour(35, 0.3, 0.7), colour(30, 0.4, 0.4)), "bands", 0.06, 0.06),
    }
    return Figure("animal", cuts, materials, stride=4 * leg * float(np.sin(swing)))


def _antler(start: tuple[float, float], size: float, branches: bool) -> np.ndarray:
    """An antler, or a plain horn."""
    x, y = start
    if not branches:
        return spline([(x - 0.03, y + 0.02), (x + 0.05, y - size), (x + 0.04, y + 0.02)])
    w = 0.018
    return np.array(
        [
            (x - w, y + 0.04),
            (x - 0.1 * size - w, y - 0.4 * size),
            (x - 0.5 * size, y - 0.75 * size),
            (x - 0.1 * size, y - 0.5 * size),
            (x - 0.05 * size - w, y - 0.95 * size),
            (x - 0.02 * size + w, y - 0.55 * size),
            (x + 0.3 * size, y - 0.8 * size),
            (x + 0.02 * size + w, y - 0.4 * size),
            (x + w, y + 0.04),
        ]
    )


def bird(rng: Rng) -> Figure:
    """A flying bird: body, head, beak, tail and two beating wings."""
    first = colour(
        rng.choice([20, 30, 45, 200, 215, 350, 0]),
        rng.choice([0.05, 0.3, 0.7]),
        rng.choice([0.12, 0.35, 0.65, 0.92]),
    )
    second = shade_of(first, rng.uniform(0.45, 0.7)) if rng.random() < 0.6 else clothes_colour(rng)
    long, deep = 0.62, rng.uniform(0.14, 0.2)
    y = -0.45
    body = spline(
        [
            (long * 0.5, y - 0.04),
            (0.1, y - deep * 0.85),
            (-0.25, y - deep * 0.5),
            (-long * 0.6, y),
            (-0.2, y + deep * 0.5),
            (0.12, y + deep * 0.75),
        ]
    )
    head = deep * rng.uniform(0.55, 0.7)
    neck = rng.uniform(0.0, 0.3)
    centre = (long * 0.5 + neck, y - 0.05 - 0.25 * neck)
    beak_long = head * rng.uniform(0.8, 2.4)
    beak = np.array(
        [
            (centre[0] + 0.7 * head, centre[1] - 0.35 * head),
            (centre[0] + head + beak_long, centre[1] + 0.2 * head),
            (centre[0] + 0.7 * head, centre[1] + 0.45 * head),
        ]
    )
    tail = np.array(
        [
            (-0.25, y - 0.04),
            (-0.62, y - rng.uniform(0.1, 0.18)),
            (-0.58, y + 0.0),
            (-0.65, y + rng.uniform(0.02, 0.12)),
            (-0.25, y + 0.05),
        ]
    )
    span = rng.uniform(0.55, 0.8)
    broad = rng.uniform(0.13, 0.2)

    def wing(name: str, side: float, shade: float, phase: float) -> list[Cut]:
        root = (0.06, y - 0.05)
        mid = (root[0] - 0.04, root[1] - 0.5 * span)
        inner = spline(
            [
                (root[0] + broad, root[1]),
                (mid[0] + broad * 0.95, mid[1]),
                (mid[0] - broad * 1.1, mid[1] + 0.02),
                (root[0] - broad * 1.2, root[1]),
            ]
        )
        outer = spline(
            [
                (mid[0] + broad * 0.9, mid[1] + 0.05),
                (mid[0] + broad * 0.3, mid[1] - 0.35 * span),
                (mid[0] - 0.2, mid[1] - 0.5 * span),
                (mid[0] - broad * 1.05, mid[1] + 0.06),
            ]
        )
        return [
            Cut(
                f"{name} tip",
                outer,
                "wing",
                name,
                mid,
                0.35,
                phase - 1.2,
                shade=shade,
                side=side,
                round=0.4,
            ),
            Cut(name, inner, "wing", "body", root, 0.85, phase, shade=shade, side=side, round=0.4),
        ]

    eye = Mark(
        ellipse(centre[0] + 0.35 * head, centre[1] - 0.2 * head, 0.15 * head, 0.15 * head), BLACK
    )
    cuts = [
        *wing("far wing", -0.1, 0.65, 0.25),
        Cut("tail", tail, "wing", "body", (-0.25, y), 0.08, 1.0, round=0.4),
        Cut("beak", beak, "beak", "head", centre, round=0.5),
        Cut("body", body, "feathers"),
        Cut(
            "head",
            hull(
                np.concatenate(
                    [
                        ellipse(*centre, head, 0.9 * head),
                        ellipse(0.2, y - 0.02, 0.4 * deep, 0.5 * deep),
                    ]
                )
            ),
            "feathers",
            "body",
            (0.2, y),
            0.06,
            2.0,
            marks=[eye],
        ),
        *wing("near wing", 0.1, 1.0, 0.0),
    ]
    materials = {
        "feathers": Material((first, second), str(rng.choice(["plain", "saddle", "ticked"])), 0.06),
        "wing": Material(
            (shade_of(second, 0.9), first), str(rng.choice(["bands", "ticked", "plain"])), 0.09
        ),
        "beak": Material(
            (colour(rng.uniform(20, 50), 0.85, 0.9), colour(30, 0.8, 0.7)), roughness=0.02
        ),
    }
    return Figure("bird", cuts, materials, stride=1.5, habitat="air", wave=(0.0, 0.01), idle=0.06)


def fish(rng: Rng) -> Figure:
    """A fish that wriggles, with fins and a tail."""
    deep = rng.uniform(0.16, 0.36)
    y = -0.5
    body = spline(
        [
            (0.72, y + 0.02),
            (0.45, y - 0.72 * deep),
            (0.05, y - deep),
            (-0.4, y - 0.5 * deep),
            (-0.68, y - 0.06),
            (-0.68, y + 0.06),
            (-0.4, y + 0.45 * deep),
            (0.05, y + 0.9 * deep),
            (0.45, y + 0.72 * deep),
        ]
    )
    fork = rng.uniform(0.02, 0.2)
    tail = spline(
        [
            (-0.6, y - 0.05),
            (-1.0, y - rng.uniform(0.22, 0.34)),
            (-0.98 + fork, y),
            (-1.0, y + rng.uniform(0.22, 0.34)),
            (-0.6, y + 0.05),
        ],
        6,
    )
    rise = rng.uniform(0.12, 0.3)
    dorsal = spline(
        [
            (0.25, y - 0.75 * deep),
            (-0.05, y - deep - rise),
            (-0.35, y - 0.6 * deep - 0.5 * rise),
            (-0.42, y - 0.3 * deep),
        ]
    )
    anal = spline(
        [(0.0, y + 0.7 * deep), (-0.25, y + 0.9 * deep + 0.5 * rise), (-0.45, y + 0.3 * deep)]
    )
    pectoral = spline(
        [(0.28, y + 0.1), (0.0, y + 0.12 + rng.uniform(0, 0.1)), (0.02, y + 0.26), (0.2, y + 0.2)]
    )
    hue = rng.choice([15, 28, 45, 190, 215, 280, 330])
    bright = rng.random() < 0.6
    first = colour(hue, rng.uniform(0.6, 0.9) if bright else 0.15, rng.uniform(0.55, 0.95))
    second = (
        WHITE
        if rng.random() < 0.4
        else colour(hue + rng.uniform(120, 200), 0.6, rng.uniform(0.2, 0.6))
    )
    eye = (0.5, y - 0.22 * deep)
    size = 0.13 * deep + 0.02
    face = [
        Mark(ellipse(*eye, size, size), WHITE),
        Mark(ellipse(*eye, 0.6 * size, 0.6 * size), BLACK),
        Mark(limb((0.34, y - 0.5 * deep), (0.34, y + 0.5 * deep), 0.008, 0.008), BLACK, 0.35),
    ]
    cuts = [
        Cut("tail", tail, "fins", "body", (-0.64, y), 0.3, 0.0, round=0.4),
        Cut("dorsal fin", dorsal, "fins", "body", (0.0, y - deep), 0.04, 0.5, round=0.4),
        Cut("anal fin", anal, "fins", "body", (-0.2, y + deep), 0.05, 0.5, round=0.4),
        Cut("body", body, "scales", marks=face),
        Cut("pectoral fin", pectoral, "fins", "body", (0.27, y + 0.14), 0.5, 1.0, round=0.3),
    ]
    kind = str(rng.choice(["stripes", "bands", "spots", "saddle", "patches", "cells"]))
    fins = shade_of(first, rng.uniform(0.6, 1.1)) if rng.random() < 0.6 else second
    materials = {
        "scales": Material((first, second), kind, rng.uniform(0.12, 0.26), 0.06),
        "fins": Material((fins, shade_of(fins, 0.7)), "bands", 0.05, 0.1),
    }
    return Figure(
        "fish",
        cuts,
        materials,
        stride=1.1,
        habitat="water",
        wave=(0.0, 0.05),
        wave_length=1.7,
        idle=0.03,
    )
