#!/usr/bin/env python3
"""Kills the server with SIGKILL at random moments under eight writers, and checks that nothing acknowledged is lost.

  kill9.py --cycles 20 [--seed N] [--writers 8] [--server strongroom|openbao] [--keep]

Each cycle: start, unseal (one cycle in eight is killed within it and unsealed again), writers put secrets (new names and new
versions), delete names and create tokens until the kill. Then start, unseal and check: every acknowledged write of the cycle and a sample of
all earlier ones reads back, acknowledged deletions stay, tokens live; the audit log verifies offline with the key taken at
init; the store verifies. At the end everything is read once more, and the lists hold every name.
A kill keeps the page cache, so it says nothing about missing flushes: the fault store's tests do.
"""
import argparse
import http.client
import json
import os
import random
import subprocess
import sys
import threading
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "harness"))

from servers import Server, strongroom_binary  # noqa: E402

# How the product verifies itself; {binary} {address} {key} {audit} are filled in. The token is in VAULT_TOKEN.
AUDIT_VERIFY = "{binary} audit verify -key={key} {audit}"
STORE_VERIFY = "{binary} store verify"
VERSIONS_PER_NAME = 8  # below the default max_versions, so that no acknowledged version is trimmed


class Writer(threading.Thread):
    """One connection. Everything in the lists was acknowledged; `doubtful` names were in flight when the server died."""

    def __init__(self, number, server, rng, start_at):
        super().__init__(daemon=True)
        self.number, self.port, self.token = number, server.port, server.token
        self.rng, self.count = rng, start_at
        self.writes, self.deleted, self.tokens, self.doubtful = [], [], [], set()
        self.names, self.refused = [], []
        self.stop = threading.Event()

    def run(self):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        name, versions = None, 0
        while not self.stop.is_set():
            dice = self.rng.random()
            self.count += 1
            try:
                if dice < 0.08 and self.names:
                    victim = self.names.pop(self.rng.randrange(len(self.names)))
                    self.doubtful.add(victim)
                    if self.send(connection, "DELETE", f"secret/metadata/{victim}") is not None:
                        self.deleted.append(victim)
                        self.doubtful.discard(victim)
                elif dice < 0.14:
                    answer = self.send(connection, "POST", "auth/token/create", {"policies": ["default"], "ttl": "24h", "no_default_policy": False})
                    if answer is not None:
                        self.tokens.append(answer["auth"]["client_token"])
                else:
                    if name is None or versions == VERSIONS_PER_NAME or self.rng.random() < 0.4:
                        if name is not None:
                            self.names.append(name)
                        name, versions = f"crash/w{self.number}/{self.rng.randrange(40)}/n{self.count}", 0
                    value = f"{self.number}-{self.count}-" + "x" * self.rng.randrange(400)
                    answer = self.send(connection, "POST", f"secret/data/{name}", {"data": {"value": value}})
                    if answer is not None:
                        versions += 1
                        self.writes.append((name, answer["data"]["version"], value))
            except (OSError, http.client.HTTPException, ValueError):
                break  # the server died
        if name is not None:
            self.names.append(name)
        connection.close()

    def send(self, connection, method, path, body=None):
        """The body of an acknowledged request; None for a refusal, which is noted."""
        payload = json.dumps(body) if body is not None else None
        connection.request(method, "/v1/" + path, payload, {"X-Vault-Token": self.token})
        answer = connection.getresponse()
        raw = answer.read()
        if answer.status >= 300:
            self.refused.append(f"{method} {path}: {answer.status} {raw[:200]!r}")
            return None
        return json.loads(raw) if raw else {}


class Run:
    def __init__(self, options):
        self.options, self.rng = options, random.Random(options.seed)
        self.server = Server(options.server)
        self.writes, self.names, self.deleted, self.doubtful, self.tokens = {}, [], set(), set(), []
        self.acknowledged, self.problems, self.recovery = 0, [], []
        self.counts = [0] * options.writers

    def go(self):
        server = self.server
        server.ready()
        self.key = self._audit_key()
        for cycle in range(1, self.options.cycles + 1):
            before = self.acknowledged
            fresh = self._write_until_killed()
            start = time.monotonic()
            self._restart(self.rng.random() < 0.125)
            self.recovery.append(time.monotonic() - start)
            self._check(fresh)
            self._verify()
            if cycle % max(1, self.options.cycles // 20) == 0 or self.problems:
                print(f"cycle {cycle}: {self.acknowledged - before} acknowledged, {self.acknowledged} in all, "
                      f"ready {self.recovery[-1]:.2f} s after the kill, {len(self.problems)} problems", flush=True)
            if self.problems:
                break
        self._check_all()

    def _audit_key(self):
        """The public key as printed at init, or as it lies beside the log then."""
        for name in ("audit_verifier_key", "audit_key"):
            if name in self.server.init_answer:
                return self.server.init_answer[name]
        found = list(Path(self.server.directory).glob("**/audit/key.pub"))
        return found[0].read_text().strip() if found else None

    def _write_until_killed(self):
        writers = [Writer(n, self.server, random.Random(self.rng.random()), self.counts[n]) for n in range(self.options.writers)]
        recent = [n for n in self.names[-2000:] if n not in self.deleted and n not in self.doubtful]
        for w in writers:
            w.names = [n for n in recent if n.startswith(f"crash/w{w.number}/")]
            w.start()
        time.sleep(self.rng.uniform(0.02, self.options.longest))
        self.server.kill9()
        for w in writers:
            w.stop.set()
            w.join(60)
            if w.is_alive():
                self.problems.append(f"writer {w.number} hangs")
        fresh = []
        for w in writers:
            self.counts[w.number] = w.count
            self.problems += w.refused[:3]
            self.doubtful |= w.doubtful
            for name, version, value in w.writes:
                if name not in self.writes:
                    self.writes[name] = {}
                    self.names.append(name)
                self.writes[name][version] = value
                fresh.append((name, version))
            self.deleted |= set(w.deleted)
            self.tokens += w.tokens
            self.acknowledged += len(w.writes) + len(w.deleted) + len(w.tokens)
        return fresh

    def _restart(self, kill_within):
        server = self.server
        server.start()
        if kill_within:
            # Dies somewhere inside unseal and recovery.
            killer = threading.Timer(self.rng.uniform(0, 0.05), server.kill9)
            killer.start()
            try:
                server.unseal(wait=5)
            except (OSError, http.client.HTTPException, SystemExit):
                pass
            killer.join()
            server.start()
        server.unseal()

    def _check(self, pairs, sample=300):
        earlier = [(n, v) for n in self.rng.sample(self.names, min(sample, len(self.names))) for v in self.writes[n]]
        connection = http.client.HTTPConnection("127.0.0.1", self.server.port, timeout=60)
        headers = {"X-Vault-Token": self.server.token}
        for name, version in [*pairs, *earlier]:
            if name in self.doubtful:
                continue
            connection.request("GET", f"/v1/secret/data/{name}?version={version}", headers=headers)
            answer = connection.getresponse()
            raw = answer.read()
            if name in self.deleted:
                if answer.status != 404:
                    self.problems.append(f"{name} was deleted and answers {answer.status}")
                continue
            got = json.loads(raw)["data"]["data"]["value"] if answer.status == 200 else f"status {answer.status} {raw[:200]!r}"
            if got != self.writes[name][version]:
                self.problems.append(f"{name} version {version}: acknowledged {self.writes[name][version][:40]!r}, found {got[:200]!r}")
        for token in self.rng.sample(self.tokens, min(20, len(self.tokens))):
            connection.request("GET", "/v1/auth/token/lookup-self", headers={"X-Vault-Token": token})
            answer = connection.getresponse()
            answer.read()
            if answer.status != 200:
                self.problems.append(f"an acknowledged token answers {answer.status}")
        connection.close()

    def _check_all(self):
        if self.problems:
            return
        alive = [(n, v) for n, versions in self.writes.items() for v in versions]
        self._check(alive, sample=0)
        directories = {}
        for name in self.writes:
            if name not in self.deleted and name not in self.doubtful:
                parent, leaf = name.rsplit("/", 1)
                directories.setdefault(parent, set()).add(leaf)
        for parent, leaves in directories.items():
            listed = set(self.server.call("GET", f"secret/metadata/{parent}?list=true")["data"]["keys"])
            for leaf in leaves - listed:
                self.problems.append(f"{parent}/{leaf} is not listed")

    def _verify(self):
        if self.options.server != "strongroom" or self.options.no_verify:
            return
        names = {"binary": strongroom_binary(), "address": self.server.address, "key": self.key, "audit": self.server.directory + "/store/audit"}
        environment = {**os.environ, "VAULT_ADDR": self.server.address, "VAULT_TOKEN": self.server.token}
        for command in (self.options.audit_verify, self.options.store_verify):
            words = [w.format(**names) for w in command.split()]
            done = subprocess.run(words, capture_output=True, text=True, env=environment, timeout=600)
            if done.returncode != 0:
                self.problems.append(f"{' '.join(words[1:3])} failed with {done.returncode}: {done.stdout[-500:]} {done.stderr[-500:]}")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cycles", type=int, default=20)
    parser.add_argument("--writers", type=int, default=8)
    parser.add_argument("--longest", type=float, default=0.6, help="longest time from start to kill, seconds")
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(10**9))
    parser.add_argument("--server", choices=["strongroom", "openbao"], default="strongroom")
    parser.add_argument("--audit-verify", default=AUDIT_VERIFY)
    parser.add_argument("--store-verify", default=STORE_VERIFY)
    parser.add_argument("--no-verify", action="store_true", help="only read back")
    parser.add_argument("--keep", action="store_true", help="keep the server's directory when something is wrong")
    options = parser.parse_args()
    print(f"seed {options.seed}")
    run = Run(options)
    try:
        run.go()
    finally:
        if run.problems and options.keep:
            run.server.stop()
            print(f"kept: {run.server.directory}")
        else:
            run.server.close()
    for problem in run.problems[:40]:
        print(problem)
    lost = len(run.problems)
    slowest = max(run.recovery, default=0)
    print(f"{len(run.recovery)} kills under {options.writers} writers: {run.acknowledged} acknowledged, {lost} problems; slowest restart to ready {slowest:.2f} s")
    print(f"{len(run.recovery) if not lost else len(run.recovery) - 1} passed, {int(bool(lost))} failed")
    return 1 if lost or len(run.recovery) < options.cycles else 0


if __name__ == "__main__":
    sys.exit(main())
