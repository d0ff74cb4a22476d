"""How good answers are, by the metrics of the field. docs/metrics.md defines them."""

from pixelrefer_ros.evaluation.metrics.report import MetricReport
from pixelrefer_ros.evaluation.metrics.scored import Scored, read_scored
from pixelrefer_ros.evaluation.metrics.scoring import JUDGED, METRICS, applicable, questions, score

__all__ = [
    "JUDGED",
    "METRICS",
    "MetricReport",
    "Scored",
    "applicable",
    "questions",
    "read_scored",
    "score",
]
