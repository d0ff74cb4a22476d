"""Runs one program of pycocoevalcap, in a process of its own: JSON in, JSON out.

    python -m pixelrefer_ros.evaluation.metrics.caption_process TASK

TASK is `tokens`, with a list of texts, or a metric, with predictions and references as words.
"""

from __future__ import annotations

import json
import math
import sys
from collections.abc import Callable
from contextlib import redirect_stdout
from typing import Any


def _tokens(texts: list[str]) -> list[str]:
    from pycocoevalcap.tokenizer.ptbtokenizer import PTBTokenizer

    captions = {str(place): [{"caption": text}] for place, text in enumerate(texts)}
    words = PTBTokenizer().tokenize(captions)
    if len(words) < len(texts):
        raise SystemExit(f"the tokenizer returned {len(words)} of {len(texts)} texts")
    return [words[key][0] for key in captions]


def _bleu4() -> Any:
    from pycocoevalcap.bleu.bleu import Bleu

    return Bleu(4)


def _rouge_l() -> Any:
    from pycocoevalcap.rouge.rouge import Rouge

    return Rouge()


def _meteor() -> Any:
    from pycocoevalcap.meteor.meteor import Meteor

    return Meteor()


def _cider() -> Any:
    from pycocoevalcap.cider.cider import Cider

    return Cider()


def _spice() -> Any:
    from pycocoevalcap.spice.spice import Spice

    return Spice()


SCORERS: dict[str, Callable[[], Any]] = {
    "bleu4": _bleu4,
    "rouge_l": _rouge_l,
    "meteor": _meteor,
    "cider": _cider,
    "spice": _spice,
}


def _scores(name: str, predictions: list[str], references: list[list[str]]) -> dict[str, Any]:
    # Keys that sort as they come: SPICE sorts them.
    keys = [f"{place:09d}" for place in range(len(predictions))]
    value, per_item = SCORERS[name]().compute_score(
        dict(zip(keys, references, strict=True)),
        {key: [text] for key, text in zip(keys, predictions, strict=True)},
    )
    if name == "bleu4":
        value, per_item = value[3], per_item[3]
    if name == "spice":
        per_item = [found["All"]["f"] for found in per_item]
    numbers = [float(found) for found in per_item]
    return {
        "value": float(value),
        "per_item": [None if math.isnan(number) else number for number in numbers],
    }


def main() -> None:
    """Read standard input, write one JSON value to standard output."""
    [task] = sys.argv[1:]
    texts = json.load(sys.stdin)
    with redirect_stdout(sys.stderr):
        found = _tokens(texts) if task == "tokens" else _scores(task, **texts)
    json.dump(found, sys.stdout)


if __name__ == "__main__":
    main()
