// Random requests against version 2 and against a model that keeps everything in plain containers.
#include <gtest/gtest.h>

#include <random>
#include <set>

#include "engines/kv/driver.h"

namespace strongroom::engines::kv {
namespace {

struct ModelVersion {
  std::string payload;
  WallTime deletion{};
  bool destroyed = false;
};
struct ModelSecret {
  std::map<std::uint64_t, ModelVersion> versions;
  std::uint64_t current = 0, oldest = 0;
  std::uint32_t most = 0;
  bool cas_required = false;
};

class Model {
 public:
  std::map<std::string, ModelSecret> secrets;
  std::uint32_t most = 0;
  int life = 0;  // seconds

  void add(const std::string& name, std::string payload, WallTime now) {
    auto& s = secrets[name];
    ++s.current;
    s.versions[s.current] = {std::move(payload), life == 0 ? WallTime{} : now + Seconds{life}, false};
    auto keep = std::max(most, s.most);
    if (keep == 0) keep = 10;
    if (s.current - s.oldest >= keep) s.oldest = s.current - keep + 1;
    std::erase_if(s.versions, [&](const auto& v) { return v.first < s.oldest; });
  }
  static bool gone(const ModelVersion& v, WallTime now) {
    return v.destroyed || (v.deletion != WallTime{} && v.deletion <= now);
  }
};

class Walk {
 public:
  explicit Walk(unsigned seed) : dice_(seed) {}

  void step() {
    if (dice_() % 8 == 0) kv_.now += Seconds{dice_() % 30};
    const std::string name = std::array{"a", "b", "d/e", "d/f", "d"}[dice_() % 5];
    auto& secrets = model_.secrets;
    const auto found = secrets.find(name);
    const bool there = found != secrets.end();
    switch (dice_() % 12) {
      case 0:
      case 1:
      case 2: {
        const auto payload = "{\"n\":" + std::to_string(dice_()) + "}";
        const auto current = there ? found->second.current : 0;
        std::string body = "{\"data\":" + payload;
        bool fits = !(there && found->second.cas_required);
        if (dice_() % 2 == 0) {
          const auto cas = dice_() % 3 == 0 ? dice_() % 4 : current;
          body += ",\"options\":{\"cas\":" + std::to_string(cas) + "}";
          fits = cas == current;
        }
        const auto r = kv_.write("data/" + name, body + "}");
        ASSERT_EQ(r.status, fits ? 200 : 400) << r.error;
        ASSERT_EQ(r.created, !there);
        if (fits) model_.add(name, payload, kv_.now);
        break;
      }
      case 3: {
        const auto member = "\"m" + std::to_string(dice_() % 3) + "\":" + std::to_string(dice_() % 9);
        const bool needs_cas = there && found->second.cas_required;
        const auto r = kv_.patch("data/" + name, "{\"data\":{" + member + "}}");
        if (!there || found->second.current == 0) {
          ASSERT_EQ(r.status, 404);
          ASSERT_EQ(r.aside.frame, engine::Frame::empty_missing);
        } else if (needs_cas) {
          ASSERT_EQ(r.status, 400);
        } else if (Model::gone(found->second.versions.rbegin()->second, kv_.now)) {
          ASSERT_EQ(r.status, 404);
          ASSERT_EQ(r.aside.frame, engine::Frame::missing);
        } else {
          ASSERT_EQ(r.status, 200) << r.error;
          const auto after = kv_.read("data/" + name);
          const auto now = json::Doc::parse(after.data);
          ASSERT_TRUE(now);
          const auto payload = std::string(now->root().find("data")->source());
          ASSERT_NE(payload.find(member), payload.npos);
          model_.add(name, payload, kv_.now - std::chrono::milliseconds{1});
        }
        break;
      }
      case 4:
        ASSERT_EQ(kv_.erase("data/" + name).status, 204);
        if (there && !found->second.versions.empty()) remove(found->second.versions.rbegin()->second);
        break;
      case 5:
      case 6: {
        const auto what = std::array{"delete/", "undelete/", "destroy/"}[dice_() % 3];
        const auto seq = 1 + dice_() % 15;
        ASSERT_EQ(kv_.write(what + name, "{\"versions\":[" + std::to_string(seq) + "]}").status, 204);
        if (!there || !found->second.versions.contains(seq)) break;
        auto& v = found->second.versions[seq];
        if (*what == 'u' && !v.destroyed) v.deletion = {};
        if (std::string_view(what) == "destroy/") v.destroyed = true;
        if (std::string_view(what) == "delete/") remove(v);
        break;
      }
      case 7: {
        const auto most = dice_() % 5;
        const bool cas = dice_() % 4 == 0;
        ASSERT_EQ(kv_.write("metadata/" + name, "{\"max_versions\":" + std::to_string(most) +
                                                    ",\"cas_required\":" + (cas ? "true}" : "false}"))
                      .status,
                  204);
        secrets[name].most = static_cast<std::uint32_t>(most);
        secrets[name].cas_required = cas;
        break;
      }
      case 8:
        if (dice_() % 4 == 0) {
          ASSERT_EQ(kv_.erase("metadata/" + name).status, 204);
          secrets.erase(name);
        }
        break;
      case 9: {
        model_.most = static_cast<std::uint32_t>(dice_() % 4);
        model_.life = static_cast<int>(dice_() % 3 * 20);
        ASSERT_EQ(kv_.write("config", "{\"max_versions\":" + std::to_string(model_.most) +
                                          ",\"delete_version_after\":" + std::to_string(model_.life) + "}")
                      .status,
                  204);
        break;
      }
      default:
        compare(name);
    }
  }

  void compare(const std::string& name) {
    const auto found = model_.secrets.find(name);
    for (std::uint64_t seq = 0; seq < 20; ++seq) {
      const auto r = kv_.read("data/" + name, {{"version", std::to_string(seq)}});
      const ModelVersion* want = nullptr;
      if (found != model_.secrets.end()) {
        const auto& versions = found->second.versions;
        const auto at = versions.find(seq == 0 ? found->second.current : seq);
        if (at != versions.end()) want = &at->second;
      }
      if (want == nullptr) {
        ASSERT_EQ(r.status, 404);
        ASSERT_TRUE(r.data.empty());
      } else if (Model::gone(*want, kv_.now)) {
        ASSERT_EQ(r.status, 404);
        ASSERT_NE(r.data.find("{\"data\":null,"), r.data.npos);
      } else {
        ASSERT_EQ(r.status, 200);
        ASSERT_EQ(r.data.find("{\"data\":" + want->payload + ","), 0u) << r.data;
      }
    }
  }

  void compare_all() {
    std::set<std::string> top;
    for (const auto& [name, s] : model_.secrets) {
      compare(name);
      top.insert(name.substr(0, name.find('/') + 1).empty() ? name : name.substr(0, name.find('/') + 1));
      // Nothing is left in the storage but metadata and what can still be read or undeleted.
      std::size_t payloads = 0;
      for (const auto& [seq, v] : s.versions) payloads += v.destroyed ? 0 : 1;
      const auto* records = kv_.storage.records(*kv_.storage.node(0, name));
      ASSERT_NE(records, nullptr);
      ASSERT_EQ(records->size(), payloads + 1);
    }
    std::string keys;
    for (const auto& name : top) keys += (keys.empty() ? "[\"" : ",\"") + name + "\"";
    const auto r = kv_.list("metadata/");
    if (top.empty())
      ASSERT_EQ(r.status, 404);
    else
      ASSERT_EQ(r.data, "{\"keys\":" + keys + "]}");
  }

 private:
  void remove(ModelVersion& v) {
    if (!Model::gone(v, kv_.now)) v.deletion = kv_.now;
  }
  std::mt19937 dice_;
  Driver kv_{"2"};
  Model model_;
};

TEST(KvModel, AgreesOverRandomRequests) {
  const auto seed = std::random_device{}();
  SCOPED_TRACE("seed " + std::to_string(seed));
  for (unsigned round = 0; round < 20; ++round) {
    Walk walk(seed + round);
    for (int i = 0; i < 400; ++i) {
      walk.step();
      if (testing::Test::HasFatalFailure()) return;
    }
    walk.compare_all();
    if (testing::Test::HasFatalFailure()) return;
  }
}

}  // namespace
}  // namespace strongroom::engines::kv
