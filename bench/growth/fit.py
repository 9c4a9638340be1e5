"""The slope of cost over number: a straight line through the logarithms of both."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Final, NamedTuple

# A slope of 0 is the same cost each time, 1 a cost that doubles with the number: quadratic in total.
GROWS: Final = 0.35
_DECADE: Final = 9.0


class Slopes(NamedTuple):
    """`whole` over all sizes, `end` over the last decade, where what grows outweighs what is always there."""

    whole: float
    end: float

    @property
    def grows(self) -> bool:
        """Whether one operation costs clearly more, the more there is."""
        return self.end >= GROWS


def slope(points: Mapping[int, float]) -> float:
    """Return the exponent of a power law by least squares; at least two sizes, all costs above 0.

    Raises:
        ValueError: fewer than two sizes, or a cost that is not above 0.
    """
    if len(points) < 2 or min(points.values()) <= 0:
        raise ValueError("a slope needs two sizes and costs above 0")
    xs, ys = [math.log(size) for size in points], [math.log(cost) for cost in points.values()]
    mean_x, mean_y = sum(xs) / len(xs), sum(ys) / len(ys)
    above = sum((x - mean_x) * (y - mean_y) for x, y in zip(xs, ys, strict=True))
    return above / sum((x - mean_x) ** 2 for x in xs)


def slopes(points: Mapping[int, float]) -> Slopes:
    """Return both slopes; the last decade has at least two sizes."""
    largest, sizes = max(points), sorted(points)
    from_size = min(sizes[-2], largest / _DECADE)
    return Slopes(slope(points), slope({size: points[size] for size in sizes if size >= from_size}))
