import json
import os

import numpy as np
import pytest

from policy_nodes.errors import KeelError
from training.report.files import ReportError, npz_meta, read_json, read_jsonl, read_npz, write_text_atomically
from training.report.schema import LoopTiming, TrainingPoint

GOOD = {"p50_us": 1, "p99_us": 2, "p999_us": 3, "max_us": 4, "overruns": 0, "ticks": 9}


@pytest.mark.parametrize(
    ("text", "part"),
    [
        ("{", "loop.json"),
        ("[]", "expected an object"),
        ('{"p50_us": NaN}', "NaN is not JSON"),
        (json.dumps({**GOOD, "overruns": -1}), "overruns"),
        (json.dumps({key: value for key, value in GOOD.items() if key != "max_us"}), "max_us: Field required"),
    ],
)
def test_damaged_json_names_the_file_the_problem_and_the_fix(tmp_path, text, part):
    path = tmp_path / "loop.json"
    path.write_text(text)
    with pytest.raises(KeelError) as caught:
        read_json(path, LoopTiming, "record again.")
    assert str(path) in caught.value.cause
    assert part in caught.value.cause
    assert caught.value.fix == "record again."


def test_missing_file_is_a_report_error(tmp_path):
    with pytest.raises(ReportError, match=r"gone\.json"):
        read_json(tmp_path / "gone.json", LoopTiming, "record again.")


def test_jsonl_skips_blank_lines_and_names_the_bad_one(tmp_path):
    path = tmp_path / "metrics.jsonl"
    path.write_text('{"step": 1, "loss": 0.5}\n\n{"step": 2, "loss": 0.25, "validation_loss": 0.3}\n')
    points = read_jsonl(path, TrainingPoint, "train again.")
    assert [(point.step, point.loss, point.validation_loss) for point in points] == [(1, 0.5, None), (2, 0.25, 0.3)]
    with path.open("a") as stream:
        stream.write('{"step": 3, "lo')
    with pytest.raises(ReportError, match="line 4"):
        read_jsonl(path, TrainingPoint, "train again.")


def test_npz_with_pickled_objects_is_refused(tmp_path):
    path = tmp_path / "evil.npz"
    np.savez(path, data=np.array([{"a": 1}], dtype=object))
    with pytest.raises(ReportError, match=r"evil\.npz"):
        read_npz(path, "record again.")


@pytest.mark.parametrize("cut", [0, 10, 200])
def test_truncated_npz_is_refused(tmp_path, cut):
    path = tmp_path / "trace.npz"
    np.savez(path, data=np.arange(100.0))
    path.write_bytes(path.read_bytes()[:cut])
    with pytest.raises(ReportError, match=r"trace\.npz"):
        read_npz(path, "record again.")


def test_meta_is_read_from_scalar_and_vector_strings_and_must_be_an_object(tmp_path):
    text = json.dumps({"quantile": 0.95})
    assert npz_meta({"meta": np.array(text)}, tmp_path, "") == {"quantile": 0.95}
    assert npz_meta({"meta": np.array([text])}, tmp_path, "") == {"quantile": 0.95}
    assert npz_meta({}, tmp_path, "") == {}
    with pytest.raises(ReportError, match="not a JSON object"):
        npz_meta({"meta": np.array("[1]")}, tmp_path, "fix")
    with pytest.raises(ReportError, match="not JSON"):
        npz_meta({"meta": np.array("{")}, tmp_path, "fix")


def test_writing_replaces_the_page_and_leaves_nothing_else(tmp_path):
    path = tmp_path / "report.html"
    path.write_text("old")
    write_text_atomically(path, "new ✓")
    assert path.read_text(encoding="utf-8") == "new ✓"
    assert os.listdir(tmp_path) == ["report.html"]


def test_failed_write_keeps_the_old_page_and_cleans_up(tmp_path, monkeypatch):
    path = tmp_path / "report.html"
    path.write_text("old")

    def refuse(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "replace", refuse)
    with pytest.raises(ReportError, match="No space left"):
        write_text_atomically(path, "new")
    assert path.read_text() == "old"
    assert os.listdir(tmp_path) == ["report.html"]


def test_missing_folder_is_named(tmp_path):
    with pytest.raises(ReportError, match="--output"):
        write_text_atomically(tmp_path / "no" / "report.html", "page")
