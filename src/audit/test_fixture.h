// For the tests of the audit log: an environment without a wall clock, keys from nowhere, records that look
// like those of a KV engine.
#pragma once
#include <filesystem>
#include <future>
#include <string>

#include "audit/log.h"
#include "audit/tree.h"
#include "crypto/sha256.h"

namespace strongroom::audit::test {

class StillClock final : public Clock {
 public:
  WallTime now() const noexcept override { return WallTime(Seconds(1'800'000'000)); }
  MonoTime ticks() const noexcept override { return MonoTime(Seconds(1'000)); }
};
class NoRandom final : public Random {
 public:
  void fill(std::span<std::byte> out) noexcept override {
    for (std::byte& b : out) b = std::byte{7};
  }
};
class NoWorkers final : public Workers {
 public:
  Status submit(Lane, Job) override { return fail(Code::unavailable, "no workers"); }
};
struct World {
  StillClock clock;
  NoRandom random;
  NoWorkers workers;
  NoLog log;
  Env env{clock, random, workers, log};
};

class FixedKeys final : public SegmentKeys {
 public:
  explicit FixedKeys(char seed = 's') : seed_(seed) {}
  Result<Secret> segment_key(std::uint64_t segment) const override {
    return Secret::copy_of(View(crypto::sha256(as_view("segment " + std::to_string(segment) + seed_))));
  }
  Result<Secret> signing_key() const override {
    return Secret::copy_of(View(crypto::sha256(as_view(std::string("sign") + seed_))));
  }

 private:
  char seed_;
};
inline const std::string kStoreId = "0123456789abcdef";

inline Mac mac_of(std::string_view s) { return crypto::sha256(as_view(s)); }

// A read of a KV secret of two fields, as the core records it.
inline Record kv_read(std::uint64_t n = 0) {
  Record r;
  r.time = WallTime(Nanoseconds(1'800'000'000'123'456'789 + static_cast<std::int64_t>(n)));
  r.response_time = Nanoseconds(123'456);
  for (std::size_t i = 0; i < 16; ++i) r.request_id[i] = static_cast<std::byte>(n * 31 + i * 17);
  r.operation = "read";
  r.path = "secret/data/team/app/database-" + std::to_string(n % 1000);
  r.mount = {"secret/", "kv", "kv_1a2b3c4d", "secret"};
  r.remote_address = "10.20.30.40";
  r.remote_port = 54321;
  Actor a;
  a.client_token = mac_of("token");
  a.accessor = mac_of("accessor");
  a.display_name = "approle";
  a.policies = {"default", "app-read"};
  a.token_policies = a.policies;
  a.granting_policies = {"app-read"};
  a.token_type = "service";
  a.issue_time = "2026-11-25T01:02:03Z";
  a.token_ttl = 3600;
  a.verdict = Actor::Verdict::allowed;
  r.presented_token = a.client_token;
  r.actor = std::move(a);
  tree::Writer w(r.response);
  w.begin_map();
  w.key("data");
  w.begin_map();
  w.key("password");
  w.mac(mac_of("p" + std::to_string(n)));
  w.key("username");
  w.mac(mac_of("u" + std::to_string(n)));
  w.end_map();
  w.key("metadata");
  w.begin_map();
  w.key("created_time");
  w.text("2026-11-25T01:02:03.123456789Z");
  w.key("custom_metadata");
  w.null();
  w.key("deletion_time");
  w.text("");
  w.key("destroyed");
  w.boolean(false);
  w.key("version");
  w.integer(3);
  w.end_map();
  w.end_map();
  return r;
}

inline Record small(std::uint64_t n, std::uint64_t revision = 0) {
  Record r;
  r.time = WallTime(Seconds(1'800'000'000 + static_cast<std::int64_t>(n)));
  r.operation = "read";
  r.path = "p/" + std::to_string(n);
  r.revision = revision;
  return r;
}

// Appends and waits.
inline Status put(Log& log, Record r) {
  std::promise<Status> done;
  auto answer = done.get_future();
  log.append(std::move(r), [&done](Status s) { done.set_value(std::move(s)); });
  return answer.get();
}

class Folder {
 public:
  Folder() {
    std::string name = (std::filesystem::temp_directory_path() / "sr-audit-XXXXXX").native();
    path_ = ::mkdtemp(name.data());
  }
  ~Folder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;
  const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
};

inline LogLimits tiny() {  // several segments after a few records, nothing in the background
  LogLimits l;
  l.segment_bytes = 300;
  l.fill_step = 0;
  l.reserve_bytes = 0;
  l.group_bytes = 1;  // each record a group
  return l;
}

}  // namespace strongroom::audit::test
