"""The claims of lesson 11: what they measure would come out otherwise, were they wrong."""

from functools import partial

from vos_lab.claims import premvos
from vos_lab.claims.videos import video
from vos_lab.methods.premvos import INGREDIENTS, PReMVOS

MEASURED = [*INGREDIENTS, "expansion"]


def test_there_is_a_claim_for_each_ingredient():
    names = [claim.name.removeprefix("11_premvos/") for claim in premvos.CLAIMS]
    assert sorted(names) == sorted(MEASURED)


def test_each_claim_compares_with_what_it_leaves_out(monkeypatch):
    found = {"": 1.0} | {name: k / 16 for k, name in enumerate(MEASURED)}
    monkeypatch.setattr(premvos, "measured", lambda seed: found)
    effects = {c.name.split("/")[1]: c.experiment(0) for c in premvos.CLAIMS}
    gains = {name: 1 - k / 16 for k, name in enumerate(MEASURED)}
    assert effects == gains | {"expansion": -gains["expansion"]}  # it is added, not left out


def test_what_is_measured(monkeypatch):
    monkeypatch.setattr(premvos, "PReMVOS", partial(PReMVOS, steps=1, refinement_steps=1))
    monkeypatch.setattr(premvos, "video", lambda suite, seed: video(suite, seed, frames=4))
    premvos.measured.cache_clear()
    found = premvos.measured(0)
    premvos.measured.cache_clear()  # so that nobody takes this for the truth
    assert set(found) == {"", *MEASURED}
    assert all(0 <= value <= 1 for value in found.values())
    assert len(set(found.values())) > 1
