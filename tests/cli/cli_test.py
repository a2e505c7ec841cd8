#!/usr/bin/env python3
"""The whole command line against a server: held against the bao CLI on the same server, word by word.

  cli_test.py                       against our server
  cli_test.py --server openbao      against OpenBao (what only our server answers is left out)
  cli_test.py --only habits         one part: pairs, habits, examples

pairs     the same line typed at both programs: exit status and output must be equal
habits    what only ours does: warnings, prompts, the token file, environment, completion
operator  what comes on top for operators: bundles without secrets, keys from standard input, token helpers, retries
tls       authorities, names and client certificates
examples  every line that the help of a command shows is run; those of parts our server lacks at OpenBao's
"""
import argparse
import http.server
import json
import os
import pty
import re
import select
import shutil
import signal
import subprocess
import sys
import tarfile
import tempfile
import threading
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "harness"))

from servers import Server, bao_binary, free_port, strongroom_binary  # noqa: E402

# The same line for both programs. {m} is a KV 2 mount and {o} a KV 1 mount of each program's own, {f} a folder, {t} a token.
# stdin after " <<< ". A leading "~" compares only the exit status; "!" compares standard error too (its first line).
PAIRS = r"""
secrets enable -path={m} -version=2 -description=mine kv
secrets enable -path={o} -version=1 kv
secrets tune -description=tuned -default-lease-ttl=1h -max-lease-ttl=30m {o}
secrets tune -default-lease-ttl=10m -max-lease-ttl=30m {o}
! secrets enable -path={m} kv
! secrets enable nosuchengine
! secrets enable
status
status -format=json
status -format=yaml
status -field=sealed
~ status -address=http://127.0.0.1:1
kv put {m}/app user=ann password=one
kv put -mount={m} app user=ann password=two
kv put -format=json -mount={m} app user=ann n=3
kv put -field=version -mount={m} app user=ann n=4
kv put -mount={m} -cas=0 fresh a=b
! kv put -mount={m} -cas=0 fresh a=b
kv put -mount={m} -cas=1 fresh a=c
kv put -mount={m} twice k=1 k=2 l=\@literal
kv put -mount={m} file doc=@{f}/value.txt
kv put -mount={m} whole @{f}/data.json
kv put -mount={m} input k=- <<< from standard input
kv put -mount={m} object - <<< {"a":{"b":[1,2.5,true,null]},"t":"1","y":"yes","e":"","u":"ü"}
~ kv put -mount={m} bad @{f}/nothing.json
~ kv put -mount={m} bad k=@{f}/nothing.txt
~ kv put -mount={m} bad nothing
kv put -mount={m} deep/er/path a=b
kv get {m}/app
kv get {m}/app/
kv get -mount={m} app
kv get -mount={m}/ app
kv get -mount={m} -version=1 app
kv get -version=2 -format=json {m}/app
kv get -format=yaml {m}/app
kv get -field=user {m}/app
kv get -field=n {m}/app
kv get -format=json -field=user {m}/app
~ kv get -field=none {m}/app
kv get {m}/twice
kv get -format=json {m}/twice
kv get {m}/object
kv get -format=json {m}/object
kv get -format=yaml {m}/object
kv get -field=a {m}/object
kv get -field=a -format=json {m}/object
kv get -field=doc {m}/file
kv get {m}/whole
! kv get {m}/nothing
kv get -format=json {m}/nothing
! kv get -mount={m} -version=77 app
kv get -wrap-ttl=60s {m}/app
~ kv get
~ kv get a b
~ kv get -nosuch a
~ kv get -format=nosuch {m}/app
~ kv get -format=raw {m}/app
~ kv get {m}/app -field=user
kv patch {m}/app user=bob more=1
kv patch -method=rw {m}/app user=cid
kv patch -cas=7 {m}/app user=dan
! kv patch -cas=1 {m}/app user=dan
kv patch -remove-data=more {m}/app
kv get -format=json {m}/app
~ kv patch {m}/nothing a=b
kv list {m}
kv list {m}/
kv list -mount={m}
kv list -format=json {m}
kv list -format=yaml {m}
kv list {m}/deep
kv list -mount={m} deep/er
! kv list {m}/nothing
kv list -format=json {m}/nothing
kv metadata put -max-versions=9 -delete-version-after=90m -custom-metadata=a=b -custom-metadata=c=d {m}/app
kv metadata get {m}/app
kv metadata get -mount={m} app
kv metadata get -format=json {m}/app
kv metadata get -format=yaml {m}/app
kv metadata patch -custom-metadata=e=f -remove-custom-metadata=a {m}/app
kv metadata patch -cas-required {m}/app
kv metadata patch -cas-required=false -max-versions=10 {m}/app
kv metadata get {m}/app
! kv metadata get {m}/nothing
kv delete {m}/app
kv get {m}/app
kv get -format=json {m}/app
kv delete -versions=1,2 {m}/app
kv metadata get {m}/app
kv undelete -versions=2 {m}/app
kv undelete -versions=1 -versions=8 {m}/app
kv destroy -versions=1 {m}/app
kv get -version=1 {m}/app
~ kv undelete {m}/app
~ kv destroy {m}/app
~ kv rollback -version=1 {m}/app
~ kv rollback {m}/app
kv put {m}/back v=1
kv put {m}/back v=2
kv rollback -version=1 {m}/back
kv get {m}/back
~ kv rollback -version=1 {m}/nothing
kv metadata delete {m}/app
kv delete {m}/app
kv put {o}/a x=1 n=2
kv get {o}/a
kv get -format=json {o}/a
kv get -field=n {o}/a
! kv get {o}/none
kv list {o}
~ kv patch {o}/a x=2
~ kv undelete -versions=1 {o}/a
~ kv destroy -versions=1 {o}/a
~ kv rollback -version=1 {o}/a
~ kv metadata get {o}/a
kv delete {o}/a
kv enable-versioning {o}
write {o}/config max_versions=3
read {m}/config
read -format=json {m}/config
read -format=yaml {m}/config
~ read -format=raw {m}/config
read -field=max_versions {m}/config
~ read -field=none {m}/config
write {m}/data/w data=@{f}/value.txt
write -format=json {m}/data/w - <<< {"data":{"k":"v"}}
write {m}/data/w - <<< {"data":{"k":"v"}}
read {m}/data/w
read {m}/data/w version=1
read -format=json {m}/data/w
! read {m}/data/none
! read nosuchmount/x
~ write {m}/data/w
! write -f {m}/data/w
list {m}/metadata
list -format=json {m}/metadata
list -limit=2 {m}/metadata
list -limit=1 -after=file {m}/metadata
! list {m}/metadata/none
list -format=json {m}/metadata/none
~ list {m}/data
patch {m}/data/w - <<< {"data":{"l":"w"}}
~ patch {m}/data/none - <<< {"data":{"l":"w"}}
delete {m}/data/w
delete {m}/metadata/w
read -wrap-ttl=1m {m}/data/fresh
read -output-policy {m}/data/fresh
write -output-policy {m}/data/fresh a=b
list -output-policy {m}/metadata
delete -output-policy {m}/data/fresh
policy write {m} {f}/app.hcl
policy write {m}2 - <<< path "x" { capabilities = ["read"] }
policy read {m}
policy read -format=json {m}
! policy read {m}nothing
~ policy write {m} {f}/bad.hcl
~ policy write {m} {f}/nothing.hcl
policy delete {m}2
policy delete {m}2
token create -policy={m} -ttl=1h
token create -policy={m} -ttl=90m -explicit-max-ttl=2h -display-name=me -metadata=k=v -use-limit=3 -format=json
token create -policy={m} -policy=default -orphan -renewable=false -format=yaml
token create -policy={m} -period=20m
token create -policy={m} -no-default-policy -field=policies
~ token create -policy={m} -field=token
~ token create -type=nosuch
~ token create extra
token lookup
token lookup -format=json
token lookup {t}
token lookup -format=json {t}
token lookup -accessor {a}
~ token lookup -accessor
~ token lookup nosuchtoken
token renew {t}
token renew -increment=20m {t}
token renew -accessor {a}
token capabilities {m}/data/x
token capabilities {t} {m}/data/app
token capabilities {t} {m}/data/other
token capabilities -format=json {t} {m}/data/app
~ token capabilities
token revoke {t}
~ token lookup {t}
~ token revoke
~ token revoke -self extra
~ token revoke -mode=nosuch x
print token
login -token-only {r}
login -no-print {r}
login -no-print token={r}
login -no-print - <<< {r}
login -format=json {r}
login -field=token_policies {r}
! login nosuchtoken
secrets list
secrets list -detailed
secrets list -format=json
secrets list -format=yaml
secrets disable {o}
secrets disable {o}
~ secrets disable
secrets disable {m}
! kv put {m}/app a=b
operator init -status
~ operator init
~ operator unseal
~ nosuch
~ kv
~ kv nosuch
~ token
"""

APP_POLICY = """# for the application
path "{m}/data/app" {{
  capabilities = ["read", "update"]
}}
"""

NORMAL = [
    (re.compile(r"https?://127\.0\.0\.1:\d+"), "<address>"),
    (re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(\.\d+)?(Z| \+0000 UTC)?"), "<time>"),
    (re.compile(r"\b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b"), "<uuid>"),
    (re.compile(r"\b(hv)?[sbr]\.[A-Za-z0-9_-]{20,}"), "<token>"),
    (re.compile(r'(accessor:?"?:?\s+"?)[A-Za-z0-9]{20,}'), r"\1<accessor>"),
    (re.compile(r"\b(kv|auth_token)_[0-9a-f]{8}\b"), r"\1_<hex>"),
    (re.compile(r'(creation_time"?:?\s+)\d+'), r"\1<time>"),
    (re.compile(r'(last_renewal_time"?:?\s+)\d+'), r"\1<time>"),
    (re.compile(r'^(\s*"?(?:ttl|creation_ttl|lease_duration|token_duration)"?:?\s+).*', re.M), r"\1<duration>"),
    (re.compile(r'^\s*"?(audit_verifier_key|Audit Verifier Key).*\n', re.M), ""),  # ours alone
    (re.compile(r"-{3,}"), "---"),
    (re.compile(r"={2,} | ={2,}"), "="),
    (re.compile(r"[ \t]{2,}"), "  "),
    (re.compile(r" +$", re.M), ""),
]


def normal(text, own):
    for value, name in own:
        text = text.replace(value, name)
    for pattern, name in NORMAL:
        text = pattern.sub(name, text)
    for theirs, ours in (("bao ", "strongroom "), ("OpenBao", "Strongroom"), ("Vault is sealed", "Strongroom is sealed"),
                         ("Vault is initialized", "Strongroom is initialized")):
        text = text.replace(theirs, ours)
    return text.strip("\n")


class Report:
    def __init__(self):
        self.passed = self.failed = 0

    def check(self, name, good, why=""):
        if good:
            self.passed += 1
            return
        self.failed += 1
        print(f"FAIL {name}\n{why}".rstrip())


class Desk:
    """A folder, an environment and the programs."""

    def __init__(self, server):
        self.server = server
        self.home = tempfile.mkdtemp(prefix="sr-cli-test-")
        self.bin = Path(self.home, "bin")
        self.bin.mkdir()
        os.symlink(os.path.abspath(strongroom_binary()), self.bin / "strongroom")

    def environment(self, **more):
        base = {"PATH": f"{self.bin}:{os.environ['PATH']}", "HOME": self.home, "NO_COLOR": "1", "LANG": "C.UTF-8"}
        if self.server is not None:
            base.update(BAO_ADDR=self.server.address, VAULT_ADDR=self.server.address, STRONGROOM_ADDR=self.server.address)
        base.update({k: v for k, v in more.items() if v is not None})
        return base

    def run(self, binary, words, stdin=None, **more):
        return subprocess.run([binary, *words], capture_output=True, text=True, timeout=60, env=self.environment(**more), cwd=self.home,
                              **({"input": stdin} if stdin is not None else {"stdin": subprocess.DEVNULL}))

    def strongroom(self, *words, stdin=None, **more):
        more.setdefault("STRONGROOM_TOKEN", self.server.token if self.server else None)
        return self.run(strongroom_binary(), words, stdin, **more)

    def at_terminal(self, words, typed, **more):
        """Runs a command on a terminal of its own, types each answer once its prompt is there. (exit status, what was shown)"""
        environment = self.environment(**more)
        pid, terminal = pty.fork()
        if pid == 0:
            os.chdir(self.home)
            os.execvpe(words[0], words, environment)
        shown, answers, deadline = b"", list(typed), time.monotonic() + 30
        while time.monotonic() < deadline:
            ready, _, _ = select.select([terminal], [], [], 0.2)
            if ready:
                try:
                    part = os.read(terminal, 65536)
                except OSError:
                    break
                if not part:
                    break
                shown += part
            # The prompt ends with ": "; echo is off before it is printed.
            if answers and shown.rstrip(b" ").endswith(b":"):
                os.write(terminal, answers.pop(0).encode() + b"\n")
        _, status = os.waitpid(pid, 0)
        os.close(terminal)
        return os.waitstatus_to_exitcode(status), shown.decode(errors="replace")

    def close(self):
        shutil.rmtree(self.home, ignore_errors=True)


def pairs(server, report):
    desk = Desk(server)
    root = server.token
    sides = {}
    for name, binary in (("bao", bao_binary()), ("strongroom", strongroom_binary())):
        folder = Path(desk.home, name)
        folder.mkdir()
        mount = f"two-{'b' if name == 'bao' else 's'}"
        (folder / "value.txt").write_text("line one\nline two\n")
        (folder / "data.json").write_text('{"k": "v", "n": 7}')
        (folder / "app.hcl").write_text(APP_POLICY.format(m=mount))
        (folder / "bad.hcl").write_text("path {")
        sides[name] = {"binary": binary, "m": mount, "o": f"one-{'b' if name == 'bao' else 's'}", "f": str(folder), "r": root}
    for line in PAIRS.strip().splitlines():
        how = line[0] if line[0] in "~!" else ""
        line = line[len(how):].strip()
        if "token " in line and ("{t}" in line or "{a}" in line):
            for side in sides.values():
                if "t" not in side or server.request("POST", "auth/token/lookup", {"token": side["t"]})[0] != 200:
                    if "revoked" in side:
                        continue
                    auth = server.call("POST", "auth/token/create", {"policies": [side["m"]], "ttl": "1h"})["auth"]
                    side["t"], side["a"] = auth["client_token"], auth["accessor"]
                if line.startswith("token revoke {t}"):
                    side["revoked"] = True
        seen = {}
        for name, side in sides.items():
            command, _, stdin = line.partition(" <<< ")
            fill = lambda text: re.sub(r"\{([moftar])\}", lambda m: side.get(m.group(1), m.group(0)), text)  # noqa: E731
            words = [fill(w) for w in command.split()]
            done = desk.run(side["binary"], words, fill(stdin) if stdin else None, BAO_TOKEN=root, STRONGROOM_TOKEN=root)
            for _ in range(100):  # a new KV 2 mount of OpenBao upgrades itself for a moment
                if "Upgrading from non-versioned" not in done.stderr and "is being upgraded" not in done.stderr:
                    break
                time.sleep(0.05)
                done = desk.run(side["binary"], words, fill(stdin) if stdin else None, BAO_TOKEN=root, STRONGROOM_TOKEN=root)
            own = [(side["f"], "<folder>")] + [(side[k], f"<{k}>") for k in ("t", "a", "m", "o", "r") if k in side]
            out = normal(done.stdout, own)
            if how != "~" and line.startswith("secrets list"):  # each program's own mounts only under its own name
                other = sides["bao" if name == "strongroom" else "strongroom"]
                own += [(other["m"], "<m>"), (other["o"], "<o>")]
                out = normal(done.stdout, own)
            error = [l for l in normal(done.stderr, own).splitlines() if not l.startswith(("WARNING!", "Next time"))]
            seen[name] = {"exit": done.returncode, "out": "" if how == "~" else out,
                          "error": [l for l in error if l.strip()] if how == "!" else None, "raw": done}
        bao, ours = seen["bao"], seen["strongroom"]
        # Ours may say more after what bao says.
        same_error = bao["error"] is None or ours["error"][:len(bao["error"])] == bao["error"]
        good = bao["exit"] == ours["exit"] and bao["out"] == ours["out"] and same_error
        report.check(f"pairs: {line}", good, f"  bao ({bao['exit']}):\n{bao['raw'].stdout}{bao['raw'].stderr}\n  strongroom ({ours['exit']}):\n"
                     f"{ours['raw'].stdout}{ours['raw'].stderr}")
    desk.close()


def habits(server, report):
    desk = Desk(server)
    root = server.token
    check = report.check
    token_file = Path(desk.home, ".vault-token")

    # A secret on the command line is warned of, and the command goes on.
    done = desk.strongroom("kv", "put", "secret/habit", "password=hunter2")
    check("a typed secret draws a warning and is stored", done.returncode == 0 and "WARNING!" in done.stderr and "hunter2" not in done.stderr, done.stderr)
    done = desk.strongroom("kv", "put", "secret/habit", "password=-", stdin="hunter3")
    check("a secret from standard input draws none", done.returncode == 0 and done.stderr == "", done.stderr)
    check("it was stored byte for byte", desk.strongroom("kv", "get", "-field=password", "secret/habit").stdout == "hunter3")
    done = desk.strongroom("write", "auth/token/create", "policies=default")
    check("an argument that is no secret draws none", done.returncode == 0 and done.stderr == "", done.stderr)
    token = desk.strongroom("token", "create", "-policy=default", "-field=token").stdout
    done = desk.strongroom("token", "lookup", token)
    check("a token as an argument draws a warning", done.returncode == 0 and "WARNING! A token" in done.stderr and token not in done.stderr, done.stderr)
    done = desk.strongroom("token", "lookup", "-", stdin=token + "\n")
    check("a token from standard input draws none", done.returncode == 0 and done.stderr == "", done.stderr)

    # Prompts on a terminal show nothing of what is typed.
    status, shown = desk.at_terminal(["strongroom", "kv", "put", "secret/asked", "user=ann", "password"], ["typed one"], STRONGROOM_TOKEN=root)
    check("kv put asks for a value that is left out", status == 0 and "Value of password" in shown and "typed one" not in shown, shown)
    check("and stores it", desk.strongroom("kv", "get", "-field=password", "secret/asked").stdout == "typed one")
    done = desk.strongroom("kv", "put", "secret/asked", "password")
    check("without a terminal it says what to do", done.returncode == 1 and "KEY=-" in done.stderr, done.stderr)
    status, shown = desk.at_terminal(["strongroom", "kv", "put", "-non-interactive", "secret/asked", "password"], [], STRONGROOM_TOKEN=root)
    check("-non-interactive never asks", status == 1 and "Value of" not in shown, shown)
    status, shown = desk.at_terminal(["strongroom", "login"], [root])
    check("login asks for the token and hides it", status == 0 and "Token (will be hidden)" in shown and shown.count(root) == 1, shown)

    # The token file.
    check("login keeps the token for its owner alone", token_file.read_text() == root and oct(token_file.stat().st_mode & 0o777) == "0o600")
    done = desk.strongroom("token", "lookup", "-field=id", STRONGROOM_TOKEN=None)
    check("later commands use it", done.stdout == root, done.stderr)
    check("and so does bao", desk.run(bao_binary(), ["token", "lookup", "-field=id"]).stdout == root)
    token_file.write_text(token + "\n")
    done = desk.strongroom("print", "token", STRONGROOM_TOKEN=None)
    check("a line break in the token file does no harm", done.stdout == token + "\n")
    done = desk.strongroom("login", "-no-print", "-", stdin="nosuchtoken", STRONGROOM_TOKEN=None)
    check("a token that is refused is not kept", done.returncode == 2 and token_file.read_text() == token + "\n", done.stderr)
    done = desk.strongroom("login", "-no-store", "-no-print", "-", stdin=root, STRONGROOM_TOKEN=None)
    check("-no-store keeps nothing", done.returncode == 0 and token_file.read_text() == token + "\n")
    other = str(Path(desk.home, "other"))
    done = desk.strongroom("login", "-no-print", "-", stdin=root, STRONGROOM_TOKEN=None, STRONGROOM_TOKEN_PATH=other)
    check("STRONGROOM_TOKEN_PATH names another file", done.returncode == 0 and Path(other).read_text() == root, done.stderr)
    token_file.unlink()
    done = desk.strongroom("kv", "get", "secret/habit", STRONGROOM_TOKEN=None)
    check("without a token the way on is named", done.returncode == 2 and "strongroom login" in done.stderr, done.stderr)

    # Environment and flags.
    done = desk.strongroom("status", "-field=sealed", STRONGROOM_ADDR="http://127.0.0.1:1", VAULT_ADDR=server.address)
    check("STRONGROOM_ADDR goes before VAULT_ADDR", done.returncode == 1)
    done = desk.strongroom("status", "-address", server.address, "-field=sealed", STRONGROOM_ADDR="http://127.0.0.1:1")
    check("-address goes before the environment", done.stdout == "false", done.stderr)
    done = desk.strongroom("kv", "get", "secret/habit", VAULT_FORMAT="json")
    check("VAULT_FORMAT chooses the format", json.loads(done.stdout)["data"]["data"]["password"] == "hunter3")
    done = desk.strongroom("read", "-format=raw", "secret/data/habit")
    check("-format=raw prints the body as it came", json.loads(done.stdout)["data"]["data"] == {"password": "hunter3"})
    done = desk.strongroom("kv", "get", "-output-curl-string", "secret/habit")
    check("-output-curl-string shows no token", done.returncode == 0 and root not in done.stdout and "$(strongroom print token)" in done.stdout, done.stdout)
    ran = subprocess.run(["bash", "-c", done.stdout], capture_output=True, text=True, env=desk.environment(STRONGROOM_TOKEN=root))
    check("and what it shows works", json.loads(ran.stdout)["data"]["data"] == {"password": "hunter3"}, ran.stderr)
    done = desk.strongroom("kv", "put", "secret/numbers", "-", stdin='{"n":12345678901234567890123,"f":1.10,"e":1e400}')
    if server.kind == "strongroom":  # OpenBao rounds
        got = desk.strongroom("kv", "get", "-format=json", "secret/numbers").stdout
        check("numbers come back as they went in", '"n": 12345678901234567890123' in got and '"f": 1.10' in got and '"e": 1e400' in got, got)

    # The audit log's files, checked without the server.
    if server.kind == "strongroom":
        log = server.directory + "/store/audit"
        key = Path(log, "key.pub").read_text().strip()
        for _ in range(100):
            done = desk.strongroom("audit", "verify", "-format=json", "-key", key, log)
            report_ = json.loads(done.stdout)
            if report_["records"] == report_["signed_records"]:
                break
            time.sleep(0.1)
        check("audit verify finds a sound log sound", done.returncode == 0 and report_["verified"], done.stdout + done.stderr)
        Path(desk.home, "kept.txt").write_text(report_["checkpoint"])
        copy = str(Path(desk.home, "copy"))
        shutil.copytree(log, copy)
        segment = Path(copy, "segment-0000000001.log")
        content = bytearray(segment.read_bytes())
        content[len(content.rstrip(b"\0")) // 2] ^= 1
        segment.write_bytes(content)
        done = desk.strongroom("audit", "verify", "-key", log + "/key.pub", copy)
        check("and a byte that was changed, with its place", done.returncode == 2 and "segment 1, record " in done.stderr, done.stdout + done.stderr)
        done = desk.strongroom("audit", "verify", "-key", key, "-checkpoint=kept.txt", log)
        check("a checkpoint kept elsewhere is continued", done.returncode == 0, done.stderr)
        done = desk.strongroom("audit", "verify", log)
        check("without a key it says where to find it", done.returncode == 1 and "strongroom audit key" in done.stderr, done.stderr)
        done = desk.strongroom("audit", "verify", "-key", key[:-4] + "AAA=", log)
        check("another key is refused", done.returncode in (1, 2), done.stderr)

    # Completion.
    script = desk.strongroom("completion", "bash").stdout
    for line, wanted in (("strongroom kv ", "rollback"), ("strongroom kv metadata g", "get"), ("strongroom kv get -mou", "-mount="), ("strongroom sta", "status"),
                         ("strongroom token create -pol", "-policy="), ("strongroom completion ", "zsh")):
        words = line.split(" ")
        ran = subprocess.run(["bash", "-c", script + "\nCOMP_WORDS=(" + " ".join(f"'{w}'" for w in words) + f"); COMP_CWORD={len(words) - 1}; _strongroom 2>/dev/null; "
                              'printf "%s\\n" "${COMPREPLY[@]}"'], capture_output=True, text=True)
        check(f"bash completes {line!r}", wanted in ran.stdout.split(), ran.stdout + ran.stderr)
    if shutil.which("zsh"):
        script = desk.strongroom("completion", "zsh").stdout
        for line, wanted in (("strongroom kv ", "rollback"), ("strongroom kv get -", "-mount="), ("strongroom ", "status"), ("strongroom completion ", "zsh")):
            words = line.split(" ")
            ran = subprocess.run(["zsh", "-f", "-c", "compdef() { }; compadd() { print -l -- $@ }; _files() { }\n" + script + "words=(" +
                                  " ".join(f"'{w}'" for w in words) + f"); CURRENT={len(words)}; _strongroom"], capture_output=True, text=True)
            check(f"zsh completes {line!r}", wanted in ran.stdout.split(), ran.stdout + ran.stderr)
    desk.close()


class Stub:
    """Answers one request after the other with the given (status, headers, body); keeps when each came."""

    def __init__(self, answers):
        stub = self
        self.times, self.headers, self.left = [], [], list(answers)

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                stub.times.append(time.monotonic())
                stub.headers.append(dict(self.headers))
                status, headers, body = stub.left.pop(0) if len(stub.left) > 1 else stub.left[0]
                self.send_response(status)
                for name, value in {"Content-Length": str(len(body)), **headers}.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(body.encode())

            do_PUT = do_POST = do_GET

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.address = f"http://127.0.0.1:{self.server.server_address[1]}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def close(self):
        self.server.shutdown()
        self.server.server_close()


def operator(server, report):
    desk = Desk(server)
    check, root = report.check, server.token

    # A bundle holds no token and no secret, whatever the server tells.
    canary = "canary-" + os.urandom(8).hex()
    desk.strongroom("kv", "put", "secret/canary", "password=-", stdin=canary)
    other = desk.strongroom("token", "create", "-policy=default", "-field=token").stdout
    done = desk.strongroom("debug", "-duration=5s", "-interval=5s", f"-header=X-Canary={canary}", "-output=bundle", "-target=pprof", *(
        f"-target={t}" for t in ("config", "host", "requests", "metrics", "replication-status", "server-status", "log", "nosuch")))
    check("debug ends well and shows its progress", done.returncode == 0 and "capturing server status: count=1" in done.stderr
          and "Success! Bundle written to: bundle.tar.gz" in done.stdout, done.stdout + done.stderr)
    check("a target that is none is ignored aloud", "Ignoring invalid targets: nosuch" in done.stdout, done.stdout)
    content = {}
    with tarfile.open(Path(desk.home, "bundle.tar.gz")) as bundle:
        for member in bundle.getmembers():
            check(f"{member.name} belongs to its owner alone", member.mode & 0o077 == 0, oct(member.mode))
            if member.isfile():
                content[member.name] = bundle.extractfile(member).read().decode()
    everything = "\n".join(content.values()) + done.stdout + done.stderr
    check("no token and no secret is in the bundle", not any(s in everything for s in (root, other, canary)), "")
    index = json.loads(content["bundle/index.json"])
    check("its index lists the files", sorted(index["output"]["files"] + ["index.json"]) == sorted(n.split("/")[1] for n in content), str(index))
    check("and what was not answered, with the target", {"pprof", "replication-status"} <= {e["target"] for e in index["errors"]}
          and all(e["error"] and e["timestamp"] for e in index["errors"]), str(index["errors"]))
    check("the state of the server is in it", json.loads(content["bundle/server_status.json"])[0]["seal"]["sealed"] is False, str(content.keys()))
    check("the folder is gone", not Path(desk.home, "bundle").exists())
    done = desk.strongroom("debug", "-duration=5s", "-output=bundle.tar.gz")
    check("debug overwrites nothing", done.returncode == 1 and "already exists" in done.stderr, done.stderr)
    done = desk.strongroom("debug", "-duration=1s", "-target=host", "-compress=false", "-output=open", STRONGROOM_TOKEN=other)
    check("a token without rights gets what it may", done.returncode == 0 and Path(desk.home, "open/index.json").exists(), done.stdout + done.stderr)

    # A stub that tells secrets: they do not get into the bundle either.
    told = json.dumps({"data": {"password": canary, "note": f"token {other}", "root": root}, "version": "1", "sealed": False})
    stub = Stub([(200, {}, told)])
    done = desk.strongroom("debug", "-duration=1s", "-target=config", "-target=host", "-target=log", "-output=told", "-compress=false", f"-address={stub.address}")
    stub.close()
    told = "\n".join(p.read_text() for p in Path(desk.home, "told").iterdir())
    check("nor what a server should not have told", done.returncode == 0 and "<removed>" in told and not any(s in told for s in (root, other, canary)),
          done.stdout + done.stderr + told)

    # Retries.
    sealed = (503, {"Retry-After": "1"}, '{"errors":["busy"]}')
    good = (200, {}, '{"data":{"a":"b"}}')
    for limit, answers, status, asked in ((None, [sealed, good], 2, 1), ("2", [sealed, good], 0, 2), ("1", [sealed, sealed, good], 2, 2),
                                          ("3", [(429, {}, "{}"), (412, {}, "{}"), good], 0, 3), ("2", [(501, {}, "{}"), good], 2, 1)):
        stub = Stub(answers)
        done = desk.strongroom("read", f"-address={stub.address}", "x/y", VAULT_MAX_RETRIES=limit)
        stub.close()
        check(f"MAX_RETRIES={limit} after {[a[0] for a in answers]}", done.returncode == status and len(stub.times) == asked, f"{len(stub.times)} {done.stderr}")
        if limit == "2" and asked == 2:
            check("Retry-After is waited for", 0.95 <= stub.times[1] - stub.times[0] < 5, str(stub.times))
    stub = Stub([good])
    desk.strongroom("read", f"-address={stub.address}", "-wrap-ttl=90s", "-header=X-Test=1", "-namespace=a/b", "-mfa=m:1", "-policy-override", "-unlock-key=u", "x/y")
    stub.close()
    sent = stub.headers[0]
    check("flags become headers", [sent.get(h) for h in ("X-Vault-Wrap-TTL", "X-Test", "X-Vault-Namespace", "X-Vault-MFA", "X-Vault-Policy-Override", "X-Vault-Unlock-Key")]
          == ["1m30s", "1", "a/b", "m:1", "true", "u"], str(sent))
    done = desk.strongroom("write", "-output-curl-string", "-header=X-Test=1", "-wrap-ttl=60s", "x/y", "a=b")
    check("-output-curl-string shows headers and no token", "X-Test: 1" in done.stdout and root not in done.stdout and "X-Vault-Wrap-TTL" in done.stdout, done.stdout)

    # What a server refuses, with the way on; an error of several lines in one row.
    for words, status, body, wanted in ((("operator", "rekey", "-init"), 405, '{"errors":["unsupported operation"]}', "operator rotate-keys"),
                                        (("lease", "lookup", "x"), 404, '{"errors":["unsupported path"]}', "path-help sys"),
                                        (("login", "-"), 403, '{"errors":["permission denied"]}', "does not know this token"),
                                        (("kv", "put", "x", "a=@calls.txt"), 404, '{"warnings":["another path is meant"]}', "another path is meant")):
        Path(desk.home, "calls.txt").write_text("x")
        stub = Stub([(status, {}, body)])
        done = desk.strongroom(*words[:2], f"-address={stub.address}", *words[2:], stdin="x") if words[0] != "login" else desk.strongroom(
            "login", f"-address={stub.address}", "-", stdin="x")
        stub.close()
        check(f"{' '.join(words)} refused with {status} names the way on", done.returncode in (1, 2) and wanted in done.stderr, done.stderr)
    record = {"sequence": 1, "time": "t", "type": "response", "request": {"operation": "read", "path": "p"}, "error": "1 error occurred:\n\t* no\n\n"}
    stub = Stub([(200, {}, json.dumps({"data": {"records": [record]}}))])
    done = desk.strongroom("audit", "show", f"-address={stub.address}")
    stub.close()
    check("audit show has a row for each record", len(done.stdout.splitlines()) == 3 and done.stdout.rstrip().endswith("1 error occurred: * no"), done.stdout)
    done = desk.strongroom("kv", "gett", "x")
    check("an unknown subcommand is said so, with the nearest", done.returncode == 1 and "strongroom kv get" in done.stderr, done.stderr)
    done = desk.strongroom("operator", "unseal", "-", stdin="\n")
    check("an empty share is not sent", done.returncode == 1 and "none was given" in done.stderr, done.stderr)

    # A token helper.
    helper = Path(desk.home, "helper.sh")
    kept = Path(desk.home, "kept token")
    helper.write_text(f'#!/bin/sh\necho "$1 $VAULT_ADDR" >> "{desk.home}/calls"\ncase $1 in\nget) cat "{kept}" 2>/dev/null; exit 0 ;;\nstore) cat > "{kept}" ;;\nesac\n')
    helper.chmod(0o700)
    for name in (".vault", ".bao"):
        Path(desk.home, name).write_text(f'token_helper = "{helper}"\n')
        kept.unlink(missing_ok=True)
        done = desk.strongroom("login", "-no-print", "-", stdin=root, STRONGROOM_TOKEN=None)
        check(f"{name}: login gives the token to the helper", done.returncode == 0 and kept.read_text() == root and not Path(desk.home, ".vault-token").exists(), done.stderr)
        done = desk.strongroom("token", "lookup", "-field=id", STRONGROOM_TOKEN=None)
        check(f"{name}: commands get it from there", done.stdout == root, done.stderr)
        Path(desk.home, name).unlink()
    check("the helper is told the address", f"get {server.address}" in Path(desk.home, "calls").read_text())
    Path(desk.home, "conf.hcl").write_text('token_helper = "/nonexistent/helper"\n')
    done = desk.strongroom("token", "lookup", STRONGROOM_TOKEN=None, STRONGROOM_CONFIG_PATH=desk.home + "/conf.hcl")
    check("a helper that is not there is named", done.returncode == 1 and "/nonexistent/helper" in done.stderr, done.stderr)
    Path(desk.home, "conf.hcl").write_text("- hosts: all\n")
    done = desk.strongroom("token", "lookup", STRONGROOM_TOKEN=None, STRONGROOM_CONFIG_PATH=desk.home + "/conf.hcl")
    check("another program's ~/.vault is told apart", done.returncode == 1 and "Ansible" in done.stderr, done.stderr)

    # Wrapped replies: printed instead of what the command makes of a reply.
    for words in (("secrets", "list"), ("token", "lookup"), ("policy", "read", "default"), ("kv", "get", "secret/canary"), ("auth", "list")):
        done = desk.strongroom(*words[:2], "-wrap-ttl=60s", *words[2:])
        check(f"{' '.join(words)} -wrap-ttl", done.returncode == 0 and "wrapping_token:" in done.stdout and canary not in done.stdout, done.stdout + done.stderr)
    wrapping = desk.strongroom("kv", "get", "-wrap-ttl=60s", "-field=wrapping_token", "secret/canary").stdout
    done = desk.strongroom("unwrap", "-field=data", "-", stdin=wrapping + "\n")
    check("unwrap reads the token from standard input", done.returncode == 0 and canary in done.stdout and "WARNING" not in done.stderr, done.stdout + done.stderr)
    done = desk.strongroom("kv", "get", "-namespace=nosuch", "secret/canary")
    check("a namespace that is not there is said so", done.returncode == 2 and "namespace not found" in done.stderr, done.stderr)

    if server.kind == "strongroom":
        newest = json.loads(desk.strongroom("audit", "show", "-last=3", "-format=json").stdout)
        check("audit show -last shows the newest", len(newest) == 3 and newest[-1]["sequence"] - newest[0]["sequence"] == 2
              and newest[-1]["request"]["path"] == "sys/internal/audit/key", str(newest)[:500])
        done = desk.strongroom("audit", "show", "-last=3", "-limit=2")
        check("-last excludes -limit", done.returncode == 1, done.stderr)

    # The shares are asked for or read from standard input; what is printed last opens the server.
    share = server.keys[0]
    desk.strongroom("operator", "rotate-keys", "-init", "-key-shares=1", "-key-threshold=1")
    status, shown = desk.at_terminal(["strongroom", "operator", "rotate-keys"], [share], STRONGROOM_TOKEN=root)
    fresh = re.search(r"Key 1: (\S+)", shown)
    check("rotate-keys asks for a share and hides it", status == 0 and fresh and share not in shown, shown)
    server.keys = [fresh.group(1)]
    started = json.loads(desk.strongroom("operator", "generate-root", "-init", "-format=json").stdout)
    done = desk.strongroom("operator", "generate-root", f"-nonce={started['nonce']}", "-format=json", "-", stdin=server.keys[0])
    encoded = json.loads(done.stdout)["encoded_token"]
    done = desk.strongroom("operator", "generate-root", "-decode=-", "-otp=-", stdin=f"{encoded}\n{started['otp']}\n")
    check("generate-root decodes from standard input alone", server.request("GET", "auth/token/lookup-self", token=done.stdout)[0] == 200, done.stderr)
    status, shown = desk.at_terminal(["strongroom", "operator", "generate-root", f"-decode={encoded}"], [started["otp"]], STRONGROOM_TOKEN=root)
    check("or asks for the one-time password", status == 0 and done.stdout in shown and started["otp"] not in shown, shown)
    otp = desk.strongroom("operator", "generate-root", "-generate-otp").stdout
    done = desk.strongroom("operator", "generate-root", "-init", "-otp=-", "-format=json", stdin=otp)
    check("a password of one's own is taken from standard input", done.returncode == 0 and otp not in done.stderr, done.stderr)
    desk.strongroom("operator", "generate-root", "-cancel")
    done = desk.strongroom("operator", "rotate-keys", "-init", "-pgp-keys=" + desk.home + "/calls", "-key-shares=1", "-key-threshold=1")
    check("a file that is no PGP key is refused here", done.returncode == 1 and "OpenPGP" in done.stderr, done.stderr)
    done = desk.strongroom("operator", "rotate-keys", "-init", "-pgp-keys=keybase:ann", "-key-shares=1", "-key-threshold=1")
    check("keybase is not asked", done.returncode == 1 and "file" in done.stderr, done.stderr)
    follow_the_log(server, desk, check)
    desk.close()


def follow_the_log(server, desk, check):
    """`monitor`: the lines as they are written, until Ctrl-C, or until the token is revoked."""
    token = desk.strongroom("token", "create", "-field=token").stdout
    for ending, arguments in (("Ctrl-C", []), ("its token", ["-log-format=json"])):
        listening = subprocess.Popen([strongroom_binary(), "monitor", "-log-level=trace", *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                     text=True, env=desk.environment(STRONGROOM_TOKEN=token))
        line, tries = "", 0
        # It may not listen yet when the first line is written, or begin among the lines of an earlier signal.
        while "reload" not in line.lower() and tries < 200:
            server.process.send_signal(signal.SIGHUP)
            tries += 1
            if select.select([listening.stdout], [], [], 0.1)[0]:
                line = listening.stdout.readline()
        check(f"monitor shows the log ({ending})", "reload" in line.lower() and ("@message" in line) == bool(arguments), line)
        if ending == "Ctrl-C":
            listening.send_signal(signal.SIGINT)
        elif server.kind == "strongroom":
            desk.strongroom("token", "revoke", token)
        else:  # follows for as long as the client likes
            listening.send_signal(signal.SIGINT)
        error = listening.communicate(timeout=20)[1]
        check(f"monitor ends with {ending}", listening.returncode == 0, error)


def tls(kind, report):
    """The TLS options, against a server with a certificate that no system authority has signed."""
    with Server(kind, tls=True) as server:
        server.start()
        desk = Desk(server)
        authority = server.directory + "/cert.pem"
        folder = Path(desk.home, "authorities")
        folder.mkdir()
        shutil.copy(authority, folder / "ours.pem")
        subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj", "/CN=other",
                        "-keyout", desk.home + "/other.key", "-out", desk.home + "/other.pem"], check=True, capture_output=True)
        new = 2  # the exit status of `status` on a server that is sealed

        def check(name, wanted, *flags, says="", **more):
            done = desk.strongroom("status", *flags, **more)
            report.check(f"tls: {name}", done.returncode == wanted and says in done.stderr, f"exit {done.returncode}\n{done.stdout}{done.stderr}")

        # The configuration is checked with the files it names.
        for certificate, status in ((authority, 0), (desk.home + "/nothing.pem", 1)):
            Path(desk.home, "s.hcl").write_text(f'storage "embedded" {{ path = "{desk.home}/data" }}\nlistener "tcp" {{\n  address = "127.0.0.1:0"\n'
                                                f'  tls_cert_file = "{certificate}"\n  tls_key_file = "{server.directory}/key.pem"\n}}\n')
            done = desk.strongroom("server", "-test-server-config", f"-config={desk.home}/s.hcl")
            report.check(f"-test-server-config with {certificate}", done.returncode == status and (status == 0 or "s.hcl, line 2: " in done.stderr and "nothing.pem" in done.stderr),
                         f"exit {done.returncode}\n{done.stdout}{done.stderr}")
        for flag in ("-config=", "-log-format=nosuch"):
            done = desk.strongroom("server", "-test-server-config", f"-config={desk.home}/s.hcl", flag)
            report.check(f"server {flag} is refused", done.returncode == 1 and flag.split("=")[0] in done.stderr, done.stderr)
        check("an unknown authority is refused and the way on named", 1, says="-ca-cert")
        check("-ca-cert names it", new, "-ca-cert", authority)
        check("VAULT_CACERT names it", new, VAULT_CACERT=authority)
        check("STRONGROOM_CACERT_BYTES holds it", new, STRONGROOM_CACERT_BYTES=Path(authority).read_text())
        check("-ca-path names its folder", new, "-ca-path", str(folder))
        check("-tls-skip-verify checks nothing", new, "-tls-skip-verify")
        check("VAULT_SKIP_VERIFY checks nothing", new, VAULT_SKIP_VERIFY="true")
        check("another authority does not help", 1, "-ca-cert", desk.home + "/other.pem", says="-ca-cert")
        check("a certificate that is not there is a mistake here", 1, "-ca-cert", "/nonexistent.pem", says="/nonexistent.pem")
        check("-tls-server-name is the name that is checked", new, "-ca-cert", authority, "-tls-server-name=localhost")
        check("and a wrong one is refused", 1, "-ca-cert", authority, "-tls-server-name=elsewhere.example")
        check("a client certificate is sent when asked for", new, "-ca-cert", authority, "-client-cert", desk.home + "/other.pem", "-client-key", desk.home + "/other.key")
        check("a certificate needs its key", 1, "-ca-cert", authority, "-client-cert", desk.home + "/other.pem", says="-client-key")
        check("plain HTTP to a TLS listener is no answer", 1, "-address", server.address.replace("https", "http"))
        desk.close()
    with tempfile.TemporaryDirectory(prefix="sr-cli-test-") as folder:
        socket_listener = f'listener "unix" {{\n  address = "{folder}/api.sock"\n  tls_disable = true\n}}\n'
        with Server(kind, extra_config=socket_listener) as server:
            server.start()
            desk = Desk(server)
            done = desk.strongroom("status", "-address", f"unix://{folder}/api.sock")
            report.check("tls: unix:// reaches a socket", done.returncode == 2 and "Initialized     " in done.stdout + " " * 9, done.stdout + done.stderr)
            done = desk.strongroom("status", "-address", f"unix://{folder}/none.sock")
            report.check("tls: a socket that is not there is said so", done.returncode == 1 and f"unix://{folder}/none.sock" in done.stderr, done.stderr)
            desk.close()


# What must be there before a command's examples run, as shell lines; "$TOKEN_FILE" names a file with the root token.
BEFORE = {
    "kv patch": "strongroom kv put secret/app user=ann password=-<<<x; strongroom kv put secret/app user=ann password=-<<<x",
    "kv get": "strongroom kv put secret/app user=ann password=-<<<x",
    "kv delete": "strongroom kv put secret/app user=ann password=-<<<x",
    "kv undelete": "strongroom kv delete -versions=1 secret/app",
    "kv rollback": "strongroom kv metadata delete secret/app; strongroom kv put secret/app user=ann; strongroom kv put secret/app user=bob",
    "kv metadata get": "strongroom kv put secret/app user=ann",
    "kv metadata put": "strongroom kv put secret/app user=ann",
    "kv metadata patch": "strongroom kv put secret/app user=ann",
    "kv list": "strongroom kv put secret/app user=ann",
    "kv enable-versioning": "strongroom secrets enable -path=kv1 -version=1 kv",
    "read": "strongroom kv metadata delete secret/app; strongroom kv put secret/app user=ann",
    "list": "strongroom kv put secret/app user=ann",
    "patch": "strongroom kv put secret/app user=ann",
    "secrets tune": "strongroom secrets disable team; strongroom secrets enable -path=team kv",
    "secrets enable": "strongroom secrets disable team",
    "policy read": "strongroom policy write app app.hcl",
    "token renew": "strongroom token create -policy=default -ttl=1h -field=token > token.txt",
    "token revoke": "strongroom token create -policy=default -field=token > token.txt",
    "login": "strongroom print token > token.txt",
    "unwrap": "strongroom kv put secret/app user=ann; strongroom read -wrap-ttl=60s -field=wrapping_token secret/data/app > wrapping.txt",
    "secrets move": "strongroom secrets disable squad; strongroom secrets disable team; strongroom secrets enable -path=team kv",
    "auth enable": "strongroom auth disable people",
    "auth tune": "strongroom auth enable -path=people userpass",
    "auth move": "strongroom auth disable staff; strongroom auth enable -path=people userpass",
    "auth disable": "strongroom auth enable -path=people userpass",
    "audit enable": "strongroom audit disable copy",
    "audit disable": "strongroom audit enable -path=copy file file_path={audit}",
    "audit list": "strongroom audit enable -path=copy file file_path={audit}",
    "lease lookup": "strongroom secrets enable -path=leased -version=1 -options=leased_passthrough=true kv; strongroom kv put leased/a ttl=1h",
    "operator rekey": "strongroom operator rekey -cancel",
    "operator rotate-keys": "strongroom operator rotate-keys -cancel",
    "operator generate-root": "strongroom operator generate-root -cancel",
    "debug": "rm -rf support* numbers*",
}
# Commands whose part our server has not got yet, or not whole; their examples run at OpenBao's.
THEIRS = {"audit disable", "audit enable", "auth disable", "auth enable", "auth move", "auth tune", "lease lookup", "lease revoke", "operator rekey"}
NOWHERE = {"lease renew"}  # ours has no leases yet, and OpenBao ends the connection when a lease of KV 1 is renewed
ANY_ANSWER = {"plugin register", "plugin deregister", "plugin reload"}  # a server may well refuse
LAST = ["operator seal", "operator unseal"]  # in this order, after all others
OURS_ALONE = {"audit key", "audit show", "audit archive", "audit verify", "store verify"}


# What our server refuses in this version, and with what text. An entry that no longer holds is a failure.
REFUSED = {}


def examples(server, report, commands):
    desk = Desk(server)
    lease = {}
    Path(desk.home, "app.json").write_text('{"user": "ann", "password": "x"}')
    Path(desk.home, "data.json").write_text('{"data": {"key": "x"}}')
    Path(desk.home, "patch.json").write_text('{"data": {"key": "x"}}')
    Path(desk.home, "app.hcl").write_text(APP_POLICY.format(m="secret"))
    Path(desk.home, "share.txt").write_text(server.keys[0] + "\n")
    root = server.token

    def shell(line, **more):
        return subprocess.run(["bash", "-c", line], capture_output=True, text=True, timeout=60, cwd=desk.home, stdin=subprocess.DEVNULL,
                              env=desk.environment(**{"STRONGROOM_TOKEN": root, "PASSWORD": "from a variable", **more}))

    ordered = sorted((c for c in commands if c not in LAST)) + [c for c in LAST if c in commands]
    for name in ordered:
        if name in OURS_ALONE and server.kind != "strongroom":
            continue
        if name == "operator init":
            with Server(server.kind) as fresh:
                fresh.start()
                for line in commands[name]:
                    done = shell(line, STRONGROOM_ADDR=fresh.address)
                    report.check(f"examples: {line}", done.returncode == 0 and "Unseal Key 1: " in done.stdout and "Initial Root Token: " in done.stdout,
                                 done.stdout + done.stderr)
            continue
        if name in BEFORE and name != "unwrap":
            shell(BEFORE[name].replace("{audit}", server.directory + "/copy.log"))
        if name.startswith("lease "):
            lease = {"database/creds/app/2f6a614c": shell("strongroom read -field=lease_id leased/a").stdout, "database/creds": "leased"}
        for line in commands[name]:
            if name == "unwrap":
                shell(BEFORE[name])
            for of_the_page, real in lease.items():
                line = line.replace(of_the_page, real)
            if line == "strongroom operator unseal":
                status, shown = desk.at_terminal(["strongroom", "operator", "unseal"], [server.keys[0]], STRONGROOM_TOKEN=root)
                report.check(f"examples: {line}", status == 0 and server.keys[0] not in shown, shown)
                continue
            if line == "strongroom login":
                status, shown = desk.at_terminal(["strongroom", "login"], [root])
                report.check(f"examples: {line}", status == 0, shown)
                continue
            line = line.replace("/var/log/strongroom_audit.log", server.directory + "/copy.log")
            done = shell(line.replace("/var/backups/audit", server.directory + "/archive").replace("/var/lib/strongroom/audit", server.directory + "/store/audit"))
            good = done.returncode == 0 or (name in ANY_ANSWER and done.returncode == 2 and "Error making API request" in done.stderr)
            if name == "operator step-down":
                server.wait_active()
            if name == "lease renew" and "Empty reply from server" in done.stderr:
                good = True  # OpenBao's handler ends in a panic when a lease of KV is renewed with an increment
            if server.kind == "strongroom" and name in REFUSED:
                good = done.returncode == 2 and REFUSED[name] in done.stderr
            report.check(f"examples: {line}", good, done.stdout + done.stderr)
    desk.close()


def open_bao():
    """OpenBao with what it keeps switched off, on a listener of its own."""
    port = free_port()
    server = Server("openbao", extra_config=(
        f'unsafe_allow_api_audit_creation = true\nlistener "tcp" {{\n  address = "127.0.0.1:{port}"\n  tls_disable = true\n'
        "  disable_unauthed_rekey_endpoints = false\n  disable_unauthed_generate_root_endpoints = false\n}\n"))
    server.ready()
    server.address = f"http://127.0.0.1:{port}"
    return server


def example_lines():
    """Command -> example lines, from the program's own reference."""
    text = subprocess.run([strongroom_binary(), "completion", "markdown"], capture_output=True, text=True, check=True).stdout
    commands = {}
    for part in re.split(r"^## ", text, flags=re.M)[1:]:
        name = part.splitlines()[0]
        match = re.search(r"^Example:\n\n((?:    .*\n)+)", part, re.M)
        if match:
            commands[name] = [line[4:] for line in match.group(1).splitlines()]
    return commands


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--server", choices=["strongroom", "openbao"], default="strongroom")
    parser.add_argument("--only", choices=["pairs", "habits", "operator", "tls", "examples"])
    options = parser.parse_args()
    report = Report()
    commands = example_lines()
    report.check("every command has an example", len(commands) >= 40 and all(commands.values()), str(sorted(commands)))
    theirs = {name: lines for name, lines in commands.items() if name in THEIRS}
    if options.server == "strongroom":
        commands = {name: lines for name, lines in commands.items() if name not in THEIRS}
    commands = {name: lines for name, lines in commands.items() if name not in NOWHERE}
    parts = {"pairs": pairs, "habits": habits, "operator": operator, "examples": lambda s, r: examples(s, r, commands)}
    if options.only in (None, "tls"):
        tls(options.server, report)
    for name, part in parts.items():
        if options.only in (None, name):
            with Server(options.server) as server:
                server.ready()
                part(server, report)
    # What our server has not got is tried at one that has it.
    if options.server == "strongroom":
        for name, part in {"operator": operator, "examples": lambda s, r: examples(s, r, theirs)}.items():
            if options.only in (None, name):
                with open_bao() as server:
                    part(server, report)
    print(f"{report.passed} passed, {report.failed} failed")
    return 1 if report.failed else 0


if __name__ == "__main__":
    sys.exit(main())
