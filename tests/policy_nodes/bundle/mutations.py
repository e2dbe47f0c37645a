"""Ways to break a bundle, each made from a random generator alone; used by the fuzz test and by its long run.

A mutation takes the bundle's path and a ``random.Random``, changes the files, and returns whether anything changed.
Those called ``reseal_*`` make all hashes right again, as somebody would who knows the format.
"""

from __future__ import annotations

import io
import json
import random
import resource
import shutil
import time
import warnings
import zipfile
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import onnx
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from onnx import TensorProto, helper

from policy_nodes.bundle.hashing import manifest_digest, sha256_file
from policy_nodes.bundle.load import load_bundle
from policy_nodes.bundle.signature import make_signature
from policy_nodes.errors import BundleError
from tests.policy_nodes.bundle.resealing import edit_manifest, replace_file

FILES = ("manifest.json", "policy.onnx", "parity.npz", "safety.yaml")
WRONG = (None, [], {}, "", "\0", "../x", "a/b", -1, 10**19, 1e308, True, "x" * 5000, [[[]]], {"a": 1})


def identified(path):
    """Files whose content the manifest describes, the graph first."""
    return sorted((file.name for file in path.iterdir() if file.suffix in (".onnx", ".npz")), reverse=True)


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
        "fallback",
        "frame_id",
        "observation_delay_s",
        "dtype",
        "versions",
        "schema_version",
        "files",
        "chunking",
        "warm_start",
        "variants",
        "step_graph",
        "reduced",
        "sim2sim",
        "images",
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
    name = rng.choice(identified(path))
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


def npz_of(members, method=zipfile.ZIP_STORED):
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", method) as archive, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # a name that appears twice is the point of one mutation
        for name, data in members:
            archive.writestr(name, data)
    return stream.getvalue()


def npy(shape, dtype="<f4", data=b""):
    """An ``.npy`` whose header may deny its data."""
    header = repr({"descr": dtype, "fortran_order": False, "shape": shape}).encode()
    header += b" " * (-(len(header) + 11) % 64) + b"\n"
    return b"\x93NUMPY\x01\x00" + len(header).to_bytes(2, "little") + header + data


def reseal_arrays(path, rng):
    """Archives that unpack to too much, lie about their size, or hold something else than arrays."""
    file = path / "parity.npz"
    with zipfile.ZipFile(file) as archive:
        members = [(item.filename, archive.read(item)) for item in archive.infolist()]
    name, array = members[rng.randrange(len(members))]
    others = [member for member in members if member[0] != name]
    kind = rng.choice(
        ["bomb", "claim", "huge", "negative", "pickle", "twice", "other", "many", "none", "dtype", "version"]
    )
    if kind == "bomb":  # a megabyte of zeros for each kilobyte; the shape fits the bytes, not the contract
        size = rng.choice([1 << 20, 1 << 24])
        data = npz_of([*others, (name, npy((size // 4,), data=bytes(size)))], zipfile.ZIP_DEFLATED)
    elif kind == "claim":  # sizes in the directory that no disk holds
        raw = bytearray(file.read_bytes())
        place = raw.rindex(b"PK\x01\x02")
        raw[place + 24 : place + 28] = rng.choice([0xFFFFFFF0, 0x7FFFFFFF, 3 << 29]).to_bytes(4, "little")
        data = bytes(raw)
    elif kind == "huge":
        data = npz_of([*others, (name, npy((rng.choice([10**9, 10**18, 10**30]), 10**9)))])
    elif kind == "negative":
        data = npz_of([*others, (name, npy((-4, -4), data=bytes(64)))])
    elif kind == "pickle":
        data = npz_of([*others, (name, npy((1,), "|O", b"\x80\x04N."))])
    elif kind == "twice":
        data = npz_of([*members, (name.removesuffix(".npy") + ".npy", array)])
    elif kind == "other":
        data = npz_of([*members, (rng.choice(["model.pt", "../../x.npy/", "a.pkl"]), b"x")])
    elif kind == "many":
        data = npz_of([(f"{index}.npy", npy((1,), data=bytes(4))) for index in range(1100)])
    elif kind == "none":
        data = npz_of([])
    elif kind == "dtype":
        data = npz_of([*others, (name, npy((4,), rng.choice(["<f8", "<i4", "<c8", "<M8[s]"]), bytes(64)))])
    else:
        data = npz_of([*others, (name, b"\x93NUMPY\x09\x00" + array[8:])])
    replace_file(path, "parity.npz", data)
    return True


def reseal_operators(path, rng):
    """Valid ONNX with content that a deployed policy must not have."""
    file = rng.choice([name for name in identified(path) if name.endswith(".onnx")])
    model = onnx.load_from_string((path / file).read_bytes())
    graph = model.graph
    kind = rng.choice(
        ["scan", "external", "dims", "negative", "shape", "random", "loop", "domain", "sparse", "input", "batch",
         "double", "training", "opset", "nested", "blob", "cut"]
    )  # fmt: skip
    constant = graph.initializer[rng.randrange(len(graph.initializer))]
    if kind == "external":
        place = rng.choice(["../../etc/passwd", "/dev/zero", "weights.bin"])
        constant.ClearField("raw_data")
        constant.data_location = TensorProto.EXTERNAL
        constant.external_data.add(key="location", value=place)
    elif kind == "dims":
        constant.dims.extend([1 << 40, 1 << 40])
    elif kind == "negative":
        constant.dims[:] = [-1, *constant.dims]
    elif kind == "shape":
        graph.initializer.append(onnx.numpy_helper.from_array(np.array([1 << 20, 1 << 20]), "big"))
        graph.node.append(helper.make_node(rng.choice(["ConstantOfShape", "Expand"]), ["big", "big"], ["boom"]))
    elif kind == "random":
        operator = rng.choice(["RandomNormal", "RandomUniformLike", "Multinomial", "Bernoulli"])
        graph.node.append(helper.make_node(operator, ["noise"], ["r"]))
    elif kind == "scan":  # over a tensor that is not constant, or over too much
        graph.initializer.append(onnx.numpy_helper.from_array(np.zeros((1001, 1), np.float32), "rows"))
        body = helper.make_graph([helper.make_node("Identity", ["s"], ["t"])], "body", [], [])
        over = rng.choice(["noise", "rows", "absent"])
        graph.node.append(
            helper.make_node("Scan", ["noise", over], ["o"], body=body, num_scan_inputs=rng.choice([1, 9]))
        )
    elif kind in ("loop", "nested"):
        body = helper.make_graph([], "body", [], [])
        for _ in range(20 if kind == "nested" else 1):
            body = helper.make_graph([helper.make_node("If", ["c"], ["o"], then_branch=body)], "body", [], [])
        operator = "If" if kind == "nested" else rng.choice(["Loop", "Scan"])
        attributes = {"then_branch": body} if kind == "nested" else {"body": body}
        graph.node.append(helper.make_node(operator, ["c"], ["o"], **attributes))
    elif kind == "domain":
        graph.node.append(
            helper.make_node("Anything", ["noise"], ["o"], domain=rng.choice(["evil", "org.pytorch.aten"]))
        )
    elif kind == "sparse":
        graph.sparse_initializer.add()
    elif kind == "input":
        rng.choice(graph.input).name += "x"
    elif kind == "batch":
        rng.choice(graph.input).type.tensor_type.shape.dim[0].dim_value = 1
    elif kind == "double":
        graph.output[0].type.tensor_type.elem_type = TensorProto.DOUBLE
    elif kind == "training":
        model.training_info.add()
    elif kind == "opset":
        del model.opset_import[:]
    elif kind == "blob":
        graph.node.append(
            helper.make_node("EPContext", ["noise"], ["o"], domain="com.microsoft", ep_cache_context=b"x")
        )
    else:
        constant.raw_data = constant.raw_data[:-1]
    replace_file(path, file, model.SerializeToString())
    return True


def ambiguous_json(path, rng):
    """Text that some readers of JSON accept and others read differently, or that costs them dearly."""
    text = (path / "manifest.json").read_text()
    broken = [
        text.replace('"task"', '"name": "x", "task"', 1),
        text.replace('"seed": 0', '"seed": NaN', 1),
        text.replace('"seed": 0', '"seed": 1e999', 1),
        text.replace('"seed": 0', f'"seed": {"9" * 4000}', 1),
        text.replace('"seed": 0', f'"seed": {"[" * 5000}{"]" * 5000}', 1),
        "\ufeff" + text,
        text + text,
        text.rstrip()[:-1] + f', "x": {"[" * 100_000}',
        "[" + text + "]",
        text.replace('"', "'"),
    ]
    (path / "manifest.json").write_text(rng.choice(broken))
    return True


def reseal_yaml(path, rng):
    """YAML that unfolds or nests without end, or that is no text."""
    laughs = "a: &a [x, x]\n" + "".join(
        f"{b}: &{b} [*{a}, *{a}]\n" for a, b in zip("abcdefgh", "bcdefghi", strict=True)
    )
    texts = [laughs, "[" * rng.randrange(40, 9000), "- " * rng.randrange(70, 9000), "x: !!python/name:os.system", "\0",
             "x: !!binary aGk=", "a: &x 1"]  # fmt: skip
    replace_file(path, "safety.yaml", rng.choice(texts).encode())
    return True


def signatures(path, rng):
    """A signature that is none, or one of something else."""
    file = path / "signature.json"
    digest = json.loads((path / "manifest.json").read_text())["digest"]
    key = Ed25519PrivateKey.from_private_bytes(rng.randbytes(32))
    kind = rng.choice(["junk", "flip", "other", "stale", "link", "large", "directory"])
    valid = json.loads(make_signature(digest, key))
    if kind == "junk":
        file.write_bytes(rng.randbytes(rng.randint(0, 200)))
    elif kind == "flip":
        field = rng.choice(["public_key", "signature"])
        raw = bytearray(valid[field].encode())
        place = rng.randrange(len(raw) - 4)
        raw[place] = rng.choice([c for c in b"ABCDEFGH+/0123" if c != raw[place]])
        file.write_text(json.dumps(valid | {field: raw.decode()}))
    elif kind == "other":
        file.write_bytes(make_signature(rng.randbytes(32).hex(), key))
    elif kind == "stale":
        file.write_bytes(make_signature(digest, key))
        edit_manifest(path, lambda raw: raw.update(task=str(rng.random())))
    elif kind == "large":
        file.write_text(json.dumps(valid) + " " * 5000)
    elif kind == "link":
        file.symlink_to(rng.choice(["manifest.json", "/dev/zero", "/nonexistent"]))
    else:
        file.mkdir()
    return True


MUTATIONS = (
    flip_bytes, truncate, append, edit_value, reseal_wrong_structure, reseal_shape, reseal_graph, reseal_names, entries,
    reseal_arrays, reseal_operators, ambiguous_json, reseal_yaml, signatures,
)  # fmt: skip


@dataclass
class Report:
    """What a fuzz run found.

    Attributes:
        made: mutants by mutation; those that changed nothing are not counted.
        faults: sentences about mutants that were accepted, crashed the reader, or were refused without a cause.
        slowest_s: longest refusal, and by which mutant.
        growth_bytes: growth of the process's peak memory.
    """

    made: Counter[str] = field(default_factory=Counter)
    faults: list[str] = field(default_factory=list)
    slowest_s: float = 0.0
    slowest: str = ""
    growth_bytes: int = 0


def fuzz(
    original: Path, work: Path, count: int, seed: int, progress=lambda done: None, mutations=None, report=None
) -> Report:
    """Make ``count`` mutants of ``original`` under ``work`` and try to load each; adds to ``report`` where given."""
    report, before = report or Report(), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    mutations = mutations or MUTATIONS
    for number in range(count):
        rng = random.Random(seed + number)
        mutate = mutations[number % len(mutations)]
        label = f"mutant {number} ({mutate.__name__})"
        path = shutil.copytree(original, work / str(number) / "tiny.keel")
        if mutate(path, rng):
            report.made[mutate.__name__] += 1
            started = time.perf_counter()
            fault = _try(path)
            took = time.perf_counter() - started
            if fault:
                report.faults.append(f"{label} {fault}")
            if took > report.slowest_s:
                report.slowest_s, report.slowest = took, label
        shutil.rmtree(work / str(number))
        progress(number + 1)
    report.growth_bytes += 1024 * (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)
    return report


def _try(path: Path) -> str:
    """What is wrong with the refusal, empty when nothing is."""
    try:
        load_bundle(path)
    except BundleError as error:
        return "" if error.cause and error.fix and len(str(error)) < 4000 else f"was refused badly: {error!r}"[:300]
    except Exception as error:
        return f"crashed the reader: {error!r}"[:300]
    return "was accepted"
