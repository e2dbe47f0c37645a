import io
import json

import numpy as np
import pytest
from rich.console import Console

from policy_nodes.bundle.load import load_bundle
from policy_nodes.errors import ConfigError
from policy_nodes.inference.planner import ChunkPlanner
from policy_nodes.types import ActionChunk
from training.commands import evaluate
from training.commands.latency import table
from training.contracts.registry import task_contract
from training.evaluation.latency import Latency, SimulatedWorker
from training.evaluation.latency_loop import LatentLoop, TimedEpisode
from training.evaluation.latency_sweep import (
    METHODS,
    against_naive,
    check_methods,
    execution,
    seam_of_naive,
    summarise,
    sweep,
)


def plan_of(bundle, stamp=10**9):
    from policy_nodes.inference.observation import Observation
    from policy_nodes.inference.parity import load_parity

    inputs, _ = load_parity(bundle)
    values = {feature.name: inputs[feature.name][0] for feature in bundle.manifest.observations}
    return ChunkPlanner(bundle).plan(Observation(stamp, values, {}))


@pytest.fixture(scope="module")
def bundle(bundle_path):
    return load_bundle(bundle_path)


@pytest.fixture(scope="module")
def world(bundle):
    return task_contract(bundle.manifest.task).make_world()


def test_latency_is_fixed_or_what_the_call_took():
    assert Latency.parse("measured").of_call(0.3) == 0.3
    assert Latency.parse("80").of_call(0.3) == 0.08
    for text in ("-1", "fast", "1e9", "nan"):
        with pytest.raises(ConfigError, match="--latency is"):
            Latency.parse(text)


def test_the_worker_is_busy_until_its_answer_is_due(bundle):
    worker, plan = SimulatedWorker(), plan_of(bundle)
    assert worker.collect(0) is None
    worker.begin(0, plan, 0.05)
    assert worker.busy and worker.collect(49_999_999) is None
    with pytest.raises(RuntimeError, match="busy"):
        worker.begin(1, plan, 0.0)
    assert worker.collect(50_000_000) is plan and not worker.busy


def test_a_chunk_is_in_use_when_its_inference_is_over(bundle, world):
    """Delays of every chunk are the charged latency, rounded up to control ticks; the robot is not enabled before."""
    loop = LatentLoop(bundle, world, Latency(0.05))
    episode = loop.run(1, max_seconds=0.8)
    assert episode.delays_s == pytest.approx([0.06] * len(episode.delays_s))
    assert len(episode.delays_s) >= 3 and len(episode.seams) == len(episode.delays_s) - 1
    assert loop.planner.delay.steps(0.02) == 3


def test_without_latency_chunks_are_in_use_at_once(bundle, world):
    episode = LatentLoop(bundle, world, Latency(0.0)).run(1, max_seconds=0.5)
    assert set(episode.delays_s) == {0.0}
    assert episode.evaluations == len(episode.inference_ms) * bundle.manifest.policy.sampling_steps


def test_inference_slower_than_the_chunk_never_moves_the_robot(bundle, world):
    """The chunk is over when it arrives: refused, and the robot is not enabled."""
    episode = LatentLoop(bundle, world, Latency(0.4)).run(1, max_seconds=0.5)
    assert episode.outcome == "stopped" and "chunk_exhausted" in episode.stopped_by
    assert episode.steps == 0 and episode.delays_s == []


def test_inference_that_becomes_too_slow_ends_in_a_backup(bundle, world):
    loop = LatentLoop(bundle, world, Latency(0.02))
    calls = [0.02, 0.02, 0.02]
    loop.latency = type("Growing", (), {"fixed_s": 0.02, "of_call": lambda self, wall: calls.pop() if calls else 5.0})()
    episode = loop.run(1, max_seconds=2.0)
    assert episode.outcome == "stopped" and episode.stopped_by == "CHUNK_EXHAUSTED"


def test_a_sweep_runs_every_method_on_the_same_episodes(bundle, world):
    points = list(sweep(bundle, world, ["naive", "ensemble"], [0.0, 40.0], episodes=1, seed=5, seconds=0.4))
    assert [(p.method, p.delay_ms) for p in points] == [
        ("naive", 0.0), ("ensemble", 0.0), ("naive", 40.0), ("ensemble", 40.0),
    ]  # fmt: skip
    assert points[1].evaluations_per_tick > 3 * points[0].evaluations_per_tick
    assert points[3].evaluations_per_tick < points[1].evaluations_per_tick  # the worker is busy for two ticks


def test_a_point_counts_and_averages():
    good = TimedEpisode(0, success=True, steps=100, inference_ms=[1.0, 1.0], evaluations=8)
    good.seams, good.kicks = [0.1, 0.3], [0.4]
    bad = TimedEpisode(1, outcome="stopped", steps=50, inference_ms=[1.0], seams=[0.2], evaluations=4)
    point = summarise("rtc", 40.0, [good, bad], 0.02, 0.95)
    assert (point.successes, point.episodes, point.stops) == (1, 2, 1)
    assert point.kick == pytest.approx(0.4) and np.isnan(point.smooth)
    assert point.seam == pytest.approx(0.2) and point.seconds == pytest.approx(2.0)
    assert point.evaluations_per_call == 4.0 and point.evaluations_per_tick == pytest.approx(12 / 150)
    assert point.low < 0.5 < point.high
    assert np.isnan(summarise("rtc", 0.0, [bad], 0.02, 0.95).seconds)


def test_the_command_writes_curves(bundle_path, tmp_path, capsys):
    args = evaluate.Args(
        bundle_path, tmp_path / "out", episodes=1, seconds=0.3, latency_sweep=(0.0, 40.0), methods=("naive",)
    )
    assert evaluate.run(args) == 0
    content = json.loads((tmp_path / "out" / "latency.json").read_text())
    assert [point["delay_ms"] for point in content["points"]] == [0.0, 40.0]
    assert (tmp_path / "out" / "latency.png").stat().st_size > 5000
    printed = capsys.readouterr().out
    assert "│ naive" in printed and "of naive" in printed and "…" not in printed


def test_the_command_charges_latency(bundle_path, tmp_path, capsys):
    assert evaluate.run(evaluate.Args(bundle_path, episodes=1, seconds=0.3, latency="measured")) == 0
    assert "success" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"latency_sweep": (0.0,), "methods": ("rtc",)}, "no graph for 'rtc'"),
        ({"latency_sweep": (0.0,), "methods": ("magic",)}, "no method 'magic'"),
        ({"latency_sweep": (-5.0,)}, "holds -5"),
        ({"latency": "soon"}, "--latency is 'soon'"),
        ({"latency": "10", "latency_sweep": (1.0,)}, "goes with neither"),
    ],
)
def test_options_that_make_no_sense_are_refused(bundle_path, options, text):
    with pytest.raises(ConfigError, match=text):
        evaluate.run(evaluate.Args(bundle_path, **options))


def test_methods_are_those_of_the_documentation():
    assert list(METHODS) == ["naive", "ensemble", "rtc", "rtc_blend", "prefix", "every", "rti"]


def test_a_method_may_name_its_graph(bundle):
    assert execution("rti").warm_start.variant is None
    named = execution("rti:warm_start_1")
    assert named.warm_start.variant == "warm_start_1" and named.every_step
    with pytest.raises(ConfigError, match="uses no further graph"):
        execution("naive:policy")
    with pytest.raises(ConfigError, match="no graph for 'rti:warm_start_9'"):
        check_methods(["naive", "rti:warm_start_9"], bundle)


def test_a_jump_shows_across_the_change_however_chunks_are_joined(bundle, world):
    """By hand: the old chunk rises by 1 per step, the new one stands at 5: seam |5 - 3|, kick |5 - 2*5 + 2|."""
    loop, episode, step = LatentLoop(bundle, world, Latency(0.0)), TimedEpisode(0), 20_000_000
    loop._chunk = ActionChunk(0, step, np.arange(8.0)[:, None])
    loop._compare(episode, ActionChunk(step, step, np.full((8, 1), 5.0)), 3 * step)
    assert (episode.seams, episode.kicks, episode.smooth) == ([2.0], [3.0], [0.0])
    loop._compare(episode, ActionChunk(8 * step, step, np.full((8, 1), 7.0)), 8 * step)
    assert len(episode.seams) == 1  # the old chunk says nothing of this instant
    assert episode.kicks == [3.0, 0.0]  # but what it said last was 7, and the robot was there


def test_a_seam_is_compared_with_the_naive_one_at_the_same_delay():
    def point(method, delay_ms, seam):
        episode = TimedEpisode(0, seams=[seam] if seam is not None else [])
        episode.inference_ms.append(1.0)
        return summarise(method, delay_ms, [episode], 0.02, 0.95)

    points = [point("naive", 40.0, 0.02), point("rtc", 40.0, 0.005), point("rtc", 80.0, 0.005)]
    points += [point("naive", 160.0, None), point("rtc", 160.0, 0.001), point("naive", 0.0, 0.0)]
    shares = seam_of_naive(points)
    assert shares[:2] == [1.0, 0.25]
    assert np.isnan(shares[2:]).all()  # no naive point there, one without a seam, and one whose seam is zero
    printed = io.StringIO()
    Console(file=printed, width=200).print(table(points))
    assert "of naive" in printed.getvalue() and "0.25" in printed.getvalue()


def test_success_is_paired_with_the_naive_one_at_the_same_delay():
    """Ten episodes, of which rtc loses two that naive solves, and gains none."""

    def point(method, delay_ms, lost):
        episodes = [TimedEpisode(seed, success=seed >= lost) for seed in range(10)]
        for episode in episodes:
            episode.inference_ms.append(1.0)
        return summarise(method, delay_ms, episodes, 0.02, 0.95)

    points = [point("naive", 40.0, 1), point("rtc", 40.0, 3), point("rtc", 80.0, 3)]
    first, gap, alone = against_naive(points)
    assert first is None and alone is None
    assert gap[0] == pytest.approx(-0.2) and gap[1] < -0.2 < gap[2]
    assert points[1].outcomes == (False,) * 3 + (True,) * 7
    printed = io.StringIO()
    Console(file=printed, width=200).print(table(points))
    assert f"-0.20 ({gap[1]:.2f}..{gap[2]:.2f})" in printed.getvalue()
