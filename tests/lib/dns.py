# A name server that knows one answer: every address is named host.example. It gives it by TCP only; by UDP it says so.
# Prints a line when it listens, and one for each question.
# Usage: dns.py ADDRESS [silent]        silent: it never answers
import select, socket, struct, sys

def answer(query, truncated):
    name = b"\x04host\x07example\x00"
    record = b"\xc0\x0c" + struct.pack(">HHIH", 12, 1, 60, len(name)) + name
    flags = 0x8580 | (0x0200 if truncated else 0)
    end = query.index(b"\x00", 12) + 5
    head = query[:2] + struct.pack(">HHHHH", flags, 1, 0 if truncated else 1, 0, 0)
    return head + query[12:end] + (b"" if truncated else record)

family = socket.AF_INET6 if ":" in sys.argv[1] else socket.AF_INET
udp = socket.socket(family, socket.SOCK_DGRAM)
tcp = socket.socket(family, socket.SOCK_STREAM)
tcp.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
udp.bind((sys.argv[1], 53))
tcp.bind((sys.argv[1], 53))
tcp.listen()
print("listens", flush=True)
while True:
    for ready in select.select([udp, tcp], [], [])[0]:
        if ready is udp:
            query, peer = udp.recvfrom(4096)
            print("asked", flush=True)
            if len(sys.argv) < 3:
                udp.sendto(answer(query, True), peer)
        else:
            with tcp.accept()[0] as stream:
                stream.settimeout(5)
                size = struct.unpack(">H", stream.recv(2, socket.MSG_WAITALL))[0]
                data = answer(stream.recv(size, socket.MSG_WAITALL), False)
                stream.sendall(struct.pack(">H", len(data)) + data)
