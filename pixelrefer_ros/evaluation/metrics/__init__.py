"""How good answers are, by the metrics of the field. docs/metrics.md defines them."""

from pixelrefer_ros.evaluation.metrics.report import MetricReport
from pixelrefer_ros.evaluation.metrics.scored import Scored, read_scored
from pixelrefer_ros.evaluation.metrics.scoring import METRICS, applicable, score

__all__ = ["METRICS", "MetricReport", "Scored", "applicable", "read_scored", "score"]
