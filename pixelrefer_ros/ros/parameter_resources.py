"""Whether the folders and packages that parameters name are there, as configure will want them."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from importlib.util import find_spec
from pathlib import Path

from huggingface_hub import try_to_load_from_cache

from pixelrefer_ros.engine.encoders.exported_files import find_onnx
from pixelrefer_ros.errors import PixelReferError
from pixelrefer_ros.regions import sam2_model
from pixelrefer_ros.resources import find_model

ENCODER = ("encoder.backend", "encoder.path", "model.path")
FINDERS = ("regions.segmenter", "regions.propagator")
RESOURCES = (*ENCODER, *FINDERS, "regions.sam2_path")
"""The parameters that name what lies elsewhere, and those that need it."""

EXTRAS = {"onnxruntime": "export", "tensorrt": "tensorrt"}
"""Packages that encoder backends need, and the optional dependencies each belongs to."""


def check_resources(values: Mapping[str, str], changed: Collection[str]) -> None:
    """Raise `ValueError` if what changed needs a folder or package that is not there.

    values: all of `RESOURCES` as they will be; changed: names. What did not change is not judged,
    so that what a start gave wrongly can be put right one by one. Only config.json and names of
    files are looked at: weights of no use are found when the node is configured.
    """
    if "model.path" in changed:
        _check_model(values["model.path"])
    if values["encoder.backend"] != "torch" and not set(ENCODER).isdisjoint(changed):
        _check_encoder(values)
    for name in FINDERS:
        if values[name] == "sam2" and not {name, "regions.sam2_path"}.isdisjoint(changed):
            _check_sam2(name, values["regions.sam2_path"])


def _check_model(path: str) -> None:
    cure = "name a model folder, a shipped model or a downloaded hub id"
    try:
        found = find_model(path)
        if Path(found).is_dir():
            has_config = (Path(found) / "config.json").is_file()
        else:
            hub_id, _, revision = found.partition("@")
            cached = try_to_load_from_cache(hub_id, "config.json", revision=revision or None)
            has_config = isinstance(cached, str)
    except (PixelReferError, ValueError) as error:
        raise ValueError(f"model.path is '{path}': {error}; {cure}") from error
    if not has_config:
        raise ValueError(f"model.path is '{path}': there is no config.json; {cure}")


def _check_encoder(values: Mapping[str, str]) -> None:
    backend, path, model = (values[name] for name in ENCODER)
    if find_spec(backend) is None:
        raise ValueError(
            f"encoder.backend is '{backend}': there is no Python package of that name; "
            f"get it with `pip install '.[{EXTRAS[backend]}]'` in a checkout of pixelrefer_ros"
        )
    try:
        find_onnx(Path(path or find_model(model)))
    except PixelReferError as error:
        raise ValueError(
            f"encoder.backend is '{backend}', encoder.path '{path}': {error}, and set "
            "encoder.path first"
        ) from error


def _check_sam2(name: str, path: str) -> None:
    try:
        sam2_model.check(path)
    except PixelReferError as error:
        raise ValueError(
            f"{name} is 'sam2', regions.sam2_path '{path}': {error}; set regions.sam2_path first, "
            "to a folder of SAM 2 or a downloaded hub id"
        ) from error
