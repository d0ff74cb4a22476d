"""PixelRefer and PixelRefer-Lite: from images, masks and a question to what the LLM reads."""

from __future__ import annotations

import shutil
from collections.abc import Hashable, Mapping, Sequence
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import save_file
from tokenizers import Tokenizer
from torch import nn
from transformers import Qwen2ForCausalLM, VideoLlama3VisionModel
from transformers.models.qwen2.modeling_qwen2 import Qwen2RotaryEmbedding
from transformers.models.video_llama_3.modeling_video_llama_3 import (
    VideoLlama3VisionRotaryEmbedding,
)

from pixelrefer_ros.errors import CheckpointError
from pixelrefer_ros.model import checkpoint
from pixelrefer_ros.model.configuration import PixelReferConfig
from pixelrefer_ros.model.encoder_backend import EncoderBackend
from pixelrefer_ros.model.image_processor import View, normalise, pack_patches
from pixelrefer_ros.model.json_files import write_json
from pixelrefer_ros.model.object_infusion import ObjectCentricInfusion
from pixelrefer_ros.model.object_tokenizer import ScaleAdaptiveObjectTokenizer
from pixelrefer_ros.model.patch_embedding import PatchEmbedding
from pixelrefer_ros.model.preprocessing import (
    PreparedRegion,
    PreparedSample,
    RegionSample,
    prepare_sample,
)
from pixelrefer_ros.model.prompts import END_OF_TURN, PromptWriter, control_token_id
from pixelrefer_ros.model.recently_prepared import RecentlyPrepared
from pixelrefer_ros.model.tokenizer import load_tokenizer, save_tokenizer


class EncodedViews:
    """Features of views, [rows, columns, C] each; whole views of one image share theirs."""

    def __init__(self, features: Mapping[Hashable, torch.Tensor]) -> None:
        self._features = features

    def __getitem__(self, view: View) -> torch.Tensor:
        return self._features[view.key]


class PixelRefer(nn.Module):
    """Both frameworks of the paper; `config.framework` says which.

    Object-only (PixelRefer-Lite): SAOT and OCI turn every mask into n object tokens, and only
    these enter the language model. Vision-object (PixelRefer): the object tokens of SAOT stand
    beside the visual tokens of the whole image or video.

    encoder_backend: computes the features of views in place of `vision_encoder`, unless None.
    quantization: what became of weights after loading; `none`, they are as loaded.
    """

    def __init__(self, config: PixelReferConfig, tokenizer: Tokenizer, model_id: str) -> None:
        """Build the network with random weights."""
        super().__init__()
        self.config = config
        self.tokenizer = tokenizer
        self.model_id = f"{model_id} (random weights)" if config.random_weights else model_id
        self.prompts = PromptWriter(tokenizer, config)
        end_of_turn = control_token_id(tokenizer, END_OF_TURN, config.language.vocab_size)
        self.eos_token_ids = config.generation.eos_token_ids | {end_of_turn}
        self.repetition_penalty = config.generation.repetition_penalty

        width, language_width = int(config.vision.hidden_size), int(config.language.hidden_size)
        compat = config.compatibility
        self.vision_encoder = VideoLlama3VisionModel(config.vision)
        embeddings = self.vision_encoder.embeddings
        embeddings.patch_embedding = PatchEmbedding.in_place_of(embeddings.patch_embedding)
        self.encoder_backend: EncoderBackend | None = None
        self.projector = _two_layer_projector(width, language_width)
        self.object_tokenizer = ScaleAdaptiveObjectTokenizer(width, config.region_tokens, compat)
        self.object_infusion = ObjectCentricInfusion(width) if config.is_lite else None
        self.region_projector = _two_layer_projector(width, language_width)
        if config.is_lite:
            # Without influence, like the projector above, but the released files hold it.
            self.mask_embedding = nn.Conv2d(1, width, 1)
        self.language_model = Qwen2ForCausalLM(config.language)
        self.quantization = "none"

    @classmethod
    def from_pretrained(
        cls,
        name_or_path: str | Path,
        *,
        device: str | torch.device = "cpu",
        dtype: torch.dtype | None = None,
        revision: str | None = None,
        download: bool = False,
    ) -> PixelRefer:
        """Load a folder in the released layout, or a hub id, for inference.

        dtype: of the weights, the one named in config.json if None.
        download: whether a hub id may be fetched over the network.
        Raises `CheckpointError` for a folder that is missing, truncated, unsafe, of another
        architecture, or does not hold exactly the tensors of `config.json`.
        """
        folder, model_id = checkpoint.find_folder(
            name_or_path, revision=revision, download=download
        )
        config = PixelReferConfig.from_folder(folder)
        tokenizer = load_tokenizer(folder)
        try:
            with torch.device("meta"):
                model = cls(config, tokenizer, model_id)
        except CheckpointError:
            raise
        except Exception as error:  # transformers and torch raise many kinds
            reason = f"{type(error).__name__}: {error}"
            raise CheckpointError(f"{folder / 'config.json'}: {reason}") from error
        shapes = {name: tensor.shape for name, tensor in model.official_tensors().items()}
        # A copy, because tensors of a file on disk change or vanish together with it.
        tensors = {
            name: tensor.to(device, dtype or config.dtype, copy=True)
            for name, tensor in checkpoint.read_tensors(folder, shapes)
        }
        model._adopt(tensors, torch.device(device))
        return model.eval()

    @classmethod
    def with_random_weights(
        cls,
        config: PixelReferConfig,
        tokenizer: Tokenizer,
        model_id: str,
        *,
        device: str | torch.device = "cpu",
        seed: int = 0,
    ) -> PixelRefer:
        """Make a network for measuring: random numbers of `config.dtype`, drawn on the device.

        Weights keep the size of what passes through them, norms are ones, biases zeros. No copy
        in another type or place is made, so the largest network needs just its own memory.
        """
        with torch.device("meta"):
            model = cls(config, tokenizer, model_id)
        device = torch.device(device)
        generator = torch.Generator(device).manual_seed(seed)
        tensors = {}
        for name, tensor in model.official_tensors().items():
            values = torch.empty(tensor.shape, dtype=config.dtype, device=device)
            if tensor.dim() > 1:
                values.normal_(0.0, tensor[0].numel() ** -0.5, generator=generator)
            else:
                values.fill_(0.0 if name.endswith("bias") else 1.0)
            tensors[name] = values
        model._adopt(tensors, device)
        return model.eval()

    def official_tensors(
        self, state: Mapping[str, torch.Tensor] | None = None
    ) -> dict[str, torch.Tensor]:
        """Return all weights by their released names; `state` stands for the own state dict."""
        state = self.state_dict() if state is None else state
        tensors = {checkpoint.official_name(k): v for k, v in state.items()}
        if self.config.language.tie_word_embeddings:
            del tensors["lm_head.weight"]
        return tensors

    def save_pretrained(
        self, folder: str | Path, state: Mapping[str, torch.Tensor] | None = None
    ) -> None:
        """Write a folder in the released layout: weights, configuration and tokenizer.

        state: a state dict to write instead of the own one, such as one gathered from many GPUs.
        """
        folder = Path(folder)
        folder.mkdir(parents=True, exist_ok=True)
        official = self.official_tensors(state)
        tensors = {k: v.detach().cpu().contiguous() for k, v in official.items()}
        weights = folder / checkpoint.WEIGHTS_FILE
        save_file(tensors, weights, metadata={"format": "pt"})
        write_json(folder / "config.json", self.config.to_dict())
        # safetensors lets only the writer read, but the robot may run as somebody else.
        shutil.copymode(folder / "config.json", weights)
        write_json(folder / "preprocessor_config.json", self.config.image_processor.to_dict())
        write_json(folder / "generation_config.json", self.config.generation.to_dict())
        save_tokenizer(
            self.tokenizer,
            folder,
            end_of_turn=END_OF_TURN,
            max_length=self.config.max_prompt_tokens,
        )

    def prepare(
        self, sample: RegionSample, recent: RecentlyPrepared | None = None
    ) -> PreparedSample:
        """Do everything that needs no device; may run in several threads at once.

        recent: what samples before made of the same images and masks, which this one shares.
        Raises `InvalidPromptError`, `InvalidRegionError` or `EmptyMaskError`.
        """
        return prepare_sample(sample, self.config, self.prompts, recent)

    def encode(self, samples: Sequence[PreparedSample]) -> EncodedViews:
        """Run the vision encoder over all views of all samples at once."""
        return self.encode_views([view for sample in samples for view in sample.views()])

    def encode_views(
        self, views: Sequence[View], known: Mapping[Hashable, torch.Tensor] | None = None
    ) -> EncodedViews:
        """Run the vision encoder, or the backend in its place, over views, equal ones once.

        known: features of some of them, by `View.key`, which need no pass.
        """
        features = dict(known or {})
        views = list({view.key: view for view in views if view.key not in features}.values())
        if views:
            backend = self.encoder_backend
            found = self.encode_packed(views) if backend is None else backend.encode(views)
            for view, feature in zip(views, found, strict=True):
                features[view.key] = feature.view(*view.feature_grid, -1)
        return EncodedViews(features)

    def encode_packed(self, views: Sequence[View]) -> Sequence[torch.Tensor]:
        """Run the vision encoder once over views, packed without padding, without the backend.

        Returns the features of each view, [view.tokens, C].
        """
        device = self.language_model.device
        patches = pack_patches(views, device)
        packed: torch.Tensor = self.vision_encoder(
            pixel_values=normalise(patches, self.config.image_processor),
            grid_thw=torch.tensor([(1, *view.grid) for view in views], device=device),
            merge_sizes=torch.tensor([view.merge for view in views], device=device),
        ).last_hidden_state
        return torch.split(packed, [view.tokens for view in views])

    def object_tokens(self, regions: Sequence[PreparedRegion], views: EncodedViews) -> torch.Tensor:
        """Return what stands for M masks in the language model, [M, n, D]: SAOT, OCI, MLP."""
        features = [views[region.object_view] for region in regions]
        tokens = self.object_tokenizer(features, regions)
        if self.object_infusion is not None:
            tokens = self.object_infusion(tokens, *self.contexts(regions, views))
        projected: torch.Tensor = self.region_projector(tokens)
        return projected

    def contexts(
        self, regions: Sequence[PreparedRegion], views: EncodedViews
    ) -> tuple[list[torch.Tensor], list[torch.Tensor]]:
        """Return the local and the global features of each mask for Algorithm 1, [L, C] each."""
        local = [views[region.local_view].flatten(0, 1) for region in regions if region.local_view]
        whole = [
            views[region.global_view].flatten(0, 1) for region in regions if region.global_view
        ]
        return local, whole

    def infuse(self, samples: Sequence[PreparedSample], views: EncodedViews) -> list[torch.Tensor]:
        """Return what the language model reads, inputs_embeds [length, D] of each sample.

        The masks of all samples go through SAOT and OCI together, those that several questions
        are about once.
        """
        regions = {id(region): region for sample in samples for region in sample.regions}
        found = self.object_tokens(list(regions.values()), views) if regions else ()
        tokens = dict(zip(regions, found, strict=True))
        return [
            self._assemble(sample, [tokens[id(region)] for region in sample.regions], views)
            for sample in samples
        ]

    def _assemble(
        self, sample: PreparedSample, tokens: Sequence[torch.Tensor], views: EncodedViews
    ) -> torch.Tensor:
        ids = torch.from_numpy(sample.token_ids).to(self.language_model.device)
        embeds: torch.Tensor = self.language_model.get_input_embeddings()(ids)
        if tokens:
            counts = [region.token_count for region in sample.regions]
            rows = torch.cat([t[:count] for t, count in zip(tokens, counts, strict=True)])
            embeds = _put_in(embeds, ids == self.prompts.region_id, rows)
        if sample.frames:
            features = torch.cat([views[frame].flatten(0, 1) for frame in sample.frames])
            kept = torch.from_numpy(np.concatenate(sample.kept)).to(ids.device)
            rows = self.projector(features[kept])
            embeds = _put_in(embeds, ids == self.prompts.image_id, rows)
        return embeds

    def _adopt(self, tensors: Mapping[str, torch.Tensor], device: torch.device) -> None:
        """Take loaded tensors, by their released names, in place of the meta ones."""
        names = {name: checkpoint.official_name(name) for name in self.state_dict()}
        if self.config.language.tie_word_embeddings:
            del names["language_model.lm_head.weight"]
        self.load_state_dict(
            {name: tensors[official] for name, official in names.items()},
            strict=False,
            assign=True,
        )
        self.language_model.tie_weights()
        # Rotary frequencies are not in the files; these have to be computed anew, in float32.
        self.language_model.model.rotary_emb = Qwen2RotaryEmbedding(self.config.language).to(device)
        self.vision_encoder.rotary_pos_emb = VideoLlama3VisionRotaryEmbedding(
            self.config.vision
        ).to(device)


def _put_in(embeds: torch.Tensor, places: torch.Tensor, rows: torch.Tensor) -> torch.Tensor:
    # Mixed precision computes the rows in a shorter type than the embeddings are stored in.
    return embeds.masked_scatter(places[:, None], rows.to(embeds.dtype))


def _two_layer_projector(width: int, language_width: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Linear(width, language_width),
        nn.GELU(),
        nn.Linear(language_width, language_width),
    )
