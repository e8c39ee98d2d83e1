"""When a run was taken: dates are computed from run numbers, so that all dates in the sandbox are consistent and fixed."""

from datetime import UTC, datetime, timedelta

# A straight line through two real runs; accurate to some months, which is enough for synthetic data.
_FIRST_RUN, _FIRST_DATE = 360392, datetime(2022, 10, 16, 12, tzinfo=UTC)
_LAST_RUN, _LAST_DATE = 386951, datetime(2024, 10, 12, 12, tzinfo=UTC)
_PER_RUN = (_LAST_DATE - _FIRST_DATE) / (_LAST_RUN - _FIRST_RUN)

LS_SECONDS = 23.31


def taken(run_number: int, ls_number: int = 1) -> datetime:
    """The start of a lumisection."""
    start = _FIRST_DATE + (run_number - _FIRST_RUN) * _PER_RUN
    return start.replace(microsecond=0) + timedelta(seconds=round((ls_number - 1) * LS_SECONDS))


def iso(moment: datetime) -> str:
    """ISO 8601 with a Z, as the service writes dates."""
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")
