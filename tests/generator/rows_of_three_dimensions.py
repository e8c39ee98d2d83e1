"""Asks a service for 3D histograms and turns them into everything that rows can become. Run by `test_the_day`."""

import json
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, ClassVar
from urllib.parse import parse_qs, urlsplit

import cmsdials
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
from cmsdials import Dials
from cmsdials.auth.secret_key import Credentials
from cmsdials.errors import BinningError, FilterError, SchemaError, UnknownFilterError
from cmsdials.filters import LumisectionHistogram3DFilters
from cmsdials.models import LumisectionHistogram3D

COUNT, SHAPE = 5, (2, 3, 4)  # rows; bins along z, y and x
CONTENTS = np.arange(COUNT * 24, dtype=float).reshape(COUNT, *SHAPE)


def row(at: int) -> dict[str, Any]:
    key = {"dataset_id": 14677060, "file_id": 1, "run_number": 367112, "ls_number": at + 1, "me_id": 7}
    axes = {
        f"{axis}_{end}": value
        for axis, bins in zip("xyz", reversed(SHAPE), strict=True)
        for end, value in (("min", 0.0), ("max", float(bins)), ("bin", bins))
    }
    words = {"dataset": "/ZeroBias/Run2024B-PromptReco-v1/DQMIO", "me": "PixelPhase1/cube"}
    return key | words | axes | {"entries": at, "data": CONTENTS[at].tolist()}


class Service(BaseHTTPRequestHandler):
    asked: ClassVar[list[str]] = []
    uneven = False

    def do_GET(self) -> None:
        url = urlsplit(self.path)
        query = parse_qs(url.query)
        self.asked.append(self.path)
        if url.path == "/api/v1/th3/":
            start, size = int(query.get("next_token", ["0"])[0]), int(query.get("page_size", ["10"])[0])
            rows = [row(at) for at in range(start, min(COUNT, start + size))]
            if "fields" in query:
                names = query["fields"][0].split(",")
                rows = [{name: one[name] for name in names} for one in rows]
            if self.uneven:
                rows[0]["data"][1][2].pop()
            link = f"http://elsewhere/api/v1/th3/?next_token={start + size}" if start + size < COUNT else None
            answer: Any = {"next": link, "previous": None, "results": rows}
        elif url.path.startswith("/api/v1/th3/14677060/"):
            answer = row(2)
        else:
            answer = []
        body = json.dumps(answer).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


def refused(error: type[Exception], call: Any) -> str:
    try:
        call()
    except error as refusal:
        return str(refusal)
    raise AssertionError(error)


def check(dials: Any) -> None:
    given = LumisectionHistogram3DFilters(page_size=2, mean__gte=3, run_number__gte=1)
    refused(FilterError, lambda: LumisectionHistogram3DFilters(mean__gte="x"))
    refused(UnknownFilterError, lambda: LumisectionHistogram3DFilters(meen__gte=3))
    result = dials.h3d.list_all(given, enable_progress=False)
    assert any("mean__gte=3" in one for one in Service.asked)
    assert (len(result), result.complete, result.record) == (COUNT, True, LumisectionHistogram3D)

    one = result[2]
    assert one.data == CONTENTS[2].tolist()
    assert [len(edges) for edges in one.edges] == [5, 4, 3]
    assert one.to_hist().values().shape == (4, 3, 2)
    assert [axis.name for axis in one.to_hist().axes] == ["x", "y", "z"]
    np.testing.assert_array_equal(one.to_hist().values(), CONTENTS[2].T)
    assert dials.h3d.get(14677060, 367112, 3, 7) == one

    arrays = result.to_numpy()
    np.testing.assert_array_equal(arrays["data"], CONTENTS)
    assert arrays["z_bin"].tolist() == [2] * COUNT
    (grouped,) = result.to_numpy(group_by="me_id").values()
    np.testing.assert_array_equal(grouped["data"], CONTENTS)

    frame = result.to_pandas()
    np.testing.assert_array_equal(cmsdials.stack(frame["data"]), CONTENTS)
    cell = frame["data"][1]
    assert (cell.shape, cell[1][2][3], cell[1, 2, 3], cell.sum()) == (
        SHAPE,
        CONTENTS[1, 1, 2, 3],
        CONTENTS[1, 1, 2, 3],
        CONTENTS[1].sum(),
    )
    assert cell + 1 == CONTENTS[1] + 1
    assert cell == cell.copy()
    assert result.to_pandas(cells="list")["data"][1] == CONTENTS[1].tolist()
    frame.to_parquet("rows.parquet")
    np.testing.assert_array_equal(cmsdials.stack(pd.read_parquet("rows.parquet")["data"]), CONTENTS)

    table = result.to_arrow()
    assert table.schema.field("data").type == pa.list_(pa.list_(pa.list_(pa.float64())))
    assert table["data"].to_pylist() == CONTENTS.tolist()
    np.testing.assert_array_equal(cmsdials.stack(table["data"]), CONTENTS)
    pq.write_table(table, "rows.arrow.parquet")
    assert pq.read_table("rows.arrow.parquet").equals(table)
    assert "4 x 3 x 2 bins" in result._repr_html_()

    result.save("rows.dials")
    again = cmsdials.load("rows.dials")
    assert [*again] == [*result]
    np.testing.assert_array_equal(again.to_numpy()["data"], CONTENTS)

    result[0].data[1][0][0] = -1.0
    assert result.to_numpy()["data"][0, 1, 0, 0] == -1.0
    result[0].data = [1.0]
    refused(BinningError, result.to_numpy)

    alone = dials.h3d.list_all(fields=["me_id", "data"], enable_progress=False).to_numpy()
    np.testing.assert_array_equal(alone["data"], CONTENTS)
    refused(FilterError, lambda: dials.h3d.list_all(LumisectionHistogram3DFilters(order_by=["z_bin"])))
    Service.uneven = True
    said = refused(SchemaError, lambda: dials.h3d.list_all(retries=0, enable_progress=False))
    Service.uneven = False
    assert "has 3 numbers, and the first row has 4" in said, said


def main() -> None:
    assert str(Path(cmsdials.__file__)).startswith(sys.argv[1])
    with ThreadingHTTPServer(("127.0.0.1", 0), Service) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        address = f"http://127.0.0.1:{server.server_port}/"
        try:
            with Dials(Credentials(token="a-secret"), "tracker", address) as dials:
                check(dials)
        finally:
            server.shutdown()
            thread.join()
    print("all forms agree")


if __name__ == "__main__":
    main()
