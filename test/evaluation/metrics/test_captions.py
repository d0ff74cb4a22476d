from __future__ import annotations

import json
import math
import os
import shutil
import sys
import time
from collections import Counter
from io import StringIO
from pathlib import Path
from types import SimpleNamespace

import pytest

from pixelrefer_ros.errors import MetricError
from pixelrefer_ros.evaluation.metrics import (
    MetricReport,
    Scored,
    caption_process,
    captions,
    score,
)

pytest.importorskip("pycocoevalcap", reason="needs pixelrefer[eval]")
needs_java = pytest.mark.skipif(shutil.which("java") is None, reason="needs Java")

ITEMS = [
    Scored("cat", "The cat sat on the mat.", references=("A dog barks.", "the cat sat on a mat")),
    Scored("same", "red mug", references=("Red mug!",)),
    Scored("turned", "mug red", references=("red mug",)),
    Scored("half", "red mug", references=("red mug table lamp",)),
    Scored("silent", "", references=("a blue vase",)),
    Scored("broken", "Über | rot\u2028blau\n\x85 grün", references=("über rot blau grün", "...")),
    Scored("no reference", "a dog", category="dog"),
]
WORDS = {
    "cat": ("the cat sat on the mat", ["a dog barks", "the cat sat on a mat"]),
    "same": ("red mug", ["red mug"]),
    "turned": ("mug red", ["red mug"]),
    "half": ("red mug", ["red mug table lamp"]),
    "silent": ("", ["a blue vase"]),
    "broken": ("über rot blau grün", ["über rot blau grün", ""]),
}
"""What the tokenizer makes of them: lower case, without punctuation."""


@pytest.fixture(scope="module")
def report() -> MetricReport:
    return score(ITEMS, ["bleu4", "rouge_l", "meteor", "cider"])


def of(report: MetricReport, name: str) -> dict[str, float]:
    return {item: values[name] for item, values in report.items.items()}


def grams(text: str, length: int) -> Counter[tuple[str, ...]]:
    words = text.split()
    return Counter(tuple(words[i : i + length]) for i in range(len(words) - length + 1))


@needs_java
def test_every_metric_is_there(report):
    assert report.left_out == {}
    assert report.counts == dict.fromkeys(("bleu4", "rouge_l", "meteor", "cider"), 6)


@needs_java
def test_bleu(report):
    # Of the words 5 of 6 are in a reference, of the pairs 3 of 5, then 2 of 4 and 1 of 3.
    found = of(report, "bleu4")
    assert found["cat"] == pytest.approx((5 / 6 * 3 / 5 * 2 / 4 * 1 / 3) ** (1 / 4), abs=1e-6)
    assert found["broken"] == pytest.approx(1.0, abs=1e-6)
    # All items together: sums of both counts, and a penalty because they are too short.
    right, all_grams = [0] * 4, [0] * 4
    for said, references in WORDS.values():
        for n in range(4):
            most: Counter[tuple[str, ...]] = Counter()
            for reference in references:
                most |= grams(reference, n + 1)
            right[n] += (grams(said, n + 1) & most).total()
            all_grams[n] += grams(said, n + 1).total()
    said_length, closest = 6 + 2 + 2 + 2 + 0 + 4, 6 + 2 + 2 + 4 + 3 + 4
    mean = math.prod(r / a for r, a in zip(right, all_grams, strict=True)) ** (1 / 4)
    expected = mean * math.exp(1 - closest / said_length)
    assert report.values["bleu4"] == pytest.approx(expected, abs=1e-6)


@needs_java
def test_rouge(report):
    # Longest common subsequences: 5 of 6 and 6, 2 of 2, 1 of 2, 2 of 2 and 4, 0, 4 of 4 and 4.
    def f(precision: float, recall: float, beta: float = 1.2) -> float:
        return (1 + beta**2) * precision * recall / (recall + beta**2 * precision)

    expected = {
        "cat": f(5 / 6, 5 / 6),
        "same": 1.0,
        "turned": f(1 / 2, 1 / 2),
        "half": f(1, 1 / 2),
        "silent": 0.0,
        "broken": 1.0,
    }
    assert of(report, "rouge_l") == pytest.approx(expected)
    assert report.values["rouge_l"] == pytest.approx(sum(expected.values()) / 6)


def meteor(precision: float, recall: float, chunks: int, matches: int) -> float:
    """Version 1.5 for English: alpha 0.85, beta 0.2, gamma 0.6; all words are content words."""
    mean = precision * recall / (0.85 * precision + 0.15 * recall)
    return mean * (1 - 0.6 * (chunks / matches) ** 0.2)


@needs_java
def test_meteor(report):
    found = of(report, "meteor")
    assert found["same"] == pytest.approx(1.0)  # no penalty for one chunk that is everything
    assert found["turned"] == pytest.approx(meteor(1, 1, chunks=2, matches=2))
    assert found["half"] == pytest.approx(meteor(1, 1 / 2, chunks=1, matches=2))
    assert found["silent"] == 0.0
    assert found["broken"] == pytest.approx(1.0)


@needs_java
def test_meteor_of_all_items_is_that_of_the_sums_of_their_counts():
    of_content_words = [item for item in ITEMS if item.id in ("same", "turned", "half")]
    other = Scored("other", "green lamp", references=("wooden chair",))
    report = score([*of_content_words, other], ["meteor"])
    # One chunk that is everything counts as none.
    said, known, matches, chunks = 4 * 2, 2 + 2 + 4 + 2, 3 * 2, 0 + 2 + 1
    expected = meteor(matches / said, matches / known, chunks, matches)
    assert report.values["meteor"] == pytest.approx(expected)
    mean = sum(of(report, "meteor").values()) / 4
    assert report.values["meteor"] != pytest.approx(mean, abs=0.01)


@needs_java
def test_cider(report):
    def weights(text: str, n: int) -> dict[tuple[str, ...], float]:
        """Weigh by how many of the items have it in a reference."""
        return {
            gram: count * (math.log(len(WORDS)) - math.log(max(1, documents(gram))))
            for gram, count in grams(text, n).items()
        }

    def documents(gram: tuple[str, ...]) -> int:
        return sum(any(grams(r, len(gram))[gram] for r in rs) for _, rs in WORDS.values())

    def alike(said: str, reference: str, n: int) -> float:
        first, second = weights(said, n), weights(reference, n)
        length = math.hypot(*first.values()) * math.hypot(*second.values())
        product = sum(min(w, second[g]) * second[g] for g, w in first.items() if g in second)
        # CIDEr-D: by how many words they differ in length.
        apart = (len(said.split()) - len(reference.split())) ** 2
        return product / length * math.exp(-apart / (2 * 6.0**2)) if length else 0.0

    expected = {
        item: 10 * sum(alike(said, r, n) for r in references for n in (1, 2, 3, 4))
        / (4 * len(references))
        for item, (said, references) in WORDS.items()
    }  # fmt: skip
    assert of(report, "cider") == pytest.approx(expected, abs=1e-6)
    assert report.values["cider"] == pytest.approx(sum(expected.values()) / 6, abs=1e-6)


def test_spice_is_the_f_score_of_all_tuples(tmp_path, monkeypatch):
    spice = pytest.importorskip("pycocoevalcap.spice.spice")

    def reply(command: list[str], cwd: str) -> None:
        """Write what the Java program writes; what there is nothing of is null."""
        asked = json.loads(Path(command[command.index("-Xmx8G") + 2]).read_text())
        f_scores = {"a red mug": 0.5, "": None, "a vase": 0.25}
        none = {"pr": None, "re": None, "f": None, "fn": 0.0, "numImages": 1}
        found = [
            {
                "image_id": one["image_id"],
                "scores": {"All": {**none, "f": f_scores[one["test"]]}, "Color": none},
            }
            for one in asked
        ]
        Path(command[command.index("-out") + 1]).write_text(json.dumps(found[::-1]))

    monkeypatch.setattr(spice, "get_stanford_models", lambda: None)
    monkeypatch.setattr(spice, "subprocess", SimpleNamespace(check_call=reply))
    monkeypatch.setattr(spice, "TEMP_DIR", str(tmp_path / "tmp"))
    monkeypatch.setattr(spice, "CACHE_DIR", str(tmp_path / "cache"))
    texts = {
        "predictions": ["a red mug", "", "a vase"],
        "references": [["a red cup", "mug"], ["a lamp"], ["a glass vase"]],
    }
    monkeypatch.setattr(sys, "argv", ["caption_process", "spice"])
    monkeypatch.setattr(sys, "stdin", StringIO(json.dumps(texts)))
    monkeypatch.setattr(sys, "stdout", StringIO())
    caption_process.main()
    assert json.loads(sys.stdout.getvalue())["per_item"] == [0.5, None, 0.25]


@needs_java
def test_spice_is_left_out_where_its_files_are_missing(tmp_path):
    with pytest.raises(MetricError) as caught:
        captions.check_stanford_files(tmp_path)
    message = str(caught.value)
    assert "stanford-corenlp-3.6.0.jar and stanford-corenlp-3.6.0-models.jar are not in" in message
    assert "`python -m pycocoevalcap.spice.get_stanford_models`" in message
    for name in captions.STANFORD_FILES:
        (tmp_path / name).touch()
    captions.check_stanford_files(tmp_path)
    import pycocoevalcap

    jar = Path(pycocoevalcap.__path__[0], "spice", "lib", captions.STANFORD_FILES[1])
    if not jar.exists():
        report = score(ITEMS, ["spice"])
        assert report.values == {}
        assert "get_stanford_models" in report.left_out["spice"]


def other_java(folder: Path, monkeypatch: pytest.MonkeyPatch, script: str) -> None:
    """Let a script come before Java."""
    java = folder / "java"
    java.write_text(f"#!/bin/sh\n{script}\n")
    java.chmod(0o755)
    monkeypatch.setenv("PATH", str(folder), prepend=os.pathsep)
    captions._tokenize.cache_clear()


@needs_java
def test_files_in_the_current_folder_are_not_taken_for_modules(tmp_path, monkeypatch):
    (tmp_path / "numbers.py").write_text("raise SystemExit('not this one')")
    monkeypatch.chdir(tmp_path)
    assert score(ITEMS[1:3], ["cider"]).left_out == {}


def test_a_program_that_hangs_is_ended(tmp_path, monkeypatch):
    other_java(tmp_path, monkeypatch, f"echo $$ > {tmp_path}/pid\nexec sleep 60")
    monkeypatch.setattr(captions, "SECONDS", 12.0)
    started = time.monotonic()
    report = score(ITEMS[:1], ["rouge_l"])
    assert report.left_out == {"rouge_l": "tokens took longer than 15 s and was ended"}
    assert time.monotonic() - started < 60
    process = Path("/proc", (tmp_path / "pid").read_text().strip(), "stat")
    for _ in range(100):
        if not process.exists() or process.read_text().rpartition(")")[2].split()[0] == "Z":
            break
        time.sleep(0.1)
    else:
        pytest.fail("Java goes on")


def test_a_program_that_fails_is_told(tmp_path, monkeypatch):
    other_java(tmp_path, monkeypatch, "exit 3")
    report = score(ITEMS[1:2], ["rouge_l"])
    reason = "tokens failed with status 1: the tokenizer returned 1 of 2 texts"
    assert report.left_out == {"rouge_l": reason}


def test_without_java_it_is_said_how_to_get_it(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    report = score(ITEMS, ["bleu4", "siou"])
    assert "needs Java" in report.left_out["bleu4"]
    assert "`apt install default-jre-headless`" in report.left_out["bleu4"]
    assert "siou" in report.values


def test_without_the_package_it_is_said_how_to_get_it(monkeypatch):
    monkeypatch.setitem(sys.modules, "pycocoevalcap", None)
    reason = score(ITEMS, ["cider"]).left_out["cider"]
    assert "'pycocoevalcap'" in reason
    assert "`pip install '.[eval]'`" in reason
