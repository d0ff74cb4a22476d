"""Which records make up a step, and the micro-batches they are cut into.

A step is a global batch. Its records are drawn in chunks on the same pictures, so that a picture
is encoded once for several questions; chunks of like length stand side by side, so that little is
padded. Everything follows from the seed and the number of the step: a resumed run sees the same.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from zlib import crc32

import numpy as np
from numpy.typing import NDArray
from torch.utils.data import Dataset

from pixelrefer_ros.datasets.conversations import DecodeMask, read_conversation
from pixelrefer_ros.datasets.masks import Mask, decode_mask
from pixelrefer_ros.datasets.records import Records
from pixelrefer_ros.datasets.video_files import PictureReader
from pixelrefer_ros.errors import PixelReferError
from pixelrefer_ros.model.configuration import PixelReferConfig
from pixelrefer_ros.model.prompts import PromptWriter
from pixelrefer_ros.model.recently_prepared import RecentlyPrepared
from pixelrefer_ros.training.preparation import (
    PreparedConversation,
    drop_pictures,
    prepare_conversation,
)

PICTURES_IN_MEMORY = 64
MASKS_IN_MEMORY = 64


@dataclass(frozen=True)
class StepPlan:
    """How records are drawn.

    batch: samples of a step on all processes together, a multiple of `processes`.
    micro_batch: samples that go through the network at once.
    samples_per_image: how many questions on the same pictures stay together at most.
    box_share: how many of the masks, 0 to 1, are replaced by the boxes around them.
    process, processes: which share of the step is prepared here.
    """

    batch: int
    micro_batch: int
    samples_per_image: int
    seed: int
    box_share: float = 0.0
    process: int = 0
    processes: int = 1


@dataclass(frozen=True, eq=False)
class Step:
    """The share of one process in a step; `problems` tells of the samples left out."""

    micro_batches: Sequence[Sequence[PreparedConversation]]
    samples: int
    problems: Sequence[str]


class Steps(Dataset[Step]):
    """All steps of a training, by number."""

    def __init__(
        self, records: Records, plan: StepPlan, config: PixelReferConfig, prompts: PromptWriter
    ) -> None:
        self._records = records
        self._plan = plan
        self._config = config
        self._prompts = prompts
        self._group = np.zeros(len(records.records), np.int64)
        for number, group in enumerate(records.groups):
            self._group[group] = number
        self._orders: dict[int, NDArray[np.int64]] = {}

    def drawn(self, step: int) -> list[int]:
        """Return the indices of the records of this process in a step."""
        share = self._plan.batch // self._plan.processes
        start = step * self._plan.batch + self._plan.process * share
        places = (divmod(place, len(self._group)) for place in range(start, start + share))
        return [int(self._order(epoch)[place]) for epoch, place in places]

    def __getitem__(self, step: int) -> Step:
        """Prepare a step; without micro-batches if none of its samples is of use."""
        drawn = self.drawn(step)
        read = lru_cache(PICTURES_IN_MEMORY)(PictureReader())
        decode = _remembering_decoder((self._plan.seed, step), self._plan.box_share)
        recent = RecentlyPrepared()
        good: list[tuple[int, PreparedConversation]] = []
        problems = []
        for index in drawn:
            record = self._records.records[index]
            try:
                conversation = read_conversation(
                    record, is_lite=self._config.is_lite, read=read, decode=decode
                )
                prepared = prepare_conversation(conversation, self._config, self._prompts, recent)
            except PixelReferError as error:
                problems.append(f"{record.name}: {error}")
            else:
                good.append((int(self._group[index]), prepared))
        if not good:
            return Step((), len(drawn), problems)
        # Every process must come to as many micro-batches: others stand in for the bad ones.
        good += [good[k % len(good)] for k in range(len(drawn) - len(good))]
        ordered, size = _by_length(good), self._plan.micro_batch
        batches = [drop_pictures(ordered[k : k + size]) for k in range(0, len(ordered), size)]
        return Step(batches, len(drawn), problems)

    def _order(self, epoch: int) -> NDArray[np.int64]:
        """Return all records in the order of an epoch: chunks on the same pictures, shuffled."""
        if epoch not in self._orders:
            random = np.random.default_rng((self._plan.seed, epoch))
            size = self._plan.samples_per_image
            chunks = []
            for group in self._records.groups:
                shuffled = random.permutation(group)
                chunks += [shuffled[k : k + size] for k in range(0, len(shuffled), size)]
            self._orders.pop(epoch - 2, None)
            self._orders[epoch] = np.concatenate(
                [chunks[k] for k in random.permutation(len(chunks))]
            )
        return self._orders[epoch]


def _remembering_decoder(key: tuple[int, int], box_share: float) -> DecodeMask:
    """Return `decode_mask` with a memory, which gives the same array again for the same mask.

    Some masks become the boxes around them. Which ones follows from `key` and the mask itself, so
    that it does not matter which process draws it, and when.
    """

    @lru_cache(MASKS_IN_MEMORY)
    def decode(text: str, height: int, width: int) -> Mask:
        mask = decode_mask(json.loads(text), height, width)
        if np.random.default_rng((*key, crc32(text.encode()))).random() < box_share:
            rows, columns = mask.any(1).nonzero()[0], mask.any(0).nonzero()[0]
            mask[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1] = True
        return mask

    return lambda value, height, width: decode(json.dumps(value), height, width)


def _by_length(good: Sequence[tuple[int, PreparedConversation]]) -> list[PreparedConversation]:
    """Put samples on the same pictures side by side, in the order of the longest of them."""
    longest: dict[int, int] = {}
    for group, prepared in good:
        longest[group] = max(longest.get(group, 0), len(prepared))
    ordered = sorted(good, key=lambda item: (longest[item[0]], item[0]))
    return [prepared for _, prepared in ordered]
