#!/usr/bin/env python3
"""The main job typed at a command line, unchanged against either server: everyday commands of the bao CLI, which we did not write.

  cli_job.py                              bao against both servers; what it prints must be equal
  cli_job.py --server openbao --show      only the oracle, and what was printed
  cli_job.py --cli strongroom             our own CLI against our server, held against bao against OpenBao
"""
import argparse
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "harness"))
sys.path.insert(0, str(HERE))

from servers import Server, bao_binary, strongroom_binary  # noqa: E402
from transcript import Transcript, differences  # noqa: E402

POLICY = """# for the application
path "secret/data/app/*" {
  capabilities = ["create", "read", "update", "delete"]
}
path "secret/metadata/*" { capabilities = ["list"] }
"""

# Commands that an operator types, in order. ("name", exit status, arguments, options): stdin is given to the command;
# quiet: its output is the server's own (versions, addresses), only the exit status counts; keep: note JSON members only.
COMMANDS = [
    ("status of a new server", 2, "status", {"quiet": True}),
    ("operator init", 0, "operator init -key-shares=3 -key-threshold=2 -format=json", {"take": "init"}),
    ("init again", 2, "operator init", {"quiet": True}),
    ("status while sealed", 2, "status -format=json", {"keep": ["initialized", "sealed", "t", "n", "progress", "type"]}),
    ("unseal 1", 0, "operator unseal -format=json {key0}", {"keep": ["sealed", "t", "n", "progress"]}),
    ("unseal 2", 0, "operator unseal -format=json {key1}", {"keep": ["sealed", "t", "n"]}),
    ("wait", 0, None, {"wait": True}),
    ("status", 0, "status -format=json", {"keep": ["initialized", "sealed", "t", "n", "progress", "type"]}),
    ("no token", 2, "secrets list", {"quiet": True, "token": ""}),
    ("login", 0, "login -no-print -", {"stdin": "{root}", "token": ""}),
    ("print token", 0, "print token", {"token": ""}),
    ("secrets enable", 0, "secrets enable -path=secret -version=2 kv", {}),
    ("secrets enable v1", 0, "secrets enable -path=old -description=first -version=1 kv", {}),
    ("secrets enable twice", 2, "secrets enable -path=old kv", {"quiet": True}),
    ("secrets tune", 0, "secrets tune -default-lease-ttl=1h -max-lease-ttl=2h -description=tuned old/", {}),
    ("secrets list json", 0, "secrets list -format=json", {"mount": "old/"}),
    ("secrets list", 0, "secrets list", {"quiet": True}),
    ("wait for kv", 0, "kv put -mount=secret warm up=1", {"retry": True, "quiet": True}),
    ("kv metadata delete", 0, "kv metadata delete -mount=secret warm", {}),
    ("kv put", 0, "kv put -mount=secret app/db user=app password=one", {}),
    ("kv get", 0, "kv get -mount=secret app/db", {}),
    ("kv get field", 0, "kv get -mount=secret -field=password app/db", {}),
    ("kv get json", 0, "kv get -mount=secret -format=json app/db", {}),
    ("kv get yaml", 0, "kv get -mount=secret -format=yaml app/db", {"quiet": True}),
    ("kv get missing field", 1, "kv get -mount=secret -field=nothing app/db", {"quiet": True}),
    ("kv get nothing", 2, "kv get -mount=secret app/nothing", {}),
    ("kv put stdin value", 0, "kv put -mount=secret app/in password=-", {"stdin": "from stdin"}),
    ("kv put file value", 0, "kv put -mount=secret app/file doc=@{dir}/value.txt", {}),
    ("kv get file value", 0, "kv get -mount=secret -field=doc app/file", {}),
    ("kv put json stdin", 0, "kv put -mount=secret app/json -", {"stdin": '{"a":{"b":[1,2.5,true,null]},"s":"x"}'}),
    ("kv get json secret", 0, "kv get -mount=secret -format=json app/json", {}),
    ("kv put cas", 0, "kv put -mount=secret -cas=1 app/db user=app password=two", {}),
    ("kv put stale cas", 2, "kv put -mount=secret -cas=1 app/db user=x", {"quiet": True}),
    ("kv patch", 0, "kv patch -mount=secret app/db password=three extra=1", {}),
    ("kv patch rw", 0, "kv patch -mount=secret -method=rw app/db extra=2", {}),
    ("kv get patched", 0, "kv get -mount=secret -format=json app/db", {}),
    ("kv patch nothing", 2, "kv patch -mount=secret app/nothing a=1", {"quiet": True}),
    ("kv get version", 0, "kv get -mount=secret -version=1 app/db", {}),
    ("kv delete", 0, "kv delete -mount=secret app/db", {}),
    ("kv get deleted", 0, "kv get -mount=secret app/db", {}),
    ("kv undelete", 0, "kv undelete -mount=secret -versions=4 app/db", {}),
    ("kv delete versions", 0, "kv delete -mount=secret -versions=1,2 app/db", {}),
    ("kv destroy", 0, "kv destroy -mount=secret -versions=2 app/db", {}),
    ("kv rollback", 0, "kv rollback -mount=secret -version=3 app/db", {}),
    ("kv metadata put", 0, "kv metadata put -mount=secret -max-versions=5 -delete-version-after=2h -custom-metadata=owner=me app/db", {}),
    ("kv metadata patch", 0, "kv metadata patch -mount=secret -custom-metadata=team=a app/db", {}),
    ("kv metadata get", 0, "kv metadata get -mount=secret app/db", {}),
    ("kv metadata get json", 0, "kv metadata get -mount=secret -format=json app/db", {}),
    ("kv list", 0, "kv list -mount=secret app", {}),
    ("kv list json", 0, "kv list -mount=secret -format=json app", {}),
    ("kv list nothing", 2, "kv list -mount=secret none", {"quiet": True}),
    ("kv old syntax", 0, "kv get secret/app/json", {}),
    ("kv v1 put", 0, "kv put -mount=old a/b k=v", {}),
    ("kv v1 get", 0, "kv get -mount=old a/b", {}),
    ("kv v1 list", 0, "kv list old/a", {}),
    ("kv v1 delete", 0, "kv delete -mount=old a/b", {}),
    ("write", 0, "write secret/data/raw data=@{dir}/data.json", {"quiet": True, "status": "any"}),
    ("write json", 0, "write secret/data/raw -", {"stdin": '{"data":{"k":"v"}}'}),
    ("read", 0, "read secret/data/raw", {"quiet": True}),
    ("read json", 0, "read -format=json secret/data/raw", {}),
    ("read field", 0, "read -field=data secret/data/raw", {"quiet": True}),
    ("read nothing", 2, "read secret/data/none", {}),
    ("list", 0, "list secret/metadata/app", {}),
    ("list nothing", 2, "list secret/metadata/none", {}),
    ("patch", 0, "patch secret/data/raw -", {"stdin": '{"data":{"k2":"v2"}}', "quiet": True}),
    ("delete", 0, "delete secret/metadata/raw", {}),
    ("policy write", 0, "policy write app {dir}/app.hcl", {}),
    ("policy write stdin", 0, "policy write other -", {"stdin": 'path "x" { capabilities = ["read"] }'}),
    ("policy read", 0, "policy read app", {}),
    ("policy list", 0, "policy list", {}),
    ("policy delete", 0, "policy delete other", {}),
    ("policy read deleted", 2, "policy read other", {"quiet": True}),
    ("policy fmt", 0, "policy fmt {dir}/app.hcl", {"quiet": True}),
    ("token create", 0, "token create -policy=app -ttl=1h -explicit-max-ttl=3h -display-name=me -format=json", {"take": "token"}),
    ("token create field", 0, "token create -policy=app -orphan -ttl=10m -use-limit=3 -field=token_policies", {}),
    ("token lookup", 0, "token lookup -format=json {token}", {}),
    ("token lookup accessor", 0, "token lookup -format=json -accessor {accessor}", {}),
    ("token renew", 0, "token renew -increment=2h -format=json {token}", {}),
    ("token capabilities", 0, "token capabilities {token} secret/data/app/db", {}),
    ("token capabilities deny", 0, "token capabilities {token} secret/data/other", {}),
    ("app token reads", 0, "kv get -mount=secret -field=password app/db", {"token": "{token}"}),
    ("app token is refused", 2, "kv get -mount=secret other", {"token": "{token}"}),
    ("app token may not list mounts", 2, "secrets list", {"token": "{token}", "quiet": True}),
    ("token revoke", 0, "token revoke {token}", {}),
    ("revoked token", 2, "token lookup {token}", {"quiet": True}),
    ("secrets disable", 0, "secrets disable old", {}),
    ("operator seal", 0, "operator seal", {}),
    ("read while sealed", 2, "kv get -mount=secret app/db", {"quiet": True}),
    ("status sealed", 2, "status", {"quiet": True}),
    ("unseal again 1", 0, "operator unseal {key2}", {"quiet": True}),
    ("unseal again 2", 0, "operator unseal {key0}", {"quiet": True}),
    ("wait again", 0, None, {"wait": True}),
    ("read after unseal", 0, "kv get -mount=secret -field=password app/db", {}),
    ("unknown command", 127, "frobnicate", {"quiet": True}),
    ("unknown flag", 1, "kv get -frobnicate x", {"quiet": True}),
]


class Typist:
    def __init__(self, cli, server):
        self.server, self.seen = server, Transcript()
        self.cli = bao_binary() if cli == "bao" else strongroom_binary()
        self.home = tempfile.TemporaryDirectory(prefix="sr-cli-")
        self.names = {"dir": self.home.name}
        Path(self.home.name, "value.txt").write_text("line one\nline two\n")
        Path(self.home.name, "data.json").write_text('{"k":"v"}')
        Path(self.home.name, "app.hcl").write_text(POLICY)

    def type(self, arguments, stdin=None, token="{root}"):
        environment = {"PATH": os.environ["PATH"], "HOME": self.home.name, "VAULT_ADDR": self.server.address, "BAO_ADDR": self.server.address,
                       "NO_COLOR": "1"}
        token = token.format_map(_Known(self.names))
        if token:
            environment["VAULT_TOKEN"] = environment["BAO_TOKEN"] = token
        words = [w.format_map(_Known(self.names)) for w in arguments.split()]
        given = stdin.replace("{root}", self.names.get("root", "")) if stdin is not None else None
        return subprocess.run([self.cli, *words], capture_output=True, text=True, timeout=60, env=environment,
                              **({"input": given} if given is not None else {"stdin": subprocess.DEVNULL}))

    def run(self):

        for name, status, arguments, options in COMMANDS:
            if options.get("wait"):
                self.server.wait_active()
                continue
            done = self.type(arguments, options.get("stdin"), options.get("token", "{root}"))
            for _ in range(100 if options.get("retry") else 0):
                if done.returncode == 0:
                    break
                done = self.type(arguments)
            if options.get("status") != "any":
                self.seen.check(name, done.returncode == status, f"exit {done.returncode}, wanted {status}: {done.stdout[-300:]} {done.stderr[-500:]}")
            try:
                parsed = json.loads(done.stdout)
            except ValueError:
                parsed = None
            if options.get("take") == "init" and parsed:
                self.names.update({f"key{i}": k for i, k in enumerate(parsed["unseal_keys_b64"])}, root=parsed["root_token"])
                self.seen.note(name, sorted(parsed))
            elif options.get("take") == "token" and parsed:
                self.names.update(token=parsed["auth"]["client_token"], accessor=parsed["auth"]["accessor"])
                self.seen.note(name, parsed)
            elif "mount" in options and parsed:
                self.seen.note(name, {k: v for k, v in parsed[options["mount"]].items() if k not in ("running_plugin_version", "plugin_version")})
            elif "keep" in options and parsed:
                self.seen.note(name, {k: parsed.get(k) for k in options["keep"]})
            elif options.get("quiet"):
                self.seen.note(name, {"exit": done.returncode})
            elif parsed is not None:
                self.seen.note(name, parsed)
            else:
                self.seen.text(name, done.stdout + (done.stderr if status else ""))
        return self.seen


class _Known(dict):
    def __missing__(self, key):
        return "{" + key + "}"


def run(cli, kind):
    with Server(kind) as server:
        server.start()
        return Typist(cli, server).run()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--server", choices=["strongroom", "openbao", "both"], default="both")
    parser.add_argument("--cli", choices=["bao", "strongroom"], default="bao")
    parser.add_argument("--show", action="store_true", help="print what was seen")
    options = parser.parse_args()
    wanted = ["strongroom", "openbao"] if options.server == "both" else [options.server]
    seen = {kind: run("bao" if kind == "openbao" and options.server == "both" else options.cli, kind) for kind in wanted}
    passed, failed = sum(s.passed for s in seen.values()), sum(len(s.failed) for s in seen.values())
    if options.show:
        print("\n".join(next(iter(seen.values())).lines))
    if len(seen) == 2:
        diff = differences(seen["strongroom"], seen["openbao"])
        print("\n".join(diff))
        passed, failed = passed + (not diff), failed + bool(diff)
    print(f"{passed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
