"""Records what a client saw, with what differs from run to run replaced, so that two servers can be compared line by line."""
import difflib
import json
import re

PATTERNS = [
    (re.compile(r"^Success! (Vault|Strongroom) is sealed"), "Success! <product> is sealed"),
    (re.compile(r"\bhttps?://127\.0\.0\.1:\d+"), "<address>"),
    (re.compile(r"\b\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(\.\d+)?(Z| ?[+-]\d{4} \w+|[+-]\d\d:\d\d)?"), "<time>"),
    (re.compile(r"\b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b"), "<uuid>"),
    (re.compile(r"\b(hv)?[sbr]\.[A-Za-z0-9_-]{20,}(\.\w+)?"), "<token>"),
    (re.compile(r"\b(kv|cubbyhole|identity|system|token|ns_\w+)_[0-9a-f]{8}\b"), r"\1_<hex>"),
    (re.compile(r"\b7\d\d?h\d+m\d+s|\b\d+m5\ds\b|\b\d+m\d+s\b"), "<duration>"),
]
# Members whose value belongs to the server, not to the job.
FREE = {"accessor", "request_id", "creation_time", "issue_time", "expire_time", "cluster_id", "cluster_name", "version_text", "build_date",
        "commit_date", "nonce", "uuid", "storage_type", "plugin_version", "running_plugin_version", "running_sha256", "deprecation_status",
        "wrapped_accessor", "entity_id", "mount_type", "ha_enabled", "active_time"}
COUNTDOWN = {"ttl", "lease_duration", "last_renewal_time"}


def normal(value, key=None, keep=()):
    """The value with tokens, times and the server's own choices replaced."""
    if isinstance(value, dict):
        return {k: normal(v, k, keep) for k, v in value.items()}
    if isinstance(value, list):
        return [normal(v, key, keep) for v in value]
    if key in FREE and key not in keep:
        return "<free>" if value not in (None, "") else value
    if key in COUNTDOWN and isinstance(value, int) and value > 60:
        return (value + 59) // 60 * 60  # a countdown that started at a whole minute
    if isinstance(value, str):
        for pattern, name in PATTERNS:
            value = pattern.sub(name, value)
    return value


class Transcript:
    def __init__(self):
        self.lines = []
        self.passed, self.failed = 0, []

    def note(self, step, value):
        self.lines.append(f"{step}: {json.dumps(normal(value), sort_keys=True, ensure_ascii=False)}")

    def text(self, step, text):
        for pattern, name in PATTERNS:
            text = pattern.sub(name, text)
        self.lines.append(f"{step}:")
        # Column widths follow the longest value, which may be a token.
        self.lines += ["    " + re.sub(r"-{3,}", "---", re.sub(r"[ \t]{2,}", "  ", line.rstrip())) for line in text.splitlines()]

    def check(self, step, condition, why=""):
        if condition:
            self.passed += 1
        else:
            self.failed.append(f"{step}: {why}")
            print(f"FAIL {step}: {why}")


def differences(ours, theirs):
    """A unified diff of two transcripts, empty when they agree."""
    return list(difflib.unified_diff(theirs.lines, ours.lines, "openbao", "strongroom", lineterm="", n=2))
