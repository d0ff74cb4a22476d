"""Kernels recorded once and replayed with one launch.

Written against torch's documentation; no part of this file has been run, for lack of a GPU.
"""

from __future__ import annotations

import torch

from pixelrefer_ros.engine.generation.steps import Run, StepResult

RUNS_BEFORE = 2
"""Libraries allocate and choose kernels in their first runs, which cannot be recorded."""


class GraphRecorder:
    """Records functions of no argument as CUDA graphs that share one pool of memory.

    The result of one replay lasts until the next replay of any of them.
    """

    def __init__(self, device: torch.device) -> None:
        self._device = device
        self._pool = torch.cuda.graph_pool_handle()

    def __call__(self, run: Run) -> Run:
        """Record `run`; the function returned computes it anew from what its inputs hold then."""
        with torch.cuda.device(self._device):
            stream = torch.cuda.Stream()  # type: ignore[no-untyped-call]
            stream.wait_stream(torch.cuda.current_stream())
            with torch.cuda.stream(stream):
                for _ in range(RUNS_BEFORE):
                    run()
            torch.cuda.current_stream().wait_stream(stream)
            graph = torch.cuda.CUDAGraph()
            # Other threads may use the GPU meanwhile, such as that of an engine before this one.
            with torch.cuda.graph(graph, pool=self._pool, capture_error_mode="thread_local"):
                result = run()

        def replay() -> StepResult:
            graph.replay()
            return result

        return replay
