"""Headers that are refused."""

import pytest
from cmsdials.errors import ConfigurationError
from cmsdials.headers import checked_workspace, refuse_unsendable

SECRET = "correct-horse-battery-staple"


def test_what_can_be_sent():
    refuse_unsendable({"X-CLIENT-SECRET": SECRET, "accept": "*/*"})
    assert (checked_workspace("tracker"), checked_workspace(None)) == ("tracker", None)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("X-A", f"{SECRET}\n"),
        ("X-A", f"{SECRET}\nHost: x"),
        ("X-A", f"{SECRET}€"),
        ("X-A", ""),
        ("X-A", None),
        ("Ünsinn", SECRET),
        ("a b", SECRET),
        ("", SECRET),
    ],
)
def test_what_cannot_be_sent(name, value):
    with pytest.raises(ConfigurationError, match="cannot be sent") as caught:
        refuse_unsendable({name: value})
    assert repr(name) in str(caught.value)
    assert SECRET not in str(caught.value)


@pytest.mark.parametrize("workspace", ["", " ", "a\nb", "\u20ac", 7])
def test_a_workspace_that_cannot_work(workspace):
    with pytest.raises(ConfigurationError, match="workspace"):
        checked_workspace(workspace)
