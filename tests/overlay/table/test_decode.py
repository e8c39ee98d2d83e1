"""Bytes that are no JSON."""

import pytest
from cmsdials.errors import DecodeError
from cmsdials.table.decode import read_json


def test_json_that_is_not_whole():
    assert read_json(b'{"a": 1}') == {"a": 1}
    with pytest.raises(DecodeError, match=r"not whole JSON \(.*; 7 bytes\)") as caught:
        read_json(b'{"next"')
    assert caught.value.__context__ is None
