import subprocess
import sys

import pytest

from sim import gl


@pytest.fixture(autouse=True)
def fresh_cache():
    gl.gl_works.cache_clear()
    yield
    gl.gl_works.cache_clear()


def test_a_backend_that_does_not_exist_is_answered_with_no():
    assert gl.gl_works("nonsense") is False


def test_a_driver_that_kills_its_process_is_answered_with_no(monkeypatch):
    run = subprocess.run

    def crash(command, **options):
        return run([sys.executable, "-c", "import os; os.abort()"], **options)

    monkeypatch.setattr(gl.subprocess, "run", crash)
    assert gl.gl_works("egl") is False


def test_a_driver_that_hangs_is_answered_with_no(monkeypatch):
    def hang(command, **options):
        raise subprocess.TimeoutExpired(command, options["timeout"])

    monkeypatch.setattr(gl.subprocess, "run", hang)
    assert gl.gl_works("egl") is False


def test_the_answer_is_asked_for_once(monkeypatch):
    calls = []
    monkeypatch.setattr(gl.subprocess, "run", lambda *a, **k: calls.append(a) or subprocess.CompletedProcess(a, 0))
    assert gl.gl_works("egl") and gl.gl_works("egl")
    assert len(calls) == 1


def test_a_working_backend_renders_a_red_sphere():
    working = [name for name in gl.GL_BACKENDS if gl.gl_works(name)]
    if not working:
        pytest.skip("no OpenGL library renders here")
    gl._probe(working[0])
