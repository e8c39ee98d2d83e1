"""Logging in to DIALS: one module for each way, such as ``cmsdials.auth.secret_key``."""
