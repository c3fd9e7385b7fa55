"""Rewrites a netlink capture as a machine of the other byte order would have made it."""
import struct
import sys

with open(sys.argv[1], "rb") as file:
    capture = file.read()
FROM, TO = "<>" if capture[3] == 0xa1 else "><"  # the end of the magic number


def attributes(data, depth=0):
    out, i = b"", 0
    while len(data) - i >= 4:
        length, kind = struct.unpack_from(FROM + "HH", data, i)
        payload = data[i + 4:i + length]
        if kind & 0x8000:
            payload = attributes(payload, depth + 1)
        elif depth == 0 and kind == 22:  # labels: longs of the sender
            payload = b"".join(payload[k:k + 8][::-1] for k in range(0, len(payload), 8))
        out += struct.pack(TO + "HH", length, kind) + payload + bytes(-length % 4)
        i += length + -length % 4
    return out


def messages(data):
    out, i = b"", 0
    while len(data) - i >= 16:
        head = struct.unpack_from(FROM + "IHHII", data, i)
        length = head[0]
        out += struct.pack(TO + "IHHII", *head) + data[i + 16:i + 20] + attributes(data[i + 20:i + length])
        i += length + -length % 4
    return out


def main(data, target):
    out, i = struct.pack(TO + "IHHiIII", *struct.unpack(FROM + "IHHiIII", data[:24])), 24
    while i < len(data):
        seconds, part, size, _ = struct.unpack_from(FROM + "IIII", data, i)
        packet = data[i + 16:i + 16 + size]
        packet = packet[:16] + messages(packet[16:])
        out += struct.pack(TO + "IIII", seconds, part, len(packet), len(packet)) + packet
        i += 16 + size
    with open(target, "wb") as file:
        file.write(out)


main(capture, sys.argv[2])
