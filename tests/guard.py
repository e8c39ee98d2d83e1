"""That no server or browser outlives the tests, however they end."""

COMMAND = '"$@" </dev/null & exec >&- 2>&-; read -r; kill -KILL 0'
"""For bash: runs the command in its arguments, and ends everything in its group with whoever started it, as its input ends then."""
