"""People, vehicles, balloons and balls, each different for each seed."""

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


def person(rng: Rng) -> Figure:
    """Somebody who walks or runs: head, hair, torso, arms and legs in clothes."""
    skin = colour(rng.uniform(15, 30), rng.uniform(0.3, 0.65), rng.choice([0.35, 0.55, 0.75, 0.92]))
    hip, shoulder, head = -0.50, -0.80, rng.uniform(0.062, 0.075)
    build = rng.uniform(0.85, 1.25)
    swing = rng.uniform(0.45, 0.65)
    running = bool(rng.random() < 0.4)
    skirt = bool(rng.random() < 0.25)
    lean = 0.06 if running else 0.0
    cuts: list[Cut] = []

    def leg(near: bool, phase: float) -> None:
        side, shade = (0.05, 1.0) if near else (-0.05, 0.68)
        name = "near" if near else "far"
        knee, ankle = (0.01, hip + 0.245), (-0.01, -0.045)
        shoe = Mark(ellipse(0.02, -0.02, 0.085, 0.045), shoes, 1.0)
        lower = hull(
            np.concatenate(
                [limb(knee, ankle, 0.048 * build, 0.03 * build), ellipse(0.035, -0.02, 0.05, 0.022)]
            )
        )
        bare = "skin" if skirt or shorts else "trousers"
        cuts.append(
            Cut(
                f"{name} shin",
                lower,
                bare,
                f"{name} thigh",
                knee,
                swing * 1.1,
                phase - 1.4,
                bend="knee",
                shade=shade,
                side=side,
                marks=[shoe],
            )
        )
        cuts.append(
            Cut(
                f"{name} thigh",
                limb((0.0, hip), knee, 0.075 * build, 0.05 * build),
                "trousers",
                "torso",
                (0.0, hip),
                swing,
                phase,
                shade=shade,
                side=side,
            )
        )

    def arm(near: bool, phase: float) -> None:
        side, shade = (0.09, 1.0) if near else (-0.09, 0.68)
        name = "near" if near else "far"
        top, elbow = (lean * 0.8, shoulder + 0.04), (lean * 0.5 - 0.01, shoulder + 0.19)
        wrist = (elbow[0] + (0.12 if running else 0.04), elbow[1] + (0.08 if running else 0.15))
        hand = Mark(ellipse(*wrist, 0.035, 0.035), skin, 1.0)
        sleeve = "skin" if short_sleeves else "shirt"
        cuts.append(
            Cut(
                f"{name} forearm",
                limb(elbow, wrist, 0.034 * build, 0.026),
                sleeve,
                f"{name} arm",
                elbow,
                0.2,
                phase,
                shade=shade,
                side=side,
                marks=[hand],
            )
        )
        cuts.append(
            Cut(
                f"{name} arm",
                limb(top, elbow, 0.048 * build, 0.036 * build),
                "shirt",
                "torso",
                top,
                swing * 0.8,
                phase,
                shade=shade,
                side=side,
            )
        )

    shorts, short_sleeves = bool(rng.random() < 0.3), bool(rng.random() < 0.5)
    shoes = shade_of(WHITE, rng.uniform(0.1, 0.95))
    arm(False, 0.0)
    leg(False, np.pi)
    torso = spline(
        [
            (lean - 0.075 * build, shoulder + 0.02),
            (lean, shoulder - 0.025),
            (lean + 0.075 * build, shoulder + 0.03),
            (lean + 0.088 * build, shoulder + 0.13),
            (0.07 * build, hip - 0.06),
            (0.08 * build, hip + 0.05),
            (-0.085 * build, hip + 0.05),
            (-0.07 * build, hip - 0.08),
            (lean - 0.092 * build, shoulder + 0.12),
        ]
    )
    waist = Mark(
        np.array([(-0.3, hip - 0.012), (0.3, hip - 0.012), (0.3, 0.0), (-0.3, 0.0)]),
        trousers := clothes_colour(rng),
        1.0,
    )
    leg(True, 0.0)
    if skirt:
        flare = spline(
            [(-0.08, hip - 0.06), (0.08, hip - 0.06), (0.17, hip + 0.2), (-0.17, hip + 0.2)]
        )
        cuts.append(Cut("skirt", flare, "trousers", "torso", (0.0, hip), 0.08, 0.0, round=0.6))
    neck = (lean * 1.1, shoulder - 0.01)
    centre = (lean * 1.3 + 0.012, shoulder - 0.11)
    face = hull(
        np.concatenate(
            [
                ellipse(*centre, head, 1.15 * head),
                ellipse(centre[0] + 0.1 * head, centre[1] + head * 0.9, 0.5 * head, 0.4 * head),
            ]
        )
    )
    nose = ellipse(centre[0] + head * 0.98, centre[1] + 0.25 * head, 0.2 * head, 0.16 * head)
    eye = Mark(ellipse(centre[0] + 0.62 * head, centre[1] - 0.02, 0.09 * head, 0.1 * head), BLACK)
    cuts.append(Cut("neck", limb(neck, centre, 0.034, 0.034), "skin", "torso", neck, round=0.7))
    cuts.append(Cut("torso", torso, "shirt", marks=[waist]))
    cuts.append(
        Cut(
            "head",
            hull(np.concatenate([face, nose])),
            "skin",
            "torso",
            neck,
            0.05,
            0.6,
            round=0.8,
            marks=[eye],
        )
    )
    hair = [
        (centre[0] + 0.7 * head, centre[1] - 0.75 * head),
        (centre[0] + 0.1 * head, centre[1] - 1.35 * head),
        (centre[0] - 0.95 * head, centre[1] - 0.8 * head),
        (centre[0] - 1.15 * head, centre[1] + 0.3 * head),
        (centre[0] - 0.6 * head, centre[1] + rng.uniform(0.5, 2.2) * head),
        (centre[0] - 0.25 * head, centre[1] - 0.1 * head),
    ]
    cuts.append(Cut("hair", ragged(spline(hair), rng, 0.006), "hair", "head", neck, round=0.6))
    if rng.random() < 0.3:
        pack = spline(
            [
                (-0.07, shoulder + 0.02),
                (-0.2, shoulder + 0.05),
                (-0.21, hip - 0.05),
                (-0.07, hip - 0.04),
            ]
        )
        cuts.append(
            Cut("backpack", pack + np.array([lean, 0]), "pack", "torso", (0, hip), 0.02, 0, rate=2)
        )
    arm(True, np.pi)
    hair_colour = colour(
        rng.uniform(15, 40), rng.uniform(0.2, 0.7), rng.choice([0.08, 0.2, 0.45, 0.75])
    )
    shirt = clothes_colour(rng)
    kind = str(rng.choice(["plain", "bands", "stripes", "spots", "plain"]))
    materials = {
        "skin": Material((skin, shade_of(skin, 0.92)), roughness=0.03),
        "shirt": Material((shirt, clothes_colour(rng)), kind, rng.uniform(0.035, 0.06), 0.06),
        "trousers": Material((trousers, shade_of(trousers, 0.8)), "plain", 0.05, 0.07),
        "hair": Material((hair_colour, shade_of(hair_colour, 0.6)), "ticked", 0.03, 0.15),
        "pack": Material((clothes_colour(rng), clothes_colour(rng)), "plain", 0.06, 0.06),
    }
    return Figure("person", cuts, materials, stride=2.0 * float(np.sin(swing)), wave=(0.008, 0.0))


def _paint(rng: Rng) -> np.ndarray:
    """A colour that vehicles are painted in."""
    if rng.random() < 0.35:
        return colour(220, 0.04, rng.choice([0.12, 0.45, 0.75, 0.93]))
    return colour(
        rng.choice([0, 8, 25, 48, 95, 140, 195, 215, 230]) + rng.uniform(-6, 6),
        rng.uniform(0.55, 0.9),
        rng.uniform(0.4, 0.9),
    )


def vehicle(rng: Rng) -> Figure:
    """A car, van, lorry or bus: painted body with windows and lights, and wheels that turn."""
    kind = str(rng.choice(["car", "hatchback", "van", "lorry", "bus"]))
    long = {"car": 2.5, "hatchback": 2.0, "van": 2.1, "lorry": 2.7, "bus": 2.9}[kind]
    long *= rng.uniform(0.92, 1.08)
    f, r = long / 2, -long / 2
    wheel = 0.2 if kind in ("van", "lorry", "bus") else 0.235
    low = -0.62 * wheel
    glass = colour(205, 0.25, rng.uniform(0.2, 0.35))
    paint = _paint(rng)
    marks: list[Mark] = []

    def window(*corners: tuple[float, float]) -> None:
        pane = np.array(corners)
        marks.append(Mark(pane, glass))
        shine = pane.mean(0) + (pane - pane.mean(0)) * [0.25, 0.9] + [-0.04, 0]
        marks.append(Mark(shine, WHITE, 0.16))

    if kind in ("car", "hatchback"):
        boot = -0.62 if kind == "car" else -0.72
        tail_x = r + (0.42 if kind == "car" else 0.10)
        body = spline(
            [
                (f, low - 0.02),
                (f + 0.01, -0.42),
                (f - 0.12, -0.55),
                (f - 0.62, -0.62),
                (f - 0.98, -0.97),
                (0.0 - 0.1, -1.02),
                (tail_x + 0.25, -0.97),
                (tail_x, boot - 0.02),
                (r + 0.04, boot + 0.04),
                (r - 0.01, -0.40),
                (r + 0.02, low),
                (0, low + 0.02),
            ],
            10,
        )
        window((f - 0.78, -0.64), (f - 1.04, -0.91), (0.08, -0.95), (0.08, -0.64))
        window((0.0, -0.64), (0.0, -0.95), (tail_x + 0.3, -0.91), (tail_x + 0.12, -0.66))
    elif kind == "van":
        body = spline(
            [
                (f, low),
                (f + 0.02, -0.45),
                (f - 0.22, -0.62),
                (f - 0.5, -1.02),
                (0, -1.1),
                (r + 0.06, -1.08),
                (r, -0.9),
                (r, -0.3),
                (r + 0.02, low),
            ],
            10,
        )
        window((f - 0.3, -0.64), (f - 0.54, -0.95), (f - 0.95, -0.97), (f - 0.95, -0.64))
        if rng.random() < 0.5:
            window((f - 1.05, -0.64), (f - 1.05, -0.97), (r + 0.2, -0.97), (r + 0.2, -0.64))
    elif kind == "lorry":
        body = np.array(
            [
                (f, low),
                (f + 0.01, -0.55),
                (f - 0.12, -1.0),
                (f - 0.62, -1.02),
                (f - 0.64, -0.3),
                (r, -0.3),
                (r, low),
            ]
        )
        window((f - 0.06, -0.62), (f - 0.16, -0.92), (f - 0.5, -0.92), (f - 0.5, -0.62))
    else:
        body = spline(
            [
                (f, low),
                (f + 0.02, -0.6),
                (f - 0.04, -1.15),
                (f - 0.2, -1.2),
                (0, -1.21),
                (r + 0.1, -1.2),
                (r, -1.1),
                (r, -0.3),
                (r + 0.02, low),
            ],
            10,
        )
        count = int(rng.integers(5, 8))
        for left in np.linspace(r + 0.12, f - 0.45, count):
            w = (long - 0.5) / count * 0.82
            window((left, -0.68), (left, -1.06), (left + w, -1.06), (left + w, -0.68))
        window((f - 0.02, -0.62), (f - 0.06, -1.08), (f - 0.2, -1.08), (f - 0.2, -0.62))
    line = np.array([(r - 1, -0.46), (f + 1, -0.46), (f + 1, -0.445), (r - 1, -0.445)])
    marks.append(Mark(line, shade_of(paint, 0.55), 0.8))
    sill = np.array([(r - 1, low - 0.08), (f + 1, low - 0.08), (f + 1, 0.1), (r - 1, 0.1)])
    marks.append(Mark(sill, BLACK * 3, 0.75))
    marks.append(Mark(ellipse(f - 0.04, -0.44, 0.08, 0.05), colour(50, 0.2, 1.0)))
    marks.append(Mark(ellipse(r + 0.03, -0.48, 0.05, 0.06), colour(2, 0.85, 0.75)))
    axles = [f - 0.46, r + 0.46] if kind != "lorry" else [f - 0.4, r + 0.85, r + 0.4]
    marks.extend(Mark(ellipse(x, -wheel, wheel * 1.2, wheel * 1.2), BLACK) for x in axles)

    cuts: list[Cut] = []
    if kind == "lorry":
        box = np.array([(f - 0.7, -0.3), (f - 0.7, -1.22), (r, -1.22), (r, -0.3)])
        logo = Mark(
            spline([(-0.75, -0.5), (-0.6, -1.0), (0.1, -1.0), (0.2, -0.55)]), _paint(rng), 0.8
        )
        cuts.append(Cut("box", box, "load", "body", round=0.2, marks=[logo]))
    cuts.append(Cut("body", body, "paint", round=0.45, marks=marks))
    rim = shade_of(WHITE, rng.uniform(0.45, 0.85))
    spokes = int(rng.integers(4, 7))
    for i, x in enumerate(axles):
        hub = [Mark(ellipse(x, -wheel, 0.62 * wheel, 0.62 * wheel), rim)]
        for spoke in np.arange(spokes) * 2 * np.pi / spokes:
            at = (x + 0.4 * wheel * np.cos(spoke), -wheel + 0.4 * wheel * np.sin(spoke))
            hub.append(Mark(ellipse(*at, 0.15 * wheel, 0.1 * wheel, spoke), BLACK * 2))
        tyre = ellipse(x, -wheel, wheel, wheel)
        # A spinning wheel carries no light from above: painted on, it would turn along.
        cuts.append(
            Cut(f"wheel {i}", tyre, "tyre", "body", (x, -wheel), bend="spin", round=0.0, marks=hub)
        )
    materials = {
        "paint": Material((paint, shade_of(paint, 0.94)), "plain", 0.3, 0.02),
        "tyre": Material((BLACK * 2.2, BLACK * 1.5), "ticked", 0.05, 0.05),
        "load": Material(
            (_paint(rng), _paint(rng)), str(rng.choice(["plain", "bands"])), 0.25, 0.03
        ),
    }
    return Figure("vehicle", cuts, materials, stride=2 * np.pi * wheel, wave=(0.0, 0.004))


def balloon(rng: Rng) -> Figure:
    """A hot-air balloon: a striped envelope, ropes and a basket."""
    hue = rng.uniform(0, 360)
    first = colour(hue, rng.uniform(0.6, 0.9), rng.uniform(0.6, 0.95))
    second = WHITE if rng.random() < 0.4 else colour(hue + rng.uniform(60, 200), 0.75, 0.85)
    wide = rng.uniform(0.32, 0.4)
    envelope = spline(
        [
            (0, -1.0),
            (0.72 * wide, -0.92),
            (wide, -0.68),
            (0.8 * wide, -0.42),
            (0.1, -0.2),
            (-0.1, -0.2),
            (-0.8 * wide, -0.42),
            (-wide, -0.68),
            (-0.72 * wide, -0.92),
        ],
        12,
    )
    gores: list[Mark] = []
    count = int(rng.choice([5, 7, 9]))
    across = np.sin(np.linspace(-np.pi / 2, np.pi / 2, count + 1))
    for i in range(0, count, 2):
        v = np.linspace(0, 1, 20)
        bulge = np.sqrt(np.clip(1 - (2 * v - 0.85) ** 2 / 1.35, 0.03, 1)) * wide * 1.12
        rows = -1.02 + 0.84 * v
        left = np.stack([across[i] * bulge, rows], 1)
        right = np.stack([across[i + 1] * bulge, rows], 1)[::-1]
        gores.append(Mark(np.concatenate([left, right]), second, 0.92))
    if rng.random() < 0.5:
        belt = np.array([(-1, -0.72), (1, -0.72), (1, -0.62), (-1, -0.62)])
        gores.append(Mark(belt, colour(hue + 180, 0.7, 0.4), 0.9))
    basket = spline([(-0.07, -0.105), (0.07, -0.105), (0.06, 0.0), (-0.06, 0.0)], 4)
    rope = [
        Cut(
            f"rope {side}",
            limb((side * 0.085, -0.215), (side * 0.055, -0.1), 0.006, 0.006),
            "rope",
            "envelope",
            (0, -0.2),
            0.05,
            0.0,
            round=0.0,
        )
        for side in (-1, 1)
    ]
    cuts = [
        *rope,
        Cut("basket", basket, "wicker", "envelope", (0.0, -0.22), 0.06, 0.4, round=0.6),
        Cut("envelope", envelope, "cloth", None, (0.0, -0.2), 0.04, 0.0, marks=gores),
    ]
    materials = {
        "cloth": Material((first, shade_of(first, 0.92)), "plain", 0.1, 0.03),
        "rope": Material((BLACK * 4, BLACK * 3), roughness=0.0),
        "wicker": Material((colour(30, 0.6, 0.5), colour(28, 0.6, 0.3)), "bands", 0.02, 0.1),
    }
    return Figure(
        "balloon", cuts, materials, stride=3.0, habitat="air", wave=(0.01, 0.0), idle=0.012
    )


def ball(rng: Rng) -> Figure:
    """A ball that rolls."""
    hue = rng.uniform(0, 360)
    first, second = (
        colour(hue, 0.8, 0.85),
        WHITE if rng.random() < 0.6 else colour(hue + 150, 0.7, 0.7),
    )
    marks: list[Mark] = []
    if rng.random() < 0.6:
        for i in range(0, 6, 2):
            a = np.linspace(i, i + 1, 12) * np.pi / 3
            wedge = np.stack([0.5 * np.cos(a), 0.5 * np.sin(a) - 0.5], 1)
            marks.append(Mark(np.concatenate([[(0, -0.5)], wedge]), second))
        marks.append(Mark(ellipse(0, -0.5, 0.1, 0.1), WHITE))
    else:
        for i in range(5):
            angle = 2 * np.pi * i / 5
            marks.append(
                Mark(
                    ellipse(0.36 * np.cos(angle), -0.5 + 0.36 * np.sin(angle), 0.11, 0.11),
                    BLACK * 3,
                )
            )
        marks.append(Mark(ellipse(0, -0.5, 0.13, 0.13), BLACK * 3))
    cut = Cut(
        "ball",
        ellipse(0, -0.5, 0.5, 0.5),
        "skin",
        None,
        (0.0, -0.5),
        bend="spin",
        round=0.35,
        marks=marks,
    )
    return Figure(
        "ball",
        [cut],
        {"skin": Material((first, second), roughness=0.03)},
        stride=np.pi,
        wave=(0.0, 0.0),
    )
