"""What a training is told: one YAML file, read strictly."""

from __future__ import annotations

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
from pixelrefer_ros.training.objective import Weighting
from pixelrefer_ros.training.schedule import Rates

PRECISIONS = ("float32", "bfloat16", "float16")
OBJECTIVES = ("answers", "words")


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


@dataclass(frozen=True)
class Start:
    """Where the weights come from: exactly one of three.

    videollama3: folder of a VideoLLaMA3 model; SAOT, OCI and the region MLP start at random.
    pixelrefer: folder of a PixelRefer model.
    new_object_encoder: start its SAOT, OCI and region MLP at random.
    scratch: dimensions of a small new model.
    framework: of the model made from VideoLLaMA3, `PixelRefer-Lite` or `PixelRefer`.
    """

    videollama3: str = ""
    pixelrefer: str = ""
    new_object_encoder: bool = False
    scratch: Scratch | None = None
    framework: str = "PixelRefer-Lite"


@dataclass(frozen=True)
class Model:
    """What changes about the model it starts from; 0 and empty leave a value as it is.

    local_view_patches, global_view_patches: see `PixelReferConfig`.
    dtype: of the weights in the folder at the end.
    """

    local_view_patches: int = 0
    global_view_patches: int = 0
    dtype: str = ""


@dataclass(frozen=True)
class Data:
    """Which samples are learnt from.

    max_bad_share: the run stops once more than this share of the samples drawn was of no use.
    samples_per_image: how many questions on the same pictures stay together in a batch.
    box_share: how many of the masks, 0 to 1, are replaced by the boxes around them, because people
        point with boxes too.
    workers: processes that prepare samples, 0 prepares between the steps.
    """

    files: tuple[DataFile, ...]
    max_bad_share: float = 0.01
    samples_per_image: int = 4
    box_share: float = 0.0
    workers: int = 2


@dataclass(frozen=True)
class TrainingConfig:
    """One stage of a training.

    output: folder of the checkpoints, the logs and, in `model`, the result.
    objective: `answers`, or `words` to pre-train the vision encoder alone.
    weighting: what counts the same in the loss, each `token` or each `conversation`.
    epochs or steps: how long; one of them.
    global_batch: samples of one step of the optimiser, on all processes together.
    micro_batch: samples that go through the network at once on one process.
    precision: `bfloat16` computes products in 16 bits, the weights stay in float32.
    save_every: steps between checkpoints, of which the newest `keep` are kept.
    """

    output: str
    start: Start
    data: Data
    rates: Rates
    model: Model = field(default_factory=Model)
    objective: str = "answers"
    weighting: Weighting = Weighting.TOKEN
    epochs: float = 0.0
    steps: int = 0
    global_batch: int = 256
    micro_batch: int = 8
    warm_up: float = 0.03
    weight_decay: float = 0.0
    max_gradient_norm: float = 1.0
    precision: str = "bfloat16"
    gradient_checkpointing: bool = False
    seed: int = 0
    save_every: int = 500
    keep: int = 2
    tensorboard: bool = False

    def __post_init__(self) -> None:
        """Raise `CommandError` for values that do not go together."""
        start = self.start
        sources = sum(map(bool, (start.videollama3, start.pixelrefer, start.scratch)))
        frameworks = [framework.value for framework in Framework]
        _require(start.framework in frameworks, f"start.framework must be one of {frameworks}")
        _require(sources == 1, "start: give one of videollama3, pixelrefer and scratch")
        _require((self.epochs > 0) != (self.steps > 0), "give either epochs or steps, above 0")
        _require(self.objective in OBJECTIVES, f"objective must be one of {OBJECTIVES}")
        _require(self.precision in PRECISIONS[:2], f"precision must be one of {PRECISIONS[:2]}")
        _require(self.model.dtype in ("", *PRECISIONS), f"model.dtype must be one of {PRECISIONS}")
        _require(0 <= self.warm_up < 1, "warm_up must be a share, from 0 to below 1")
        _require(0 <= self.data.max_bad_share < 1, "data.max_bad_share must be from 0 to below 1")
        _require(0 <= self.data.box_share <= 1, "data.box_share must be a share, from 0 to 1")
        for name in ("global_batch", "micro_batch", "save_every", "keep"):
            _require(getattr(self, name) >= 1, f"{name} must be at least 1")


def read_config(path: Path, changes: Sequence[str] = ()) -> TrainingConfig:
    """Read a YAML file, after `changes` like `data.workers=4` whose values are YAML too.

    Raises `CommandError` for what is missing, unknown or of another type.
    """
    import yaml  # of the extra `train`

    try:
        values = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, yaml.YAMLError) as error:
        raise CommandError(f"{path}: not readable: {error}") from error
    if not isinstance(values, dict):
        raise CommandError(f"{path}: must hold fields with values")
    for change in changes:
        name, equals, text = change.partition("=")
        if not equals:
            raise CommandError(f"--set {change}: must be NAME=VALUE")
        try:
            _change(values, name.split("."), yaml.safe_load(text))
        except yaml.YAMLError as error:
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
        with suppress(ValueError):  # YAML takes 1e-4, without a point, for text
            return float(value)
    if type(value) is not kind:
        raise CommandError(f"{name} is {value!r}, must be {kind.__name__}")
    return value


def _build_fields(kind: Any, value: Any, name: str) -> Any:
    if not isinstance(value, Mapping):
        raise CommandError(f"{name} is {value!r}, must hold fields")
    kinds, prefix = typing.get_type_hints(kind), f"{name}." if name else ""
    if unknown := sorted(value.keys() - kinds.keys()):
        raise CommandError(f"{prefix}{unknown[0]} is unknown; known are {', '.join(kinds)}")
    needed = [f.name for f in fields(kind) if f.default is MISSING and f.default_factory is MISSING]
    if missing := [field_name for field_name in needed if field_name not in value]:
        raise CommandError(f"{prefix}{missing[0]} is missing")
    return kind(**{key: _build(kinds[key], v, f"{prefix}{key}") for key, v in value.items()})


def _require(condition: bool, message: str) -> None:
    if not condition:
        raise CommandError(message)
