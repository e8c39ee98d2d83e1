"""The HTML pages that come instead of JSON: of a server error, of the gateway, and of a request that cannot be read."""

import html

BREAKDOWN_PAGE = """\
<!doctype html>
<html lang="en">
<head><title>Server Error (500)</title></head>
<body><h1>Server Error (500)</h1></body>
</html>
"""

# As nginx writes it.
GATEWAY_TIMEOUT_PAGE = """\
<html>
<head><title>504 Gateway Time-out</title></head>
<body>
<center><h1>504 Gateway Time-out</h1></center>
<hr><center>nginx</center>
</body>
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
