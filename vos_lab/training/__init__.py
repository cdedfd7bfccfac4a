"""How the shipped weights came about: a loop, and a recipe for each network."""

from vos_lab.training.loop import Recipe, Run, train
from vos_lab.training.recipes import recipe, recipes

__all__ = ["Recipe", "Run", "recipe", "recipes", "train"]
