"""How much a scale holds, and that any page of the largest is found quickly."""

import sqlite3
import time
from contextlib import closing

import httpx
from cmsdials_sandbox import serve


def histograms(sandbox):
    total = 0
    for path in sandbox.databases.values():
        with closing(sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True)) as connection:
            total += connection.execute("SELECT sum(count) FROM me").fetchone()[0]
    return total


def test_large_holds_a_million_histograms():
    started = time.perf_counter()
    with serve(scale="large", timeout=600) as sandbox:
        print(f"large was ready after {time.perf_counter() - started:.1f} s")
        assert histograms(sandbox) > 1_000_000
        assert sum(path.stat().st_size for path in sandbox.databases.values()) < 1e9
        with httpx.Client(headers={"X-CLIENT-SECRET": sandbox.secret}, timeout=120) as client:
            answer = client.get(
                f"{sandbox.url}api/v1/th1/",
                params={"page_size": 500, "order_by": "-dataset_id", "fields": "ls_number"},
            )
            assert len(answer.json()["results"]) == 500
            one = client.get(f"{sandbox.url}api/v1/th2/14677060/367112/10/100/").json()
            assert sum(map(sum, one["data"])) == one["entries"]


def test_a_page_is_found_by_a_seek(now):
    key = "dataset_id, run_number, ls_number, me_id"
    plan = now.truth(
        f"EXPLAIN QUERY PLAN SELECT {key} FROM th1 WHERE ({key}) > (14677060, 367112, 10, 1) ORDER BY {key} LIMIT 11"
    )
    assert [step[3].split(" USING")[0] for step in plan] == ["SEARCH th1"]


def test_medium_lies_between(now):
    with serve(scale="medium") as sandbox:
        assert histograms(now.sandbox) < histograms(sandbox) < 1_000_000
