"""Prints each row of an answer on its own line, as Python does it best: the whole file, orjson, one write."""

import sys

import orjson

with open(sys.argv[1], "rb") as file:
    answer = orjson.loads(file.read())
rows = answer["entities"] if "entities" in answer else answer["results"]
sys.stdout.buffer.writelines(orjson.dumps(row, option=orjson.OPT_APPEND_NEWLINE) for row in rows)
