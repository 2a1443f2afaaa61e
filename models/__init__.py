"""Numbers become risk: no SQL, no files but `bundle.py`."""
