#include "apps/cli/flags.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <charconv>
#include <numeric>

#include "base/text.h"
#include "base/time.h"

namespace strongroom::apps::cli {
namespace {

std::optional<std::int64_t> whole(std::string_view s) {
  std::int64_t v = 0;
  const auto [end, error] = std::from_chars(s.data(), s.data() + s.size(), v);
  if (error != std::errc{} || end != s.data() + s.size()) return std::nullopt;
  return v;
}

Status check(const Flag& flag, std::string_view value) {
  const auto bad = [&](std::string_view wants) {
    return fail(Code::invalid_argument,
                fmt::format("invalid value for flag -{}: it takes {}", flag.name, wants));
  };
  switch (flag.takes) {
    case Takes::nothing:
      if (!parse_bool(value)) return bad("nothing, =true or =false");
      break;
    case Takes::number:
      if (!whole(value)) return bad("a whole number");
      break;
    case Takes::duration:
      if (!parse_duration(value)) return bad("a duration like 30s, 1h30m or 7d, or seconds");
      break;
    case Takes::pairs:
      if (value.find('=') == std::string_view::npos) return bad("KEY=VALUE");
      break;
    case Takes::text:
    case Takes::texts:
      break;
  }
  return {};
}

}  // namespace

std::string_view nearest(std::string_view typed, std::span<const std::string_view> names) {
  std::string_view best;
  std::size_t best_distance = (typed.size() + 2) / 3 + 1;
  std::vector<std::size_t> row(typed.size() + 1);
  for (const std::string_view name : names) {
    std::iota(row.begin(), row.end(), std::size_t{0});
    for (std::size_t i = 0; i < name.size(); ++i) {
      std::size_t corner = row[0]++;
      for (std::size_t j = 0; j < typed.size(); ++j) {
        const std::size_t swapped = corner + (name[i] == typed[j] ? 0 : 1);
        corner = row[j + 1];
        row[j + 1] = std::min({swapped, corner + 1, row[j] + 1});
      }
    }
    if (row.back() < best_distance) {
      best_distance = row.back();
      best = name;
    }
  }
  return best;
}

Result<Flags> Flags::parse(std::span<const Flag> known, std::span<const std::string_view> arguments) {
  Flags flags;
  std::size_t at = 0;
  for (; at < arguments.size(); ++at) {
    std::string_view arg = arguments[at];
    if (arg.size() < 2 || arg[0] != '-') break;
    if (arg == "--") {
      ++at;
      break;
    }
    arg.remove_prefix(arg[1] == '-' ? 2 : 1);
    const auto equals = arg.find('=');
    const std::string_view name = arg.substr(0, equals);
    const auto found = std::find_if(known.begin(), known.end(), [&](const Flag& f) {
      return f.name == name || (!f.alias.empty() && f.alias == name);
    });
    if (found == known.end()) {
      std::vector<std::string_view> names;
      for (const Flag& f : known) names.push_back(f.name);
      const std::string_view near = nearest(name, names);
      return fail(
          Code::invalid_argument,
          fmt::format("flag provided but not defined: -{}{}{}", name,
                      near.empty() ? "" : fmt::format("\nDid you mean -{}?", near),
                      names.empty() ? "" : fmt::format("\nThe flags here are: -{}", fmt::join(names, " -"))));
    }
    std::string_view value;
    if (equals != std::string_view::npos) {
      value = arg.substr(equals + 1);
    } else if (found->takes == Takes::nothing) {
      value = "true";
    } else if (at + 1 < arguments.size()) {
      value = arguments[++at];
    } else {
      return fail(Code::invalid_argument, fmt::format("flag needs an argument: -{}", name));
    }
    SR_TRY(check(*found, value));
    auto& values = flags.values_[found->name];
    if (found->takes != Takes::texts && found->takes != Takes::pairs) values.clear();
    values.push_back(value);
  }
  flags.rest_.assign(arguments.begin() + static_cast<std::ptrdiff_t>(at), arguments.end());
  return flags;
}

bool Flags::on(std::string_view name) const { return choice(name).value_or(false); }

std::optional<bool> Flags::choice(std::string_view name) const {
  const auto v = text(name);
  return v ? parse_bool(*v) : std::nullopt;
}

std::optional<std::string_view> Flags::text(std::string_view name) const {
  const auto found = values_.find(name);
  if (found == values_.end() || found->second.empty()) return std::nullopt;
  return found->second.back();
}

std::optional<std::int64_t> Flags::number(std::string_view name) const {
  const auto v = text(name);
  return v ? whole(*v) : std::nullopt;
}

std::optional<std::string> Flags::duration(std::string_view name) const {
  const auto v = text(name);
  const auto parsed = v ? parse_duration(*v) : std::nullopt;
  if (!parsed) return std::nullopt;
  return go_duration(*parsed);
}

std::optional<std::int64_t> Flags::seconds(std::string_view name) const {
  const auto v = text(name);
  const auto parsed = v ? parse_duration(*v) : std::nullopt;
  if (!parsed) return std::nullopt;
  return std::chrono::duration_cast<Seconds>(*parsed).count();
}

std::vector<std::string_view> Flags::texts(std::string_view name) const {
  const auto found = values_.find(name);
  return found == values_.end() ? std::vector<std::string_view>{} : found->second;
}

std::vector<std::pair<std::string_view, std::string_view>> Flags::pairs(std::string_view name) const {
  std::vector<std::pair<std::string_view, std::string_view>> out;
  for (const std::string_view v : texts(name)) {
    const auto equals = v.find('=');
    out.emplace_back(v.substr(0, equals), v.substr(equals + 1));
  }
  return out;
}

std::vector<std::string_view> Flags::late() const {
  std::vector<std::string_view> out;
  for (const std::string_view arg : rest_)
    if (arg.size() > 1 && arg[0] == '-') out.push_back(arg);
  return out;
}

}  // namespace strongroom::apps::cli
