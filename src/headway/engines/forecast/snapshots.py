"""The whole state of a training between two steps, held in memory."""

from __future__ import annotations

import copy
import random
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.optim import Optimizer

from headway.domain.artifacts import Standing
from headway.engines.forecast.module import copy_weights
from headway.engines.forecast.network import Network
from headway.engines.forecast.record import Record, Weights


@dataclass(frozen=True)
class Place:
    """Where a training stands. `position` counts the batches of the epoch that are behind it."""

    step: int = 0
    epoch: int = 0
    position: int = 0
    elapsed_s: float = 0.0  # of training, over all attempts
    loss_sum: float = 0.0  # of the steps since the training loss was last told
    loss_count: int = 0


@dataclass(frozen=True)
class RandomStates:
    """The generators that a training may draw from; the order of rows has one of its own, made anew each epoch."""

    torch: Tensor
    cuda: tuple[Tensor, ...]
    numpy: dict[str, Any]
    python: tuple[Any, ...]


@dataclass(frozen=True)
class Snapshot:
    """A training that is put back here goes on with the same numbers, on a CPU to the last bit."""

    place: Place
    weights: Weights
    optimizer: dict[str, Any]
    generators: RandomStates
    record: Record

    @property
    def standing(self) -> Standing:
        """What the newest validation found, where it was of these very weights."""
        epoch, newest = self.place.epoch, self.record.newest
        if newest is None or newest.step != self.place.step:
            return Standing(epoch)
        return Standing(epoch, newest.loss, newest.scores.get("da"))


def take_snapshot(network: Network, optimizer: Optimizer, *, place: Place, record: Record) -> Snapshot:
    """Copy the state of a network and its optimizer."""
    return Snapshot(
        place=place,
        weights=copy_weights(network),
        optimizer=copy.deepcopy(optimizer.state_dict()),
        generators=_read_generators(),
        record=record,
    )


def put_back(network: Network, optimizer: Optimizer, snapshot: Snapshot) -> None:
    """Bring a fresh network and optimizer of the same plan to the state of a snapshot, and the generators too."""
    network.load_state_dict(snapshot.weights)
    optimizer.load_state_dict(copy.deepcopy(snapshot.optimizer))
    generators = snapshot.generators
    torch.set_rng_state(generators.torch)
    if generators.cuda and torch.cuda.is_available():
        torch.cuda.set_rng_state_all(list(generators.cuda))
    np.random.set_state(generators.numpy)
    random.setstate(generators.python)


def _read_generators() -> RandomStates:
    numpy_state = np.random.get_state(legacy=False)
    if not isinstance(numpy_state, dict):
        raise TypeError("numpy gave its random state in another form than asked for")
    cuda = tuple(torch.cuda.get_rng_state_all()) if torch.cuda.is_available() else ()
    return RandomStates(torch.get_rng_state(), cuda, copy.deepcopy(numpy_state), random.getstate())
