"""What tells files from others of the same name."""

from __future__ import annotations

import hashlib
from pathlib import Path

BLOCK_BYTES = 1 << 20


def sha256(*files: Path) -> str:
    """Return the SHA-256 of files, one after the other, in hexadecimal. Raises `OSError`."""
    digest = hashlib.sha256()
    for path in files:
        with path.open("rb") as file:
            while block := file.read(BLOCK_BYTES):
                digest.update(block)
    return digest.hexdigest()
