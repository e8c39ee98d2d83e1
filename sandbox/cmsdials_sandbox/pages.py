"""The HTML pages that come instead of JSON: of a server error, and of a request that cannot be read."""

import html

BREAKDOWN_PAGE = """\
<!doctype html>
<html lang="en">
<head><title>Server Error (500)</title></head>
<body><h1>Server Error (500)</h1></body>
</html>
"""


def bad_request_page(reason: str) -> str:
    """Return the page of a request that is refused unread."""
    return f"""\
<!doctype html>
<html lang="en">
<head><title>Bad Request</title></head>
<body><h1>Bad Request</h1><p>{html.escape(reason)}</p></body>
</html>
"""
