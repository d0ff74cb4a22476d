from __future__ import annotations

from xml.etree import ElementTree

from pixelrefer_ros.replay.charts import WIDTH, bar_chart, histogram, stage_chart


def parts(markup: str, kind: str) -> list[ElementTree.Element]:
    return ElementTree.fromstring(markup).findall(kind)


def test_bars_are_as_long_as_their_values():
    chart = bar_chart({"siou": 0.5, "cider": 2.0, "<none>": 0.0}, "Scores")
    full, *_ = (float(bar.get("width", "")) for bar in parts(chart, "rect")[::2])
    lengths = [float(bar.get("width", "")) for bar in parts(chart, "rect")[1::2]]
    assert lengths == [full / 4, full, 0.0], "the scale reaches to the largest"
    assert [text.text for text in parts(chart, "text")][::2] == ["siou", "cider", "<none>"]


def test_a_histogram_counts_all():
    chart = histogram([0.0, 0.1, 0.1, 1.2], "Times")
    texts = [text.text for text in parts(chart, "text")]
    assert texts == ["1", "2", "1", "0 ms", "600 ms", "1.20 s"]
    assert len(parts(histogram([0.0], "Times"), "rect")) == 12


def test_stages_share_the_width():
    chart = stage_chart({"queue": 0.25, "generate": 0.75}, "Stages")
    bars = parts(chart, "rect")[::2]
    assert [float(bar.get("width", "")) for bar in bars] == [WIDTH / 4, WIDTH * 3 / 4]
    assert [text.text for text in parts(chart, "text")] == [
        "queue 250 ms, 25 %", "generate 750 ms, 75 %",
    ]  # fmt: skip
