"""How alike tokens are: their cosines."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn import functional


@dataclass(frozen=True, eq=False)
class Similarity:
    """Cosines of K tokens with each other, [K, K]."""

    matrix: NDArray[np.float32]

    @classmethod
    def of(cls, tokens: torch.Tensor) -> Similarity:
        """Compare tokens [K, C]."""
        directions = functional.normalize(tokens.float(), dim=1)
        return cls((directions @ directions.T).cpu().numpy())

    @property
    def mean(self) -> float | None:
        """Mean of all pairs of different tokens; None where there is but one."""
        count = len(self.matrix)
        if count < 2:
            return None
        others = float(self.matrix.sum(dtype=np.float64) - np.trace(self.matrix))
        return others / (count * (count - 1))
