"""Times of emitted records: which forms are read, as what, and what is refused."""

from __future__ import annotations

import datetime as dt
import pickle
import subprocess
import sys
from pathlib import Path

import pytest
from cmsdials_api.errors import MalformedAnswer
from cmsdials_api.models import DatasetIndex, FileIndex, MLModelsIndex
from cmsdials_api.records import Field
from hypothesis import given
from hypothesis import strategies as st

TIME = Field("creation_date", "datetime", required=True, nullable=False)

READ = {
    # What DIALS sends
    "2024-04-08T10:00:00Z": "2024-04-08T10:00:00+00:00",
    "2024-04-08T10:00:00.250000Z": "2024-04-08T10:00:00.250000+00:00",
    "2024-04-08T10:00:00.250000+02:00": "2024-04-08T10:00:00.250000+02:00",
    # Dates
    "2024": "2024-01-01T00:00:00",
    "2024-04": "2024-04-01T00:00:00",
    "2024-04-08": "2024-04-08T00:00:00",
    "20240408": "2024-04-08T00:00:00",
    "2024-123": "2024-05-02T00:00:00",
    "2024123": "2024-05-02T00:00:00",
    "2024-366": "2024-12-31T00:00:00",
    "2024-W15": "2024-04-08T00:00:00",
    "2024-W15-2": "2024-04-09T00:00:00",
    "2024W152": "2024-04-09T00:00:00",
    "2024-123T10:00:00Z": "2024-05-02T10:00:00+00:00",
    "0001-01-01T00:00:00Z": "0001-01-01T00:00:00+00:00",
    "9999-12-31T23:59:59.999999Z": "9999-12-31T23:59:59.999999+00:00",
    # Times of the day
    "2024-04-08T10": "2024-04-08T10:00:00",
    "2024-04-08T10:30": "2024-04-08T10:30:00",
    "2024-04-08T1030": "2024-04-08T10:30:00",
    "20240408T103000Z": "2024-04-08T10:30:00+00:00",
    "2024-04-08 10:00:00": "2024-04-08T10:00:00",
    "2024-04-08t10:00:00z": "2024-04-08T10:00:00+00:00",
    "2024-04-08T24:00": "2024-04-09T00:00:00",
    "2024-04-08T24:00:00Z": "2024-04-09T00:00:00+00:00",
    "2024-04-08T24:00:00.000+02:00": "2024-04-09T00:00:00+02:00",
    "2024-12-31T24:00:00Z": "2025-01-01T00:00:00+00:00",
    # Fractions
    "2024-04-08T10:00:00,5Z": "2024-04-08T10:00:00.500000+00:00",
    "2024-04-08T10:00:00,123456789": "2024-04-08T10:00:00.123456",
    "2024-04-08T10:00:00.9999999Z": "2024-04-08T10:00:00.999999+00:00",
    # Offsets
    "2024-04-08T10:00:00+02": "2024-04-08T10:00:00+02:00",
    "2024-04-08T10:00:00+0200": "2024-04-08T10:00:00+02:00",
    "2024-04-08T10:00:00+02:00": "2024-04-08T10:00:00+02:00",
    "2024-04-08T10:00:00-0230": "2024-04-08T10:00:00-02:30",
    "2024-04-08T10:00:00-02:30": "2024-04-08T10:00:00-02:30",
    "2024-04-08T10:00:00+00": "2024-04-08T10:00:00+00:00",
    "2024-04-08T10:00:00-0000": "2024-04-08T10:00:00+00:00",
    "2024-04-08T10:00:00+23:59": "2024-04-08T10:00:00+23:59",
    "2024-04-08T10:00:00+02:00:30": "2024-04-08T10:00:00+02:00:30",
}
"""What is sent, and what it says in the one form that Python writes."""

REFUSED = [
    "",
    "yesterday",
    "24-04-08",
    "2024-4-8",
    "2024/04/08",
    "2024-13",
    "2024-02-30",
    "2023-366",
    "2024-000",
    "2024-W54-1",
    "0000-01-01",
    "2024-04T10:00:00Z",
    "2024-04-08T",
    "2024-04-08T10:60",
    "2024-04-08T25:00",
    "2024-04-08T24:01",
    "2024-04-08T24:00:00.000001",
    "2024-04-08T23:59:60Z",
    "9999-12-31T24:00:00Z",
    "2024-04-08T10:00:00.",
    "2024-04-08T10:00:00ZZ",
    "2024-04-08T10:00:00 UTC",
    "2024-04-08T10:00:00+",
    "2024-04-08T10:00:00+2:00",
    "2024-04-08T10:00:00+24:00",
    "2024-04-08T10:00:00+02:00[Europe/Zurich]",
    "２０２４-04-08T10:00:00Z",  # noqa: RUF001
    "\ud800",
]
OTHER_KINDS = [20240408, 2024.0, True, None, b"2024-04-08", [], {}]


@pytest.mark.parametrize(("sent", "read"), READ.items(), ids=READ.keys())
def test_a_form_of_iso_8601_is_read(sent: str, read: str) -> None:
    found = TIME.read(sent)
    assert found.isoformat() == read
    assert found.tzinfo is None or type(found.tzinfo) is dt.timezone


@pytest.mark.parametrize("digits", range(1, 10))
@pytest.mark.parametrize("zone", ["", "Z", "+02:00"])
def test_a_fraction_has_any_number_of_digits(digits: int, zone: str) -> None:
    """Those beyond microseconds are dropped, not rounded."""
    fraction = "987654987"[:digits]
    microsecond = int(fraction.ljust(6, "0")[:6])
    assert TIME.read(f"2024-04-08T10:00:00.{fraction}{zone}").microsecond == microsecond


@pytest.mark.parametrize("sent", [*REFUSED, *OTHER_KINDS], ids=ascii)
def test_what_is_not_a_time_is_refused_with_its_place(sent: object) -> None:
    with pytest.raises(MalformedAnswer, match=r"not of type date and time$") as refusal:
        TIME.read(sent, "results[3].creation_date")
    assert refusal.value.where == "results[3].creation_date"


@pytest.mark.parametrize("zone", ["Z", "z", "+00", "+0000", "+00:00", "-00:00"])
def test_utc_is_python_s_own(zone: str) -> None:
    assert TIME.read(f"2024-04-08T10:00:00{zone}").tzinfo is dt.UTC


def test_a_time_without_a_zone_has_none() -> None:
    assert TIME.read("2024-04-08T10:00:00").tzinfo is None


zones = st.none() | st.builds(
    dt.timezone, st.timedeltas(dt.timedelta(hours=-23, minutes=-59), dt.timedelta(hours=23, minutes=59))
)


@given(
    st.datetimes(timezones=zones),
    st.sampled_from("Tt _"),
    st.sampled_from(["auto", "hours", "minutes", "seconds", "milliseconds", "microseconds"]),
)
def test_what_python_writes_is_read_as_python_reads_it(
    moment: dt.datetime, joint: str, precision: str
) -> None:
    text = moment.isoformat(joint, precision)
    read, expected = TIME.read(text), dt.datetime.fromisoformat(text)
    assert (read.replace(tzinfo=None), read.tzinfo) == (expected.replace(tzinfo=None), expected.tzinfo)
    assert type(read.tzinfo) is type(expected.tzinfo)


@given(st.text() | st.text(alphabet="0123456789-:+.,TtZzW "))
def test_any_text_is_a_time_or_refused(text: str) -> None:
    try:
        read = TIME.read(text)
    except MalformedAnswer:
        assert not python_reads(text)
    else:
        assert isinstance(read, dt.datetime)
        assert read.tzinfo is None or type(read.tzinfo) is dt.timezone


def python_reads(text: str) -> bool:
    try:
        dt.datetime.fromisoformat(text)
    except ValueError:
        return False
    return True


@pytest.mark.parametrize(
    ("record", "name"),
    [
        (DatasetIndex, "last_modification_date"),
        (FileIndex, "creation_date"),
        (FileIndex, "last_modification_date"),
        (MLModelsIndex, "created_at"),
    ],
)
def test_records_read_their_times_so(record: type[DatasetIndex], name: str) -> None:
    read = getattr(record.from_dict({name: "2024-123"}, partial=True), name)
    assert read.isoformat() == "2024-05-02T00:00:00"
    with pytest.raises(MalformedAnswer) as refusal:
        record.from_dict({name: "2024-367"}, partial=True, where="results[1]")
    assert str(refusal.value) == f"results[1].{name} is '2024-367', not of type date and time"


def test_a_frame_of_times_equals_its_parquet_copy(tmp_path: Path) -> None:
    pandas = pytest.importorskip("pandas")
    pytest.importorskip("pyarrow")
    utc = [TIME.read(f"2024-04-08T10:00:00{zone}") for zone in ("Z", ".25z", "+00:00", "-0000")]
    frame = pandas.DataFrame({"utc": utc, "east": [TIME.read("2024-04-08T12:00:00+02:00")] * 4})
    frame.to_parquet(tmp_path / "times")
    assert str(frame["utc"].dtype).endswith(", UTC]")
    pandas.testing.assert_frame_equal(pandas.read_parquet(tmp_path / "times"), frame)


def test_a_pickled_time_needs_no_other_library() -> None:
    times = [TIME.read(sent) for sent in READ]
    assert b"dateutil" not in pickle.dumps(times)
    assert pickle.loads(pickle.dumps(times)) == times


def test_dateutil_is_loaded_with_the_first_time() -> None:
    program = (
        "import sys\n"
        "import cmsdials, cmsdials_api.filters\n"
        "from cmsdials_api.models import FileIndex, Run\n"
        "Run.from_dict({'run_number': 1}, partial=True)\n"
        "print('dateutil' in sys.modules)\n"
        "FileIndex.from_dict({'creation_date': '2024-04-08T10:00:00Z'}, partial=True)\n"
        "print('dateutil' in sys.modules)\n"
    )
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", program], capture_output=True, text=True, check=True, timeout=60
    )
    assert done.stdout.split() == ["False", "True"]
