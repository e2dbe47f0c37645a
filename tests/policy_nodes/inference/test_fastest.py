import time

import numpy as np
import pytest

from policy_nodes.bundle.load import load_bundle
from policy_nodes.errors import ProviderError
from policy_nodes.inference import fastest as module
from policy_nodes.inference.fastest import AUTO, fastest, open_session
from policy_nodes.inference.policy import PolicySession
from policy_nodes.inference.provider_options import ProviderSettings
from tests.policy_nodes.bundle_fixture import make_bundle


@pytest.fixture(scope="module")
def bundle(tmp_path_factory):
    return load_bundle(make_bundle(tmp_path_factory.mktemp("fastest")))


class Slow:
    """A session that takes longer than its own."""

    def __init__(self, session, seconds):
        self._session, self._seconds = session, seconds

    def run(self, names, feeds):
        time.sleep(self._seconds)
        return self._session.run(names, feeds)


def delayed(bundle, seconds):
    session = PolicySession(bundle)
    session.session = Slow(session.session, seconds)
    return session


def test_the_fastest_of_those_that_work_is_kept(bundle):
    def broken():
        raise ProviderError("There is no GPU 0 here.", "run 'nvidia-smi'")

    said = []
    makers = {
        "cpu": lambda: delayed(bundle, 0.004),
        "cuda": broken,
        "openvino": lambda: delayed(bundle, 0.0),
    }
    chosen = fastest(makers, said.append)
    assert chosen.session._seconds == 0.0
    assert said[0].startswith("provider openvino is used (cpu ") and "cuda: There is no GPU 0 here." in said[0]


@pytest.mark.parametrize(
    ("openvino", "chosen"),
    [
        ([0.96] * 10, "cpu"),  # not by five percent
        ([0.94] * 10, "openvino"),
        ([0.5] * 7 + [1.5] * 3, "cpu"),  # by its median twice as fast, but not reliably: a busy machine
        ([0.5] * 8 + [1.5] * 2, "openvino"),
    ],
)
def test_the_cpu_is_kept_unless_another_is_ahead_again_and_again(bundle, monkeypatch, openvino, chosen):
    measured = {"cpu": np.ones(10), "openvino": np.array(openvino)}
    monkeypatch.setattr(module, "times", lambda sessions: measured)
    said = []
    fastest({name: lambda: PolicySession(bundle) for name in measured}, said.append)
    assert said[0].startswith(f"provider {chosen} is used")


def test_without_the_cpu_the_median_decides(bundle, monkeypatch):
    measured = {"cuda": np.array([2.0, 2.0, 2.0]), "tensorrt": np.array([1.0, 1.0, 9.0])}
    monkeypatch.setattr(module, "times", lambda sessions: measured)
    said = []
    fastest({name: lambda: PolicySession(bundle) for name in measured}, said.append)
    assert said[0].startswith("provider tensorrt is used")


def test_slow_networks_are_raced_in_fewer_rounds(bundle, monkeypatch):
    monkeypatch.setattr(module, "LONGEST_S", 0.0)
    sessions = {name: PolicySession(bundle) for name in ("cpu", "openvino")}
    assert {name: len(values) for name, values in module.times(sessions).items()} == {"cpu": 5, "openvino": 5}
    monkeypatch.setattr(module, "LONGEST_S", 60.0)
    assert len(module.times(sessions)["cpu"]) == 15


def test_one_whose_numbers_differ_is_no_candidate(bundle):
    def wrong():
        session = delayed(bundle, 0.0)
        inner = session.session._session

        class Off:
            def run(self, names, feeds):
                return [value + np.float32(1e-3) for value in inner.run(names, feeds)]

        session.session = Off()
        return session

    with pytest.raises(ProviderError, match=r"No execution provider can run this policy: openvino: .* is off by") as e:
        fastest({"openvino": wrong})
    assert e.value.fix == "run 'keel doctor'"


def test_auto_opens_what_is_installed_and_says_so(bundle, monkeypatch):
    monkeypatch.setattr(module, "available", lambda: ["cpu"])
    monkeypatch.setattr(module, "times", lambda sessions: pytest.fail("one alone needs no race"))
    said = []
    session = open_session(bundle, AUTO, settings=ProviderSettings(notify=said.append))
    assert session.provider == "cpu" and said == ["provider cpu is used, the only one that is installed and works"]
    assert open_session(bundle, "cpu").provider == "cpu"
    with pytest.raises(ProviderError, match="Unknown execution provider 'fast'"):
        open_session(bundle, "fast")
