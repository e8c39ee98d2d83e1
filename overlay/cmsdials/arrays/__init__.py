"""Stacks of histograms calculated with, many at a time, by NumPy.

The functions take what `to_numpy` returns: a dict of arrays of n rows each, in which `data` holds the contents, of the
shape (n, x_bin), (n, y_bin, x_bin) or (n, z_bin, y_bin, x_bin). They return such a dict, which differs where the docstring
says so: what they got does not change, and fields that stay are the same arrays. With `group_by` or `align`, which give
such a dict for each group, they return the same for each group. Where limits of axes and numbers of runs are not needed,
`data` alone will do, and `data` comes back.

A histogram that is missing is one whose contents are NaN, as `to_numpy(align=True)` has them, and stays one. A result that
does not exist, such as the mean of an empty histogram, is NaN; there are no warnings.

A single histogram is sliced, rebinned and projected by the `hist.Hist` that `to_hist` makes.
"""

from cmsdials.arrays.averages import moments
from cmsdials.arrays.binning import crop, normalise, rebin
from cmsdials.arrays.lumis import sum_lumis
from cmsdials.arrays.reference import compare

__all__ = ["compare", "crop", "moments", "normalise", "rebin", "sum_lumis"]
