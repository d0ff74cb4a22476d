"""The folder that pictures and numbers of an inspection are written to."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryFile

from pixelrefer_ros.errors import CommandError
from pixelrefer_ros.inspection.attention_figure import draw_attention
from pixelrefer_ros.inspection.inspection import Inspection
from pixelrefer_ros.inspection.object_figure import draw_object
from pixelrefer_ros.inspection.record import to_json
from pixelrefer_ros.inspection.similarity_figure import draw_similarity
from pixelrefer_ros.model.pixelrefer import PixelRefer

RECORD = "inspect.json"


def make_folder(folder: Path) -> None:
    """Make a folder and try to write there. Raises `CommandError`."""
    with _writing(folder):
        folder.mkdir(parents=True, exist_ok=True)
        TemporaryFile(dir=folder).close()


def write_inspections(
    inspections: Sequence[Inspection], model: PixelRefer, folder: Path
) -> list[Path]:
    """Write pictures and numbers into a folder, in place of those before; return the files.

    Questions are numbered from 1, objects too, through all questions. Raises `CommandError`.
    """
    files = []

    def named(name: str) -> Path:
        files.append(folder / name)
        return files[-1]

    number = 0
    with _writing(folder):
        for index, inspection in enumerate(inspections, 1):
            draw_attention(inspection, named(f"attention_{index}.png"))
            for name, tokens in zip(inspection.names, inspection.objects, strict=True):
                number += 1
                draw_object(name, tokens, named(f"object_{number}.png"))
                draw_similarity(name, tokens, named(f"similarity_{number}.png"))
        named(RECORD).write_text(to_json(inspections, model), encoding="utf-8")
    return files


@contextmanager
def _writing(folder: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        reason = error.strerror or error
        raise CommandError(f"--out '{folder}' cannot be written: {reason}") from error
