from __future__ import annotations

import torch

from pixelrefer_ros.engine.generation.key_value_cache import COLUMN_BLOCK, KeyValueCache


def filled(model, rows: int, tokens: int) -> tuple[KeyValueCache, torch.Tensor, torch.Tensor]:
    cache = KeyValueCache(model.language_model)
    cache.reserve(rows, tokens)
    config = model.language_model.config
    width = config.hidden_size // config.num_attention_heads
    shape = (rows, config.num_key_value_heads, tokens, width)
    keys, values = torch.randn(2, *shape, generator=torch.Generator().manual_seed(0))
    for layer in range(config.num_hidden_layers):
        cache.put_prompts(layer, 0, keys, values)
    return cache, keys, values


def test_what_is_there_stays_when_room_is_made_and_when_rows_move(tiny_model):
    cache, keys, values = filled(tiny_model, 3, 5)
    cache.reserve(4, 70)
    cache.move(2, 0)
    for layer in range(tiny_model.language_model.config.num_hidden_layers):
        found_keys, found_values = cache.first(layer, 3, 5)
        assert torch.equal(found_keys, keys[[2, 1, 2]])
        assert torch.equal(found_values, values[[2, 1, 2]])


def test_a_token_goes_behind_the_end_of_its_own_row(tiny_model):
    cache, keys, values = filled(tiny_model, 2, 5)
    places = cache.places(torch.tensor([3, 5]))
    cache.put_tokens(1, places, keys[:, :, 0].flatten(1), values[:, :, 0].flatten(1))
    found, _ = cache.first(1, 2, 6)
    assert torch.equal(found[0, :, 3], keys[0, :, 0])
    assert torch.equal(found[1, :, 5], keys[1, :, 0])
    assert torch.equal(found[1, :, :5], keys[1])


def test_room_grows_in_blocks_and_goes_back_to_what_it_was(tiny_model):
    cache = KeyValueCache(tiny_model.language_model, rows=2, columns=8)
    size, home = cache.nbytes, cache.first(0, 1, 1)[0].data_ptr()
    cache.reserve(2, 8)
    assert not cache.has_grown
    cache.reserve(1, 9)
    assert cache.has_grown
    assert (cache.rows, cache.columns) == (1, COLUMN_BLOCK), "room for rows nobody uses"
    assert cache.nbytes == size * COLUMN_BLOCK // 8 // 2
    for rows, columns in [(1, 9), (3, 1)]:
        cache.shrink(rows, columns)
        assert cache.has_grown, "what is in use does not fit there"
    cache.shrink(0, 0)
    assert not cache.has_grown
    assert cache.nbytes == size
    assert cache.first(0, 1, 1)[0].data_ptr() == home


def test_rows_that_fit_again_go_back_to_where_rows_were_at_the_start(tiny_model):
    config = tiny_model.language_model.config
    width = config.hidden_size // config.num_attention_heads
    cache = KeyValueCache(tiny_model.language_model, rows=2, columns=8)
    cache.reserve(2, 70)
    keys, values = torch.randn(2, 2, config.num_key_value_heads, 5, width)
    cache.put_prompts(1, 0, keys, values)
    cache.shrink(2, 8)
    assert not cache.has_grown
    found_keys, found_values = cache.first(1, 2, 5)
    assert torch.equal(found_keys, keys)
    assert torch.equal(found_values, values)
