"""What SSim and SIoU compare: names without the punctuation of data sets and sentences."""

from __future__ import annotations

from pixelrefer_ros.evaluation.metrics.scored import Scored

SEPARATORS = str.maketrans(dict.fromkeys("_:,.()", " "))
"""LVIS writes `cutting_board`, PACO `mug:handle` or `mug_(cup)`."""


def plain_name(text: str) -> str:
    """Return lower-case words with a space between."""
    return " ".join(text.translate(SEPARATORS).lower().split())


def true_names(item: Scored) -> list[str]:
    """Return the category or, where there is none, the references."""
    names = [plain_name(name) for name in ([item.category] if item.category else item.references)]
    return [name for name in names if name]
