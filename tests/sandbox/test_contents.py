"""Histogram contents: counts that add up, depend on nothing but the key and the seed, and look like physics."""

import numpy as np
import pytest
from cmsdials_sandbox import serve
from cmsdials_sandbox.counting import counts
from cmsdials_sandbox.mes import CSC, ECAL, EGAMMA, GLOBAL, HCAL, JETMET, MUON, TRACKER
from cmsdials_sandbox.shapes import SHAPES

EVERY = [*TRACKER, *JETMET, *ECAL, *HCAL, *EGAMMA, *MUON, *CSC, *GLOBAL]
ONE_OF_EACH = list({me.shape: me for me in EVERY}.values())
BY_ID = {me.me_id: me for me in TRACKER}


def keys(me, n=20):
    return [(14677060, 367112 + i % 3, 1 + i, me.me_id) for i in range(n)]


def test_every_shape_is_used():
    assert {me.shape for me in EVERY} == set(SHAPES)


@pytest.mark.parametrize("me", ONE_OF_EACH, ids=lambda me: me.shape)
@pytest.mark.parametrize("entries", [0, 1, 7, 1_000, 300_000])
def test_counts_add_up(me, entries):
    made = counts(me, keys(me), [entries] * 20, seed=1)
    flat = made.reshape(20, -1)
    assert (flat.sum(axis=1) == entries).all()
    assert (flat >= 0).all()
    assert (flat == np.floor(flat)).all()


@pytest.mark.parametrize("me", ONE_OF_EACH, ids=lambda me: me.shape)
def test_a_histogram_does_not_depend_on_its_page(me):
    together = counts(me, keys(me), [5_000] * 20, seed=1)
    alone = counts(me, keys(me)[7:8], [5_000], seed=1)
    assert (together[7] == alone[0]).all()
    assert (together[7] != counts(me, keys(me)[7:8], [5_000], seed=2)[0]).any()
    assert (together[7] != together[10]).any()


def test_a_long_page_is_made_in_parts():
    me = BY_ID[141]
    made = counts(me, keys(me, 60), [9_000] * 60, seed=1)
    assert made.shape == (60, 100, 100)
    assert (made[-1] == counts(me, keys(me, 60)[-1:], [9_000], seed=1)[0]).all()


def test_charge_has_a_peak_and_a_long_tail():
    charge = counts(BY_ID[1], keys(BY_ID[1], 1), [60_000], seed=1)[0]
    peak = charge.argmax()
    assert 30 < peak < 80
    assert charge[:peak].sum() < charge[peak:].sum()


def test_pt_falls_and_eta_has_two_humps():
    pt = counts(BY_ID[60], keys(BY_ID[60], 1), [8_000], seed=1)[0]
    assert pt[:10].sum() > 5 * pt[20:30].sum() > 0
    eta = counts(BY_ID[50], keys(BY_ID[50], 1), [200_000], seed=1)[0]
    assert min(eta[20:35].max(), eta[65:80].max()) > 1.1 * eta[45:55].mean()


def test_pixel_maps_have_an_empty_cross_and_dead_modules():
    me = BY_ID[100]
    made = counts(me, keys(me, 1), [3_000_000], seed=1)[0]
    assert made.shape == (26, 72)
    assert made[:, 32:40].sum() == 0
    assert made[12:14].sum() == 0
    modules = made.reshape(13, 2, 9, 8).sum(axis=(1, 3))
    modules = np.delete(np.delete(modules, 6, axis=0), 4, axis=1)
    assert 1 <= (modules == 0).sum() <= 4


def test_endcaps_are_disks_with_a_hole():
    made = counts(BY_ID[141], keys(BY_ID[141], 1), [3_000_000], seed=1)[0]
    assert made[0, 0] == made[50, 50] == made[99, 99] == 0
    assert made[50, 70] > 0


def test_served_contents_add_up_to_entries(either):
    for path, me_id in (("th1/", 1), ("th2/", 100)):
        for row in either.json(path, run_number=367112, me_id=me_id, page_size=20)["results"]:
            assert np.array(row["data"]).sum() == row["entries"]


def test_entries_fall_with_the_pileup(either):
    rows = either.rows("th1/", run_number=367112, me_id=1, fields="entries", page_size=500)
    entries = [row["entries"] for row in rows if row["entries"] > 100]
    assert np.mean(entries[:20]) > 1.1 * np.mean(entries[-20:])


def test_a_seed_changes_contents_but_not_keys(now):
    path = "th1/14677060/367112/10/1/"
    with serve(seed=2) as other:
        answer = now.client.get(f"{other.url}api/v1/{path}").json()
    mine = now.json(path)
    assert answer["data"] != mine["data"]
    assert {name for name in mine if mine[name] != answer[name]} <= {"data", "entries"}
