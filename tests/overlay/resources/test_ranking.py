"""Which names a search means, and in which order: of real paths, and of any."""

import re
from typing import Any

import pytest
from cmsdials.errors import FilterError
from cmsdials.resources.ranking import nearest, ranked
from cmsdials_sandbox.mes import CSC, ECAL, JETMET, TRACKER
from hypothesis import example, given
from hypothesis import strategies as st

PX = "PixelPhase1/Tracks/PXBarrel"
CHARGE = f"{PX}/charge_PXLayer_"
NAMES = [
    *{one.me for part in (TRACKER, JETMET, CSC, ECAL) for one in part},
    f"{CHARGE}12",
    f"{CHARGE}21",
    "PixelPhase1/PXLayer_21/charge_2",
    "SiStrip/MechanicalView/TIB/layer_2/NumberOfClusterPerLayer__TIB__layer__2",
    "SiStrip/MechanicalView/TEC/PLUS/ring_7/Summary_ClusterStoNCorr__OnTrack__TEC__PLUS__ring__7",
    "CSC/CSCOfflineMonitor/Occupancy/hORecHitsSerial",
    "JetMET/MET/pfMETT1/Cleaned/SumET_logx",
]

SEARCHES: dict[str, list[str]] = {
    "charge layer 2": [f"{CHARGE}2", "PixelPhase1/PXLayer_21/charge_2", f"{CHARGE}21", f"{CHARGE}12"],
    "2 LAYER charge": [f"{CHARGE}2", "PixelPhase1/PXLayer_21/charge_2", f"{CHARGE}21", f"{CHARGE}12"],
    "charge layer2": [f"{CHARGE}2", f"{CHARGE}21", "PixelPhase1/PXLayer_21/charge_2"],
    "charge_PXLayer_1": [f"{CHARGE}1", f"{CHARGE}12"],
    f"{CHARGE}1": [f"{CHARGE}1", f"{CHARGE}12"],
    "disk -1": ["PixelPhase1/Tracks/PXForward/charge_PXDisk_-1"],
    "EE digi +": ["EcalEndcap/EEOccupancyTask/EEOT digi occupancy EE +"],
    "numclusters": ["PixelPhase1/Phase1_MechanicalView/PXBarrel/num_clusters_PXBarrel"],
    "rec hits serial": ["CSC/CSCOfflineMonitor/Occupancy/hORecHitsSerial"],
    "met sig": ["JetMET/MET/pfMETT1/Cleaned/METSig"],
    "ring 7 tec": [
        "SiStrip/MechanicalView/TEC/PLUS/ring_7/Summary_ClusterStoNCorr__OnTrack__TEC__PLUS__ring__7"
    ],
    "*charge*PXLayer_?": [f"{CHARGE}{layer}" for layer in (1, 2, 3, 4)],
    "charge_pxlayer_[12]*": [f"{CHARGE}{layer}" for layer in (1, 2, 12, 21)],
    "PXBarrel/charge*": [f"{CHARGE}{layer}" for layer in (1, 2, 3, 4, 12, 21)],
    "charge_PXLayer": [f"{CHARGE}{layer}" for layer in (1, 2, 3, 4, 12, 21)],
    "PXLayer_?": [],  # begins behind no slash
    "charge layer 9": [],
}


@pytest.mark.parametrize("text", SEARCHES)
def test_real_paths_are_found_in_this_order(text: str) -> None:
    assert ranked(NAMES, text) == SEARCHES[text]


def test_a_whole_word_comes_before_the_begin_of_one_and_that_before_its_middle() -> None:
    names = ["a/pretrack", "a/track", "a/tracks", "a/PXTrackMap_long", "a/xtracky"]
    assert ranked(names, "track") == ["a/track", "a/PXTrackMap_long", "a/tracks", "a/xtracky", "a/pretrack"]


def test_words_of_the_last_part_and_words_in_a_row_come_first() -> None:
    assert ranked(["eta/of/jet_pt", "jet/eta"], "jet eta") == ["jet/eta", "eta/of/jet_pt"]
    assert ranked(["charge/size_2", "size/charge_2"], "charge") == ["size/charge_2", "charge/size_2"]


def test_without_text_all_come_in_the_order_of_their_numbers() -> None:
    names = ["b", "a_10", "a_9", "a_09", "A_1"]
    assert ranked(names) == ranked(names, "  ") == ["A_1", "a_09", "a_9", "a_10", "b"]


def test_an_expression_tells_case_apart_and_may_be_compiled() -> None:
    assert ranked(NAMES, regex=r"charge_PXLayer_[12]$") == [f"{CHARGE}1", f"{CHARGE}2"]
    assert ranked(NAMES, regex="pxlayer") == []
    assert ranked(NAMES, "charge", re.compile("PXLAYER_1$", re.IGNORECASE)) == [f"{CHARGE}1"]


@pytest.mark.parametrize("regex", ["(", "*", b"bytes", re.compile(b"bytes"), 5, ["a"], "a{99999999999}"])
def test_what_is_no_expression_is_refused(regex: Any) -> None:
    with pytest.raises(FilterError, match="is no regular expression of Python"):
        ranked(NAMES, regex=regex)


@pytest.mark.parametrize("text", [5, ["charge"], b"charge", 1.5, {"a"}])
def test_what_is_not_text_is_refused(text: Any) -> None:
    with pytest.raises(FilterError, match="must be text"):
        ranked(NAMES, text)


# --- of any names

pieces = st.sampled_from(
    [
        "PX",
        "Layer",
        "layer",
        "charge",
        "2",
        "12",
        "_",
        "/",
        " ",
        "-",
        "+",
        "é",
        "ß",
        "İ",
        "[",
        "(",
        "\\",
        "漢",
    ]
)
names = st.lists(pieces, min_size=1, max_size=8).map("".join)
texts = st.lists(pieces.filter(str.strip), min_size=1, max_size=4).map(" ".join)


def found_by_hand(name: str, text: str) -> bool:
    squeezed = re.sub("[ _]", "", name.lower())
    return all(re.sub("[ _]", "", word) in squeezed for word in text.lower().split())


@given(st.lists(names, max_size=12), texts, st.randoms())
@example(["_" * 60 + "a"], "_" * 40 + "b", None)
@example(["a" * 3000], "a" * 500 + "b", None)
def test_whatever_is_found_holds_each_word_and_no_order_comes_from_the_input(
    some: list[str], text: str, random: Any
) -> None:
    found = ranked(some, text)
    assert len(found) == len({*found})
    assert all(one == text.strip() or found_by_hand(one, text) for one in found)
    words = text.lower().split()
    assert {*found} >= {one for one in some if all(word in one.lower() for word in words)}
    mixed = [*some, *some[:3]]
    if random is not None:
        random.shuffle(mixed)
    assert ranked(mixed, text) == found


@given(st.lists(names, max_size=12), names)
def test_the_exact_name_is_first(some: list[str], name: str) -> None:
    if name.strip() == name and "*" not in name:
        assert ranked([*some, name], name)[:1] == [name]


@given(st.lists(names, max_size=8), st.text("ab*?[]!-/é", max_size=8))
def test_a_glob_never_fails_and_only_narrows(some: list[str], text: str) -> None:
    assert {*ranked(some, text)} <= {*some}
    assert {*ranked(some, f"*{text}*")} >= {
        one for one in some if text and not set("*?[") & {*text} and text in one
    }


# --- the nearest


def test_the_nearest_hold_a_part_or_are_spelt_like_it_or_hold_its_words() -> None:
    assert nearest("charge_pxlayer_1", NAMES) == [f"{CHARGE}1", f"{CHARGE}12"]
    assert nearest(f"{CHARGE}9".replace("charge", "chrage"), NAMES)[0].startswith(CHARGE)
    assert nearest("the charge of layer", NAMES)[0].startswith((CHARGE, "PixelPhase1/PXLayer_21"))
    assert nearest("", NAMES) == nearest("?!", NAMES) == nearest("x", []) == []


@given(st.lists(names, max_size=4), st.one_of(names, st.text(max_size=5)))
def test_the_nearest_are_three_at_most_and_do_not_depend_on_the_order(some: list[str], text: str) -> None:
    near = nearest(text, some)
    assert len(near) <= 3
    assert {*near} <= {*some}
    assert nearest(text, some[::-1]) == near
