"""Write data sets in the JSON form of the official training data.

    DIR/annotations.json        a JSON list, one record to a line
    DIR/images/000012.jpg       still pictures
    DIR/clips/000003/0.jpg ...  frames of clips
    DIR/shards/                 the records of each picture and clip, so that work can go on
    DIR/simulation.json         seed and form of the data set, and what else decides its content

A record is one question and its answer:

    id              "still-000012-07" or "clip-000003-01"
    image           path below DIR, of a still picture; or
    video, frames, times   folder of the clip, paths of its frames, their times in seconds
    height, width   pixels
    conversations   [{"from": "human", "value": question}, {"from": "gpt", "value": answer}], with
                    one <region> in the question for each entry of `annotation`, in order
    annotation      for each region {"0": {"segmentation": RLE}}: its mask on the frames, by number,
                    on which it is seen ("0" alone for a picture); RLE is COCO's
                    {"size": [height, width], "counts": text}
    task            what is asked: colour, category, material, relation, motion, yes_no, part,
                    place, caption, description, phrase, size, state, use, part_of, count,
                    comparison, choice, reason, hidden, manner, start, event or appear
    expected        the answer in its shortest form, such as "red"
    accepted        all forms of it that are right, the expected one first
    areas           pixels of each region, the mean over its frames
    positive, negative   of a description: attributes the object has, and such as nothing in the
                    picture has
    topic           of yes_no and reason: what is claimed, category, colour, material, state, part,
                    relation or motion
    question_type, choices   of a quiz: its type, and what there is to choose from

Nothing depends on the number of processes or on what was there before: picture i of seed s is
always the same, on one version of the graphics library.
"""

from __future__ import annotations

import atexit
import json
import multiprocessing
import os
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from pixelrefer_ros.errors import CommandError
from pixelrefer_ros.simulation.clips import draw_clip
from pixelrefer_ros.simulation.conversation import talk_about_clip, talk_about_picture
from pixelrefer_ros.simulation.observation import observe
from pixelrefer_ros.simulation.records import Masks, Record, to_record
from pixelrefer_ros.simulation.renderer import Renderer
from pixelrefer_ros.simulation.scene import draw_scene
from pixelrefer_ros.simulation.tracking import follow
from pixelrefer_ros.simulation.video_quiz import ask_quiz
from pixelrefer_ros.worker_processes import end_with_parent

FORM = 3
"""Number of this form; one more when records change their meaning."""

QUALITY = 90
STREAMS = {"still": 0, "clip": 1}

Job = tuple[str, int]
"""Kind ("still" or "clip") and number."""


def simulate(
    out: Path,
    *,
    scenes: int,
    clips: int,
    seed: int,
    workers: int = 1,
    quiz: bool = False,
    clip_seconds: float | None = None,
) -> Iterator[tuple[int, int]]:
    """Write a data set; yield how many pictures and clips are there, and how many will be.

    quiz: about clips ask what `video_quiz.py` asks, in place of what a training needs.
    clip_seconds: time from the first to the last frame of each clip; None: `draw_clip` chooses.
    What an earlier run finished is kept. Raises `CommandError` when `out` holds another data set or
    cannot be written, or a process is killed, and `DeviceError` when nothing can draw.
    """
    try:
        yield from _simulate(out, scenes, clips, workers, Assignment(seed, quiz, clip_seconds))
    except OSError as error:
        raise CommandError(f"--out {out}: {error}") from error


def _simulate(
    out: Path, scenes: int, clips: int, workers: int, assignment: Assignment
) -> Iterator[tuple[int, int]]:
    _claim_folder(out, assignment)
    jobs = [("still", number) for number in range(scenes)]
    jobs += [("clip", number) for number in range(clips)]
    missing = [job for job in jobs if not _shard(out, job).exists()]
    done = len(jobs) - len(missing)
    yield done, len(jobs)
    for _ in _work(out, assignment, missing, workers):
        done += 1
        yield done, len(jobs)
    _merge(out, jobs)


@dataclass(frozen=True)
class Assignment:
    """What decides how a picture or clip looks and what is asked about it."""

    seed: int
    quiz: bool = False
    clip_seconds: float | None = None

    def to_dict(self) -> dict[str, Any]:
        """Return what `simulation.json` says."""
        said: dict[str, Any] = {"form": FORM, "seed": self.seed}
        if self.quiz:
            said["quiz"] = True
        if self.clip_seconds is not None:
            said["clip_seconds"] = self.clip_seconds
        return said


class Studio:
    """Renders and writes single pictures and clips; one per process."""

    def __init__(self, out: Path, assignment: Assignment) -> None:
        self._out, self._assignment = out, assignment
        self._renderer = Renderer()

    def close(self) -> None:
        """Free the renderer."""
        self._renderer.close()

    def make(self, job: Job) -> None:
        """Write the files of a picture or clip, its shard last."""
        records = self._still(job) if job[0] == "still" else self._clip(job)
        for number, record in enumerate(records):
            record["id"] = f"{_name(job)}-{number:02d}"
        _write(_shard(self._out, job), json.dumps(records, separators=(",", ":")).encode())

    def _still(self, job: Job) -> list[Record]:
        random, key = self._random(job)
        scene = draw_scene(random, key)
        self._renderer.open(scene)
        seen = observe(self._renderer, scene)
        path = f"images/{job[1]:06d}.jpg"
        _write(self._out / path, to_jpeg(self._renderer.picture()))
        exchanges = talk_about_picture(random, seen)
        masks = Masks([[one] for one in seen])
        return [{"image": path, **to_record(exchange, masks)} for exchange in exchanges]

    def _clip(self, job: Job) -> list[Record]:
        random, key = self._random(job)
        clip = draw_clip(random, key, seconds=self._assignment.clip_seconds)
        folder = f"clips/{job[1]:06d}"
        paths, views = [], []
        for number, picture in enumerate(self._renderer.film(clip.scenes)):
            paths.append(f"{folder}/{number}.jpg")
            _write(self._out / paths[-1], to_jpeg(picture))
            views.append(observe(self._renderer, clip.scenes[number]))
        tracks = follow(clip.times, clip.scenes, views)
        talk = ask_quiz if self._assignment.quiz else talk_about_clip
        times = [round(time, 3) for time in clip.times]
        masks = Masks([track.seen for track in tracks])
        return [
            {
                "video": folder,
                "frames": paths[: exchange.shown or None],
                "times": times[: exchange.shown or None],
                **to_record(exchange, masks),
            }
            for exchange in talk(random, clip.times, tracks)
        ]

    def _random(self, job: Job) -> tuple[np.random.Generator, tuple[int, ...]]:
        key = (self._assignment.seed, STREAMS[job[0]], job[1])
        return np.random.default_rng(key), key


def to_jpeg(picture: NDArray[np.uint8]) -> bytes:
    """Compress an RGB picture."""
    buffer = BytesIO()
    Image.fromarray(picture).save(buffer, "JPEG", quality=QUALITY)
    return buffer.getvalue()


_assigned: tuple[Path, Assignment]
_studio: Studio | None = None
"""What a process has to do, when it is one of several, and with what."""


def _begin(out: Path, assignment: Assignment) -> None:
    """Make a process ready; the studio comes with the first job, whose errors are heard."""
    global _assigned
    # As many threads as processes, no more.
    os.environ.setdefault("LP_NUM_THREADS", "1")
    _assigned = out, assignment
    end_with_parent()


def _make_in_studio(job: Job) -> None:
    global _studio
    if _studio is None:
        _studio = Studio(*_assigned)
        atexit.register(_studio.close)
    _studio.make(job)


def _work(out: Path, assignment: Assignment, jobs: Sequence[Job], workers: int) -> Iterator[None]:
    """Do the jobs, here or in several processes; yield after each."""
    if workers == 1 or len(jobs) < 2:
        studio = Studio(out, assignment)
        try:
            for job in jobs:
                studio.make(job)
                yield
        finally:
            studio.close()
        return
    # Fresh processes: a forked one would share the graphics library's threads.
    context = multiprocessing.get_context("spawn")
    count = min(workers, len(jobs))
    pool = ProcessPoolExecutor(count, context, _begin, (out, assignment))
    try:
        for future in as_completed([pool.submit(_make_in_studio, job) for job in jobs]):
            future.result()
            yield
    except BrokenProcessPool as error:
        raise CommandError(
            f"one of {count} processes was killed, was it short of memory? What is done is kept: "
            "run again, with fewer --workers"
        ) from error
    finally:
        pool.shutdown(cancel_futures=True)


def _claim_folder(out: Path, assignment: Assignment) -> None:
    """Mark the folder as holding this data set, or see that it does."""
    path = out / "simulation.json"
    mine = assignment.to_dict()
    try:
        if not path.exists():
            if out.exists() and any(out.iterdir()):
                raise CommandError(f"--out {out}: is not empty and holds no simulated data set")
            _write(path, json.dumps(mine).encode())
        elif (there := json.loads(path.read_text())) != mine:
            raise CommandError(f"--out {out}: holds a data set of {there}, not of {mine}")
    except ValueError as error:
        raise CommandError(f"--out {out}: {path.name} is no JSON: {error}") from error


def _merge(out: Path, jobs: Iterable[Job]) -> None:
    """Write the list of all records, in order."""
    records = (record for job in jobs for record in _read_shard(_shard(out, job)))
    lines = ",\n".join(json.dumps(record, separators=(",", ":")) for record in records)
    _write(out / "annotations.json", f"[\n{lines}\n]\n".encode())


def _read_shard(path: Path) -> list[Record]:
    try:
        records: list[Record] = json.loads(path.read_bytes())
    except ValueError as error:
        raise CommandError(f"{path} is no JSON: {error}; delete it and run again") from error
    return records


def _name(job: Job) -> str:
    return f"{job[0]}-{job[1]:06d}"


def _shard(out: Path, job: Job) -> Path:
    return out / "shards" / f"{_name(job)}.json"


def _write(path: Path, data: bytes) -> None:
    """Write a file wholly or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_name(f"{path.name}.{os.getpid()}.part")
    unfinished.write_bytes(data)
    unfinished.replace(path)
