"""Concurrency: how a listing is cut into parts, and the threads that fetch them."""
