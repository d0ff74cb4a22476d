"""Everything that happens to a question before the device: no weights are needed here.

With `region_crop.py` this is the first half of the scale-adaptive object tokenizer (SAOT);
`object_tokenizer.py` continues with the encoder's features.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from pixelrefer_ros.errors import InvalidPromptError, InvalidRegionError
from pixelrefer_ros.model.clustering import evenly_spaced
from pixelrefer_ros.model.compatibility import Compatibility
from pixelrefer_ros.model.configuration import PixelReferConfig
from pixelrefer_ros.model.image_processor import Image, View, kept_tokens, make_view
from pixelrefer_ros.model.mask_grid import Mask, sampling_coordinates
from pixelrefer_ros.model.prompts import PromptWriter
from pixelrefer_ros.model.recently_prepared import RecentlyPrepared
from pixelrefer_ros.model.region_crop import Box, crop_region, empty_region


@dataclass(frozen=True, eq=False)
class RegionSample:
    """One question about objects on images.

    images: uint8 RGB [height, width, 3].
    objects: per object (image index, mask bool [height, width]) in the order of time.
    question: one `<region>` per object, in order.
    times: seconds of each image for the video form of the prompt, None for stills. The full
        model takes the first `len(times)` images as the video; further images are only looked
        at through their masks.
    """

    images: Sequence[Image]
    objects: Sequence[Sequence[tuple[int, Mask]]]
    question: str
    times: Sequence[float] | None = None


@dataclass(frozen=True, eq=False)
class PreparedRegion:
    """One mask, ready for the encoder and the tokenizer.

    object_view: the scaled crop.
    local_view, global_view: the two contexts of Algorithm 1 (PixelRefer-Lite only).
    cells: [K, 2] where the cells under the mask lie on the object's feature grid (row, column).
    initial_clusters: indices into `cells` from which k-means starts, min(n, K) of them.
    token_count: object tokens that stand for this mask in the prompt.
    """

    object_view: View
    local_view: View | None
    global_view: View | None
    cells: NDArray[np.float32]
    initial_clusters: NDArray[np.intp]
    token_count: int
    box: Box
    image_size: tuple[int, int]


@dataclass(frozen=True, eq=False)
class PreparedSample:
    """A question ready for the device.

    token_ids: [length], control tokens standing for visual and object tokens.
    regions: one per mask, object after object.
    frames: images or video frames that enter the language model themselves (full model).
    kept: per frame, which of its visual tokens do, bool [tokens].
    """

    token_ids: NDArray[np.int64]
    regions: tuple[PreparedRegion, ...]
    frames: tuple[View, ...] = ()
    kept: tuple[NDArray[np.bool_], ...] = ()

    def views(self) -> list[View]:
        """Return every image the encoder has to see for this question."""
        views: list[View | None] = [*self.frames]
        for region in self.regions:
            views += [region.object_view, region.local_view, region.global_view]
        return [view for view in views if view is not None]


def prepare_sample(
    sample: RegionSample,
    config: PixelReferConfig,
    prompts: PromptWriter,
    recent: RecentlyPrepared | None = None,
) -> PreparedSample:
    """Cut out and scale every object, cut every image into patches, write the prompt.

    recent: what samples before made of the same images and masks, which this one shares.
    Raises `InvalidPromptError` and `InvalidRegionError` for a question, image or mask that does
    not fit, `EmptyMaskError` for an empty mask and the full model.
    """
    _check(sample, config)
    recent = recent or RecentlyPrepared()
    masks = [(image, mask) for masks in sample.objects for image, mask in masks]
    regions = tuple(
        prepare_region(sample.images[image], mask, config, recent, regions=len(masks))
        for image, mask in masks
    )
    counts = iter(regions)
    objects = [
        [(image, next(counts).token_count) for image, _ in masks] for masks in sample.objects
    ]
    frames = () if config.is_lite else _prepare_frames(sample, config, recent)
    if sample.times is None:
        kept = tuple(np.ones(frame.tokens, np.bool_) for frame in frames)
    else:
        kept = kept_tokens(frames, config.image_processor)
    token_ids = prompts.write(
        sample.question, objects, frames=[int(k.sum()) for k in kept], times=sample.times
    )
    return PreparedSample(token_ids, regions, frames, kept)


def prepare_region(
    image: Image, mask: Mask, config: PixelReferConfig, recent: RecentlyPrepared, *, regions: int
) -> PreparedRegion:
    """Prepare one mask of a question about `regions` masks, or give it again.

    PixelRefer-Lite sees nothing but context under an empty mask; the full model raises
    `EmptyMaskError`.
    """
    return recent.get(
        (image, mask),
        ("region", config.max_pixels(regions)),
        lambda: _prepare_region(image, mask, config, recent, regions),
    )


def resize_context(image: Image, side: int, compat: Compatibility) -> Image:
    """Return the image as a square of `side` pixels, the Resize of Algorithm 1."""
    while compat.halves_large_images and min(image.shape[:2]) >= 4 * side:
        half = image.shape[1] // 2, image.shape[0] // 2
        image = np.asarray(cv2.resize(image, half, interpolation=cv2.INTER_AREA), np.uint8)
    return np.asarray(cv2.resize(image, (side, side), interpolation=cv2.INTER_AREA), np.uint8)


def _prepare_region(
    image: Image, mask: Mask, config: PixelReferConfig, recent: RecentlyPrepared, regions: int
) -> PreparedRegion:
    if config.is_lite and not mask.any():
        crop = empty_region(image, config)
    else:
        crop = crop_region(image, mask, config)
    object_view = _make_view(crop.image, config, regions)
    local_view = global_view = None
    if config.is_lite:
        side = config.local_view_patches * config.patch_size
        local = resize_context(crop.context, side, config.compatibility)
        local_view = _make_view(local, config, regions)
        global_view = _global_view(image, config, recent, regions)
    cells = np.argwhere(crop.grid > 0)
    return PreparedRegion(
        object_view=object_view,
        local_view=local_view,
        global_view=global_view,
        cells=sampling_coordinates(cells, crop.grid.shape, object_view.feature_grid),
        initial_clusters=evenly_spaced(len(cells), config.region_tokens),
        token_count=(
            config.region_tokens if config.is_lite else min(config.region_tokens, len(cells))
        ),
        box=crop.box,
        image_size=(image.shape[0], image.shape[1]),
    )


def _global_view(
    image: Image, config: PixelReferConfig, recent: RecentlyPrepared, regions: int
) -> View:
    """Return the whole image as Algorithm 1 sees it."""

    def make() -> View:
        side = config.global_view_patches * config.patch_size
        whole = resize_context(image, side, config.compatibility)
        return _make_view(whole, config, regions, source=image)

    return recent.get((image,), ("global view", config.max_pixels(regions)), make)


def _prepare_frames(
    sample: RegionSample, config: PixelReferConfig, recent: RecentlyPrepared
) -> tuple[View, ...]:
    if sample.times is None:
        images, merge = sample.images, 1
    else:
        images, merge = sample.images[: len(sample.times)], config.video_merge
    return tuple(_frame_view(image, config, recent, len(images), merge) for image in images)


def _frame_view(
    image: Image, config: PixelReferConfig, recent: RecentlyPrepared, views: int, merge: int
) -> View:
    """Return the whole image as the full model reads it."""
    return recent.get(
        (image,),
        ("frame", config.max_pixels(views, merge), merge),
        lambda: _make_view(image, config, views, merge, source=image),
    )


def _make_view(
    image: Image,
    config: PixelReferConfig,
    views: int,
    merge: int = 1,
    source: Image | None = None,
) -> View:
    return make_view(
        image,
        patch_size=config.patch_size,
        min_pixels=config.image_processor.min_pixels,
        max_pixels=config.max_pixels(views, merge),
        merge=merge,
        source=source,
    )


def _check(sample: RegionSample, config: PixelReferConfig) -> None:
    for k, image in enumerate(sample.images):
        if image.dtype != np.uint8 or image.ndim != 3 or image.shape[2] != 3 or not image.size:
            raise InvalidRegionError(
                f"images[{k}] is {image.dtype} {list(image.shape)}, "
                "must be uint8 [height, width, 3]"
            )
    sizes = [image.shape[:2] for image in sample.images]
    for k, masks in enumerate(sample.objects):
        if not masks:
            raise InvalidRegionError(f"objects[{k}] has no mask")
        for index, mask in masks:
            if not 0 <= index < len(sizes):
                raise InvalidRegionError(
                    f"objects[{k}] is on image {index}, there are {len(sizes)}"
                )
            if mask.shape != sizes[index] or mask.dtype != np.bool_:
                raise InvalidRegionError(
                    f"objects[{k}] has a {mask.dtype} mask of {list(mask.shape)}, "
                    f"must be bool {list(sizes[index])} like its image"
                )
    times = len(sample.images) if sample.times is None else len(sample.times)
    if times > len(sample.images) or (config.is_lite and times < len(sample.images)):
        raise InvalidPromptError(f"there are {times} times for {len(sample.images)} images")
