"""Packages that only some uses need."""

from __future__ import annotations

import importlib
from types import ModuleType

from pixelrefer_ros.errors import PixelReferError


def require(
    package: str, extra: str, error_type: type[PixelReferError], *, user: str = "this"
) -> ModuleType:
    """Import an optional package or a module of it; raise `error_type` with how to get it.

    extra: the optional dependencies of `pixelrefer` it belongs to; user: what needs it.
    """
    try:
        return importlib.import_module(package)
    except ImportError as error:
        raise error_type(
            f"{user} needs the Python package '{package.partition('.')[0]}' ({error}); "
            f"get it with `pip install '.[{extra}]'` in a checkout of pixelrefer_ros"
        ) from error
