"""All metrics by name, and what a set of answers scores in them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from pixelrefer_ros.errors import MetricError
from pixelrefer_ros.evaluation.metrics.attributes import Attributes
from pixelrefer_ros.evaluation.metrics.captions import CaptionMetric
from pixelrefer_ros.evaluation.metrics.category_accuracy import CategoryAccuracy
from pixelrefer_ros.evaluation.metrics.choice_accuracy import ChoiceAccuracy
from pixelrefer_ros.evaluation.metrics.judged.clair import Clair
from pixelrefer_ros.evaluation.metrics.judged.dlc_bench import DlcBench
from pixelrefer_ros.evaluation.metrics.judged.endpoint import Message
from pixelrefer_ros.evaluation.metrics.judged.ferret_bench import FerretBench
from pixelrefer_ros.evaluation.metrics.judged.judge_model import JudgeModel
from pixelrefer_ros.evaluation.metrics.judged.judged_metric import JudgedMetric
from pixelrefer_ros.evaluation.metrics.judged.videorefer_bench import VideoReferBench
from pixelrefer_ros.evaluation.metrics.metric import Measured, Metric
from pixelrefer_ros.evaluation.metrics.report import MetricReport, TypeValue
from pixelrefer_ros.evaluation.metrics.scored import Scored, check_ids
from pixelrefer_ros.evaluation.metrics.semantic_iou import SemanticIou
from pixelrefer_ros.evaluation.metrics.sentence_similarity import SentenceSimilarity

_METRICS: tuple[Metric, ...] = (
    SentenceSimilarity(),
    SemanticIou(),
    CategoryAccuracy(),
    *(CaptionMetric(name) for name in ("bleu4", "rouge_l", "meteor", "cider", "spice")),
    ChoiceAccuracy(),
    Attributes(),
    DlcBench(),
    Clair(),
    VideoReferBench(),
    FerretBench(),
)

METRICS: Mapping[str, Metric] = {name: metric for metric in _METRICS for name in metric.names}
"""The names that `score` takes, with what computes them; several may be computed in one go."""

JUDGED = tuple(name for name, metric in METRICS.items() if isinstance(metric, JudgedMetric))
"""Those for which a judge is asked."""


def applicable(items: Sequence[Scored]) -> tuple[str, ...]:
    """Return the metrics that ask no judge and that at least one item has the fields for."""
    return tuple(
        name
        for name, metric in METRICS.items()
        if name not in JUDGED and any(metric.applies(item) for item in items)
    )


def score(
    items: Sequence[Scored], metrics: Sequence[str], judge: JudgeModel | None = None
) -> MetricReport:
    """Compute metrics, each of the items that have the fields for it.

    judge: is asked for those in `JUDGED`.

    A metric that cannot be computed here is left out of the report's values and named in its
    `left_out`. Raises `MetricError` for an unknown name and an id that occurs twice.
    """
    check_ids(items)
    report = MetricReport()
    for metric in _find(metrics):
        names = [name for name in metric.names if name in metrics]
        suitable = [item for item in items if metric.applies(item)]
        try:
            if not suitable:
                raise MetricError(f"no item has {metric.needs}")
            if isinstance(metric, JudgedMetric) and judge is not None:
                measured = metric.measure_with(judge, suitable)
            else:
                measured = metric.measure(suitable)
        except MetricError as error:
            report.left_out.update(dict.fromkeys(names, str(error)))
            continue
        for name in names:
            _enter(report, name, suitable, measured[name])
    return report


def questions(items: Sequence[Scored], metrics: Sequence[str]) -> list[list[Message]]:
    """Return what a judge would be asked for those of the metrics that ask one."""
    return [
        metric.messages(item)
        for metric in _find(metrics)
        if isinstance(metric, JudgedMetric)
        for item in items
        if metric.applies(item)
    ]


def _find(names: Sequence[str]) -> list[Metric]:
    for name in names:
        if name not in METRICS:
            raise MetricError(f"metric is '{name}', must be one of {', '.join(METRICS)}")
    return list(dict.fromkeys(METRICS[name] for name in names))


def _enter(report: MetricReport, name: str, items: Sequence[Scored], found: Measured) -> None:
    pairs = [
        (item, value)
        for item, value in zip(items, found.per_item, strict=True)
        if value is not None
    ]
    if found.failed:
        report.failed[name] = {items[place].id: reason for place, reason in found.failed.items()}
    if not pairs:
        report.left_out[name] = "no item has a value"
        return
    for item, value in pairs:
        report.items.setdefault(item.id, {})[name] = value
    report.counts[name] = len(pairs)
    if found.value is not None:
        report.values[name] = found.value
        return
    report.values[name] = _mean([value for _, value in pairs])
    for kind in dict.fromkeys(item.question_type for item, _ in pairs if item.question_type):
        values = [value for item, value in pairs if item.question_type == kind]
        report.by_type.setdefault(name, {})[kind] = TypeValue(_mean(values), len(values))


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values)
