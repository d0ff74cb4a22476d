"""All benchmarks by name."""

from __future__ import annotations

from collections.abc import Mapping

from pixelrefer_ros.evaluation.benchmarks.benchmark import Benchmark
from pixelrefer_ros.evaluation.benchmarks.dlc_bench import DLC_BENCH
from pixelrefer_ros.evaluation.benchmarks.ferret_bench import FERRET_BENCH
from pixelrefer_ros.evaluation.benchmarks.hc_stvg import HC_STVG
from pixelrefer_ros.evaluation.benchmarks.osprey import LVIS, PACO
from pixelrefer_ros.evaluation.benchmarks.ref_l4 import REF_L4, REF_L4_CLAIR
from pixelrefer_ros.evaluation.benchmarks.tablerefer import TABLEREFER
from pixelrefer_ros.evaluation.benchmarks.videorefer_bench import VIDEOREFER_D, VIDEOREFER_Q
from pixelrefer_ros.evaluation.benchmarks.visual_genome import VISUAL_GENOME

_ALL = (
    LVIS, PACO, VISUAL_GENOME, REF_L4, REF_L4_CLAIR, DLC_BENCH, FERRET_BENCH,
    VIDEOREFER_D, VIDEOREFER_Q, HC_STVG, TABLEREFER,
)  # fmt: skip

BENCHMARKS: Mapping[str, Benchmark] = {benchmark.name: benchmark for benchmark in _ALL}
