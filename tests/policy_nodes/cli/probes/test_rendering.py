from types import SimpleNamespace

import pytest

from policy_nodes.cli.probes import rendering


class RenderError(Exception):
    cause = "KEEL_RENDERER=vulkan is unknown."
    fix = "unset it"


def install(monkeypatch, answer):
    def choose_backend():
        if isinstance(answer, Exception):
            raise answer
        return answer

    module = SimpleNamespace(choose_backend=choose_backend)
    monkeypatch.setattr(rendering.importlib, "import_module", lambda name: module)


@pytest.mark.parametrize(("backend", "status"), [("egl", "ok"), ("osmesa", "ok"), ("software", "warn")])
def test_backend(monkeypatch, backend, status):
    install(monkeypatch, backend)
    assert rendering.probe().status == status


def test_a_wrong_choice_is_explained_and_a_bug_is_not_hidden(monkeypatch):
    install(monkeypatch, RenderError())
    assert rendering.probe() == rendering.Check("rendering", "warn", RenderError.cause, RenderError.fix)
    install(monkeypatch, ZeroDivisionError())
    with pytest.raises(ZeroDivisionError):
        rendering.probe()


def test_without_the_simulator_nothing_is_tried(monkeypatch):
    monkeypatch.setattr(rendering, "_MODULE", "absent_simulator.rendering")
    check = rendering.probe()
    assert check.status == "skip"
    assert "absent_simulator" in check.detail


def test_the_simulator_offers_what_is_asked_of_it():
    pytest.importorskip("mujoco")
    assert callable(rendering.importlib.import_module(rendering._MODULE).choose_backend)
