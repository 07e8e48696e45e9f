"""A client for the programs of the lab: client.py PROTOCOL ARGUMENTS..."""
import socket
import struct
import sys
import time


def connect(port):
    """A service may listen a while after its start."""
    last = time.monotonic() + 20
    while True:
        try:
            return socket.create_connection(("127.0.0.1", port), 5)
        except ConnectionRefusedError:
            if time.monotonic() > last:
                sys.exit("nothing listens on port %d" % port)
            time.sleep(0.1)


def talk(port, data, until):
    with connect(port) as s:
        s.sendall(data)
        got = b""
        while until not in got:
            part = s.recv(4096)
            if not part:
                break
            got += part
    if until not in got:
        sys.exit("no %r in the answer %r" % (until, got))
    return got


def dns(name, want):
    labels = b"".join(bytes([len(p)]) + p.encode() for p in name.split("."))
    query = struct.pack(">HHHHHH", 4711, 0x0100, 1, 0, 0, 0) + labels + b"\0" + struct.pack(">HH", 1, 1)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        s.settimeout(5)
        s.sendto(query, ("127.0.0.1", 53))
        answer = s.recv(512)
    if socket.inet_aton(want) not in answer:
        sys.exit("no %s in the answer %r" % (want, answer))


protocol, *args = sys.argv[1:]
if protocol == "http":
    talk(int(args[0]), b"GET / HTTP/1.0\r\nHost: lab\r\n\r\n", args[1].encode())
elif protocol == "redis":
    talk(6379, b"PING\r\n", b"+PONG")
    talk(6379, b"SET k lab-value\r\n", b"+OK")
    talk(6379, b"GET k\r\n", b"lab-value")
    talk(6379, b"SAVE\r\n", b"+OK")
elif protocol == "memcached":
    talk(11211, b"set k 0 0 5\r\nvalue\r\n", b"STORED")
    talk(11211, b"get k\r\n", b"value")
elif protocol == "dns":
    dns(*args)
