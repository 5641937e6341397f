"""What happens around Lightning's loop at every batch: stops, rates, progress, validation, checkpoints."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import cached_property
from typing import Any

import torch
from lightning.pytorch import Callback, LightningModule, Trainer
from torch import Tensor
from torch.optim import Optimizer

from headway.domain.limits import soonest_end_s
from headway.engines.base import Diverged, Reporter
from headway.engines.forecast.checkpoints import fingerprint, write_snapshot
from headway.engines.forecast.foresee import Forecaster
from headway.engines.forecast.losses import weights_of
from headway.engines.forecast.meters import Meters
from headway.engines.forecast.module import copy_weights, is_finite, put_learning_rate
from headway.engines.forecast.plan import Plan, learning_rate_at
from headway.engines.forecast.record import Record, Validation
from headway.engines.forecast.scores import score, score_baselines
from headway.engines.forecast.snapshots import Place, Snapshot, take_snapshot
from headway.engines.forecast.windows import order_of

CHECKPOINT_EVERY_S = 30.0
_SAVING_SHARE = 0.05  # of the time, at most, goes to checkpoints that only the clock asks for

Clock = Callable[[], float]


class Course(Callback):
    """Follows a network through its training. Lightning trains a batch; all that is decided is decided here.

    It is also what Lightning takes batches from: an epoch that was left in its middle goes on there.
    """

    def __init__(
        self,
        plan: Plan,
        reporter: Reporter,
        forecaster: Forecaster,
        optimizer: Optimizer,
        *,
        meters: Meters,
        clock: Clock,
    ) -> None:
        self.place = Place()
        self.record = Record()
        self.forecaster = forecaster
        self.network = forecaster.network
        self.optimizer = optimizer
        self._plan = plan
        self._reporter = reporter
        self._meters = meters
        self._clock = clock
        self._weights = weights_of(plan.config.loss, plan.machine.torch_device)
        self._plan_sha256 = fingerprint(plan)
        self.earlier_s = 0.0
        self.windows_learnt = 0  # in this attempt
        self._began_at = self._saved_at = clock()
        self._saved_step: int | None = None
        self._saving_s = 0.0
        self._loss_sum = torch.zeros((), dtype=torch.float64, device=plan.machine.torch_device)

    def resume(self, snapshot: Snapshot) -> None:
        """Go on from a snapshot that the network has been put back to."""
        self.place, self.record = snapshot.place, snapshot.record
        self.earlier_s = snapshot.place.elapsed_s
        self._loss_sum += snapshot.place.loss_sum
        self._saved_step = snapshot.place.step

    def __iter__(self) -> Iterator[Tensor]:
        """The batches of the epoch from where it stands: rows of the panel, on the device."""
        rows_n = torch.from_numpy(self._plan.panel.windows["train"])
        training = self._plan.config.training
        order = order_of(
            rows_n, seed=self._plan.seed, epoch=self.place.epoch, most=training.max_windows_per_epoch
        )
        batches = torch.split(order.to(self._plan.machine.torch_device), training.batch_size)
        yield from batches[self.place.position :]

    @property
    def elapsed_s(self) -> float:
        """Seconds of training over all attempts."""
        return self.earlier_s + self._clock() - self._began_at

    @property
    def epochs_left(self) -> int:
        return self._plan.config.training.max_epochs - self.place.epoch

    @property
    def is_exhausted(self) -> bool:
        """Whether the validation loss has not fallen for as long as it may."""
        return self.record.is_exhausted(self._plan.config.training.patience)

    @property
    def ends_s(self) -> float | None:
        """Seconds of training over all attempts after which it ends; None for no end by time."""
        plan = self._plan
        return soonest_end_s(earlier_s=self.earlier_s, duration_s=plan.duration_s, attempt_s=plan.attempt_s)

    @property
    def is_out_of_time(self) -> bool:
        """Never before the first batch: a training without any has nothing to show for its time."""
        return self.place.step > 0 and self.ends_s is not None and self.elapsed_s >= self.ends_s

    @property
    def is_finished(self) -> bool:
        """Whether nothing is left to train."""
        return self.epochs_left <= 0 or self.is_exhausted or self.is_out_of_time

    @property
    def is_epoch_learnt(self) -> bool:
        """Whether all batches of the epoch are behind it, and it was not closed."""
        return self.place.position >= self._plan.batches_per_epoch

    @property
    def owes_validation(self) -> bool:
        """Whether it was stopped while validating, after an epoch or at the end of its time."""
        newest = self.record.newest
        is_judged = newest is not None and newest.step == self.place.step
        return self.is_epoch_learnt or (self.is_finished and not is_judged)

    def on_train_batch_start(self, *_: Any) -> None:
        self._reporter.check()
        rate = learning_rate_at(self.place.step, self._plan.steps_total, self._plan.config.training)
        put_learning_rate(self.optimizer, rate)

    def on_train_batch_end(
        self, trainer: Trainer, _module: LightningModule, outputs: Any, batch: Tensor, _index: int
    ) -> None:
        self._loss_sum += outputs["loss"].detach()
        self.windows_learnt += len(batch)
        self.place = replace(
            self.place,
            step=self.place.step + 1,
            position=self.place.position + 1,
            loss_count=self.place.loss_count + 1,
        )
        if self.place.step % self._plan.log_stride == 0:
            self._tell_loss()
        self._tell_progress()
        if self.is_out_of_time:
            trainer.should_stop = True
        elif self._is_checkpoint_due():
            self.save()

    def on_train_epoch_end(self, trainer: Trainer, _module: LightningModule) -> None:
        self.close_epoch()
        trainer.should_stop = self.is_exhausted or self.is_out_of_time

    def close_epoch(self) -> None:
        """Validate, remember the weights if they are the best, move on to the next epoch. Raises Stopped, Diverged."""
        self._tell_loss()
        found = self._validate()
        training = self._plan.config.training
        self.record = self.record.after(found, training, lambda: copy_weights(self.network))
        if self.is_epoch_learnt:
            self.place = replace(self.place, epoch=self.place.epoch + 1, position=0)
        self._reporter.metrics(
            self.place.step,
            {"val/loss": found.loss, **{f"val/{name}": value for name, value in found.scores.items()}},
        )
        self._saved_step = None  # an earlier checkpoint of this step lacks what was found now
        if self.place.step in self.record.top_steps or self._is_checkpoint_due():
            self.save()

    def save(self) -> None:
        """Write where the training stands as a checkpoint, unless that is done; keeps the best few beside it."""
        if self.place.step == self._saved_step or self.place.step == 0:
            return
        self._require_finite()
        began_at = self._clock()
        loss_sum = float(self._loss_sum)
        place = replace(self.place, elapsed_s=self.elapsed_s, loss_sum=loss_sum)
        snapshot = take_snapshot(self.network, self.optimizer, place=place, record=self.record)
        with self._reporter.draft(
            place.step, keep=self.record.top_steps, standing=snapshot.standing
        ) as folder:
            write_snapshot(folder, snapshot, plan_sha256=self._plan_sha256)
        self._saved_step, self._saved_at = place.step, self._clock()
        self._saving_s = self._saved_at - began_at

    def _is_checkpoint_due(self) -> bool:
        every_s = max(CHECKPOINT_EVERY_S, self._saving_s / _SAVING_SHARE)
        return self._clock() - self._saved_at >= every_s

    def _validate(self) -> Validation:
        panel = self._plan.panel
        rows_n = panel.windows["validation"]
        forecast, terms = self.forecaster.foresee(rows_n, pulse=self._reporter.check)
        loss = float(terms.total(self._weights))
        if not math.isfinite(loss):
            raise Diverged(f"the validation loss is {loss} after {self.place.step} steps")
        scores = score(panel, rows_n, forecast) | self._baselines
        return Validation(self.place.step, self.place.epoch + 1, loss, scores)

    @cached_property
    def _baselines(self) -> dict[str, float]:
        panel = self._plan.panel
        return score_baselines(panel, panel.windows["validation"])

    def _tell_loss(self) -> None:
        """Tell the mean loss since it was last told. Reading it waits for the device, so it is not done every step."""
        if self.place.loss_count == 0:
            return
        mean = float(self._loss_sum) / self.place.loss_count
        if not math.isfinite(mean):
            raise Diverged(f"the training loss is {mean} after {self.place.step} steps")
        rate = learning_rate_at(self.place.step - 1, self._plan.steps_total, self._plan.config.training)
        self._reporter.metrics(
            self.place.step, {"train/loss": mean, "train/learning_rate": rate, **self._meters.read()}
        )
        losses = (*self.record.train_losses, (self.place.step, mean))
        self.record = replace(self.record, train_losses=losses)
        self._loss_sum.zero_()
        self.place = replace(self.place, loss_count=0)

    def _tell_progress(self) -> None:
        plan, training = self._plan, self._plan.config.training
        part = self.place.step / plan.steps_total
        if self.ends_s is not None:
            part = max(part, self.elapsed_s / max(self.ends_s, 1e-9))
        epoch = self.place.epoch + 1
        self._reporter.advance(
            min(part, 1.0),
            text=f"epoch {epoch}/{training.max_epochs}",
            step=self.place.step,
            steps_total=plan.steps_total,
            epoch=epoch,
            epochs_total=training.max_epochs,
        )

    def _require_finite(self) -> None:
        if not is_finite(self.network):
            raise Diverged(f"a weight is NaN or infinite after {self.place.step} steps")
