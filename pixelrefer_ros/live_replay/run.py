"""Start node and bag player, ask while they run, end them."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Mapping, Sequence, Set
from dataclasses import replace
from pathlib import Path

from pixelrefer_ros.demo.child_process import ChildProcess, python_module
from pixelrefer_ros.demo.surroundings import end_on_signals, stay_alone
from pixelrefer_ros.errors import CommandError, DeadlineError, PixelReferError
from pixelrefer_ros.live_replay.node_limits import node_limits
from pixelrefer_ros.live_replay.outcomes import draw_reply, to_outcome
from pixelrefer_ros.live_replay.planner import Due, Planner, Reply
from pixelrefer_ros.replay.queries import ReplayQuery
from pixelrefer_ros.replay.recording import Recording
from pixelrefer_ros.replay.results import Outcome, Result, Timing
from pixelrefer_ros.ros.bag_clock import BagClock
from pixelrefer_ros.ros.client import DescribeRegionClient
from pixelrefer_ros.streams.bag_reader import COMPRESSED_IMAGE_TYPE

LOADING_S = 600.0
"""Longest wait for the node to load its model."""

FRAMES = "frames.json"
"""Keeps the counts of frames."""


class LiveReplay:
    """Plays a recording to a node of its own, in a ROS domain of its own.

    parameters: of the node, by name. rate: 1 as recorded, 2 twice as fast.
    """

    def __init__(
        self,
        recording: Recording,
        out: Path,
        parameters: Mapping[str, object],
        *,
        rate: float,
    ) -> None:
        self._recording = recording
        self._out = out
        self._rate = rate
        self._cameras = {topic: f"camera_{n}" for n, topic in enumerate(recording.topics, 1)}
        self._parameters = {**parameters, "use_sim_time": "true", **self._camera_parameters()}

    @property
    def counts(self) -> dict[str, int]:
        """Frames published, received and dropped when the bag was last played to its end."""
        try:
            counts: dict[str, int] = json.loads((self._out / FRAMES).read_text(encoding="utf-8"))
        except (FileNotFoundError, ValueError):
            return {}
        return counts

    def ask_all(self, queries: Sequence[ReplayQuery]) -> Iterator[Outcome]:
        """Yield what came of each query at once, and again with its picture when all is played.

        Raises `PixelReferError` when a process ends or nobody answers.
        """
        due = []
        for query in queries:
            try:
                moment = self._recording.find(query)
            except PixelReferError as error:
                yield self._without_frame(query, error)
            else:
                due.append(Due(query, self._cameras[self._recording.topic(query)], moment))
        if not due:
            return
        replies: list[Reply] = []
        with stay_alone(), end_on_signals():
            for reply in self._play(due):
                replies.append(reply)
                yield to_outcome(self._recording, reply)
        for reply in replies:
            picture = draw_reply(self._recording, reply)
            yield replace(to_outcome(self._recording, reply), picture=picture)

    def _play(self, due: Sequence[Due]) -> Iterator[Reply]:
        last = {
            camera: max(self._recording.indices[topic].places, key=lambda place: place.receive_ns)
            for topic, camera in self._cameras.items()
        }
        with (
            ChildProcess("the node", self._node(due), self._out / "node.log") as node,
            DescribeRegionClient() as client,
        ):
            _wait_until_ready(client, node)
            planner = Planner(client, BagClock(client.node), last)
            log = self._out / "bag_player.log"
            with ChildProcess("the bag player", self._player(), log) as player:

                def check() -> None:
                    node.check_running()
                    player.check_running()

                yield from planner.hold(due, check)
        self._keep(count_frames(self._recording, planner.received))

    def _keep(self, counts: Mapping[str, int]) -> None:
        """Write the counts before pictures are drawn: the run may be ended meanwhile."""
        try:
            (self._out / FRAMES).write_text(json.dumps(counts) + "\n", encoding="utf-8")
        except OSError as error:
            reason = error.strerror or error
            raise CommandError(f"--out '{self._out}' cannot be written: {reason}") from error

    def _node(self, due: Sequence[Due]) -> list[str]:
        parameters = {**self._parameters, **node_limits(self._recording, due)}
        given = [("-p", f"{name}:={value}") for name, value in parameters.items() if value]
        settings = [part for pair in given for part in pair]
        return python_module(["pixelrefer_ros.cli", "node", *settings])

    def _player(self) -> list[str]:
        topics = [part for topic in self._cameras for part in ("--topic", topic)]
        return python_module(
            [
                "pixelrefer_ros.ros.bag_player",
                str(self._recording.bag.path),
                *topics,
                "--rate",
                str(self._rate),
                "--clock",
                "--best-effort",
            ]
        )

    def _camera_parameters(self) -> dict[str, object]:
        parameters: dict[str, object] = {
            "camera_names": f"[{', '.join(self._cameras.values())}]",
        }
        for topic, camera in self._cameras.items():
            compressed = self._recording.topics[topic].type == COMPRESSED_IMAGE_TYPE
            parameters[f"cameras.{camera}.topic"] = topic
            parameters[f"cameras.{camera}.transport"] = "compressed" if compressed else "raw"
        return parameters

    def _without_frame(self, query: ReplayQuery, error: PixelReferError) -> Outcome:
        recording = self._recording
        topic, stamp_ns = recording.topic(query), recording.stamp_ns(query)
        result = Result.of_error(query, topic, stamp_ns, error)
        return Outcome(result, Timing(query.id, 0.0), None)


def count_frames(recording: Recording, received: Mapping[str, Set[int]]) -> dict[str, int]:
    """Count frames by their stamps, camera by camera; one that came again counts once."""
    published = sum(
        len({place.stamp_ns for place in index.places}) for index in recording.indices.values()
    )
    seen = sum(map(len, received.values()))
    return {"published": published, "received": seen, "dropped": published - seen}


def _wait_until_ready(client: DescribeRegionClient, node: ChildProcess) -> None:
    deadline = time.monotonic() + LOADING_S
    while not client.wait_for_node(1.0):
        node.check_running()
        if time.monotonic() > deadline:
            raise DeadlineError(f"the node was not ready within {LOADING_S:.0f} s")
