"""Have a model answer the questions of a benchmark in many processes, on one machine or several.

Ray starts its processes on this machine or, where `RAY_ADDRESS` names a cluster, on its machines;
there model and pictures have to be under the same paths. Each process loads the model once and gets
questions in small portions as it is done with others. Answers are the same as in one process: they
do not depend on which questions wait together.
"""

from __future__ import annotations

import math
import os
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from pixelrefer_ros.engine.optional_packages import require
from pixelrefer_ros.errors import CommandError
from pixelrefer_ros.evaluation.benchmarks.answering import ModelChoice, Outcome, answer
from pixelrefer_ros.evaluation.benchmarks.question import Question

PORTION = 32
"""Questions that a process gets at a time: enough to be answered together."""


class RayAnswering:
    """Processes with a model each. Use as a context manager."""

    def __init__(self, model: ModelChoice, workers: int) -> None:
        """Start them. Raises `CommandError` without Ray, if it does not start or has no room."""
        self._ray: Any = require("ray", "ray", CommandError, user="--engine ray")
        self._pool: Any = require("ray.util", "ray", CommandError, user="--engine ray")
        # Ray reports how it is used, over the network, unless told not to.
        os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
        try:
            self._ray.init(log_to_driver=False, configure_logging=False, include_dashboard=False)
        except (ConnectionError, OSError, RuntimeError, ValueError) as error:
            raise CommandError(f"--engine ray: Ray does not start: {error}") from error
        gpus = self._capacities("GPU") if model.device != "cpu" else {}
        # Fewer processors than workers would keep some of them waiting for ever, so they ask for
        # none; Ray by itself starts all of those on one machine.
        machines = gpus or self._capacities("CPU")
        if not machines:
            raise CommandError("--engine ray: no machine of the cluster offers a processor")
        worker, share = self._ray.remote(_Worker), gpu_share(sum(gpus.values()), workers)
        self._workers = [
            worker.options(
                num_cpus=0, num_gpus=share, scheduling_strategy=self._on(machine)
            ).remote(model)
            for machine in share_out(workers, machines)
        ]

    def _capacities(self, resource: str) -> dict[str, int]:
        """Return how many processors or GPUs each machine has, by Ray's name, if any."""
        has = {node["NodeID"]: node["Resources"] for node in self._ray.nodes() if node["Alive"]}
        found = {machine: int(resources.get(resource, 0)) for machine, resources in has.items()}
        return {machine: count for machine, count in found.items() if count}

    def _on(self, machine: str) -> Any:
        strategies = self._pool.scheduling_strategies
        return strategies.NodeAffinitySchedulingStrategy(machine, soft=False)

    def answer(
        self,
        questions: Sequence[Question],
        *,
        max_new_tokens: int,
        blind: bool = False,
        portion: int = PORTION,
    ) -> Iterator[Outcome]:
        """Yield what comes of each question, in any order; as `answering.answer`.

        portion: questions that a process gets at a time.
        Raises `CommandError` naming what went wrong in a process.
        """
        pool = self._pool.ActorPool(self._workers)
        portions = [questions[k : k + portion] for k in range(0, len(questions), portion)]
        try:
            for outcomes in pool.map_unordered(
                lambda worker, portion: worker.answer.remote(portion, max_new_tokens, blind),
                portions,
            ):
                yield from outcomes
        except self._ray.exceptions.RayError as error:
            reason = getattr(error, "cause", None) or error
            raise CommandError(f"--engine ray: a process failed: {reason}") from error

    def __enter__(self) -> RayAnswering:
        return self

    def __exit__(self, *error: object) -> None:
        self._ray.shutdown()


def gpu_share(gpus: int, workers: int) -> float:
    """Return how much of a GPU each worker gets so that all of them find a place.

    One worker has one GPU at most; what is left of a GPU beside some is of no use to others.
    """
    return 1 / math.ceil(workers / gpus) if gpus else 0


def share_out(workers: int, capacities: Mapping[str, int]) -> list[str]:
    """Return a machine for each worker, so that the fullest is as little full as can be.

    capacities: how many workers each of the machines takes in its stride.
    """
    taken = dict.fromkeys(capacities, 0)
    machines = []
    for _ in range(workers):
        machine = min(taken, key=lambda name: (taken[name] + 1) / capacities[name])
        taken[machine] += 1
        machines.append(machine)
    return machines


class _Worker:
    """Lives in a process of Ray's."""

    def __init__(self, model: ModelChoice) -> None:
        self._describer = model.load()

    def answer(
        self, questions: Sequence[Question], max_new_tokens: int, blind: bool
    ) -> list[Outcome]:
        """Answer a portion."""
        found = answer(self._describer, questions, max_new_tokens=max_new_tokens, blind=blind)
        return list(found)
