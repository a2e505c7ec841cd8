#!/usr/bin/env python3
"""Programs on clients we did not write, each against us and against OpenBao: what they see must be the same, line by line.

  program_job.py           OpenBao's Go client (over TLS, so over HTTP/2) and node-vault
  program_job.py --show    prints what was seen
"""
import argparse
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "harness"))
sys.path.insert(0, str(HERE))

from servers import ROOT, Server  # noqa: E402
from transcript import Transcript, differences  # noqa: E402

UNTRUE = {"stopped"}


def tool(name):
    """The one that scripts/setup installed, else the machine's."""
    ours = ROOT / ".venv/bin" / name
    return str(ours) if ours.exists() else shutil.which(name) or name


def go_program():
    """Builds the Go program; the modules are in the cache that scripts/setup filled."""
    out = ROOT / "build/clients/go_job"
    out.parent.mkdir(parents=True, exist_ok=True)
    go = tool("go")
    env = dict(os.environ, GOFLAGS="-mod=readonly -trimpath", GOTOOLCHAIN="local", CGO_ENABLED="0")
    subprocess.run([go, "build", "-o", str(out), "."], cwd=HERE / "go", env=env, check=True)
    return out


def lines_of(seen, output, status):
    """One line is a name, a tab, JSON."""
    for line in output.splitlines():
        name, _, value = line.partition("\t")
        value = json.loads(value) if value else None
        if isinstance(value, dict):
            value.pop("mount_type", None)  # Vault's and ours; OpenBao has none
        seen.note(name, value)
        seen.check(name, not (isinstance(value, dict) and UNTRUE & value.keys()) and name not in UNTRUE, f"{value!r}")
    seen.check("the program ended well", status == 0, f"exit status {status}")


def run_go(kind, program):
    seen = Transcript()
    with Server(kind, tls=True) as server:
        server.ready()
        # The client's own variable for the file of the CA; the certificate is its own CA.
        env = {"PATH": os.environ["PATH"], "HOME": server.directory, "BAO_ADDR": server.address, "BAO_CACERT": server.directory + "/cert.pem"}
        done = subprocess.run([str(program)], input=server.token + "\n", capture_output=True, text=True, env=env, timeout=120)
        lines_of(seen, done.stdout, done.returncode)
    return seen


def run_node(kind):
    seen = Transcript()
    node = tool("node")
    with Server(kind) as server:
        server.start()
        env = {"PATH": os.environ["PATH"], "HOME": server.directory, "VAULT_ADDR": server.address}
        done = subprocess.run([node, str(HERE / "node/job.js")], capture_output=True, text=True, env=env, timeout=120)
        lines_of(seen, done.stdout, done.returncode)
    return seen


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", choices=["go", "node"])
    parser.add_argument("--show", action="store_true", help="print what was seen")
    options = parser.parse_args()
    jobs = {}
    if options.only != "node":
        program = go_program()
        jobs["go"] = lambda kind: run_go(kind, program)
    if options.only != "go":
        jobs["node"] = run_node
    passed = failed = 0
    for name, job in jobs.items():
        ours, theirs = job("strongroom"), job("openbao")
        if options.show:
            print("\n".join(f"{name}: {line}" for line in ours.lines))
        diff = differences(ours, theirs)
        print("\n".join(f"{name}: {line}" for line in diff))
        passed += ours.passed + theirs.passed + (not diff)
        failed += len(ours.failed) + len(theirs.failed) + bool(diff)
    print(f"{passed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
