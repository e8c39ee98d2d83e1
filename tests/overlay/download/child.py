"""A process that downloads, to be killed: `python child.py URL SECRET FOLDER [SHARD]`. It says when it begins."""

import sys

from cmsdials import Dials
from cmsdials.auth.secret_key import Credentials
from cmsdials.filters import LumisectionHistogram1DFilters

FILTERS = {"dataset__regex": "2024B", "me__regex": "PXLayer_[12]", "run_number__lte": 379180}
ROWS = 500

if __name__ == "__main__":
    url, secret, folder, *shard = sys.argv[1:]
    dials = Dials(Credentials(token=secret), "tracker", url)
    print("ready", flush=True)
    filters = LumisectionHistogram1DFilters(**FILTERS, page_size=20)
    dials.h1d.download(filters, folder, rows_per_file=ROWS, shard=shard[0] if shard else None)
