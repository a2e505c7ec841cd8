#!/usr/bin/env python3
"""Runs every example of docs/api with curl against a server of its own: each must be a request that the server serves.

A 400 or 404 is fine where the example's names are invented; 405, 5xx, an unknown path or a field of the wrong type is not.
"""
import os
import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
sys.path.insert(0, str(ROOT / "tests" / "harness"))
sys.dont_write_bytecode = True

from servers import Server  # noqa: E402

WRONG = re.compile(r"unsupported path|no handler for route|unsupported operation|must be (a string|an object|a list|a whole number|true or false|a duration)")


def run(block, address, token):
    script = 'curl() { command curl -s -m 3 -w "\\n%{http_code}" "$@"; }\n' + block
    out = subprocess.run(["bash", "-c", script], capture_output=True, text=True, timeout=60,
                         env={**os.environ, "VAULT_ADDR": address, "VAULT_TOKEN": token}).stdout
    body, _, status = out.rpartition("\n")
    return int(status or 0), body


def main():
    good, bad = 0, []
    with Server("strongroom", extra_config='enable_unauthenticated_access = ["rekey", "generate-root"]\n') as server:
        server.start().init().unseal()
        server.call("POST", "sys/mounts/kv", {"type": "kv", "options": {"version": "2"}})
        server.call("POST", "sys/mounts/kv1", {"type": "kv", "options": {"version": "1"}})
        server.call("POST", "kv/data/example", {"data": {"password": "x"}})
        for page in sorted((ROOT / "docs/api").glob("*.md")):
            for block in re.findall(r"```sh\n(.*?)```", page.read_text(encoding="utf-8"), re.S):
                token = server.call("POST", "auth/token/create", {"policies": ["root"]})["auth"]["client_token"]
                status, body = run(block, server.address, token)
                if '"key"' in block and '"reset"' in block:
                    bad.append(page.name)
                    print(f"{page.name}: whoever copies this forgets the shares that were given\n    {block.strip()}")
                reload = "/sys/config/reload/" in block  # as in OpenBao: the path is there, no subsystem is
                shut = status == 405 and re.search(r"/sys/(generate-root|rekey)\b(?!-token)", block)  # unless the listener opens it
                if reload or shut:
                    good += 1
                elif status == 405 or status >= 500 or status == 0 or (status == 400 and WRONG.search(body)) or WRONG.search(body):
                    bad.append(page.name)
                    print(f"{page.name}: {status} {body.strip()[:200]}\n    {block.strip()}")
                else:
                    good += 1
                if server.call("GET", "sys/seal-status", token=None)["sealed"]:
                    server.unseal()
    print(f"{good} passed, {len(bad)} failed")
    return 1 if bad or not good else 0


if __name__ == "__main__":
    sys.exit(main())
