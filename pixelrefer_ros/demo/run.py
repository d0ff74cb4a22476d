"""Start the processes, ask, report."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from pixelrefer_ros.demo.child_process import ChildProcess, python_module
from pixelrefer_ros.demo.interview import ANSWER_S, CAMERA, Interview
from pixelrefer_ros.demo.pictures import write_pictures
from pixelrefer_ros.demo.questions import Question, middle_of, read_questions
from pixelrefer_ros.demo.surroundings import end_on_signals, stay_alone
from pixelrefer_ros.errors import CommandError
from pixelrefer_ros.report import Entry, noise_notice, print_table, to_json
from pixelrefer_ros.resources import find_demo, find_model
from pixelrefer_ros.ros.client import DescribeRegionClient
from pixelrefer_ros.streams.bag_choice import choose_topic, last_frame
from pixelrefer_ros.streams.bag_reader import COMPRESSED_IMAGE_TYPE, BagReader, BagTopic

LOADING_S = 600.0
"""Longest wait for the node to load its model."""

NODE_PARAMETERS = {
    # All that is played stays there to be asked about, and every question finds room.
    "buffer.seconds": "3600.0",
    "buffer.frames": "3000",
    "buffer.megabytes": "1000",
    "request.queue_size": "1024",
    # No answer is given up before the demo itself does.
    "request.watchdog": str(ANSWER_S),
}


def run_demo(
    *,
    bag: str,
    topic: str,
    queries: str,
    model: str,
    encoder_backend: str = "torch",
    encoder_path: str = "",
    out: Path,
) -> None:
    """Play a bag into a node and ask about it; write `results.json` and pictures to `out`.

    An empty `bag` means the table top that ships with the package, and its questions if `queries`
    is empty too; otherwise there is one question then, about the middle of the last frame. An empty
    `topic` means the first one with colours. A question that gets an error code is a result. Raises
    `PixelReferError` when there is nothing to play, to ask, or to run.
    """
    model = find_model(model)
    if not bag:
        bag, queries = str(find_demo("table_top")), queries or str(find_demo("questions.json"))
    questions = read_questions(Path(queries)) if queries else []
    reader = BagReader(bag)
    _clear(out)
    print(f"Bag     {bag}")
    chosen = choose_topic(reader, topic)
    print(f"Topic   {chosen.name}, {chosen.message_count} messages", end="")
    print("" if topic else " (the first image topic; TOPIC or --topic names another)")
    if not questions:
        print("Asking  about a box on the middle of the last frame (QUERIES or --queries: more)")
        questions = [middle_of(*last_frame(reader, chosen.name).size)]
    with stay_alone(), end_on_signals():
        encoder = {"encoder.backend": encoder_backend, "encoder.path": encoder_path}
        answers = _interview(reader, chosen, questions, model, encoder, out)
    entries = [entry for several in answers for entry in several]
    if notice := noise_notice(entries[0].model_id):
        print(f"\n{notice}\n")
    print_table(entries, _expected(questions, answers))
    results = out / "results.json"
    try:
        results.write_text(to_json(entries), encoding="utf-8")
        pictures = write_pictures(out, reader, chosen.name, questions, answers)
    except OSError as error:
        _clear(out)  # half a file looks like a whole one
        raise CommandError(f"--out '{out}' cannot be written: {error.strerror}") from error
    answered = sum(not entry.error_code for entry in entries)
    print(f"{answered} of {len(entries)} answered. {results} and {len(pictures)} pictures written.")


def _expected(questions: Sequence[Question], answers: Sequence[Sequence[Entry]]) -> list[str]:
    """Repeat what each question expects for each of its answers."""
    pairs = zip(questions, answers, strict=True)
    return [question.expected for question, entries in pairs for _ in entries]


def _interview(
    bag: BagReader,
    topic: BagTopic,
    questions: Sequence[Question],
    model: str,
    encoder: Mapping[str, str],
    out: Path,
) -> list[list[Entry]]:
    transport = "compressed" if topic.type == COMPRESSED_IMAGE_TYPE else "raw"
    parameters = {**NODE_PARAMETERS, **encoder, f"cameras.{CAMERA}.transport": transport}
    given = {name: value for name, value in parameters.items() if value}
    settings = [part for name, value in given.items() for part in ("-p", f"{name}:={value}")]
    run_node = ["pixelrefer_ros.cli", "node", "--topic", topic.name, "--model", model, *settings]
    play = ["pixelrefer_ros.ros.bag_player", str(bag.path), "--topic", topic.name]
    with ChildProcess("the node", python_module(run_node), out / "node.log") as node:
        print(f"Node    process {node.pid}, log in {node.log}", flush=True)
        with DescribeRegionClient() as client:
            interview = Interview(client, node.check_running)
            interview.wait_until_ready(LOADING_S)
            with ChildProcess(
                "the bag player", python_module(play), out / "bag_player.log"
            ) as player:
                print(f"Player  process {player.pid}, log in {player.log}", flush=True)
                return interview.hold(questions, player.is_running)


def _clear(out: Path) -> None:
    """Make the folder and remove what an earlier demo left there."""
    try:
        out.mkdir(parents=True, exist_ok=True)
        for old in (*out.glob("[0-9][0-9]*.jpg"), out / "results.json"):
            old.unlink(missing_ok=True)
    except OSError as error:
        raise CommandError(f"--out '{out}' cannot be written: {error.strerror}") from error
