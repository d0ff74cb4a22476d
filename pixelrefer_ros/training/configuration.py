"""What a training is told: one YAML file, read strictly."""

from __future__ import annotations

import math
import types
import typing
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import MISSING, dataclass, field, fields, is_dataclass
from pathlib import Path
from typing import Any

from pixelrefer_ros.datasets.records import DataFile
from pixelrefer_ros.errors import CommandError
from pixelrefer_ros.model.compatibility import Framework
from pixelrefer_ros.model.configuration import INFUSION_HEADS
from pixelrefer_ros.training.objective import Weighting
from pixelrefer_ros.training.schedule import Rates

PRECISIONS = ("float32", "bfloat16", "float16")
OBJECTIVES = ("answers", "words")
BYTES = 256
SEEDS = 2**64


@dataclass(frozen=True)
class Scratch:
    """A small PixelRefer-Lite from nothing.

    texts: data whose words the tokenizer learns, the data of this stage if empty. Give all that
        later stages use.
    vocabulary: most words of the tokenizer, the control tokens on top.
    """

    vision_width: int
    vision_layers: int
    vision_heads: int
    language_width: int
    language_layers: int
    language_heads: int
    language_key_heads: int
    region_tokens: int
    vocabulary: int
    max_sequence_length: int = 4096
    texts: tuple[DataFile, ...] = ()

    def __post_init__(self) -> None:
        """Raise `CommandError` for dimensions no network can have."""
        counts = [f.name for f in fields(self) if f.name not in ("vocabulary", "texts")]
        _require_at_least(self, 1, *counts)
        _require_at_least(self, BYTES, "vocabulary")
        # Rows and columns turn half of a vision head each, in pairs of channels.
        _require_multiple(self, "vision_width", math.lcm(4 * self.vision_heads, INFUSION_HEADS))
        _require_multiple(self, "language_width", 2 * self.language_heads)
        _require_multiple(self, "language_heads", self.language_key_heads)


@dataclass(frozen=True)
class Start:
    """Where the weights come from: exactly one of three.

    videollama3: folder of a VideoLLaMA3 model; SAOT, OCI and the region MLP start at random.
    pixelrefer: folder of a PixelRefer model.
    new_object_encoder: start its SAOT, OCI and region MLP at random.
    position_scale: factor on the position that SAOT adds to its features, 1 leaves it.
    scratch: dimensions of a small new model.
    framework: of the model made from VideoLLaMA3, `PixelRefer-Lite` or `PixelRefer`.
    """

    videollama3: str = ""
    pixelrefer: str = ""
    new_object_encoder: bool = False
    position_scale: float = 1.0
    scratch: Scratch | None = None
    framework: str = "PixelRefer-Lite"

    def __post_init__(self) -> None:
        """Raise `CommandError` unless there is one source and a known framework."""
        frameworks = tuple(framework.value for framework in Framework)
        _require_one_of(self, "framework", frameworks)
        sources = sum(map(bool, (self.videollama3, self.pixelrefer, self.scratch)))
        _require(sources == 1, "give one of videollama3, pixelrefer and scratch")
        scale = self.position_scale
        _require(scale > 0, f"position_scale is {scale}, must be above 0")


@dataclass(frozen=True)
class Model:
    """What changes about the model it starts from; 0 and empty leave a value as it is.

    local_view_patches, global_view_patches: see `PixelReferConfig`.
    dtype: of the weights in the folder at the end.
    """

    local_view_patches: int = 0
    global_view_patches: int = 0
    dtype: str = ""

    def __post_init__(self) -> None:
        """Raise `CommandError` for a size below 0 or an unknown type."""
        _require_at_least(self, 0, "local_view_patches", "global_view_patches")
        _require_one_of(self, "dtype", ("", *PRECISIONS))


@dataclass(frozen=True)
class Data:
    """Which samples are learnt from.

    max_bad_share: the run stops once more than this share of the samples drawn was of no use.
    samples_per_image: how many questions on the same pictures stay together in a batch.
    box_share: how many of the masks, 0 to 1, are replaced by the boxes around them, because people
        point with boxes too.
    context: crops reach two patches beyond the box of an object, as they do in use. Without, a
        view is less than half as large, which is for pre-training with the objective `words`.
    workers: processes that prepare samples, 0 prepares between the steps.
    """

    files: tuple[DataFile, ...]
    max_bad_share: float = 0.01
    samples_per_image: int = 4
    box_share: float = 0.0
    context: bool = True
    workers: int = 2

    def __post_init__(self) -> None:
        """Raise `CommandError` for no files, and for values outside their limits."""
        _require(bool(self.files), "files is empty, must name at least one file")
        _require_share(self, "max_bad_share")
        _require(0 <= self.box_share <= 1, f"box_share is {self.box_share}, must be from 0 to 1")
        _require_at_least(self, 1, "samples_per_image")
        _require_at_least(self, 0, "workers")


@dataclass(frozen=True)
class TrainingConfig:
    """One stage of a training.

    output: folder of the checkpoints, the logs and, in `model`, the result.
    objective: `answers`, or `words` to pre-train the vision encoder alone.
    weighting: what counts the same in the loss, each `token` or each `conversation`.
    naming: above 0, object tokens also have to tell by themselves what is answered about one region
        or two, which counts as much times the answer (`AnswerObjective`). It helps a small
        LLM that starts at random to read them.
    epochs or steps: how long; one of them.
    global_batch: samples of one step of the optimiser, on all processes together.
    micro_batch: samples that go through the network at once on one process.
    muon: above 0, matrices within the network learn by Muon, at this many times the rate of their
        part, and only the rest by AdamW. It helps small networks that start at random.
    precision: `bfloat16` computes products in 16 bits, the weights stay in float32.
    feature_memory: megabytes of main memory, on each process, for what a vision encoder that does
        not learn makes of a view, so that it sees each view once; 0 keeps nothing.
    save_every: steps between checkpoints, of which the newest `keep` are kept.
    """

    output: str
    start: Start
    data: Data
    rates: Rates
    model: Model = field(default_factory=Model)
    objective: str = "answers"
    weighting: Weighting = Weighting.TOKEN
    naming: float = 0.0
    epochs: float = 0.0
    steps: int = 0
    global_batch: int = 256
    micro_batch: int = 8
    warm_up: float = 0.03
    weight_decay: float = 0.0
    muon: float = 0.0
    max_gradient_norm: float = 1.0
    precision: str = "bfloat16"
    gradient_checkpointing: bool = False
    feature_memory: int = 0
    seed: int = 0
    save_every: int = 500
    keep: int = 2
    tensorboard: bool = False

    def __post_init__(self) -> None:
        """Raise `CommandError` for values outside their limits or that do not go together."""
        _require_one_of(self, "objective", OBJECTIVES)
        _require_one_of(self, "precision", PRECISIONS[:2])
        _require_at_least(self, 0, "steps", "feature_memory")
        for name in ("naming", "epochs", "weight_decay", "muon"):
            value = getattr(self, name)
            _require(0 <= value < math.inf, f"{name} is {value}, must be a finite number from 0")
        _require((self.epochs > 0) != (self.steps > 0), "give either epochs or steps, above 0")
        _require_at_least(self, 1, "global_batch", "micro_batch", "save_every", "keep")
        _require_share(self, "warm_up")
        if self.objective == "words":
            learns = self.rates.vision_encoder > 0
            _require(learns, "objective words teaches the vision encoder, whose rate is 0")
            _require(self.naming == 0, f"naming is {self.naming}, which is only for answers")
        else:
            _require(self.data.context, "data.context is false, which is only for objective words")
        if self.feature_memory:
            is_fixed = self.objective == "answers" and self.rates.vision_encoder == 0
            _require(is_fixed, "feature_memory is only for a vision encoder that does not learn")
        norm = self.max_gradient_norm
        _require(norm > 0, f"max_gradient_norm is {norm}, must be above 0")
        _require(0 <= self.seed < SEEDS, f"seed is {self.seed}, must be from 0 to below 2**64")


def read_config(path: Path, changes: Sequence[str] = ()) -> TrainingConfig:
    """Read a YAML file, after `changes` like `data.workers=4` whose values are YAML too.

    Raises `CommandError` for what is missing, unknown or of another type.
    """
    import yaml  # of the extra `train`

    try:
        values = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, yaml.YAMLError) as error:
        raise CommandError(f"{path}: not readable: {error}") from error
    if not isinstance(values, dict):
        raise CommandError(f"{path}: must hold fields with values")
    for change in changes:
        name, equals, text = change.partition("=")
        if not equals:
            raise CommandError(f"--set {change}: must be NAME=VALUE")
        try:
            _change(values, name.split("."), yaml.safe_load(text))
        except (ValueError, yaml.YAMLError) as error:
            raise CommandError(f"--set {change}: not a YAML value") from error
    config = _build(TrainingConfig, values, "")
    assert isinstance(config, TrainingConfig)
    return config


def _change(values: dict[str, Any], names: Sequence[str], value: Any) -> None:
    for name in names[:-1]:
        values = values.setdefault(name, {})
        if not isinstance(values, dict):
            raise CommandError(f"--set {'.'.join(names)}: '{name}' has no fields")
    values[names[-1]] = value


def _build(kind: Any, value: Any, name: str) -> Any:
    """Turn a YAML value into `kind`: a dataclass, a tuple of one kind, or a plain value."""
    if isinstance(kind, types.UnionType):
        return _build(typing.get_args(kind)[0], value, name)
    if typing.get_origin(kind) is tuple:
        if not isinstance(value, list):
            raise CommandError(f"{name} is {value!r}, must be a list")
        item = typing.get_args(kind)[0]
        return tuple(_build(item, v, f"{name}[{k}]") for k, v in enumerate(value))
    if is_dataclass(kind):
        return _build_fields(kind, value, name)
    if kind is Weighting:
        allowed = [choice.value for choice in Weighting]
        _require(value in allowed, f"{name} is {value!r}, must be one of {allowed}")
        return Weighting(value)
    if kind is float and type(value) in (int, str):
        with suppress(ValueError, OverflowError):  # YAML takes 1e-4, without a point, for text
            return float(value)
    if type(value) is not kind:
        raise CommandError(f"{name} is {value!r}, must be {kind.__name__}")
    return value


def _build_fields(kind: Any, value: Any, name: str) -> Any:
    if not isinstance(value, Mapping):
        raise CommandError(f"{name} is {value!r}, must hold fields")
    kinds, prefix = typing.get_type_hints(kind), f"{name}." if name else ""
    if unknown := sorted(value.keys() - kinds.keys(), key=str):
        raise CommandError(f"{prefix}{unknown[0]} is unknown; known are {', '.join(kinds)}")
    needed = [f.name for f in fields(kind) if f.default is MISSING and f.default_factory is MISSING]
    if missing := [field_name for field_name in needed if field_name not in value]:
        raise CommandError(f"{prefix}{missing[0]} is missing")
    built = {key: _build(kinds[key], v, f"{prefix}{key}") for key, v in value.items()}
    try:
        return kind(**built)
    except CommandError as error:
        raise CommandError(f"{prefix}{error}") from error


def _require(condition: bool, message: str) -> None:
    if not condition:
        raise CommandError(message)


def _require_at_least(owner: Any, limit: int, *names: str) -> None:
    for name in names:
        value = getattr(owner, name)
        _require(value >= limit, f"{name} is {value}, must be at least {limit}")


def _require_share(owner: Any, name: str) -> None:
    value = getattr(owner, name)
    _require(0 <= value < 1, f"{name} is {value}, must be from 0 to below 1")


def _require_multiple(owner: Any, name: str, factor: int) -> None:
    value = getattr(owner, name)
    _require(value % factor == 0, f"{name} is {value}, must be a multiple of {factor}")


def _require_one_of(owner: Any, name: str, allowed: Sequence[str]) -> None:
    value = getattr(owner, name)
    _require(value in allowed, f"{name} is {value!r}, must be one of {allowed}")
