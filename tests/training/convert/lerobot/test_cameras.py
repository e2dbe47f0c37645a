"""Policies with cameras: the parts by hand, the whole against answers recorded from lerobot 0.4.4."""

import json
import math
import re
import shutil

import numpy as np
import pytest
import torch
import yaml
from safetensors.torch import load_file, save_file

from policy_nodes.bundle.load import load_bundle
from policy_nodes.bundle.manifest import ImageFeature
from policy_nodes.errors import BundleError, ConfigError
from policy_nodes.inference.policy import PolicySession
from tests.training.convert.lerobot.conftest import FIXTURES
from tests.training.convert.lerobot.contracts import filled_template
from tests.training.convert.lerobot.seeded import write_weights
from training.commands import convert_lerobot
from training.convert.lerobot import convert, resnet
from training.convert.lerobot.cameras import Keypoints, Pixels, centre, resize_matrix, sine_positions
from training.convert.lerobot.checkpoint import read_checkpoint
from training.convert.lerobot.contract import manifest_parts, read_contract, template
from training.convert.lerobot.deployed import Shape, build
from training.convert.lerobot.normalization import affine
from training.convert.lerobot.resnet import StoredNorm, feature_map, group_norm, trunk

TOP, WRIST = "observation.images.top", "observation.images.wrist"
STATISTICS = "policy_preprocessor_step_3_normalizer_processor.safetensors"


@pytest.fixture(params=["act_cameras", "diffusion_cameras"])
def family(request, tmp_path):
    """A copy of a committed checkpoint with cameras, its weights written."""
    directory = tmp_path / request.param
    shutil.copytree(FIXTURES / request.param, directory)
    write_weights(directory)
    return directory


@pytest.fixture
def bare(tmp_path):
    """The same without weights, for what is refused before they are read."""

    def copy(name):
        shutil.copytree(FIXTURES / name, tmp_path / name)
        return tmp_path / name

    return copy


def recorded(directory):
    with np.load(directory / "answers.npz") as archive:
        return {name: archive[name] for name in archive.files}


def observed(given):
    return {key: torch.from_numpy(value) for key, value in given.items() if key.startswith("observation")}


def test_same_numbers_as_lerobot(family):
    given = recorded(family)
    policy, shape = build(read_checkpoint(family), None, None)
    noise = torch.from_numpy(given["noise"])
    with torch.no_grad():
        chunk, embedding = policy(observed(given), noise)
    wanted = given["action"]
    np.testing.assert_allclose(chunk.numpy()[:, : wanted.shape[1]], wanted, atol=1e-5)
    assert chunk.shape[1] == shape.horizon and embedding.dim() == 2
    swapped = observed(given)
    for name in (TOP, WRIST):  # every camera counts: a black picture changes the answer by far more than the tolerance
        dark = dict(swapped) | {name: torch.zeros_like(swapped[name])}
        with torch.no_grad():
            assert (policy(dark, noise)[0] - chunk).abs().max() > 1e-3


def edit(path, change):
    raw = json.loads(path.read_text())
    change(raw)
    path.write_text(json.dumps(raw))


@pytest.mark.parametrize(
    ("name", "change", "said"),
    [
        ("act_cameras", lambda raw: raw.update(vision_backbone="vit_b_16"), "vision backbone is 'vit_b_16'"),
        ("act_cameras", lambda raw: raw.update(replace_final_stride_with_dilation=True), "no 'resnet18' with"),
        ("act_cameras", lambda raw: raw["input_features"].pop("observation.state"), "nothing but pictures"),
        ("act_cameras", lambda raw: raw["input_features"][TOP].update(shape=[64, 96]), "has the shape .64, 96."),
        ("act_cameras", lambda raw: raw["input_features"][TOP].update(shape=[1, 64, 96]), "has 1 channels"),
        ("diffusion_cameras", lambda raw: raw["input_features"][TOP].update(shape=[3, 64, 90]), "the cameras have"),
        ("diffusion_cameras", lambda raw: raw.update(crop_shape=[65, 84]), "crops .65, 84. out of pictures"),
    ],
)  # fmt: skip
def test_configurations_that_cannot_be_converted(bare, name, change, said):
    directory = bare(name)
    edit(directory / "config.json", change)
    with pytest.raises(BundleError, match=said) as caught:
        build(read_checkpoint(directory), None, None)
    assert caught.value.fix


def test_a_camera_without_statistics_or_with_those_of_another_shape(family):
    statistics = load_file(family / STATISTICS)
    save_file({**statistics, f"{TOP}.mean": torch.zeros(3, 64, 96)}, family / STATISTICS)
    with pytest.raises(BundleError, match=rf"camera '{TOP}' have shape \[3, 64, 96\], not \[3, 1, 1\]"):
        build(read_checkpoint(family), None, None)
    save_file({k: v for k, v in statistics.items() if not k.startswith(TOP)}, family / STATISTICS)
    with pytest.raises(BundleError, match=f"feature '{TOP}' has no statistics"):
        read_checkpoint(family)


def test_weights_of_another_backbone(family):
    edit(family / "config.json", lambda raw: raw.update(vision_backbone="resnet34"))
    with pytest.raises(BundleError, match=r"the weights lack '.*backbone"):
        build(read_checkpoint(family), None, None)


def test_the_contract_asks_for_each_camera(bare, tmp_path):
    checkpoint = read_checkpoint(bare("act_cameras"))
    text = template(checkpoint)
    assert "# Cameras must publish 96x64, 64x70 as in training" in text
    raw = filled_template(checkpoint)
    assert list(raw["images"]) == [TOP, WRIST] and list(raw["observations"]) == ["observation.state"]
    raw["images"][WRIST] |= {"topic": "/wrist/color", "frame_id": "wrist_optical", "max_age_s": 0.3}
    path = tmp_path / "contract.yaml"
    path.write_text(yaml.safe_dump(raw))
    shape = convert_shape(history=1)
    observations, images, _, _ = manifest_parts(read_contract(path, checkpoint), checkpoint, shape)
    assert [feature.name for feature in observations] == ["observation.state"]
    assert [(i.name, i.topic, i.height, i.width, i.encoding, i.history) for i in images] == [
        (TOP, "/top/image_raw", 64, 96, "rgb8", 1),
        (WRIST, "/wrist/color", 70, 64, "rgb8", 1),
    ]
    assert (images[1].frame_id, images[1].max_age_s, images[1].history_step_s) == ("wrist_optical", 0.3, 0.1)
    del raw["images"][TOP]
    path.write_text(yaml.safe_dump(raw))
    with pytest.raises(ConfigError, match=r"describes \['observation.images.wrist'\] under images"):
        read_contract(path, checkpoint)


def convert_shape(history):
    return Shape(history, 6, 3, 0, "deterministic", 1)


@pytest.mark.slow  # the exporter takes 20 s of CPU time for a ResNet
def test_the_command_writes_a_bundle_that_reads_raw_pixels(bare, tmp_path, monkeypatch):
    """Through the exporter, with one block per stage and one camera, because exporting a whole ResNet takes long."""
    monkeypatch.setitem(resnet.DEPTHS, "resnet18", (1, 1, 1, 1))
    directory = bare("act_cameras")
    later = re.compile(r"backbone\.layer\d\.1\.|\.encoder\.layers\.1\.")
    edit(directory / "weights.json", lambda raw: raw.update(
        shapes={name: shape for name, shape in raw["shapes"].items() if not later.search(name)}))  # fmt: skip
    write_weights(directory)
    edit(directory / "config.json", lambda raw: raw["input_features"].pop(WRIST) and raw.update(n_encoder_layers=1))
    contract, output = tmp_path / "contract.yaml", tmp_path / "push.keel"
    contract.write_text(yaml.safe_dump(filled_template(read_checkpoint(directory))))
    assert convert_lerobot.run(convert_lerobot.Args(directory, contract=contract, output=output, samples=3)) == 0
    session = PolicySession(load_bundle(output))
    session.warm_up(3)
    given = {name: value for name, value in recorded(directory).items() if name in ("observation.state", TOP)}
    policy, _ = build(read_checkpoint(directory), None, None)
    with torch.no_grad():
        wanted, _ = policy(observed(given), None)
    np.testing.assert_allclose(session.sample(given).chunk, wanted.numpy(), atol=1e-5)
    manifest = session.bundle.manifest
    assert [(image.name, image.shape, image.history) for image in manifest.images] == [(TOP, (64, 96, 3), 1)]
    assert manifest.parity.samples == 3 and (output / "parity.npz").stat().st_size < 40_000


def test_large_pictures_are_recorded_less_often():
    def camera(height, width, history=1):
        fields = {"name": TOP, "topic": "/top", "max_age_s": 0.1, "history_step_s": 0.1, "history": history}
        return ImageFeature.model_validate(fields | {"height": height, "width": width})

    assert convert._proofs([], 32) == 32
    assert convert._proofs([camera(96, 96)], 32) == 8
    assert convert._proofs([camera(96, 96)], 3) == 3
    # 64 MiB hold 5 samples of two 1080p pictures from each of two cameras: 4 * 6 220 800 bytes are 24.9 MB: 2.
    assert convert._proofs([camera(1080, 1920, 2)] * 2, 32) == 2
    rng = np.random.default_rng(0)
    noise, squares = convert._picture(rng, camera(30, 50), 1), convert._picture(rng, camera(30, 50), 8)
    assert noise.shape == squares.shape == (1, 30, 50, 3) and noise.dtype == np.uint8
    assert (squares[0, :8, :8] == squares[0, 0, 0]).all() and len(np.unique(noise)) > 250


def test_pixels_are_scaled_then_normalised():
    statistics = {"mean": torch.tensor([0.5, 0.25, 0.0]), "std": torch.tensor([0.5, 0.25, 1.0])}
    map_ = affine("MEAN_STD", {key: value.reshape(3, 1, 1) for key, value in statistics.items()}, 0.0)
    pixels = torch.tensor([255, 0, 51], dtype=torch.uint8).reshape(1, 1, 1, 1, 3)
    found = Pixels("top", (3, 1, 1), map_)(pixels)
    assert found.shape == (1, 1, 3, 1, 1)
    torch.testing.assert_close(found.flatten(), torch.tensor([1.0, -1.0, 0.2]))


@pytest.mark.parametrize(("length", "wanted", "start"), [(10, 10, 0), (10, 6, 2), (10, 7, 2), (13, 6, 4), (9, 6, 2)])
def test_centre_crop_rounds_halves_to_even(length, wanted, start):
    # (10 - 7) / 2 = 1.5 -> 2, (13 - 6) / 2 = 3.5 -> 4, (9 - 6) / 2 = 1.5 -> 2
    assert centre(length, wanted) == slice(start, start + wanted)


def test_resizing_keeps_what_is_constant_and_averages_when_it_halves():
    matrix = resize_matrix(8, 4)
    torch.testing.assert_close(matrix.sum(dim=1), torch.ones(4))
    # Antialiased bilinear over two pixels: triangle weights 1/8, 3/8, 3/8, 1/8 around the middle.
    torch.testing.assert_close(matrix[1, 1:5], torch.tensor([1, 3, 3, 1]) / 8)
    torch.testing.assert_close(resize_matrix(5, 5), torch.eye(5))
    # Two matrices are PyTorch's own kernel to rounding, weights included; a network amplifies what they differ by.
    x = torch.rand(1, 3, 64, 96, generator=torch.Generator().manual_seed(0))
    wanted = torch.nn.functional.interpolate(x, size=(48, 60), mode="bilinear", antialias=True)
    found = resize_matrix(64, 48) @ x @ resize_matrix(96, 60).T
    torch.testing.assert_close(found, wanted, atol=1e-6, rtol=0)


def test_sine_positions_by_hand():
    encoded = sine_positions(8, 2, 3)
    assert encoded.shape == (6, 8)
    # Cell (row 2 of 2, column 1 of 3); frequencies 1 and 10000^(2/4) = 100.
    row, column = 2 * math.pi * 2 / (2 + 1e-6), 2 * math.pi / (3 + 1e-6)
    wanted = [f(angle / step) for angle in (row, column) for step in (1, 100) for f in (math.sin, math.cos)]
    torch.testing.assert_close(encoded[3], torch.tensor(wanted), atol=1e-5, rtol=0)


def test_keypoints_point_at_the_peak():
    pool = Keypoints(1, 3, 5, 2)
    with torch.no_grad():
        pool.nets.weight.copy_(torch.tensor([100.0, 0.0]).reshape(2, 1, 1, 1))
        pool.nets.bias.zero_()
    features = torch.zeros(1, 1, 3, 5)
    features[0, 0, 2, 1] = 1.0
    # Bottom row is y = 1, second of five columns x = -0.5; a flat map has its mean in the middle.
    torch.testing.assert_close(pool(features), torch.tensor([[-0.5, 1.0, 0.0, 0.0]]), atol=1e-6, rtol=0)


@pytest.mark.parametrize(("name", "dilated", "channels"), [("resnet18", False, 512), ("resnet50", True, 2048)])
def test_the_feature_map_has_the_size_that_is_computed(name, dilated, channels):
    modules, depth = trunk(name, 3, group_norm, dilated)
    x = torch.zeros(1, 3, 70, 97)
    for module in modules.values():
        x = module(x)
    assert depth == channels and x.shape[1:] == (channels, *feature_map(70, 97, dilated))


def test_resnet_counts_its_weights_as_published():
    # Table 1 of arXiv 1512.03385 in torchvision's count: 11.69 M, 21.80 M, 25.56 M with the 1000-class layer.
    for name, total, last in (
        ("resnet18", 11_689_512, 512),
        ("resnet34", 21_797_672, 512),
        ("resnet50", 25_557_032, 2048),
    ):
        modules, _ = trunk(name, 3, StoredNorm)
        count = sum(p.numel() for module in modules.values() for p in module.parameters())
        assert count + 1000 * last + 1000 == total, name


def test_stored_statistics_by_hand():
    norm = StoredNorm(1)
    norm.load_state_dict({k: torch.tensor([v]) for k, v in
                          {"weight": 3.0, "bias": 1.0, "running_mean": 2.0, "running_var": 4.0}.items()})  # fmt: skip
    assert norm(torch.full((1, 1, 1, 1), 6.0)).item() == pytest.approx(3 * (6 - 2) / 2 + 1, rel=1e-5)
