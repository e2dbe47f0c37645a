import json

from training.imitation.metrics import MetricsLog, forget_after


def steps(path):
    return [json.loads(line)["step"] for line in (path / "metrics.jsonl").read_text().splitlines()]


def test_records_and_tensorboard(tmp_path):
    with MetricsLog(tmp_path / "out", 0) as log:
        log.write(10, 0.5, 1e-3, None)
        log.write(20, 0.25, 1e-3, 0.75)
    first, second = (json.loads(line) for line in (tmp_path / "out/metrics.jsonl").read_text().splitlines())
    assert (first["step"], first["loss"], first["validation_loss"]) == (10, 0.5, None)
    assert (second["step"], second["validation_loss"]) == (20, 0.75) and second["seconds"] >= first["seconds"] >= 0
    assert len(list((tmp_path / "out/tensorboard").iterdir())) == 1


def test_a_second_log_appends(tmp_path):
    for step in (1, 2):
        with MetricsLog(tmp_path, step) as log:
            log.write(step, 0.1, 1e-3, None)
    assert steps(tmp_path) == [1, 2]


def test_lost_steps_are_forgotten(tmp_path):
    with MetricsLog(tmp_path, 0) as log:
        for step in (5, 10, 15):
            log.write(step, 0.1, 1e-3, None)
    with (tmp_path / "metrics.jsonl").open("a") as file:
        file.write('{"step": 1')  # cut short by a crash
    forget_after(tmp_path, 10)
    assert steps(tmp_path) == [5, 10]
    forget_after(tmp_path / "absent", 10)
