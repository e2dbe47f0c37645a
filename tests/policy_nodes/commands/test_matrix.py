import re

import pytest

from policy_nodes.bundle.load import load_bundle
from policy_nodes.cli import main
from policy_nodes.commands import matrix as module
from policy_nodes.commands.matrix import matrix
from policy_nodes.errors import ProviderError
from tests.policy_nodes.bundle_fixture import make_bundle
from tests.policy_nodes.continued_bundle import make_continued_bundle

pytestmark = pytest.mark.pure


def test_every_graph_on_every_provider_that_is_there(tmp_path):
    bundle = load_bundle(make_continued_bundle(tmp_path))
    rows = {check.item: check for check in matrix(bundle)}
    files = ["policy.onnx", "policy_guided_5.onnx", "policy_warm_start_2.onnx", "policy_full_2.onnx"]
    assert [item for item in rows if item.startswith("cpu: ")] == [f"cpu: {file}" for file in files]
    for file in files:
        row = rows[f"cpu: {file}"]
        assert row.status == "ok"
        error = r"\d\.\de-\d\d|0\.0e\+00"
        assert re.search(rf"4 samples within 1e-05 \(action ({error}), embedding ({error})\)", row.detail), row.detail
    assert rows["tensorrt"].status == "skip" and "keel doctor" in rows["tensorrt"].fix


def test_a_provider_that_answers_otherwise_fails_its_row(tmp_path, monkeypatch):
    def differs(session, calls=3, *, batch=1):
        raise ProviderError("output 'action' is off by 0.5", "use provider 'cpu'")

    monkeypatch.setattr(module.PolicySession, "warm_up", differs)
    (row,) = [check for check in matrix(load_bundle(make_bundle(tmp_path))) if check.item == "cpu: policy.onnx"]
    assert (row.status, row.fix) == ("fail", "use provider 'cpu'")


@pytest.mark.parametrize(("option", "found"), [([], False), (["--matrix"], True)])
def test_the_option_of_verify(tmp_path, capsys, option, found):
    path = make_bundle(tmp_path)
    assert main(["verify", str(path), "--calls", "5", *option]) == 0
    assert ("cpu: policy.onnx" in capsys.readouterr().out) is found
