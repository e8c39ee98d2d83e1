"""The services that DIALS asks on behalf of its users: OMS, CAF, RunRegistry and BRIL.

Here they know the same runs and lumisections as the workspaces, so that joins come out right.  They take no notice
of the header `Workspace`.
"""
