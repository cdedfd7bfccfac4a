"""The claims of lesson 11: what they measure would come out otherwise, were they wrong."""

from functools import partial

from vos_lab.claims import premvos
from vos_lab.claims.videos import video
from vos_lab.methods.premvos import INGREDIENTS, PARTS, SCORES, PReMVOS
from vos_lab.methods.premvos_fused import FusedPReMVOS

MEASURED = [*PARTS, "expansion"]
CHOSEN = [*SCORES, "fused"]


def test_there_is_a_claim_for_each_ingredient():
    names = [claim.name.removeprefix("11_premvos/") for claim in premvos.CLAIMS]
    assert sorted(names) == sorted([*MEASURED, *CHOSEN])
    assert {*INGREDIENTS} <= {*names}


def test_each_claim_compares_with_what_it_leaves_out(monkeypatch):
    found = {"": 1.0} | {name: k / 16 for k, name in enumerate([*MEASURED, *CHOSEN])}
    monkeypatch.setattr(premvos, "measured", lambda seed: found)
    monkeypatch.setattr(premvos, "chosen", lambda seed: found)
    effects = {c.name.split("/")[1]: c.experiment(0) for c in premvos.CLAIMS}
    gains = {name: 1 - found[name] for name in [*MEASURED, *CHOSEN]}
    added = {name: -gains[name] for name in ("expansion", "fused")}  # not left out
    assert effects == gains | added


def test_what_is_measured(monkeypatch):
    monkeypatch.setattr(premvos, "PReMVOS", partial(PReMVOS, steps=1, refinement_steps=1))
    fused = partial(FusedPReMVOS, steps=1, masktrack_steps=1)
    monkeypatch.setattr(premvos, "FusedPReMVOS", fused)
    monkeypatch.setattr(premvos, "video", lambda suite, seed: video(suite, seed, frames=4))
    different = set()
    for measure, names in ((premvos.measured, MEASURED), (premvos.chosen, CHOSEN)):
        measure.cache_clear()
        found = measure(0)
        measure.cache_clear()  # so that nobody takes this for the truth
        assert set(found) == {"", *names}
        assert all(0 <= value <= 1 for value in found.values())
        different |= set(found.values())
    assert len(different) > 2
