"""Checks of the files inside a bundle, by kind; each returns nothing or raises a BundleError that names the file."""

from __future__ import annotations

import mmap
import re
import stat
from pathlib import Path

import yaml

from policy_nodes.bundle.hashing import sha256_file
from policy_nodes.bundle.limits import (
    MANIFEST_NAME,
    MAX_FILE_BYTES,
    MAX_FILES,
    MAX_MANIFEST_BYTES,
    MAX_TOTAL_BYTES,
    PARITY_NAME,
    POLICY_NAME,
    SIGNATURE_NAME,
)
from policy_nodes.bundle.manifest import GraphTensor, Manifest, Parity
from policy_nodes.bundle.npz import inspect_npz
from policy_nodes.bundle.onnx_graph import ONNX_TYPES, GraphError, GraphInfo, TensorInfo, inspect_onnx
from policy_nodes.bundle.strict_json import parse_json_object
from policy_nodes.errors import BundleError

COPY_AGAIN = "copy the bundle again from where it was exported, or export it again"
_YAML = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_YAML_DEPTH = 32
_YAML_INDENT = re.compile(r"[ \t?:-]{128}")
EXPORT_AGAIN = "export the policy again with 'keel export'"


def regular_file(path: Path, limit: int) -> int:
    """Size of a plain file in bytes.

    Raises:
        BundleError: missing, a link, a directory or device, empty, or larger than ``limit``.
    """
    try:
        status = path.lstat()
    except OSError as error:
        raise BundleError(
            f"{path.parent.name}: file '{path.name}' is missing ({error.strerror}).", COPY_AGAIN
        ) from None
    if not stat.S_ISREG(status.st_mode):
        raise BundleError(
            f"{path.parent.name}: '{path.name}' is not a plain file.", "replace links by the files themselves"
        )
    if not 0 < status.st_size <= limit:
        raise BundleError(
            f"{path.parent.name}: '{path.name}' has {status.st_size} bytes; allowed are 1 to {limit}.", COPY_AGAIN
        )
    return status.st_size


def check_listing(path: Path, manifest: Manifest) -> None:
    """The directory holds exactly the files the manifest lists (and a signature), all plain and of bearable size.

    Raises:
        BundleError: a file is missing, extra, linked, a directory, or too large.
    """
    present = {entry.name for entry in path.iterdir()} - {MANIFEST_NAME, SIGNATURE_NAME}
    extra = sorted(present - set(manifest.files))
    if extra:
        raise BundleError(f"{path.name}: '{extra[0]}' is not listed in the manifest.", "remove it; a bundle is closed")
    if len(manifest.files) > MAX_FILES:
        raise BundleError(
            f"{path.name}: lists {len(manifest.files)} files, at most {MAX_FILES} are allowed.", EXPORT_AGAIN
        )
    total = sum(regular_file(path / name, MAX_FILE_BYTES[Path(name).suffix]) for name in sorted(manifest.files))
    if total > MAX_TOTAL_BYTES:
        raise BundleError(f"{path.name}: its files total {total} bytes, more than {MAX_TOTAL_BYTES}.", EXPORT_AGAIN)


def check_hashes(path: Path, manifest: Manifest) -> None:
    """Every file has the SHA-256 the manifest records.

    Raises:
        BundleError: naming the first file that differs.
    """
    for name, expected in sorted(manifest.files.items()):
        if sha256_file(path / name) != expected:
            raise BundleError(f"{path.name}: '{name}' was changed after export (SHA-256 differs).", COPY_AGAIN)


def check_contents(path: Path, manifest: Manifest) -> None:
    """Every file is what its name says and holds nothing executable; graph and parity data fit the contract.

    Raises:
        BundleError: naming the file and the part of it that is wrong.
    """
    for name in sorted(manifest.files):
        try:
            _check_content(path / name, manifest)
        except ValueError as error:
            raise BundleError(f"{path.name}: '{name}': {error}.", EXPORT_AGAIN) from None


def inspect_graph(path: Path) -> GraphInfo:
    """Declarations of an ONNX file, read through a memory map.

    Raises:
        GraphError: see ``onnx_graph``.
    """
    with path.open("rb") as stream, mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ) as mapped:
        view = memoryview(mapped)
        try:
            return inspect_onnx(view)
        except GraphError as error:
            # A traceback would keep slices of the map alive and its closing would fail.
            message = str(error)
        finally:
            view.release()
    raise GraphError(message)


def _check_content(path: Path, manifest: Manifest) -> None:
    suffix = path.suffix
    if suffix == ".onnx":
        graph = inspect_graph(path)
        if declared := _declared(manifest, path.name):
            _check_tensors("input", graph.inputs, declared[0])
            _check_tensors("output", graph.outputs, declared[1])
    elif suffix == ".npz":
        arrays = inspect_npz(path)
        if declared := _declared(manifest, path.name):
            inputs, outputs, parity = declared
            tensors = {f"input/{t.name}": t for t in inputs} | {f"output/{t.name}": t for t in outputs}
            if set(arrays) != set(tensors):
                raise ValueError(f"holds {sorted(arrays)[:16]}, expected {sorted(tensors)}")
            for name, tensor in tensors.items():
                wanted = [parity.samples, *tensor.shape]
                if list(arrays[name].shape) != wanted or arrays[name].dtype != tensor.dtype:
                    found = f"{arrays[name].dtype} {list(arrays[name].shape)}"
                    raise ValueError(f"array '{name}' is {found}, expected {tensor.dtype} {wanted}")
    elif suffix == ".json":
        parse_json_object(path.read_bytes())
    else:
        text = path.read_bytes().decode("utf-8")
        if "\0" in text or "!!python" in text:
            raise ValueError("is not plain text")
        if suffix == ".yaml":
            check_yaml(text)


def _declared(manifest: Manifest, name: str) -> tuple[list[GraphTensor], list[GraphTensor], Parity] | None:
    """Inputs, outputs and proof of the graph that a file holds or records; None for files of other kinds."""
    policy = manifest.policy
    if name in (POLICY_NAME, PARITY_NAME):
        return policy.inputs, policy.outputs, manifest.parity
    found = next((item for item in policy.further if name in (item.file, item.parity_file)), None)
    return None if found is None else (found.inputs, found.outputs, found.parity)


def check_yaml(text: str) -> None:
    """Refuse anchors, aliases and tags: few bytes that unfold to gigabytes, or to objects.

    Whether the text is YAML at all, and says what it should, is for its reader to find out.

    Raises:
        ValueError: naming the line.
    """
    depth = 0
    for line, content in enumerate(text.splitlines(), start=1):
        # Parsers of YAML take time quadratic in the nesting. Columns bound that of blocks, open brackets the rest.
        for char in content:
            depth += (char in "[{") - (char in "]}" and depth > 0)
            if depth > _YAML_DEPTH:
                raise ValueError(f"is nested beyond reason in line {line}")
        if _YAML_INDENT.match(content):
            raise ValueError(f"is nested beyond reason in line {line}")
    try:
        for event in yaml.parse(text, Loader=_YAML):
            if isinstance(event, yaml.AliasEvent) or getattr(event, "anchor", None) or getattr(event, "tag", None):
                line = event.start_mark.line + 1 if event.start_mark else 0
                raise ValueError(f"uses a YAML anchor, alias or tag in line {line}")
    except yaml.YAMLError:
        return


def _check_tensors(kind: str, found: list[TensorInfo], declared: list[GraphTensor]) -> None:
    expected = {tensor.name: tensor for tensor in declared}
    names = [tensor.name for tensor in found]
    if sorted(names) != sorted(expected):
        raise ValueError(f"the graph has {kind}s {names[:16]}, the manifest says {sorted(expected)}")
    for tensor in found:
        wanted = expected[tensor.name]
        if tensor.dtype != ONNX_TYPES[wanted.dtype]:
            raise ValueError(f"graph {kind} '{tensor.name}' is not {wanted.dtype} (ONNX type {tensor.dtype})")
        if not tensor.shape or tensor.shape[0] is not None:
            raise ValueError(f"graph {kind} '{tensor.name}' has a fixed batch; export it with a free leading dimension")
        if list(tensor.shape[1:]) != list(wanted.shape):
            raise ValueError(
                f"graph {kind} '{tensor.name}' has shape {list(tensor.shape[1:])} after the batch, "
                f"the manifest says {list(wanted.shape)}"
            )


def read_manifest_bytes(path: Path) -> bytes:
    """Bytes of ``manifest.json`` in the bundle directory ``path``.

    Raises:
        BundleError: no such directory, no manifest in it, a link, or too large.
    """
    if not path.is_dir():
        what = "does not exist" if not path.exists() else "is not a directory"
        raise BundleError(f"bundle '{path}' {what}.", "give the path of a NAME.keel directory made by 'keel export'")
    manifest = path / MANIFEST_NAME
    if not manifest.exists() and not manifest.is_symlink():
        raise BundleError(
            f"'{path}' holds no {MANIFEST_NAME}.", "give the path of a NAME.keel directory made by 'keel export'"
        )
    regular_file(manifest, MAX_MANIFEST_BYTES)
    return manifest.read_bytes()
