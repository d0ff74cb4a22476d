from __future__ import annotations

import numpy as np
import pytest
import torch

from pixelrefer_ros.model.clustering import cluster_tokens, evenly_spaced


def cluster_one(tokens: torch.Tensor, initial: list[int], rounds: int) -> torch.Tensor:
    return cluster_tokens(
        tokens[None], torch.tensor([len(tokens)]), torch.tensor([initial]), rounds
    ).centroids[0]


@pytest.mark.parametrize("name", ["random", "duplicates", "converges"])
@pytest.mark.parametrize("rounds", [("lite", 3), ("full", 5)])
def test_recorded(unit_arrays, name, rounds):
    tokens = torch.from_numpy(unit_arrays[f"kmeans.{name}.tokens"])
    initial = unit_arrays[f"kmeans.{name}.init"].tolist()
    centroids = cluster_one(tokens, initial, rounds[1])
    expected = unit_arrays[f"kmeans.{name}.{rounds[0]}_{rounds[1]}_iterations"]
    np.testing.assert_allclose(centroids.numpy(), expected, atol=1e-6)


def test_equation_6_by_hand():
    # Starts at 0 and 10. Round 1: {0, 1, 4} and {10, 11} -> 5/3, 10.5. Round 2: the same
    # groups, nothing moves.
    tokens = torch.tensor([[0.0], [1.0], [4.0], [10.0], [11.0]])
    centroids = cluster_one(tokens, [0, 3], rounds=5)
    torch.testing.assert_close(centroids, torch.tensor([[5 / 3], [10.5]]))


def test_second_round_moves_a_token():
    # Starts at 0 and 1. Round 1: {0} and {1, 2, 9} -> 0, 4. Round 2: {0, 1, 2} (2 is as far
    # from 0 as from 4: the first wins) and {9} -> 1, 9.
    tokens = torch.tensor([[0.0], [1.0], [2.0], [9.0]])
    torch.testing.assert_close(cluster_one(tokens, [0, 1], 1), torch.tensor([[0.0], [4.0]]))
    torch.testing.assert_close(cluster_one(tokens, [0, 1], 2), torch.tensor([[1.0], [9.0]]))


def test_few_tokens_stay_as_they_are_and_zero_rows_follow():
    tokens = torch.tensor([[[3.0], [3.0], [-2.0], [0.0], [0.0]]])
    initial = torch.arange(5)[None]
    centroids = cluster_tokens(tokens, torch.tensor([3]), initial, rounds=3).centroids
    assert torch.equal(centroids, tokens)


def test_regions_of_different_length_do_not_touch_each_other():
    generator = torch.Generator().manual_seed(0)
    regions = [torch.randn(length, 6, generator=generator) for length in (40, 9, 3)]
    padded = torch.nn.utils.rnn.pad_sequence(regions, batch_first=True)
    initial = torch.arange(4).repeat(3, 1)
    for m, region in enumerate(regions):
        initial[m, : min(4, len(region))] = torch.from_numpy(evenly_spaced(len(region), 4))
    together = cluster_tokens(padded, torch.tensor([40, 9, 3]), initial, rounds=3).centroids
    for m, region in enumerate(regions[:2]):
        alone = cluster_one(region, initial[m].tolist(), rounds=3)
        torch.testing.assert_close(together[m], alone, atol=1e-6, rtol=0)
    assert torch.equal(together[2, :3], regions[2])


@pytest.mark.parametrize("rounds", [1, 2, 3, 50])
def test_centroids_are_the_means_of_the_tokens_with_their_label(rounds):
    generator = torch.Generator().manual_seed(1)
    tokens = torch.randn(1, 60, 4, generator=generator)
    initial = torch.from_numpy(evenly_spaced(60, 8))[None]
    [centroids], [labels] = cluster_tokens(tokens, torch.tensor([60]), initial, rounds)
    assert labels.shape == (60,)
    assert set(labels.tolist()) == set(range(8))
    for cluster, centroid in enumerate(centroids):
        mean = tokens[0, labels == cluster].mean(0)
        torch.testing.assert_close(centroid, mean, atol=1e-5, rtol=1e-4)


def test_evenly_spaced():
    assert evenly_spaced(10, 4).tolist() == [0, 2, 5, 7]
    assert evenly_spaced(3, 4).tolist() == [0, 1, 2]
    assert evenly_spaced(0, 4).tolist() == []
