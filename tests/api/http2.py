#!/usr/bin/env python3
"""HTTP/2 of the real binary: common clients use it, hostile ones are refused, and other connections do not notice.

Prints "N passed, M failed".
"""
import os
import re
import socket
import struct
import subprocess
import sys
import traceback
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "harness"))

from http2_wire import (CANCEL, CONTINUATION, DATA, END_HEADERS, END_STREAM, HEADERS, PING, PREFACE, PRIORITY, PROTOCOL_ERROR, PUSH, RST, SETTINGS,  # noqa: E402
                        WINDOW, Wire, ask, frame, head, literal)
from servers import Server, bao_binary  # noqa: E402

def expect_reset(server, wire_of, error=PROTOCOL_ERROR):
    w = Wire(server)
    w.send(wire_of(1))
    f = w.ends(1)
    assert f and f[0] == RST and struct.unpack(">I", f[3])[0] == error, f
    w.send(ask(3))
    f = w.ends(3)
    assert f and f[0] == DATA, f


def clients_use_it(server):
    """curl and the CLI of OpenBao, whose library every Go client uses, speak HTTP/2 by themselves."""
    ca = server.directory + "/cert.pem"
    done = subprocess.run(["curl", "-sS", "--cacert", ca, "-H", f"X-Vault-Token: {server.token}", "-o", "/dev/null", "-w", "%{http_version} %{http_code}",
                           server.address + "/v1/sys/mounts"], capture_output=True, text=True, timeout=60)
    assert done.stdout == "2 200", done
    done = subprocess.run(["curl", "-sS", "--http1.1", "--cacert", ca, "-o", "/dev/null", "-w", "%{http_version} %{http_code}", server.address + "/v1/sys/health"],
                          capture_output=True, text=True, timeout=60)
    assert done.stdout == "1.1 200", done
    env = {**os.environ, "BAO_ADDR": server.address, "BAO_TOKEN": server.token, "BAO_CACERT": ca, "GODEBUG": "http2debug=1"}
    for words in (["secrets", "enable", "-path=h2", "-version=2", "kv"], ["kv", "put", "-mount=h2", "a", "b=c"], ["kv", "get", "-mount=h2", "a"]):
        done = subprocess.run([bao_binary(), *words], capture_output=True, text=True, timeout=60, env=env)
        assert done.returncode == 0, done.stderr[-500:]
        assert "http2: Transport received HEADERS" in done.stderr, "not HTTP/2"


def large_bodies_cross(server):
    """A body of several windows, both ways."""
    body = Path(server.directory) / "body.json"
    body.write_text('{"data": {"v": "' + "x" * 700_000 + '"}}')
    curl = ["curl", "-sS", "--cacert", server.directory + "/cert.pem", "-H", f"X-Vault-Token: {server.token}", server.address + "/v1/h2/data/large"]
    done = subprocess.run([*curl, "-X", "POST", "--data-binary", f"@{body}"], capture_output=True, text=True, timeout=60)
    assert '"version":1' in done.stdout, done.stdout[-300:]
    done = subprocess.run(curl, capture_output=True, text=True, timeout=60)
    assert len(done.stdout) > 700_000, done.stdout[-300:]


def a_hundred_at_once(server):
    w = Wire(server)
    w.send(b"".join(ask(2 * i + 1) for i in range(100)))
    for i in range(100):
        f = w.ends(2 * i + 1)
        assert f and f[0] == DATA, f


def plain_listeners_do_not_speak_it(_):
    with Server("strongroom").start() as plain, socket.create_connection(("127.0.0.1", plain.port), timeout=10) as s:
        s.sendall(PREFACE + frame(SETTINGS, 0, 0))
        assert s.recv(1000).startswith(b"HTTP/1.1 505"), "answered"


def bad_heads_reset_the_stream(server):
    for more in ([(b"X-Upper", b"1")], [(b"connection", b"close")], [(b"transfer-encoding", b"chunked")], [(b"te", b"gzip")], [(b"a", b"b\r\nc: d")],
                 [(b":path", b"/x")], [(b":status", b"200")], [(b"content-length", b"4")], [(b"content-length", b"0"), (b"content-length", b"0")]):
        expect_reset(server, lambda stream, more=more: ask(stream, *more))
    for parts in ({"method": None}, {"path": None}, {"scheme": None}, {"authority": None}, {"path": b"x"}, {"path": b"/a b"}, {"method": b"G T"}):
        expect_reset(server, lambda stream, parts=parts: ask(stream, **parts))


def refusals_are_answered(server):
    for wire in (ask(1, (b"host", b"other")), ask(1, scheme=b"http"), frame(HEADERS, END_HEADERS | END_STREAM, 1, literal(b":method", b"CONNECT") + literal(b":authority", b"x:1")),
                 frame(HEADERS, END_HEADERS, 1, head((b"content-length", b"99999999"), method=b"PUT")), ask(1, *[(b"a%d" % i, b"b") for i in range(101)])):
        w = Wire(server)
        w.send(wire)
        f = w.ends(1)
        assert f and f[0] == DATA and b'{"errors":["' in f[3], f
        w.send(ask(3))
        assert w.ends(3)[0] == DATA


def floods_end_the_connection(server):
    def flood(piece, first=b""):
        w = Wire(server)
        w.send(first)
        for i in range(100):
            if not w.send(b"".join(piece(100 * i + n) for n in range(100))):
                break
        code = w.goaway()
        assert not w.open or code is not None, "bore 10,000"
        return code
    flood(lambda n: ask(2 * n + 1) + frame(RST, 0, 2 * n + 1, struct.pack(">I", CANCEL)))
    flood(lambda n: frame(HEADERS, END_HEADERS, 2 * n + 1, head(method=b"PUT")) + frame(WINDOW, 0, 2 * n + 1, b"\0\0\0\0"))
    flood(lambda n: frame(PING, 0, 0, b"12345678"))
    flood(lambda n: frame(SETTINGS, 0, 0, b"\0\4\0\0\xff\xff"))
    flood(lambda n: frame(DATA, 0, 1), first=frame(HEADERS, END_HEADERS, 1, head(method=b"PUT")))
    flood(lambda n: frame(CONTINUATION, 0, 1, literal(b"a", b"b")), first=frame(HEADERS, 0, 1, head()))
    flood(lambda n: frame(PRIORITY, 0, 2 * n + 1, b"\0\0\0\0\0"))


def broken_frames_end_the_connection(server):
    for wire in (frame(DATA, 0, 0, b"x"), frame(PUSH, END_HEADERS, 1, b"\0\0\0\2"), frame(SETTINGS, 0, 1), frame(SETTINGS, 0, 0, b"\0\4\xff\xff\xff\xff"), frame(PING, 0, 0, b"1"),
                 frame(WINDOW, 0, 0, b"\0\0\0\0"), frame(CONTINUATION, END_HEADERS, 1), frame(HEADERS, END_HEADERS | END_STREAM, 2, head()), frame(DATA, 0, 1, b"x" * 20000),
                 frame(HEADERS, END_HEADERS | END_STREAM, 1, b"\xff\xff\xff\xff\xff\xff"), frame(DATA, 8, 5, b"\xff")):
        w = Wire(server)
        w.send(wire)
        assert w.goaway() not in (None, 0), wire[:20]
    w = Wire(server, hello=False)
    w.send(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n" + b" " * 100)
    w.until(lambda *_: False)
    assert not w.open


def memory_stays_small(server):
    """Twenty clients that open every stream with as much body as they may, and never end them."""
    before = server.rss_anon()
    wires = []
    for _ in range(20):
        w = Wire(server)
        for i in range(100):
            w.send(frame(HEADERS, END_HEADERS, 2 * i + 1, head((b"x-vault-token", server.token.encode()), method=b"PUT", path=b"/v1/h2/data/x")) +
                   b"".join(frame(DATA, 0, 2 * i + 1, b"x" * 16000) for _ in range(4)))
        wires.append(w)
    grown = server.rss_anon() - before
    assert grown < 20 * 10 * 2**20, f"grew by {grown} bytes"
    a_hundred_at_once(server)


def a_drain_says_goodbye(server):
    w = Wire(server)
    w.send(ask(1))
    w.ends(1)
    server.process.terminate()
    assert w.goaway() == 0
    server.process.wait(30)


CASES = [clients_use_it, large_bodies_cross, a_hundred_at_once, plain_listeners_do_not_speak_it, bad_heads_reset_the_stream, refusals_are_answered,
         floods_end_the_connection, broken_frames_end_the_connection, memory_stays_small, a_drain_says_goodbye]


def main():
    passed = failed = 0
    with Server("strongroom", tls=True).ready() as server:
        for case in CASES:
            try:
                case(server)
                passed += 1
                print(f"ok    {case.__name__}", flush=True)
            except Exception:
                failed += 1
                print(f"FAIL  {case.__name__}\n{re.sub(r'hvs[.][A-Za-z0-9]+', '<token>', traceback.format_exc())}", flush=True)
    print(f"{passed} passed, {failed} failed")
    return failed > 0


if __name__ == "__main__":
    sys.exit(main())
