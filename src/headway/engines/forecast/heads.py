"""What the numbers of the path's head mean: a distribution for each of the next bars.

`raw_bhk` are the network's numbers, in fp32; targets are in units of the panel's `target_scale`.
"""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor
from torch.distributions import Normal, StudentT

LOW, HIGH = 0.1, 0.9  # the interval that a forecast tells
_NORMAL_HIGH = 1.2815515655446004  # 90 % quantile of the standard normal distribution
_SMALLEST_VARIANCE = 1e-6
_SMALLEST_SCALE = 1e-4
_SMALLEST_STEP = 1e-6


def read_normal(raw_bhk: Tensor) -> Normal:
    """Mean, and log variance with a floor."""
    mean, log_variance = raw_bhk.unbind(-1)
    return Normal(mean, (log_variance.exp() + _SMALLEST_VARIANCE).sqrt(), validate_args=False)


def read_student_t(raw_bhk: Tensor) -> StudentT:
    """Location, scale above 0, degrees of freedom above 2: the variance exists."""
    location, scale, freedom = raw_bhk.unbind(-1)
    return StudentT(
        F.softplus(freedom) + 2.0, location, F.softplus(scale) + _SMALLEST_SCALE, validate_args=False
    )


def log_density(distribution: Normal | StudentT, value: Tensor) -> Tensor:
    """Log of the probability density."""
    density: Tensor = distribution.log_prob(value)  # type: ignore[no-untyped-call]
    return density


def read_quantiles(raw_bhk: Tensor) -> Tensor:
    """Quantiles that cannot cross: the lowest, then steps above 0. [b, h, k], ascending."""
    lowest, steps = raw_bhk[..., :1], F.softplus(raw_bhk[..., 1:])
    return torch.cat((lowest, lowest + steps.cumsum(-1)), dim=-1)


def scale_raw(regression: str, raw_bhk: Tensor, factor_b11: Tensor) -> Tensor:
    """The numbers that stand for the same path times a factor above 0, whatever the head gives."""
    first, rest = raw_bhk[..., :1] * factor_b11, raw_bhk[..., 1:]
    if regression == "gaussian_nll":
        rest = rest + 2.0 * factor_b11.log()
    if regression == "student_t":  # the scale; degrees of freedom stay
        rest = torch.cat((_scale_softplus(rest[..., :1], factor_b11), rest[..., 1:]), dim=-1)
    if regression == "quantile":
        rest = _scale_softplus(rest, factor_b11)
    return torch.cat((first, rest), dim=-1)


def read_path(regression: str, raw_bhk: Tensor, quantiles: tuple[float, ...]) -> tuple[Tensor, ...]:
    """(mean, lower, upper) of the path, [b, h] each; (mean,) alone where the head gives no such interval.

    With quantiles the mean is the median; other levels than 10 % and 90 % give no interval of 80 %.
    """
    if regression == "gaussian_nll":
        normal = read_normal(raw_bhk)
        reach = _NORMAL_HIGH * normal.scale
        return normal.loc, normal.loc - reach, normal.loc + reach
    if regression == "student_t":
        student = read_student_t(raw_bhk)
        reach = student_t_high(student.df) * student.scale
        return student.loc, student.loc - reach, student.loc + reach
    if regression == "quantile":
        levels = read_quantiles(raw_bhk)
        median = levels[..., quantiles.index(0.5)]
        if (quantiles[0], quantiles[-1]) != (LOW, HIGH):
            return (median,)
        return median, levels[..., 0], levels[..., -1]
    return (raw_bhk[..., 0],)


def explain_no_interval(regression: str, quantiles: tuple[float, ...]) -> str | None:
    """Why a head tells no interval of 80 %; None when it does."""
    if regression == "deterministic":
        return "a deterministic head says how much it expects, not how sure it is"
    if regression == "quantile" and (quantiles[0], quantiles[-1]) != (LOW, HIGH):
        return f"quantiles {quantiles[0]:g} and {quantiles[-1]:g} were asked for, not {LOW:g} and {HIGH:g}"
    return None


def _scale_softplus(raw: Tensor, factor: Tensor) -> Tensor:
    """What softplus turns into `factor` times what it makes of `raw`: log(exp(y) - 1), written to stay finite."""
    wanted = (F.softplus(raw) * factor).clamp(min=_SMALLEST_STEP)
    return wanted + torch.log(-torch.expm1(-wanted))


def student_t_high(freedom: Tensor) -> Tensor:
    """The 90 % quantile of Student's t distribution for degrees of freedom above 2.

    Hill (1970), Algorithm 396, CACM 13(10); for two tails of 0.2 in all. Within 0.1 % of the tables.
    """
    n = freedom.double()
    tails = 2.0 * (1.0 - HIGH)
    a = 1.0 / (n - 0.5)
    b = 48.0 / a**2
    c = ((20700.0 * a / b - 98.0) * a - 16.0) * a + 96.36
    d = ((94.5 / (b + c) - 3.0) / b + 1.0) * (a * math.pi / 2.0).sqrt() * n
    y = (d * tails) ** (2.0 / n)
    return torch.where(y > 0.05 + a, _hill_middle(n, a, b, c, d), _hill_tail(n, y, d)).to(freedom.dtype)


def _hill_middle(n: Tensor, a: Tensor, b: Tensor, c: Tensor, d: Tensor) -> Tensor:
    x = -_NORMAL_HIGH
    square = x**2
    c = torch.where(n < 5.0, c + 0.3 * (n - 4.5) * (x + 0.6), c)
    c = (((0.05 * d * x - 5.0) * x - 7.0) * x - 2.0) * x + b + c
    y = (((((0.4 * square + 6.3) * square + 36.0) * square + 94.5) / c - square - 3.0) / b + 1.0) * x
    return (n * torch.expm1(a * y**2)).sqrt()


def _hill_tail(n: Tensor, y: Tensor, d: Tensor) -> Tensor:
    inner = ((n + 6.0) / (n * y) - 0.089 * d - 0.822) * (n + 2.0) * 3.0
    y = ((1.0 / inner + 0.5 / (n + 4.0)) * y - 1.0) * (n + 1.0) / (n + 2.0) + 1.0 / y
    return (n * y).sqrt()
