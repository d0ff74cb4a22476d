"""The report, also as a browser shows it."""

from __future__ import annotations

import re
import shutil
import subprocess
from html import escape
from html.parser import HTMLParser
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from pixelrefer_ros.evaluation.metrics import MetricReport
from pixelrefer_ros.regions.reference import Region
from pixelrefer_ros.replay.html_report import write_report
from pixelrefer_ros.replay.output_folder import OutputFolder
from pixelrefer_ros.replay.queries import ReplayQuery
from pixelrefer_ros.replay.results import Outcome, Result, Timing, Words
from pixelrefer_ros.replay.summary import summarize_results, summarize_timings
from pixelrefer_ros.streams.bag_reader import BrokenMessage

RUN = {"bag": "/bags/kitchen", "model": "m", "mode": "offline"}
NASTY = "<script>alert('&')</script>"
GREEN = (0, 250, 0)


def jpeg(colour: tuple[int, int, int]) -> bytes:
    file = BytesIO()
    Image.fromarray(np.full((480, 640, 3), colour, np.uint8)).save(file, "JPEG")
    return file.getvalue()


@pytest.fixture(scope="module")
def report(tmp_path_factory) -> Path:
    region = (Region(box=(0, 0, 1, 1)),)
    queries = [
        ReplayQuery("cup", "/t", 0, True, region, "1", f"What is {NASTY}?", category="cup"),
        ReplayQuery("slow", "/t", 0, True, region, "2", references=("A long text.",)),
        ReplayQuery("lost", "/t", 0, True, region, "3"),
        ReplayQuery("anonymous", "/t", 0, True, region, "4"),
    ]
    said = Words(("1",), NASTY, 0.75, True, 3)
    outcomes = [
        Outcome(
            Result("cup", "1", "/t", 10**18 + 5, queries[0].prompt, "tiny (random weights)",
                   (10**18 + 5,), (said,)),
            Timing("cup", 0.25, {"queue": 0.05, "generate": 0.2}, 0.3),
            jpeg(GREEN),
        ),
        Outcome(
            Result("slow", "2", "/t", 7, "", "m", (3, 5, 7), (said,), distance_s=0.3),
            Timing("slow", 12.0, {"queue": 1.0, "generate": 11.0}, 12.5),
            jpeg((250, 0, 0)),
        ),
        Outcome(
            Result("lost", "3", "/t", 7, "", error="FRAME_EVICTED", error_msg="no such frame"),
            Timing("lost", 0.0),
            None,
        ),
        Outcome(Result("anonymous", "4", "/t", 7, "", "m", (7,), (said,)), Timing("anonymous", 2.5),
                None),
    ]  # fmt: skip
    folder = OutputFolder(tmp_path_factory.mktemp("report"), RUN, queries)
    for outcome in outcomes:
        folder.add(outcome)
    results = [outcome.result for outcome in outcomes]
    found = MetricReport({"siou": 0.25}, {"siou": 1}, left_out={"spice": "needs Java"})
    metrics = summarize_results(results, [BrokenMessage("/t", 1, "cut off")], found)
    counts = {"published": 10, "received": 9, "dropped": 1}
    latency = summarize_timings(results, folder.timings, counts)
    write_report(folder, RUN, metrics, latency, {"cup": {"siou": 0.25}})
    return folder.path / "report.html"


class Text(HTMLParser):
    """Collects what is read, and what is loaded from elsewhere."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.said: list[str] = []
        self.loaded: list[str] = []
        self.scripts = 0
        self.feed(page)

    def handle_data(self, data: str) -> None:
        self.said.append(data)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.scripts += tag == "script"
        self.loaded += [value or "" for name, value in attrs if name in ("src", "href")]


def test_all_is_said_and_nothing_comes_from_elsewhere(report):
    page = report.read_text()
    text = Text(page)
    said = " ".join(" ".join(text.said).split())
    for words in (
        "Replay of kitchen", "3 of 4", "answered", "FRAME_EVICTED no such frame", "needs Java",
        "1 messages of /t cannot be read", "random weights", "What is <script>alert('&')</script>?",
        "0.75, cut off", "(describe in detail)", "/t at 1000000000.000000005", "3 frames",
        "0.300 s from the time asked about",
        "category cup", "reference A long text.", "siou 0.250", "250 ms", "12.0 s", "no picture",
        "frame 300 ms old", "frames dropped", "queue 525 ms, 9 %",
    ):  # fmt: skip
        assert words in said, words
    assert text.scripts == 1
    assert [link[:22] for link in text.loaded] == ["data:image/jpeg;base64"] * 2
    assert not re.search(r"https?://(?!www\.w3\.org)", page)


def chromium() -> str:
    for name in ("chromium", "chromium-browser", "google-chrome"):
        if found := shutil.which(name):
            return found
    pytest.skip("no chromium here (Debian: apt install chromium)")


def browse(folder: Path, page: Path, *options: str) -> str:
    """Let a browser without a screen run the page and return what it prints."""
    command = [
        chromium(), "--headless=new", "--no-sandbox", "--disable-gpu", "--hide-scrollbars",
        "--disable-dev-shm-usage",
        f"--user-data-dir={folder}", "--virtual-time-budget=2000", *options, page.as_uri(),
    ]  # fmt: skip
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.parametrize(("width", "height"), [(1280, 1000), (500, 1600)])
def test_a_browser_shows_it(report, tmp_path, width, height):
    shot = tmp_path / "report.png"
    browse(tmp_path, report, f"--window-size={width},{height}", f"--screenshot={shot}")
    pixels = np.asarray(Image.open(shot).convert("RGB")).astype(int)
    assert pixels.shape[1] == width
    green = np.abs(pixels - GREEN).max(axis=-1) < 12
    columns = np.flatnonzero(green.any(axis=0))
    shown = columns[-1] - columns[0] + 1
    # Beside the words on a wide screen, as wide as the screen on a narrow one.
    assert shown < 0.35 * width if width > 760 else shown > 0.85 * width


PROBE = """
<script>
const seen = [innerWidth, document.documentElement.scrollWidth];
const order = () => [...document.querySelectorAll("tbody tr")].map(
  row => row.querySelector("b").textContent).join(" ");
seen.push(order());
const time = document.querySelectorAll("th")[6].firstChild;
time.click(); seen.push(order());
time.click(); seen.push(order());
const select = document.getElementById("sort");
select.value = "1"; select.onchange({target: select}); seen.push(order());
parent.document.title = "seen: " + seen.join("|");
</script>
"""

PHONE = """
<!doctype html>
<title>-</title>
<iframe style="border: 0; width: 360px; height: 800px" srcdoc="{}"></iframe>
"""
"""A page as wide as a phone: the window of a browser cannot be as narrow."""


def test_it_fits_a_phone_and_sorts(report, tmp_path):
    page = report.read_text().replace("</body>", PROBE + "</body>")
    probed = tmp_path / "probed.html"
    probed.write_text(PHONE.format(escape(page)))
    shown = browse(tmp_path / "profile", probed, "--window-size=500,900", "--dump-dom")
    found = re.search(r"<title>seen: (.*?)</title>", shown)
    assert found, shown[:500]
    inner, needed, *orders = found[1].split("|")
    assert int(inner) == 360
    assert int(needed) <= 360, "nothing sticks out to the right"
    assert orders == [
        "cup slow lost anonymous",
        "lost cup anonymous slow",
        "slow anonymous cup lost",
        "anonymous cup lost slow",
    ]
