from __future__ import annotations

import copy

import numpy as np
import pytest
import torch
from drawn_shapes import SMALL_MODEL, shape

from pixelrefer_ros.datasets.conversations import Conversation, Turn
from pixelrefer_ros.model.preprocessing import RegionSample
from pixelrefer_ros.model.recently_prepared import RecentlyPrepared
from pixelrefer_ros.training.configuration import Model, Scratch, Start
from pixelrefer_ros.training.objective import AnswerObjective, Weighting, WordObjective
from pixelrefer_ros.training.preparation import prepare_conversation
from pixelrefer_ros.training.schedule import Rates, freeze
from pixelrefer_ros.training.start import make_model

TEXTS = ["Which colour has <region>?", "red", "green", "It is a long and green disc."]


@pytest.fixture(scope="module")
def model():
    start = Start(scratch=Scratch(**SMALL_MODEL))
    return make_model(start, Model(local_view_patches=4, global_view_patches=4), TEXTS, seed=0)


def talk(model, number: int, answer: str):
    image, mask, _ = shape(number)
    turns = [Turn("Which colour has <region>?", answer, 1)]
    return prepare_conversation(
        Conversation([image], [[(0, mask)]], turns, None),
        model.config,
        model.prompts,
        RecentlyPrepared(),
    )


def score_by_inference(model, number: int, answer: str) -> tuple[float, int]:
    """Feed the answer token by token, as generation does, and sum -log probability."""
    image, mask, _ = shape(number)
    sample = model.prepare(RegionSample([image], [[(0, mask)]], "Which colour has <region>?"))
    with torch.inference_mode():
        [embeds] = model.infuse([sample], model.encode([sample]))
        output = model.language_model(inputs_embeds=embeds[None], use_cache=True)
        total, ids = 0.0, model.prompts.answer(answer)
        for token in ids:
            total -= float(output.logits[0, -1].float().log_softmax(0)[token])
            output = model.language_model(
                input_ids=torch.tensor([[token]]),
                past_key_values=output.past_key_values,
                use_cache=True,
            )
    return total, len(ids)


def test_the_loss_is_what_inference_says_also_beside_longer_neighbours(model):
    said = [(0, "red"), (1, "It is a long and green disc."), (2, "green")]
    scores = [score_by_inference(model, *s) for s in said]
    objective = AnswerObjective(model, Weighting.TOKEN)
    talks = [talk(model, *s) for s in said]
    totals = objective(talks)
    assert float(totals.loss) == pytest.approx(sum(score for score, _ in scores), rel=1e-5)
    assert totals.predictions == sum(count for _, count in scores)
    assert sum(map(objective.weight, talks)) == totals.predictions


def told_by_tokens(model, prepared) -> torch.Tensor:
    """Read the mean of the object tokens, or the first mean less the second, as a last layer."""
    tokens = model.object_tokens(prepared.sample.regions, model.encode([prepared.sample]))
    counts = [region.token_count for region in prepared.sample.regions]
    means = [part[:count].mean(0) for part, count in zip(tokens, counts, strict=True)]
    seen = means[0] - means[1] if len(means) > 1 else means[0]
    return model.language_model.lm_head(model.language_model.model.norm(seen))


def compare(model, answer: str):
    (image, mask, _), (_, other, _) = shape(0), shape(1)
    turns = [Turn("Where is <region> from <region>?", answer, 2)]
    return prepare_conversation(
        Conversation([image], [[(0, mask)], [(0, other)]], turns, None),
        model.config,
        model.prompts,
        RecentlyPrepared(),
    )


def test_naming_adds_what_the_object_tokens_say_of_the_answer(model):
    talks = [
        talk(model, 0, "red"),
        talk(model, 1, "It is a long and green disc."),
        compare(model, "green"),
    ]
    plain = AnswerObjective(model, Weighting.TOKEN)(talks)
    named = AnswerObjective(model, Weighting.TOKEN, naming=0.5)(talks)
    expected = 0.0
    for one in talks:
        kept = set(map(int, one.labels[one.labels >= 0])) - set(model.eos_token_ids)
        loss = -told_by_tokens(model, one).log_softmax(0)[sorted(kept)].mean()
        expected += loss.item() * int((one.labels >= 0).sum())
    assert (named.loss - plain.loss).item() == pytest.approx(0.5 * expected, rel=1e-4)
    assert (named.predictions, named.correct) == (plain.predictions, plain.correct)


def test_nothing_is_named_without_a_region(full_model):
    model = full_model
    image, _, _ = shape(0)
    conversation = Conversation([image], [], [Turn("What is there?", "A disc.", 0)], None)
    prepared = prepare_conversation(conversation, model.config, model.prompts, RecentlyPrepared())
    with torch.no_grad():
        plain, named = (
            AnswerObjective(model, Weighting.TOKEN, naming=share)([prepared]).loss.item()
            for share in (0.0, 0.5)
        )
    assert plain == named


def test_conversations_count_the_same_however_long(model):
    said = [(0, "red"), (1, "It is a long and green disc.")]
    objective = AnswerObjective(model, Weighting.CONVERSATION)
    talks = [talk(model, *s) for s in said]
    expected = sum(score / count for score, count in (score_by_inference(model, *s) for s in said))
    assert float(objective(talks).loss) == pytest.approx(expected, rel=1e-5)
    assert sum(map(objective.weight, talks)) == 2


def test_gradients_reach_every_part_that_has_influence(model):
    model.zero_grad()
    AnswerObjective(model, Weighting.TOKEN)([talk(model, 0, "red")]).loss.backward()
    idle = {n for n, p in model.named_parameters() if p.grad is None or not p.grad.any()}
    idle = {name for name in idle if not name.endswith("k_proj.bias")}
    assert idle == {
        "projector.0.weight",
        "projector.0.bias",
        "projector.2.weight",
        "projector.2.bias",
        "mask_embedding.weight",
        "mask_embedding.bias",
    }


def test_all_that_learns_has_a_gradient_where_nothing_is_pointed_at(full_model):
    model = copy.deepcopy(full_model)
    freeze(model, Rates(1e-3, 1e-3, 1e-3, 1e-3), is_lite=False)
    image, _, _ = shape(0)
    conversation = Conversation([image], [], [Turn("What is there?", "A disc.", 0)], None)
    prepared = prepare_conversation(conversation, model.config, model.prompts, RecentlyPrepared())
    totals = AnswerObjective(model, Weighting.TOKEN)([prepared])
    totals.loss.backward()
    learning = {name: p for name, p in model.named_parameters() if p.requires_grad}
    assert {name for name, p in learning.items() if p.grad is None} == set()
    assert not learning["region_projector.0.weight"].grad.any()
    assert learning["projector.0.weight"].grad.any()


def test_words_are_learnt_from_the_features_under_the_mask(model):
    objective = WordObjective(model)
    with torch.no_grad():
        objective.head.weight.zero_()
        objective.head.bias.zero_()
    talks = [talk(model, 0, "red"), talk(model, 1, "It is a long and green disc.")]
    totals = objective(talks)
    vocabulary = model.config.language.vocab_size
    assert float(totals.loss) == pytest.approx(2 * np.log(vocabulary), rel=1e-5)
    end = set(model.eos_token_ids)
    assert totals.predictions == sum(
        len(set(map(int, t.labels[t.labels >= 0])) - end) for t in talks
    )
    totals.loss.backward()
    assert objective.head.weight.grad.any()
    assert {n.split(".")[0] for n, p in model.named_parameters() if p.requires_grad} == {
        "vision_encoder"
    }
    model.requires_grad_(True)
