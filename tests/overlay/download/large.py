"""A process that downloads and verifies a folder: python large.py FOLDER URL SECRET CONCURRENCY FILTERS

FILTERS is JSON. With the folder alone it opens and reads it. It prints a line of JSON: what it has seen, and the most memory
that it has taken, in bytes.
"""

import json
import sys
from pathlib import Path
from typing import Any

import cmsdials
from cmsdials import Dials
from cmsdials.auth.secret_key import Credentials
from cmsdials.filters import LumisectionHistogram2DFilters


def peak() -> int:
    """Return the most memory of this process since it began; what `getrusage` says includes its parent's."""
    lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
    return 1024 * next(int(line.split()[1]) for line in lines if line.startswith("VmHWM"))


def fetch(folder: str, url: str, secret: str, concurrency: str, filters: str) -> dict[str, Any]:
    dials = Dials(Credentials(token=secret), "tracker", url, timeout=None)
    chosen = LumisectionHistogram2DFilters(**json.loads(filters))
    done = dials.h2d.download(chosen, folder, concurrency=int(concurrency))
    return {"rows": done.rows, "problems": [one.problem for one in cmsdials.verify(folder).problems]}


def read(folder: str) -> dict[str, Any]:
    bins = 0.0
    for batch in cmsdials.open_dataset(folder).to_batches(batch_size=100):
        bins += len(batch["data"].flatten().to_numpy())
    return {"bins": bins}


if __name__ == "__main__":
    said = (fetch if len(sys.argv) > 2 else read)(*sys.argv[1:])
    print(json.dumps({**said, "peak": peak()}))
