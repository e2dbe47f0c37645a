import json
from dataclasses import asdict

from training.monitors.benchmark.page import outcomes_in, page
from training.monitors.benchmark.summary import Outcome

ROW = {"name": "x, q", "balanced_accuracy": 0.8, "detection_time": 0.2, "alarms": [1, 50, 0.0, 0.1]}


def outcome(task):
    gaps = dict.fromkeys(("balanced_accuracy", "detection_time", "timestep_accuracy"), (0.1, 0.05, 0.15))
    return Outcome(task, (40, 20), ROW, ROW, ROW, ROW, ROW, "words", gaps, gaps, {"rnd": (-0.2, -0.3, -0.1)})


def test_the_page_holds_what_was_run_and_nothing_else(tmp_path):
    for name, files in {
        "a": {
            "results.json": json.dumps({"outcome": asdict(outcome("task/a"))}),
            "table.md": "TABLE A\n",
            "traces.png": "x",
        },
        "b": {"detection.md": "CLOSED LOOP B\n"},
        "c": {"scores.npz": ""},
    }.items():
        (tmp_path / name).mkdir()
        for file, text in files.items():
            (tmp_path / name / file).write_text(text)
    assert [o.task for o in outcomes_in(tmp_path).values()] == ["task/a"]
    (tmp_path / "choice.md").write_text("CHOICE\n")
    images = tmp_path.parent / f"{tmp_path.name}-docs" / "images"
    text = page(tmp_path, images)
    assert (images / "failure_prediction_a.png").read_text() == "x" and "](images/failure_prediction_a.png)" in text
    assert text.index("Side by side") < text.index("CHOICE") < text.index("## task/a")
    assert "| task/a | 40 / 20 | 1/50, 1/50, 1/50 |" in text and "+0.10 (+0.05 to +0.15)" in text
    assert "rnd -0.20 (-0.30 to -0.10)" in text
    assert text.index("## task/a") < text.index("TABLE A") < text.index("## b") < text.index("CLOSED LOOP B")
    assert "## c" not in text and "Realised" not in text
    assert text.count("### ") == 2
