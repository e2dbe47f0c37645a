"""The chain of `keel demo`: which stages run, which are kept, and what a failure leaves behind. Nothing is computed."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from training.commands import demo
from training.commands.demo import FINISHED, Args, StageError, stages

NAMES = ["collect", "train", "export", "calibrate", "verify", "evaluate", "run"]


@pytest.fixture
def chain(tmp_path, monkeypatch):
    """Run the demo with stages that only note that they ran; ``fail`` names one that fails."""
    ran = []

    def run(fail="", **options):
        ran.clear()

        def command(stage):
            name = stage.arguments[0]
            if name == fail:
                raise StageError(f"stage {name} failed.", "again")
            ran.append(name)

        monkeypatch.setattr(demo, "_command", command)
        monkeypatch.setattr(demo, "film_run", lambda *_: None)
        monkeypatch.setattr(demo, "_keel", lambda *_: None)
        monkeypatch.setattr(demo, "summary", lambda *_: None)
        monkeypatch.setattr(demo, "PickPlaceWorld", lambda: None)
        args = Args(output=tmp_path / "demo", **options)
        if fail:
            with pytest.raises(StageError):
                demo.run(args)
        else:
            assert demo.run(args) == 0
        return list(ran)

    return run


def test_every_stage_runs_in_order_and_is_recorded(chain, tmp_path):
    assert chain() == NAMES
    assert [entry[0] for entry in json.loads((tmp_path / "demo" / FINISHED).read_text())] == NAMES
    assert set(json.loads((tmp_path / "demo/demo.json").read_text())["stages_s"]) == {s.title for s in stages(Args())}


def test_resuming_goes_on_where_it_failed(chain):
    assert chain(fail="calibrate") == ["collect", "train", "export"]
    assert chain(resume=True) == ["calibrate", "verify", "evaluate", "run"]
    assert chain(resume=True) == []


def test_a_changed_option_makes_everything_after_it_anew(chain):
    """More training steps: the old bundle, its calibration and its figures are of another policy."""
    chain()
    changed = Args().training_steps + 1
    assert chain(resume=True, training_steps=changed) == NAMES[1:]
    assert chain(resume=True, training_steps=changed) == []


def test_an_interrupted_new_stage_is_not_mistaken_for_the_old_one(chain):
    """Back to the old options after the new training failed: the old weights are gone, it must train again."""
    chain()
    assert chain(fail="train", resume=True, training_steps=Args().training_steps + 1) == []
    assert chain(resume=True) == NAMES[1:]


def test_without_resume_an_earlier_demo_is_removed_and_other_files_are_kept(chain, tmp_path):
    out = tmp_path / "demo"
    for name in ("dataset", "train", "evaluation", "notes"):
        (out / name).mkdir(parents=True)
    (out / "report.html").touch()
    chain(fail="collect")
    assert sorted(path.name for path in out.iterdir() if path.is_dir()) == ["notes"]
    assert not (out / "report.html").exists()


@pytest.mark.parametrize("record", ["{", "3", "null", "[1]"])
def test_a_damaged_record_of_stages_is_no_record(chain, tmp_path, record):
    (tmp_path / "demo").mkdir()
    (tmp_path / "demo" / FINISHED).write_text(record)
    assert chain(resume=True) == NAMES


def test_the_stages_are_commands_of_keel_that_hand_on_their_results():
    chain = stages(Args(output=Path("o"), demonstrations=7, seed=3))
    assert [stage.arguments[0] for stage in chain] == NAMES
    by_name = {stage.arguments[0]: stage.arguments for stage in chain}
    assert by_name["collect"][by_name["collect"].index("--episodes") + 1] == "7"
    assert "o/dataset" in by_name["collect"] and "o/dataset" in by_name["train"] and "o/dataset" in by_name["export"]
    bundle = by_name["export"][by_name["export"].index("--output") + 1]
    assert all(bundle in by_name[name] for name in ("calibrate", "verify", "evaluate", "run"))
    assert chain[4].output == Path("o/verify.json")


def test_what_a_stage_prints_goes_to_its_file_only_when_it_succeeds(tmp_path, monkeypatch):
    target = tmp_path / "verify.json"
    target.write_text("old")

    def keel(arguments, stdout=None):
        stdout.write("new")
        if arguments == ("fails",):
            raise StageError("it failed.", "again")

    monkeypatch.setattr(demo, "_keel", keel)
    with pytest.raises(StageError):
        demo._command(demo.Stage("", ("fails",), target))
    assert target.read_text() == "old"
    demo._command(demo.Stage("", ("works",), target))
    assert target.read_text() == "new"


def test_a_command_that_fails_is_named_with_the_way_on(monkeypatch):
    real = subprocess.Popen
    monkeypatch.setattr(
        demo.subprocess, "Popen", lambda command, stdout: real([sys.executable, "-S", "-c", "raise SystemExit(3)"])
    )
    with pytest.raises(StageError, match="'keel export' failed with exit code 3") as failed:
        demo._keel(("export", "--output", "x"))
    assert "keel demo --resume" in failed.value.fix
