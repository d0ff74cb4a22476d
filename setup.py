"""The distribution `pixelrefer`: the core and the `pixelrefer` command, with or without ROS.

It must not be named like the ROS package. ament records `pixelrefer_ros` in site-packages, and pip
would take that record for an older version and delete the generated interfaces with it.
"""

import re
from pathlib import Path

from setuptools import find_packages, setup

root = Path(__file__).parent
init = (root / "pixelrefer_ros" / "__init__.py").read_text(encoding="utf-8")
version = re.search(r'^__version__ = "([^"]+)"', init, re.MULTILINE)[1]

setup(
    name="pixelrefer",
    version=version,
    description="Answers questions about boxed or masked objects in camera streams.",
    license="Apache-2.0",
    python_requires=">=3.10",
    packages=find_packages(include=["pixelrefer_ros", "pixelrefer_ros.*"]),
    package_data={"pixelrefer_ros": ["py.typed"]},
    entry_points={"console_scripts": ["pixelrefer = pixelrefer_ros.cli:main"]},
    install_requires=[
        "huggingface_hub>=1.0",
        "numpy>=1.26",
        "pillow>=10",
        "rich>=13",
        "rosbags>=0.10",
        "safetensors>=0.4.3",
        "tokenizers>=0.22",
        "torch>=2.4",
        "transformers>=5.17,<6",
    ],
    extras_require={
        "opencv": ["opencv-python-headless>=4.6"],
    },
)
