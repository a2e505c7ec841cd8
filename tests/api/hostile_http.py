#!/usr/bin/env python3
"""Hostile HTTP against a running server: good requests get an answer, bad ones the stated refusal.

    hostile_http.py --port P [--host H] [--tls] [--slow]

Knows nothing of any API: a good request may be answered with any status. A refusal must be a whole reply with the
headers every reply carries, must not echo what was sent, and must end the connection. --slow adds a client that
sends one header field a second, which the server has to cut (about 15 s).
"""

import argparse
import re
import socket
import ssl
import sys
import threading
import time

MARK = b"ZqEchoZq"  # in every bad request; never in a reply
REPLY = re.compile(rb"HTTP/1\.1 (\d{3}) [^\r\n]+\r\n")
HOST = b"Host: x\r\nX-Vault-Token: s.abc\r\n"
GET = b"GET /v1/a HTTP/1.1\r\n" + HOST + b"\r\n"
POST = b"POST /v1/a HTTP/1.1\r\n" + HOST
CHUNKED = b"Transfer-Encoding: chunked\r\n\r\n"


class Target:
    def __init__(self, host, port, tls):
        self.host, self.port, self.tls = host, port, tls

    def connect(self, timeout=6):
        sock = socket.create_connection((self.host, self.port), timeout=timeout)
        if self.tls:
            context = ssl.create_default_context()
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
            sock = context.wrap_socket(sock)
        return sock


def read_replies(sock, wanted, limit):
    """Reads until `wanted` final replies are whole, the peer closes, or `limit` seconds pass.

    Returns the list of (status, head, body) and how it ended: whole, eof, timeout, reset.
    """
    data, replies, end = b"", [], "whole"
    by = time.monotonic() + limit
    while True:
        while True:
            cut = data.find(b"\r\n\r\n")
            if cut < 0:
                break
            head = data[: cut + 2]
            match = REPLY.match(head)
            if not match:
                return replies, "no HTTP"
            status = int(match.group(1))
            length = re.search(rb"\r\nContent-Length: (\d+)\r\n", head)
            size = int(length.group(1)) if length and status not in (204, 304) else 0
            if wanted.get("head_only") == len([r for r in replies if r[0] >= 200]) + 1:
                size = 0
            if len(data) < cut + 4 + size:
                break
            replies.append((status, head, data[cut + 4 : cut + 4 + size]))
            data = data[cut + 4 + size :]
        final = len([r for r in replies if r[0] >= 200])
        if final >= wanted["count"] and not wanted.get("eof"):
            return replies, end
        left = by - time.monotonic()
        if left <= 0:
            return replies, "timeout"
        sock.settimeout(left)
        try:
            piece = sock.recv(65536)
        except (TimeoutError, socket.timeout):
            return replies, "timeout"
        except OSError:
            return replies, "reset"
        if not piece:
            return replies, "eof"
        data += piece


class Run:
    def __init__(self, target):
        self.target, self.failed, self.count = target, 0, 0

    def report(self, name, problem):
        self.count += 1
        if problem:
            self.failed += 1
        print(("FAIL " if problem else "ok   ") + name + (": " + problem if problem else ""))

    def send(self, pieces, gap, wanted, limit, half_close=False):
        sock = self.target.connect()
        try:
            for piece in pieces:
                sock.sendall(piece)
                if gap:
                    time.sleep(gap)
            if half_close:
                sock.shutdown(socket.SHUT_WR)
        except OSError:
            pass  # it may refuse before it has read everything
        try:
            return read_replies(sock, wanted, limit)
        finally:
            sock.close()

    def good(self, name, pieces, count=1, gap=0.0, first=None, eof=False, half_close=False, head_only=None, then=None):
        wanted = {"count": count, "eof": eof, "head_only": head_only}
        replies, end = self.send(pieces, gap, wanted, 10, half_close)
        statuses = [r[0] for r in replies]
        final = [s for s in statuses if s >= 200]
        problem = ""
        if len(final) != count:
            problem = f"{len(final)} replies instead of {count} ({end})"
        elif any(s in (413, 431, 501, 505) for s in final):
            problem = f"refused by the edge: {final}"
        elif first and statuses[0] != first:
            problem = f"first {statuses[0]} instead of {first}"
        elif eof and end != "eof":
            problem = f"not closed ({end})"
        elif then:
            problem = then(replies)
        self.report(name, problem)

    def bad(self, name, wire, status, before=0):
        wanted = {"count": before + 1, "eof": True}
        replies, end = self.send([wire], 0, wanted, 8)
        final = [r for r in replies if r[0] >= 200]
        problem = ""
        if len(final) != before + 1:
            problem = f"{len(final)} replies instead of {before + 1} ({end})"
        elif final[-1][0] != status:
            problem = f"{final[-1][0]} instead of {status}"
        elif end not in ("eof", "reset"):
            problem = f"not closed ({end})"
        elif b'{"errors":["' not in final[-1][2]:
            problem = "no JSON error body"
        elif MARK in final[-1][1] or MARK in final[-1][2]:
            problem = "echoes its input"
        self.report(name, problem)


def every_reply_header(replies):
    for needed in (b"Cache-Control: no-store", b"Strict-Transport-Security: max-age=31536000; includeSubDomains",
                   b"Date: "):
        if b"\r\n" + needed not in replies[0][1]:
            return "without " + needed.decode()
    return ""


def good_cases(run):
    run.good("get", [GET], then=every_reply_header)
    run.good("list", [b"LIST /v1/a HTTP/1.1\r\n" + HOST + b"\r\n"])
    run.good("no token", [b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"])
    run.good("pipelined 500", [GET * 500], count=500)
    run.good("bytewise", [bytes([c]) for c in GET], gap=0.001)
    run.good("body split", [POST + b"Content-Length: 10\r\n\r\n12345", b"67890"], gap=0.01)
    run.good("chunked, then another", [POST + CHUNKED + b"5\r\nabcde\r\n", b"3;x=y\r\nabc\r\n0\r\nX-Trailer: v\r\n\r\n" + GET],
             count=2, gap=0.01)
    run.good("chunked bytewise", [bytes([c]) for c in POST + CHUNKED + b"5\r\nabcde\r\n0\r\n\r\n"], gap=0.001)
    run.good("empty chunked bytewise", [bytes([c]) for c in POST + CHUNKED + b"0\r\nA: b\r\n\r\n"], gap=0.001)
    run.good("trailer is no header", [b"POST / HTTP/1.1\r\nHost: x\r\n" + CHUNKED + b"0\r\nX-Vault-Token: s.abc\r\n\r\n"])
    run.good("expect 100", [POST + b"Expect: 100-continue\r\nContent-Length: 3\r\n\r\n", b"abc"], first=100, gap=0.1)
    run.good("close", [POST + b"Connection: close\r\nContent-Length: 0\r\n\r\n"], eof=True)
    run.good("http/1.0", [b"GET / HTTP/1.0\r\nX-Vault-Token: a\r\n\r\n"], eof=True)
    run.good("http/1.0 kept", [b"GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n" * 2], count=2)
    run.good("head, then get", [b"HEAD / HTTP/1.1\r\n" + HOST + b"\r\n" + GET], count=2, head_only=1)
    if not run.target.tls:
        run.good("half-close", [GET + GET], count=2, eof=True, half_close=True)


def bad_cases(run):
    get = b"GET /" + MARK + b" HTTP/1.1\r\n"
    host = HOST + b"X-Mark: " + MARK + b"\r\n"
    post = b"POST /v1/a HTTP/1.1\r\n" + host
    cases = [
        ("oversized header", get + host + b"X: " + b"a" * 40000 + b"\r\n\r\n", 431),
        ("endless target", b"GET /" + MARK + b"a" * 70000, 431),
        ("200 headers", get + host + b"A: b\r\n" * 200 + b"\r\n", 431),
        ("huge length", post + b"Content-Length: 99999999999\r\n\r\n", 413),
        ("huge chunk", post + CHUNKED + b"ffffffff\r\n", 413),
        ("chunk overflow", post + CHUNKED + b"fffffffffffffffff\r\n", 400),
        ("bad chunk", post + CHUNKED + b"ZZ\r\nabc\r\n", 400),
        ("chunk without line end", post + CHUNKED + b"3\r\nabcdef\r\n0\r\n\r\n", 400),
        ("chunk with 0x", post + CHUNKED + b"0x3\r\nabc\r\n0\r\n\r\n", 400),
        ("endless chunk extension", post + CHUNKED + b"3;" + b"a" * 40000, 400),
        ("endless trailer", post + CHUNKED + b"0\r\n" + b"A: b\r\n" * 10000, 400),
        ("length and chunked", post + b"Content-Length: 5\r\n" + CHUNKED + b"0\r\n\r\n", 400),
        ("chunked and length", post + b"Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n", 400),
        ("two lengths", post + b"Content-Length: 5\r\nContent-Length: 6\r\n\r\nabcdef", 400),
        ("two equal lengths", post + b"Content-Length: 5\r\nContent-Length: 5\r\n\r\nabcde", 400),
        ("list of lengths", post + b"Content-Length: 5, 5\r\n\r\nabcde", 400),
        ("negative length", post + b"Content-Length: -1\r\n\r\n", 400),
        ("plus length", post + b"Content-Length: +1\r\n\r\na", 400),
        ("gzip", post + b"Transfer-Encoding: gzip\r\n\r\n", 501),
        ("gzip, chunked", post + b"Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n", 501),
        ("chunked twice", post + b"Transfer-Encoding: chunked\r\n" + CHUNKED, 400),
        ("xchunked", post + b"Transfer-Encoding: xchunked\r\n\r\n", 501),
        ("space before colon", get + b"Host : x\r\n\r\n", 400),
        ("folded", get + host + b"X-A: b\r\n c\r\n\r\n", 400),
        ("bare LF", b"GET /" + MARK + b" HTTP/1.1\nHost: x\n\n" + b" " * 17000, 400),
        ("no host", get + b"\r\n", 400),
        ("two hosts", get + b"Host: a\r\nHost: b\r\n\r\n", 400),
        ("http/2.0", b"GET /" + MARK + b" HTTP/2.0\r\nHost: a\r\n\r\n", 505),
        ("h2 preface", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505),
        ("control bytes", b"\x00\x01" + MARK + b"\r\n\r\n", 400),
        ("NUL in a value", get + b"Host: a\x00b\r\n\r\n", 400),
        ("CR in a value", get + b"Host: a\rb\r\n\r\n", 400),
    ]
    for name, wire, status in cases:
        run.bad(name, wire, status)
    run.bad("garbage after three", GET * 3 + b"\xff\xfe" + MARK + b"\r\n\r\n" + GET, 400, before=3)


def slow_case(run):
    sock = run.target.connect(60)
    start = time.monotonic()
    stop = threading.Event()

    def drip():
        try:
            sock.sendall(b"GET / HTTP/1.1\r\n")
            while not stop.wait(1):
                sock.sendall(b"X-A: b\r\n")
        except OSError:
            pass

    thread = threading.Thread(target=drip, daemon=True)
    thread.start()
    _, end = read_replies(sock, {"count": 1}, 40)
    took = time.monotonic() - start
    stop.set()
    thread.join()
    run.report("slow head is cut", "" if end in ("eof", "reset") and took < 30 else f"{end} after {took:.1f} s")


def main():
    options = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    options.add_argument("--port", type=int, required=True)
    options.add_argument("--host", default="127.0.0.1")
    options.add_argument("--tls", action="store_true")
    options.add_argument("--slow", action="store_true")
    args = options.parse_args()
    run = Run(Target(args.host, args.port, args.tls))
    good_cases(run)
    bad_cases(run)
    if args.slow:
        slow_case(run)
    print(f"{run.count} cases, {run.failed} failed")
    return 1 if run.failed else 0


if __name__ == "__main__":
    sys.exit(main())
