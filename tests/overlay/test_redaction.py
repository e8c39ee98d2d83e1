"""What is masked and what is not."""

import html
import json
from urllib.parse import quote, urlencode

import pytest
from cmsdials.redaction import masked, shortened, without_secrets

JWT = "eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJtZSJ9.c2lnbmF0dXJl"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("https://me:pw@host/x?y=1", "https://host/x?y=1"),
        ("https://me:p@w@host/x", "https://host/x"),
        ("https://host/x?mail=a@b", "https://host/x?mail=a@b"),
        ("X-CLIENT-SECRET: abc", "X-CLIENT-SECRET: ***"),
        ("'HTTP_X_CLIENT_SECRET': 'abc'", "'HTTP_X_CLIENT_SECRET': ***"),
        ("authorization=Basic YWJjOmRlZg==, x", "authorization=***, x"),
        ("sent Bearer abcdefgh.ijkl.", "sent Bearer ***"),
        (f"a {JWT} b", "a *** b"),
        ('{"access_token": "cut in the midd', '{"access_token": ***'),
        ('{"secret": "abc", "next_token": "cursor"}', '{"secret": ***, "next_token": "cursor"}'),
        ("grant_type=x&refresh_token=abc&y=2", "grant_type=x&refresh_token=***&y=2"),
        ('{"code": "authorization_pending"}', '{"code": "authorization_pending"}'),
        (
            "me=PixelPhase1/Tracks/PXBarrel/charge_PXLayer_1",
            "me=PixelPhase1/Tracks/PXBarrel/charge_PXLayer_1",
        ),
    ],
)
def test_what_is_masked(text, shown):
    assert without_secrets(text) == shown
    assert without_secrets(shown) == shown


def test_what_was_sent_is_masked_wherever_it_comes_back():
    body = b"you sent Bearer opaque-token, opaque-token and abc"
    assert masked(body, ["Bearer opaque-token", "abc"]) == b"you sent Bearer ***, *** and abc"


def test_what_is_too_long_is_cut():
    assert shortened(" a\n  b ") == "a b"
    assert shortened("x" * 301) == "x" * 297 + "..."
    assert shortened("abcdef", 5) == "ab..."


@pytest.mark.parametrize("secret", ["gr\u00fcn-geheim", 'a"b\\c/d+e&f <g>', "a+b=c d"])
@pytest.mark.parametrize(
    "repeated",
    [
        str.encode,
        lambda secret: secret.encode("latin-1"),
        lambda secret: json.dumps({"detail": secret}).encode(),
        lambda secret: json.dumps({"detail": secret}, ensure_ascii=False).encode(),
        lambda secret: html.escape(secret).encode(),
        lambda secret: urlencode({"client_id": secret}).encode(),
        lambda secret: quote(secret, safe="").encode(),
        lambda secret: urlencode({"client_id": secret}, encoding="latin-1").encode(),
    ],
)
def test_a_secret_is_masked_however_it_is_written(secret, repeated):
    shown = masked(b"before " + repeated(secret) + b" after", [f"Bearer {secret}"])
    assert b"***" in shown
    assert not any(part in shown for part in (b"geheim", b"c/d", b"c%2Fd", b"c d", b"c+d", b"c%20d"))
    assert (shown[:7], shown[-6:]) == (b"before ", b" after")
