#include "audit/record.h"

#include <algorithm>
#include <cstring>
#include <span>

#include "audit/tree.h"
#include "base/bytes.h"
#include "crypto/sha256.h"

namespace strongroom::audit {
namespace {

constexpr char kVersion = 1;
constexpr std::string_view kOperations[] = {"", "read", "list", "create", "update", "patch", "delete"};
constexpr std::string_view kClasses[] = {"", "secret", "auth"};
constexpr std::string_view kTokenTypes[] = {"", "service", "batch", "default"};

// Presence bits of a record, in the order of the fields.
enum Has : std::uint64_t {
  kRevision = 1u << 0,
  kNamespace = 1u << 1,
  kMount = 1u << 2,
  kRemote = 1u << 3,
  kWrapTtl = 1u << 4,
  kActor = 1u << 5,
  kPresented = 1u << 6,
  kPresentedIsActors = 1u << 7,
  kRequest = 1u << 8,
  kOutcome = 1u << 9,
  kError = 1u << 10,
  kResponse = 1u << 11,
  kIssued = 1u << 12,
  kWarnings = 1u << 13,
  kLease = 1u << 14,
  kCount = 1u << 15,
  kHeaders = 1u << 16,
  kWrapped = 1u << 17,
  kAllOfRecord = (1u << 18) - 1,
};
// The same of an actor.
enum Of : std::uint64_t {
  kToken = 1u << 0,
  kAccessor = 1u << 1,
  kDisplayName = 1u << 2,
  kPolicies = 1u << 3,
  kTokenPolicies = 1u << 4,
  kTokenPoliciesSame = 1u << 5,
  kIdentityPolicies = 1u << 6,
  kGranting = 1u << 7,
  kGrantingSame = 1u << 8,
  kTokenType = 1u << 9,
  kEntity = 1u << 10,
  kIssueTime = 1u << 11,
  kTtl = 1u << 12,
  kUses = 1u << 13,
  kMetadata = 1u << 14,
  kAllowed = 1u << 15,
  kRefused = 1u << 16,
  kEntityCreated = 1u << 17,
  kHome = 1u << 18,
  kAllOfActor = (1u << 19) - 1,
};

class Encoder {
 public:
  explicit Encoder(std::string& out) : out_(out) {}

  void varint(std::uint64_t v) {
    char bytes[10];
    std::size_t n = 0;
    for (; v >= 0x80; v >>= 7) bytes[n++] = static_cast<char>(v | 0x80);
    bytes[n++] = static_cast<char>(v);
    out_.append(bytes, n);
  }
  void natural(std::int64_t v) { varint(v < 0 ? 0 : static_cast<std::uint64_t>(v)); }
  void text(std::string_view s) {
    varint(s.size());
    out_.append(s);
  }
  void coded(std::string_view s, std::span<const std::string_view> table) {
    for (std::size_t i = 1; i < table.size(); ++i)
      if (table[i] == s) return out_.push_back(static_cast<char>(i));
    out_.push_back(0);
    text(s);
  }
  void list(const std::vector<std::string>& l) {
    varint(l.size());
    for (const std::string& s : l) text(s);
  }
  void mac(const Mac& m) { out_.append(as_text(View(m))); }

  void actor(const Actor& a) {
    std::uint64_t bits = 0;
    const auto flag = [&](bool present, Of bit) {
      if (present) bits |= bit;
    };
    flag(a.client_token.has_value(), kToken);
    flag(a.accessor.has_value(), kAccessor);
    flag(!a.display_name.empty(), kDisplayName);
    flag(!a.policies.empty(), kPolicies);
    if (!a.token_policies.empty())
      bits |= a.token_policies == a.policies ? kTokenPoliciesSame : kTokenPolicies;
    flag(!a.identity_policies.empty(), kIdentityPolicies);
    if (!a.granting_policies.empty()) bits |= a.granting_policies == a.policies ? kGrantingSame : kGranting;
    flag(!a.token_type.empty(), kTokenType);
    flag(!a.entity_id.empty(), kEntity);
    flag(!a.issue_time.empty(), kIssueTime);
    flag(a.token_ttl > 0, kTtl);
    flag(a.remaining_uses > 0, kUses);
    flag(!a.metadata.empty(), kMetadata);
    flag(a.verdict == Actor::Verdict::allowed, kAllowed);
    flag(a.verdict == Actor::Verdict::refused, kRefused);
    flag(a.entity_created, kEntityCreated);
    flag(!a.namespace_id.empty(), kHome);
    varint(bits);
    if (a.client_token) mac(*a.client_token);
    if (a.accessor) mac(*a.accessor);
    if (bits & kDisplayName) text(a.display_name);
    if (bits & kPolicies) list(a.policies);
    if (bits & kTokenPolicies) list(a.token_policies);
    if (bits & kIdentityPolicies) list(a.identity_policies);
    if (bits & kGranting) list(a.granting_policies);
    if (bits & kTokenType) coded(a.token_type, kTokenTypes);
    if (bits & kEntity) text(a.entity_id);
    if (bits & kIssueTime) text(a.issue_time);
    if (bits & kTtl) natural(a.token_ttl);
    if (bits & kUses) natural(a.remaining_uses);
    if (bits & kMetadata) {
      varint(a.metadata.size());
      for (const auto& [name, value] : a.metadata) {
        text(name);
        text(value);
      }
    }
    if (bits & kHome) text(a.namespace_id);
  }

  void record(const Record& r) {
    std::uint64_t bits = 0;
    const auto flag = [&](bool present, Has bit) {
      if (present) bits |= bit;
    };
    flag(r.revision != 0, kRevision);
    flag(r.namespace_id != "root" || !r.namespace_path.empty(), kNamespace);
    flag(r.mount != MountRef{}, kMount);
    flag(!r.remote_address.empty() || r.remote_port != 0, kRemote);
    flag(r.wrap_ttl > 0, kWrapTtl);
    flag(r.actor.has_value(), kActor);
    if (r.presented_token)
      bits |= r.actor && r.actor->client_token == r.presented_token ? kPresentedIsActors : kPresented;
    flag(!r.request.empty(), kRequest);
    flag(r.outcome != "ok", kOutcome);
    flag(!r.error.empty(), kError);
    flag(!r.response.empty(), kResponse);
    flag(r.issued.has_value(), kIssued);
    flag(!r.warnings.empty(), kWarnings);
    flag(r.lease.has_value(), kLease);
    flag(r.count != 0, kCount);
    flag(!r.headers.empty(), kHeaders);
    flag(r.wrapped.has_value(), kWrapped);

    out_.push_back(kVersion);
    out_.push_back(static_cast<char>(static_cast<unsigned>(r.what) | static_cast<unsigned>(r.mark) << 4));
    varint(bits);
    put_u64(out_, static_cast<std::uint64_t>(r.time.time_since_epoch().count()));
    natural(r.response_time.count());
    out_.append(as_text(View(r.request_id)));
    coded(r.operation, kOperations);
    text(r.path);
    if (bits & kRevision) varint(r.revision);
    if (bits & kNamespace) {
      text(r.namespace_id);
      text(r.namespace_path);
    }
    if (bits & kMount) {
      text(r.mount.point);
      text(r.mount.type);
      text(r.mount.accessor);
      coded(r.mount.clazz, kClasses);
    }
    if (bits & kRemote) {
      text(r.remote_address);
      varint(r.remote_port);
    }
    if (bits & kWrapTtl) natural(r.wrap_ttl);
    if (r.actor) actor(*r.actor);
    if (bits & kPresented) mac(*r.presented_token);
    if (bits & kRequest) text(r.request);
    if (bits & kOutcome) text(r.outcome);
    if (bits & kError) text(r.error);
    if (bits & kResponse) text(r.response);
    if (r.issued) actor(*r.issued);
    if (bits & kWarnings) list(r.warnings);
    if (r.lease) text(*r.lease);
    if (bits & kCount) varint(r.count);
    if (bits & kHeaders) text(r.headers);
    if (r.wrapped) {
      mac(r.wrapped->token);
      mac(r.wrapped->accessor);
      natural(r.wrapped->ttl);
      text(r.wrapped->creation_time);
      text(r.wrapped->creation_path);
      out_.push_back(r.wrapped->wrapped_accessor ? 1 : 0);
      if (r.wrapped->wrapped_accessor) mac(*r.wrapped->wrapped_accessor);
    }
  }

 private:
  std::string& out_;
};

// Reads what an Encoder writes. The first fault sticks; what is read afterwards is empty.
class Decoder {
 public:
  explicit Decoder(std::string_view s) : rest_(s) {}

  bool good() const noexcept { return fault_ == nullptr; }
  const char* fault() const noexcept { return fault_; }
  void refuse(const char* why) noexcept {
    if (fault_ == nullptr) fault_ = why;
    rest_ = {};
  }
  void require(bool holds, const char* why) noexcept {
    if (!holds) refuse(why);
  }

  std::string_view take(std::size_t n) {
    if (n > rest_.size()) {
      refuse("cut short");
      return {};
    }
    const std::string_view s = rest_.substr(0, n);
    rest_.remove_prefix(n);
    return s;
  }
  std::uint8_t byte() {
    const std::string_view s = take(1);
    return s.empty() ? std::uint8_t{0} : static_cast<std::uint8_t>(s[0]);
  }
  std::uint64_t varint() {
    std::uint64_t v = 0;
    for (unsigned shift = 0; shift < 64; shift += 7) {
      const std::uint8_t b = byte();
      if (!good()) return 0;
      if (shift == 63 && b > 1) break;
      v |= static_cast<std::uint64_t>(b & 0x7f) << shift;
      if (b < 0x80) {
        require(b != 0 || shift == 0, "a number longer than needed");
        return v;
      }
    }
    refuse("a number beyond 64 bits");
    return 0;
  }
  std::int64_t natural() {
    const std::uint64_t v = varint();
    require(v <= INT64_MAX, "a number beyond 63 bits");
    return good() ? static_cast<std::int64_t>(v) : 0;
  }
  std::string_view text() {
    const std::uint64_t n = varint();
    return take(n);
  }
  std::string_view filled_text() {
    const std::string_view s = text();
    require(!s.empty(), "an empty field that is present");
    return s;
  }
  std::string_view coded(std::span<const std::string_view> table) {
    const std::uint8_t code = byte();
    if (code >= table.size()) refuse("an unknown code");
    if (!good()) return {};
    if (code != 0) return table[code];
    const std::string_view s = text();
    for (std::size_t i = 1; i < table.size(); ++i) require(s != table[i], "a text that has a code");
    return s;
  }
  std::vector<std::string> list() {
    const std::uint64_t n = varint();
    require(n > 0, "an empty field that is present");
    require(n <= rest_.size(), "cut short");
    std::vector<std::string> l;
    if (!good()) return l;
    l.reserve(std::min<std::uint64_t>(n, 64));
    for (std::uint64_t i = 0; i < n && good(); ++i) l.emplace_back(text());
    return l;
  }
  Mac mac() {
    Mac m{};
    const std::string_view s = take(m.size());
    if (!s.empty()) std::memcpy(m.data(), s.data(), m.size());
    return m;
  }
  std::string_view tree() {
    const std::string_view s = filled_text();
    if (good() && !tree::validate(s)) refuse("a tree that is malformed");
    return s;
  }

  Actor actor() {
    Actor a;
    const std::uint64_t bits = varint();
    require((bits & ~std::uint64_t{kAllOfActor}) == 0, "unknown fields");
    const auto only_one = [&](std::uint64_t both) {
      require((bits & both) != both, "fields that exclude each other");
    };
    only_one(kTokenPolicies | kTokenPoliciesSame);
    only_one(kGranting | kGrantingSame);
    only_one(kAllowed | kRefused);
    if (bits & kToken) a.client_token = mac();
    if (bits & kAccessor) a.accessor = mac();
    if (bits & kDisplayName) a.display_name = filled_text();
    if (bits & kPolicies) a.policies = list();
    if (bits & (kTokenPoliciesSame | kGrantingSame))
      require(!a.policies.empty(), "policies that are the same as none");
    if (bits & kTokenPolicies) a.token_policies = list();
    require(a.token_policies.empty() || a.token_policies != a.policies, "a list longer than needed");
    if (bits & kTokenPoliciesSame) a.token_policies = a.policies;
    if (bits & kIdentityPolicies) a.identity_policies = list();
    if (bits & kGranting) a.granting_policies = list();
    require(a.granting_policies.empty() || a.granting_policies != a.policies, "a list longer than needed");
    if (bits & kGrantingSame) a.granting_policies = a.policies;
    if (bits & kTokenType) {
      a.token_type = coded(kTokenTypes);
      require(!a.token_type.empty(), "an empty field that is present");
    }
    if (bits & kEntity) a.entity_id = filled_text();
    if (bits & kIssueTime) a.issue_time = filled_text();
    if (bits & kTtl) a.token_ttl = positive();
    if (bits & kUses) a.remaining_uses = positive();
    if (bits & kMetadata) {
      const std::uint64_t n = varint();
      require(n > 0, "an empty field that is present");
      require(n <= rest_.size(), "cut short");
      for (std::uint64_t i = 0; i < n && good(); ++i) {
        const std::string_view name = text();
        a.metadata.emplace_back(name, text());
      }
    }
    if (bits & kAllowed) a.verdict = Actor::Verdict::allowed;
    if (bits & kRefused) a.verdict = Actor::Verdict::refused;
    a.entity_created = (bits & kEntityCreated) != 0;
    if (bits & kHome) a.namespace_id = filled_text();
    return a;
  }

  Record record() {
    Record r;
    require(byte() == kVersion, "a version this server does not know");
    const std::uint8_t kind = byte();
    require((kind & 15) <= 2 && kind >> 4 <= 2, "an unknown kind");
    r.what = static_cast<What>(kind & 15);
    r.mark = static_cast<Mark>(kind >> 4);
    const std::uint64_t bits = varint();
    require((bits & ~std::uint64_t{kAllOfRecord}) == 0, "unknown fields");
    r.time = WallTime(Nanoseconds(static_cast<std::int64_t>(get_be(take(8)))));
    r.response_time = Nanoseconds(natural());
    if (const std::string_view id = take(r.request_id.size()); !id.empty())
      std::memcpy(r.request_id.data(), id.data(), id.size());
    r.operation = coded(kOperations);
    r.path = text();
    if (bits & kRevision) {
      r.revision = varint();
      require(r.revision != 0, "an empty field that is present");
    }
    if (bits & kNamespace) {
      r.namespace_id = text();
      r.namespace_path = text();
      require(r.namespace_id != "root" || !r.namespace_path.empty(), "an empty field that is present");
    }
    if (bits & kMount) {
      r.mount.point = text();
      r.mount.type = text();
      r.mount.accessor = text();
      r.mount.clazz = coded(kClasses);
      require(r.mount != MountRef{}, "an empty field that is present");
    }
    if (bits & kRemote) {
      r.remote_address = text();
      const std::uint64_t port = varint();
      require(port <= 65535, "a port beyond 65535");
      require(port != 0 || !r.remote_address.empty(), "an empty field that is present");
      r.remote_port = static_cast<std::uint16_t>(port);
    }
    if (bits & kWrapTtl) r.wrap_ttl = positive();
    if (bits & kActor) r.actor = actor();
    require((bits & kPresented) == 0 || (bits & kPresentedIsActors) == 0, "fields that exclude each other");
    if (bits & kPresented) {
      r.presented_token = mac();
      require(!r.actor || r.actor->client_token != r.presented_token, "a MAC longer than needed");
    }
    if (bits & kPresentedIsActors) {
      require(r.actor && r.actor->client_token, "the token of nobody");
      if (good()) r.presented_token = r.actor->client_token;
    }
    if (bits & kRequest) r.request = tree();
    if (bits & kOutcome) {
      r.outcome = text();
      require(r.outcome != "ok", "a text longer than needed");
    }
    if (bits & kError) r.error = filled_text();
    if (bits & kResponse) r.response = tree();
    if (bits & kIssued) r.issued = actor();
    if (bits & kWarnings) r.warnings = list();
    if (bits & kLease) r.lease = text();
    if (bits & kCount) {
      r.count = varint();
      require(r.count != 0, "an empty field that is present");
    }
    if (bits & kHeaders) r.headers = tree();
    if (bits & kWrapped) {
      Wrapped& w = r.wrapped.emplace();
      w.token = mac();
      w.accessor = mac();
      w.ttl = natural();
      w.creation_time = text();
      w.creation_path = text();
      const std::uint8_t more = byte();
      require(more <= 1, "an unknown code");
      if (more == 1) w.wrapped_accessor = mac();
    }
    require(rest_.empty(), "bytes after the end");
    return r;
  }

 private:
  std::int64_t positive() {
    const std::int64_t v = natural();
    require(v > 0, "an empty field that is present");
    return v;
  }

  std::string_view rest_;
  const char* fault_ = nullptr;
};

std::size_t encoded_size(const Record& r) {
  std::string out;
  Encoder(out).record(r);
  return out.size();
}

void cut(std::string& s, std::size_t most) {
  if (s.size() > most) s.resize(most);
}
void cut(std::vector<std::string>& l, std::size_t most, std::size_t each) {
  if (l.size() > most) l.resize(most);
  for (std::string& s : l) cut(s, each);
}
void cut(Actor& a) {
  cut(a.display_name, 512);
  cut(a.policies, 16, 128);
  cut(a.token_policies, 16, 128);
  cut(a.identity_policies, 16, 128);
  cut(a.granting_policies, 16, 128);
  cut(a.token_type, 64);
  cut(a.entity_id, 256);
  cut(a.issue_time, 64);
  cut(a.namespace_id, 256);
  if (a.metadata.size() > 8) a.metadata.resize(8);
  for (auto& [name, value] : a.metadata) {
    cut(name, 128);
    cut(value, 256);
  }
}

void to_digest(Tree& t, const Digester& digest) {
  const Mac value = digest(t);
  const std::uint64_t count = tree::members(t);
  t.clear();
  tree::Writer(t).digest(value, count);
}

constexpr std::size_t kMostDigest = 64;  // bytes of a tree that is a digest

}  // namespace

void bound(Record& r, const Digester& digest) {
  Tree* trees[] = {&r.response, &r.request, &r.headers};
  while (encoded_size(r) > kMostRecord) {
    Tree& largest = **std::ranges::max_element(trees, {}, [](const Tree* t) { return t->size(); });
    if (largest.size() <= kMostDigest) break;
    to_digest(largest, digest);
  }
  if (encoded_size(r) <= kMostRecord) return;
  // What is left are texts beyond every limit the core has: keep who, what and where.
  cut(r.operation, 64);
  cut(r.namespace_id, 256);
  cut(r.namespace_path, 4096);
  cut(r.path, 4096);
  cut(r.mount.point, 4096);
  cut(r.mount.type, 128);
  cut(r.mount.accessor, 256);
  cut(r.mount.clazz, 64);
  cut(r.remote_address, 256);
  cut(r.outcome, 64);
  cut(r.error, 2048);
  cut(r.warnings, 8, 512);
  if (r.actor) cut(*r.actor);
  if (r.issued) cut(*r.issued);
  if (r.lease) cut(*r.lease, 4096);
  if (r.wrapped) {
    cut(r.wrapped->creation_time, 64);
    cut(r.wrapped->creation_path, 4096);
  }
}

void encode_onto(std::string& out, const Record& record) {
  const std::size_t start = out.size();
  Encoder(out).record(record);
  if (out.size() - start <= kMostRecord) return;
  out.resize(start);
  Record smaller = record;
  bound(smaller, [](std::string_view t) { return crypto::sha256(as_view(t)); });
  Encoder(out).record(smaller);
}

std::string encode(const Record& record) {
  std::string out;
  out.reserve(512);
  encode_onto(out, record);
  return out;
}

Result<Record> decode(std::string_view bytes) {
  if (bytes.size() > kMostRecord) return fail(Code::corrupt, "audit record: too long");
  Decoder decoder(bytes);
  Record r = decoder.record();
  if (!decoder.good()) return fail(Code::corrupt, std::string("audit record: ") + decoder.fault());
  return r;
}

}  // namespace strongroom::audit
