import pytest

from training.evaluation.gate import GateError, Verdict, compare, require
from training.evaluation.statistics import wilson_interval


def outcomes(good, total=60):
    return [seed < good for seed in range(total)]


def test_both_run_the_same_seeds_and_pairs_are_counted():
    asked = []

    def evaluate(bundle, seeds):
        asked.append((bundle, list(seeds)))
        return [seed % 2 == 0 for seed in seeds] if bundle == "policy" else [seed < 3 for seed in seeds]

    verdict = compare(evaluate, "policy", "version", range(6), 0.95)
    assert asked == [("policy", [0, 1, 2, 3, 4, 5]), ("version", [0, 1, 2, 3, 4, 5])]
    assert (verdict.lost, verdict.gained) == (1, 1)  # 4 is lost, 1 is gained
    assert verdict.low == wilson_interval(3, 6)[0] and verdict.accepted
    assert "success 3/6 before, 3/6 after (1 lost, 1 gained" in str(verdict)


@pytest.mark.parametrize(("after", "accepted"), [(60, True), (57, True), (56, False), (0, False)])
def test_a_drop_beyond_the_interval_is_refused(after, accepted):
    low = wilson_interval(60, 60)[0]  # 0.9398: 57 of 60 are 0.95, 56 are 0.933
    verdict = Verdict(tuple(outcomes(60)), tuple(outcomes(after)), low, 0.95)
    assert verdict.accepted is accepted
    if accepted:
        require(verdict, "x")
    else:
        with pytest.raises(GateError, match=f"x does worse in closed loop: success 60/60 before, {after}/60 after"):
            require(verdict, "x")


def test_a_policy_that_never_succeeds_proves_nothing():
    with pytest.raises(GateError, match="never succeeds"):
        require(Verdict((False,) * 5, (True,) * 5, 0.0, 0.95), "x")
