"""Where claims come from: folders, zips, delimited text, workbooks, databases, a cluster. Each becomes rows that
DuckDB sees."""
