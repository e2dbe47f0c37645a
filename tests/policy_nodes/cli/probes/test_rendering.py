import subprocess

from policy_nodes.cli.probes import rendering


def answers(monkeypatch, works):
    seen = []

    def run(command, env, **kwargs):
        seen.append(env["MUJOCO_GL"])
        return subprocess.CompletedProcess(command, 0 if env["MUJOCO_GL"] in works else 1, "", "no display\n")

    monkeypatch.setattr(rendering.subprocess, "run", run)
    monkeypatch.setattr(rendering.importlib.util, "find_spec", lambda name: object())
    return seen


def test_the_first_backend_that_draws(monkeypatch):
    seen = answers(monkeypatch, {"osmesa"})
    check = rendering.probe({})
    assert (check.status, seen) == ("ok", ["egl", "osmesa"])
    assert "osmesa" in check.detail


def test_a_chosen_backend_is_the_only_one_tried(monkeypatch):
    seen = answers(monkeypatch, {"egl"})
    check = rendering.probe({"MUJOCO_GL": "glfw"})
    assert (check.status, seen) == ("warn", ["glfw"])
    assert "glfw: no display" in check.detail


def test_without_the_simulator_nothing_is_tried(monkeypatch):
    monkeypatch.setattr(rendering.importlib.util, "find_spec", lambda name: None)
    assert rendering.probe({}).status == "skip"
