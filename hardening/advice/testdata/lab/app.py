"""Answers over HTTP and counts requests in a file."""
import os
import socket
import sys
import threading

state = sys.argv[1]


def serve(conn):
    conn.recv(4096)
    path = os.path.join(state, "count")
    n = int(open(path).read()) + 1 if os.path.exists(path) else 1
    with open(path, "w") as f:
        f.write(str(n))
    names = [name for _, name in socket.if_nameindex()]
    conn.sendall(b"HTTP/1.0 200 OK\r\n\r\npython %d %s lab-python\n" % (n, ",".join(names).encode()))
    conn.close()


server = socket.create_server(("127.0.0.1", 8083))
while True:
    connection, _ = server.accept()
    threading.Thread(target=serve, args=(connection,)).start()
