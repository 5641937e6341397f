"""What a training has learnt about itself: validations, the best weights, how long it has not got better."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace

from torch import Tensor

from headway.wire.forecast import TrainConfig

Weights = dict[str, Tensor]


@dataclass(frozen=True)
class Validation:
    """How the weights of a step did on the validation rows; `epoch` counts from 1. Scores by name, without group."""

    step: int
    epoch: int
    loss: float
    scores: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Best:
    """The weights with the lowest validation loss: copies, on the CPU."""

    step: int
    epoch: int
    loss: float
    weights: Weights


@dataclass(frozen=True)
class Record:
    """Grows by one validation at a time."""

    validations: tuple[Validation, ...] = ()
    best: Best | None = None
    reference_loss: float | None = None  # what a loss must be below, by `min_delta`, to count as a gain
    waited: int = 0  # validations since the last gain
    train_losses: tuple[tuple[int, float], ...] = ()  # (step, mean since the one before)
    top: tuple[tuple[float, int], ...] = ()  # (loss, step) of the checkpoints to keep, best first

    def after(self, found: Validation, config: TrainConfig, weights: Callable[[], Weights]) -> Record:
        """This record and one more validation; `weights` is asked for a copy when they are the best so far."""
        gained = self.reference_loss is None or found.loss < self.reference_loss - config.min_delta
        best = self.best
        if best is None or found.loss < best.loss:
            best = Best(found.step, found.epoch, found.loss, weights())
        others = (entry for entry in self.top if entry[1] != found.step)
        return replace(
            self,
            validations=(*self.validations, found),
            best=best,
            reference_loss=found.loss if gained else self.reference_loss,
            waited=0 if gained else self.waited + 1,
            top=tuple(sorted((*others, (found.loss, found.step)))[: config.top_k]),
        )

    def is_exhausted(self, patience: int) -> bool:
        """Whether it has gone without gain for as long as was allowed; 0 allows for ever."""
        return 0 < patience <= self.waited

    @property
    def newest(self) -> Validation | None:
        """The newest validation."""
        return self.validations[-1] if self.validations else None

    @property
    def top_steps(self) -> tuple[int, ...]:
        """Steps of the checkpoints to keep."""
        return tuple(step for _, step in self.top)
