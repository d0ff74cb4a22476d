from __future__ import annotations

import subprocess
import sys

import pytest

from pixelrefer_ros.errors import MetricError
from pixelrefer_ros.evaluation.metrics import Scored, applicable, score


def test_which_metrics_apply_follows_from_the_fields():
    items = [
        Scored("1", "a mug", category="mug"),
        Scored("2", "A", choices=("x", "y"), answer="x"),
        Scored("3", "a mug"),
    ]
    assert {"siou", "category_accuracy", "choice_accuracy"} <= {*applicable(items)}
    assert "attribute_recall" not in applicable(items)
    assert applicable(items[2:]) == ()


def test_a_metric_without_items_is_left_out():
    report = score([Scored("1", "a mug", category="mug")], ["siou", "attribute_recall"])
    assert report.left_out == {"attribute_recall": "no item has positive or negative"}
    assert report.values == {"siou": 0.5}


def test_only_what_is_asked_for_is_told():
    items = [Scored("1", "red", positive=("red",))]
    assert score(items, ["attribute_recall"]).values == {"attribute_recall": 1.0}


def test_a_value_that_no_item_has_is_left_out():
    report = score([Scored("1", "", positive=("red",))], ["attribute_precision"])
    assert report.values == {}
    assert report.left_out == {"attribute_precision": "no item has a value"}


def test_an_unknown_metric_and_an_id_twice_are_refused():
    with pytest.raises(MetricError, match=r"metric is 'taste', must be one of .*siou"):
        score([], ["taste"])
    with pytest.raises(MetricError, match="id is '1' twice"):
        score([Scored("1", "a"), Scored("1", "b")], ["siou"])


def test_a_report_can_be_written():
    items = [Scored("1", "A", choices=("x", "y"), answer="x", question_type="basic")]
    assert score(items, ["choice_accuracy", "siou"]).to_dict() == {
        "values": {"choice_accuracy": 1.0},
        "counts": {"choice_accuracy": 1},
        "by_type": {"choice_accuracy": {"basic": {"value": 1.0, "n": 1}}},
        "items": {"1": {"choice_accuracy": 1.0}},
        "left_out": {"siou": "no item has category or references"},
        "failed": {},
    }


def test_nothing_is_loaded_before_it_is_used():
    script = (
        "import sys, pixelrefer_ros.evaluation.metrics;"
        "print({*sys.modules} & {'torch', 'sentence_transformers', 'pycocoevalcap', 'sklearn'})"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert done.stdout == "set()\n", done.stderr
