"""The services that DIALS asks on behalf of its users: OMS, CAF, RunRegistry and BRIL.

Here they have the same runs and lumisections as the workspaces, so that joins work.  They ignore the header
`Workspace`.
"""
