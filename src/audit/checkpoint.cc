#include "audit/checkpoint.h"

#include <algorithm>
#include <charconv>
#include <cstring>

#include "base/bytes.h"

namespace strongroom::audit {
namespace {

constexpr std::byte kEd25519{1};                     // C2SP signature type
constexpr std::string_view kRevision = "revision ";  // an extension line of ours
constexpr std::string_view kArchived = "/archived";  // ends the first line of a marker
constexpr std::string_view kDash = "\xe2\x80\x94 ";

std::string typed_key(const crypto::Ed25519PublicKey& key) {
  std::string s(1, static_cast<char>(kEd25519));
  s += as_text(View(key));
  return s;
}

std::unexpected<Error> bad(const char* what) {
  return fail(Code::corrupt, std::string("checkpoint: ") + what);
}

std::optional<std::string_view> take_line(std::string_view& rest) {
  const std::size_t end = rest.find('\n');
  if (end == std::string_view::npos) return std::nullopt;
  const std::string_view line = rest.substr(0, end);
  rest.remove_prefix(end + 1);
  return line;
}

std::optional<std::uint64_t> parse_number(std::string_view s) {
  std::uint64_t n = 0;
  const auto [end, error] = std::from_chars(s.data(), s.data() + s.size(), n);
  if (error != std::errc{} || end != s.data() + s.size() || (s.size() > 1 && s.front() == '0'))
    return std::nullopt;
  return n;
}

// The signed text (with its last newline) and the signature lines.
struct Note {
  std::string_view text;
  std::string_view signatures;
};
std::optional<Note> split(std::string_view note) {
  const std::size_t blank = note.rfind("\n\n");
  if (blank == std::string_view::npos) return std::nullopt;
  return Note{note.substr(0, blank + 1), note.substr(blank + 2)};
}

std::string with_signature(std::string note, const VerifierKey& verifier, const crypto::Ed25519Key& key) {
  const crypto::Ed25519Signature signature = key.sign(as_view(note));
  std::string blob = verifier.key_hash();
  blob += as_text(View(signature));
  note += "\n";
  note += kDash;
  note += verifier.origin + " " + to_base64(as_view(blob)) + "\n";
  return note;
}

Status check_signature(const Note& note, const VerifierKey& verifier) {
  std::string_view rest = note.signatures;
  const std::string wanted = std::string(kDash) + verifier.origin + " ";
  while (const auto line = take_line(rest)) {
    if (!line->starts_with(wanted)) continue;
    const auto blob = from_base64(line->substr(wanted.size()));
    if (!blob || blob->size() != 68 || as_text(View(*blob).first(4)) != verifier.key_hash()) continue;
    if (crypto::ed25519_verify(View(verifier.key), as_view(note.text), View(*blob).subspan(4))) return {};
    return bad("the signature does not verify");
  }
  return bad("not signed by this key");
}

}  // namespace

std::string origin_of(std::string_view store_id) { return "strongroom/" + to_hex(as_view(store_id)); }

std::string VerifierKey::key_hash() const {
  const std::string typed = typed_key(key);
  const Hash h = crypto::sha256({as_view(origin), as_view("\n"), as_view(typed)});
  return std::string(as_text(View(h).first(4)));
}

std::string VerifierKey::text() const {
  return origin + "+" + to_hex(as_view(key_hash())) + "+" + to_base64(as_view(typed_key(key)));
}

Result<VerifierKey> VerifierKey::parse(std::string_view text) {
  while (!text.empty() && (text.back() == '\n' || text.back() == '\r')) text.remove_suffix(1);
  const auto refuse = [](const char* what) {
    return fail(Code::invalid_argument,
                std::string("verifier key: ") + what + " (expected strongroom/<store id>+<hash>+<base64>)");
  };
  const std::size_t first = text.find('+');
  const std::size_t second = first == std::string_view::npos ? first : text.find('+', first + 1);
  if (second == std::string_view::npos) return refuse("not of three parts");
  VerifierKey k;
  k.origin = text.substr(0, first);
  if (k.origin.empty() || std::ranges::any_of(k.origin, [](char c) { return c <= ' ' || c == '\x7f'; }))
    return refuse("bad name");
  const auto raw = from_base64(text.substr(second + 1));
  if (!raw || raw->size() != 33 || raw->front() != kEd25519) return refuse("not an Ed25519 key");
  std::memcpy(k.key.data(), raw->data() + 1, k.key.size());
  if (to_hex(as_view(k.key_hash())) != text.substr(first + 1, second - first - 1))
    return refuse("the hash does not match the key");
  return k;
}

std::string sign_checkpoint(const VerifierKey& verifier, const crypto::Ed25519Key& key,
                            const Frontier& frontier, std::uint64_t revision) {
  const Hash root = frontier.root();
  std::string note =
      verifier.origin + "\n" + std::to_string(frontier.size()) + "\n" + to_base64(View(root)) + "\n";
  note += kRevision;
  note += std::to_string(revision) + "\n";
  return with_signature(std::move(note), verifier, key);
}

Result<Claim> parse_checkpoint(std::string_view note) {
  const auto parts = split(note);
  if (!parts) return bad("no signatures");
  std::string_view rest = parts->text;
  const auto origin = take_line(rest);
  const auto size = take_line(rest);
  const auto root = take_line(rest);
  if (!origin || !size || !root || origin->empty()) return bad("fewer than three lines");
  Claim claim;
  claim.origin = *origin;
  const auto leaves = parse_number(*size);
  if (!leaves) return bad("the size is no number");
  claim.size = *leaves;
  const auto hash = from_base64(*root);
  if (!hash || hash->size() != claim.root.size() || to_base64(*hash) != *root)
    return bad("the root is no hash");
  std::memcpy(claim.root.data(), hash->data(), claim.root.size());
  while (const auto line = take_line(rest)) {
    if (!line->starts_with(kRevision)) continue;
    const auto revision = parse_number(line->substr(kRevision.size()));
    if (!revision) return bad("the revision is no number");
    claim.revision = *revision;
  }
  return claim;
}

Result<Claim> verify_checkpoint(std::string_view note, const VerifierKey& verifier) {
  SR_LET(Claim claim, parse_checkpoint(note));
  if (claim.origin != verifier.origin) return bad("of another log");
  SR_TRY(check_signature(*split(note), verifier));
  return claim;
}

std::string sign_archived(const VerifierKey& verifier, const crypto::Ed25519Key& key,
                          std::uint64_t first_kept) {
  return with_signature(verifier.origin + std::string(kArchived) + "\n" + std::to_string(first_kept) + "\n",
                        verifier, key);
}

Result<std::uint64_t> verify_archived(std::string_view note, const VerifierKey& verifier) {
  const auto parts = split(note);
  if (!parts) return bad("no signatures");
  std::string_view rest = parts->text;
  const auto origin = take_line(rest);
  const auto first = take_line(rest);
  if (!origin || *origin != verifier.origin + std::string(kArchived)) return bad("no marker of this log");
  const auto sequence = first ? parse_number(*first) : std::nullopt;
  if (!sequence || !rest.empty()) return bad("no sequence");
  SR_TRY(check_signature(*parts, verifier));
  return *sequence;
}

}  // namespace strongroom::audit
