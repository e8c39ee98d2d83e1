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
        ("Basic authentication is not accepted", "Basic authentication is not accepted"),
        ("Bearer credentials were not sent", "Bearer credentials were not sent"),
        ("Basic authenticationtoken1", "Basic ***"),
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


WORDS = ["sandbox", "dials", "a", "test", "Sandbox", "TEST", "abc", "12345", "gr\u00fcn"]

CREDENTIALS = [
    "X-CLIENT-SECRET: {}",
    "x-client-secret={}",
    "Authorization: Bearer {}",
    "authorization: bearer {}",
    "you sent bearer {}, which is not valid",
    "Bearer {}",
    '{{"client_secret": "{}"}}',
    '{{"client_secret":"{}","x":1}}',
    '{{"token": "{}", "x": 1}}',
    "{{'HTTP_X_CLIENT_SECRET': '{}'}}",
    '"{{\\"secret\\": \\"{}\\"}}"',
    "client_id=x&client_secret={}&y=1",
    "client_secret={}",
    "refresh_token={}",
    "device_code={}",
    "https://h/x?token={}",
    "https://h/?access_token={}&a=b",
    "https://h/?next=%2Fx%3Ftoken%3D{}%26y",
    "https://me:{}@host/",
    "https://{}@host/",
    "https://{}:x@host/",
    '["X-Client-Secret", "{}"]',
    "(b'x-client-secret', b'{}')",
    '<td>HTTP_X_CLIENT_SECRET</td>\n <td class="code"><pre>&#x27;{}&#x27;</pre></td>',
    '<input name="client_secret" value="{}">',
    "&quot;secret&quot;: &quot;{}&quot;",
    "password={};",
    "password => {}",
    "api-key: {}",
    "invalid client secret: {}.",
    "the token '{}' is not valid",
]

SENTENCES = [
    "{}",
    "no such path on {} of the service",
    "the {} is down",
    "workspace '{}' not found",
    '{{"workspace": "{}"}}',
    '{{"detail": "{}"}}',
    "https://{}.cern.ch/x?ws={}",
    "https://host/{}/token",
    "auth_url=https://{}.cern.ch",
    "token of {}",
    "x{}x",
]


@pytest.mark.parametrize("word", WORDS)
@pytest.mark.parametrize("text", CREDENTIALS)
def test_a_secret_that_is_a_word_is_masked_where_a_credential_stands(word: str, text: str) -> None:
    for sent in (word, f"Bearer {word}", f"bearer {word}"):
        assert masked(text.format(word).encode(), [sent]).decode() == text.format("***")


@pytest.mark.parametrize("word", [word for word in WORDS if len(word) > 1])
@pytest.mark.parametrize("text", SENTENCES)
def test_a_secret_that_is_a_word_is_not_masked_in_a_sentence(word: str, text: str) -> None:
    assert masked(text.format(word, word).encode(), [f"Bearer {word}"]).decode() == text.format(word, word)


REAL = [
    "opaque-token",
    "Tr0ub4dor",
    "f81d4fae-7dec-11d0-a765-00a0c91e6bf6",
    "qwertyuiopasdfghj",
    "correct-horse",
    "sandbox1",
    "camelCaseSecret",
    "abcdefghijklm",
    "367112",
    "\u79d8\u5bc6\u79d8\u5bc6\u79d8\u5bc6",
]


@pytest.mark.parametrize("secret", REAL)
@pytest.mark.parametrize("text", [*CREDENTIALS, *SENTENCES])
def test_any_other_secret_is_masked_everywhere(secret: str, text: str) -> None:
    for sent in (secret, f"Bearer {secret}", f"BEARER {secret}", f"Basic {secret}"):
        assert masked(text.format(secret, secret).encode(), [sent]).decode() == text.format("***", "***")


def test_nothing_and_no_secret_leave_a_body_as_it_is() -> None:
    for secrets in ([], [""], ["Bearer "], ["absent-secret"]):
        assert masked(b"token: x, secret = y", secrets) == b"token: x, secret = y"
