#!/usr/bin/env python3
"""Runs what the documentation tells people to type, page by page, and compares what it says they will see.

  try_docs.py                    every page that has something to try
  try_docs.py getting-started    one page

A fenced block marked `sh` is run, all blocks of a page in one shell that stops at the first error. A block marked `text` right after it is
what was printed; in it "…" stands for anything, a line "…" for any lines. `<!-- try: server -->` gives a page an unsealed server and a root
token in the token file; without it the page starts from nothing. 127.0.0.1:8200 becomes a free port.
`<!-- skip -->` before a block leaves it out and needs a reason in the same comment.
"""
import fnmatch
import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "harness"))

from servers import ROOT, Server, free_port, strongroom_binary  # noqa: E402

PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
MARK = "@@try_docs@@"
WAIT = """
__wait() { for n in $(seq 500); do (exec 3<>/dev/tcp/127.0.0.1/$1) 2>/dev/null && return 0; sleep 0.02; done; echo "nothing listens on $1" >&2; return 1; }
"""


class Block:
    def __init__(self, kind, line, text):
        self.kind, self.line, self.text = kind, line, text


def blocks_of(page):
    """The fenced blocks of a page that are tried, and how the page begins."""
    found, kind, start, lines, skip, begin = [], None, 0, [], False, "nothing"
    for number, line in enumerate(page.read_text(encoding="utf-8").splitlines(), 1):
        comment = re.match(r"\s*<!-- (try|skip): (.*?) -->\s*$", line)
        if kind is None and comment:
            if comment[1] == "skip":
                skip = True
            else:
                begin = comment[2]
        elif kind is None and line.startswith("```"):
            kind, start, lines = line[3:].strip() or "plain", number, []
        elif kind is not None and line.startswith("```"):
            if kind in ("sh", "text") and not skip:
                found.append(Block(kind, start, "\n".join(lines)))
            kind, skip = None, False
        elif kind is not None:
            lines.append(line)
    return found, begin


def script_of(blocks, port):
    out = ["set -eu -o pipefail", WAIT]
    for n, block in enumerate(blocks):
        if block.kind != "sh":
            continue
        out.append(f"printf '\\n%s\\n' '{MARK} {n}'")
        text = block.text.replace("127.0.0.1:8200", f"127.0.0.1:{port}")
        # A person needs longer to type the next line than a server to start.
        out.append(re.sub(r"^(strongroom server .*&)\s*$", rf"\1\n__wait {port}", text, flags=re.M))
    out.append(f"printf '\\n%s\\n' '{MARK} end'")
    return "\n".join(out) + "\n"


def agrees(wanted, got):
    """Line by line; "…" is anything, a line of it any lines."""
    wanted = [" ".join(line.split()) for line in wanted.strip().splitlines()]
    got = [" ".join(line.split()) for line in got.strip().splitlines()]

    def from_here(w, g):
        if w == len(wanted):
            return g == len(got)
        if wanted[w] == "…":
            return any(from_here(w + 1, k) for k in range(g, len(got) + 1))
        if g == len(got):
            return False
        pattern = re.sub(r"([\[\]?*])", r"[\1]", wanted[w]).replace("…", "*")
        return fnmatch.fnmatchcase(got[g], pattern) and from_here(w + 1, g + 1)

    return from_here(0, 0)


def try_page(page):
    blocks, begin = blocks_of(page)
    if not any(b.kind == "sh" for b in blocks):
        return 0, 0
    home = tempfile.mkdtemp(prefix="sr-docs-")
    os.mkdir(home + "/bin")
    os.symlink(strongroom_binary(), home + "/bin/strongroom")
    env = {"PATH": f"{home}/bin:{ROOT}/.venv/bin:" + os.environ["PATH"], "HOME": home, "LANG": "C.UTF-8"}
    server, port = None, free_port()
    try:
        if begin == "server":
            server = Server("strongroom", port=port, extra_config="unsafe_allow_api_audit_creation = true\n").ready()
            env["VAULT_ADDR"] = server.address
            Path(home, ".vault-token").write_text(server.token, encoding="utf-8")
            Path(home, "unseal-key").write_text(server.keys[0], encoding="utf-8")
            os.symlink(server.directory, home + "/server")
        shell = subprocess.run(["bash", "-c", script_of(blocks, port)], cwd=home, env=env, stdin=subprocess.DEVNULL,
                               stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=300, start_new_session=True)
        return judge(page, blocks, shell.stdout, shell.returncode)
    finally:
        if server:
            server.close()
        for pid in _started_in(home):
            os.kill(pid, 9)
        shutil.rmtree(home, ignore_errors=True)


def _started_in(home):
    """Servers that a page has left running: those whose working directory is the page's."""
    for entry in os.listdir("/proc"):
        if entry.isdigit():
            try:
                if os.readlink(f"/proc/{entry}/cwd").startswith(home) and int(entry) != os.getpid():
                    yield int(entry)
            except OSError:
                continue


def judge(page, blocks, output, status):
    parts = re.split(rf"^{MARK} (\w+)\n", output, flags=re.M)
    seen = dict(zip(parts[1::2], parts[2::2]))
    good, bad, name = 0, 0, page.relative_to(ROOT)
    for n, block in enumerate(blocks):
        if block.kind == "sh":
            later = [k for k in seen if k == "end" or int(k) > n]
            if str(n) in seen and later:
                good += 1
            else:
                bad += 1
                print(f"FAIL {name}:{block.line}: the commands of this block were not all good (exit {status})")
                print("    " + seen.get(str(n), "not reached").rstrip().replace("\n", "\n    "))
                return good, bad
        elif n > 0 and blocks[n - 1].kind == "sh":
            if agrees(block.text, seen.get(str(n - 1), "")):
                good += 1
            else:
                bad += 1
                print(f"FAIL {name}:{block.line}: this is not what was printed:")
                print("    " + seen.get(str(n - 1), "").rstrip().replace("\n", "\n    "))
    return good, bad


def main():
    wanted = sys.argv[1:]
    passed = failed = 0
    for page in PAGES:
        if wanted and page.stem not in wanted:
            continue
        good, bad = try_page(page)
        if good or bad:
            print(f"{page.relative_to(ROOT)}: {good} right, {bad} wrong")
        passed, failed = passed + good, failed + bad
    print(f"{passed} passed, {failed} failed")
    return 1 if failed or not passed else 0


if __name__ == "__main__":
    sys.exit(main())
