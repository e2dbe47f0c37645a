import json
import math
from types import SimpleNamespace

import pytest

from policy_nodes.errors import ConfigError
from tests.training.disturbances.toy import ToyWorld
from training.commands import detect
from training.disturbances.cause import Cause, Event
from training.disturbances.suite import Disturbances
from training.evaluation.detection import Value, Watched, detection_table, share, value_of, value_table, watch_episodes
from training.evaluation.episode import Episode

NAN = math.nan


class Loop:
    """Moves one unit per period: success after three, unless the object has fallen; alarms 0.1 s after that."""

    def __init__(self, *_, react=False, **__):
        self.world, self.react = None, react

    def run(self, seed, seconds, frame):
        world, episode = self.world, Episode(seed)
        world.reset(seed)
        for tick in range(1, 6):
            world.step([tick * (0.5 if world.object_poses()["thing"][2] < 0.4 else 1.0), 0.0])
            frame(world, tick / 10)
            low = world.object_poses()["thing"][2] < 0.4
            episode.score_time.append(tick / 10)
            episode.scores.setdefault("combined", []).append(2.0 if low else 0.5)
            if low and self.react:
                episode.outcome, episode.stopped_by, episode.stopped_s = "stopped", "FAILURE_PREDICTED", tick / 10
                break
            if world.success():
                episode.success, episode.outcome = True, "success"
                break
        return episode


def fall(world, rng):
    def act():
        world.object[2] = 0.3  # low, and harmful from the next look on

    return act


def sink(world):
    """Harm: the object lies low for more than one look."""
    world.looks = world.looks + 1 if world.object[2] < 0.4 else 0
    return "drop" if world.looks >= 3 else ""


def test_episodes_are_watched_under_a_cause():
    loop, world = Loop(), ToyWorld()
    loop.world = "before"
    rows = watch_episodes(loop, world, Event("falls", (0.1, 0.1), fall), sink, [1, 2], 1.0)
    assert loop.world == "before" and [r.seed for r in rows] == [1, 2]
    first = rows[0]
    assert (first.cause, first.success, first.outcome, first.harm) == ("falls", False, "timeout", "drop")
    assert first.onset == 0.1 and first.alarm_s == pytest.approx(0.2) and first.harm_s == pytest.approx(0.3)
    assert math.isnan(first.stopped_s)
    good = watch_episodes(loop, world, Cause(), sink, [3], 1.0)[0]
    assert good.success and math.isnan(good.alarm_s) and good.harm == ""


def watched(success, *, harm="", stopped="", alarm=NAN, harm_s=NAN, cause="bad", seed=0):
    return Watched(cause, seed, success, "x", stopped, 0.2, alarm, alarm if stopped else NAN, harm, harm_s)


def test_the_value_of_reacting_by_hand():
    stop = "FAILURE_PREDICTED"
    counted = [
        watched(False, harm="drop", harm_s=1.0, seed=0),
        watched(False, harm="drop", harm_s=1.0, seed=1),
        watched(False, seed=2),
        watched(False, harm="drop", harm_s=0.3, seed=3),
        watched(True, cause="none", seed=0),
        watched(True, cause="none", seed=1),
    ]
    reacting = [
        watched(False, stopped=stop, alarm=0.5, seed=0),  # safe
        watched(False, harm="drop", harm_s=1.0, seed=1),  # missed
        watched(False, stopped=stop, alarm=0.5, seed=2),  # safe, though nothing would have happened
        watched(False, stopped=stop, alarm=0.5, harm="drop", harm_s=0.3, seed=3),  # too late
        watched(True, cause="none", seed=0),
        watched(False, stopped=stop, alarm=0.5, cause="none", seed=1),  # lost
    ]
    assert value_of(counted, reacting) == Value(failed=4, harmed=3, safe=2, harmed_still=2, good=2, lost=1)
    table = value_table(counted, reacting)
    assert [line.split(" | ")[0] for line in table.splitlines()[2:]] == ["| bad", "| nothing", "| all"]
    assert "2/4 = 0.50" in table and "1/2 = 0.50" in table
    with pytest.raises(ValueError, match="same causes and seeds"):
        value_of(counted, reacting[1:])


def test_the_detection_table_by_hand():
    rows = [
        watched(False, alarm=0.5, harm="drop", harm_s=1.0),
        watched(False, alarm=0.9, harm="drop", harm_s=0.4),
        watched(False),
        watched(True, alarm=0.3),
    ]
    cells = detection_table(rows).splitlines()[2].split(" | ")
    assert cells[1:3] == ["4", "3"] and cells[3].startswith("2/3") and cells[4].startswith("1/1")
    assert cells[5] == "0.50"  # median of 0.3 and 0.7 s after the onset at 0.2 s
    assert cells[6] == "2" and cells[7].startswith("1/2")
    assert share(0, 0) == "-" and share(3, 10).startswith("3/10 = 0.30 (0.11-0.60)")


@pytest.fixture
def toy(monkeypatch):
    suite = Disturbances(lambda: [Event("falls", (0.1, 0.1), fall), Cause()], lambda world: sink, None)
    monkeypatch.setattr(detect, "disturbances", lambda name: suite)
    monkeypatch.setattr(detect, "open_monitor", lambda bundle: ("monitor", 32))
    monkeypatch.setattr(detect, "ClosedLoop", Loop)
    bundle = SimpleNamespace(path=SimpleNamespace(name="toy.keel"), manifest=SimpleNamespace(name="toy"))
    options = {"episodes": 2, "each": 3, "causes": ("falls",), "seed": 5, "seconds": 1.0, "output": None}
    return bundle, SimpleNamespace(name="toy", make_world=ToyWorld), options


def test_detect_runs_every_episode_with_and_without_the_reaction(toy, tmp_path, capsys):
    bundle, contract, options = toy
    assert detect.run_detect(bundle, contract, **{**options, "react": True, "output": tmp_path / "out"}) == 0
    text = capsys.readouterr().out
    assert "| falls | 3 | 3 | 3/3" in text and "| nothing | 2 | 0 |" in text
    value = text[text.index("connected to the safety governor") :]
    assert "| all | 3 | 3/3 = 1.00" in value and "| 0/3 = 0.00" in value and "| 0/2 = 0.00" in value
    saved = json.loads((tmp_path / "out" / "detection.json").read_text())["episodes"]
    assert len(saved) == 2 * (2 + 3) and {row["reacting"] for row in saved} == {False, True}
    assert saved[0]["alarm_s"] is None  # JSON has no NaN
    assert "| falls |" in (tmp_path / "out" / "detection.md").read_text()


def test_detect_without_reaction_runs_half(toy, capsys):
    bundle, contract, options = toy
    assert detect.run_detect(bundle, contract, **{**options, "react": False}) == 0
    assert "governor" not in capsys.readouterr().out


def test_detect_refuses_what_it_cannot_do(toy, monkeypatch):
    bundle, contract, options = toy
    with pytest.raises(ConfigError, match="no cause 'rain'"):
        detect.run_detect(bundle, contract, **{**options, "react": False, "causes": ("rain",)})
    monkeypatch.setattr(detect, "open_monitor", lambda bundle: (None, 0))
    with pytest.raises(ConfigError, match="no failure predictor"):
        detect.run_detect(bundle, contract, **{**options, "react": False})
