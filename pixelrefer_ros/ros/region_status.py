"""How finding and following objects is doing, for `/diagnostics`."""

from __future__ import annotations

from diagnostic_msgs.msg import DiagnosticStatus

from pixelrefer_ros.ros.parameters import Settings
from pixelrefer_ros.ros.status import ERROR, Complaint, build_status
from pixelrefer_ros.ros.watching import Watching


def build_region_status(node_name: str, watching: Watching, settings: Settings) -> DiagnosticStatus:
    """Return the status `<node_name>: regions`. ERROR: it hangs, and finds nothing any more."""
    thread = watching.finder.thread
    return build_status(
        f"{node_name}: regions",
        hardware_id="",
        complaints=[Complaint(ERROR, thread.failure)] if thread.failure else [],
        fine="finding and following",
        values={
            "segmenter": settings.segmenter,
            "propagator": settings.propagator,
            "requests waiting": str(thread.waiting),
            "tracks": f"{len(watching.tracks)} of {watching.tracks.max_count}",
        },
    )
