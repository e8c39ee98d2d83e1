"""A process that downloads, verifies and opens a folder: python large.py URL SECRET FOLDER CONCURRENCY FILTERS

FILTERS is JSON. It prints a line of JSON: the rows and the number of bins that it has seen, and the most memory of its own
that it has taken so far, in bytes, after each of the three.
"""

import json
import sys
from pathlib import Path

import cmsdials
from cmsdials import Dials
from cmsdials.auth.secret_key import Credentials
from cmsdials.filters import LumisectionHistogram2DFilters


def peak() -> int:
    """Return the most memory of this process since it began; what `getrusage` says includes its parent's.

    Without the pages of files, which are those of shared libraries: how many of them the kernel maps at a time differs from one
    installation to the next.
    """
    lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
    said = {
        name: int(rest.split()[0])
        for name, _, rest in (line.partition(":") for line in lines)
        if "kB" in rest
    }
    return 1024 * (said["VmHWM"] - said["RssFile"])


def main(url: str, secret: str, folder: str, concurrency: str, filters: str) -> None:
    dials = Dials(Credentials(token=secret), "tracker", url, timeout=None)
    chosen = LumisectionHistogram2DFilters(**json.loads(filters))
    done = dials.h2d.download(chosen, folder, concurrency=int(concurrency))
    peaks = [peak()]
    problems = [one.problem for one in cmsdials.verify(folder).problems]
    peaks.append(peak())
    bins = 0.0
    for batch in cmsdials.open_dataset(folder).to_batches(batch_size=100):
        bins += len(batch["data"].flatten().to_numpy())
    peaks.append(peak())
    print(json.dumps({"rows": done.rows, "problems": problems, "bins": bins, "peaks": peaks}))


if __name__ == "__main__":
    main(*sys.argv[1:])
