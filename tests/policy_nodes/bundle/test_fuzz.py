"""Seeded fuzz: every mutant is refused with a BundleError, none is accepted, none crashes.

``KEEL_FUZZ_COUNT`` sets the number of mutants; each is made from the seed and its own number alone.
"""

import json
import os
import random
import shutil

import pytest

from policy_nodes.bundle.hashing import manifest_digest, sha256_file
from policy_nodes.bundle.load import load_bundle
from policy_nodes.errors import BundleError
from tests.policy_nodes.bundle_fixture import make_bundle

COUNT = int(os.environ.get("KEEL_FUZZ_COUNT", "300"))
SEED = 20260101
FILES = ("manifest.json", "policy.onnx", "parity.npz", "safety.yaml")
WRONG = (None, [], {}, "", "\0", "../x", "a/b", -1, 10**19, 1e308, True, "x" * 5000, [[[]]], {"a": 1})
IDENTIFIED = ("policy.onnx", "parity.npz")


@pytest.fixture(scope="module")
def original(tmp_path_factory):
    return make_bundle(tmp_path_factory.mktemp("bundle"))


def flip_bytes(path, rng):
    file = path / rng.choice(FILES[1:])
    data = bytearray(file.read_bytes())
    for _ in range(rng.randint(1, 8)):
        data[rng.randrange(len(data))] ^= 1 << rng.randrange(8)
    changed = bytes(data) != file.read_bytes()
    file.write_bytes(data)
    return changed


def truncate(path, rng):
    file = path / rng.choice(FILES)
    data = file.read_bytes()
    file.write_bytes(data[: rng.randrange(len(data) - 1)])
    return True


def append(path, rng):
    with (path / rng.choice(FILES[1:])).open("ab") as stream:
        stream.write(rng.randbytes(rng.randint(1, 64)))
    return True


def leaves(value, where=()):
    if isinstance(value, dict):
        for key, item in value.items():
            yield (*where, key)
            yield from leaves(item, (*where, key))
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield (*where, index)
            yield from leaves(item, (*where, index))


def holder(raw, place):
    for key in place[:-1]:
        raw = raw[key]
    return raw


def edit_value(path, rng):
    """Edit one value and leave the digest: always noticed."""
    raw = json.loads((path / "manifest.json").read_text())
    place = rng.choice(list(leaves(raw)))
    parent = holder(raw, place)
    wrong = rng.choice(WRONG)
    same = json.dumps(parent[place[-1]]) == json.dumps(wrong)
    parent[place[-1]] = wrong
    (path / "manifest.json").write_text(json.dumps(raw))
    return not same


def reseal_wrong_structure(path, rng):
    """Break type or completeness of one value and make the digest right: the schema must notice."""
    raw = json.loads((path / "manifest.json").read_text())
    optional = {
        "success",
        "offset",
        "scale",
        "clip",
        "frame_id",
        "observation_delay_s",
        "dtype",
        "versions",
        "schema_version",
        "files",
    }
    free = ("task", "created", "keel_version", "git_commit", "torch")
    places = [p for p in leaves(raw) if not optional & set(p) and p[-1] not in (*free, "digest")]
    place = rng.choice(places)
    parent = holder(raw, place)
    action = rng.choice(("drop", "wrong", "add"))
    if action == "drop":
        del parent[place[-1]]
    elif action == "add" and isinstance(parent, dict):
        parent[f"extra_{rng.randrange(10)}"] = rng.choice(WRONG)
    else:
        parent[place[-1]] = {"unexpected": rng.random()}
    raw["digest"] = manifest_digest(raw)
    (path / "manifest.json").write_text(json.dumps(raw))
    return True


def reseal_shape(path, rng):
    """Change a size consistently hashed: graph, parity data and contract must notice."""
    raw = json.loads((path / "manifest.json").read_text())
    before = json.dumps(raw)
    size = rng.choice([1, 3, 7, 9, 17, 255, 10**6])
    target = rng.choice(["history", "horizon", "tensor", "samples"])
    if target == "history":
        rng.choice(raw["observations"])["history"] = size
    elif target == "horizon":
        raw["actions"].update(horizon=size, execution_horizon=1)
    elif target == "samples":
        raw["parity"]["samples"] = size
    else:
        shape = rng.choice(raw["policy"]["inputs"] + raw["policy"]["outputs"])["shape"]
        shape[rng.randrange(len(shape))] = size
    changed = json.dumps(raw) != before
    raw["digest"] = manifest_digest(raw)
    (path / "manifest.json").write_text(json.dumps(raw))
    return changed


def reseal_graph(path, rng):
    """Cut or overwrite part of the graph or the parity data and make all hashes right: the readers must notice."""
    name = rng.choice(IDENTIFIED)
    data = (path / name).read_bytes()
    cut = rng.randrange(1, len(data) - 32)
    damaged = data[:cut] + (b"" if rng.random() < 0.5 else b"\xff" * (len(data) - cut))
    (path / name).write_bytes(damaged)
    raw = json.loads((path / "manifest.json").read_text())
    raw["files"][name] = sha256_file(path / name)
    raw["digest"] = manifest_digest(raw)
    (path / "manifest.json").write_text(json.dumps(raw))
    return True


def reseal_names(path, rng):
    """Rename a listed file to something hostile."""
    raw = json.loads((path / "manifest.json").read_text())
    name = rng.choice(
        ["../../etc/passwd", "/etc/passwd", "..", ".", "", "a/../b.txt", "x.pkl", "x" * 200 + ".txt", "\n.txt"]
    )
    raw["files"][name] = raw["files"].pop(rng.choice(FILES[1:])) if rng.random() < 0.5 else "0" * 64
    raw["digest"] = manifest_digest(raw)
    (path / "manifest.json").write_text(json.dumps(raw))
    return True


def entries(path, rng):
    """Remove, add or replace directory entries by links and directories."""
    file = path / rng.choice(FILES)
    action = rng.choice(["remove", "link", "dangling", "directory", "extra", "empty"])
    if action == "extra":
        (path / rng.choice(["x.txt", ".x", "y.pkl", "policy.onnx.data"])).write_bytes(b"x")
        return True
    saved = shutil.copy(file, path.parent / f"saved-{file.name}")
    file.unlink()
    if action == "link":
        file.symlink_to(saved)
    elif action == "dangling":
        file.symlink_to("/nonexistent/place")
    elif action == "directory":
        file.mkdir()
    elif action == "empty":
        file.write_bytes(b"")
    return True


MUTATIONS = (
    flip_bytes, truncate, append, edit_value, reseal_wrong_structure, reseal_shape, reseal_graph, reseal_names, entries,
)  # fmt: skip


def test_no_mutant_is_accepted_and_none_crashes(original, tmp_path):
    refused = 0
    for number in range(COUNT):
        rng = random.Random(SEED + number)
        mutate = MUTATIONS[number % len(MUTATIONS)]
        path = shutil.copytree(original, tmp_path / str(number) / "tiny.keel")
        if not mutate(path, rng):
            continue
        try:
            load_bundle(path)
        except BundleError as error:
            assert error.cause, f"mutant {number} ({mutate.__name__}) has no cause"
            assert error.fix, f"mutant {number} ({mutate.__name__}) has no fix"
            assert len(str(error)) < 4000
            refused += 1
        else:
            pytest.fail(f"mutant {number} ({mutate.__name__}) was accepted")
        shutil.rmtree(tmp_path / str(number))
    assert refused > 0.9 * COUNT
