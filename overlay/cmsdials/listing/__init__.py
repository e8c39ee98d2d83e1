"""Listings: their pages, their result, and the file that keeps it. Nothing here sends requests."""
