"""One request through one step: address, credentials, send, retry. Knows bytes, and nothing of rows."""
