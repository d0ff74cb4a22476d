"""Replies of a judge on the disk, by what was asked: nothing is paid for twice."""

from __future__ import annotations

import hashlib
import json
import os
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pixelrefer_ros.errors import MetricError


class ReplyCache:
    """A folder with a file for each question, which holds the question and the reply."""

    def __init__(self, folder: Path) -> None:
        """Make the folder. Raises `MetricError` if it cannot be written to."""
        self._folder = folder
        try:
            folder.mkdir(parents=True, exist_ok=True)
            tempfile.TemporaryFile(dir=folder).close()
        except OSError as error:
            raise MetricError(f"cache of the judge's replies: {folder}: {error}") from error

    def get(self, question: Mapping[str, Any]) -> str | None:
        """Return the reply, or None: also when its file is of no use."""
        try:
            reply = json.loads(self._path(question).read_text(encoding="utf-8"))["reply"]
        except (OSError, ValueError, LookupError, TypeError):
            return None
        return reply if isinstance(reply, str) else None

    def put(self, question: Mapping[str, Any], reply: str) -> None:
        """Keep a reply. Raises `MetricError` if it cannot be written."""
        path = self._path(question)
        text = json.dumps({"question": question, "reply": reply}, ensure_ascii=False, indent=1)
        try:
            path.parent.mkdir(exist_ok=True)
            # Whole or not at all, also when several processes write.
            handle, name = tempfile.mkstemp(dir=path.parent)
            with os.fdopen(handle, "w", encoding="utf-8") as file:
                file.write(text)
            os.replace(name, path)
        except OSError as error:
            raise MetricError(f"cache of the judge's replies: {path}: {error}") from error

    def _path(self, question: Mapping[str, Any]) -> Path:
        text = json.dumps(question, sort_keys=True)
        name = hashlib.sha256(text.encode()).hexdigest()
        return self._folder / name[:2] / f"{name}.json"
