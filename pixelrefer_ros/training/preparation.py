"""From a conversation to what the network and the loss need; no weights take part."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import islice

import numpy as np
from numpy.typing import NDArray

from pixelrefer_ros.datasets.conversations import Conversation
from pixelrefer_ros.errors import DatasetError
from pixelrefer_ros.model.configuration import PixelReferConfig
from pixelrefer_ros.model.image_processor import Image, View
from pixelrefer_ros.model.mask_grid import Mask
from pixelrefer_ros.model.preprocessing import (
    PreparedRegion,
    PreparedSample,
    PrepareRegion,
    RegionSample,
    prepare_region,
    prepare_sample,
)
from pixelrefer_ros.model.prompts import PromptWriter

IGNORED = -100


REGIONS_IN_MEMORY = 64


class RecentRegions:
    """Prepares regions, and gives the same one again when several questions in a row are about it.

    The network computes what belongs to one region once.
    """

    def __init__(self) -> None:
        self._recent: dict[tuple[int, int, int], tuple[Image, Mask, PreparedRegion]] = {}

    def __call__(
        self, image: Image, mask: Mask, config: PixelReferConfig, *, regions: int
    ) -> PreparedRegion:
        """Do what `prepare_region` does, unless this very picture and mask have been here."""
        key = id(image), id(mask), regions
        if key not in self._recent:
            if len(self._recent) >= REGIONS_IN_MEMORY:
                del self._recent[next(iter(self._recent))]
            # With the arrays, so that no others get their identities meanwhile.
            prepared = prepare_region(image, mask, config, regions=regions)
            self._recent[key] = image, mask, prepared
        return self._recent[key][2]


@dataclass(frozen=True, eq=False)
class PreparedConversation:
    """A conversation ready for the device.

    labels: [length], the token that has to stand there within answers, including the end of the
        turn, and `IGNORED` everywhere else.
    """

    sample: PreparedSample
    labels: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.labels)


def prepare_conversation(
    conversation: Conversation,
    config: PixelReferConfig,
    prompts: PromptWriter,
    prepare: PrepareRegion,
) -> PreparedConversation:
    """Cut out all objects with `prepare` and write all turns.

    The first turn is what inference prepares; its answer and the later turns follow.
    Raises `DatasetError` for a conversation too long, and what `prepare_sample` raises.
    """
    first, *later = conversation.turns
    objects = iter(conversation.objects)
    sample = RegionSample(
        images=conversation.images,
        objects=list(islice(objects, first.regions)),
        question=first.question,
        times=conversation.times,
    )
    prepared = prepare_sample(sample, config, prompts, prepare)
    regions = list(prepared.regions)
    spoken: list[tuple[NDArray[np.int64], bool]] = [
        (prepared.token_ids, False),
        (prompts.answer(first.answer), True),
    ]
    count = sum(len(masks) for masks in conversation.objects)
    for turn in later:
        tracks = []
        for masks in islice(objects, turn.regions):
            added = [
                prepare(conversation.images[image], mask, config, regions=count)
                for image, mask in masks
            ]
            tracks.append(
                [(image, r.token_count) for (image, _), r in zip(masks, added, strict=True)]
            )
            regions += added
        question = prompts.follow_up(turn.question, tracks, times=conversation.times)
        spoken += [(question, False), (prompts.answer(turn.answer), True)]
    token_ids = np.concatenate([ids for ids, _ in spoken])
    if len(token_ids) > config.max_sequence_length:
        raise DatasetError(
            f"the conversation has {len(token_ids)} tokens, "
            f"the model reads {config.max_sequence_length}"
        )
    labels = [ids if is_answer else np.full_like(ids, IGNORED) for ids, is_answer in spoken]
    return PreparedConversation(
        replace(prepared, token_ids=token_ids, regions=tuple(regions)), np.concatenate(labels)
    )


def drop_pictures(conversations: Sequence[PreparedConversation]) -> list[PreparedConversation]:
    """Put small objects in place of the pictures that views remember, for the way to the device.

    Views of one picture still share one object, so it is encoded once; so do questions about one
    region.
    """
    stand_ins: dict[int, object] = {}
    lightened: dict[int, PreparedRegion] = {}

    def without_picture(view: View | None) -> View | None:
        if view is None or view.source is None:
            return view
        return replace(view, source=stand_ins.setdefault(id(view.source), _StandIn()))

    def lighten(region: PreparedRegion) -> PreparedRegion:
        if id(region) not in lightened:
            light = replace(region, global_view=without_picture(region.global_view))
            lightened[id(region)] = light
        return lightened[id(region)]

    return [
        replace(
            conversation,
            sample=replace(
                conversation.sample,
                regions=tuple(lighten(region) for region in conversation.sample.regions),
                frames=tuple(
                    view for f in conversation.sample.frames if (view := without_picture(f))
                ),
            ),
        )
        for conversation in conversations
    ]


class _StandIn:
    """What is left of a picture: an identity."""
