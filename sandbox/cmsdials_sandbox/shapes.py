"""The average shape of each kind of histogram: densities over the bins, before counting noise.

One function for each `MonitoringElement.shape`.  A 2D density is [y][x], as the service sends it.  `run` changes
what changes from run to run in a detector: gains that drift, modules that trip.
"""

from collections.abc import Callable
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from cmsdials_sandbox.mes import Axis, MonitoringElement
from cmsdials_sandbox.mixing import mixed

Floats = npt.NDArray[np.float64]


@lru_cache(maxsize=1024)
def density(me: MonitoringElement, run_number: int, seed: int) -> Floats:
    """Return the probability of each bin, flat, summing to 1."""
    drawn = SHAPES[me.shape](me, run_number, mixed(seed, me.me_id)).ravel()
    probability: Floats = drawn / drawn.sum()
    # Shared by all requests for this histogram.
    probability.flags.writeable = False
    return probability


def _centres(axis: Axis) -> Floats:
    width = (axis.high - axis.low) / axis.bins
    centres: Floats = axis.low + width * (np.arange(axis.bins, dtype=np.float64) + 0.5)
    return centres


def _unit(axis: Axis) -> Floats:
    """Bin centres scaled to -1 to 1."""
    return (2.0 * np.arange(axis.bins) + 1.0) / axis.bins - 1.0


def _grid(me: MonitoringElement) -> tuple[Axis, Axis]:
    if me.y is None:
        message = f"{me.me} is drawn as a map but has no y axis"
        raise ValueError(message)
    return me.x, me.y


def _draw(*key: int) -> float:
    """Draw a number from 0 to 1 for a key."""
    return mixed(*key) / 2**64


def _landau(me: MonitoringElement, run_number: int, seed: int) -> Floats:
    """Charge in thin silicon: Moyal's approximation of Landau's curve; the peak drifts with the run by some percent."""
    span = me.x.high - me.x.low
    peak = me.x.low + span * (0.24 + 0.02 * (_draw(seed, run_number) - 0.5) + 0.04 * _draw(seed))
    z = (_centres(me.x) - peak) / (0.055 * span)
    return np.exp(-0.5 * (z + np.exp(-np.clip(z, -6.0, None)))) + 1e-6


def _gaussian(me: MonitoringElement, run_number: int, seed: int) -> Floats:
    mean = -0.2 + 0.4 * _draw(seed) + 0.04 * (_draw(seed, run_number) - 0.5)
    return np.exp(-0.5 * ((_unit(me.x) - mean) / 0.22) ** 2) + 1e-6


def _exponential(me: MonitoringElement, run_number: int, seed: int) -> Floats:
    slope = 5.0 + 2.0 * _draw(seed) + 0.3 * _draw(seed, run_number)
    return np.exp(-slope * (_unit(me.x) + 1.0) / 2.0)


def _falling(me: MonitoringElement, run_number: int, seed: int) -> Floats:
    """Draw a transverse-momentum spectrum: a turn-on, then a power law."""
    t = (_unit(me.x) + 1.0) / 2.0 * (20.0 + _draw(seed, run_number))
    return t / (1.0 + t) * (1.0 + t) ** (-4.0 - _draw(seed))


def _double_bump(me: MonitoringElement, run_number: int, seed: int) -> Floats:
    """Pseudorapidity: two humps with a dip at the centre, and slightly lopsided."""
    eta = _unit(me.x)
    lopsided = 0.05 * (_draw(seed, run_number) - 0.5)
    humps = np.exp(-0.5 * ((eta - 0.45) / 0.22) ** 2) + np.exp(-0.5 * ((eta + 0.45) / 0.22) ** 2)
    return (humps + 0.35 * np.exp(-0.5 * (eta / 0.5) ** 2)) * (1.0 + lopsided * eta)


def _phi(me: MonitoringElement, run_number: int, seed: int) -> Floats:
    """Nearly flat in azimuth: the beam spot is off the axis."""
    return 1.0 + 0.08 * np.cos(_centres(me.x) - 6.28 * _draw(seed)) + 0.02 * _draw(seed, run_number)


def _pixel_map(me: MonitoringElement, run_number: int, seed: int) -> Floats:
    """Clusters in modules and ladders: more at the ends, alternating ladders, dead modules, an empty cross of coordinate 0.

    Signed coordinates count from minus to plus without a 0, whose row and column stay empty.
    """
    x_axis, y_axis = _grid(me)
    x, y = np.meshgrid(_centres(x_axis), _centres(y_axis))
    module, ladder = np.rint(x), np.rint(y)
    inner = np.where(ladder.astype(np.int64) % 2 == 0, 1.0, 0.82)
    drawn = (
        inner
        * (1.0 + 0.35 * np.abs(_unit(x_axis))[None, :])
        * (1.0 + 0.15 * np.cos(3.0 * _unit(y_axis)))[:, None]
    )
    for tripped in range(4):
        # Three modules are dead for good, a fourth trips in every second run.
        key = (seed, tripped) if tripped < 3 else (seed, tripped, run_number)
        if tripped == 3 and mixed(*key) % 2:
            continue
        column = mixed(*key, 1) % x_axis.bins
        row = mixed(*key, 2) % y_axis.bins
        drawn[(module == module[row, column]) & (ladder == ladder[row, column])] = 0.0
    drawn[(module == 0) | (ladder == 0)] = 0.0
    return drawn


def _barrel_map(me: MonitoringElement, run_number: int, seed: int) -> Floats:
    """Draw the electromagnetic barrel, unrolled: supermodules of 20 degrees, busier at the ends, some dead trigger towers."""
    x_axis, y_axis = _grid(me)
    edges = 1.0 - 0.25 * (np.arange(x_axis.bins) * 18 % x_axis.bins < 18)
    drawn = (1.0 + 0.6 * np.abs(_unit(y_axis)) ** 2)[:, None] * edges[None, :]
    return _without_towers(drawn, seed, run_number, 5)


def _endcap_map(me: MonitoringElement, run_number: int, seed: int) -> Floats:
    """Draw a disk with a hole for the beam pipe; the rate falls with the distance from it."""
    x_axis, y_axis = _grid(me)
    radius = np.hypot(_unit(x_axis)[None, :], _unit(y_axis)[:, None])
    disk = (radius > 0.22) & (radius < 1.0)
    drawn = np.where(disk, np.maximum(radius, 0.22) ** -1.5, 0.0)
    return _without_towers(drawn, seed, run_number, 5)


def _flat_map(me: MonitoringElement, run_number: int, seed: int) -> Floats:
    """Even in azimuth, falling to both ends of x."""
    x_axis, y_axis = _grid(me)
    drawn = np.ones((y_axis.bins, 1)) * np.exp(-0.5 * (_unit(x_axis) / 0.6) ** 2)[None, :]
    return _without_towers(drawn, seed, run_number, 4)


def _without_towers(drawn: Floats, seed: int, run_number: int, size: int) -> Floats:
    """Silence three squares for good and one for this run."""
    rows, columns = drawn.shape
    for key in ((seed, 1), (seed, 2), (seed, 3), (seed, 4, run_number)):
        row = mixed(*key, 1) % (rows // size) * size
        column = mixed(*key, 2) % (columns // size) * size
        drawn[row : row + size, column : column + size] = 0.0
    return drawn


SHAPES: dict[str, Callable[[MonitoringElement, int, int], Floats]] = {
    "barrel_map": _barrel_map,
    "double_bump": _double_bump,
    "endcap_map": _endcap_map,
    "exponential": _exponential,
    "falling": _falling,
    "flat_map": _flat_map,
    "gaussian": _gaussian,
    "landau": _landau,
    "phi": _phi,
    "pixel_map": _pixel_map,
}
