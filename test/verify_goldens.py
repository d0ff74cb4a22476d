"""Compare the network with recorded reference outputs, stage by stage.

`python test/verify_goldens.py DIR` where DIR holds `manifest.json`, `checkpoint/` and
`cases/*.npz`. Prints the largest absolute error of every stage and exits non-zero if one is above
the manifest's tolerance or a token id differs.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import torch
from transformers import DynamicCache

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from pixelrefer_ros.model.clustering import cluster_tokens, nearest_centroids
from pixelrefer_ros.model.image_processor import (
    CHANGED_TOKEN_DIFFERENCE,
    View,
    frame_difference,
    normalise,
)
from pixelrefer_ros.model.pixelrefer import EncodedViews, PixelRefer
from pixelrefer_ros.model.preprocessing import (
    PreparedSample,
    RegionSample,
    resize_context,
)
from pixelrefer_ros.model.region_crop import (
    RegionCrop,
    crop_region,
    empty_region,
    relative_position,
)

EXACT = "exact"
INPUTS = ("masks", "mask_ids", "timestamps")
SAMPLED_ROWS = 16
TAIL = 8
ROW_MEAN_ROUNDING = 1e-4  # means of bytes were recorded in float32


@dataclass
class Stage:
    """The worst that was seen of one stage over all cases."""

    tolerance: float
    compared: int = 0
    largest: float = 0.0
    worst: str = ""

    @property
    def passed(self) -> bool:
        return self.largest <= self.tolerance


class Report:
    """Compares arrays with recorded ones and keeps the largest error of each stage."""

    def __init__(self, tolerances: Mapping[str, float]) -> None:
        self._tolerances = tolerances
        self.stages: dict[str, Stage] = {}
        self.not_compared: list[str] = []
        self._case = ""
        self._recorded: dict[str, np.ndarray] = {}
        self._left: set[str] = set()

    def begin(self, case: str, recorded: dict[str, np.ndarray]) -> None:
        """Start a case; its inputs need no comparison."""
        self._case, self._recorded = case, recorded
        self._left = {name for name in recorded if not _is_input(name)}

    def end(self) -> None:
        """Note the recorded arrays that nobody compared."""
        self.not_compared += [f"{self._case}: {name}" for name in sorted(self._left)]

    def compare(self, stage: str, tolerance: str, name: str, actual: Any) -> None:
        """Compare with the recorded array `name`, or with whatever sample of it was kept."""
        actual = np.asarray(actual)
        limit = 0.0 if tolerance == EXACT else float(self._tolerances[tolerance])
        if name in self._recorded:
            self._note(stage, actual, limit, name)
        if f"{name}.picked" in self._recorded:
            self._note(stage, actual[self._recorded[f"{name}.pick"]], limit, f"{name}.picked")
        if f"{name}.rows{SAMPLED_ROWS}" in self._recorded:
            self._note(stage, actual[::SAMPLED_ROWS], limit, f"{name}.rows{SAMPLED_ROWS}")
        if f"{name}.shape" in self._recorded:
            self._note(stage, np.asarray(actual.shape), 0.0, f"{name}.shape")
        if f"{name}.rowmean" in self._recorded:
            means = actual.mean(1, dtype=np.float64)
            limit = max(limit, ROW_MEAN_ROUNDING)
            self._note(f"{stage}, row means", means, limit, f"{name}.rowmean")

    def check(self, stage: str, actual: int, notes: Mapping[str, Any], name: str) -> None:
        """Compare a number with the manifest's, where it has one."""
        if name in notes:
            self._count(stage, abs(actual - notes[name]), 0.0, name)

    def _note(self, stage: str, actual: np.ndarray, tolerance: float, name: str) -> None:
        self._left.discard(name)
        self._count(stage, _difference(actual, self._recorded[name]), tolerance, name)

    def _count(self, stage: str, difference: float, tolerance: float, name: str) -> None:
        seen = self.stages.setdefault(stage, Stage(tolerance))
        seen.compared += 1
        if not difference <= seen.largest:
            seen.largest, seen.worst = difference, f"{self._case}: {name}"


def _is_input(name: str) -> bool:
    number = name.removeprefix("image").removeprefix("region_frame")
    return name in INPUTS or number.isdigit() or name.endswith((".kmeans_init", ".pick"))


def _difference(actual: np.ndarray, expected: np.ndarray) -> float:
    if actual.shape != expected.shape:
        return np.inf
    if actual.size == 0:
        return 0.0
    return float(np.abs(actual.astype(np.float64) - expected.astype(np.float64)).max())


class CaseCheck:
    """One recorded case: the question, what the network makes of it, and the comparisons."""

    def __init__(
        self,
        model: PixelRefer,
        notes: Mapping[str, Any],
        recorded: dict[str, np.ndarray],
        report: Report,
    ) -> None:
        self.model, self.notes, self.recorded, self.report = model, notes, recorded, report
        self.mask_notes: list[dict[str, Any]] = notes.get("masks", [])
        self.sample = self._read_sample()
        self.crops = self._crop()
        self.prepared = self._replay(model.prepare(self.sample))
        self.before_merging: dict[Any, np.ndarray] = {}

    def run(self) -> None:
        """Compare every stage of this case."""
        self._check_crops()
        self._check_views()
        self._check_prompt()
        views = self._encode()
        self._check_features(views)
        if self.prepared.regions:
            self._check_object_tokens(views)
        self._check_visual_tokens(views)
        (embeds,) = self.model.infuse([self.prepared], views)
        self.report.compare("inputs_embeds", "tokens", "inputs_embeds", embeds)
        self.report.check("prompt lengths", len(embeds), self.notes, "n_inputs_embeds")
        self._check_generation(embeds)

    def _read_sample(self) -> RegionSample:
        same_as = {int(k): v for k, v in self.notes.get("image_same_as", {}).items()}
        images: list[np.ndarray] = []
        while f"image{len(images)}" in self.recorded or len(images) in same_as:
            k = len(images)
            images.append(images[same_as[k]] if k in same_as else self.recorded[f"image{k}"])
        times = self.recorded["timestamps"].tolist() if self.notes["modal"] == "video" else None
        # Frames that the full model sees only through their masks stand behind the video.
        first = 0
        if "region_frame0" in self.recorded:
            first = len(images)
            while f"region_frame{len(images) - first}" in self.recorded:
                images.append(self.recorded[f"region_frame{len(images) - first}"])
        masks = [
            (first + int(image), mask > 0)
            for image, mask in zip(
                self.recorded.get("mask_ids", ()), self.recorded.get("masks", ()), strict=True
            )
        ]
        in_turn = iter(masks)
        sizes = [len(ids) for ids in self.notes.get("mask_ids_raw", [[0]] * len(masks))]
        objects = [[next(in_turn) for _ in range(size)] for size in sizes]
        return RegionSample(images, objects, self.notes["question"], times)

    def _masks(self) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        for masks in self.sample.objects:
            for image, mask in masks:
                yield self.sample.images[image], mask

    def _crop(self) -> list[RegionCrop]:
        config = self.model.config
        return [
            crop_region(image, mask, config) if mask.any() else empty_region(image, config)
            for image, mask in self._masks()
        ]

    def _replay(self, prepared: PreparedSample) -> PreparedSample:
        """Start k-means where the reference did, and share local views where it did.

        The reference keeps one local view per image, so a second mask on it sees the first
        one's surroundings. The network never does that.
        """
        regions = list(prepared.regions)
        for m, region in enumerate(regions):
            start = self.recorded.get(f"mask{m}.kmeans_init", region.initial_clusters)
            source = self.mask_notes[m].get("local_image_same_as_mask", m)
            regions[m] = replace(
                region, initial_clusters=start, local_view=regions[source].local_view
            )
        return replace(prepared, regions=tuple(regions))

    def _check_crops(self) -> None:
        compare, config = self.report.compare, self.model.config
        for m, ((image, mask), crop) in enumerate(zip(self._masks(), self.crops, strict=True)):
            box = crop.box
            height, width = crop.context.shape[:2]
            corners = (box.top, box.left, box.top + height, box.left + width)
            compare("crop corners", EXACT, f"mask{m}.crop_tlbr_exclusive", corners)
            compare("crop scale", "position", f"mask{m}.scale", crop.scale)
            parameters = (box.top, box.left, box.bottom, box.right, *mask.shape)
            compare("box parameters", EXACT, f"mask{m}.box_params", parameters)
            compare("object image", "uint8_images", f"mask{m}.object_image", crop.image)
            compare("mask grid", "mask_grid", f"mask{m}.mask_grid", crop.grid)
            shared = self.crops[self.mask_notes[m].get("local_image_same_as_mask", m)]
            side, compat = config.local_view_patches * config.patch_size, config.compatibility
            local = resize_context(shared.context, side, compat)
            compare("local image", "uint8_images", f"mask{m}.local_image", local)
            side = config.global_view_patches * config.patch_size
            whole = resize_context(image, side, compat)
            compare("global image", "uint8_images", f"mask{m}.global_image", whole)

    def _named_views(self) -> Iterator[tuple[str, View]]:
        for m, region in enumerate(self.prepared.regions):
            yield f"mask{m}.object", region.object_view
            if region.local_view is not None and region.global_view is not None:
                yield f"mask{m}.local", region.local_view
                yield f"mask{m}.global", region.global_view
        for k, frame in enumerate(self.prepared.frames):
            yield f"image{k}", frame

    def _check_views(self) -> None:
        for name, view in self._named_views():
            self.report.compare("patch grids", EXACT, f"{name}_grid_thw", (1, *view.grid))
            pixels = normalise(torch.from_numpy(view.patches), self.model.config.image_processor)
            self.report.compare("pixel values", "features", f"{name}_pixel_values", pixels)

    def _check_prompt(self) -> None:
        compare, check = self.report.compare, self.report.check
        regions = iter(self.prepared.regions)
        objects = [
            [(image, next(regions).token_count) for image, _ in masks]
            for masks in self.sample.objects
        ]
        whole = self.model.prompts.write(
            self.sample.question,
            objects,
            frames=[frame.tokens for frame in self.prepared.frames],
            times=self.sample.times,
        )
        compare("input_ids", EXACT, "input_ids", whole)
        compare(
            "input_ids, compressed", EXACT, "input_ids_after_compression", self.prepared.token_ids
        )
        for notes, region in zip(self.mask_notes, self.prepared.regions, strict=True):
            check("selected cells", len(region.cells), notes, "n_selected")
            check("prompt tokens of masks", region.token_count, notes, "n_region_tokens_in_prompt")

    def _encode(self) -> EncodedViews:
        """Encode all views, keeping the features as they are before the merge of video frames."""
        packed: list[torch.Tensor] = []
        hook = self.model.vision_encoder.post_layernorm.register_forward_hook(
            lambda module, arguments, output: packed.append(output)
        )
        views = self.model.encode([self.prepared])
        hook.remove()
        start = 0
        for key, view in {view.key: view for view in self.prepared.views()}.items():
            end = start + view.grid[0] * view.grid[1]
            self.before_merging[key] = packed[0][start:end].numpy()
            start = end
        return views

    def _check_features(self, views: EncodedViews) -> None:
        compare, tokenizer = self.report.compare, self.model.object_tokenizer
        for name, view in self._named_views():
            if name.startswith("mask"):
                compare(
                    "encoder features",
                    "features",
                    f"{name}_features",
                    self.before_merging[view.key],
                )
        for m, region in enumerate(self.prepared.regions):
            features = views[region.object_view]
            grid = (features.shape[0], features.shape[1])
            cells = np.argwhere(np.ones(grid, bool)).astype(np.float32)
            position = relative_position(
                cells, grid, region.box, region.image_size, tokenizer.compat
            )
            compare("feature grids", EXACT, f"mask{m}.feature_grid_hw", grid)
            compare("position", "position", f"mask{m}.position", position)
            positioned = features.flatten(0, 1) + tokenizer.embed_position(
                torch.from_numpy(position)
            )
            compare(
                "features with position", "features", f"mask{m}.features_plus_position", positioned
            )

    def _check_object_tokens(self, views: EncodedViews) -> None:
        compare, tokenizer = self.report.compare, self.model.object_tokenizer
        regions = self.prepared.regions
        selected = tokenizer.select([views[region.object_view] for region in regions], regions)
        clustered = tokenizer.cluster(selected, regions)
        for m, tokens in enumerate(selected):
            compare("selected tokens", "tokens", f"mask{m}.selected_tokens", tokens)
            compare("clustered tokens", "tokens", f"mask{m}.tokens_after_kmeans", clustered[m])
            if f"mask{m}.kmeans_last_labels" in self.recorded:
                rounds = self.mask_notes[m]["kmeans_assignments_run"] - 1
                start = torch.from_numpy(regions[m].initial_clusters)[None]
                length = torch.tensor([len(tokens)])
                centroids = cluster_tokens(tokens[None], length, start, rounds).centroids
                labels = nearest_centroids(tokens[None], centroids)[0]
                compare("cluster labels", EXACT, f"mask{m}.kmeans_last_labels", labels)
        if self.model.object_infusion is not None:
            local, whole = self.model.contexts(regions, views)
            tokens = self.model.object_infusion.local_to_object(clustered, local)
            compare("local-to-object", "tokens", "after_local_attention", tokens.flatten(0, 1))
            tokens = self.model.object_infusion.global_to_object(tokens, whole)
            compare("global-to-object", "tokens", "after_global_attention", tokens.flatten(0, 1))
        projected = self.model.object_tokens(regions, views)
        rows = [t[: region.token_count] for t, region in zip(projected, regions, strict=True)]
        compare("region tokens", "tokens", "region_tokens", torch.cat(rows))

    def _check_visual_tokens(self, views: EncodedViews) -> None:
        frames = self.prepared.frames
        if not frames:
            return
        compare = self.report.compare
        features = np.concatenate([self.before_merging[frame.key] for frame in frames])
        compare("encoder features", "features", "image_features", features)
        merged = torch.cat([views[frame].flatten(0, 1) for frame in frames])
        compare("merged features", "features", "downsampled_features", merged)
        compare("projected features", "features", "projector_out", self.model.projector(merged))
        compare("kept tokens", EXACT, "compression_keep", np.stack(self.prepared.kept))
        if self.sample.times is not None:
            processor = self.model.config.image_processor
            # The first frame has no previous one; the reference notes threshold + 1.
            changes = [np.full(frames[0].tokens, CHANGED_TOKEN_DIFFERENCE + 1)]
            changes += [frame_difference(*pair, processor) for pair in pairwise(frames)]
            compare("frame differences", "features", "frame_difference", np.stack(changes))

    def _check_generation(self, embeds: torch.Tensor) -> None:
        """Decode greedily with a key-value cache; the penalty sees generated tokens only."""
        compare = self.report.compare
        steps = len(self.recorded["generated_ids"])
        cache = DynamicCache(config=self.model.language_model.config)
        output = self.model.language_model(inputs_embeds=embeds[None], past_key_values=cache)
        compare("prefill logits", "logits", "prefill_logits_last", output.logits[0, -1])
        compare("prefill logits", "logits", f"prefill_logits_tail{TAIL}", output.logits[0, -TAIL:])
        ids: list[int] = []
        raw: list[torch.Tensor] = []
        while len(ids) < steps and not (ids and ids[-1] in self.model.eos_token_ids):
            raw.append(output.logits[0, -1])
            ids.append(int(_penalise(raw[-1], ids, self.model.repetition_penalty).argmax()))
            output = self.model.language_model(
                input_ids=torch.tensor([[ids[-1]]]), past_key_values=cache
            )
        compare("decode logits", "logits", "decode_logits", torch.stack(raw))
        compare("generated ids", EXACT, "generated_ids", ids)


def _penalise(logits: torch.Tensor, ids: list[int], penalty: float) -> torch.Tensor:
    scores = logits.clone()
    seen = logits[ids]
    scores[ids] = torch.where(seen > 0, seen / penalty, seen * penalty)
    return scores


@torch.inference_mode()
def verify(folder: Path) -> Report:
    """Compare every case of a golden folder."""
    manifest = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
    model = PixelRefer.from_pretrained(folder / "checkpoint", dtype=torch.float32)
    tolerances = {k: v for k, v in manifest["suggested_tolerance"].items() if v != "equal"}
    report = Report(tolerances)
    if manifest["variant"] != model.config.framework.value:
        raise SystemExit(
            f"manifest is of {manifest['variant']}, checkpoint {model.config.framework}"
        )
    for case, notes in manifest["cases"].items():
        with np.load(folder / "cases" / f"{case}.npz", allow_pickle=False) as arrays:
            recorded = {name: arrays[name] for name in arrays.files}
        report.begin(case, recorded)
        CaseCheck(model, notes, recorded, report).run()
        report.end()
    return report


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("folder", type=Path, help="holds manifest.json, checkpoint/ and cases/")
    report = verify(parser.parse_args().folder)
    for name, stage in report.stages.items():
        verdict = "ok" if stage.passed else f"FAILED at {stage.worst}"
        print(
            f"{name:28} largest error {stage.largest:9.3g}  tolerance {stage.tolerance:7.3g}  "
            f"{stage.compared:4} compared  {verdict}"
        )
    for name in report.not_compared:
        print(f"not compared: {name}")
    failed = [name for name, stage in report.stages.items() if not stage.passed]
    print(f"{len(failed)} of {len(report.stages)} stages failed" if failed else "all stages agree")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
