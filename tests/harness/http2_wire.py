"""HTTP/2 frames written by hand over TLS, for tests and benchmarks that need no HTTP/2 library."""
import socket
import ssl
import struct

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
DATA, HEADERS, PRIORITY, RST, SETTINGS, PUSH, PING, GOAWAY, WINDOW, CONTINUATION = range(10)
END_STREAM, END_HEADERS = 1, 4
PROTOCOL_ERROR, CANCEL, CALM = 1, 8, 11


def frame(kind, flags, stream, payload=b""):
    return struct.pack(">I", len(payload))[1:] + bytes([kind, flags]) + struct.pack(">I", stream) + payload


def literal(name, value):
    return b"\0" + bytes([len(name)]) + name + bytes([len(value)]) + value


def head(*more, method=b"GET", path=b"/v1/sys/health", authority=b"x", scheme=b"https"):
    lines = [(b":method", method), (b":scheme", scheme), (b":authority", authority), (b":path", path), *more]
    return b"".join(literal(n, v) for n, v in lines if v is not None)


def ask(stream, *more, **parts):
    return frame(HEADERS, END_HEADERS | END_STREAM, stream, head(*more, **parts))


class Wire:
    """One TLS connection that has agreed on h2, and the frames the server sent."""

    def __init__(self, server, hello=True):
        context = ssl.create_default_context(cafile=server.directory + "/cert.pem")
        context.set_alpn_protocols(["h2", "http/1.1"])
        self.sock = context.wrap_socket(socket.create_connection(("127.0.0.1", server.port), timeout=10), server_hostname="localhost")
        assert self.sock.selected_alpn_protocol() == "h2", self.sock.selected_alpn_protocol()
        self.buffer, self.frames, self.open = b"", [], True
        if hello:
            self.send(PREFACE + frame(SETTINGS, 0, 0))

    def send(self, wire):
        try:
            self.sock.sendall(wire)
        except OSError:
            self.open = False
        return self.open

    def until(self, found):
        """Reads until a frame pleases `found`, and returns it; None at the end."""
        at = 0
        while True:
            for f in self.frames[at:]:
                if found(*f):
                    return f
            at = len(self.frames)
            try:
                piece = self.sock.recv(65536)
            except OSError:
                piece = b""
            if not piece:
                self.open = False
                return None
            self.buffer += piece
            while len(self.buffer) >= 9:
                size = int.from_bytes(self.buffer[:3], "big")
                if len(self.buffer) < 9 + size:
                    break
                self.frames.append((self.buffer[3], self.buffer[4], int.from_bytes(self.buffer[5:9], "big"), self.buffer[9:9 + size]))
                self.buffer = self.buffer[9 + size:]

    def ends(self, stream):
        return self.until(lambda kind, flags, at, _: at == stream and (kind == RST or (kind in (DATA, HEADERS) and flags & END_STREAM)))

    def goaway(self):
        """The error code of the server's last words; None without them."""
        f = self.until(lambda kind, *_: kind == GOAWAY)
        return struct.unpack(">I", f[3][4:8])[0] if f else None
