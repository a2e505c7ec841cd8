#include "system/sys/metrics.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "schema/json.h"

namespace strongroom::system::sys {
namespace {
using engine::route;
using engine::Verb;
using metrics::Distribution;
using metrics::Family;
using metrics::Kind;
using metrics::Labels;
using metrics::Sample;
using schema::field;

// Values of labels come from the server alone, but a version or a cluster's name may hold anything.
std::string escaped(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (c == '\\' || c == '"') out += '\\';
    if (c == '\n')
      out += "\\n";
    else
      out += c;
  }
  return out;
}

std::string labels_text(const Labels& labels, std::string_view more = {}) {
  std::string out;
  for (const auto& [name, value] : labels)
    out += fmt::format("{}{}=\"{}\"", out.empty() ? "" : ",", name, escaped(value));
  if (!more.empty()) out += fmt::format("{}{}", out.empty() ? "" : ",", more);
  return out.empty() ? out : "{" + out + "}";
}

void write_prometheus(std::string& out, const Family& f, const Sample& s) {
  auto to = std::back_inserter(out);
  if (f.kind == Kind::counter || f.kind == Kind::gauge) {
    fmt::format_to(to, "{}{} {}\n", f.name, labels_text(s.labels), s.value);
    return;
  }
  const Distribution& d = s.distribution;
  if (f.kind == Kind::histogram) {
    for (const auto& b : d.buckets)
      fmt::format_to(to, "{}_bucket{} {}\n", f.name, labels_text(s.labels, fmt::format("le=\"{}\"", b.most)),
                     b.count);
    fmt::format_to(to, "{}_bucket{} {}\n", f.name, labels_text(s.labels, "le=\"+Inf\""), d.count);
  }
  if (f.kind == Kind::summary)
    for (const double part : {0.5, 0.9, 0.99}) {
      const double value = metrics::quantile(d.buckets, s.recent, part);
      fmt::format_to(to, "{}{} {}\n", f.name, labels_text(s.labels, fmt::format("quantile=\"{}\"", part)),
                     std::isnan(value) ? "NaN" : fmt::format("{}", value));
    }
  fmt::format_to(to, "{}_sum{} {}\n", f.name, labels_text(s.labels), d.sum);
  fmt::format_to(to, "{}_count{} {}\n", f.name, labels_text(s.labels), d.count);
}

void write_number(json::Writer& w, double value) { w.raw(fmt::format("{}", value)); }

void write_labels(json::Writer& w, const Labels& labels) {
  w.key("Labels");
  w.begin_object();
  for (const auto& [name, value] : labels) {
    w.key(name);
    w.string(value);
  }
  w.end_object();
}

void write_gauge(json::Writer& w, std::string_view name, const Sample& s) {
  w.begin_object();
  w.key("Name");
  w.string(name);
  w.key("Value");
  write_number(w, s.value);
  write_labels(w, s.labels);
  w.end_object();
}

// A sampled value of Vault's JSON. Least, largest and spread are not kept.
void write_sampled(json::Writer& w, std::string_view name, double count, double sum, const Labels& labels) {
  w.begin_object();
  w.key("Name");
  w.string(name);
  w.key("Count");
  write_number(w, count);
  w.key("Rate");
  w.integer(0);
  w.key("Sum");
  write_number(w, sum);
  w.key("Min");
  w.integer(0);
  w.key("Max");
  w.integer(0);
  w.key("Mean");
  write_number(w, count == 0 ? 0 : sum / count);
  w.key("Stddev");
  w.integer(0);
  write_labels(w, labels);
  w.end_object();
}

}  // namespace

std::string prometheus_text(const metrics::Registry& all) {
  std::string out;
  for (const Family& f : all.families()) {
    fmt::format_to(std::back_inserter(out), "# HELP {} {}{}{}\n# TYPE {} {}\n", f.name, f.help,
                   f.labels.empty() ? "" : " Labels: ", fmt::join(f.labels, ", "), f.name, name(f.kind));
    for (const Sample& s : f.read()) write_prometheus(out, f, s);
  }
  return out;
}

SecretText vault_json(const metrics::Registry& all, WallTime now) {
  SecretText gauges, counters, samples;
  json::Writer g(gauges), c(counters), s(samples);
  for (auto* w : {&g, &c, &s}) w->begin_array();
  for (const Family& f : all.families()) {
    const std::string_view named = f.dotted.empty() ? f.name : f.dotted;
    for (const Sample& one : f.read()) {
      switch (f.kind) {
        case Kind::gauge:
          write_gauge(g, named, one);
          break;
        case Kind::counter:
          write_sampled(c, named, one.value, one.value, one.labels);
          break;
        case Kind::histogram:
        case Kind::summary:
          write_sampled(s, named, static_cast<double>(one.distribution.count), one.distribution.sum,
                        one.labels);
          break;
      }
    }
  }
  for (auto* w : {&g, &c, &s}) w->end_array();
  SecretText out;
  json::Writer w(out);
  w.begin_object();
  w.key("Timestamp");
  const auto seconds = std::chrono::floor<Seconds>(now);
  const auto day = std::chrono::floor<std::chrono::days>(seconds);
  const std::chrono::year_month_day date(day);
  const std::chrono::hh_mm_ss time(seconds - day);
  w.string(fmt::format("{:04}-{:02}-{:02} {:02}:{:02}:{:02} +0000 UTC", static_cast<int>(date.year()),
                       static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()),
                       time.hours().count(), time.minutes().count(), time.seconds().count()));
  w.key("Gauges");
  w.raw(view(gauges));
  w.key("Points");
  w.raw("[]");
  w.key("Counters");
  w.raw(view(counters));
  w.key("Samples");
  w.raw(view(samples));
  w.end_object();
  return out;
}

struct Metrics::Query {
  std::string format;
  static constexpr auto fields() {
    return std::array{field<&Query::format>(
        "format", "prometheus for the text that Prometheus reads; absent: JSON.", schema::plain)};
  }
};

Result<schema::Empty> Metrics::metrics(engine::Blocking& p, const Query& in) const {
  p.aside.frame = engine::Frame::raw;
  if (in.format == "prometheus") {
    p.aside.content_type = "text/plain; version=0.0.4; charset=utf-8";
    p.aside.text = SecretText(prometheus_text(*registry_));
  } else if (in.format.empty()) {
    p.aside.text = vault_json(*registry_, p.now);
  } else {
    p.aside.status = 400;
    p.aside.content_type = "text/plain";
    const bool word = in.format.size() <= 32 && std::ranges::all_of(in.format, [](char c) {
                        return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_' || c == '-';
                      });
    p.aside.text = SecretText(word ? fmt::format("metric response format \"{}\" unknown", in.format)
                                   : std::string("metric response format unknown"));
  }
  return schema::Empty{};
}

namespace {
constexpr std::array kRoutes{
    route<&Metrics::metrics>(Verb::read, "metrics", "What the server counts", engine::by_listener, "metrics"),
};
}  // namespace
std::span<const engine::Route> Metrics::routes(const engine::MountView&) const { return kRoutes; }

}  // namespace strongroom::system::sys
