#!/usr/bin/env bash
# Builds an environment with the real lerobot beside Keel: bash tests/lerobot/environment.sh DIRECTORY
# lerobot 0.4.4 pins an older torch and drags in CUDA; installed without its dependencies it runs on the torch of
# constraints.txt. torchvision's compiled operators do not load beside a CPU torch and are not needed: two of its
# modules are replaced by empty ones before it is imported.
set -euo pipefail
directory="$1"
cd "$(dirname "$0")/../.."
"${PYTHON:-python3}" -m venv "$directory"
pip() { "$directory/bin/python" -m pip install --quiet --retries 10 --disable-pip-version-check "$@"; }
pip --upgrade pip
pip -c constraints.txt torch
pip --no-deps lerobot==0.4.4
pip "datasets>=4,<5" "diffusers<0.36" "huggingface-hub>=0.34.2,<0.36" "accelerate<2" "einops<0.9" \
    "opencv-python-headless<4.13" "av>=15,<16" jsonlines "packaging<26" draccus==0.10.0 "gymnasium>=1.1.1,<2" deepdiff \
    imageio termcolor safetensors "numpy>=2,<2.3" "setuptools<81" pyserial pynput "rerun-sdk>=0.24,<0.27" wandb
pip --no-deps torchvision==0.28.0
pip mujoco==3.11.0 mink scipy onnx onnxruntime openvino onnxscript pydantic PyYAML tyro rich cryptography daqp pyarrow tensorboard pytest hypothesis
packages="$("$directory/bin/python" -c 'import site; print(site.getsitepackages()[0])')"
cat > "$packages/torchvision_shim.py" <<'SHIM'
import sys
import types

for name in ("_meta_registrations", "_autograd_registrations"):
    sys.modules.setdefault(f"torchvision.{name}", types.ModuleType(f"torchvision.{name}"))
SHIM
echo "import torchvision_shim" > "$packages/torchvision_shim.pth"
touch "$directory/.installed"
