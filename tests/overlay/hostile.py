"""Text that a terminal, a notebook or a log would obey, and whether a text is free of it.

Written from the standards (ECMA-48, UAX 9), not from what the client does.
"""

import unicodedata

PAYLOADS = {
    "colour": "\x1b[31mred\x1b[0m",
    "cursor up and erase": "\x1b[1A\x1b[2Kgone",
    "clear the screen": "\x1b[2J\x1b[H",
    "whole reset": "\x1bc",
    "alternate screen": "\x1b[?1049h",
    "link (OSC 8)": "\x1b]8;;https://evil.test\x1b\\DIALS\x1b]8;;\x1b\\",
    "clipboard (OSC 52)": "\x1b]52;c;cm0gLXJmIH4=\x07",
    "title (OSC 2)": "\x1b]2;you are root\x07",
    "palette (OSC 4)": "\x1b]4;1;?\x1b\\",
    "notification (OSC 9)": "\x1b]9;pwned\x07",
    "device control (DCS)": "\x1bP$q q\x1b\\",
    "answerback (DECRQSS)": "\x1bP+q544e\x1b\\",
    "privacy message": "\x1b^secret\x1b\\",
    "application command": "\x1b_Gf=24;AAAA\x1b\\",
    "C1 CSI": "\x9b31mred",
    "C1 OSC": "\x9d2;title\x9c",
    "C1 DCS": "\x90q\x9c",
    "next line (C1)": "a\x85b",
    "an escape that is cut off": "text \x1b",
    "bell": "ding\x07",
    "backspaces": "good\x08\x08\x08\x08evil",
    "carriage return": "HTTP 500\rHTTP 200 OK",
    "line feed": "one\n2026-11-28 00:00:00 INFO all is well",
    "CR LF": "one\r\nSet-Cookie: x=1",
    "indented second line": "one\n    two",
    "form feed and vertical tabulator": "a\x0cb\x0bc",
    "separators": "a\x1cb\x1db\x1eb\x1fb",
    "NUL and DEL": "a\x00b\x7fc",
    "shift out": "\x0eabc\x0f",
    "right-to-left override": "file\u202egpj.exe",
    "embeddings": "\u202aa\u202bb\u202cc\u202dd",
    "isolates": "\u2066a\u2067b\u2068c\u2069",
    "marks of direction": "a\u200eb\u200fc\u061cd",
    "zero width": "log\u200bin\u200c \u200dhere\u2060\ufeff",
    "line and paragraph separators": "a\u2028b\u2029c",
    "soft hyphen": "ad\u00admin",
    "tags": "a\U000e0041\U000e0042\U000e007fb",
    "annotations": "\ufff9a\ufffab\ufffb",
    "fillers": "a\u3164b\uffa0c\u115f\u1160",
    "lone surrogates": "a\ud800b\udfffc",
    "bytes of a file name": "a\udc9b31m\udcff",
    "combining flood": "Z" + "\u0335\u0323\u0301\u20dd" * 40,
    "long line": "x" * 20_000,
    "long and coloured": "\x1b[5m" * 2_000,
    "markup of rich": "[red]a[/red] [link=https://evil.test]b[/link] [/] [bold",
    "HTML": "<script>alert(1)</script><img src=x onerror=alert(2)>\"'&<!--",
    "emoji names": ":skull: :warning:",
}

_OBEYED = (
    {chr(code) for code in (*range(0x20), *range(0x7F, 0xA0))}
    | set(map(chr, (*range(0x200B, 0x2010), *range(0x2028, 0x202F), *range(0x2060, 0x2070))))
    | set("\u061c\u00ad\ufeff\ufff9\ufffa\ufffb\u3164\uffa0\u115f\u1160")
    | set(map(chr, (*range(0xD800, 0xE000), *range(0xE0000, 0xE0080))))
)


def obeyed_in(text: str, *, lines: bool = False) -> list[str]:
    """What a terminal would obey in a text, or a reader would not see; none if it may be shown."""
    allowed = "\n\t" if lines else ""
    found = [repr(one) for one in sorted(_OBEYED & set(text)) if one not in allowed]
    marks = 0
    for one in text:
        marks = marks + 1 if unicodedata.category(one) in ("Mn", "Me") else 0
        if marks > 8:
            found.append("a heap of accents")
            break
    return found
