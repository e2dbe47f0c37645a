import json
import pickle
import zipfile

import numpy as np
import pytest

from policy_nodes.errors import CalibrationError
from policy_nodes.monitors.artefact import CalibrationArtefact, SignalCalibration, load_artefact, save_artefact
from policy_nodes.monitors.interface import PolicyIdentity


def make_artefact(**changes):
    maxima = [float(v) for v in range(1, 11)]
    signals = [SignalCalibration(name=n, window=3, threshold=10.0, maxima=maxima) for n in ("rnd", "entropy")]
    values = {
        "policy_sha256": "a" * 64, "samples": 4, "horizon": 2, "action_size": 3, "embedding_size": 5,
        "channels": ["x", "y", "z"], "cell": [0.1, 0.2, 0.3], "cell_factor": 0.03, "score_offset": 1e-6,
        "quantile": 0.9, "n": 10, "training_rollouts": 10, "failed_rollouts": 2, "disjoint": True, "seed": 0,
        "date": "2026-01-01T00:00:00+00:00", "versions": {"keel": "0"}, "signals": signals,
    }  # fmt: skip
    return CalibrationArtefact(**{**values, **changes})


def rewrite(path, edit):
    with np.load(path) as arrays:
        content = dict(arrays)
    edit(content)
    np.savez(path, **content)


def edit_meta(path, **changes):
    def edit(content):
        content["meta"] = np.array(json.dumps({**json.loads(str(content["meta"])), **changes}))

    rewrite(path, edit)


@pytest.fixture
def path(tmp_path):
    save_artefact(make_artefact(), tmp_path / "calibration.npz")
    return tmp_path / "calibration.npz"


def test_round_trip_is_exact_and_atomic(path):
    assert load_artefact(path) == make_artefact() and make_artefact().rank == 10
    assert [p.name for p in path.parent.iterdir()] == ["calibration.npz"]
    before = path.read_bytes()
    with pytest.raises(CalibrationError):
        save_artefact(make_artefact(quantile=0.8), path)
    assert path.read_bytes() == before and len(list(path.parent.iterdir())) == 1


def test_archive_needs_no_pickle(path):
    with np.load(path, allow_pickle=False) as arrays:
        assert sorted(arrays) == ["cell", "maxima_entropy", "maxima_rnd", "meta"]
        assert json.loads(str(arrays["meta"]))["policy_sha256"] == "a" * 64


def test_identity_names_every_difference():
    identity = make_artefact().identity
    identity.require(PolicyIdentity("a" * 64, 4, 2, 3, 5))
    with pytest.raises(CalibrationError, match=r"samples is 8, calibrated 4; horizon is 16, calibrated 2"):
        identity.require(PolicyIdentity("a" * 64, 8, 16, 3, 5))
    with pytest.raises(CalibrationError, match="sha256 is bbb"):
        identity.require(PolicyIdentity("b" * 64, 4, 2, 3, 5))


def lower_maxima(content):
    content["maxima_rnd"] = content["maxima_rnd"] * 0.5


def drop_rollouts(content):
    content["maxima_rnd"] = content["maxima_rnd"][:5]


def drop_cell(content):
    del content["cell"]


def nan_cell(content):
    content["cell"] = np.array([0.1, np.nan, 0.3])


@pytest.mark.parametrize(
    ("edit", "message"),
    [
        (lower_maxima, "'rnd' is not the rank-10 maximum"),
        (drop_rollouts, "'rnd' is not the rank-10 maximum of its 10"),
        (drop_cell, "KeyError 'cell"),
        (nan_cell, "cell.1"),
    ],
)
def test_edited_arrays_are_refused(path, edit, message):
    rewrite(path, edit)
    with pytest.raises(CalibrationError, match=message):
        load_artefact(path)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"threshold_method": "pointwise_quantile"}, "threshold_method"),
        ({"schema_version": 2}, "schema_version"),
        ({"quantile": 0.95}, "cannot support"),
        ({"samples": 0}, "samples"),
        ({"policy_sha256": "x"}, "policy_sha256"),
        ({"surprise": 1}, "surprise"),
        ({"signals": []}, "signals"),
        ({"signals": 3}, "TypeError"),
    ],
)
def test_edited_meta_is_refused(path, change, message):
    edit_meta(path, **change)
    with pytest.raises(CalibrationError, match=message):
        load_artefact(path)


def test_other_files_are_refused(path, tmp_path):
    with pytest.raises(CalibrationError, match="does not exist"):
        load_artefact(tmp_path / "no.npz")
    path.write_bytes(path.read_bytes()[:100])
    with pytest.raises(CalibrationError, match="BadZipFile"):
        load_artefact(path)
    path.write_bytes(pickle.dumps({"meta": 1}))
    with pytest.raises(CalibrationError, match="not a calibration artefact"):
        load_artefact(path)
    np.savez(path, meta=np.array({"evil": 1}, dtype=object))
    with pytest.raises(CalibrationError, match="not a calibration artefact"):
        load_artefact(path)


def test_archive_bombs_are_refused_before_unpacking(path):
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("meta.npy", bytes(65 * 2**20))
    with pytest.raises(CalibrationError, match="unpacks to more than 64 MiB"):
        load_artefact(path)
