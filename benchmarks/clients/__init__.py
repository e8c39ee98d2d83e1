"""The clients that are measured, one module each, each run in a process of its own: `python -m benchmarks.clients`.

They run in environments that lack all but the client: only the standard library is imported here, and in each module
what its client brings.
"""
