"""HOTA over alpha: a part for each category, and words for those who cannot see it."""

import io

import numpy as np
import pytest
from PIL import Image

from vos_lab.datasets.mots import MotsObject, MotsSequence
from vos_lab.metrics.mots import evaluate_mots
from vos_lab.view.figures.mots import hota_figure


def result_of(*categories, like="trackeval"):
    masks = np.zeros((2, 10, 20), bool)
    masks[0, :, :4] = masks[1, :, :3] = True  # an IoU of 0.75
    truth, found = (
        MotsSequence.of(
            "street", [[MotsObject.of(k, k, np.roll(mask, 5 * k, axis=1)) for k in categories]]
        )
        for mask in masks
    )
    return evaluate_mots(truth, found, like)


def height(figure):
    return Image.open(io.BytesIO(figure.data)).height


def test_each_category_with_masks_has_its_part():
    one, two = hota_figure(result_of(1)), hota_figure(result_of(1, 2), sequence="street")
    assert "car: HOTA goes from 100 % to 0 %, mean 79 %." in one.alt
    assert "pedestrian" not in one.alt
    assert "pedestrian" in two.alt
    assert height(two) > 1.8 * height(one)


def test_the_curves_are_drawn():
    picture = Image.open(io.BytesIO(hota_figure(result_of(1)).data)).convert("RGB")
    colours = np.asarray(picture).reshape(-1, 3).astype(int)
    saturated = colours.max(axis=1) - colours.min(axis=1) > 80
    assert saturated.mean() > 0.005


def test_what_cannot_be_drawn_is_refused():
    with pytest.raises(ValueError, match="mots_tools has no HOTA"):
        hota_figure(result_of(1, like="mots_tools"))
    with pytest.raises(ValueError, match="no mask"):
        hota_figure(result_of())
    with pytest.raises(KeyError, match="night"):
        hota_figure(result_of(1), sequence="night")
