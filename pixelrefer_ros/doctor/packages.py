"""The Python packages that all uses need."""

from __future__ import annotations

import importlib
import re
from collections.abc import Iterator, Mapping
from importlib.metadata import PackageNotFoundError
from importlib.metadata import version as version_of
from typing import NamedTuple

from pixelrefer_ros.doctor.finding import Finding, Level


class Needed(NamedTuple):
    """A package: the module it brings, its lowest version, and the first that is too new."""

    module: str
    lowest: str
    too_new: str = ""


PACKAGES = {
    "huggingface_hub": Needed("huggingface_hub", "1.0"),
    "jinja2": Needed("jinja2", "3.0"),
    "jsonschema": Needed("jsonschema", "4.10"),
    "numpy": Needed("numpy", "1.26"),
    "opencv-python-headless": Needed("cv2", "4.6"),
    "pillow": Needed("PIL", "10.2"),
    "rich": Needed("rich", "13"),
    "rosbags": Needed("rosbags", "0.11"),
    "ruamel.yaml": Needed("ruamel.yaml", "0.17.21"),
    "safetensors": Needed("safetensors", "0.4.3"),
    "tokenizers": Needed("tokenizers", "0.22"),
    "torch": Needed("torch", "2.6"),
    "transformers": Needed("transformers", "5.17", "6"),
}
"""What setup.py requires."""


def check_packages(packages: Mapping[str, Needed] = PACKAGES) -> Iterator[Finding]:
    """Import each and compare its version."""
    for name, needed in packages.items():
        yield _check(name, needed)


def _check(name: str, needed: Needed) -> Finding:
    limits = f">={needed.lowest}" + (f",<{needed.too_new}" if needed.too_new else "")
    cure = f"pip install '{name}{limits}'"
    try:
        module = importlib.import_module(needed.module)
    except Exception as error:  # a broken package raises what it likes
        return Finding(Level.ERROR, name, f"cannot be imported: {error}", cure)
    version = installed_version(name) or str(getattr(module, "__version__", ""))
    if not version:
        return Finding(Level.INFO, name, "its version cannot be told", f"needed is {limits}")
    too_old = _numbers(version) < _numbers(needed.lowest)
    too_new = bool(needed.too_new) and _numbers(version) >= _numbers(needed.too_new)
    if too_old or too_new:
        return Finding(Level.ERROR, name, f"{version}, needed is {limits}", cure)
    return Finding(Level.OK, name, version)


def installed_version(name: str) -> str:
    """Return the version pip knows of; empty if it came another way, as from apt."""
    try:
        return version_of(name)
    except PackageNotFoundError:
        return ""


def _numbers(version: str) -> tuple[int, ...]:
    """Read the numbers of a release, up to the first other word."""
    release = re.match(r"\d+(?:\.\d+)*", version)
    return tuple(map(int, release[0].split("."))) if release else ()
