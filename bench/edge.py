"""The edge part of scripts/bench: HTTP/2 beside HTTP/1.1 over TLS, what an idle TLS connection costs, and new TLS connections
beside nginx. All servers have P-256 certificates and run on one core, the load on another; rounds alternate.
"""
import os
import re
import resource
import signal
import socket
import ssl
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tests" / "harness"))

from http2_wire import Wire, ask  # noqa: E402
from servers import free_port  # noqa: E402

IDLE = 1000
STREAMS = {"HTTP/1.1, 100 connections": ["--h1", "-c", "100"],
           "HTTP/2, 100 streams on 4 connections": ["-c", "4", "-m", "25"]}


def _ticks(pid):
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _on(core, command, **more):
    return subprocess.run(["taskset", "-c", str(core), *command], capture_output=True, text=True, **more)


class Nginx:
    """One worker that answers 200 to everything, with the certificate of another server."""

    def __init__(self, certificate_of, core):
        self.kind, self.port, self.ca = "nginx", free_port(), certificate_of + "/cert.pem"
        self._directory = tempfile.TemporaryDirectory(prefix="bench-nginx-")
        at = self._directory.name
        Path(at, "nginx.conf").write_text(f"""
            daemon off; master_process off; worker_processes 1; pid {at}/pid; error_log {at}/error.log;
            events {{ worker_connections 4096; }}
            http {{
              access_log off; ssl_protocols TLSv1.3; client_body_temp_path {at}/b; proxy_temp_path {at}/p; fastcgi_temp_path {at}/f;
              uwsgi_temp_path {at}/u; scgi_temp_path {at}/s;
              server {{
                listen 127.0.0.1:{self.port} ssl http2 backlog=4096;
                ssl_certificate {certificate_of}/cert.pem; ssl_certificate_key {certificate_of}/key.pem;
                location / {{ default_type application/json; return 200 '{{"initialized":true}}'; }}
              }}
            }}""")
        self._process = subprocess.Popen(["taskset", "-c", str(core), "nginx", "-p", at, "-c", f"{at}/nginx.conf"], stderr=subprocess.DEVNULL)
        for _ in range(500):
            try:
                socket.create_connection(("127.0.0.1", self.port)).close()
                return
            except OSError:
                time.sleep(0.01)
        raise SystemExit("nginx did not start")

    def cpu_seconds(self):
        return _ticks(self._process.pid)

    def pause(self):
        self._process.send_signal(signal.SIGSTOP)

    def resume(self):
        self._process.send_signal(signal.SIGCONT)

    def close(self):
        self.resume()
        self._process.terminate()
        self._process.wait()
        self._directory.cleanup()


def reads(subject, way, names, seconds, core):
    """Secrets read by h2load in this way, and the server's CPU time for each."""
    server = subject.server
    with tempfile.NamedTemporaryFile("w", suffix=".uris") as uris:
        uris.write("".join(f"{server.address}/v1/secret/data/bench/s{n}\n" for n in range(names)))
        uris.flush()
        before = server.cpu_seconds()
        done = _on(core, ["h2load", "-t1", *STREAMS[way], "-D", str(seconds), "-H", f"X-Vault-Token: {subject.token}", "-i", uris.name])
        cpu = server.cpu_seconds() - before
    counted = re.search(r"requests: \d+ total, \d+ started, (\d+) done, (\d+) succeeded, (\d+) failed", done.stdout)
    codes = re.search(r"status codes: \d+ 2xx, 0 3xx, 0 4xx, 0 5xx", done.stdout)
    spoken = "http/1.1" if "HTTP/1.1" in way else "h2"
    if not counted or not codes or int(counted[3]) or f"Application protocol: {spoken}" not in done.stdout:
        raise SystemExit(f"{subject.kind}: h2load failed:\n{done.stdout[-1500:]}{done.stderr[-500:]}")
    mean = re.search(r"time for request: +\S+ +\S+ +([0-9.]+)(us|ms|s) ", done.stdout)
    took = float(mean[1]) * {"us": 0.001, "ms": 1, "s": 1000}[mean[2]]
    return {"rps": int(counted[1]) / seconds, "mean_ms": took, "cpu_us": cpu / max(1, int(counted[1])) * 1e6}


def idle(subject, http2):
    """Private bytes of the server for each of IDLE connections that have asked once and stay."""
    server, kept = subject.server, []
    context = ssl.create_default_context(cafile=server.directory + "/cert.pem")

    def one():
        if http2:
            wire = Wire(server)
            wire.send(ask(1, authority=b"127.0.0.1"))
            if not wire.ends(1):
                raise SystemExit(f"{subject.kind}: an idle connection was not answered")
            return wire
        sock = context.wrap_socket(socket.create_connection(("127.0.0.1", server.port), timeout=30), server_hostname="localhost")
        sock.sendall(b"GET /v1/sys/health HTTP/1.1\r\nHost: localhost\r\n\r\n")
        if not sock.recv(65536).startswith(b"HTTP/1.1 200"):
            raise SystemExit(f"{subject.kind}: an idle connection was not answered")
        return sock

    for _ in range(50):  # what the first ones make for all
        kept.append(one())
    time.sleep(0.5)
    before = server.rss_anon()
    for _ in range(IDLE):
        kept.append(one())
    time.sleep(1)
    each = (server.rss_anon() - before) / IDLE
    for k in kept:
        (k.sock if http2 else k).close()
    return each


def handshakes(target, port, ca, reuse, seconds, core):
    """New TLS 1.3 connections with one small request each, by openssl s_time; the server's CPU time for each."""
    before, start = target.cpu_seconds(), time.monotonic()
    done = _on(core, ["openssl", "s_time", "-connect", f"127.0.0.1:{port}", "-reuse" if reuse else "-new", "-www", "/v1/sys/health", "-time", str(seconds),
                      "-CAfile", ca])
    cpu, took = target.cpu_seconds() - before, time.monotonic() - start
    made = re.search(r"(\d+) connections in [0-9.]+s;", done.stdout)
    if not made or int(made[1]) < 10:
        raise SystemExit(f"s_time failed: {done.stdout[-300:]}{done.stderr[-300:]}")
    marks = re.search(r"starting\n([*r ]+)" if reuse else r"seconds\n([*r ]+)", done.stdout)
    resumed = marks[1].count("r") if marks else 0
    if (resumed > int(made[1]) / 2) != reuse:
        raise SystemExit(f"s_time resumed {resumed} of {made[1]} sessions")
    return {"rate": int(made[1]) / took, "cpu_us": cpu / int(made[1]) * 1e6}


def run(subjects, names, options):
    low, high = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(low, min(high, 4096)), high))
    nginx = Nginx(subjects[0].server.directory, options.server_core)
    everyone = [*subjects, nginx]
    figures = {"reads": {}, "idle_bytes": {}, "handshakes": {}}

    def note(part, row, kind, got):
        figures[part].setdefault(row, {}).setdefault(kind, []).append(got)
        print(f"  {part}: {row}, {kind}: " + ", ".join(f"{k} {v:,.1f}" for k, v in got.items()), flush=True)

    try:
        for s in subjects:
            s.preload()
        for s in everyone:
            s.pause()
        for n in range(options.rounds):
            order = everyone if n % 2 == 0 else list(reversed(everyone))
            for s in order:
                s.resume()
                time.sleep(0.2)
                if s is not nginx:
                    for way in STREAMS:
                        note("reads", way, s.kind, reads(s, way, names, options.seconds, options.load_core))
                port, ca = (s.port, s.ca) if s is nginx else (s.server.port, s.server.directory + "/cert.pem")
                clock = s if s is nginx else s.server
                for reuse in (False, True):
                    note("handshakes", "resumed" if reuse else "full", s.kind, handshakes(clock, port, ca, reuse, options.seconds, options.load_core))
                s.pause()
        for s in subjects:
            s.resume()
            for row, http2 in (("HTTP/1.1", False), ("HTTP/2", True)):
                s.server.stop()  # memory that was used before would hide what they take
                s.server.start()
                s.server.unseal()
                note("idle_bytes", row, s.kind, {"bytes": idle(s, http2)})
            s.pause()
    finally:
        for s in everyone:
            s.close()
    return {part: {row: {kind: {k: statistics.median(g[k] for g in got) for k in got[0]} for kind, got in by.items()} for row, by in rows.items()}
            for part, rows in figures.items()}


def show(figures):
    print("\n| reads over TLS | requests/s: ours, OpenBao | mean ms: ours, OpenBao | server CPU us each: ours, OpenBao, ratio |\n|---|---|---|---|")

    def pair(by, key, form):
        return ", ".join(format(by[k][key], form) if k in by else "-" for k in ("strongroom", "openbao"))

    for row, by in figures["reads"].items():
        both = "strongroom" in by and "openbao" in by
        ratio = f", **{by['openbao']['cpu_us'] / max(by['strongroom']['cpu_us'], 0.1):.1f}**" if both else ""
        print(f"| {row} | {pair(by, 'rps', ',.0f')} | {pair(by, 'mean_ms', '.2f')} | {pair(by, 'cpu_us', ',.1f')}{ratio} |")
    print(f"\n| {IDLE:,} idle TLS connections | KiB each: ours, OpenBao |\n|---|---|")
    for row, by in figures["idle_bytes"].items():
        print(f"| {row} | " + ", ".join(format(by[k]["bytes"] / 1024, ".1f") if k in by else "-" for k in ("strongroom", "openbao")) + " |")
    kinds = ("strongroom", "nginx", "openbao")
    print("\n| new TLS 1.3 connections, one after the other, a request each | a second: ours, nginx, OpenBao | server CPU us each: ours, nginx, OpenBao |\n|---|---|---|")
    for row, by in figures["handshakes"].items():
        print(f"| {row} | " + ", ".join(format(by[k]["rate"], ",.0f") if k in by else "-" for k in kinds) + " | " +
              ", ".join(format(by[k]["cpu_us"], ",.0f") if k in by else "-" for k in kinds) + " |")
