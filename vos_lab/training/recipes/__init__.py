"""How each shipped network is trained: one file for a method, one line here for each network."""

from importlib import import_module

from vos_lab.training.loop import Recipe

RECIPES = {
    "flownet-s": "vos_lab.training.recipes.flownet.FLOWNET_S",
    "flownet-c": "vos_lab.training.recipes.flownet.FLOWNET_C",
    "fusionseg-appearance": "vos_lab.training.recipes.fusionseg.APPEARANCE",
    "fusionseg-motion": "vos_lab.training.recipes.fusionseg.MOTION",
    "fusionseg-fusion": "vos_lab.training.recipes.fusionseg.FUSION",
    "osvos-parent": "vos_lab.training.recipes.osvos.OSVOS_PARENT",
    "osvos-parent-long": "vos_lab.training.recipes.osvos.OSVOS_PARENT_LONG",
    "osvos-contours": "vos_lab.training.recipes.osvos.OSVOS_CONTOURS",
    "masktrack-parent": "vos_lab.training.recipes.osvos.MASKTRACK_PARENT",
    "masktrack-parent-long": "vos_lab.training.recipes.osvos.MASKTRACK_PARENT_LONG",
    "pixel-embedding": "vos_lab.training.recipes.pixel_retrieval.PIXEL_EMBEDDING",
    "pixel-embedding-plain": "vos_lab.training.recipes.pixel_retrieval.PIXEL_EMBEDDING_PLAIN",
    "proposals": "vos_lab.training.recipes.proposals.PROPOSALS",
    "reid": "vos_lab.training.recipes.reid.REID",
}
"""Where each recipe stands. By name, so that naming one does not load all networks."""


def recipe(name: str) -> Recipe:
    """A recipe by its name, which is also that of the weights it makes.

    Args:
        name: one of :data:`RECIPES`.

    Returns:
        The recipe.

    Raises:
        ValueError: there is no such recipe.
    """
    if name not in RECIPES:
        raise ValueError(f"there is no recipe {name!r}; there are: {', '.join(RECIPES)}")
    module, _, attribute = RECIPES[name].rpartition(".")
    found: Recipe = getattr(import_module(module), attribute)
    return found
