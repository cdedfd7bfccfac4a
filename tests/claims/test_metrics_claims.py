from vos_lab import metrics
from vos_lab.claims.metrics import DAMAGES, disagreement


def test_the_share_is_one_that_pairs_can_have_and_repeats():
    share = disagreement(3)
    pairs = 4 * len(DAMAGES) * (4 * len(DAMAGES) - 1) // 2
    assert 0 < share < 1
    assert abs(share * pairs - round(share * pairs)) < 1e-9
    assert disagreement(3) == share


def test_two_measures_that_are_one_never_disagree(monkeypatch):
    monkeypatch.setattr(metrics, "boundary_f", metrics.jaccard)
    assert disagreement(0) == 0
