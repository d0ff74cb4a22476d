"""Play clips into a node, ask about the motion in them, count the right answers."""

from __future__ import annotations

import logging
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pixelrefer_ros.datasets.records import DataFile, read_records
from pixelrefer_ros.demo.child_process import ChildProcess, python_module
from pixelrefer_ros.demo.interview import CAMERA, Interview
from pixelrefer_ros.demo.surroundings import end_on_signals, stay_alone
from pixelrefer_ros.errors import BagError, CommandError
from pixelrefer_ros.evaluation.items import Item
from pixelrefer_ros.evaluation.judging import Judge
from pixelrefer_ros.evaluation.scores import TaskShare
from pixelrefer_ros.motion.clips import SPACING_NS, Clip, MotionQuestion, read_questions
from pixelrefer_ros.motion.pointing import POINTINGS, masks_on_all_frames
from pixelrefer_ros.report import Entry
from pixelrefer_ros.ros.asking import PendingEntries, ask
from pixelrefer_ros.ros.client import DescribeRegionClient
from pixelrefer_ros.streams.bag_writer import write_bag
from pixelrefer_ros.streams.stamps import NANOSECONDS

logger = logging.getLogger(__name__)

TASK = "motion"
TOPIC = "/camera/image_raw/compressed"
LOADING_S = 600.0
ANSWER_S = 600.0
PLAYING_S = 600.0
POLL_S = 0.1
RATE = "5"
"""How much faster than in life the clips are played; stamps stay as they are."""
BUFFER_S = 3600
AT_ONCE = 8

NODE_PARAMETERS = {
    "cameras.camera.transport": "compressed",
    "buffer.seconds": f"{BUFFER_S}.0",
    "buffer.frames": "100000",
    "buffer.megabytes": "4000",
    "request.queue_size": "1024",
    "request.max_regions": "255",
    "request.max_frames": "255",
    "request.watchdog": str(ANSWER_S),
}

Progress = Callable[[int, int], None]


@dataclass
class Comparison:
    """Shares of right answers by how the objects were pointed at; `failed` got an error code."""

    model: str
    data: str
    shares: dict[str, TaskShare]
    failed: int = 0
    seconds: float = 0.0

    def to_dict(self) -> dict[str, Any]:
        """Return the form `pixelrefer motion --json` prints."""
        return {
            "model": self.model,
            "data": self.data,
            "failed": self.failed,
            "seconds": round(self.seconds, 1),
            **{
                name: {
                    **share.to_dict(),
                    "by_motion": {
                        expected: one.to_dict()
                        for expected, one in sorted(share.by_expected.items())
                    },
                }
                for name, share in self.shares.items()
            },
        }


def compare(
    data: Path,
    *,
    model: str,
    parameters: Mapping[str, str],
    limit: int,
    folder: Path,
    progress: Progress,
) -> Comparison:
    """Ask every question about motion in each way of `POINTINGS`, of a node in its own process.

    model: its folder. parameters: of the node, besides those this needs. folder: empty, for the
    bag and the logs. limit: at most so many questions, the first of the data set. Raises
    `DatasetError`, `CommandError` or `BagError`.
    """
    started = time.monotonic()
    records = read_records([DataFile(str(data / "annotations.json"), tasks=(TASK,))]).records
    every = [Item.of_record(record) for record in records]
    judge = Judge(TASK, dict.fromkeys(item.accepted for item in every))
    questions = read_questions(every[:limit])
    found = Comparison("", str(data), {name: TaskShare() for name in POINTINGS})
    clips = list(dict.fromkeys(question.clip for question in questions))
    with stay_alone(), end_on_signals(), _node_with(clips, model, parameters, folder) as client:
        total = len(POINTINGS) * len(questions)
        for done, (name, question, entry) in enumerate(_ask_all(client, questions), 1):
            found.model = entry.model_id
            found.failed += bool(entry.error_code)
            if entry.error_code:
                logger.warning("%s: %s", question.item.record.name, entry.error_msg)
            verdict = judge.judge(entry.text, question.item.accepted)
            found.shares[name].add(verdict.is_right)
            found.shares[name].by_expected[question.item.expected].add(verdict.is_right)
            progress(done, total)
    found.seconds = time.monotonic() - started
    return found


@contextmanager
def _node_with(
    clips: Sequence[Clip], model: str, parameters: Mapping[str, str], folder: Path
) -> Iterator[DescribeRegionClient]:
    """Start a node and play all clips into it, as one bag."""
    longest = BUFFER_S * NANOSECONDS // SPACING_NS
    if len(clips) > longest:
        raise CommandError(f"{len(clips)} clips, at most {longest} fit into the buffer: --limit")
    bag = folder / "bag"
    write_bag(bag, ((TOPIC, frame) for clip in clips for frame in clip.frames(CAMERA)))
    given = {**NODE_PARAMETERS, **parameters}
    settings = [part for name, value in given.items() for part in ("-p", f"{name}:={value}")]
    run_node = ["pixelrefer_ros.cli", "node", "--topic", TOPIC, "--model", model, *settings]
    play = ["pixelrefer_ros.ros.bag_player", str(bag), "--topic", TOPIC, "--rate", RATE]
    with (
        ChildProcess("the node", python_module(run_node), folder / "node.log") as node,
        DescribeRegionClient() as client,
    ):
        Interview(client, node.check_running).wait_until_ready(LOADING_S)
        with ChildProcess("the bag player", python_module(play), folder / "player.log") as player:
            _wait_for_frames(client, player, sum(len(clip.paths) for clip in clips))
        yield client


def _wait_for_frames(client: DescribeRegionClient, player: ChildProcess, count: int) -> None:
    deadline = time.monotonic() + PLAYING_S
    while time.monotonic() < deadline:
        is_playing = player.is_running()
        held = len(client.list_frames(CAMERA))
        if held == count:
            return
        if not is_playing:
            raise BagError(f"{held} of {count} frames reached the node")
        time.sleep(POLL_S)
    raise BagError(f"the clips were not played within {PLAYING_S:.0f} s")


def _ask_all(
    client: DescribeRegionClient, questions: Sequence[MotionQuestion]
) -> Iterator[tuple[str, MotionQuestion, Entry]]:
    """Ask each question in each way, some of them at a time so that they are answered together."""
    asked: deque[tuple[str, MotionQuestion, PendingEntries]] = deque()
    for name in POINTINGS:
        for question in questions:
            if len(asked) == AT_ONCE:
                yield _receive(*asked.popleft())
            asked.append((name, question, _ask(client, question, name)))
    while asked:
        yield _receive(*asked.popleft())


def _ask(client: DescribeRegionClient, question: MotionQuestion, name: str) -> PendingEntries:
    pointing = POINTINGS[name]
    regions = pointing(question)
    stamps_ns = [stamp_ns for _, stamp_ns in regions]
    return ask(
        client,
        [region for region, _ in regions],
        stamps_ns,
        camera=CAMERA,
        prompt=question.prompt,
        timeout_s=ANSWER_S,
        num_frames=0 if pointing is masks_on_all_frames else len(question.clip.paths),
        # Never 0, which means everything: also what was played before.
        history_ns=max(max(stamps_ns) - question.clip.stamps_ns[0], 1),
    )


def _receive(
    name: str, question: MotionQuestion, pending: PendingEntries
) -> tuple[str, MotionQuestion, Entry]:
    [entry] = pending.wait(ANSWER_S)
    return name, question, entry
