#!/usr/bin/env python3
"""A day of an operator typed twice, with the bao CLI and with ours, each at a server of its own: what is printed must be equal.

  peer_test.py                       both at OpenBao's server
  peer_test.py --server strongroom   both at ours; a line marked "#" is left out
                                     (what our server has not got is refused, and both must show it alike)
  peer_test.py --show                what was printed

What a line gives is kept for later lines: => name:pattern ; name:pattern. "~" compares only the exit status, "!" the first lines of standard error too.
"""
import argparse
import os
import re
import shlex
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "harness"))

sys.path.insert(0, str(HERE))

from cli_test import open_bao  # noqa: E402
from servers import Server, bao_binary, strongroom_binary  # noqa: E402

DAY = r"""
audit list
audit enable -path=copy -description=second file file_path={f}/copy.log
audit list
audit list -detailed
audit list -format=json
audit list -format=yaml
~ audit enable
! audit enable nosuchdevice
~ audit enable file file_path
audit disable copy
audit disable copy
~ audit disable
auth list
auth list -detailed
auth list -format=json
auth list -format=yaml
auth enable -description=people -default-lease-ttl=30m userpass
auth enable -path=second -token-type=batch -listing-visibility=unauth userpass
! auth enable userpass
! auth enable nosuchmethod
~ auth enable
auth list
auth list -detailed
auth list -format=json
auth tune -description=staff -max-lease-ttl=2h -user-lockout-threshold=4 -user-lockout-duration=10m userpass
read -format=json sys/mounts/auth/userpass/tune
! auth tune -description=x nosuch
auth move auth/second auth/third
! auth move auth/nosuch auth/other
~ auth move auth/userpass
auth disable third
auth disable third
~ auth help
! auth help nosuch
secrets enable -path=from kv
secrets move from to
! secrets move nosuch other
~ secrets move to
secrets enable -path=two -version=2 kv
~+ kv put two/a/b k=v
kv put two/a/c/d k=v
kv put two/e k=v
kv list two
kv list -format=json two/a
kv scan two
kv scan -mount=two a
kv scan -format=json two/a
! kv scan two/nothing
scan two/metadata
scan -format=yaml two/metadata/a
! scan two/metadata/nothing
list two/metadata
list -detailed two/detailed-metadata
list -detailed -format=json two/detailed-metadata
write auth/userpass/users/ann password=one policies=default
write -format=json auth/userpass/login/ann password=one => person:"client_token": "([^"]+)"
token create -policy=default -ttl=1h -format=json => token:"client_token": "([^"]+)" ; accessor:"accessor": "([^"]+)"
token create -policy=default -type=batch -ttl=20m -format=json => batch:"client_token": "([^"]+)"
token lookup {batch}
write auth/token/roles/short allowed_policies=default orphan=true period=30m
token create -role=short -format=json
token create -policy=default -period=20m -explicit-max-ttl=2h
token create -policy=default -orphan -explicit-max-ttl=90m
token create -policy=default -entity-alias=nosuch -role=short
token renew -accessor {accessor}
token renew -accessor -increment=20m {accessor}
token create -policy=default -ttl=1h -field=token => parent:(\S+)
token revoke -mode=orphan {parent}
~ token lookup {parent}
token revoke -mode=path auth/userpass
~ token lookup {person}
~ token revoke -accessor -mode=orphan {accessor}
~ token revoke -accessor -mode=path {accessor}
~ token revoke -self -mode=orphan
token revoke -accessor {accessor}
~ token lookup {token}
token capabilities two/data/e
read -wrap-ttl=60s two/data/e
read -wrap-ttl=60s -format=json two/data/e => wrapped:"token": "([^"]+)"
unwrap {wrapped}
! unwrap {wrapped}
kv get -wrap-ttl=60s -format=json two/e => wrapped:"token": "([^"]+)"
unwrap -format=json {wrapped}
list -wrap-ttl=60s -format=json two/metadata => wrapped:"token": "([^"]+)"
unwrap {wrapped}
list -wrap-ttl=60s -field=wrapping_token two/metadata
read -wrap-ttl=60s -field=wrapping_token two/data/e => wrapped:(\S+)
unwrap -field=data {wrapped}
token create -policy=default -wrap-ttl=60s -format=json => wrapped:"token": "([^"]+)"
unwrap -format=json {wrapped}
delete -wrap-ttl=60s two/data/none
read sys/leader
read -field=sealed sys/seal-status
+~ read -format=json sys/health
kv get -field=data two/e
kv get -format=json -field=data two/e
kv get -field=data -mount=two e
kv put two/named data=x k=y
kv get -field=data two/named
kv put two/lines - <<< {"a":"one\ntwo\n","b":" x","c":"- x","d":"#x","e":"it's: so","f":"\tx","g":"end"}
kv get two/lines
kv get -format=yaml two/lines
policy read -format=yaml default
policy write -output-policy shout - <<< path "x" { capabilities = ["read"] }
! policy read root
! policy write SHOUT - <<< path "x" { capabilities = ["read"] }
token create -policy=default -format=json -field=token_policies
token create -policy=default -format=yaml -field=token_renewable
token create -policy=default -format=json -field=identity_policies
! token create -policy=default -field=data
read -field=lease_id two/data/e
write -format=json -wrap-ttl=60s -field=wrapping_token_ttl sys/wrapping/wrap a=b
kv put two/gone k=v
kv delete two/gone
! kv get -field=k two/gone
! kv get -field=data two/gone
kv metadata patch two/gone
kv metadata put -delete-version-after=-1s two/gone
kv metadata get two/gone
operator init -status -format=json
operator init -status -format=yaml
login -token-only -format=json {root}
~ list two
~ scan two
~ list -format=json two
~ kv put two a=b
login -method=nosuch a=b c=d
! unwrap nosuchtoken
write -format=json sys/wrapping/wrap a=b => wrapped:"token": "([^"]+)"
unwrap -format=yaml {wrapped}
~ lease lookup
~ lease renew
~ lease revoke
write -format=json auth/userpass/login/ann password=one => person:"client_token": "([^"]+)"
list sys/leases/lookup/auth/userpass/login/ann => lease:(h[0-9a-f]{40,})
lease lookup auth/userpass/login/ann/{lease}
lease lookup -format=json auth/userpass/login/ann/{lease}
! lease lookup nosuch/lease
! lease renew nosuch/lease
! lease renew -increment=1h auth/userpass/login/ann/{lease}
lease revoke auth/userpass/login/ann/{lease}
~ lease revoke -force x
lease revoke -prefix auth/userpass/login/nobody
lease revoke -sync -prefix auth/userpass/login/ann
lease revoke -force -prefix auth/userpass/login/nobody
operator key-status
operator key-status -format=json
operator key-status -format=yaml
operator rotate
operator rotate -format=json
~ operator rotate extra
operator members
operator members -format=json
operator members -format=yaml
version-history
version-history -format=json
~ plugin list
~ plugin list auth
~ plugin list nosuch
plugin list -detailed auth
plugin list -format=json auth
plugin info secret kv
plugin info -format=json secret kv
plugin info -field=name secret kv
! plugin info nosuch
~ plugin info
~ plugin register secret x
~ plugin reload
! plugin register -sha256=00 secret x
path-help sys/mounts
path-help sys/policies/acl/x
~ path-help -format=json auth/token/lookup-self
~ path-help
operator generate-root -status
operator generate-root -status -format=json
operator generate-root -status -format=yaml
! operator generate-root {key}
operator generate-root -init => otp:OTP +(\S{20,}) ; nonce:Nonce +(\S+)
! operator generate-root -init
~ operator generate-root {key}
! operator generate-root -nonce={nonce} wrong
operator generate-root -nonce={nonce} - <<< {key} => encoded:Encoded Token +(\S+)
operator generate-root -decode={encoded} -otp={otp} => root2:(\S+)
operator generate-root -decode=- -otp={otp} <<< {encoded}
~ operator generate-root -decode={encoded}
operator generate-root -decode={encoded} -otp={otp} -format=json
token lookup -format=json {root2}
~ operator generate-root -otp=x -pgp-key=y -init
operator generate-root -init -format=json => nonce:"nonce": "([^"]+)" ; otp:"otp": "([^"]+)"
operator generate-root -cancel
operator generate-root -cancel
operator rotate-keys -status
operator rotate-keys -status -format=json
! operator rotate-keys {key}
operator rotate-keys -init -key-shares=2 -key-threshold=2 => nonce:Nonce +(\S+)
operator rotate-keys -status
! operator rotate-keys -init -key-shares=2 -key-threshold=2
! operator rotate-keys -init -target=nosuch
~ operator rotate-keys {key}
! operator rotate-keys -nonce=nosuch {key}
operator rotate-keys -nonce={nonce} - <<< {key} => key1:Key 1: (\S+) ; key2:Key 2: (\S+)
operator rotate-keys -init -format=json -key-shares=1 -key-threshold=1 -verify => nonce:"nonce": "([^"]+)"
operator rotate-keys -nonce={nonce} {key1}
operator rotate-keys -nonce={nonce} {key2} => key:Key 1: (\S+) ; check:Verification Nonce +(\S+)
operator rotate-keys -status
operator rotate-keys -verify -status
operator rotate-keys -verify -status -format=json
operator rotate-keys -verify -nonce={check} {key}
operator rotate-keys -init -key-shares=3 -key-threshold=2
operator rotate-keys -cancel
operator rotate-keys -cancel
operator rotate-keys -verify -cancel
! operator rotate-keys -backup-retrieve
operator rotate-keys -backup-delete
operator rekey -status
operator rekey -init -key-shares=1 -key-threshold=1 => nonce:Nonce +(\S+)
operator rekey -status -format=json
operator rekey -nonce={nonce} {key} => key:Key 1: (\S+)
operator rekey -init -key-shares=1 -key-threshold=1 -format=json => nonce:"nonce": "([^"]+)"
operator rekey -nonce={nonce} -format=json {key} => key:"keys_base64": \[\s+"([^"]+)"
operator rekey -cancel
! operator rekey -init -key-shares=2 -key-threshold=3
! operator rekey -backup-retrieve
operator rekey -backup-delete
! operator rekey -status -target=recovery
! operator generate-root -recovery-token -status
~ monitor -log-level=nosuch
~ monitor -log-format=nosuch
~ monitor extra
read -output-policy sys/auth/x/tune
read -output-policy sys/audit
write -output-policy sys/remount a=b
list -output-policy sys/leases/lookup/x
write -output-policy sys/rotate a=b
read -header=X-Test=1 two/config
~ read -header=nothing two/config
! read -namespace=nosuch two/config
! kv get -namespace=nosuch two/e
#! secrets list -namespace=nosuch
read -mfa=method:123 two/config
read -unlock-key=x two/config
read -non-interactive two/config
read -policy-override two/config
operator step-down
"""

NORMAL = [
    (re.compile(r"https?://127\.0\.0\.1:\d+"), "<address>"),
    (re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(\.\d+)?(Z| \+0000 UTC)?"), "<time>"),
    (re.compile(r"\d\d \w{3} \d\d \d\d:\d\d UTC"), "<time>"),
    (re.compile(r"\b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b"), "<uuid>"),
    (re.compile(r"\b(hv)?[sbr]\.[A-Za-z0-9_-]{20,}"), "<token>"),
    (re.compile(r"\b[0-9a-f]{64,66}\b"), "<share>"),
    (re.compile(r'(accessor:?"?:?\s+"?)[A-Za-z0-9]{20,}'), r"\1<accessor>"),
    (re.compile(r"\b(kv|auth_token|auth_userpass)_[0-9a-f]{8}\b"), r"\1_<hex>"),
    (re.compile(r'(creation_time"?:?\s+)\d+'), r"\1<time>"),
    (re.compile(r'((?:creation|last_renewal)_time"?:?\s+)\d+'), r"\1<time>"),
    (re.compile(r'(encryptions"?:?|Encryption Count)(\s+)\d+'), r"\1\2<count>"),
    (re.compile(r'^(\s*"?(?:ttl|creation_ttl|lease_duration|token_duration)"?:?\s+).*', re.M), r"\1<duration>"),
    (re.compile(r"\bh[0-9a-f]{40,}\b"), "<lease>"),
    # A server tells how far a move is as often as it is asked.
    (re.compile(r"^Waiting for terminal status.*\n", re.M), ""),
    (re.compile(r'^ *"?(audit_verifier_key|Audit Verifier Key).*\n', re.M), ""),
    (re.compile(r"-{3,}"), "---"),
    (re.compile(r"[ \t]{2,}"), " "),
    (re.compile(r" +$", re.M), ""),
]
WORDS = (("bao ", "strongroom "), ("OpenBao", "Strongroom"), ("Vault's", "Strongroom's"))


def normal(text, own):
    for value, name in sorted(own, key=lambda pair: -len(pair[0])):
        text = text.replace(value, name)
    for pattern, name in NORMAL:
        text = pattern.sub(name, text)
    # Sentences are folded at other words.
    text = re.sub(r"(?<=[a-z,.])\n(?=[A-Za-z_\"])", " ", text)
    for theirs, ours in WORDS:
        text = text.replace(theirs, ours)
    return text.strip("\n")


def parse(line):
    """(how, words, stdin, captures, has our server it)"""
    theirs = line.startswith("#")
    line = line.lstrip("#").strip()
    how = ""
    while line[0] in "~!+":
        how += line[0]
        line = line[1:].strip()
    line, _, captures = line.partition(" => ")
    command, _, stdin = line.partition(" <<< ")
    found = [tuple(one.split(":", 1)) for one in captures.split(" ; ") if one]
    return how, command, stdin, found, theirs


class Side:
    """One program at a server of its own."""

    def __init__(self, name, kind):
        self.name = name
        self.binary = bao_binary() if name == "bao" else strongroom_binary()
        self.home = tempfile.mkdtemp(prefix="sr-peer-")
        self.server = open_bao() if kind == "openbao" else Server(kind).ready()
        self.address = self.server.address
        self.known = {"f": self.home, "key": self.server.keys[0], "root": self.server.token}

    def type(self, command, stdin):
        fill = lambda text: re.sub(r"\{(\w+)\}", lambda m: self.known.get(m.group(1), m.group(0)), text)  # noqa: E731
        environment = {"PATH": os.environ["PATH"], "HOME": self.home, "NO_COLOR": "1", "LANG": "C.UTF-8", "BAO_ADDR": self.address,
                       "BAO_TOKEN": self.server.token}
        words = [fill(w) for w in shlex.split(command)]
        return subprocess.run([self.binary, *words], capture_output=True, text=True, timeout=120, env=environment, cwd=self.home,
                              **({"input": fill(stdin)} if stdin else {"stdin": subprocess.DEVNULL}))

    def own(self):
        return [(v, f"<{k}>") for k, v in self.known.items() if len(v) > 5] + [(self.server.directory, "<server>")]

    def close(self):
        self.server.close()
        shutil.rmtree(self.home, ignore_errors=True)


def first_lines(text, own):
    kept = [line for line in text.splitlines() if line.strip() and not line.startswith(("WARNING! A", "Next time"))]
    return normal("\n".join(kept), own).splitlines()


def day(kind, options):
    passed = failed = 0
    sides = {name: Side(name, kind) for name in ("bao", "strongroom")}
    try:
        for line in DAY.strip().splitlines():
            how, command, stdin, captures, theirs = parse(line)
            if kind == "strongroom" and theirs:
                continue
            if options.only and options.only not in command:
                if not captures:
                    continue
            seen = {}
            for name, side in sides.items():
                for _ in range(200 if "+" in how else 1):
                    done = side.type(command, stdin)
                    if done.returncode == 0:
                        break
                    time.sleep(0.02)
                for key, pattern in captures:
                    match = re.search(pattern, done.stdout)
                    if match:
                        side.known[key] = match.group(1)
                seen[name] = (done, normal(done.stdout, side.own()), first_lines(done.stderr, side.own()))
            (bao, bao_out, bao_error), (ours, our_out, our_error) = seen["bao"], seen["strongroom"]
            good = bao.returncode == ours.returncode and ("~" in how or bao_out == our_out)
            if "!" in how:
                good = good and len(our_error) >= len(bao_error) and all(o.startswith(b) for o, b in zip(our_error, bao_error))
            passed, failed = passed + good, failed + (not good)
            if not good or options.show:
                print(f"{'FAIL' if not good else 'same'} {command}\n  bao ({bao.returncode}):\n{bao.stdout}{bao.stderr}\n"
                      f"  strongroom ({ours.returncode}):\n{ours.stdout}{ours.stderr}")
    finally:
        for side in sides.values():
            side.close()
    return passed, failed


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--server", choices=["strongroom", "openbao"], default="openbao")
    parser.add_argument("--show", action="store_true")
    parser.add_argument("--only", help="only commands that hold this text")
    options = parser.parse_args()
    passed, failed = day(options.server, options)
    print(f"{passed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
