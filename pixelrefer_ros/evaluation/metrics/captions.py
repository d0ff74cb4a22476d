"""The metrics of captions with references, by the field's own implementation, pycocoevalcap.

BLEU@4 (https://aclanthology.org/P02-1040), ROUGE-L (https://aclanthology.org/W04-1013), METEOR
(https://aclanthology.org/W14-3348), CIDEr (https://arxiv.org/abs/1411.5726) and SPICE
(https://arxiv.org/abs/1607.08822), on the words of the Penn Treebank tokenizer. That one, METEOR
and SPICE are Java programs; each runs in a process that is ended when it takes too long.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

from pixelrefer_ros.engine.optional_packages import require
from pixelrefer_ros.errors import MetricError
from pixelrefer_ros.evaluation.metrics.metric import Measured, Metric
from pixelrefer_ros.evaluation.metrics.scored import Scored

CORPUS = ("bleu4", "meteor")
"""Counted over all items together, which is not the mean of the items' own values."""

SECONDS, SECONDS_PER_ITEM = 300.0, 1.0
"""How long a program may take: several times what SPICE needs, the slowest."""

PROGRAM = (
    "import sys; sys.path[:] = filter(None, sys.path); "
    f"import runpy; runpy.run_module('{__package__}.caption_process', run_name='__main__')"
)
"""`python -m`, but a file in the current folder is not taken for a module of the same name."""

STANFORD_FILES = ("stanford-corenlp-3.6.0.jar", "stanford-corenlp-3.6.0-models.jar")


class CaptionMetric(Metric):
    """One of them; all references of an item count together."""

    needs = "references"

    def __init__(self, name: str) -> None:
        self.names = (name,)

    def applies(self, item: Scored) -> bool:
        """Tell whether there is a reference."""
        return any(_one_line(reference) for reference in item.references)

    def measure(self, items: Sequence[Scored]) -> dict[str, Measured]:
        """Tokenize, and run the program."""
        [name] = self.names
        package = require("pycocoevalcap", "eval", MetricError, user=name)
        if shutil.which("java") is None:
            raise MetricError(
                f"{name} needs Java, and there is no 'java'; "
                "get it with `apt install default-jre-headless` (Debian, Ubuntu)"
            )
        if name == "spice":
            check_stanford_files(Path(package.__path__[0], "spice", "lib"))
        said = [_one_line(item.prediction) for item in items]
        references = [[*filter(None, map(_one_line, item.references))] for item in items]
        words = _tokenize((*said, *(text for several in references for text in several)))
        found = run_program(
            name,
            {
                "predictions": [words[text] for text in said],
                "references": [[words[text] for text in several] for several in references],
            },
            items=len(items),
        )
        value = found["value"] if name in CORPUS else None
        return {name: Measured(found["per_item"], value=value)}


def _one_line(text: str) -> str:
    """Leave away line ends of any kind, and what separates texts in METEOR's protocol."""
    return " ".join(text.replace("|", " ").split())


@lru_cache(maxsize=1)  # all metrics of captions ask for the same
def _tokenize(texts: tuple[str, ...]) -> dict[str, str]:
    """Return the words of each text, with one space between; no text has no words."""
    different = [text for text in dict.fromkeys(texts) if text]
    words = run_program("tokens", different, items=len(different)) if different else []
    return {"": "", **dict(zip(different, words, strict=True))}


def check_stanford_files(folder: Path) -> None:
    """Raise `MetricError`, with how to get them, if a folder lacks files that SPICE reads.

    It would fetch them by itself, in the middle of a run.
    """
    missing = [name for name in STANFORD_FILES if not (folder / name).is_file()]
    if missing:
        raise MetricError(
            f"spice needs Stanford CoreNLP 3.6.0, and {' and '.join(missing)} "
            f"{'is' if len(missing) == 1 else 'are'} not in {folder}; get it (0.4 GB) with "
            "`python -m pycocoevalcap.spice.get_stanford_models`"
        )


def run_program(task: str, texts: Any, *, items: int) -> Any:
    """Run `caption_process` on texts and return what it prints, as JSON values.

    Raises `MetricError` with the last line it wrote if it fails, or with the time it was given.
    """
    limit = SECONDS + SECONDS_PER_ITEM * items
    process = subprocess.Popen(
        [sys.executable, "-c", PROGRAM, task],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env={**os.environ, "JAVA_TOOL_OPTIONS": "-Dfile.encoding=UTF-8", "PYTHONUTF8": "1"},
        start_new_session=True,  # so that the Java program can be ended with it
    )
    try:
        output, errors = process.communicate(json.dumps(texts).encode(), timeout=limit)
    except subprocess.TimeoutExpired:
        raise MetricError(f"{task} took longer than {limit:.0f} s and was ended") from None
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
            process.communicate()
    if process.returncode:
        lines = errors.decode(errors="replace").strip().splitlines() or ["no message"]
        raise MetricError(f"{task} failed with status {process.returncode}: {lines[-1]}")
    return json.loads(output)
