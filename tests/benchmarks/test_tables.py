"""What the training benchmarks compute of their rows, by hand."""

import json

import numpy as np
import pytest

from benchmarks import ppo_returns, push_envelope


def test_returns_are_averaged_over_seeds_beside_the_band(tmp_path):
    rows = [
        {"task": "Hopper", "seed": 1, "steps": 1000, "returns": [1.0, 3.0]},
        {"task": "Hopper", "seed": 2, "steps": 1000, "returns": [4.0, 4.0]},
        {"task": "Ant", "seed": 1, "steps": 1000, "returns": [10.0]},
    ]
    lines = ppo_returns.table(rows).splitlines()
    assert lines[2] == "| Ant-v5 | 1,000 | 1 | 10 ± 0 | 10 | ≥ 1500 |"
    assert lines[3] == "| Hopper-v5 | 1,000 | 2 | 3 ± 1 | 2, 4 | ≥ 2000 |"
    file = tmp_path / "results.jsonl"
    assert ppo_returns.finished(file) == push_envelope.finished(file) == []
    file.write_text("".join(json.dumps(row) + "\n" for row in rows))
    assert ppo_returns.finished(file) == rows


class Straight:
    """A policy and a normalisation that do nothing."""

    @staticmethod
    def normalize_obs(observation):
        return observation

    @staticmethod
    def predict(observation, deterministic):
        assert deterministic
        return np.zeros(3, dtype=np.float32), None


def test_a_policy_is_tested_in_gymnasiums_own_environment(monkeypatch):
    monkeypatch.setattr(ppo_returns, "EPISODES", 2)
    first, second = (ppo_returns.test("Hopper", Straight, Straight, seed) for seed in (1, 1))
    assert len(first) == 2 and first == second and first[0] != first[1]
    assert 10.0 < min(first) < 400.0  # it stands for a moment and falls


@pytest.mark.parametrize(
    ("shares", "expected"),
    [
        ([1.0, 0.99, 0.98], 2.0),
        ([0.9, 0.5, 0.1], 0.0),
        ([1.0, 0.9, 0.5], 0.75),  # halfway between 0.5 and 1.0: 0.95 of 1.0 .. 0.9
        ([1.0, 0.96, 0.94], 1.5),
    ],
)
def test_the_envelope_is_where_survival_falls_below_95_per_cent(shares, expected):
    assert push_envelope.envelope([0.5, 1.0, 2.0], shares) == pytest.approx(expected)


def test_arms_are_listed_plain_first_and_their_seeds_added_up():
    def row(arm, seed, survived):
        part = [{"size": kick, "survived": survived, "trials": 100} for kick in push_envelope.KICKS]
        under = {"25": {"falls_per_minute_last": 1.234}, "35": {"falls_per_minute_last": 8.0}}
        return {"arm": arm, "seed": seed, "pushes": {"kick, walking": part, "1 s, walking": part}, "linear_rms": 0.07,
                "attackers": under}  # fmt: skip

    rows = [row("h-infinity", 1, 97), row("plain", 2, 50), row("plain", 1, 60)]
    head, line, plain, other, robust, *sums = push_envelope.table(rows).splitlines()
    assert head.startswith("| arm | seed | kick, walking (m/s) | 1 s, walking (N) | falls per minute, 25 N |")
    assert plain.startswith("| plain | 1 | 0 | 0 |") and other.startswith("| plain | 2 |")
    assert robust.startswith("| h-infinity | 1 | 2 |") and robust.endswith("| 1.23 | 8.00 | 0.070 |")
    assert head.count("|") == line.count("|") == plain.count("|") == robust.count("|")
    assert "| plain, 2 seeds | 55.0 % |" in "\n".join(sums) and "| h-infinity, 1 seeds | 97.0 % |" in "\n".join(sums)
    assert push_envelope.table([]) == "no arm is finished."
