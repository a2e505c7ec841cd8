#!/usr/bin/env python3
"""What stands before HTTP: the PROXY protocol, client certificates, limits of connections and silent clients, on the real binary.

Rows G05 and G06 of docs/security-catalogue.md are here.
"""
import http.client
import json
import signal
import socket
import ssl
import struct
import subprocess
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "harness"))

from servers import Server, free_port  # noqa: E402

passed, failed = 0, []
SIGNATURE = b"\r\n\r\n\0\r\nQUIT\n"


def check(name, condition, why=""):
    global passed
    if condition:
        passed += 1
    else:
        failed.append(name)
        print(f"FAIL {name}: {why}")


def listener(port, *lines):
    return f'\nlistener "tcp" {{\n  address = "127.0.0.1:{port}"\n  ' + "\n  ".join(lines) + "\n}\n"


def ask(port, before=b"", path="/v1/sys/health", token=None, source=None, timeout=20):
    """The status line of one request sent after these bytes; empty when the server hung up."""
    with socket.socket() as s:
        s.settimeout(timeout)
        if source:
            s.bind((source, 0))
        s.connect(("127.0.0.1", port))
        header = f"X-Vault-Token: {token}\r\n" if token else ""
        try:
            s.sendall(before + f"GET {path} HTTP/1.1\r\nHost: x\r\n{header}Connection: close\r\n\r\n".encode())
            got = b""
            while piece := s.recv(65536):
                got += piece
        except OSError:
            got = b""
        return got.decode(errors="replace")


def last_address(server):
    """Remote address of the newest request for sys/mounts in the file of the audit device."""
    for _ in range(500):
        lines = Path(server.audit_file).read_text(encoding="utf-8").splitlines() if Path(server.audit_file).exists() else []
        found = [json.loads(line) for line in lines if '"path":"sys/mounts"' in line.replace(" ", "") and "response" in line]
        if len(found) > last_address.seen:
            last_address.seen = len(found)
            return found[-1]["request"]["remote_address"]
        time.sleep(0.01)
    return None


last_address.seen = 0


def proxy_protocol(server, port, denying):
    for name, before, wanted in [
        ("without a header", b"", "127.0.0.1"),
        ("version 1", b"PROXY TCP4 203.0.113.7 127.0.0.1 4711 8200\r\n", "203.0.113.7"),
        ("version 1, IPv6", b"PROXY TCP6 2001:db8::7 ::1 4711 8200\r\n", "2001:db8::7"),
        ("version 2", SIGNATURE + b"\x21\x11" + struct.pack(">H", 12) + socket.inet_aton("203.0.113.9") + socket.inet_aton("127.0.0.1") + struct.pack(">HH", 1, 2), "203.0.113.9"),
        ("version 2, the proxy itself", SIGNATURE + b"\x20\x00\x00\x00", "127.0.0.1"),
    ]:
        answer = ask(port, before, "/v1/sys/mounts", server.token)
        check(f"PROXY protocol {name}", answer.startswith("HTTP/1.1 200"), answer[:80])
        got = last_address(server)
        check(f"PROXY protocol {name}: the client on record", got == wanted, f"{got} instead of {wanted}")
    answer = ask(port, b"PROXY TCP4 203.0.113.7 127.0.0.1 4711 8200\r\n", "/v1/sys/mounts", server.token, source="127.0.0.9")
    check("a proxy that is not trusted is served", answer.startswith("HTTP/1.1 200"), answer[:80])
    got = last_address(server)
    check("and not believed", got == "127.0.0.9", str(got))
    check("deny_unauthorized refuses other proxies", ask(denying, source="127.0.0.9") == "", "it answered")
    check("deny_unauthorized serves the trusted one", ask(denying).startswith("HTTP/1.1 200"))
    # G05
    for n in range(1000):
        with socket.create_connection(("127.0.0.1", port), timeout=20) as s:
            s.sendall([b"PROXY nonsense\r\n", SIGNATURE + b"\x21\x11\xff\xff", b"PROXY TCP4 x y z\r\n", SIGNATURE + b"\x33\x11\x00\x00"][n % 4])
    check("G05 a thousand bad headers leave the listener in order", ask(port).startswith("HTTP/1.1 200"))
    for n in range(50):
        ask(denying, b"PROXY TCP4 x\r\n", source="127.0.0.9")
    check("G05 neither do refused proxies", ask(denying).startswith("HTTP/1.1 200"))


def connection_limits(port_all, port_client):
    def held(port, count, source=None):
        out = []
        for _ in range(count):
            s = socket.socket()
            s.settimeout(20)
            if source:
                s.bind((source, 0))
            s.connect(("127.0.0.1", port))
            s.sendall(b"GET /v1/sys/health HTTP/1.1\r\nHost: x\r\n\r\n")
            try:
                s.recv(10)
            except OSError:
                pass
            out.append(s)
        return out

    eight = held(port_all, 8)
    check("max_connections refuses one more", ask(port_all) == "")
    eight.pop().close()
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline and not ask(port_all):
        time.sleep(0.01)
    check("max_connections has room again when one has gone", ask(port_all).startswith("HTTP/1.1 200"))
    for s in eight:
        s.close()
    four = held(port_client, 4)
    check("max_connections_per_client refuses that client one more", ask(port_client) == "")
    check("and serves another client", ask(port_client, source="127.0.0.9").startswith("HTTP/1.1 200"))
    for s in four:
        s.close()


def make_certificates(directory):
    def run(*arguments):
        subprocess.run(["openssl", *arguments], check=True, capture_output=True, cwd=directory)

    new_key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "30"]
    for name in ("ca", "stranger"):
        run("req", "-x509", *new_key, "-subj", f"/CN={name}", "-keyout", f"{name}.key", "-out", f"{name}.pem")
    run("req", *new_key, "-subj", "/CN=client", "-keyout", "client.key", "-out", "client.csr")
    run("x509", "-req", "-in", "client.csr", "-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial", "-days", "30", "-out", "client.pem")


def over_tls(server, port, name=None):
    context = ssl.create_default_context(cafile=server.directory + "/cert.pem")
    if name:
        context.load_cert_chain(f"{server.directory}/{name}.pem", f"{server.directory}/{name}.key")
    try:
        c = http.client.HTTPSConnection("127.0.0.1", port, context=context, timeout=20)
        c.request("GET", "/v1/sys/health")
        return c.getresponse().status
    except (ssl.SSLError, OSError, http.client.HTTPException):
        return "refused"


def client_certificates(server, asking, requiring, silent):
    check("asked, and none is shown", over_tls(server, asking) == 200)
    check("asked, and one is shown", over_tls(server, asking, "client") == 200)
    check("asked, and a self-signed one is shown", over_tls(server, asking, "stranger") == 200, "which certificates count is for auth methods to say")
    check("required, and none is shown", over_tls(server, requiring) == "refused")
    check("required, and one of the CA is shown", over_tls(server, requiring, "client") == 200)
    check("required, and a stranger's is shown", over_tls(server, requiring, "stranger") == "refused")
    for port, word, name in ((asking, True, "asks"), (silent, False, "does not ask")):
        done = subprocess.run(["openssl", "s_client", "-connect", f"127.0.0.1:{port}", "-tls1_2"], input=b"", capture_output=True, timeout=30)
        check(f"the listener {name} for certificates", (b"Client Certificate Types" in done.stdout) == word)


def silent_clients(port, count=2000):
    """G06: clients that connect and never speak are cut off, and others are served meanwhile."""
    start = time.monotonic()
    silent = [socket.create_connection(("127.0.0.1", port), timeout=30) for _ in range(count)]
    check("G06 a new client is served among silent ones", ask(port).startswith("HTTP/1.1 200"))
    for s in silent:
        try:
            while s.recv(100):
                pass
        except OSError:
            pass
        s.close()
    took = time.monotonic() - start
    check("G06 silent clients are cut off", took < 15, f"after {took:.0f} s")


def few_descriptors():
    """Connections never take the descriptors that the server's own files need."""
    with Server("strongroom", prefix=["bash", "-c", 'ulimit -n 80; exec "$@"', "x"]).start() as server:
        server.init().unseal()
        held = []
        for _ in range(150):
            s = socket.create_connection(("127.0.0.1", server.port), timeout=20)
            s.sendall(b"GET /v1/sys/seal-status HTTP/1.1\r\nHost: x\r\n\r\n")
            held.append(s)
        answered = held[0].recv(10)
        check("few descriptors: who came first is served", answered.startswith(b"HTTP/1.1"), repr(answered))
        server.process.send_signal(signal.SIGHUP)
        deadline = time.monotonic() + 10
        while time.monotonic() < deadline and "reloaded" not in server.log_tail():
            time.sleep(0.01)
        check("few descriptors: certificates and files are opened again", "not reopened" not in server.log_tail() and "reloaded" in server.log_tail(), server.log_tail())
        for s in held:
            s.close()


def main():
    import resource
    resource.setrlimit(resource.RLIMIT_NOFILE, (resource.getrlimit(resource.RLIMIT_NOFILE)[1],) * 2)
    ports = [free_port() for _ in range(8)]
    trusting, denying, few, few_each, asking, requiring, silent, slow = ports
    import tempfile
    with tempfile.TemporaryDirectory(prefix="sr-front-") as directory:
        make_certificates(directory)
        subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "30", "-subj", "/CN=localhost",
                        "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", "key.pem", "-out", "cert.pem"], check=True, capture_output=True, cwd=directory)
        plain = "tls_disable = true"
        pair = (f'tls_cert_file = "{directory}/cert.pem"', f'tls_key_file = "{directory}/key.pem"')
        extra = (listener(trusting, plain, 'proxy_protocol_behavior = "allow_authorized"', 'proxy_protocol_authorized_addrs = "127.0.0.1"')
                 + listener(denying, plain, 'proxy_protocol_behavior = "deny_unauthorized"', 'proxy_protocol_authorized_addrs = "127.0.0.1"')
                 + listener(few, plain, "max_connections = 8") + listener(few_each, plain, "max_connections_per_client = 4")
                 + listener(asking, *pair) + listener(requiring, *pair, f'tls_client_ca_file = "{directory}/ca.pem"', "tls_require_and_verify_client_cert = true")
                 + listener(silent, *pair, "tls_disable_client_certs = true") + listener(slow, plain, 'http_read_header_timeout = "2s"'))
        with Server("strongroom", directory=directory, extra_config=extra) as server:
            server.ready()
            proxy_protocol(server, trusting, denying)
            connection_limits(few, few_each)
            client_certificates(server, asking, requiring, silent)
            silent_clients(slow)
    few_descriptors()
    print(f"{passed} passed, {len(failed)} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
