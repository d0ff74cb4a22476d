"""What the paper reports of efficiency (Tables 5 and 6), to stand beside what is measured."""

from __future__ import annotations

from dataclasses import dataclass

PAPER_DEVICE = "A100 80 GB"
IMAGE_FRAMES = 1
VIDEO_FRAMES = 20
"""Frames of an item of the paper's image and video columns."""


@dataclass(frozen=True)
class ItemCost:
    """What one item costs: operations of the language model, memory and time.

    prefill_tflop: Eq. 9; None where the paper has no figure.
    memory_gb: the most at once, in 10^9 bytes; seconds: of the whole item.
    """

    prefill_tflop: float | None
    memory_gb: float | None
    seconds: float | None


@dataclass(frozen=True)
class PaperModel:
    """A row of the tables, for one image and for one video."""

    name: str
    image: ItemCost
    video: ItemCost


PAPER_MODELS = (
    PaperModel("DAM-3B", ItemCost(None, 7.8, 1.29), ItemCost(None, 10.4, 2.68)),
    PaperModel("PAM-3B", ItemCost(None, 9.4, 1.09), ItemCost(None, 12.7, 1.51)),
    PaperModel("PixelRefer-2B", ItemCost(1.51, 13.2, 1.04), ItemCost(11.15, 24.6, 0.82)),
    PaperModel("PixelRefer-7B", ItemCost(7.08, None, None), ItemCost(43.83, None, None)),
    PaperModel("PixelRefer-Lite-2B", ItemCost(0.03, 4.9, 0.88), ItemCost(0.11, 5.2, 0.68)),
    PaperModel("PixelRefer-Lite-7B", ItemCost(0.17, 15.8, 1.10), ItemCost(0.61, 17.6, 0.74)),
)
