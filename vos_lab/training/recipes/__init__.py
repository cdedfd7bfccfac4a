"""How each shipped network is trained: one file for a method."""

from functools import cache
from importlib import import_module
from pkgutil import iter_modules

from vos_lab.training.loop import Recipe


@cache
def recipes() -> dict[str, Recipe]:
    """Every recipe by its name, which is also that of the weights it makes.

    Returns:
        The recipes that stand in the modules of this folder.
    """
    modules = [import_module(f"{__name__}.{each.name}") for each in iter_modules(__path__)]
    found = [each for module in modules for each in vars(module).values()]
    return {each.name: each for each in found if isinstance(each, Recipe)}


def recipe(name: str) -> Recipe:
    """A recipe by its name.

    Args:
        name: one of :func:`recipes`.

    Returns:
        The recipe.

    Raises:
        ValueError: there is no such recipe.
    """
    if name not in recipes():
        raise ValueError(f"there is no recipe {name!r}; there are: {', '.join(recipes())}")
    return recipes()[name]
