"""From the bytes of a page to columns, and from columns to rows, frames, tables, arrays and histograms."""
