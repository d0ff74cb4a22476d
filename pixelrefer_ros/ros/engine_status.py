"""How the engine is doing, for `/diagnostics`."""

from __future__ import annotations

from diagnostic_msgs.msg import DiagnosticStatus

from pixelrefer_ros.engine.describer import Describer
from pixelrefer_ros.engine.device import allocated_bytes
from pixelrefer_ros.engine.measurements import Summary
from pixelrefer_ros.engine.weight_quantization import weight_types
from pixelrefer_ros.errors import ErrorCode
from pixelrefer_ros.report import noise_notice
from pixelrefer_ros.ros.memory import resident_bytes
from pixelrefer_ros.ros.parameters import Settings
from pixelrefer_ros.ros.status import ERROR, STALE, WARN, Complaint, build_status

CURES = {
    ErrorCode.BUSY: "were refused BUSY: ask less often, or raise request.queue_size",
    ErrorCode.TIMEOUT: "ended in TIMEOUT: ask about less at once, for shorter answers, or raise "
    "request.timeout",
    ErrorCode.OUT_OF_MEMORY: "ended in OUT_OF_MEMORY: lower request.max_regions and "
    "request.max_batch, or choose a smaller model.dtype or model.quantization",
    ErrorCode.INFERENCE_ERROR: "ended in INFERENCE_ERROR: the log says why; if it persists, clean "
    "up and configure the node, and check the model with `pixelrefer doctor`",
}
"""Results that are not the fault of who asked."""

FATAL = (ErrorCode.OUT_OF_MEMORY, ErrorCode.INFERENCE_ERROR)
"""Where nothing but these came out, nothing is answered at all."""


def build_engine_status(
    node_name: str, describer: Describer | None, settings: Settings | None, *, active: bool
) -> DiagnosticStatus:
    """Return the status `<node_name>: engine`.

    ERROR: the engine has failed for good, or requests fail and none is answered. WARN: some fail
    or are refused, the queue is full, or the model has random weights. STALE: the node is not
    active, so there is nothing to tell.
    """
    name = f"{node_name}: engine"
    if describer is None or settings is None:
        unconfigured = Complaint(STALE, "no model is loaded: configure and activate the node")
        return build_status(name, hardware_id="", complaints=[unconfigured], fine="", values={})
    summary = describer.measurements.summary()
    complaints = _complaints(describer, settings, summary)
    if not active:
        complaints = [Complaint(STALE, "the node is not active: activate it")]
    return build_status(
        name,
        hardware_id=str(describer.model.language_model.device),
        complaints=complaints,
        fine="answering",
        values=_values(describer, settings, summary),
    )


def _complaints(describer: Describer, settings: Settings, summary: Summary) -> list[Complaint]:
    complaints = [Complaint(ERROR, describer.failure)] if describer.failure else []
    for code, cure in CURES.items():
        if count := summary.results[code]:
            nothing_else = code in FATAL and not summary.results[ErrorCode.NONE]
            complaints.append(
                Complaint(
                    ERROR if nothing_else else WARN,
                    f"{count} of {summary.results.total()} requests of the last "
                    f"{summary.window_s:.0f} s {cure}",
                )
            )
    if describer.waiting >= settings.queue_size:
        complaints.append(
            Complaint(
                WARN,
                f"the queue is full, {describer.waiting} requests wait: ask less often, or raise "
                "request.queue_size",
            )
        )
    if notice := noise_notice(describer.model.model_id):
        complaints.append(Complaint(WARN, f"{notice} Set model.path"))
    return complaints


def _values(describer: Describer, settings: Settings, summary: Summary) -> dict[str, str]:
    cache = describer.feature_cache
    asked = cache.hits + cache.misses
    device = describer.model.language_model.device
    values = {
        "model": describer.model.model_id,
        "device": str(device),
        "weights": weight_types(describer.model),
        "queue": f"{describer.waiting} of {settings.queue_size}",
        "requests answered, last 60 s": str(summary.answered),
        "batch size, last 60 s": _number(summary.batch_size),
        "tokens/s, last 60 s": _number(summary.tokens_per_s),
    }
    for stage, percentiles in summary.stages.items():
        values[f"{stage} p50 (ms)"] = f"{1000 * percentiles.p50_s:.1f}"
        values[f"{stage} p95 (ms)"] = f"{1000 * percentiles.p95_s:.1f}"
    return values | {
        "feature cache hits": str(cache.hits),
        "feature cache misses": str(cache.misses),
        "feature cache hit rate": f"{cache.hits / asked:.3f}" if asked else "-",
        "feature cache megabytes": _megabytes(cache.nbytes),
        "resident megabytes": _megabytes(resident_bytes()),
        "device megabytes": _megabytes(allocated_bytes(device)),
    }


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.1f}"


def _megabytes(nbytes: int | None) -> str:
    return "-" if nbytes is None else f"{nbytes / 1e6:.1f}"
