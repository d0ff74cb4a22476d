"""The folder a run writes to."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from safetensors import SafetensorError

from pixelrefer_ros.errors import CommandError


@contextmanager
def writing(folder: Path) -> Iterator[None]:
    """Raise `CommandError` when something inside cannot be written to `folder`."""
    try:
        yield
    except (OSError, SafetensorError) as error:
        raise CommandError(f"output: {folder} cannot be written: {error}") from error
