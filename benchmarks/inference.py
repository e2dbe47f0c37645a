"""Latency of one policy call: LeRobot, PyTorch, plain ONNX Runtime, OpenVINO and Keel, on the same weights.

    python benchmarks/inference.py [--cases mlp transformer moe unet act] [--rounds 30]
    python benchmarks/inference.py --cases unet-large --rounds 5          (17 GB of memory, minutes)
    PYTHONPATH=. .venv-lerobot/bin/python benchmarks/inference.py          (with LeRobot, see `make test-lerobot`)

One process, one thread everywhere, random weights (latency does not depend on what was learned). In each round every
candidate runs once, in an order that rotates, so that a busy moment of the machine meets all of them; figures are
medians over rounds with quartiles, ratios are medians of the ratios within a round, which suffer least from other
load. Before anything is timed, all candidates of a case must answer the same to 1e-4. Not installed is shown as "-".

``plain ORT`` and ``OpenVINO`` run Keel's graph, with default options but for one thread; ``keel`` is the whole call a
node makes (checks, float64 copy and finiteness included) on the provider that Keel's ``auto`` chose, named behind it.
"""

from __future__ import annotations

import argparse
import importlib.util
import os
import platform
import sys
import tempfile
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")  # as everywhere in Keel; it is read at the import below
sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import onnxruntime
import torch

from benchmarks.inference_parts import lerobots
from benchmarks.inference_parts.timing import Case, cell, measure, ratio

COLUMNS = ("LeRobot eager", "PyTorch eager", "plain ORT", "OpenVINO", "keel")
RATIOS = (("LeRobot eager", "keel"), ("PyTorch eager", "keel"), ("keel", "plain ORT"), ("keel", "OpenVINO"))


def trained(name: str, path: Path) -> list[Case]:
    """Cases of ``keel train``; imported late, because their contract needs the robot models, which LeRobot's do not."""
    from benchmarks.inference_parts import own

    if name == "mlp":
        return [own.case("MLP", batch, path, sampling_steps=4) for batch in (1, 32)]
    return [own.case("transformer", 1, path, **own.TRANSFORMER) if name == "transformer" else own.experts(path)]


CASES: dict[str, Callable[[Path], list[Case]]] = {
    **{name: partial(trained, name) for name in ("mlp", "transformer", "moe")},
    "unet": lambda path: [lerobots.diffusion_case("U-Net", lerobots.SMALL, 10, path, everything=True)],
    "unet-large": lambda path: [lerobots.diffusion_case("large U-Net", lerobots.LARGE, 2, path, everything=False)],
    "act": lambda path: [lerobots.act_case(path)],
}


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cases", nargs="+", choices=CASES, default=[name for name in CASES if name != "unet-large"])
    parser.add_argument("--rounds", type=int, default=30)
    parser.add_argument("--repeats", type=int, default=2, help="calls per round and candidate")
    options = parser.parse_args(argv)
    torch.set_num_threads(1)
    torch.set_num_interop_threads(1)
    load = os.getloadavg()[0]
    rows, notes = [], []
    with tempfile.TemporaryDirectory() as directory:
        for name in options.cases:
            for case in CASES[name](Path(directory)):
                seconds = measure(case, options.rounds, options.repeats, 1e-4)
                cells = [cell(seconds.get(column)) for column in COLUMNS]
                cells[-1] += f" {case.provider}"
                ratios = [f"{ratio(seconds, *pair):.2f}".replace("nan", "-") for pair in RATIOS]
                rows.append(f"| {case.name} | " + " | ".join(cells + ratios) + " |")
                notes += [f"{text}: {ratio(seconds, first, second):.2f}" for text, first, second in case.ratios]
                notes += [f"{other}: {cell(seconds[other])} ms" for other in case.others]
                print(rows[-1], file=sys.stderr, flush=True)
    absent = [name for name in ("lerobot", "openvino") if importlib.util.find_spec(name) is None]
    print(
        f"One thread, ms per call: median (quartiles) of {options.rounds} interleaved rounds of {options.repeats} "
        "calls. "
        f"{processor()}, {os.cpu_count()} CPUs, load {load:.1f} to {os.getloadavg()[0]:.1f}, Python "
        f"{platform.python_version()}, torch {torch.__version__}, onnxruntime {onnxruntime.__version__}. "
        f"Not installed: {', '.join(absent) or 'nothing'}.\n"
    )
    titles = ["network", *COLUMNS, *(f"{first} / {second}" for first, second in RATIOS)]
    print("| " + " | ".join(titles) + " |\n" + "|" + "---|" * len(titles))
    print("\n".join(rows))
    print("\n" + "\n".join(notes))
    return 0


def processor() -> str:
    """Name of the CPU."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
        return next(line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    except (OSError, StopIteration):
        return platform.machine()


if __name__ == "__main__":
    sys.exit(main())
