#!/usr/bin/env python3
"""Measures Strongroom and OpenBao in turn on one machine and prints ratios.

Both run with the same TLS setting and one file audit device, their stores on one disk; the server is bound to one core, wrk
to another. The two servers live side by side, but the one that is not measured is stopped (SIGSTOP), and rounds alternate,
so that a change of the machine's mood meets both. Every figure is the median of the rounds. Strongroom answers only after
its store and its audit log are durable.

  scripts/bench                      loads, the fill and the tokens (about 30 minutes)
  scripts/bench --quick              one short round, a fill of 20,000 against 2,000 (about 2 minutes)
  scripts/bench --only loads|fill|tokens|edge  one part; edge (HTTP/2, idle TLS connections, new ones) is part of no other
  scripts/bench --json FILE          all figures
  scripts/bench --servers strongroom a single server, no ratios
"""
import argparse
import http.client
import json
import os
import platform
import random
import shutil
import signal
import ssl
import statistics
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "tests" / "harness"))

import edge  # noqa: E402
from servers import Server  # noqa: E402

LOADS = {"read": "KV v2 read", "write": "KV v2 write", "mixed": "90/10 mix", "lookup": "token lookup-self", "token": "token create"}
POLICY = """
path "secret/*"              { capabilities = ["create", "read", "update", "patch", "delete", "list"] }
path "auth/token/create"     { capabilities = ["create", "update"] }
path "auth/token/lookup-self" { capabilities = ["read"] }
"""
NAMES = 1000
HUGE_TTL = "720h"


class Subject:
    """One server under measurement."""

    def __init__(self, kind, options):
        self.options = options
        self.kind = kind
        self.server = Server(kind, tls=options.tls, prefix=["taskset", "-c", str(options.server_core)], directory=_directory(kind, options),
                             storage_extra=options.storage_extra.replace("\\n", "\n") if kind == "strongroom" else "")
        self.server.ready()
        self.server.call("POST", "sys/policies/acl/bench", {"policy": POLICY})
        self.token = self.server.call("POST", "auth/token/create", {"policies": ["bench"], "ttl": HUGE_TTL})["auth"]["client_token"]

    def preload(self):
        for n in range(NAMES):
            self.server.call("POST", f"secret/data/bench/s{n}", {"data": {"password": f"{n}" + "v" * 380}}, token=self.token)

    def pause(self):
        self.server.process.send_signal(signal.SIGSTOP)

    def resume(self):
        self.server.process.send_signal(signal.SIGCONT)

    def wrk(self, script, connections, seconds, environment, until):
        """Runs wrk and returns the line of its output that starts with one of `until`, and the server's CPU seconds."""
        full = {**os.environ, "BENCH_TOKEN": self.token, "BENCH_NAMES": str(NAMES), **environment}
        before = self.server.cpu_seconds()
        process = subprocess.Popen(["taskset", "-c", str(self.options.load_core), "wrk", "-t1", f"-c{connections}", f"-d{seconds}s", "--timeout", "30s",
                                    "-s", str(ROOT / "bench/wrk" / script), self.server.address + "/"],
                                   stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=full)
        output = []
        for line in process.stdout:
            output.append(line)
            if line.startswith(until):
                cpu = self.server.cpu_seconds() - before
                process.send_signal(signal.SIGINT)
                process.communicate()
                return line, cpu
        raise SystemExit("wrk failed: " + "".join(output))

    def load(self, name, connections, seconds, seed):
        line, cpu = self.wrk("load.lua", connections, seconds, {"BENCH_LOAD": name, "BENCH_SEED": str(seed)}, ("BENCH",))
        figures = json.loads(line[6:])
        if figures["bad_status"] or figures["broken"]:
            print(f"  warning: {self.kind} {name} c={connections}: {figures['bad_status']} refusals, {figures['broken']} broken connections")
        requests = max(1, figures["requests"])
        return {"rps": requests / figures["microseconds"] * 1e6, "p50_ms": figures["p50"] / 1000, "p99_ms": figures["p99"] / 1000,
                "cpu_us": cpu / requests * 1e6, "refused": figures["bad_status"]}

    # --- The fill ---
    def fill(self, total, big):
        disk, log = self.server.disk_bytes("store"), self.server.disk_bytes("store/audit")
        start = time.monotonic()
        said, cpu = self.wrk("fill.lua", 64, 24 * 3600, {"BENCH_FILL": str(total), "BENCH_BIG": str(big)}, ("FILLED", "FAILED"))
        seconds = time.monotonic() - start
        if said.startswith("FAILED"):
            raise SystemExit(f"{self.kind}: the fill stopped: {said.strip()}\n{self.server.log_tail(1000)}")
        for name in ("big/n0000000", f"big/n{big - 1:07d}", f"fill/d{(total - 1 - big) // 1000:04d}/n{total - 1:07d}"):
            self.server.call("GET", f"secret/data/{name}", token=self.token)
        time.sleep(3)  # what runs behind the answers (checkpoints, compaction) settles
        audit = self.server.disk_bytes("store/audit") - log
        result = {"secrets": total, "in_one_directory": big, "fill_per_second": total / seconds, "fill_cpu_us": cpu / total * 1e6,
                  "store_bytes_each": (self.server.disk_bytes("store") - disk - audit) / total, "log_bytes_each": audit / total,
                  "rss_anon_mb": self.server.rss_anon() / 1e6}
        result["page_ms"] = self.page(big)
        result["page_cpu_us"] = self._page_cpu
        name = f"fill/d0000/n{big:07d}"
        result["first_read_s"] = self.first_read(name, drop=False)
        if os.geteuid() == 0:
            result["first_read_cold_s"] = self.first_read(name, drop=True)
        result["rss_anon_restarted_mb"] = self.server.rss_anon() / 1e6
        result["rss_anon_after_reads_mb"] = self._after_reads(total, big)
        return result

    # --- The tokens ---
    def tokens(self, total):
        """Private memory is told as what it grew by: from before the first token, and between the first tenth and the last."""
        self._lookups(self.token, 2000)
        disk, log, empty = self.server.disk_bytes("store"), self.server.disk_bytes("store/audit"), self.server.rss_anon()
        start, cpu, tenth = time.monotonic(), 0, None
        for part in (total // 10, total - total // 10):
            said, used = self.wrk("tokens.lua", 64, 24 * 3600, {"BENCH_FILL": str(part)}, ("FILLED", "FAILED"))
            if said.startswith("FAILED"):
                raise SystemExit(f"{self.kind}: creating tokens stopped: {said.strip()}\n{self.server.log_tail(1000)}")
            cpu += used
            tenth = tenth or self.server.rss_anon()
        seconds = time.monotonic() - start
        time.sleep(3)
        audit, full = self.server.disk_bytes("store/audit") - log, self.server.rss_anon()
        result = {"tokens": total, "created_per_second": total / seconds, "create_cpu_us": cpu / total * 1e6,
                  "store_bytes_each": (self.server.disk_bytes("store") - disk - audit) / total, "log_bytes_each": audit / total,
                  "rss_anon_empty_mb": empty / 1e6, "rss_anon_mb": full / 1e6, "memory_bytes_each": (full - empty) / total,
                  "memory_bytes_each_late": (full - tenth) / (total - total // 10)}
        result["first_request_s"] = self._first_request(drop=False)
        if os.geteuid() == 0:
            result["first_request_cold_s"] = self._first_request(drop=True)
        result["rss_anon_restarted_mb"] = self.server.rss_anon() / 1e6
        return result

    def _lookups(self, token, count):
        connection = self._connection()
        for _ in range(count):
            connection.request("GET", "/v1/auth/token/lookup-self", headers={"X-Vault-Token": token})
            answer = connection.getresponse()
            answer.read()
            if answer.status != 200:
                raise SystemExit(f"{self.kind}: a token does not work: {answer.status}")
        connection.close()

    def _first_request(self, drop):
        return self._restarted(drop, "auth/token/lookup-self")

    def _connection(self):
        if self.server.tls:
            return http.client.HTTPSConnection("127.0.0.1", self.server.port, timeout=120, context=ssl.create_default_context(cafile=self.server.directory + "/cert.pem"))
        return http.client.HTTPConnection("127.0.0.1", self.server.port, timeout=120)

    def page(self, big, rounds=100):
        """Medians of a page of up to 1,000 names that starts at a random place of the big directory."""
        connection, took = self._connection(), []
        rng = random.Random(7)
        before = self.server.cpu_seconds()
        for _ in range(rounds):
            after = f"n{rng.randrange(max(1, big - 1000)):07d}"
            start = time.perf_counter()
            connection.request("GET", f"/v1/secret/metadata/big?list=true&limit=1000&after={after}", headers={"X-Vault-Token": self.token})
            answer = connection.getresponse()
            raw = answer.read()
            took.append((time.perf_counter() - start) * 1000)
            keys = json.loads(raw)["data"]["keys"]
            if answer.status != 200 or len(keys) != min(1000, big - int(after[1:]) - 1) or keys != sorted(keys):
                raise SystemExit(f"{self.kind}: a wrong page after {after}: {answer.status}, {len(keys)} names")
        self._page_cpu = (self.server.cpu_seconds() - before) / rounds * 1e6
        connection.close()
        return statistics.median(took)

    def first_read(self, name, drop):
        """Seconds from sending the last unseal share to the first secret that was read, after a restart."""
        return self._restarted(drop, f"secret/data/{name}")

    def _restarted(self, drop, path):
        server = self.server
        server.stop()
        if drop:
            subprocess.run(["sync"], check=True)
            Path("/proc/sys/vm/drop_caches").write_text("3")
        server.start(wait=600)
        start = time.monotonic()
        server.request("PUT", "sys/unseal", {"key": server.keys[0]}, token=None, timeout=600)
        while True:
            status, _ = server.request("GET", path, token=self.token, timeout=600)
            if status == 200:
                return time.monotonic() - start
            if time.monotonic() - start > 600:
                raise SystemExit(f"{self.kind}: no first read: {status}")
            time.sleep(0.002)

    def _after_reads(self, total, big):
        """Private memory after 20,000 reads all over the store: what caches hold."""
        connection, rng = self._connection(), random.Random(11)
        for _ in range(min(20000, total)):
            n = rng.randrange(big, total)
            connection.request("GET", f"/v1/secret/data/fill/d{(n - big) // 1000:04d}/n{n:07d}", headers={"X-Vault-Token": self.token})
            answer = connection.getresponse()
            answer.read()
            if answer.status != 200:
                raise SystemExit(f"{self.kind}: secret {n} is missing: {answer.status}")
        connection.close()
        return self.server.rss_anon() / 1e6

    def close(self):
        self.resume()
        self.server.close()
        shutil.rmtree(self.server.directory, ignore_errors=True)


def _directory(kind, options):
    path = Path(options.dir) / f"bench-{os.getpid()}-{kind}"
    shutil.rmtree(path, ignore_errors=True)
    path.mkdir(parents=True)
    return str(path)


def run_loads(options):
    subjects = [Subject(kind, options) for kind in options.servers]
    rounds = {}
    memory = {}
    try:
        for s in subjects:
            s.preload()
            memory[s.kind] = {"idle_mb": s.server.rss_anon() / 1e6}
            s.pause()
        for n in range(options.rounds):
            for load in options.loads:
                for connections in (1, 64):
                    for s in subjects if n % 2 == 0 else reversed(subjects):
                        s.resume()
                        time.sleep(0.2)
                        got = s.load(load, connections, options.seconds, n + 1)
                        s.pause()
                        rounds.setdefault((load, connections, s.kind), []).append(got)
                        print(f"  round {n + 1} {load} c={connections} {s.kind}: {got['rps']:.0f}/s, p50 {got['p50_ms']:.3f} ms, "
                              f"p99 {got['p99_ms']:.2f} ms, {got['cpu_us']:.0f} us CPU", flush=True)
        for s in subjects:
            s.resume()
            memory[s.kind]["after_loads_mb"] = s.server.rss_anon() / 1e6
    finally:
        for s in subjects:
            s.close()
    table = {}
    for (load, connections, kind), got in rounds.items():
        table.setdefault(f"{load} c={connections}", {})[kind] = {k: statistics.median(g[k] for g in got) for k in got[0]}
    return {"loads": table, "memory": memory}


def run_fill(options):
    result = {}
    for kind in options.servers:
        total = options.fill if kind == "strongroom" else options.peer_fill
        subject = Subject(kind, options)
        try:
            print(f"  filling {kind} with {total} secrets", flush=True)
            result[kind] = subject.fill(total, total // 10)
            print("   ", ", ".join(f"{k} {v:.4g}" for k, v in result[kind].items()), flush=True)
        finally:
            subject.close()
    return {"fill": result}


def run_tokens(options):
    result = {}
    for kind in options.servers:
        total = options.fill if kind == "strongroom" else options.peer_fill
        subject = Subject(kind, options)
        try:
            print(f"  creating {total} tokens in {kind}", flush=True)
            result[kind] = subject.tokens(total)
            print("   ", ", ".join(f"{k} {v:.4g}" for k, v in result[kind].items()), flush=True)
        finally:
            subject.close()
    return {"tokens": result}


# --- Printing ---
def print_loads(table, memory):
    print("\n| load | c | requests/s: ours, OpenBao, ratio | p50 ms: ours, OpenBao | p99 ms: ours, OpenBao | server CPU us each: ours, OpenBao, ratio |")
    print("|---|---|---|---|---|---|")
    for name, by_kind in table.items():
        load, connections = name.split(" c=")
        ours, peer = by_kind.get("strongroom"), by_kind.get("openbao")
        if ours and peer:
            print(f"| {LOADS[load]} | {connections} | {ours['rps']:,.0f}, {peer['rps']:,.0f}, **{ours['rps'] / peer['rps']:.1f}** | "
                  f"{ours['p50_ms']:.3f}, {peer['p50_ms']:.3f} | {ours['p99_ms']:.2f}, {peer['p99_ms']:.2f} | "
                  f"{ours['cpu_us']:.1f}, {peer['cpu_us']:.0f}, **{peer['cpu_us'] / max(ours['cpu_us'], 0.1):.1f}** |")
        else:
            only = ours or peer
            print(f"| {LOADS[load]} | {connections} | {only['rps']:,.0f} | {only['p50_ms']:.3f} | {only['p99_ms']:.2f} | {only['cpu_us']:.1f} |")
    for kind, m in memory.items():
        print(f"\n{kind}: private memory {m['idle_mb']:.1f} MB with {NAMES} secrets, {m['after_loads_mb']:.1f} MB after the loads")


def print_fill(fill):
    rows = [("secrets", "secrets", ",.0f"), ("of them in one directory", "in_one_directory", ",.0f"), ("fill, secrets per second", "fill_per_second", ",.0f"),
            ("store on disk, bytes each", "store_bytes_each", ",.0f"), ("audit log on disk, bytes each (ours)", "log_bytes_each", ",.0f"),
            ("private memory after the fill, MB", "rss_anon_mb", ".1f"), ("private memory after a restart, MB", "rss_anon_restarted_mb", ".1f"),
            ("private memory after 20,000 random reads, MB", "rss_anon_after_reads_mb", ".1f"),
            ("last unseal share to first read, s", "first_read_s", ".3f"), ("the same with cold disk caches, s", "first_read_cold_s", ".3f"),
            ("page of 1,000 names of the big directory, ms", "page_ms", ".2f"), ("server CPU of such a page, us", "page_cpu_us", ",.0f")]
    print("\n| with many secrets | " + " | ".join(fill) + " |\n|---|" + "---|" * len(fill))
    for title, key, form in rows:
        print(f"| {title} | " + " | ".join(format(f[key], form) if key in f else "-" for f in fill.values()) + " |")


def print_tokens(tokens):
    rows = [("tokens", "tokens", ",.0f"), ("creation, tokens per second", "created_per_second", ",.0f"), ("server CPU of a creation, us", "create_cpu_us", ",.1f"),
            ("store on disk, bytes each", "store_bytes_each", ",.0f"), ("audit log on disk, bytes each (ours)", "log_bytes_each", ",.0f"),
            ("private memory, MB", "rss_anon_mb", ".1f"), ("of it grown since there were none, bytes each", "memory_bytes_each", ",.0f"),
            ("grown after the first tenth, bytes each", "memory_bytes_each_late", ",.0f"), ("private memory after a restart, MB", "rss_anon_restarted_mb", ".1f"),
            ("last unseal share to first request, s", "first_request_s", ".3f"), ("the same with cold disk caches, s", "first_request_cold_s", ".3f")]
    print("\n| with many tokens | " + " | ".join(tokens) + " |\n|---|" + "---|" * len(tokens))
    for title, key, form in rows:
        print(f"| {title} | " + " | ".join(format(t[key], form) if key in t else "-" for t in tokens.values()) + " |")


def print_aims(result):
    """The aims of this stage of the project, with what was measured."""
    loads, fill, rows = result.get("loads", {}), result.get("fill", {}), []

    def pair(name):
        return loads.get(name, {}).get("strongroom"), loads.get(name, {}).get("openbao")

    for title, name, aim, ratio in (
            ("reads per CPU second, times OpenBao's", "read c=64", 20, lambda a, b: b["cpu_us"] / max(a["cpu_us"], 0.1)),
            ("writes at 64 connections, times OpenBao's", "write c=64", 12, lambda a, b: a["rps"] / b["rps"]),
            ("token creation at 64 connections, times OpenBao's", "token c=64", 20, lambda a, b: a["rps"] / b["rps"])):
        ours, peer = pair(name)
        if ours and peer:
            rows.append((title, f"{aim}", f"{ratio(ours, peer):.1f}", ratio(ours, peer) >= aim))
    for name in loads:
        ours, peer = pair(name)
        if name.endswith("c=1") and ours and peer:
            rows.append((f"p50 of {name}, ms, no worse than OpenBao's", f"{peer['p50_ms']:.3f}", f"{ours['p50_ms']:.3f}", ours["p50_ms"] <= peer["p50_ms"]))
    ours, peer = fill.get("strongroom"), fill.get("openbao")
    if ours and peer:
        rows.append((f"private memory with {ours['secrets']:,} secrets, MB, less than OpenBao's with {peer['secrets']:,}", f"{peer['rss_anon_mb']:.1f}",
                     f"{ours['rss_anon_mb']:.1f}", ours["rss_anon_mb"] < peer["rss_anon_mb"]))
    if ours:
        rows.append(("last unseal share to first read, s", "1", f"{ours['first_read_s']:.3f}", ours["first_read_s"] <= 1))
        rows.append(("page of 1,000 names, ms", "5", f"{ours['page_ms']:.2f}", ours["page_ms"] <= 5))
    ours, peer = result.get("tokens", {}).get("strongroom"), result.get("tokens", {}).get("openbao")
    if ours:
        rows.append((f"store on disk for each of {ours['tokens']:,} tokens, bytes", "700", f"{ours['store_bytes_each']:.0f}", ours["store_bytes_each"] < 700))
        # Caches fill and the allocator keeps some; what grows with the number would be hundreds of bytes for each.
        rows.append(("private memory grown after the first tenth, bytes each", "10", f"{ours['memory_bytes_each_late']:.1f}", ours["memory_bytes_each_late"] < 10))
        rows.append(("last unseal share to first request with them, s", "1", f"{ours['first_request_s']:.3f}", ours["first_request_s"] <= 1))
    if ours and peer:
        ratio = ours["created_per_second"] / peer["created_per_second"]
        rows.append(("token creation, times OpenBao's, with them", "20", f"{ratio:.1f}", ratio >= 20))
    if rows:
        print("\n| aim | wanted | measured | reached |\n|---|---|---|---|")
        for title, wanted, got, reached in rows:
            print(f"| {title} | {wanted} | {got} | {'yes' if reached else '**no**'} |")


def machine():
    model = next((line.split(":")[1].strip() for line in Path("/proc/cpuinfo").read_text().splitlines() if line.startswith("model name")), "?")
    return f"{os.cpu_count()} cores {model}, Linux {platform.release()}, {time.strftime('%Y-%m-%d')}"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--only", choices=["loads", "fill", "tokens", "edge"])
    parser.add_argument("--loads", default=",".join(LOADS), help="comma separated: " + " ".join(LOADS))
    parser.add_argument("--servers", default="strongroom,openbao")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=int, default=4)
    parser.add_argument("--fill", type=int, default=1_000_000)
    parser.add_argument("--peer-fill", type=int, default=50_000)
    parser.add_argument("--tls", action="store_true", help="both servers with TLS, a P-256 certificate")
    parser.add_argument("--server-core", type=int, default=0)
    parser.add_argument("--load-core", type=int, default=1)
    parser.add_argument("--dir", default=str(ROOT / "build"), help="where both keep their stores (default build/)")
    parser.add_argument("--storage-extra", default="", help="lines for our storage stanza, for example 'map_bytes = 17179869184'")
    parser.add_argument("--json", metavar="FILE")
    options = parser.parse_args()
    if options.quick:
        options.rounds, options.seconds, options.fill, options.peer_fill = 1, 2, 20_000, 2_000
    options.tls = options.tls or options.only == "edge"
    options.servers = options.servers.split(",")
    options.loads = options.loads.split(",")
    result = {"machine": machine(), "tls": options.tls, "rounds": options.rounds, "seconds": options.seconds}
    print(f"{result['machine']}; server on core {options.server_core}, wrk on core {options.load_core}, {'TLS 1.3' if options.tls else 'no TLS'}, "
          f"{options.rounds} rounds of {options.seconds} s, medians")
    if options.only == "edge":
        result["edge"] = edge.run([Subject(kind, options) for kind in options.servers], NAMES, options)
        edge.show(result["edge"])
    if options.only in (None, "loads"):
        result.update(run_loads(options))
    if options.only in (None, "fill"):
        result.update(run_fill(options))
    if options.only in (None, "tokens"):
        result.update(run_tokens(options))
    if "loads" in result:
        print_loads(result["loads"], result["memory"])
    if "fill" in result:
        print_fill(result["fill"])
    if "tokens" in result:
        print_tokens(result["tokens"])
    print_aims(result)
    if options.json:
        Path(options.json).write_text(json.dumps(result, indent=1) + "\n")


if __name__ == "__main__":
    main()
