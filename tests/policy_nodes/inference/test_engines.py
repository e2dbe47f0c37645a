import os
import subprocess
import time
from typing import ClassVar

import pytest

from policy_nodes.bundle.onnx_graph import inspect_onnx
from policy_nodes.errors import ProviderError
from policy_nodes.inference import engines, providers
from policy_nodes.inference.engines import device_identity, engine_directory, engine_key, is_built, telling
from policy_nodes.inference.provider_options import ProviderSettings, cuda, default_cache, environment, tensorrt
from policy_nodes.inference.providers import create_session
from tests.policy_nodes.bundle_fixture import tiny_model

H200 = "NVIDIA H200, 9.0, 580.95"


def settings(tmp_path, **options):
    return ProviderSettings(cache=tmp_path / "engines", **options)


def test_the_key_names_everything_an_engine_depends_on(tmp_path, monkeypatch):
    base = engine_key(b"graph", H200, settings(tmp_path))
    assert len(base) == 32 and base == engine_key(b"graph", H200, settings(tmp_path / "elsewhere"))
    others = [
        engine_key(b"Graph", H200, settings(tmp_path)),
        engine_key(b"graph", "NVIDIA Orin, 8.7, 540", settings(tmp_path)),
        engine_key(b"graph", H200, settings(tmp_path, precision="float16")),
        engine_key(b"graph", H200, settings(tmp_path, batch=1)),
    ]
    monkeypatch.setattr(engines.onnxruntime, "__version__", "9.9")
    others.append(engine_key(b"graph", H200, settings(tmp_path)))
    assert len({base, *others}) == 6


def test_the_directory_is_private_and_found_again(tmp_path):
    found = engine_directory(b"graph", settings(tmp_path), H200)
    assert found.is_dir() and found.stat().st_mode & 0o777 == 0o700 and not is_built(found)
    (found / "TensorrtExecutionProvider_1.engine").touch()
    assert engine_directory(b"graph", settings(tmp_path), H200) == found and is_built(found)


@pytest.mark.parametrize("mode", [0o770, 0o707])
def test_a_cache_that_others_can_write_is_refused(tmp_path, mode):
    (tmp_path / "engines").mkdir()
    (tmp_path / "engines").chmod(mode)
    with pytest.raises(ProviderError, match="an engine is code") as caught:
        engine_directory(b"graph", settings(tmp_path), H200)
    assert "KEEL_ENGINE_CACHE" in caught.value.fix


def test_a_cache_that_is_a_file_is_refused(tmp_path):
    (tmp_path / "engines").touch()
    with pytest.raises(ProviderError, match="cannot be used"):
        engine_directory(b"graph", settings(tmp_path), H200)


def test_where_the_cache_is(monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.delenv("KEEL_ENGINE_CACHE", raising=False)
    assert default_cache() == tmp_path / "keel" / "engines"
    monkeypatch.setenv("KEEL_ENGINE_CACHE", str(tmp_path / "own"))
    assert default_cache() == tmp_path / "own"


def test_the_gpu_is_asked_for_its_name(monkeypatch):
    asked = []

    def answer(command, **_):
        asked.append(command)
        return subprocess.CompletedProcess(command, 0, f"{H200}\n", "")

    monkeypatch.setattr(engines.subprocess, "run", answer)
    assert device_identity(1) == H200 and asked[0][-1] == "--id=1"


def test_without_a_gpu_the_doctor_is_named(monkeypatch, tmp_path):
    monkeypatch.setattr(engines, "QUERY", (str(tmp_path / "no-such-program"),))
    monkeypatch.setattr(engines, "JETSON", tmp_path / "model")
    with pytest.raises(ProviderError, match="no GPU 0 here") as caught:
        device_identity()
    assert "keel doctor" in caught.value.fix
    (tmp_path / "model").write_text("NVIDIA Jetson AGX Orin\0")
    assert device_identity().startswith("NVIDIA Jetson AGX Orin ")


def test_tensorrt_is_told_shapes_precision_and_cache(tmp_path):
    inputs = inspect_onnx(tiny_model().SerializeToString()).inputs
    options = tensorrt(settings(tmp_path, batch=8, device=1), inputs, tmp_path)
    assert options["trt_profile_min_shapes"] == options["trt_profile_opt_shapes"]
    shapes = {t.name: "x".join(str(size) for size in t.shape[1:]) for t in inputs}
    assert options["trt_profile_min_shapes"] == ",".join(f"{name}:1x{rest}" for name, rest in shapes.items())
    assert options["trt_profile_max_shapes"] == ",".join(f"{name}:8x{rest}" for name, rest in shapes.items())
    assert (options["trt_fp16_enable"], options["device_id"]) == ("0", "1")
    assert options["trt_engine_cache_path"] == options["trt_timing_cache_path"] == str(tmp_path)
    half = tensorrt(settings(tmp_path, precision="float16"), inputs, tmp_path)
    assert half["trt_fp16_enable"] == half["trt_layer_norm_fp32_fallback"] == "1"


def test_single_precision_is_single(tmp_path):
    assert cuda(settings(tmp_path))["use_tf32"] == "0"
    assert environment("tensorrt", settings(tmp_path)) == {"NVIDIA_TF32_OVERRIDE": "0"}
    assert environment("tensorrt", settings(tmp_path, precision="float16")) == environment("cuda", settings(tmp_path))


class Session:
    """Stands in for onnxruntime's, and remembers what it was asked for."""

    asked: ClassVar[list] = []

    def __init__(self, source, options, providers):
        self.asked.append(providers)
        self.active = [item if isinstance(item, str) else item[0] for item in providers]

    def get_providers(self):
        return [*self.active, "CPUExecutionProvider"]

    def disable_fallback(self):
        pass


@pytest.fixture
def gpu(monkeypatch):
    Session.asked = []
    monkeypatch.setattr(providers.onnxruntime, "get_available_providers", lambda: list(providers.PROVIDERS.values()))
    monkeypatch.setattr(providers.onnxruntime, "InferenceSession", Session)
    monkeypatch.setattr(providers.onnxruntime, "preload_dlls", lambda: None, raising=False)
    monkeypatch.setattr(engines, "device_identity", lambda index: H200)
    monkeypatch.delenv("NVIDIA_TF32_OVERRIDE", raising=False)
    yield
    os.environ.pop("NVIDIA_TF32_OVERRIDE", None)


def test_a_tensorrt_session_builds_once_and_says_so(gpu, tmp_path):
    graph, said = tiny_model().SerializeToString(), []
    chosen = settings(tmp_path, notify=said.append)
    create_session(graph, "tensorrt", 1, chosen)
    (name, options), (rest, _) = Session.asked[0]
    assert (name, rest) == ("TensorrtExecutionProvider", "CUDAExecutionProvider")
    assert said[0].startswith("building a TensorRT engine in ") and "done after" in said[-1]
    assert os.environ["NVIDIA_TF32_OVERRIDE"] == "0"
    (engine_directory(graph, chosen) / "a.engine").touch()
    said.clear()
    create_session(graph, "tensorrt", 1, chosen)
    assert said == [] and Session.asked[1][0][1]["trt_engine_cache_path"] == options["trt_engine_cache_path"]


def test_cuda_and_openvino_get_their_options(gpu, tmp_path, monkeypatch):
    monkeypatch.setattr(providers, "installed", lambda: False)  # then an ONNX Runtime built for OpenVINO is used
    create_session(tiny_model().SerializeToString(), "cuda", 1, settings(tmp_path, device=2, cuda_graph=True))
    create_session(tiny_model().SerializeToString(), "openvino", 3)
    (cuda_options,), (openvino_options,) = Session.asked
    assert cuda_options[1]["device_id"] == "2" and cuda_options[1]["enable_cuda_graph"] == "1"
    assert openvino_options[1] == {"device_type": "CPU", "precision": "FP32", "num_of_threads": "3"}


def test_tensorrt_without_a_gpu_is_refused_before_anything_is_built(gpu, tmp_path, monkeypatch):
    def absent(index):
        raise ProviderError("There is no GPU 0 here, or no driver for it.", "run 'keel doctor'")

    monkeypatch.setattr(engines, "device_identity", absent)
    with pytest.raises(ProviderError, match="no GPU 0 here"):
        create_session(tiny_model().SerializeToString(), "tensorrt", 1, settings(tmp_path))
    assert Session.asked == [] and not (tmp_path / "engines").exists()


def test_reminders_while_something_lasts():
    said = []
    with telling(said.append, "building", every_s=0.01):
        time.sleep(0.2)
    assert said[0].endswith("once") and any("so far" in text for text in said[1:-1]) and "done after" in said[-1]
