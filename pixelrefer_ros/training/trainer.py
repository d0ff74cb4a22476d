"""The training loop, on whatever devices `accelerate` finds."""

from __future__ import annotations

import importlib.util
import math
import sys
import time
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from torch.utils.data import DataLoader

from pixelrefer_ros.datasets.records import read_records
from pixelrefer_ros.errors import CommandError, DatasetError
from pixelrefer_ros.model.pixelrefer import PixelRefer
from pixelrefer_ros.training import checkpoints
from pixelrefer_ros.training.attention import attend_quickly
from pixelrefer_ros.training.checkpoints import Progress
from pixelrefer_ros.training.configuration import Start, TrainingConfig
from pixelrefer_ros.training.feature_memory import FeatureMemory
from pixelrefer_ros.training.logs import Entry, Log
from pixelrefer_ros.training.objective_choice import make_objective
from pixelrefer_ros.training.output import writing
from pixelrefer_ros.training.resuming import require_same
from pixelrefer_ros.training.schedule import make_optimisers, rate_factor, set_rates
from pixelrefer_ros.training.start import make_model
from pixelrefer_ros.training.steps import Step, StepPlan, Steps
from pixelrefer_ros.training.tight_crops import TightConfig

FEWEST_JUDGED = 100
"""Samples that have to be drawn before the share of bad ones may stop a run, unless it ends."""


@dataclass(frozen=True)
class Outcome:
    """What a step came to, over all processes."""

    loss: float
    accuracy: float
    gradient_norm: float


class Trainer:
    """One stage of a training, from its start or from the newest checkpoint."""

    def __init__(
        self,
        config: TrainingConfig,
        *,
        resume: bool,
        change: Callable[[PixelRefer], PixelRefer] | None = None,
        memory: FeatureMemory | None = None,
    ) -> None:
        """Read data and weights.

        change: gives the network to train in place of the one read.
        memory: what the same frozen vision encoder made of views in runs before.

        Raises `CommandError`, `CheckpointError` or `DatasetError`.
        """
        from accelerate import Accelerator  # of the extra `train`

        if config.tensorboard and importlib.util.find_spec("tensorboard") is None:
            raise CommandError(
                "tensorboard is true, which needs the Python package 'tensorboard'; "
                "install it, or set tensorboard to false"
            )
        self.config = config
        self.output = Path(config.output).expanduser()
        with writing(self.output):
            if self.output.exists() and not self.output.is_dir():
                raise CommandError(f"output: {self.output} is a file, must be a folder")
            found = checkpoints.newest_checkpoint(self.output)
        if found is not None and not resume:
            raise CommandError(
                f"output: {self.output} holds {found.name} of another run; "
                "go on with --resume, or choose another folder"
            )
        self._records = read_records(config.data.files)
        if found is not None:
            require_same(found, config, len(self._records.records))
        self._accelerator = Accelerator(
            mixed_precision="bf16" if config.precision == "bfloat16" else "no"
        )
        if config.global_batch % self._accelerator.num_processes:
            raise CommandError(
                f"global_batch is {config.global_batch}, must be a multiple of the "
                f"{self._accelerator.num_processes} processes"
            )
        is_sharded = self._accelerator.distributed_type.value == "FSDP"
        if config.muon and is_sharded:
            raise CommandError(
                f"muon is {config.muon}, must be 0 with FSDP, where matrices are cut up"
            )
        if config.feature_memory and is_sharded:
            raise CommandError(
                f"feature_memory is {config.feature_memory}, must be 0 with FSDP, whose processes "
                "run a part of the network together or not at all"
            )
        start = config.start if found is None else Start(pixelrefer=str(found))
        said = self._records
        if start.scratch is not None and start.scratch.texts:
            said = read_records(start.scratch.texts)
        self.model = make_model(start, config.model, said.texts(), config.seed)
        if change is not None:
            self.model = change(self.model)
        if config.precision == "bfloat16" and self._accelerator.device.type == "cpu":
            attend_quickly(self.model)
        self._objective = make_objective(config, self.model, memory)
        optimisers = make_optimisers(
            self._objective, config.rates, config.weight_decay, config.muon
        )
        if found is not None:
            checkpoints.load_head(found, self._objective)
        self._module, *self._optimisers = self._accelerator.prepare(self._objective, *optimisers)
        self._progress = Progress()
        if found is not None:
            self._progress = checkpoints.read_progress(found)
            checkpoints.load_moments(found, self._module, self._torch_optimisers())
        samples = config.epochs * len(self._records.records)
        self.steps = config.steps or max(1, round(samples / config.global_batch))

    def run(self) -> Path:
        """Train to the end and return the folder of the result, `<output>/model`.

        Raises what `learn` raises.
        """
        self.learn()
        return self._finish()

    def learn(self, *, save: bool = True) -> None:
        """Make all steps that are left, and checkpoints on the way unless `save` is off.

        A step is left out when none of the samples of a process is of use.
        Raises `DatasetError` when too many samples are of no use, `CommandError` when the loss or
        the gradient is no number any more or the output cannot be written.
        """
        self._module.train()
        log = None
        if self._accelerator.is_main_process:
            with writing(self.output):
                self.output.mkdir(parents=True, exist_ok=True)
                log = Log(
                    self.output,
                    from_step=self._progress.step,
                    tensorboard=self.config.tensorboard,
                )
        self._introduce()
        began = time.monotonic()
        for number, step in enumerate(self._load_steps(), self._progress.step):
            factor = rate_factor(number, self.steps, self.config.warm_up)
            rates = set_rates(self._optimisers, factor)
            drawn, weight = self._progress.samples, self._count(step)
            self._judge()
            outcome = self._train(number, step, weight) if weight else None
            seconds, began = time.monotonic() - began, time.monotonic()
            if log is not None and outcome is not None:
                entry = Entry(
                    **asdict(self._progress),
                    **asdict(outcome),
                    rate=factor,
                    samples_per_second=(self._progress.samples - drawn) / seconds,
                )
                with writing(self.output):
                    log.add(entry, rates)
                self._report(entry)
            if self._progress.step % self.config.save_every == 0 or number + 1 == self.steps:
                with writing(self.output):
                    if save:
                        self._save()
                    if log is not None:
                        log.draw()

    def _count(self, step: Step) -> float:
        """Count the samples of a step, and return what all of them weigh in the loss.

        That is 0 where any process has none of use: the others cannot make the step alone.
        """
        for problem in step.problems:
            print(f"left out {problem}", file=sys.stderr, flush=True)
        weight = sum(self._objective.weight(c) for batch in step.micro_batches for c in batch)
        idle = not step.micro_batches
        counts = torch.tensor(
            [weight, step.samples, len(step.problems), idle],
            dtype=torch.float32,  # on every process, also where the weight is a whole 0
            device=self._accelerator.device,
        )
        weight, samples, bad_samples, idle = self._accelerator.reduce(counts, "sum").tolist()
        self._progress = Progress(
            step=self._progress.step + 1,
            samples=self._progress.samples + int(samples),
            bad_samples=self._progress.bad_samples + int(bad_samples),
        )
        return 0.0 if idle else weight

    def _train(self, number: int, step: Step, weight: float) -> Outcome:
        """Make one step of the optimiser out of all micro-batches on all processes."""
        accelerator, device = self._accelerator, self._accelerator.device
        sums = torch.zeros(3, device=device)
        self._module.zero_grad()
        for batch in step.micro_batches:
            is_last = batch is step.micro_batches[-1]
            with nullcontext() if is_last else accelerator.no_sync(self._module):
                totals = self._module(batch)
                # Data parallelism takes the mean over the processes where the sum is meant.
                accelerator.backward(totals.loss * accelerator.num_processes / weight)
            predictions = torch.tensor(totals.predictions, device=device)
            sums += torch.stack([totals.loss.detach(), totals.correct, predictions])
        limit = self.config.max_gradient_norm
        norm = float(accelerator.clip_grad_norm_(self._module.parameters(), limit))
        loss, correct, predicted = accelerator.reduce(sums, "sum").tolist()
        for name, value in (("loss", loss), ("gradient norm", norm)):
            if not math.isfinite(value):
                raise CommandError(f"the {name} of step {number} is {value}; lower the rates")
        for optimiser in self._optimisers:
            optimiser.step()
        return Outcome(loss / weight, correct / predicted, norm)

    def _load_steps(self) -> DataLoader[Step]:
        config = self.config
        plan = StepPlan(
            batch=config.global_batch,
            micro_batch=config.micro_batch,
            samples_per_image=config.data.samples_per_image,
            seed=config.seed,
            box_share=config.data.box_share,
            process=self._accelerator.process_index,
            processes=self._accelerator.num_processes,
        )
        views = self.model.config
        if not config.data.context:
            views = TightConfig(**vars(views))
        return DataLoader(
            Steps(self._records, plan, views, self.model.prompts),
            batch_size=None,
            sampler=range(self._progress.step, self.steps),
            num_workers=config.data.workers,
            collate_fn=_unchanged,
            # A process forked beside the threads of OpenCV, ROS or torch can wait for them forever.
            multiprocessing_context="spawn" if config.data.workers else None,
        )

    def _judge(self) -> None:
        bad, drawn = self._progress.bad_samples, self._progress.samples
        limit = self.config.data.max_bad_share
        can_judge = drawn >= FEWEST_JUDGED or self._progress.step == self.steps
        if can_judge and bad > limit * drawn:
            raise DatasetError(
                f"{bad} of {drawn} samples were of no use, data.max_bad_share allows {limit:.1%}; "
                "each is named above"
            )

    def _save(self) -> None:
        checkpoints.save_checkpoint(
            self.output,
            self.model,
            self._module,
            self._torch_optimisers(),
            self._progress,
            self.config,
            len(self._records.records),
            is_main=self._accelerator.is_main_process,
        )

    def _torch_optimisers(self) -> list[torch.optim.Optimizer]:
        """The optimisers without what accelerate put around them."""
        return [optimiser.optimizer for optimiser in self._optimisers]

    def _finish(self) -> Path:
        """Write the result in the type it will be used in."""
        state = checkpoints.network_weights(checkpoints.weights(self._module))
        folder = self.output / "model"
        if self._accelerator.is_main_process:
            dtype = self.model.config.dtype
            with writing(self.output):
                self.model.save_pretrained(folder, {k: v.to(dtype) for k, v in state.items()})
            print(
                f"{folder}: {self._progress.samples} samples, "
                f"{self._progress.bad_samples} of them left out"
            )
        self._accelerator.wait_for_everyone()
        self._accelerator.end_training()
        return folder

    def _introduce(self) -> None:
        learning = sum(p.numel() for p in self._objective.parameters() if p.requires_grad)
        self._accelerator.print(
            f"{len(self._records.records)} samples, {self.steps} steps of "
            f"{self.config.global_batch} from step {self._progress.step}, {learning / 1e6:.2f} M "
            f"weights learn on {self._accelerator.num_processes} x {self._accelerator.device}"
        )

    def _report(self, entry: Entry) -> None:
        left = (self.steps - entry.step) * self.config.global_batch / entry.samples_per_second
        print(
            f"step {entry.step}/{self.steps}  loss {entry.loss:.4f}  "
            f"accuracy {entry.accuracy:.3f}  {entry.samples_per_second:.1f} samples/s  "
            f"{left / 3600:.1f} h left  {entry.bad_samples} left out",
            flush=True,
        )


def _unchanged(step: Any) -> Any:
    return step
