"""Have a model answer the questions of a benchmark, in this process."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from pixelrefer_ros.datasets.pictures import ReadImage
from pixelrefer_ros.datasets.video_files import PictureReader
from pixelrefer_ros.engine.describer import Describer
from pixelrefer_ros.errors import PixelReferError
from pixelrefer_ros.evaluation.asking import ask
from pixelrefer_ros.evaluation.benchmarks.question import Question
from pixelrefer_ros.model.checkpoint import find_folder
from pixelrefer_ros.model.configuration import PixelReferConfig
from pixelrefer_ros.model.image_processor import Image

MAX_REGIONS = 512
"""Most masks of one question: 32 frames of several objects."""

GREY = 128


@dataclass(frozen=True)
class ModelChoice:
    """Which model answers, and how it computes; fields as in `Describer.from_pretrained`."""

    name_or_path: str
    device: str = "auto"
    dtype: str = "auto"
    quantization: str = "none"

    def identify(self) -> tuple[str, bool, dict[str, list[int]]]:
        """Return the id of the model, whether it is PixelRefer-Lite, and what tells its weights.

        The last are size and time of change of each file with weights. Raises `CheckpointError`.
        """
        folder, model_id = find_folder(self.name_or_path, revision=None, download=False)
        config = PixelReferConfig.from_folder(folder)
        files = sorted(folder.glob("*.safetensors"))
        weights = {file.name: [file.stat().st_size, file.stat().st_mtime_ns] for file in files}
        random = " (random weights)" if config.random_weights else ""
        return f"{model_id}{random}", config.is_lite, weights

    def load(self) -> Describer:
        """Load it. Raises what `Describer.from_pretrained` raises."""
        return Describer.from_pretrained(**asdict(self), max_regions=MAX_REGIONS)


@dataclass(frozen=True)
class Outcome:
    """What came of a question: an answer or, if `left_out` says why, none."""

    id: str
    prediction: str = ""
    left_out: str = ""


def answer(
    describer: Describer, questions: Sequence[Question], *, max_new_tokens: int, blind: bool = False
) -> Iterator[Outcome]:
    """Yield what comes of each question, in any order.

    blind: every picture is grey all over; masks and words stay as they are.
    Raises what the describer raises when the model fails.
    """
    read: ReadImage = PictureReader()
    if blind:
        read = _blindfold(read)
    for question, found in ask(describer, questions, read=read, max_new_tokens=max_new_tokens):
        if isinstance(found, PixelReferError):
            yield Outcome(question.id, left_out=f"{question.record.name}: {found}")
        else:
            yield Outcome(question.id, found.text)


def _blindfold(read: ReadImage) -> ReadImage:
    def read_grey(path: Path) -> Image:
        return np.full_like(read(path), GREY)

    return read_grey
