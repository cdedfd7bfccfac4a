"""Posing: where the limbs of a figure are at each moment of its stride."""

from dataclasses import dataclass

import numpy as np

from vos_lab.datasets.procedural.figures import Figure


@dataclass(frozen=True)
class Rig:
    """What hangs on what in a figure, as arrays over its P cuts.

    Attributes:
        figure: whose.
        joints: ``(P, 2)``, the points they turn around, figure units.
        swing: ``(P,)``, how far they swing, radians.
        phase: ``(P,)``, where in the stride, radians.
        rate: ``(P,)``, swings for each stride.
        lift: ``(P,)``, 1 for a knee, which swings to one side only, else 0.
        spins: ``(P,)`` bool, whether it is a wheel.
        sides: ``(P,)``, how far in front of the middle of the figure they lie, figure units.
        levels: those that hang on nothing, then those that hang on them, and so on: for each
            level the cuts, and what each of them hangs on.
        feet: the cuts that must not leave the ground, all at once.
        soles: ``(F, 3)``, their lowest points, homogeneous.
        stance: left and right end of the figure at rest, figure units.
    """

    figure: Figure
    joints: np.ndarray
    swing: np.ndarray
    phase: np.ndarray
    rate: np.ndarray
    lift: np.ndarray
    spins: np.ndarray
    sides: np.ndarray
    levels: list[tuple[np.ndarray, np.ndarray]]
    feet: np.ndarray
    soles: np.ndarray
    stance: tuple[float, float]

    @staticmethod
    def of(figure: Figure) -> "Rig":
        """The rig of a figure."""
        cuts = figure.cuts
        number = {cut.name: i for i, cut in enumerate(cuts)}
        parent = np.array([-1 if cut.parent is None else number[cut.parent] for cut in cuts])
        levels, level = [], np.nonzero(parent < 0)[0]
        while len(level):
            levels.append((level, parent[level]))
            level = np.nonzero(np.isin(parent, level))[0]
        feet = [i for i, cut in enumerate(cuts) if cut.bend == "knee"]
        soles = [[*cuts[i].outline[np.argmax(cuts[i].outline[:, 1])], 1.0] for i in feet]
        columns = np.concatenate([cut.outline[:, 0] for cut in cuts])
        return Rig(
            figure,
            np.array([cut.joint for cut in cuts], float),
            np.array([cut.swing for cut in cuts]),
            np.array([cut.phase for cut in cuts]),
            np.array([cut.rate for cut in cuts]),
            np.array([1.0 if cut.bend == "knee" else 0.0 for cut in cuts]),
            np.array([cut.bend == "spin" for cut in cuts]),
            np.array([cut.side for cut in cuts]),
            levels,
            np.array(feet, int),
            np.array(soles).reshape(-1, 3),
            (float(columns.min()), float(columns.max())),
        )

    def limbs(self, beat: float, stride: float, articulation: float) -> np.ndarray:
        """Where the limbs are, each turned around its joint and moved by what it hangs on.

        Args:
            beat: phase of the swing, radians.
            stride: how many strides the figure has gone: a wheel turns once in each.
            articulation: how far limbs swing.

        Returns:
            ``(P, 3, 3)``: figure units at rest to figure units now.
        """
        angle = articulation * self.swing * (self.lift + np.sin(beat * self.rate + self.phase))
        angle = np.where(self.spins, 2 * np.pi * stride, angle)
        c, s = np.cos(angle), np.sin(angle)
        x, y = self.joints.T
        turned = np.zeros((len(angle), 3, 3))
        turned[:, 0, 0], turned[:, 0, 1], turned[:, 0, 2] = c, -s, x - c * x + s * y
        turned[:, 1, 0], turned[:, 1, 1], turned[:, 1, 2] = s, c, y - s * x - c * y
        turned[:, 2, 2] = 1
        for level, parents in self.levels[1:]:
            turned[level] = turned[parents] @ turned[level]
        # Who walks has a foot on the ground: lower the body when the legs are spread.
        if len(self.feet):
            turned[:, 1, 2] -= (turned[self.feet, 1] * self.soles).sum(1).max()
        return turned

    def extent(self, articulation: float) -> tuple[float, float]:
        """Width and height of the figure whatever its limbs do, figure units."""
        points = []
        for beat in np.arange(8) * np.pi / 4:
            for cut, limb in zip(
                self.figure.cuts, self.limbs(beat, 0.0, articulation), strict=True
            ):
                points.append(cut.outline @ limb[:2, :2].T + limb[:2, 2])
        width, height = np.ptp(np.concatenate(points), axis=0)
        return float(width), float(height)
