"""Sends one request: address, credentials, transfer, retries. Knows bytes, and nothing about rows."""
