"""Whether csv on standard input holds what JSON Lines in a file hold: samecsv.py FILE."""
import csv
import json
import sys


def value(flow, field):
    for key in field.split("."):
        if key not in flow:
            return ""
        flow = flow[key]
    return ",".join(flow) if isinstance(flow, list) else str(flow)


with open(sys.argv[1], encoding="utf-8") as file:
    flows = [json.loads(line) for line in file]
reader = csv.reader(sys.stdin, strict=True)
heading = next(reader)
rows = list(reader)
if len(rows) != len(flows):
    sys.exit(f"{len(rows)} rows instead of {len(flows)}")
for number, (row, flow) in enumerate(zip(rows, flows), 1):
    if len(row) != len(heading):
        sys.exit(f"row {number} has {len(row)} cells instead of {len(heading)}")
    for field, cell in zip(heading, row):
        if cell != value(flow, field):
            sys.exit(f"row {number}: {field} is {cell!r} instead of {value(flow, field)!r}")
