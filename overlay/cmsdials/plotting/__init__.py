"""Plots of histograms by lumisection: on matplotlib axes, with the labels that CMS expects.

`result.plot` and `page.plot` offer them; `Plots` draws the same of rows, frames and arrays. `AXES` is the table of what axes
show, in which unit, which users can extend. matplotlib is loaded when the first plot is drawn.
"""

from cmsdials.plotting.accessor import Plots
from cmsdials.plotting.units import AXES

__all__ = ["AXES", "Plots"]
