"""The warehouse on disk: files in buckets, published whole or not at all, and jobs over its buckets."""
