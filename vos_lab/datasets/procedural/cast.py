"""The cast: who can play in a procedural video."""

from collections.abc import Callable

import numpy as np

from vos_lab.datasets.procedural.animals import animal, bird, fish
from vos_lab.datasets.procedural.figures import Figure
from vos_lab.datasets.procedural.people_and_things import ball, balloon, person, vehicle

MAKERS: dict[str, Callable[[np.random.Generator], Figure]] = {
    "animal": animal,
    "person": person,
    "vehicle": vehicle,
    "bird": bird,
    "fish": fish,
    "balloon": balloon,
    "ball": ball,
}
"""A maker for each semantic class."""
