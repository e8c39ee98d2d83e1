"""The clients that are measured, one module each, each run in its own process: `python -m benchmarks.clients`.

Their environments contain only the client: this package imports only the standard library, and each module also
what its client brings.
"""
