"""Writes files the contents of which would like to move the cursor: DIR/flows.pcap, text, json, stats, invalid.pcap."""
import json
import pathlib
import struct
import sys

top = pathlib.Path(sys.argv[1])
NASTY = b"a\x1b]0;title\x07\x1b[2J\x9b1m\xc2\x9b1m\r\x08\x7f"


def attribute(kind, payload):
    return struct.pack("=HH", 4 + len(payload), kind) + payload + bytes(-len(payload) % 4)


def nest(kind, *attributes):
    return attribute(kind | 0x8000, b"".join(attributes))


def addresses(source, target):
    return nest(1, attribute(1, bytes(source)), attribute(2, bytes(target)))


def side(kind, source, target, sport, dport):
    proto = nest(2, attribute(1, b"\x06"), attribute(2, struct.pack(">H", sport)), attribute(3, struct.pack(">H", dport)))
    return nest(kind, addresses(source, target), proto)


def message(kind, flags, port, body):
    return struct.pack("=IHHII", 16 + len(body), kind, flags, 1, port) + body


def pcap(path, messages):
    with open(path, "wb") as file:
        file.write(struct.pack("=IHHiIII", 0xa1b2c3d4, 2, 4, 0, 0, 65535, 253))
        for one in messages:
            packet = struct.pack(">HH10xH", 0, 824, 12) + one
            file.write(struct.pack("=IIII", 1700000000, 0, len(packet), len(packet)) + packet)


def flow(flags):
    return message(0x100, flags, 0, struct.pack("=BBH", 2, 0, 0)
                   + side(1, [10, 0, 0, 1], [10, 0, 0, 2], 1, 21) + side(2, [10, 0, 0, 2], [10, 0, 0, 1], 21, 1)
                   + attribute(3, struct.pack(">I", 0xe)) + attribute(12, struct.pack(">I", 7))
                   + nest(5, attribute(1, NASTY + b"\0")) + nest(19, attribute(1, NASTY + b"\0"))
                   + attribute(22, b"\xff" * 16))


pcap(top / "flows.pcap", [flow(2), flow(0x600), flow(0)])
expect = (side(2, [10, 0, 0, 1], [10, 0, 0, 2], 0, 5) + side(1, [10, 0, 0, 1], [10, 0, 0, 2], 1, 21)
          + side(3, [255] * 4, [255] * 4, 0, 65535) + attribute(6, NASTY + b"\0") + attribute(11, NASTY + b"\0"))
pcap(top / "expect.pcap", [message(0x200, 2, 0, struct.pack("=BBH", 2, 0, 0) + expect)])
packet = bytes.fromhex("450000280000400040060000 0a000001 0a000002 00010015 00000000 00000000 50020000 00000000")
pcap(top / "invalid.pcap", [message(0x400, 0, 0, struct.pack("=BBH", 2, 0, 0) + attribute(10, b"nf_ct_proto_6: " + NASTY + b"\0")
                                    + attribute(1, struct.pack(">HBB", 0x800, 1, 0)) + attribute(9, packet))])
line = b"tcp      6 431999 ESTABLISHED src=10.0.0.1 dst=10.0.0.2 sport=1 dport=2 src=10.0.0.2 dst=10.0.0.1 sport=2 dport=1 "
(top / "text").write_bytes(line + b"[ASSURED] mark=0 secctx=" + NASTY.replace(b"\r", b"") + b" helper=" + NASTY.replace(b"\r", b"")
                           + b" use=1\n" + line + NASTY + b"\n" + NASTY + b"\n" + b"tcp 6 1 " + NASTY + b"=1\n")
bad = NASTY.decode("latin-1")
(top / "json").write_text("".join(json.dumps(one) + "\n" for one in [
    {"family": "ipv4", "proto": "tcp", "protonum": 6, "orig": {"src": "10.0.0.1", "dst": "10.0.0.2", "sport": 1, "dport": 2},
     "helper": bad, "secctx": bad, bad: bad},
    {"family": bad}, {"family": "ipv4", "proto": bad, "orig": {"src": bad, "dst": bad}}, {bad: {bad: [bad]}}]))
(top / "stats").write_bytes(b"cpu=0 found=1 " + NASTY + b"=2\nnet.netfilter.nf_conntrack_max = " + NASTY + b"\nnet.netfilter."
                            + NASTY + b" = 7\ncpu=0 found=1 invalid=2\nentries " + NASTY + b" found\n"
                            + json.dumps({"time": bad, "entries": 1, "counters": {bad: {"total": 1}}, "kernel": bad}).encode() + b"\n")
