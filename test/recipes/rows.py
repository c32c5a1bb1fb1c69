"""Runs a recipe and prints the rows of its `busy` as a list of lists in JSON, whatever library made it."""

import json
import sys

recipe = {}
with open(sys.argv[1], encoding="utf-8") as file:
    exec(compile(file.read(), sys.argv[1], "exec"), recipe)
busy = recipe["busy"]

if hasattr(busy, "itertuples"):  # pandas
    rows = busy.itertuples(index=False, name=None)
elif hasattr(busy, "to_pylist"):  # pyarrow
    rows = [list(row.values()) for row in busy.to_pylist()]
elif hasattr(busy, "fetchall"):  # DuckDB
    rows = busy.fetchall()
elif hasattr(busy, "rows"):  # polars
    rows = busy.rows()
else:  # Spark
    rows = busy.collect()
print(json.dumps([list(row) for row in rows], default=int))  # counts of NumPy
