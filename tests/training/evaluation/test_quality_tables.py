"""The tables of policy quality as a reader would check them, and the record of an evaluation at its edges."""

import math
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from training.evaluation.episode import Episode
from training.evaluation.gate import GateError, Verdict, require
from training.evaluation.modes import count_modes, evenness
from training.evaluation.quality import Cell, mode_table, pooled, quality_table, together, variant_table
from training.evaluation.results import by_variant, score_arrays, summary
from training.evaluation.statistics import wilson_interval


def cell(**changes):
    fields = {
        "label": "flow", "task": "t", "settings": {}, "episodes": 20, "successes": 19, "variants": {},
        "first_seed": 5, "parameters": 2_000_000, "active_parameters": 500_000, "evaluations": 4,
        "flops_per_evaluation": 700_000, "flops": 3_000_000, "latency_ms": (1.5, 2.5), "steps_trained": 7,
    }  # fmt: skip
    return Cell(**{**fields, **changes})


def test_the_head_names_the_level_of_the_interval_below_it():
    wide, narrow = quality_table([cell()], 0.95), quality_table([cell()], 0.8)
    assert "| 95 % interval |" in wide and "| 80 % interval |" in narrow
    assert "0.76 to 0.99" in wide  # Wilson, 19 of 20
    assert len({line.count("|") for line in wide.splitlines()}) == 1


def test_a_row_says_what_is_special_about_it():
    text = quality_table([cell(settings={"sampling_steps": 2, "sampler": "heun"})])
    assert "| flow, sampling steps 2, sampler heun | 19/20 = 0.95 |" in text
    assert "| 2000 k | 500 k | 4 | 0.70 | 3.0 | 1.50 ms |" in text


def test_variants_and_modes_have_a_column_or_row_each_even_where_a_cell_lacks_some():
    cells = [cell(variants={"a": (1, 2), "b": (0, 2)}), cell(label="ddpm", variants={"b": (2, 2), "c": (1, 1)})]
    lines = variant_table(cells).splitlines()
    assert lines[0] == "| task | flow | ddpm |"
    assert lines[2:] == ["| a | 1/2 | 0/0 |", "| b | 0/2 | 2/2 |", "| c | 0/0 | 1/1 |"]
    assert variant_table([cell()]) == mode_table([cell()]) == ""
    assert mode_table([cell(), cell(modes={"left": 3, "right": 1})]).splitlines()[2] == "| flow | 3 | 1 | 0.81 |"


def test_adding_up_is_associative_in_what_is_counted():
    parts = [cell(episodes=n, successes=n - 1, variants={"a": (n - 1, n)}, modes={"x": n}) for n in (2, 3, 5)]
    for found in (together(parts), together([together(parts[:2]), parts[2]])):
        assert (found.episodes, found.successes, found.variants, found.modes) == (10, 7, {"a": (7, 10)}, {"x": 10})
    assert together([cell(latency_ms=(1.0, 4.0)), cell(latency_ms=(3.0, 8.0))]).latency_ms == (2.0, 6.0)


def test_only_cells_of_one_row_are_pooled():
    rows = pooled([cell(training_seed=0), cell(settings={"k": 1}), cell(training_seed=1), cell(label="ddpm")])
    assert [(row.label, row.settings, row.episodes) for row in rows] == [
        ("flow", {"training seeds": 2}, 40),
        ("flow", {"k": 1}, 20),
        ("ddpm", {}, 20),
    ]


@settings(max_examples=40, deadline=None)
@given(st.lists(st.integers(0, 30), min_size=2, max_size=6))
def test_evenness_is_between_none_and_all_and_does_not_know_names(counts):
    modes = {str(i): count for i, count in enumerate(counts)}
    value = evenness(modes)
    assert -1e-12 <= value <= 1 + 1e-12
    assert value == pytest.approx(evenness({str(i): count for i, count in enumerate(reversed(counts))}))
    assert evenness({name: 7 * count for name, count in modes.items()}) == pytest.approx(value)
    if len(set(counts)) == 1 and counts[0]:
        assert value == pytest.approx(1.0)


def test_two_of_four_modes_taken_evenly_are_half_even():
    assert evenness({"a": 5, "b": 5, "c": 0, "d": 0}) == pytest.approx(math.log(2) / math.log(4))


def test_modes_unknown_to_the_world_are_not_counted():
    episodes = [Episode(i, success=True, mode=mode) for i, mode in enumerate(("left", "left", "", "elsewhere"))]
    assert count_modes(episodes, ("left", "right")) == {"left": 2, "right": 0}


MANIFEST = SimpleNamespace(
    name="tiny", task="t", files={"policy.onnx": "a" * 64}, timing=SimpleNamespace(control_rate_hz=30.0)
)


def test_durations_are_control_periods_and_optional_facts_are_left_out_where_there_are_none():
    plain = Episode(1, True, "success", None, 45, [2.0])
    full = Episode(2, False, "failed", None, 3, [2.0], variant="reach", mode="left")
    first, second = summary(MANIFEST, [plain, full], 0.95)["episodes"]
    assert first["duration_s"] == pytest.approx(1.5) and "variant" not in first and "mode" not in first
    assert (second["variant"], second["mode"], second["first_alarm_s"]) == ("reach", "left", None)


@settings(max_examples=30, deadline=None)
@given(st.lists(st.floats(0.01, 5000.0), min_size=1, max_size=30))
def test_every_call_is_in_one_bin_of_the_histogram(times):
    result = summary(MANIFEST, [Episode(0, inference_ms=times)], 0.95)
    histogram = result["inference_histogram_ms"]
    assert sum(histogram["counts"]) == len(times) and len(histogram["edges"]) == len(histogram["counts"]) + 1
    assert np.all(np.diff(histogram["edges"]) > 0)
    assert result["inference_ms"]["p50"] <= result["inference_ms"]["p99"] <= result["inference_ms"]["max"] + 1e-9


def test_variants_are_in_the_order_in_which_they_came():
    episodes = [Episode(0, success=True, variant="b"), Episode(1, variant="a"), Episode(2, variant="b"), Episode(3)]
    assert list(by_variant(episodes).items()) == [("b", (1, 2)), ("a", (0, 1))]


def test_scores_keep_the_number_of_their_episode():
    judged = Episode(9, score_time=[0.1, 0.2], scores={"rnd": [1.0, 2.0], "combined": [0.5, 1.5]})
    arrays = score_arrays([Episode(8), judged])
    assert set(arrays) == {"time_1", "rnd_1", "fiper_1"} and arrays["fiper_1"].tolist() == [0.5, 1.5]
    assert judged.alarms == 1 and judged.first_alarm_s == 0.2


@pytest.mark.parametrize(("after", "accepted"), [(19, True), (16, True), (15, False), (0, False)])
def test_a_version_may_fall_to_the_lower_end_of_the_interval_and_no_further(after, accepted):
    """19 of 20 before: the Wilson interval begins at 0.764, so 16 of 20 (0.80) pass and 15 of 20 (0.75) do not."""
    low, _ = wilson_interval(19, 20)
    assert low == pytest.approx(0.7639, abs=1e-4)
    before = (True,) * 19 + (False,)
    verdict = Verdict(before, (True,) * after + (False,) * (20 - after), low, 0.95)
    assert verdict.accepted is accepted
    if accepted:
        require(verdict, "int8")
        return
    with pytest.raises(GateError, match=rf"int8 does worse in closed loop: success 19/20 before, {after}/20 after"):
        require(verdict, "int8")
