"""The Python packages that only some uses need: what they make faster or possible."""

from __future__ import annotations

import importlib
from collections.abc import Iterator, Mapping
from importlib.util import find_spec
from typing import NamedTuple

from pixelrefer_ros.doctor.finding import Finding, Level
from pixelrefer_ros.doctor.packages import installed_version


class Optional(NamedTuple):
    """A package: the module it brings, the extra of `pixelrefer` it belongs to, and its use."""

    module: str
    extra: str
    use: str


PACKAGES = {
    "flash-attn": Optional("flash_attn", "flash-attn", "faster attention on NVIDIA GPUs"),
    "onnxruntime": Optional("onnxruntime", "export", "encoder.backend onnxruntime"),
    "tensorrt": Optional("tensorrt", "tensorrt", "encoder.backend tensorrt"),
    "torchao": Optional("torchao", "quantize", "model.quantization int8 and int4"),
}


def check_optional_packages(packages: Mapping[str, Optional] = PACKAGES) -> Iterator[Finding]:
    """Import those that are there."""
    for name, package in packages.items():
        cure = f"pip install '.[{package.extra}]' in a checkout of pixelrefer_ros"
        if find_spec(package.module) is None:
            use = f"for {package.use}: {cure}"
            yield Finding(Level.INFO, name, "not installed", use)
            continue
        try:
            module = importlib.import_module(package.module)
        except Exception as error:  # a broken package raises what it likes
            yield Finding(Level.WARN, name, f"cannot be imported: {error}", f"reinstall it: {cure}")
            continue
        version = installed_version(name) or str(getattr(module, "__version__", "installed"))
        yield Finding(Level.OK, name, version + _providers(module))


def _providers(module: object) -> str:
    """Say where ONNX Runtime can compute."""
    providers = getattr(module, "get_available_providers", None)
    return f" with {', '.join(providers())}" if providers else ""
