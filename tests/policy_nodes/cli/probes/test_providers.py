import onnx
import pytest

from policy_nodes.cli.probes.providers import IDENTITY, probe
from policy_nodes.errors import ProviderError
from policy_nodes.inference import engines, providers

pytestmark = pytest.mark.pure


def test_the_tiny_graph_is_a_valid_identity():
    model = onnx.load_model_from_string(IDENTITY)
    onnx.checker.check_model(model, full_check=True)
    assert [node.op_type for node in model.graph.node] == ["Identity"]


def test_cpu_runs_and_the_rest_is_listed():
    checks = {check.item: check for check in probe()}
    assert checks["provider: cpu"].status == "ok"
    assert all(check.status != "fail" for check in checks.values())


def test_a_listed_provider_that_falls_back_warns_but_the_cpu_must_work(monkeypatch):
    def fall_back(model, name):
        raise ProviderError(f"{name} silently fell back.", "install drivers")

    monkeypatch.setattr(providers, "available", lambda: ["cpu", "cuda"])
    monkeypatch.setattr(providers, "create_session", fall_back)
    statuses = {check.item: check.status for check in probe()}
    assert statuses == {
        "provider: cpu": "fail", "provider: cuda": "warn", "provider: tensorrt": "skip", "provider: openvino": "skip",
    }  # fmt: skip


@pytest.mark.parametrize("gpu", ["NVIDIA H200, 9.0, 580.1", None])
def test_what_is_not_installed_is_explained(monkeypatch, gpu):
    def identity(index=0):
        if gpu is None:
            raise ProviderError("There is no GPU 0 here, or no driver for it.", "run 'nvidia-smi'")
        return gpu

    monkeypatch.setattr(providers, "available", lambda: ["cpu"])
    monkeypatch.setattr(engines, "device_identity", identity)
    checks = {check.item: check for check in probe()}
    assert 'pip install "keel[openvino]"' in checks["provider: openvino"].fix
    for name in ("cuda", "tensorrt"):
        check = checks[f"provider: {name}"]
        if gpu is None:
            assert check.status == "skip" and "of no use here. There is no GPU 0" in check.detail and not check.fix
        else:
            assert check.status == "warn" and check.detail.endswith(gpu) and 'pip install "keel[gpu]"' in check.fix
