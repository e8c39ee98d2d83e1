"""Headers that are refused."""

import pytest
from cmsdials.errors import ConfigurationError
from cmsdials.http.headers import refuse_unsendable, workspace_refusal

SECRET = "correct-horse-battery-staple"


def test_what_can_be_sent():
    refuse_unsendable({"X-CLIENT-SECRET": SECRET, "accept": "*/*"})
    assert (workspace_refusal("tracker"), workspace_refusal(None)) == (None, None)


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


@pytest.mark.parametrize(
    ("workspace", "says"),
    [
        ("", "it is empty"),
        (" ", "it is empty"),
        ("a\nb", "a line break"),
        ("\u20ac", "cannot carry"),
        (7, "it is int, not text"),
        (f"{SECRET}\n", "a line break"),
        (f" {SECRET}", "blanks"),
        (3 * SECRET, "it has 84 characters"),
        (f"eyJhbGciOi.{SECRET}.x", "looks like a token"),
        (f"Bearer {SECRET}", "looks like a token"),
    ],
)
def test_a_workspace_that_cannot_work(workspace, says):
    refusal = workspace_refusal(workspace)
    assert isinstance(refusal, ConfigurationError)
    assert says in str(refusal)
    assert "belong into credentials" in refusal.advice
    assert SECRET not in str(refusal)
