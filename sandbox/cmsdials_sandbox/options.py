"""What can be chosen about a sandbox, and the defaults.

The command line and `serve()` both read their defaults from here, so that they cannot disagree.
"""

from dataclasses import dataclass
from typing import Literal, get_args

Scale = Literal["small", "medium", "large"]
Generation = Literal["now", "v1.12"]

SCALES: tuple[Scale, ...] = get_args(Scale)
GENERATIONS: tuple[Generation, ...] = get_args(Generation)


@dataclass(frozen=True)
class Options:
    """One sandbox: where it listens, whom it lets in, how much it holds and which DIALS it imitates.

    `port` 0 means any free port.  `seed` changes the entries and contents of the histograms and which
    lumisections the models flagged; the datasets, runs, lumisections and MEs are the same for every seed.
    """

    host: str = "127.0.0.1"
    port: int = 8000
    secret: str = "sandbox"  # noqa: S105  (a password for synthetic data)
    scale: Scale = "small"
    generation: Generation = "now"
    seed: int = 1
