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
from pixelrefer_ros.model.image_processor import View
from pixelrefer_ros.model.preprocessing import (
    PreparedRegion,
    PreparedSample,
    RegionSample,
    prepare_region,
    prepare_sample,
)
from pixelrefer_ros.model.prompts import PromptWriter
from pixelrefer_ros.model.recently_prepared import RecentlyPrepared

IGNORED = -100


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
    recent: RecentlyPrepared,
) -> PreparedConversation:
    """Cut out all objects and write all turns.

    The first turn is what inference prepares; its answer and the later turns follow. What
    conversations before made of the same pictures and masks, this one shares.
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
    prepared = prepare_sample(sample, config, prompts, recent)
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
                prepare_region(conversation.images[image], mask, config, recent, regions=count)
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
