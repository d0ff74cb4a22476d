from __future__ import annotations

from pixelrefer_ros.simulation.attributes import false_attributes, true_attributes


def test_what_is_true_is_what_was_measured(pictures):
    for seen, _ in pictures:
        for one in seen:
            said = true_attributes(one)
            assert one.category in said
            assert {one.colour, one.state} - {None} <= set(said)
            assert set(one.parts) <= set(said)
            assert (one.look == "wood") == ("wooden" in said)


def test_what_is_false_is_nowhere_in_the_picture(pictures):
    for seen, _ in pictures:
        for index in range(len(seen)):
            wrong = set(false_attributes(index, seen))
            assert wrong
            for other in seen:
                assert not wrong & set(true_attributes(other))
                assert other.thing.colour not in wrong


def test_a_true_description_states_nothing_false_and_little_else_than_is_true(pictures):
    descriptions = [one for _, talk in pictures for one in talk if one.task == "description"]
    assert len(descriptions) > 5
    for exchange in descriptions:
        words = exchange.answer.lower().replace(".", " ").replace(",", " ").split()
        assert not [word for word in exchange.negative if f" {word} " in f" {' '.join(words)} "]
        assert all(word in " ".join(words) for word in exchange.positive)
    others = [one for _, talk in pictures for one in talk if one.task != "description"]
    assert not any(one.positive or one.negative for one in others)
