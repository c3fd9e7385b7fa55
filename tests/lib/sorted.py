"""Whether lines of JSON on standard input are the lines of a file in the order asked for.

    sorted.py FILE FIELD[,-FIELD...] [N]

Equal ones stay in the order of the file; what lacks a field comes last, whichever the direction.
"""
import ipaddress
import json
import sys

NAMES = {"proto": "protonum", "src": "orig.src", "dst": "orig.dst", "sport": "orig.sport", "dport": "orig.dport",
         "icmp.id": "orig.icmp.id"}


def value(flow, field):
    if field in ("bytes", "packets"):
        counts = [flow[side].get(field) for side in ("orig", "reply")]
        return None if None in counts else sum(counts)
    for key in NAMES.get(field, field).split("."):
        if not isinstance(flow, dict) or key not in flow:
            return None
        flow = flow[key]
    if field.split(".")[-1] in ("src", "dst", "addr"):
        address = ipaddress.ip_address(flow)
        return (address.version, int(address))
    return flow


def arrange(flows, orders):
    for order in reversed(orders):
        field = order.lstrip("-")
        there = [flow for flow in flows if value(flow, field) is not None]
        absent = [flow for flow in flows if value(flow, field) is None]
        # sort() keeps the order of equal ones in reverse, too.
        there.sort(key=lambda flow, field=field: value(flow, field), reverse=order.startswith("-"))
        flows = there + absent
    return flows


with open(sys.argv[1], encoding="utf-8") as file:
    wanted = arrange([json.loads(line) for line in file], sys.argv[2].split(","))
if len(sys.argv) > 3:
    wanted = wanted[:int(sys.argv[3])]
found = [json.loads(line) for line in sys.stdin]
if len(found) != len(wanted):
    sys.exit(f"{len(found)} lines instead of {len(wanted)}")
for number, (ours, theirs) in enumerate(zip(found, wanted), 1):
    if ours != theirs:
        sys.exit(f"line {number}: {ours}\nwanted: {theirs}")
