from __future__ import annotations

from pixelrefer_ros.evaluation.metrics import Scored, score


def test_the_expected_name_and_no_other_is_right():
    items = [
        Scored("right", "It is a red mug.", category="mug"),
        Scored("both", "a mug and a vase", category="mug"),
        Scored("other", "a mug", category="vase"),
        Scored("underscore", "a wine glass", category="wine_glass"),
        Scored("unknown", "a mug"),
    ]
    report = score(items, ["category_accuracy"])
    found = {name: values["category_accuracy"] for name, values in report.items.items()}
    assert found == {"right": 1.0, "both": 0.0, "other": 0.0, "underscore": 1.0}
    assert report.values == {"category_accuracy": 0.5}
