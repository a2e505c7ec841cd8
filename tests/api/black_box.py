#!/usr/bin/env python3
"""The real binary under bad input and faults, from outside. One function a case; its name and first line say what must hold.

  black_box.py [--only WORD] [--server strongroom|openbao] [--list]

Cases whose name starts with a letter and digits (b06_...) are rows of the catalogue of published weaknesses of comparable servers.
--server openbao tries the cases themselves; it fails where OpenBao does worse on purpose of the test.
"""
import argparse
import concurrent.futures
import json
import os
import random
import re
import shutil
import signal
import socket
import ssl
import stat
import subprocess
import sys
import tempfile
import threading
import time
import traceback
import urllib.parse
import warnings
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "harness"))
sys.path.insert(0, str(HERE.parent / "conformance"))

from http_client import Client  # noqa: E402
from servers import Server, free_port, strongroom_binary  # noqa: E402

warnings.simplefilter("ignore", DeprecationWarning)  # TLS 1.1 is asked for on purpose
KIND = "strongroom"
MARK = "Cnry7Qx"
_shared = None


class Skip(Exception):
    """The machine cannot run the case; the reason is printed."""


def shared():
    """One ready server for the cases that leave it as it was."""
    global _shared
    if _shared is None or _shared.process.poll() is not None:
        _shared = Server(KIND).ready()
    return _shared


def exact(server, method, path, body=None, token="own", headers=None):
    """Sends the path's bytes as they are, on a connection of its own. Returns status, headers, text."""
    token = server.token if token == "own" else token
    send = {"Host": urllib.parse.urlsplit(server.address).netloc, "Connection": "close", **({"X-Vault-Token": token} if token else {}), **(headers or {})}
    payload = body.encode() if isinstance(body, str) else body
    answer = Client(server.address).send(method, path, send, payload)
    return answer.status, answer.headers, answer.text if answer.text is not None else json.dumps(answer.body) if answer.body is not None else ""


def token_for(server, policy, **options):
    name = f"p{random.randrange(10**9)}"
    server.call("POST", f"sys/policies/acl/{name}", {"policy": policy})
    return server.call("POST", "auth/token/create", {"policies": [name], "ttl": "1h", **options})["auth"]["client_token"]


def equal(got, wanted, what=""):
    if got != wanted:
        raise AssertionError(f"{what} wanted {wanted!r}, got {got!r}"[:1500])


def within(got, wanted, what=""):
    if got not in wanted:
        raise AssertionError(f"{what} wanted one of {wanted!r}, got {got!r}"[:1500])


def verify_store(server):
    if KIND == "strongroom":
        run_cli(server, "store", "verify")


def run_cli(server, *words, status=0, token="own", stdin=None):
    environment = {"PATH": os.environ["PATH"], "HOME": "/nonexistent", "VAULT_ADDR": server.address}
    if token:
        environment["VAULT_TOKEN"] = server.token if token == "own" else token
    done = subprocess.run([strongroom_binary(), *words], capture_output=True, text=True, env=environment, input=stdin, timeout=120)
    equal(done.returncode, status, f"strongroom {' '.join(words)}: {done.stdout[-400:]} {done.stderr[-400:]}")
    return done.stdout


# --- Bad input ------------------------------------------------------------------------------------------------------------------
def malformed_json_is_400_stores_nothing_and_is_not_echoed():
    """d04: every malformed body is refused before any decision; the text does not hold what was sent."""
    server = shared()
    bodies = [f'{{"data": {{"a": "{MARK}"', f'{{"data": {{"a": "{MARK}}}}}', f'{{"data": {{{MARK}: 1}}}}', f"[1, {MARK}]", f"{MARK}", f'"{MARK}"', f'["{MARK}"]',
              f'{{"data": {{"a": "{MARK}\\x"}}}}', f'{{"data": {{"a": 01, "b": "{MARK}"}}}}', f'{{"data":{{"{MARK}":1}}}} trailing', "{", "\x00", "nul", "{'a': 1}",
              f'{{"data":{{"a":"{MARK}\n"}}}}', f'{{"data":{{"a":NaN,"b":"{MARK}"}}}}', f'{{"data":{{"a":"\\ud800 {MARK}"}}']
    for body in bodies:
        status, _, text = exact(server, "POST", "/v1/secret/data/bad/json", body)
        equal(status, 400, f"{body!r}: {text}")
        if MARK in text:
            raise AssertionError(f"{body!r} is echoed in {text!r}")
    for raw in (b'{"data":{"a":"\xff\xfe"}}', b'{"data":{"\xc0\xaf":1}}', b'{"data":{"a":"\xed\xa0\x80"}}'):
        status, _, text = exact(server, "POST", "/v1/secret/data/bad/json", raw)
        equal(status, 400, f"{raw!r}: {text}")
    equal(server.request("GET", "secret/data/bad/json")[0], 404, "stored after all:")


def wrong_types_are_400_and_never_500():
    server = shared()
    cases = [("secret/data/bad/types", '{"data": 5}'), ("secret/data/bad/types", '{"data": "x"}'), ("secret/data/bad/types", '{"data": [1]}'),
             ("secret/data/bad/types", '{"data": {"a": 1}, "options": {"cas": "x"}}'), ("secret/data/bad/types", '{"data": {"a": 1}, "options": 7}'),
             ("secret/metadata/bad/types", '{"max_versions": "many"}'), ("secret/metadata/bad/types", '{"custom_metadata": [1]}'),
             ("secret/metadata/bad/types", '{"delete_version_after": "soon"}'), ("secret/destroy/bad/types", '{"versions": {"a": 1}}'),
             ("sys/policies/acl/bad", '{"policy": {"x": 1}}'), ("sys/policies/acl/bad", '{"policy": "path \\"x\\" {"}'),
             ("auth/token/create", '{"ttl": "never"}'), ("auth/token/create", '{"num_uses": "x"}'),
             ("sys/mounts/bad", '{"type": 5}'), ("sys/mounts/bad", '{"type": "kv", "options": {"version": "9"}}'), ("sys/unseal", '{"key": 5}')]
    for path, body in cases:
        status, _, text = exact(server, "POST", "/v1/" + path, body)
        equal(status, 400, f"{path} {body}: {text}:")


def g02_deep_and_many_membered_bodies_are_refused_quickly():
    server = shared()
    deep = '{"data":' + '{"a":' * 10_000 + "1" + "}" * 10_000 + "}"
    many = '{"data":{' + ",".join(f'"k{i}":1' for i in range(1_000_000)) + "}}"
    arrays = '{"data":{"a":' + "[" * 100_000 + "]" * 100_000 + "}}"
    for name, body in (("deep", deep), ("many", many), ("arrays", arrays)):
        start, cpu = time.monotonic(), server.cpu_seconds()
        status, _, _ = exact(server, "POST", "/v1/secret/data/bad/deep", body)
        within(status, (400, 413), name)
        took, cpu = time.monotonic() - start, server.cpu_seconds() - cpu
        if took > 5 or cpu > 2:
            raise AssertionError(f"{name}: refused only after {took:.1f} s and {cpu:.2f} CPU seconds")
    status, _, _ = exact(server, "POST", "/v1/auth/token/create", deep, token=None)
    within(status, (400, 403, 413), "unauthenticated")
    equal(server.request("GET", "sys/health", token=None)[0], 200, "health:")


def oversized_bodies_are_refused_and_the_server_lives():
    """32 MiB; 1 MiB before authentication."""
    server = shared()
    for size, token in ((33 << 20, "own"), (2 << 20, None), (2 << 20, "hvs.unknown")):
        body = '{"data":{"a":"' + "x" * size + '"}}'
        try:
            status, _, _ = exact(server, "POST", "/v1/secret/data/bad/big", body, token=token)
        except (ConnectionError, OSError):
            continue  # it hung up within the body, which is an answer too
        within(status, (400, 403, 413), f"{size} bytes with token {token}:")
    equal(server.request("GET", "secret/data/bad/big")[0], 404, "stored after all:")
    big = {"data": {"a": "x" * (900 << 10)}}
    equal(server.request("POST", "secret/data/bad/fits", big)[0], 200, "900 KiB with a token:")
    equal(server.call("GET", "secret/data/bad/fits")["data"]["data"], big["data"])


def b06_path_tricks_are_refused_before_policy():
    server = shared()
    server.call("POST", "secret/data/zone/private/x", {"data": {"v": MARK}})
    token = token_for(server, 'path "secret/data/zone/open/*" { capabilities = ["create","read","update","delete"] }')
    tricks = ["%2e%2e/private/x", "..%2fprivate/x", "%2e%2e%2fprivate%2fx", "%252e%252e/private/x", "..%252fprivate/x", "..%5cprivate%5cx", "..\\private\\x",
              "a%00/../../private/x", "%c0%ae%c0%ae/private/x", "%2e./private/x", "a%2f..%2f..%2fprivate/x", "%ff", "a%0ab", "a%zz", "x%2fy"]
    for trick in tricks:
        for method in ("GET", "POST", "DELETE", "LIST"):
            body = '{"data":{"v":"overwritten"}}' if method == "POST" else None
            status, headers, text = exact(server, method, f"/v1/secret/data/zone/open/{trick}", body, token=token)
            within(status, (400, 403, 404, 405, 307), f"{method} {trick}: {text}")
            if MARK in text:
                raise AssertionError(f"{method} {trick} disclosed the secret")
            if status == 400:
                continue
            if status == 307:
                location = headers.get("Location", "")
                status, _, text = exact(server, method, location, body, token=token)
                within(status, (400, 403, 404, 405), f"{method} {trick} -> {location}: {text}")
    for trick in ("%2e%2e/private/x", "..%2fprivate/x", "%252e%252e/private/x", "a%00b", "%ff"):
        equal(exact(server, "GET", f"/v1/secret/data/zone/open/{trick}", token=token)[0], 400, f"{trick}:")
    equal(exact(server, "GET", "/v1/secret//data/zone/private/x")[0], 307, "double slash:")
    equal(server.call("GET", "secret/data/zone/private/x")["data"]["data"]["v"], MARK)


def numbers_come_back_digit_for_digit():
    server = shared()
    if KIND != "strongroom":
        raise Skip("OpenBao rounds")
    body = '{"data":{"big":12345678901234567890123,"money":1.10,"huge":1e400,"neg":-0.0,"exp":1E+2,"text":"\\u00e9\\/x"}}'
    equal(exact(server, "POST", "/v1/secret/data/digits", body)[0], 200)
    raw = _raw_get(server, "/v1/secret/data/digits")
    for number in ("12345678901234567890123", "1.10", "1e400", "-0.0", "1E+2"):
        if number not in raw:
            raise AssertionError(f"{number} did not come back: {raw}")
    equal(exact(server, "PATCH", "/v1/secret/data/digits", '{"data":{"money":2.50}}', headers={"Content-Type": "application/merge-patch+json"})[0], 200)
    raw = _raw_get(server, "/v1/secret/data/digits")
    for number in ("12345678901234567890123", "2.50", "1e400"):
        if number not in raw:
            raise AssertionError(f"{number} did not survive a patch: {raw}")


def _raw_get(server, path):
    with socket.create_connection(("127.0.0.1", server.port), timeout=30) as s:
        s.sendall(f"GET {path} HTTP/1.1\r\nHost: x\r\nX-Vault-Token: {server.token}\r\nConnection: close\r\n\r\n".encode())
        return b"".join(iter(lambda: s.recv(65536), b"")).decode()


def unbuilt_options_are_refused_not_ignored():
    server = shared()
    if KIND != "strongroom":
        raise Skip("OpenBao has them")
    for method, path, body in (("POST", "sys/auth/userpass", {"type": "userpass"}), ("POST", "sys/mounts/pki", {"type": "pki"}),
                               ("POST", "sys/namespaces/team", {}), ("POST", "auth/token/create", {"type": "batch"})):
        status, answer = server.request(method, path, body)
        within(status, (400, 404, 405, 501), f"{path}: {answer}")


# --- Sealed, seals, start ---------------------------------------------------------------------------------------------------------
def sealed_is_503_whatever_the_token():
    with Server(KIND) as server:
        server.ready()
        server.call("POST", "secret/data/a", {"data": {"v": MARK}})
        server.call("PUT", "sys/seal")
        for method, path in (("GET", "secret/data/a"), ("POST", "secret/data/a"), ("GET", "sys/mounts"), ("POST", "auth/token/create"), ("GET", "auth/token/lookup-self"),
                             ("GET", "no/such/mount"), ("DELETE", "secret/metadata/a")):
            for token in (server.token, "hvs.unknown", None):
                status, answer = server.request(method, path, {"data": {}} if method == "POST" else None, token=token)
                equal(status, 503, f"{method} {path} with {'a' if token else 'no'} token: {answer}")
        equal(server.request("GET", "sys/health", token=None)[0], 503, "health:")
        equal(server.call("GET", "sys/seal-status", token=None)["sealed"], True)
        server.unseal()
        equal(server.call("GET", "secret/data/a")["data"]["data"], {"v": MARK})
        verify_store(server)


def a_second_process_on_the_directory_is_refused():
    with Server(KIND) as server:
        server.ready()
        port = free_port()
        config = Path(server.config_file).read_text().replace(f":{server.port}", f":{port}")
        other = Path(server.directory) / "other.hcl"
        other.write_text(config)
        done = subprocess.run([server.binary, "server", f"-config={other}"], capture_output=True, text=True, timeout=30)
        if done.returncode == 0:
            raise AssertionError("the second process started")
        if not re.search("lock|use|process", done.stdout + done.stderr):
            raise AssertionError(f"the reason is missing: {done.stderr[-500:]}")
        equal(server.request("GET", "sys/health", token=None)[0], 200, "the first one lives:")


def a_rolled_back_store_is_refused():
    """A store older than its log must not be served: a restored copy is a roll-back unless someone says so."""
    if KIND != "strongroom":
        raise Skip("our promise")
    with Server(KIND) as server:
        server.ready()
        server.stop()
        store = Path(server.directory) / "store"
        older = Path(server.directory) / "older"
        shutil.copytree(store, older, ignore=shutil.ignore_patterns("audit"))
        server.start().unseal()
        for n in range(20):
            server.call("POST", f"secret/data/n{n}", {"data": {"n": n}})
        server.stop()
        for path in older.iterdir():
            target = store / path.name
            shutil.rmtree(target) if target.is_dir() else target.unlink(missing_ok=True)
            shutil.copytree(path, target) if path.is_dir() else shutil.copy2(path, target)
        _must_not_serve(server, "store|older|roll")


def a_cut_log_is_refused():
    """A log shorter than its newest checkpoint is a roll-back too."""
    if KIND != "strongroom":
        raise Skip("our promise")
    with Server(KIND) as server:
        server.ready()
        server.stop()
        store = Path(server.directory) / "store"
        shutil.copytree(store / "audit", Path(server.directory) / "older-audit")
        server.start().unseal()
        for n in range(200):
            server.call("POST", f"secret/data/n{n}", {"data": {"n": n}})
        time.sleep(2)  # a checkpoint over them
        server.stop()
        shutil.rmtree(store / "audit")
        shutil.copytree(Path(server.directory) / "older-audit", store / "audit")
        _must_not_serve(server, "log|audit|roll|short")


def _must_not_serve(server, reason):
    """The server may refuse at its start or at unseal, but says why and never serves."""
    try:
        server.start(wait=20)
    except SystemExit as refused:
        if not re.search(reason, str(refused), re.I):
            raise AssertionError(f"refused without a reason: {refused}") from None
        return
    answers = [server.request("PUT", "sys/unseal", {"key": key}, token=None) for key in server.keys]
    time.sleep(0.5)
    try:
        status, answer = server.request("GET", "secret/data/n1")
    except OSError:
        status, answer = 0, None
    if status in (200, 404):
        raise AssertionError(f"served after a roll-back: {status} {answer}")
    if not re.search(reason, server.log_tail() + json.dumps(answers), re.I):
        raise AssertionError(f"refused without a reason: {answers} {server.log_tail(800)}")


def wrong_configuration_names_file_and_line():
    if KIND != "strongroom":
        raise Skip("our promise")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "bad.hcl"
        for text in ('storage "embedded" {\n  path = "' + folder + '/s"\n  map_bytes = "many"\n}\n', 'storage "embedded" {\n  path = "x"\n', 'listener "tcp" {\n\n  address = 5\n}\n'):
            path.write_text(text)
            done = subprocess.run([strongroom_binary(), "server", f"-config={path}"], capture_output=True, text=True, timeout=20)
            output = done.stdout + done.stderr
            if done.returncode == 0 or "bad.hcl" not in output or not re.search(r"(line |:)\d", output):
                raise AssertionError(f"{text!r}: exit {done.returncode}: {output[-500:]}")


def json_configuration_works():
    with Server(KIND) as server:
        config = {"storage": {"embedded" if KIND == "strongroom" else "raft": {"path": server.directory + "/store", **({} if KIND == "strongroom" else {"node_id": "n"})}},
                  "listener": [{"tcp": {"address": f"127.0.0.1:{server.port}", "tls_disable": True}}], "api_addr": server.address,
                  "cluster_addr": f"http://127.0.0.1:{free_port()}", "some_unknown_key": 1}
        server.config_file = server.directory + "/server.json"
        Path(server.config_file).write_text(json.dumps(config))
        server.ready()
        equal(server.call("GET", "secret/data/ready")["data"]["data"], {"ready": "yes"})
        if KIND == "strongroom" and "some_unknown_key" not in server.log_tail(20000):
            raise AssertionError("an unknown key drew no warning")


def dev_mode_is_ready_at_once():
    port = free_port()
    environment = {"PATH": os.environ["PATH"], "HOME": tempfile.mkdtemp(prefix="sr-home-")}
    server = Server(KIND, port=port)
    with subprocess.Popen([server.binary, "server", "-dev", "-dev-root-token-id=root", "-dev-no-store-token", f"-dev-listen-address=127.0.0.1:{port}"], env=environment,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as process:
        try:
            server.token = "root"
            for _ in range(200):
                try:
                    if server.request("GET", "secret/config")[0] == 200:
                        break
                except OSError:
                    pass
                time.sleep(0.05)
            equal(server.request("POST", "secret/data/a", {"data": {"a": "b"}})[0], 200)
            equal(server.call("GET", "secret/data/a")["data"]["data"], {"a": "b"})
        finally:
            process.terminate()
        output = process.communicate(timeout=20)[0]
        equal(process.returncode, 0, output[-500:])
        for text in ("Root Token: root", "Unseal Key: ", "VAULT_ADDR" if KIND == "strongroom" else "ADDR"):
            if text not in output:
                raise AssertionError(f"the banner does not say {text!r}: {output[-1500:]}")
    shutil.rmtree(environment["HOME"], ignore_errors=True)
    server.close()


# --- Transport ----------------------------------------------------------------------------------------------------------------------
def hostile_http_is_refused():
    for tls in (False, True):
        with Server(KIND, tls=tls) as server:
            server.ready()
            done = subprocess.run([sys.executable, str(HERE / "hostile_http.py"), "--port", str(server.port), *(["--tls"] if tls else [])], capture_output=True, text=True, timeout=300)
            equal(done.returncode, 0, f"tls={tls}: {done.stdout[-3000:]} {done.stderr[-500:]}")
            equal(server.request("GET", "sys/health", token=None)[0], 200, "health afterwards:")


def tls_12_and_13_only_and_sighup_changes_the_certificate():
    with Server(KIND, tls=True) as server:
        server.ready()

        def connect(version):
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
            context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
            context.minimum_version = context.maximum_version = version
            context.set_ciphers("DEFAULT:@SECLEVEL=0")
            with socket.create_connection(("127.0.0.1", server.port), timeout=10) as s, context.wrap_socket(s) as t:
                return t.version(), t.getpeercert(binary_form=True)

        equal(connect(ssl.TLSVersion.TLSv1_2)[0], "TLSv1.2")
        before = connect(ssl.TLSVersion.TLSv1_3)[1]
        try:
            connect(ssl.TLSVersion.TLSv1_1)
        except (ssl.SSLError, OSError):
            pass
        else:
            raise AssertionError("TLS 1.1 was accepted")
        server._make_certificate()
        server.process.send_signal(signal.SIGHUP)
        for _ in range(100):
            if connect(ssl.TLSVersion.TLSv1_3)[1] != before:
                break
            time.sleep(0.05)
        else:
            raise AssertionError("SIGHUP did not change the certificate")
        # A broken certificate keeps the one in use.
        Path(server.directory, "cert.pem").write_text("broken")
        server.process.send_signal(signal.SIGHUP)
        time.sleep(0.5)
        connect(ssl.TLSVersion.TLSv1_3)


def plain_http_on_a_tls_port_is_answered_or_closed():
    with Server(KIND, tls=True) as server:
        server.ready()
        with socket.create_connection(("127.0.0.1", server.port), timeout=15) as s:
            s.sendall(b"GET /v1/sys/health HTTP/1.1\r\nHost: x\r\n\r\n")
            answer = s.recv(4096)
            if b"200 OK" in answer:
                raise AssertionError("a TLS port served plain HTTP")


def unix_socket_serves():
    with Server(KIND) as server:
        path = server.directory + "/api.sock"
        with open(server.config_file, "a", encoding="utf-8") as f:
            f.write(f'\nlistener "unix" {{\n  address = "{path}"\n  socket_mode = "0600"\n  tls_disable = true\n}}\n')
        server.ready()
        equal(stat.S_IMODE(os.stat(path).st_mode), 0o600, "mode of the socket:")
        done = subprocess.run(["curl", "-sS", "--unix-socket", path, "http://x/v1/sys/health"], capture_output=True, text=True, timeout=20)
        if '"sealed":false' not in done.stdout.replace(" ", ""):
            raise AssertionError(f"no health over the socket: {done.stdout} {done.stderr}")


def forwarded_for_is_believed_only_from_listed_addresses():
    for addresses, wanted in (('["127.0.0.1"]', "203.0.113.9"), ('["192.0.2.1"]', "127.0.0.1")):
        with Server(KIND) as server:
            text = Path(server.config_file).read_text()
            extra = f"tls_disable = true\n  x_forwarded_for_authorized_addrs = {addresses}\n  x_forwarded_for_reject_not_authorized = false\n  x_forwarded_for_reject_not_present = false"
            Path(server.config_file).write_text(text.replace("tls_disable = true", extra))
            server.ready()
            equal(server.request("GET", "secret/data/ready", headers={"X-Forwarded-For": "203.0.113.9"})[0], 200)
            time.sleep(1)
            lines = [json.loads(line) for line in Path(server.audit_file).read_text().splitlines()]
            seen = [line["request"]["remote_address"] for line in lines if line["request"].get("path") == "secret/data/ready" and line["request"]["operation"] == "read"]
            equal(seen[-1], wanted, addresses)


def g06_silent_connections_do_not_keep_others_out():
    """Thousands of connections that say nothing are closed in time, and a new client is served meanwhile."""
    with Server(KIND, tls=True) as server:
        server.ready()
        silent = []
        try:
            for _ in range(3000):
                s = socket.socket()
                s.settimeout(5)
                s.connect(("127.0.0.1", server.port))
                silent.append(s)
        except OSError as limit:
            if len(silent) < 500:
                raise Skip(f"only {len(silent)} connections possible here: {limit}") from None
        start = time.monotonic()
        equal(server.request("GET", "sys/health", token=None, timeout=10)[0], 200, "health among the silent:")
        if time.monotonic() - start > 2:
            raise AssertionError("health was slow among silent connections")
        deadline = time.monotonic() + 25
        silent[0].settimeout(25)
        try:
            if silent[0].recv(1) != b"":
                raise AssertionError("a silent connection got bytes")
        except TimeoutError:
            raise AssertionError("a connection without a handshake was kept for 25 s") from None
        except ConnectionResetError:
            pass
        if time.monotonic() > deadline:
            raise AssertionError("a connection without a handshake was kept for 25 s")
        for s in silent:
            s.close()


def g01_slow_large_bodies_do_not_exhaust_memory():
    """Hundreds of unauthenticated clients that send large bodies slowly: memory stays bounded, health answers at once."""
    with Server(KIND) as server:
        server.ready()
        clients = []
        for _ in range(1000):
            s = socket.socket()
            s.settimeout(5)
            try:
                s.connect(("127.0.0.1", server.port))
                s.sendall(b"POST /v1/auth/token/create HTTP/1.1\r\nHost: x\r\nContent-Length: 33554432\r\n\r\n")
                clients.append(s)
            except OSError:
                continue
        piece = b"x" * 65536
        for _ in range(12):
            for s in clients:
                try:
                    s.send(piece, socket.MSG_DONTWAIT)
                except OSError:
                    continue
            start = time.monotonic()
            equal(server.request("GET", "sys/health", token=None, timeout=10)[0], 200, "health:")
            if time.monotonic() - start > 1:
                raise AssertionError("health was slow")
        memory = server.rss_anon() / 1e6
        for s in clients:
            s.close()
        if memory > 400:
            raise AssertionError(f"{memory:.0f} MB of private memory for {len(clients)} slow clients")


def terminate_drains_and_keeps_what_was_acknowledged():
    with Server(KIND) as server:
        server.ready()
        acknowledged, stop = [], threading.Event()

        def write(worker):
            n = 0
            while not stop.is_set():
                n += 1
                try:
                    if server.request("POST", f"secret/data/drain/w{worker}/{n}", {"data": {"n": n}})[0] == 200:
                        acknowledged.append(f"w{worker}/{n}")
                except OSError:
                    return

        threads = [threading.Thread(target=write, args=(w,)) for w in range(4)]
        for t in threads:
            t.start()
        time.sleep(0.7)
        start = time.monotonic()
        status = server.stop()
        took = time.monotonic() - start
        stop.set()
        for t in threads:
            t.join()
        equal(status, 0, f"exit status; log: {server.log_tail(500)}")
        if took > 20:
            raise AssertionError(f"took {took:.0f} s to stop")
        server.start().unseal()
        for name in acknowledged:
            equal(server.request("GET", f"secret/data/drain/{name}")[0], 200, name)
        verify_store(server)


def systemd_is_told():
    if KIND != "strongroom":
        raise Skip("our promise")
    with tempfile.TemporaryDirectory() as folder, socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as notify:
        notify.bind(folder + "/notify")
        notify.settimeout(20)
        with Server(KIND, prefix=["env", f"NOTIFY_SOCKET={folder}/notify"]) as server:
            server.start()
            said = notify.recv(4096).decode()
            if "READY=1" not in said:
                raise AssertionError(f"said {said!r}")
            server.stop()
            said = notify.recv(4096).decode()
            if "STOPPING=1" not in said:
                raise AssertionError(f"said {said!r} when it stopped")


# --- Secrets stay secret ----------------------------------------------------------------------------------------------------------
def d01_d02_p7_no_canary_in_any_file():
    """Fifty canaries in values of every JSON type, in keys, tokens, names, custom metadata and policies: none in the store, in any log, or in an error."""
    with Server(KIND) as server:
        server.ready()
        seed = random.randrange(10**9)
        values = [f"VALUE{seed}x{n}z" for n in range(40)]
        names = [f"name{seed}x{n}z" for n in range(10)]
        numbers = [str(seed * 1000003 + 7 * n + 10**15) for n in range(5)]
        for n, value in enumerate(values):
            shape = [{"a": value}, {"a": {"b": [value, {"c": value}]}}, {"a": [value, [value]]}, {"k" + value: 1}, {"a": "pre " + value + " post\nline"}][n % 5]
            equal(server.request("POST", f"secret/data/{names[n % 10]}/sub{names[(n + 3) % 10]}", {"data": shape})[0], 200)
        for number in numbers:
            exact(server, "POST", f"/v1/secret/data/{names[0]}", f'{{"data":{{"n":{number}}}}}')
        server.request("POST", f"secret/metadata/{names[1]}", {"custom_metadata": {"owner": values[0]}})
        token = server.call("POST", "auth/token/create", {"policies": ["default"], "meta": {"m": "plain"}})["auth"]["client_token"]
        for name in names:
            server.request("GET", f"secret/data/{name}")
            server.request("GET", f"secret/data/{name}", token=token)
        errors = []
        for value in values[:10]:
            errors.append(exact(server, "POST", "/v1/secret/data/x", f'{{"data": "{value}"}}')[2])
            errors.append(exact(server, "POST", "/v1/sys/mounts/x", f'{{"type": "{value}"}}')[2] if KIND == "strongroom" else "")
            errors.append(exact(server, "GET", "/v1/secret/data/x", token=value)[2])
            exact(server, "GET", "/v1/secret/data/ready", headers={"X-Other": value, "Cookie": value})
        server.request("POST", "auth/token/lookup", {"token": token})
        time.sleep(1)
        secret_texts = values + [token, server.token, *server.keys] + numbers
        found = []
        server.stop()
        for folder, _, files in os.walk(server.directory):
            for name in files:
                data = Path(folder, name).read_bytes()
                readable = name == "audit.log"  # Vault's format keeps paths plain
                # Vault's format keeps names of fields, and a canary in every fifth value is one; every value is digested.
                shown = {v for n, v in enumerate(values) if n % 5 == 3} if readable else set()
                for text in secret_texts + ([] if readable else names):
                    if text.encode() in data and text not in shown:
                        found.append(f"{os.path.relpath(os.path.join(folder, name), server.directory)} holds {text!r}")
        for text in errors:
            found += [f"an error echoes {v!r}: {text}" for v in values if v in text]
        if KIND == "strongroom" and found:
            raise AssertionError(f"{len(found)} finds: " + "; ".join(found[:8]))


def d07_files_are_private():
    with Server(KIND) as server:
        os.chmod(server.directory, 0o755)
        old = os.umask(0o000)
        try:
            server.ready()
        finally:
            os.umask(old)
        server.call("POST", "secret/data/a", {"data": {"a": "b"}})
        loose = []
        for folder, folders, files in os.walk(server.directory + "/store"):
            for name in files + folders:
                path = os.path.join(folder, name)
                if stat.S_IMODE(os.lstat(path).st_mode) & 0o077:
                    loose.append(f"{path} {oct(os.lstat(path).st_mode)}")
        mode = os.stat(server.audit_file).st_mode
        if stat.S_IMODE(mode) & 0o177:
            loose.append(f"audit.log {oct(mode)}")
        if loose and KIND == "strongroom":
            raise AssertionError("; ".join(loose[:5]))


def c01_no_api_creates_files():
    server = shared()
    with tempfile.TemporaryDirectory() as folder:
        for options in ({"file_path": f"{folder}/made"}, {"file_path": f"{folder}/made", "mode": "0755"}, {"file_path": f"{folder}/made", "prefix": "#!/bin/sh\n"}):
            status, answer = server.request("POST", f"sys/audit/x{random.randrange(10**6)}", {"type": "file", "options": options})
            if status < 400:
                raise AssertionError(f"an audit device was made over the API: {answer}")
        if os.listdir(folder):
            raise AssertionError(f"files were made: {os.listdir(folder)}")


# --- Policy -----------------------------------------------------------------------------------------------------------------------
def b01_root_in_other_spellings_is_not_root():
    server = shared()
    token = token_for(server, 'path "auth/token/create" { capabilities = ["create","update"] }')
    for name in ("root", "ROOT", "Root", "root ", " root", "ro\u200bot", "\uff52\uff4f\uff4f\uff54", "root\n", "root,default"):
        status, answer = server.request("POST", "auth/token/create", {"policies": [name]}, token=token)
        if status == 200:
            made = answer["auth"]["client_token"]
            status, _ = server.request("GET", "sys/policies/acl/default", token=made)
            equal(status, 403, f"policies=[{name!r}] opened sys/:")
        status, _ = server.request("POST", "sys/policies/acl/" + urllib.parse.quote(name), {"policy": 'path "x" { capabilities = ["read"] }'})
        if name.strip().lower() == "root" and status < 300:
            raise AssertionError(f"the policy {name!r} could be written")


def b07_list_of_a_denied_folder_stays_denied():
    server = shared()
    server.call("POST", "secret/data/foo/private/x", {"data": {"v": MARK}})
    token = token_for(server, 'path "secret/metadata/foo/*" { capabilities = ["list","read"] }\npath "secret/metadata/foo/private/*" { capabilities = ["deny"] }')
    for method, path in (("LIST", "private"), ("LIST", "private/"), ("GET", "private?list=true"), ("GET", "private/?list=true"), ("GET", "private/?list=1"), ("LIST", "private/?after=a&limit=1"),
                         ("SCAN", "private/"), ("GET", "private/x")):
        status, _, text = exact(server, method, f"/v1/secret/metadata/foo/{path}", token=token)
        if status == 200:
            raise AssertionError(f"{method} {path} was allowed: {text}")
    equal(exact(server, "LIST", "/v1/secret/metadata/foo/", token=token)[0], 200, "the parent:")


def b09_case_variants_are_other_paths():
    server = shared()
    server.call("POST", "secret/data/case/app", {"data": {"v": MARK}})
    token = token_for(server, 'path "secret/data/case/*" { capabilities = ["read"] }\npath "secret/data/case/app" { capabilities = ["deny"] }')
    for name in ("app", "APP", "App", "aPP", "app%20", "ap%70", "%61pp"):
        status, _, text = exact(server, "GET", f"/v1/secret/data/case/{name}", token=token)
        if status == 200 or MARK in text:
            raise AssertionError(f"{name} disclosed the denied secret")


def b10_parameter_rules_fold_case():
    server = shared()
    token = token_for(server, 'path "auth/token/create" { capabilities = ["create","update"]\n denied_parameters = { "policies" = [], "no_parent" = [] } }')
    for field in ("policies", "POLICIES", "Policies", "poLicies"):
        status, answer = server.request("POST", "auth/token/create", {field: ["default"]}, token=token)
        within(status, (400, 403), f"{field}: {answer}")


def p5_a_failed_request_changes_nothing():
    server = shared()
    server.call("POST", "secret/data/keep", {"data": {"v": 1}})
    before = server.call("GET", "secret/metadata/keep")["data"], server.call("GET", "sys/mounts")["data"], server.call("GET", "sys/policies/acl?list=true")["data"]
    for method, path, body in (("POST", "secret/data/keep", {"data": {"v": 2}, "options": {"cas": 9}}), ("POST", "secret/data/keep", {"data": 5}), ("POST", "secret/metadata/keep", {"max_versions": -1}),
                               ("POST", "secret/metadata/keep", {"custom_metadata": {"k" * 200: "v"}}), ("POST", "sys/mounts/secret", {"type": "kv"}), ("POST", "sys/mounts/bad..", {"type": "none"}),
                               ("POST", "sys/policies/acl/broken", {"policy": "path {"}), ("DELETE", "sys/policies/acl/root", None), ("POST", "secret/undelete/keep", {"versions": "x"})):
        status, answer = server.request(method, path, body)
        if status < 400:
            raise AssertionError(f"{method} {path} was taken: {status} {answer}")
    after = server.call("GET", "secret/metadata/keep")["data"], server.call("GET", "sys/mounts")["data"], server.call("GET", "sys/policies/acl?list=true")["data"]
    equal(after, before)


def p6_limited_uses_are_spent_once_under_concurrency():
    server = shared()
    for _ in range(5):
        token = token_for(server, 'path "secret/data/ready" { capabilities = ["read"] }', num_uses=3)
        with concurrent.futures.ThreadPoolExecutor(16) as pool:
            codes = list(pool.map(lambda _, t=token: server.request("GET", "secret/data/ready", token=t)[0], range(32)))
        equal(codes.count(200), 3, f"uses of a token with three: {codes}")
        equal(server.request("GET", "secret/data/ready", token=token)[0], 403)


def revoked_means_revoked_under_load():
    server = shared()
    for _ in range(5):
        token = token_for(server, 'path "secret/data/ready" { capabilities = ["read"] }')
        late, stop, revoked_at = [], threading.Event(), [None]

        def read(token=token, late=late, stop=stop, revoked_at=revoked_at):
            while not stop.is_set():
                started = time.monotonic()
                known = revoked_at[0]
                status, _ = server.request("GET", "secret/data/ready", token=token)
                if known is not None and started > known and status == 200:
                    late.append(started - known)

        threads = [threading.Thread(target=read) for _ in range(6)]
        for t in threads:
            t.start()
        time.sleep(0.15)
        server.call("POST", "auth/token/revoke", {"token": token})
        revoked_at[0] = time.monotonic()
        time.sleep(0.15)
        stop.set()
        for t in threads:
            t.join()
        equal(late, [], "reads that began after the revocation had returned:")


def e02_a_renewed_token_never_outlives_its_maximum():
    server = shared()
    made = server.call("POST", "auth/token/create", {"policies": ["default"], "ttl": "2s", "explicit_max_ttl": "4s"})["auth"]["client_token"]
    start, renewals = time.monotonic(), 0
    while time.monotonic() - start < 3.9:
        status, answer = server.request("POST", "auth/token/renew-self", {"increment": "1h"}, token=made)
        if status == 200:
            renewals += 1
            left = answer["auth"]["lease_duration"]
            if not 0 <= left <= 4 - (time.monotonic() - start) + 1.1 or left == 0 and time.monotonic() - start < 2.5:
                raise AssertionError(f"renewed to {left} s after {time.monotonic() - start:.1f} s")
        time.sleep(0.2)
    time.sleep(0.8)
    equal(server.request("GET", "auth/token/lookup-self", token=made)[0], 403, f"after its maximum, {renewals} renewals:")


# --- Full disk --------------------------------------------------------------------------------------------------------------------
def a_full_disk_refuses_and_recovers():
    """Writes and disclosures are refused with a clear error, health answers, deletes work, and space that returns is used."""
    folder = tempfile.mkdtemp(prefix="sr-full-")
    size = 384
    if os.geteuid() != 0 or subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}m", "tmpfs", folder], capture_output=True).returncode != 0:
        raise Skip("mounting a small tmpfs needs root")
    server = None
    try:
        server = Server(KIND, directory=folder + "/server" if os.makedirs(folder + "/server") is None else None).ready()
        for n in range(50):
            server.call("POST", f"secret/data/before/n{n}", {"data": {"n": n}})
        filler = Path(folder, "filler")
        with open(filler, "wb") as f:
            try:
                while True:
                    f.write(b"0" * 65536)
                    f.flush()
            except OSError:
                pass
        refused = None
        for n in range(5000):
            status, answer = server.request("POST", f"secret/data/full/n{n}", {"data": {"blob": "x" * 20000}})
            if status >= 400:
                refused = status, answer
                break
        if refused is None:
            raise AssertionError("a full disk refused nothing")
        within(refused[0], (500, 503, 507), f"{refused[1]}")
        if not re.search("space|full|disk", json.dumps(refused[1])):
            raise AssertionError(f"the error does not say what is wrong: {refused[1]}")
        within(server.request("GET", "sys/health", token=None)[0], (200, 429, 472, 473), "health:")
        deleted = sum(server.request("DELETE", f"secret/metadata/before/n{n}")[0] == 204 for n in range(10))
        if deleted == 0:
            raise AssertionError(f"nothing can be deleted on a full disk: {server.request('DELETE', 'secret/metadata/before/n11')} after {refused}")
        filler.unlink()
        for _ in range(100):
            if server.request("POST", "secret/data/again", {"data": {"a": "b"}})[0] == 200:
                break
            time.sleep(0.1)
        else:
            raise AssertionError("writes did not come back with the space")
        equal(server.request("GET", "secret/data/before/n20")[0], 200)
        verify_store(server)
        server.stop()
        server.start().unseal()
        equal(server.call("GET", "secret/data/again")["data"]["data"], {"a": "b"})
        verify_store(server)
    finally:
        if server:
            server.stop()
        subprocess.run(["umount", "-l", folder], capture_output=True)
        shutil.rmtree(folder, ignore_errors=True)


# --- Running ----------------------------------------------------------------------------------------------------------------------
def cases():
    mine = sys.modules[__name__]
    helpers = {"shared", "exact", "token_for", "equal", "within", "verify_store", "run_cli", "cases", "main", "free_port", "strongroom_binary"}
    return [(name, f) for name, f in vars(mine).items() if callable(f) and not name.startswith("_") and not isinstance(f, type) and getattr(f, "__module__", "") == __name__ and name not in helpers]


def main():
    global KIND
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", default="", help="cases whose name holds this word")
    parser.add_argument("--server", choices=["strongroom", "openbao"], default="strongroom")
    parser.add_argument("--list", action="store_true")
    options = parser.parse_args()
    KIND = options.server
    passed, failed, skipped = 0, 0, 0
    for name, case in cases():
        if options.only not in name:
            continue
        if options.list:
            print(name)
            continue
        start = time.monotonic()
        try:
            case()
        except Skip as reason:
            skipped += 1
            print(f"skip {name}: {reason}", flush=True)
        except (Exception, SystemExit) as broken:
            failed += 1
            print(f"FAIL {name} ({time.monotonic() - start:.1f} s): {broken}", flush=True)
            if not isinstance(broken, (AssertionError, SystemExit)):
                traceback.print_exc(limit=-3, file=sys.stdout)
        else:
            passed += 1
            print(f"ok   {name} ({time.monotonic() - start:.1f} s)", flush=True)
    if _shared:
        try:
            verify_store(_shared)
        except Exception as broken:
            failed += 1
            print(f"FAIL the store verifies at the end: {broken}")
        _shared.close()
    print(f"{passed} passed, {failed} failed" + (f", {skipped} skipped" if skipped else ""))
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
