import io
import zipfile

import numpy as np
import pytest

from policy_nodes.bundle import npz
from policy_nodes.bundle.npz import ArrayInfo, inspect_npz


def write(path, members: dict[str, bytes]):
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return path


def npy(array, **kwargs) -> bytes:
    stream = io.BytesIO()
    np.lib.format.write_array(stream, np.asarray(array), **kwargs)
    return stream.getvalue()


@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
def test_headers_without_data(tmp_path, save):
    save(tmp_path / "a.npz", **{"input/x.y": np.zeros((2, 3), np.float32), "meta": np.array("{}")})
    assert inspect_npz(tmp_path / "a.npz") == {
        "input/x.y": ArrayInfo((2, 3), np.dtype("float32")),
        "meta": ArrayInfo((), np.dtype("<U2")),
    }


def test_object_arrays_are_pickles_and_refused(tmp_path):
    np.savez(tmp_path / "a.npz", evil=np.array([{"a": 1}], dtype=object))
    with pytest.raises(ValueError, match="'evil' of type object would need pickle"):
        inspect_npz(tmp_path / "a.npz")


def test_a_torch_checkpoint_is_no_npz(tmp_path):
    with pytest.raises(ValueError, match=r"'archive/data\.pkl' is not an array"):
        inspect_npz(write(tmp_path / "a.npz", {"archive/data.pkl": b"\x80\x02}q\x00."}))


def test_header_that_promises_other_bytes(tmp_path):
    with pytest.raises(ValueError, match="'x' of shape"):
        inspect_npz(write(tmp_path / "a.npz", {"x.npy": npy(np.zeros(4)) + b"more"}))
    lying = npy(np.zeros(4)).replace(b"(4,)", b"(9,)")
    with pytest.raises(ValueError, match="'x' of shape"):
        inspect_npz(write(tmp_path / "a.npz", {"x.npy": lying}))


@pytest.mark.parametrize(
    "data", [b"", b"\x93NUMPY", b"\x93NUMPY\x09\x00", npy(np.zeros(2)).replace(b"descr", b"xescr")]
)
def test_broken_headers(tmp_path, data):
    with pytest.raises(ValueError, match="'x'"):
        inspect_npz(write(tmp_path / "a.npz", {"x.npy": data}))


def test_bomb(tmp_path, monkeypatch):
    monkeypatch.setattr(npz, "MAX_ARRAY_BYTES", 1 << 20)
    np.savez_compressed(tmp_path / "a.npz", x=np.zeros(1 << 20))
    assert (tmp_path / "a.npz").stat().st_size < 1 << 16
    with pytest.raises(ValueError, match="unpacks to more than 1 MiB"):
        inspect_npz(tmp_path / "a.npz")


def test_not_a_zip(tmp_path):
    (tmp_path / "a.npz").write_bytes(b"\x80\x04\x95")
    with pytest.raises(ValueError, match=r"not an \.npz archive"):
        inspect_npz(tmp_path / "a.npz")
