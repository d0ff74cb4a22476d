"""What config.json and its neighbours say about a model."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from huggingface_hub.errors import StrictDataclassError
from transformers import Qwen2Config, VideoLlama3VisionConfig

from pixelrefer_ros.errors import CheckpointError, shown
from pixelrefer_ros.model.compatibility import Compatibility, Framework
from pixelrefer_ros.model.image_processor import ImageProcessorConfig
from pixelrefer_ros.model.json_files import read_json, read_model_json
from pixelrefer_ros.model.size_limits import check_sizes, read_number

MODEL_TYPES = {
    "pixelreferlite_qwen2": Framework.OBJECT_ONLY,
    "pixelrefer_qwen2": Framework.VISION_OBJECT,
}
ARCHITECTURES = {
    Framework.OBJECT_ONLY: "PixelreferliteQwen2ForCausalLM",
    Framework.VISION_OBJECT: "PixelreferQwen2ForCausalLM",
}
# Other values of these fields stand for models that nobody has released.
REQUIRED_VALUES: Mapping[str, Any] = {
    "use_token_compression": True,
    "mm_projector_type": "mlp2x_gelu",
    "is_alignment": False,
    "tune_mm_mlp_adapter": False,
    "use_sliding_window": False,
}
INFUSION_HEADS = 8
VISION_ENCODER_NAME = "DAMO-NLP-SG/VL3-SigLIP-NaViT"
PUBLISHED_VISION_ENCODER: Mapping[str, Any] = {
    "hidden_size": 1152,
    "intermediate_size": 4304,
    "num_hidden_layers": 27,
    "num_attention_heads": 16,
    "num_channels": 3,
    "patch_size": 14,
    "hidden_act": "gelu_pytorch_tanh",
    "layer_norm_eps": 1e-6,
}
LANGUAGE_FIELDS = (
    "vocab_size",
    "hidden_size",
    "intermediate_size",
    "num_hidden_layers",
    "num_attention_heads",
    "num_key_value_heads",
    "hidden_act",
    "max_position_embeddings",
    "initializer_range",
    "rms_norm_eps",
    "rope_theta",
    "rope_scaling",
    "rope_parameters",
    "tie_word_embeddings",
    "use_sliding_window",
    "sliding_window",
    "max_window_layers",
    "attention_dropout",
)


@dataclass(frozen=True)
class GenerationDefaults:
    """What generation_config.json asks of the decoding."""

    eos_token_ids: frozenset[int] = frozenset()
    repetition_penalty: float = 1.0

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> GenerationDefaults:
        """Read the fields of a generation_config.json."""
        ends = values.get("eos_token_id")
        ends = [] if ends is None else ends if isinstance(ends, list) else [ends]
        if not all(isinstance(end, int) for end in ends):
            raise CheckpointError(f"eos_token_id is {shown(repr(ends))}, must be token ids")
        return cls(frozenset(ends), read_number(values, "repetition_penalty", 1.0))

    def to_dict(self) -> dict[str, Any]:
        """Return the fields of a generation_config.json."""
        return {
            "eos_token_id": sorted(self.eos_token_ids),
            "repetition_penalty": self.repetition_penalty,
        }


@dataclass(frozen=True)
class PixelReferConfig:
    """Everything that decides the shape and the arithmetic of a model.

    region_tokens: n of the paper, the object tokens of one region (`mask_num` in the file).
    patch_budget: largest number of patches of a view (`mm_max_length`).
    video_merge: side of the blocks over which features of video frames are averaged
        (`spatial_merge_size`).
    local_view_patches, global_view_patches: patches on a side of the square views of an object's
        surroundings and of the whole image (PixelRefer-Lite, Algorithm 1).
    max_prompt_tokens: what the tokenizer was limited to in training, None if not said.
    compat: `official` or `paper`, see `Compatibility`.
    """

    framework: Framework
    language: Qwen2Config
    vision: VideoLlama3VisionConfig
    region_tokens: int
    patch_budget: int = 8192
    video_merge: int = 2
    local_view_patches: int = 16
    global_view_patches: int = 24
    max_prompt_tokens: int | None = None
    image_processor: ImageProcessorConfig = field(default_factory=ImageProcessorConfig)
    generation: GenerationDefaults = field(default_factory=GenerationDefaults)
    compat: str = "official"
    dtype: torch.dtype = torch.float32
    random_weights: bool = False

    @property
    def is_lite(self) -> bool:
        """Whether only object tokens enter the language model."""
        return self.framework is Framework.OBJECT_ONLY

    @property
    def compatibility(self) -> Compatibility:
        """The choices `compat` stands for."""
        return Compatibility.named(self.compat, self.framework)

    @property
    def patch_size(self) -> int:
        """Side of a patch in pixels."""
        size = self.vision.patch_size
        assert isinstance(size, int)
        return size

    @property
    def max_sequence_length(self) -> int:
        """Largest number of tokens of prompt and answer together."""
        return int(self.language.max_position_embeddings)

    def max_pixels(self, views: int, merge: int = 1) -> int:
        """Return the largest size of each of `views` images that are asked about together."""
        total = int(self.patch_budget * self.patch_size**2 * merge**2)
        return total // views if self.compatibility.shared_patch_budget else total

    @classmethod
    def from_folder(cls, folder: Path) -> PixelReferConfig:
        """Read config.json, generation_config.json and the vision encoder's two files.

        The vision encoder is described in the sub-folder `vision_encoder`, or in config.json
        under `vision_encoder_config`, and otherwise has the published dimensions.
        Raises `CheckpointError` for a missing or unreadable file, another architecture, or a
        field with a value no released model has.
        """
        values = read_model_json(folder)
        generation = read_json(folder / "generation_config.json")
        vision = (
            read_json(folder / "vision_encoder" / "config.json")
            or values.get("vision_encoder_config")
            or PUBLISHED_VISION_ENCODER
        )
        if not isinstance(vision, Mapping):
            raise CheckpointError(
                f"{folder / 'config.json'}: vision_encoder_config is {shown(repr(vision))}, "
                "must be an object"
            )
        processor = read_json(folder / "vision_encoder" / "preprocessor_config.json") or read_json(
            folder / "preprocessor_config.json"
        )
        try:
            return cls._from_dicts(values, vision, processor, generation)
        except (CheckpointError, KeyError, StrictDataclassError, TypeError, ValueError) as error:
            reason = f"field {error} is missing" if isinstance(error, KeyError) else error
            raise CheckpointError(f"{folder / 'config.json'}: {reason}") from error

    @classmethod
    def _from_dicts(
        cls,
        values: Mapping[str, Any],
        vision: Mapping[str, Any],
        processor: Mapping[str, Any],
        generation: Mapping[str, Any],
    ) -> PixelReferConfig:
        framework = _read_framework(values)
        for name, required in REQUIRED_VALUES.items():
            if values.get(name, required) != required:
                raise CheckpointError(f"{name} is {values[name]!r}, must be {required!r}")
        check_sizes(values)
        check_sizes(vision, "vision ")
        check_sizes(processor)
        compat = values.get("compat", "official")
        Compatibility.named(compat, framework)
        merge = _read_count(values, "spatial_merge_size", 2)
        dtype = values.get("torch_dtype") or values.get("dtype") or "float32"
        number_type = getattr(torch, dtype, None)
        if not isinstance(number_type, torch.dtype) or not number_type.is_floating_point:
            raise CheckpointError(
                f"torch_dtype is '{shown(dtype)}', which torch does not know as a floating type"
            )
        language_config = Qwen2Config(**{k: values[k] for k in LANGUAGE_FIELDS if k in values})
        vision_config = VideoLlama3VisionConfig(
            **{k: vision[k] for k in PUBLISHED_VISION_ENCODER if k in vision}
        )
        _check_width("hidden_size", language_config, language_config.num_attention_heads)
        # Rows and columns turn half of a vision head each, in pairs of channels.
        _check_width("vision hidden_size", vision_config, 4 * vision_config.num_attention_heads)
        if framework is Framework.OBJECT_ONLY:
            _check_width("vision hidden_size", vision_config, INFUSION_HEADS)
        return cls(
            framework=framework,
            language=language_config,
            vision=vision_config,
            region_tokens=_read_count(values, "mask_num"),
            patch_budget=_read_count(values, "mm_max_length", 9477 // merge**2),
            video_merge=merge,
            local_view_patches=_read_count(values, "local_view_patches", cls.local_view_patches),
            global_view_patches=_read_count(values, "global_view_patches", cls.global_view_patches),
            max_prompt_tokens=values.get("tokenizer_model_max_length"),
            image_processor=ImageProcessorConfig.from_dict(processor),
            generation=GenerationDefaults.from_dict(generation),
            compat=compat,
            dtype=number_type,
            random_weights=values.get("random_weights", False),
        )

    def to_dict(self) -> dict[str, Any]:
        """Return the fields of a config.json in the released layout."""
        language = self.language.to_dict()
        values = {k: language[k] for k in LANGUAGE_FIELDS if k in language}
        # Readers older than rope_parameters look for its parts.
        values["rope_theta"] = (self.language.rope_parameters or {}).get("rope_theta")
        model_type = next(k for k, v in MODEL_TYPES.items() if v is self.framework)
        vision = self.vision.to_dict()
        values |= {
            "architectures": [ARCHITECTURES[self.framework]],
            "model_type": model_type,
            "torch_dtype": str(self.dtype).removeprefix("torch."),
            "mask_num": self.region_tokens,
            "mm_max_length": self.patch_budget,
            "spatial_merge_size": self.video_merge,
            "local_view_patches": self.local_view_patches,
            "global_view_patches": self.global_view_patches,
            "mm_hidden_size": self.vision.hidden_size,
            "mm_projector_type": "mlp2x_gelu",
            "mm_vision_encoder": VISION_ENCODER_NAME,
            "use_token_compression": True,
            "vision_encoder_config": {k: vision[k] for k in PUBLISHED_VISION_ENCODER},
            "compat": self.compat,
        }
        if self.max_prompt_tokens is not None:
            values["tokenizer_model_max_length"] = self.max_prompt_tokens
        if self.random_weights:
            values["random_weights"] = True
        return values


def _check_width(name: str, config: Qwen2Config | VideoLlama3VisionConfig, multiple: int) -> None:
    if config.hidden_size % multiple:
        raise CheckpointError(f"{name} is {config.hidden_size}, must be a multiple of {multiple}")


def _read_count(values: Mapping[str, Any], name: str, default: int | None = None) -> int:
    count = values[name] if default is None else values.get(name, default)
    if not isinstance(count, int):  # too large and too small ones, `check_sizes` has refused
        raise CheckpointError(f"{name} is {count!r}, must be a whole number")
    return count


def _read_framework(values: Mapping[str, Any]) -> Framework:
    model_type = values.get("model_type")
    if model_type not in MODEL_TYPES:
        raise CheckpointError(f"model_type is {model_type!r}, must be one of {list(MODEL_TYPES)}")
    framework = MODEL_TYPES[model_type]
    expected = ARCHITECTURES[framework]
    if expected not in values.get("architectures", [expected]):
        raise CheckpointError(f"architectures is {values['architectures']}, must hold '{expected}'")
    return framework
