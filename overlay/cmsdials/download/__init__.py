"""Histograms in a folder: planned, fetched into Parquet files that a manifest vouches for, checked and opened."""
